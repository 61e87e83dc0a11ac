/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>

#include "server/core/guesses.h"
#include "server/store/layout.h"
#include "tests/support/core_fixture.h"

#define MINUTE ((lk_time_ms)60 * 1000)
#define DAY (24 * 60 * MINUTE)

struct guessing {
	struct fixture f;
	struct lk_committer *committer;
	struct lk_guesses *guesses;
};

static void start(struct guessing *g)
{
	struct lk_committer_options options = { 0 };

	fixture_init(&g->f);
	options.store = g->f.store;
	CHECK_OK(lk_committer_start(&options, &g->committer));
	CHECK_OK(lk_guesses_new(&g->f.peppers, &g->guesses));
}

static void stop(struct guessing *g)
{
	lk_guesses_free(g->guesses);
	lk_committer_stop(g->committer);
	fixture_fini(&g->f);
}

/* As after a start of the process. */
static void start_again(struct guessing *g)
{
	lk_guesses_free(g->guesses);
	CHECK_OK(lk_guesses_new(&g->f.peppers, &g->guesses));
	CHECK_OK(lk_counters_load(lk_guesses_counters(g->guesses), g->f.store));
}

struct attempt {
	struct lk_guess guess;
	struct lk_address address;
};

static void set(struct attempt *attempt, const char *account, const char *address)
{
	*attempt = (struct attempt) {
		.guess = { .realm = text_of("crm"), .account = text_of(account), .now = NOW }
	};
	if (address == NULL)
		return;
	CHECK(lk_address_parse(text_of(address), &attempt->address));
	attempt->guess.address = &attempt->address;
}

/* An address of its own for each n. */
static void set_nth(struct attempt *attempt, const char *account, unsigned n)
{
	char address[32];

	snprintf(address, sizeof address, "10.0.%u.%u", n / 256, n % 256);
	set(attempt, account, address);
}

/* How many of these attempts are let through before the first that is not. */
static unsigned count_allowed(struct guessing *g, struct attempt *attempt)
{
	unsigned n = 0;

	while (n < 1000 && lk_guess_begin(g->guesses, &attempt->guess).code == LK_OK)
		n++;
	return n;
}

/* Uses up what the account has in a day, from networks that are new each. */
static void fill_account(struct guessing *g, const char *account)
{
	struct attempt attempt;

	for (unsigned n = 0; n < LK_GUESSES_ACCOUNT_MAX; n++) {
		set_nth(&attempt, account, n);
		CHECK_OK(lk_guess_begin(g->guesses, &attempt.guess));
	}
}

TEST(an_account_is_guessed_at_ten_times_from_a_network)
{
	struct guessing g;
	struct attempt attempt;
	struct lk_status st;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), LK_GUESSES_ACCOUNT_NETWORK_MAX);
	st = lk_guess_begin(g.guesses, &attempt.guess);
	CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(st.reason, LK_TOO_MANY_ATTEMPTS);
	CHECK_EQ(st.retry_ms, 90 * 1000);
	stop(&g);
}

TEST(a_network_guesses_twenty_times_whatever_the_accounts)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	set(&attempt, "bob@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	set(&attempt, "eve@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 0);
	set(&attempt, "eve@example.org", "192.0.2.2");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	stop(&g);
}

TEST(all_of_a_64_of_ipv6_is_one_network)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	set(&attempt, "ada@example.org", "2001:db8:0:1::1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	set(&attempt, "ada@example.org", "2001:db8:0:1:ffff::2");
	CHECK_EQ(count_allowed(&g, &attempt), 0);
	set(&attempt, "ada@example.org", "2001:db8:0:2::1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	stop(&g);
}

TEST(realms_do_not_share_counters)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	attempt.guess.realm = text_of("other");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	stop(&g);
}

TEST(an_account_is_guessed_at_a_hundred_times_a_day_from_anywhere)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	fill_account(&g, "ada@example.org");
	set_nth(&attempt, "ada@example.org", 200);
	CHECK_EQ(count_allowed(&g, &attempt), 0);
	set(&attempt, "ada@example.org", NULL);
	CHECK_EQ(count_allowed(&g, &attempt), 0);
	stop(&g);
}

TEST(a_full_account_lets_in_whom_it_knows_and_nobody_else)
{
	struct guessing g;
	struct attempt owner, attacker;

	start(&g);
	fill_account(&g, "ada@example.org");
	set_nth(&attacker, "ada@example.org", 200);
	set(&owner, "ada@example.org", "192.0.2.1");
	owner.guess.is_known_network = true;
	/* Nor do their sign-ins make room for others. */
	for (unsigned i = 0; i < 50; i++) {
		CHECK_OK(lk_guess_begin(g.guesses, &owner.guess));
		lk_guess_take_back(g.guesses, &owner.guess);
		CHECK_EQ(count_allowed(&g, &attacker), 0);
	}
	CHECK_EQ(count_allowed(&g, &owner), LK_GUESSES_ACCOUNT_NETWORK_MAX);
	stop(&g);
}

