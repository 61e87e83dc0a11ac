/* SPDX-License-Identifier: MIT */
#include "tests/store/suite.h"

#include <pthread.h>
#include <stdio.h>

#include "proto/wire/arena.h"
#include "tests/support/check.h"

static const struct store_factory *suite_factory;

static void check_scan(struct lk_store *store, const char *prefix, const char *after, size_t limit,
	const char *expected)
{
	struct listing listing;

	start_listing(&listing);
	CHECK_OK(
		lk_store_scan(store, bytes_of(prefix), bytes_of(after), limit, list_row, &listing));
	check_listing(&listing, expected);
}

static void check_changes(
	struct lk_store *store, uint64_t after_seq, size_t limit, const char *expected)
{
	struct listing listing;

	start_listing(&listing);
	CHECK_OK(lk_store_changes(store, after_seq, limit, list_change, &listing));
	check_listing(&listing, expected);
}

/* --- reading and scanning --- */

TEST(a_value_reads_back_with_the_number_of_its_commit)
{
	struct lk_store *store = *state_;
	uint64_t first = put(store, "a", "1");
	uint64_t second = put(store, "b", "");

	check_value(store, "a", "1");
	check_value(store, "b", "");
	CHECK_EQ(seq_of(store, "a"), first);
	CHECK_EQ(seq_of(store, "b"), second);
	CHECK_EQ(second, first + 1);
}

TEST(a_key_that_is_absent_is_not_found)
{
	struct lk_store *store = *state_;

	put(store, "ab", "1");
	check_value(store, "a", NULL);
	check_value(store, "abc", NULL);
	delete_key(store, "ab");
	check_value(store, "ab", NULL);
}

TEST(deleting_an_absent_key_is_a_commit_like_any_other)
{
	struct lk_store *store = *state_;

	CHECK_EQ(delete_key(store, "a"), 1);
	CHECK_EQ(put(store, "a", "1"), 2);
}

TEST(keys_are_ordered_as_unsigned_bytes)
{
	static const uint8_t keys[][3] = { { 0xff, 0xff, 0 }, { 0x7f, 1, 0 }, { 0, 0, 0 },
		{ 0x80, 0, 0 }, { 0, 0, 1 }, { 0xff, 0, 0 } };
	struct lk_store *store = *state_;
	uint64_t seq;

	for (size_t i = 0; i < LK_COUNT(keys); i++) {
		struct lk_store_op op = { LK_STORE_PUT, false, { keys[i], 3 }, { NULL, 0 } };

		CHECK_OK(lk_store_commit(store, NULL, 0, &op, 1, &seq));
	}
	check_scan(store, "", "", 100,
		"\\00\\00\\00=@3 \\00\\00\\01=@5 \\7f\\01\\00=@2 \\80\\00\\00=@4 "
		"\\ff\\00\\00=@6 \\ff\\ff\\00=@1 ");
}

TEST(a_scan_stays_within_its_prefix)
{
	struct lk_store *store = *state_;

	put(store, "a", "1");
	put(store, "b", "2");
	put(store, "b\xff", "3");
	put(store, "b\xff\xff", "4");
	put(store, "c", "5");
	check_scan(store, "b", "", 100, "b=2@2 b\\ff=3@3 b\\ff\\ff=4@4 ");
	check_scan(store, "b\xff", "", 100, "b\\ff=3@3 b\\ff\\ff=4@4 ");
	check_scan(store, "bb", "", 100, "");
	check_scan(store, "d", "", 100, "");
}

TEST(a_scan_goes_on_after_a_key_and_stops_at_its_limit)
{
	struct lk_store *store = *state_;

	put(store, "a", "1");
	put(store, "b1", "2");
	put(store, "b3", "3");
	put(store, "c", "4");
	check_scan(store, "", "", 2, "a=1@1 b1=2@2 ");
	check_scan(store, "", "b1", 2, "b3=3@3 c=4@4 ");
	check_scan(store, "b", "b2", 2, "b3=3@3 ");
	check_scan(store, "b", "a", 1, "b1=2@2 ");
	check_scan(store, "b", "c", 2, "");
	check_scan(store, "", "", 0, "");
}

