/* SPDX-License-Identifier: MIT */
/* What is over leaves the store, and not before; twice: as it is, and with a process that starts
 * anew after each step. */
#include "tests/support/people.h"

static struct people p;
static enum lk_token_kind kind;

static int set_up(void **state_)
{
	const struct lk_session_policy policy = people_policy(kind);

	people_init(&p, &policy);
	return 0;
}

static int set_up_opaque(void **state_)
{
	kind = LK_TOKEN_OPAQUE;
	return set_up(NULL);
}

static int set_up_signed(void **state_)
{
	kind = LK_TOKEN_EDDSA;
	return set_up(NULL);
}

static int tear_down(void **state_)
{
	people_fini(&p);
	return 0;
}

static void open_next(struct lk_grant *grant_out)
{
	p.f.call.now++;
	CHECK_OK(people_open(&p, grant_out));
}

static enum lk_deny_reason decide(const struct lk_grant *grant)
{
	return people_decide(&p, grant->tokens.access);
}

/* The successor takes the place of what was spent. */
static void refresh(struct lk_grant *grant)
{
	struct lk_key_text token = grant->tokens.refresh;

	CHECK_OK(people_refresh(&p, token.text, grant));
	CHECK(!grant->is_reused);
}

static void end(const struct lk_grant *grant)
{
	bool has_ended;

	CHECK_OK(people_commit(
		&p, lk_sessions_end(&p.f.call, p.f.txn, &grant->session.record.id, &has_ended)));
	CHECK(has_ended);
}

static void sweep_at(lk_time_ms now)
{
	p.f.call.now = now;
	CHECK_EQ(people_sweep(&p, 0).failed, 0);
}

/* As it is stored. */
static struct lk_session_record record_of(const struct lk_grant *grant)
{
	struct lk_row row = lk_row_of_session(text_of("crm"), &grant->session.record.id);
	struct lk_session_record record;
	struct lk_bytes value;

	CHECK_OK(lk_txn_get(p.f.txn, lk_row_bytes(&row), &value));
	CHECK_OK(lk_session_record_decode(value, &p.f.arena, &record));
	lk_txn_reset(p.f.txn);
	return record;
}

/* --- sessions --- */

static void use(const struct lk_grant *grant)
{
	struct lk_committer *committer = people_committer(&p);
	bool has_more;

	CHECK_EQ(decide(grant), LK_DENY_NONE);
	CHECK_OK(lk_usage_flush(p.f.usage, p.f.index, committer, &has_more));
	lk_committer_stop(committer);
}

static void check_nothing_stays(void)
{
	size_t rows = people_rows(&p, "");
	struct lk_grant grants[3];

	for (size_t i = 0; i < LK_COUNT(grants); i++)
		open_next(&grants[i]);
	use(&grants[0]);
	CHECK_EQ(people_rows(&p, "u/"), 1);
	end(&grants[1]);
	if (kind != LK_TOKEN_OPAQUE)
		refresh(&grants[2]);
	sweep_at(NOW + 11 * DAY);
	CHECK_EQ(people_rows(&p, "u/"), 0);
	CHECK_EQ(people_rows(&p, "expiry/"), 0);
	CHECK_EQ(people_rows(&p, ""), rows);
	CHECK_EQ(lk_index_stats(p.f.index).sessions, 0);
}

TEST(opaque_sessions_leave_nothing)
{
	check_nothing_stays();
}

TEST(sessions_with_refresh_tokens_leave_nothing)
{
	check_nothing_stays();
}

