/* SPDX-License-Identifier: MIT */
/* A sign-in that fails on the way: of a user whose hash has to be made anew, so that all of it
 * runs. */
#include "tests/support/people.h"

#define FOREIGN_HASH "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"
#define FOREIGN_PASSWORD "password"

static struct people p;

static int set_up(void **state_)
{
	const struct lk_session_policy policy = people_policy(LK_TOKEN_EDDSA);

	people_init(&p, &policy);
	p.user = people_add(&p, "bob@example.org", FOREIGN_HASH);
	return 0;
}

static int tear_down(void **state_)
{
	people_fini(&p);
	return 0;
}

struct outcome {
	struct lk_status st;
	struct lk_grant grant;
};

static struct lk_status judge(
	const struct lk_core_call *call, const char *password, struct lk_sign_in *step_out)
{
	const struct lk_sign_in_attempt attempt = { "bob@example.org", password,
		{ text_of("192.0.2.1"), text_of("test") } };

	LK_TRY(lk_sign_in_find(call, p.f.store, &attempt, step_out));
	return lk_sign_in_judge(call, p.guesses, password, step_out);
}

/* With memory of its own, so that every allocation of it can fail. */
static void sign_in(const char *password, size_t room, struct outcome *outcome)
{
	struct lk_core_call call = p.f.call;
	struct lk_txn *txn = NULL;
	struct lk_user_view user;
	struct lk_sign_in step;
	struct lk_signer signer;
	struct lk_arena arena;
	uint64_t seq;

	outcome->grant = (struct lk_grant) { .signer = people_signer(&p, &signer) };
	lk_arena_init(&arena, room);
	call.arena = &arena;
	outcome->st = judge(&call, password, &step);
	if (outcome->st.code == LK_OK)
		outcome->st = lk_txn_new(p.f.store, &txn);
	if (outcome->st.code == LK_OK)
		outcome->st = lk_sign_in_open(&call, txn, &step, &outcome->grant, &user);
	if (outcome->st.code == LK_OK)
		outcome->st = lk_txn_commit(txn, &seq);
	lk_txn_free(txn);
	lk_arena_fini(&arena);
}

enum fault { FAULT_MEMORY, FAULT_ROOM, FAULT_STORE };

static bool sign_in_with_fault(
	enum fault fault, unsigned long nth, const char *password, struct outcome *outcome)
{
	bool has_fired;

	lk_alloc_fail_nth(fault == FAULT_MEMORY ? nth : 0);
	fault_store_fail_nth(p.f.store, fault == FAULT_STORE ? nth : 0);
	sign_in(password, fault == FAULT_ROOM ? nth * 192 : (size_t)1 << 20, outcome);
	has_fired = lk_alloc_fail_nth(0);
	has_fired |= fault_store_fail_nth(p.f.store, 0);
	people_restart(&p);
	return has_fired || outcome->st.code == LK_RESOURCE_EXHAUSTED;
}

/* How many more attempts from there are let through. */
static unsigned count_attempts(void)
{
	struct lk_address address;
	struct lk_guess guess = { .realm = text_of("crm"),
		.account = text_of("bob@example.org"),
		.address = &address,
		.now = NOW };
	unsigned n = 0;

	CHECK(lk_address_parse(text_of("192.0.2.1"), &address));
	while (lk_guess_begin(p.guesses, &guess).code == LK_OK)
		n++;
	return n;
}

static void check_right(const struct outcome *outcome)
{
	struct outcome again;

	if (outcome->st.code == LK_OK) {
		CHECK_EQ(people_decide(&p, outcome->grant.tokens.access), LK_DENY_NONE);
	} else {
		CHECK(outcome->st.code == LK_RESOURCE_EXHAUSTED ||
			outcome->st.code == LK_UNAVAILABLE);
		CHECK(outcome->st.reason != LK_TOO_MANY_ATTEMPTS);
	}
	CHECK_EQ(people_rows(&p, "se/"), outcome->st.code == LK_OK);
	CHECK_EQ(people_rows(&p, "su/"), outcome->st.code == LK_OK);
	CHECK_EQ(people_rows(&p, "si/"), outcome->st.code == LK_OK);
	CHECK_EQ(people_rows(&p, "rt/"), outcome->st.code == LK_OK);
	sign_in(FOREIGN_PASSWORD, (size_t)1 << 20, &again);
	CHECK_OK(again.st);
	CHECK_EQ(count_attempts(), LK_GUESSES_ACCOUNT_NETWORK_MAX);
}

/* Nobody looked at it, or it was counted. */
static void check_wrong(const struct outcome *outcome)
{
	bool was_judged = outcome->st.code == LK_UNAUTHENTICATED;

	CHECK(was_judged || outcome->st.code == LK_RESOURCE_EXHAUSTED ||
		outcome->st.code == LK_UNAVAILABLE);
	CHECK_EQ(people_rows(&p, "se/"), 0);
	CHECK_EQ(count_attempts(), LK_GUESSES_ACCOUNT_NETWORK_MAX - was_judged);
}

static void sweep(const char *password, void (*check)(const struct outcome *outcome))
{
	for (enum fault fault = FAULT_MEMORY; fault <= FAULT_STORE; fault++) {
		struct outcome outcome;
		unsigned long nth = 1;

		while (sign_in_with_fault(fault, nth, password, &outcome)) {
			check(&outcome);
			nth++;
			tear_down(NULL);
			set_up(NULL);
		}
		check(&outcome);
		CHECK(nth > 3);
		tear_down(NULL);
		set_up(NULL);
	}
}

TEST(a_right_password_is_never_told_to_be_wrong_and_never_counted)
{
	sweep(FOREIGN_PASSWORD, check_right);
}

TEST(a_wrong_password_never_opens_and_is_counted_when_it_was_judged)
{
	sweep("another password", check_wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_right_password_is_never_told_to_be_wrong_and_never_counted, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_wrong_password_never_opens_and_is_counted_when_it_was_judged, set_up,
			tear_down),
	};

	return RUN_ALL(tests);
}