TEST(a_visitor_can_stop_a_scan)
{
	struct lk_store *store = *state_;
	struct listing listing;

	put(store, "a", "1");
	put(store, "b", "2");
	start_listing(&listing);
	listing.stop_after = 1;
	CHECK_OK(lk_store_scan(store, bytes_of(""), bytes_of(""), 10, list_row, &listing));
	check_listing(&listing, "a=1@1 ");
}

TEST(a_buffer_that_is_too_small_is_told)
{
	struct lk_store *store = *state_;
	struct lk_buf value;
	uint64_t seq;

	put(store, "a", "12345");
	lk_buf_init(&value, 4);
	CHECK_CODE(lk_store_get(store, bytes_of("a"), &value, &seq), LK_RESOURCE_EXHAUSTED);
	lk_buf_fini(&value);
}

TEST(the_largest_key_and_value_are_kept_and_larger_ones_refused)
{
	struct lk_store *store = *state_;
	uint8_t *data = lk_alloc(LK_STORE_VALUE_MAX + 1);
	struct lk_store_op op = { LK_STORE_PUT, true, { data, LK_STORE_KEY_MAX },
		{ data, LK_STORE_VALUE_MAX } };
	struct lk_buf value;
	uint64_t seq;

	memset(data, 0xa5, LK_STORE_VALUE_MAX + 1);
	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	CHECK_OK(lk_store_commit(store, NULL, 0, &op, 1, &seq));
	CHECK_OK(lk_store_get(store, op.key, &value, &seq));
	CHECK_EQ(value.n, LK_STORE_VALUE_MAX);
	CHECK_MEM(value.data, data, value.n);
	op.value.n++;
	CHECK_CODE(lk_store_commit(store, NULL, 0, &op, 1, &seq), LK_INVALID_ARGUMENT);
	op.value.n = 1;
	op.key.n++;
	CHECK_CODE(lk_store_commit(store, NULL, 0, &op, 1, &seq), LK_INVALID_ARGUMENT);
	op.key.n = 0;
	CHECK_CODE(lk_store_commit(store, NULL, 0, &op, 1, &seq), LK_INVALID_ARGUMENT);
	lk_buf_fini(&value);
	lk_free(data);
}

TEST(the_largest_batch_is_one_commit)
{
	struct lk_store *store = *state_;
	struct lk_store_op *ops = lk_alloc((LK_STORE_BATCH_OPS_MAX + 1) * sizeof *ops);
	char(*keys)[8] = lk_alloc(LK_STORE_BATCH_OPS_MAX * sizeof *keys);
	uint64_t seq;

	for (size_t i = 0; i < LK_STORE_BATCH_OPS_MAX; i++) {
		snprintf(keys[i], sizeof keys[i], "%05zu", i);
		ops[i] = op_put(keys[i], "x", true);
	}
	CHECK_EQ(commit_ops(store, ops, LK_STORE_BATCH_OPS_MAX), 1);
	CHECK_EQ(seq_of(store, "16383"), 1);
	ops[LK_STORE_BATCH_OPS_MAX] = ops[0];
	CHECK_CODE(lk_store_commit(store, NULL, 0, ops, LK_STORE_BATCH_OPS_MAX + 1, &seq),
		LK_INVALID_ARGUMENT);
	lk_free(keys);
	lk_free(ops);
}

/* --- commits --- */

TEST(a_condition_holds_only_for_exactly_its_number)
{
	struct lk_store *store = *state_;
	struct lk_store_op op = op_put("x", "1", false);
	struct lk_store_condition condition = { bytes_of("a"), 0 };
	uint64_t seq = 0;

	CHECK_OK(lk_store_commit(store, &condition, 1, &op, 1, &seq));
	put(store, "a", "1");
	CHECK_CODE(lk_store_commit(store, &condition, 1, &op, 1, &seq), LK_ABORTED);
	condition.seq = seq_of(store, "a");
	CHECK_OK(lk_store_commit(store, &condition, 1, &op, 1, &seq));
	put(store, "a", "1");
	CHECK_CODE(lk_store_commit(store, &condition, 1, &op, 1, &seq), LK_ABORTED);
	condition.seq = seq_of(store, "a");
	delete_key(store, "a");
	CHECK_CODE(lk_store_commit(store, &condition, 1, &op, 1, &seq), LK_ABORTED);
}

