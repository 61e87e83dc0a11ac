/* SPDX-License-Identifier: MIT */
#include "server/core/counters.h"
#include "tests/support/core_fixture.h"

#define HOUR ((lk_time_ms)3600 * 1000)

static const struct lk_counter_name ada = { { 1 }, { 7 } };
static const struct lk_counter_name bob = { { 2 }, { 7 } };
static const struct lk_counter_rule burst = { 3, 1000, false };
static const struct lk_counter_rule quota = { 10, HOUR, true };

static struct lk_counters *open_counters(void)
{
	struct lk_counters *counters;

	CHECK_OK(lk_counters_new(lk_row_of_limit, &counters));
	return counters;
}

static unsigned count(struct lk_counters *counters, const struct lk_counter_rule *rule,
	const struct lk_counter_name *name, lk_time_ms now)
{
	struct lk_counter_level level;
	unsigned n = 0;

	while (n < 2000000 && lk_counter_add(counters, rule, name, now, &level))
		n++;
	return n;
}

TEST(as_many_fit_as_the_rule_says_and_come_back_evenly)
{
	struct lk_counters *counters = open_counters();
	struct lk_counter_level level;

	CHECK(lk_counter_add(counters, &burst, &ada, NOW, &level));
	CHECK_EQ(level.remaining, 2);
	CHECK_EQ(level.reset_ms, 334);
	CHECK_EQ(level.wait_ms, 0);
	CHECK_EQ(count(counters, &burst, &ada, NOW), 2);
	CHECK(!lk_counter_add(counters, &burst, &ada, NOW, &level));
	CHECK_EQ(level.remaining, 0);
	CHECK_EQ(level.wait_ms, 334);
	CHECK_EQ(count(counters, &burst, &bob, NOW), 3);
	CHECK_EQ(count(counters, &burst, &ada, NOW + 333), 0);
	CHECK_EQ(count(counters, &burst, &ada, NOW + 334), 1);
	CHECK_EQ(count(counters, &burst, &ada, NOW + 5000), 3);
	lk_counters_free(counters);
}

TEST(rates_beyond_one_in_a_millisecond_are_exact)
{
	static const struct lk_counter_rule fast = { 250000, 1000, false };
	static const struct lk_counter_rule odd = { 7, 1000, false };
	struct lk_counters *counters = open_counters();

	CHECK_EQ(count(counters, &fast, &ada, NOW), 250000);
	CHECK_EQ(count(counters, &fast, &ada, NOW + 1), 250);
	CHECK_EQ(count(counters, &odd, &bob, NOW), 7);
	lk_counters_free(counters);
}

TEST(a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_the_window)
{
	struct lk_counters *counters = open_counters();
	struct lk_counter_level level;

	CHECK_EQ(count(counters, &quota, &ada, NOW), 10);
	lk_counter_look(counters, &quota, &ada, NOW - 100 * HOUR, &level);
	CHECK_EQ(level.wait_ms, HOUR / 10);
	CHECK_EQ(level.reset_ms, HOUR);
	CHECK_EQ(count(counters, &quota, &ada, NOW - 100 * HOUR + HOUR / 10 - 1), 0);
	CHECK_EQ(count(counters, &quota, &ada, NOW - 100 * HOUR + HOUR / 10), 1);
	lk_counters_free(counters);
}

TEST(what_is_taken_back_fits_again)
{
	struct lk_counters *counters = open_counters();

	CHECK_EQ(count(counters, &quota, &ada, NOW), 10);
	lk_counter_take_back(counters, &quota, &ada);
	CHECK_EQ(count(counters, &quota, &ada, NOW), 1);
	lk_counters_forget(counters, NULL, &ada);
	CHECK_EQ(count(counters, &quota, &ada, NOW), 10);
	CHECK_EQ(count(counters, &quota, &bob, NOW), 10);
	lk_counters_forget(counters, ada.group, NULL);
	CHECK_EQ(count(counters, &quota, &bob, NOW), 10);
	lk_counters_free(counters);
}

TEST(durable_ones_outlive_the_process_and_others_do_not)
{
	struct lk_committer_options options = { 0 };
	struct lk_counters *counters = open_counters();
	struct lk_committer *committer;
	struct fixture f;

	fixture_init(&f);
	options.store = f.store;
	CHECK_OK(lk_committer_start(&options, &committer));
	CHECK_EQ(count(counters, &quota, &ada, NOW), 10);
	CHECK_EQ(count(counters, &burst, &bob, NOW), 3);
	CHECK_OK(lk_counters_flush(counters, committer, NOW));
	lk_counters_free(counters);
	counters = open_counters();
	CHECK_OK(lk_counters_load(counters, f.store));
	CHECK_EQ(count(counters, &quota, &ada, NOW), 0);
	CHECK_EQ(count(counters, &burst, &bob, NOW), 3);
	CHECK_EQ(count(counters, &quota, &ada, NOW + HOUR / 10), 1);
	lk_counters_free(counters);
	lk_committer_stop(committer);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(as_many_fit_as_the_rule_says_and_come_back_evenly),
		RUN(rates_beyond_one_in_a_millisecond_are_exact),
		RUN(a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_the_window),
		RUN(what_is_taken_back_fits_again),
		RUN(durable_ones_outlive_the_process_and_others_do_not),
	};

	return RUN_ALL(tests);
}