TEST(an_ended_session_is_told_so_for_a_day)
{
	struct lk_grant ended, live;

	open_next(&ended);
	open_next(&live);
	end(&ended);
	for (lk_time_ms hour = 1; hour < 24; hour++) {
		sweep_at(NOW + hour * 60 * MINUTE);
		CHECK_EQ(decide(&ended), LK_DENY_REVOKED);
		CHECK_EQ(decide(&live), LK_DENY_NONE);
	}
	sweep_at(NOW + DAY + MINUTE);
	CHECK_EQ(decide(&ended), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(decide(&live), LK_DENY_NONE);
	CHECK_EQ(people_rows(&p, "se/"), 1);
}

TEST(an_ended_session_is_told_so_as_long_as_its_access_tokens_live)
{
	struct lk_grant ended, live;

	open_next(&ended);
	open_next(&live);
	end(&ended);
	sweep_at(NOW + 10 * MINUTE - 1001);
	CHECK_EQ(decide(&ended), LK_DENY_REVOKED);
	CHECK_EQ(decide(&live), LK_DENY_NONE);
	CHECK_EQ(people_rows(&p, "se/"), 2);
	sweep_at(NOW + 11 * MINUTE);
	CHECK_EQ(decide(&ended), LK_DENY_EXPIRED);
	CHECK_EQ(people_rows(&p, "se/"), 1);
	refresh(&live);
}

TEST(a_session_whose_row_is_gone_is_still_no_longer_good)
{
	struct lk_grant grant;
	struct lk_row row;

	open_next(&grant);
	end(&grant);
	row = lk_row_of_session(text_of("crm"), &grant.session.record.id);
	CHECK_OK(people_commit(
		&p, lk_core_sweep(NULL, p.f.txn, lk_row_bytes(&row), NOW + 11 * MINUTE)));
	CHECK_EQ(people_rows(&p, "se/"), 0);
	CHECK_EQ(decide(&grant), LK_DENY_REVOKED);
}

TEST(a_session_is_told_to_have_expired_until_it_is_swept)
{
	struct lk_grant grant;

	open_next(&grant);
	sweep_at(grant.session.record.expires_ms - 1);
	CHECK_EQ(decide(&grant), LK_DENY_NONE);
	p.f.call.now++;
	CHECK_EQ(decide(&grant), LK_DENY_EXPIRED);
	sweep_at(p.f.call.now + MINUTE);
	CHECK_EQ(decide(&grant), LK_DENY_UNKNOWN_CREDENTIAL);
}

TEST(a_session_whose_end_was_moved_stays)
{
	struct lk_grant grant;

	open_next(&grant);
	for (lk_time_ms day = 1; day < 9; day++) {
		p.f.call.now = NOW + day * (DAY - MINUTE);
		refresh(&grant);
		/* Of the session, of its successor, and of each token. */
		CHECK_EQ(people_rows(&p, "expiry/"), (size_t)day + 3);
		sweep_at(p.f.call.now + 3 * MINUTE);
		CHECK_EQ(decide(&grant), LK_DENY_NONE);
		/* Spent tokens are known to the last day. */
		CHECK_EQ(people_rows(&p, "rt/"), (size_t)day + 1);
		CHECK_EQ(people_rows(&p, "expiry/"), (size_t)day + 2);
	}
}

/* --- successors --- */

TEST(a_successor_is_erased_when_the_window_is_over)
{
	struct lk_grant grant;

	open_next(&grant);
	refresh(&grant);
	CHECK(record_of(&grant).successor.n > 0);
	sweep_at(NOW + 5 * SECOND);
	CHECK(record_of(&grant).successor.n > 0);
	/* The entry of the first one is due while the second is not. */
	p.f.call.now = NOW + 55 * SECOND;
	refresh(&grant);
	sweep_at(NOW + MINUTE);
	CHECK(record_of(&grant).successor.n > 0);
	sweep_at(NOW + 2 * MINUTE);
	CHECK_EQ(record_of(&grant).successor.n, 0);
	refresh(&grant);
}

TEST(a_successor_of_the_last_minute_is_erased_too)
{
	struct lk_grant grant;

	open_next(&grant);
	p.f.call.now = NOW + DAY - 5 * SECOND;
	refresh(&grant);
	CHECK(record_of(&grant).successor.n > 0);
	sweep_at(NOW + DAY + MINUTE);
	CHECK_EQ(record_of(&grant).successor.n, 0);
}

/* --- answers --- */

static const uint8_t answer_digest[LK_ROW_DIGEST_SIZE] = { 7 };

static void put_answer(lk_time_ms expires_ms)
{
	const struct lk_answer_record record = {
		.sealed = text_of("sealed"), .pepper_id = 1, .expires_ms = expires_ms
	};
	struct lk_row row = lk_row_of_answer(answer_digest);
	struct lk_bytes value;

	CHECK_OK(lk_answer_record_encode(&record, &p.f.arena, &value));
	CHECK_OK(lk_txn_put(p.f.txn, lk_row_bytes(&row), value, false));
	CHECK_OK(people_commit(&p, lk_rows_move_expiry(p.f.txn, &row, 0, expires_ms)));
}

TEST(a_recorded_answer_leaves_when_it_expires)
{
	put_answer(NOW + MINUTE);
	sweep_at(NOW + MINUTE - 1);
	CHECK_EQ(people_rows(&p, "id/"), 1);
	sweep_at(NOW + MINUTE);
	CHECK_EQ(people_rows(&p, "id/") + people_rows(&p, "expiry/"), 0);
}

TEST(an_answer_that_took_the_place_of_another_stays)
{
	put_answer(NOW + MINUTE);
	put_answer(NOW + 3 * MINUTE);
	sweep_at(NOW + 2 * MINUTE);
	CHECK_EQ(people_rows(&p, "id/"), 1);
	sweep_at(NOW + 3 * MINUTE);
	CHECK_EQ(people_rows(&p, "id/") + people_rows(&p, "expiry/"), 0);
}

/* --- how much at once --- */

TEST(a_pass_settles_no_more_than_it_is_told)
{
	unsigned long commits;
	struct lk_grant grant;

	open_next(&grant);
	for (int i = 1; i < 600; i++)
		refresh(&grant);
	CHECK_EQ(people_rows(&p, "rt/"), 600);
	p.f.call.now = NOW + 11 * DAY;
	commits = fault_store_commits(p.f.store);
	CHECK_EQ(people_sweep(&p, 100).settled, 100);
	CHECK_EQ(fault_store_commits(p.f.store), commits + 1);
	CHECK(people_rows(&p, "rt/") >= 500);
	while (people_sweep(&p, 100).settled == 100)
		continue;
	CHECK_EQ(people_rows(&p, "rt/") + people_rows(&p, "expiry/"), 0);
}

TEST(a_pass_is_cut_into_commits)
{
	unsigned long commits;
	struct lk_grant grant;

	open_next(&grant);
	for (int i = 1; i < 600; i++)
		refresh(&grant);
	p.f.call.now = NOW + 11 * DAY;
	commits = fault_store_commits(p.f.store);
	CHECK(people_sweep(&p, 0).settled > 600);
	CHECK_EQ(fault_store_commits(p.f.store), commits + 3);
}

/* --- what goes wrong --- */

TEST(a_record_that_is_damaged_keeps_no_other)
{
	struct lk_grant grants[3];
	struct lk_sweep_counts counts;
	struct lk_row row;

	for (size_t i = 0; i < LK_COUNT(grants); i++)
		open_next(&grants[i]);
	row = lk_row_of_session(text_of("crm"), &grants[0].session.record.id);
	CHECK_OK(people_commit(&p, lk_txn_put(p.f.txn, lk_row_bytes(&row), text_of("\xff"), true)));
	p.f.call.now = NOW + 11 * DAY;
	counts = people_sweep(&p, 0);
	CHECK_EQ(counts.failed, 1);
	CHECK_EQ(counts.settled, 2);
	CHECK_EQ(people_rows(&p, "se/"), 1);
	CHECK_EQ(people_rows(&p, "expiry/"), 1);
}

TEST(a_row_that_is_gone_is_settled_and_one_that_has_no_end_is_refused)
{
	const struct lk_key_id id = { { 9 } };
	struct lk_row rows[] = { lk_row_of_session(text_of("crm"), &id),
		lk_row_of_answer(answer_digest), lk_row_of_refresh(text_of("crm"), answer_digest) };
	struct lk_row user = lk_row_of_user(text_of("crm"), &p.user.record.id);

	for (size_t i = 0; i < LK_COUNT(rows); i++)
		CHECK_OK(people_commit(
			&p, lk_core_sweep(NULL, p.f.txn, lk_row_bytes(&rows[i]), NOW)));
	CHECK_CODE(lk_core_sweep(NULL, p.f.txn, lk_row_bytes(&user), NOW), LK_INVALID_ARGUMENT);
	CHECK_CODE(lk_core_sweep(NULL, p.f.txn, text_of("other"), NOW), LK_INVALID_ARGUMENT);
}

/* Settles a session in a transaction of its own while the nth allocation or call of the store
 * fails. False: none did. */
static bool settle_with_fault(bool is_of_memory, unsigned long nth)
{
	struct lk_txn *txn = NULL;
	struct lk_grant grant;
	struct lk_status st;
	struct lk_row row;
	bool has_fired;
	uint64_t seq;

	open_next(&grant);
	row = lk_row_of_session(text_of("crm"), &grant.session.record.id);
	lk_alloc_fail_nth(is_of_memory ? nth : 0);
	fault_store_fail_nth(p.f.store, is_of_memory ? 0 : nth);
	st = lk_txn_new(p.f.store, &txn);
	if (st.code == LK_OK)
		st = lk_core_sweep(NULL, txn, lk_row_bytes(&row), NOW + 11 * DAY);
	if (st.code == LK_OK)
		st = lk_txn_commit(txn, &seq);
	has_fired = lk_alloc_fail_nth(0);
	has_fired |= fault_store_fail_nth(p.f.store, 0);
	lk_txn_free(txn);
	CHECK_EQ(has_fired, st.code != LK_OK);
	CHECK_EQ(people_rows(&p, "se/"), has_fired);
	CHECK_EQ(people_rows(&p, "su/"), has_fired);
	sweep_at(NOW + 11 * DAY);
	CHECK_EQ(people_rows(&p, "se/") + people_rows(&p, "su/") + people_rows(&p, "rt/"), 0);
	return has_fired;
}

TEST(a_sweep_that_fails_leaves_all_of_a_session_for_the_next)
{
	unsigned long n_allocations = 1, n_calls = 1;

	while (settle_with_fault(true, n_allocations)) {
		n_allocations++;
		p.f.call.now = NOW;
	}
	p.f.call.now = NOW;
	while (settle_with_fault(false, n_calls)) {
		n_calls++;
		p.f.call.now = NOW;
	}
	CHECK(n_allocations > 3);
	CHECK_EQ(n_calls, 3); /* A read and a commit. */
}

#define RUN_WITH(set_up_, name) cmocka_unit_test_setup_teardown(name, set_up_, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(set_up_opaque, opaque_sessions_leave_nothing),
		RUN_WITH(set_up_signed, sessions_with_refresh_tokens_leave_nothing),
		RUN_WITH(set_up_opaque, an_ended_session_is_told_so_for_a_day),
		RUN_WITH(set_up_signed,
			an_ended_session_is_told_so_as_long_as_its_access_tokens_live),
		RUN_WITH(set_up_signed, a_session_whose_row_is_gone_is_still_no_longer_good),
		RUN_WITH(set_up_opaque, a_session_is_told_to_have_expired_until_it_is_swept),
		RUN_WITH(set_up_signed, a_session_whose_end_was_moved_stays),
		RUN_WITH(set_up_signed, a_successor_is_erased_when_the_window_is_over),
		RUN_WITH(set_up_signed, a_successor_of_the_last_minute_is_erased_too),
		RUN_WITH(set_up_signed, a_recorded_answer_leaves_when_it_expires),
		RUN_WITH(set_up_signed, an_answer_that_took_the_place_of_another_stays),
		RUN_WITH(set_up_signed, a_pass_settles_no_more_than_it_is_told),
		RUN_WITH(set_up_signed, a_pass_is_cut_into_commits),
		RUN_WITH(set_up_opaque, a_record_that_is_damaged_keeps_no_other),
		RUN_WITH(set_up_signed,
			a_row_that_is_gone_is_settled_and_one_that_has_no_end_is_refused),
		RUN_WITH(set_up_signed, a_sweep_that_fails_leaves_all_of_a_session_for_the_next),
	};
	int failed = 0;

	for (int i = 0; i < 2; i++) {
		p.restarts = i == 1;
		failed += RUN_ALL(tests);
	}
	return failed;
}