TEST(an_aborted_commit_leaves_nothing_behind)
{
	struct lk_store *store = *state_;
	struct lk_store_op ops[] = { op_put("a", "2", true), op_put("b", "2", true) };
	struct lk_store_condition conditions[] = { { bytes_of("b"), 0 }, { bytes_of("a"), 7 } };
	uint64_t seq = 99;

	put_logged(store, "a", "1");
	CHECK_CODE(lk_store_commit(store, conditions, 2, ops, 2, &seq), LK_ABORTED);
	CHECK_EQ(seq, 99);
	check_scan(store, "", "", 10, "a=1@1 ");
	check_changes(store, 0, 10, "1 a=1 ");
	CHECK_EQ(put(store, "c", "3"), 2);
}

TEST(ops_of_a_commit_apply_in_order)
{
	struct lk_store *store = *state_;
	struct lk_store_op ops[] = { op_put("a", "1", true), op_delete("a", true),
		op_put("b", "1", true), op_put("a", "2", true), op_delete("b", true) };

	commit_ops(store, ops, LK_COUNT(ops));
	check_scan(store, "", "", 10, "a=2@1 ");
	check_changes(store, 0, 10, "1 a=1 a- b=1 a=2 b- ");
}

static void *count_up(void *arg)
{
	struct lk_store *store = arg;

	for (int i = 0; i < 50;) {
		struct lk_store_condition condition = { bytes_of("counter"), 0 };
		struct lk_store_op op = { LK_STORE_PUT, true, bytes_of("counter"), { 0 } };
		struct lk_status st;
		uint8_t next;
		struct lk_buf value;
		uint64_t seq;

		lk_buf_init(&value, 16);
		st = lk_store_get(store, condition.key, &value, &condition.seq);
		next = (uint8_t)(st.code == LK_OK ? value.data[0] + 1 : 1);
		lk_buf_fini(&value);
		op.value = (struct lk_bytes) { &next, 1 };
		st = lk_store_commit(store, &condition, 1, &op, 1, &seq);
		if (st.code == LK_OK)
			i++;
		else if (st.code != LK_ABORTED)
			return NULL;
	}
	return store;
}

TEST(concurrent_writers_with_conditions_lose_no_update)
{
	struct lk_store *store = *state_;
	pthread_t threads[4];
	void *result;

	for (size_t i = 0; i < LK_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, count_up, store), 0);
	for (size_t i = 0; i < LK_COUNT(threads); i++) {
		CHECK_EQ(pthread_join(threads[i], &result), 0);
		CHECK(result == store);
	}
	check_value(store, "counter", "\xc8");
	CHECK_EQ(seq_of(store, "counter"), 200);
}

/* --- changes --- */

TEST(the_change_log_holds_every_commit_but_only_logged_ops)
{
	struct lk_store *store = *state_;
	struct lk_store_op ops[] = { op_put("a", "1", true), op_put("quiet", "1", false),
		op_delete("c", true) };

	check_changes(store, 0, 10, "");
	commit_ops(store, ops, LK_COUNT(ops));
	put(store, "quiet", "2");
	put_logged(store, "d", "");
	check_changes(store, 0, 10, "1 a=1 c- 2 3 d= ");
	check_changes(store, 1, 1, "2 ");
	check_changes(store, 2, 10, "3 d= ");
	check_changes(store, 3, 10, "");
	check_changes(store, 0, 0, "");
}

TEST(a_visitor_can_stop_reading_changes)
{
	struct lk_store *store = *state_;
	struct listing listing;

	put_logged(store, "a", "1");
	put_logged(store, "b", "2");
	start_listing(&listing);
	listing.stop_after = 1;
	CHECK_OK(lk_store_changes(store, 0, 10, list_change, &listing));
	check_listing(&listing, "1 a=1 ");
}