TEST(a_right_password_is_not_counted)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	for (unsigned i = 0; i < 200; i++) {
		CHECK_OK(lk_guess_begin(g.guesses, &attempt.guess));
		lk_guess_take_back(g.guesses, &attempt.guess);
	}
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	stop(&g);
}

TEST(a_counter_empties_evenly)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	attempt.guess.now = NOW + 90 * 1000;
	CHECK_EQ(count_allowed(&g, &attempt), 1);
	attempt.guess.now = NOW + 90 * 1000 + 15 * MINUTE;
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	stop(&g);
}

TEST(a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_the_window)
{
	struct guessing g;
	struct attempt attempt;
	struct lk_status st;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	attempt.guess.now = NOW - 365 * DAY;
	st = lk_guess_begin(g.guesses, &attempt.guess);
	CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	CHECK(st.retry_ms <= 15 * MINUTE);
	stop(&g);
}

TEST(a_reset_frees_an_account_from_all_networks)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	fill_account(&g, "ada@example.org");
	set(&attempt, "bob@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	lk_guesses_reset(g.guesses, text_of("crm"), text_of("ada@example.org"), NULL);
	fill_account(&g, "ada@example.org");
	CHECK_EQ(count_allowed(&g, &attempt), 0);
	stop(&g);
}

TEST(a_reset_frees_an_address)
{
	struct guessing g;
	struct attempt attempt;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	set(&attempt, "bob@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	lk_guesses_reset(g.guesses, text_of("crm"), text_of(""), attempt.guess.address);
	set(&attempt, "eve@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	set(&attempt, "bob@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 0);
	stop(&g);
}

static bool count_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	unsigned *n = arg;

	++*n;
	return true;
}

TEST(counters_outlive_the_process_and_empty_ones_leave_the_store)
{
	struct lk_row prefix = lk_row_of_guess(NULL);
	struct guessing g;
	struct attempt attempt;
	unsigned n = 0;

	start(&g);
	set(&attempt, "ada@example.org", "192.0.2.1");
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	CHECK_OK(lk_counters_flush(lk_guesses_counters(g.guesses), g.committer, NOW));
	start_again(&g);
	CHECK_EQ(count_allowed(&g, &attempt), 0);
	/* It looks for empty ones once in a while. */
	for (unsigned i = 0; i < 100; i++)
		CHECK_OK(lk_counters_flush(
			lk_guesses_counters(g.guesses), g.committer, NOW + 2 * DAY));
	CHECK_OK(lk_store_scan(g.f.store, lk_row_bytes(&prefix), text_of(""), 100, count_row, &n));
	CHECK_EQ(n, 0);
	start_again(&g);
	CHECK_EQ(count_allowed(&g, &attempt), 10);
	stop(&g);
}

static void *guess(void *arg)
{
	struct guessing *g = arg;
	struct attempt attempt;

	set(&attempt, "ada@example.org", "192.0.2.1");
	return (void *)(uintptr_t)count_allowed(g, &attempt);
}

TEST(parallel_guesses_do_not_slip_through)
{
	struct guessing g;
	pthread_t threads[8];
	uintptr_t sum = 0;

	start(&g);
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, guess, &g), 0);
	for (size_t i = 0; i < LK_COUNT(threads); i++) {
		void *n;

		CHECK_EQ(pthread_join(threads[i], &n), 0);
		sum += (uintptr_t)n;
	}
	CHECK_EQ(sum, 10);
	stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_account_is_guessed_at_ten_times_from_a_network),
		RUN(a_network_guesses_twenty_times_whatever_the_accounts),
		RUN(all_of_a_64_of_ipv6_is_one_network),
		RUN(realms_do_not_share_counters),
		RUN(an_account_is_guessed_at_a_hundred_times_a_day_from_anywhere),
		RUN(a_full_account_lets_in_whom_it_knows_and_nobody_else),
		RUN(a_right_password_is_not_counted),
		RUN(a_counter_empties_evenly),
		RUN(a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_the_window),
		RUN(a_reset_frees_an_account_from_all_networks),
		RUN(a_reset_frees_an_address),
		RUN(counters_outlive_the_process_and_empty_ones_leave_the_store),
		RUN(parallel_guesses_do_not_slip_through),
	};

	return RUN_ALL(tests);
}