TEST(changes_that_are_not_in_the_log_are_out_of_range)
{
	struct lk_store *store = *state_;
	struct listing listing;

	start_listing(&listing);
	CHECK_CODE(lk_store_changes(store, 1, 10, list_change, &listing), LK_OUT_OF_RANGE);
	for (int i = 0; i < 3000; i++)
		put_logged(store, "a", "1");
	suite_factory->trim(store, 3000);
	CHECK_CODE(lk_store_changes(store, 0, 10, list_change, &listing), LK_OUT_OF_RANGE);
	CHECK_CODE(lk_store_changes(store, 2998, 10, list_change, &listing), LK_OUT_OF_RANGE);
	CHECK_EQ(listing.n, 0);
	check_changes(store, 2999, 10, "3000 a=1 ");
	check_changes(store, 3000, 10, "");
	CHECK_EQ(put_logged(store, "b", "2"), 3001);
	check_changes(store, 2999, 10, "3000 a=1 3001 b=2 ");
	CHECK_CODE(lk_store_changes(store, 3002, 10, list_change, &listing), LK_OUT_OF_RANGE);
}

TEST(waiting_ends_at_once_or_with_the_timeout)
{
	struct lk_store *store = *state_;

	CHECK_OK(lk_store_wait(store, 0, 0));
	CHECK_CODE(lk_store_wait(store, 1, 0), LK_DEADLINE_EXCEEDED);
	CHECK_CODE(lk_store_wait(store, 1, 20), LK_DEADLINE_EXCEEDED);
	put(store, "a", "1");
	CHECK_OK(lk_store_wait(store, 1, 0));
}

/* Waits for each even commit and answers with an odd one. */
static void *answer_commits(void *arg)
{
	struct lk_store *store = arg;

	for (uint64_t seq = 2; seq <= 100; seq += 2) {
		if (lk_store_wait(store, seq, 60000).code != LK_OK)
			return NULL;
		put(store, "pong", "1");
	}
	return store;
}

/* Without a wake-up each turn would take the whole timeout. */
TEST(a_commit_wakes_who_waits_for_it)
{
	struct lk_store *store = *state_;
	pthread_t thread;
	void *result;

	CHECK_EQ(pthread_create(&thread, NULL, answer_commits, store), 0);
	put(store, "ping", "1");
	for (uint64_t seq = 1; seq < 100; seq += 2) {
		CHECK_OK(lk_store_wait(store, seq, 60000));
		put(store, "ping", "1");
	}
	CHECK_EQ(pthread_join(thread, &result), 0);
	CHECK(result == store);
	CHECK_OK(lk_store_wait(store, 101, 0));
}

/* --- running --- */

static int open_fresh(void **state)
{
	*state = suite_factory->open();
	return *state != NULL ? 0 : -1;
}

static int destroy(void **state)
{
	suite_factory->destroy(*state);
	return 0;
}

#define RUN_FRESH(name) cmocka_unit_test_setup_teardown(name, open_fresh, destroy)

int run_store_suite(const struct store_factory *factory)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(a_value_reads_back_with_the_number_of_its_commit),
		RUN_FRESH(a_key_that_is_absent_is_not_found),
		RUN_FRESH(deleting_an_absent_key_is_a_commit_like_any_other),
		RUN_FRESH(keys_are_ordered_as_unsigned_bytes),
		RUN_FRESH(a_scan_stays_within_its_prefix),
		RUN_FRESH(a_scan_goes_on_after_a_key_and_stops_at_its_limit),
		RUN_FRESH(a_visitor_can_stop_a_scan),
		RUN_FRESH(a_buffer_that_is_too_small_is_told),
		RUN_FRESH(the_largest_key_and_value_are_kept_and_larger_ones_refused),
		RUN_FRESH(the_largest_batch_is_one_commit),
		RUN_FRESH(a_condition_holds_only_for_exactly_its_number),
		RUN_FRESH(an_aborted_commit_leaves_nothing_behind),
		RUN_FRESH(ops_of_a_commit_apply_in_order),
		RUN_FRESH(concurrent_writers_with_conditions_lose_no_update),
		RUN_FRESH(the_change_log_holds_every_commit_but_only_logged_ops),
		RUN_FRESH(a_visitor_can_stop_reading_changes),
		RUN_FRESH(changes_that_are_not_in_the_log_are_out_of_range),
		RUN_FRESH(waiting_ends_at_once_or_with_the_timeout),
		RUN_FRESH(a_commit_wakes_who_waits_for_it),
	};

	suite_factory = factory;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
