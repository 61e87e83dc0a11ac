/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/store/layout.h"
#include "server/store/store_mem.h"
#include "server/store/sweeper.h"
#include "tests/store/words.h"
#include "tests/support/check.h"
#include "tests/support/fault.h"

#define MINUTE 60000

struct fixture {
	struct lk_store *store;
	struct lk_sweeper sweeper;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct lk_store *mem;

	f = (struct fixture) { 0 };
	CHECK_OK(lk_store_mem_open(&mem));
	f.store = fault_store_new(mem);
	f.sweeper.store = f.store;
	CHECK_OK(lk_committer_start(
		&(struct lk_committer_options) { .store = f.store }, &f.sweeper.committer));
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	lk_committer_stop(f->sweeper.committer);
	lk_store_close(f->store);
	return 0;
}

/* A record and the entry that ends it. */
static void put_expiring(struct fixture *f, const char *key, lk_time_ms at)
{
	struct lk_row entry = lk_row_of_expiry(at, bytes_of(key));
	struct lk_store_op op = { LK_STORE_PUT, false, lk_row_bytes(&entry), { NULL, 0 } };
	uint64_t seq;

	put(f->store, key, "record");
	CHECK_OK(lk_store_commit(f->store, NULL, 0, &op, 1, &seq));
}

static bool count_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	(void)key;
	(void)value;
	(void)seq;
	++*(size_t *)arg;
	return true;
}

static size_t count_rows(struct lk_store *store)
{
	size_t n = 0;

	CHECK_OK(lk_store_scan(store, bytes_of(""), bytes_of(""), SIZE_MAX, count_row, &n));
	return n;
}

TEST(only_what_is_due_is_deleted)
{
	struct fixture *f = *state_;
	struct lk_sweep_counts counts;

	put_expiring(f, "a", 1);
	put_expiring(f, "b", MINUTE);
	put_expiring(f, "c", MINUTE + 1);
	CHECK_OK(lk_sweeper_run(&f->sweeper, MINUTE - 1, &counts));
	CHECK_EQ(counts.settled, 0);
	CHECK_OK(lk_sweeper_run(&f->sweeper, MINUTE, &counts));
	CHECK_EQ(counts.settled, 2);
	check_value(f->store, "a", NULL);
	check_value(f->store, "b", NULL);
	check_value(f->store, "c", "record");
	CHECK_EQ(count_rows(f->store), 2);
	CHECK_OK(lk_sweeper_run(&f->sweeper, 2 * MINUTE, &counts));
	CHECK_EQ(counts.settled, 1);
	CHECK_EQ(count_rows(f->store), 0);
}

TEST(many_entries_are_settled_in_bounded_commits)
{
	struct fixture *f = *state_;
	struct lk_sweep_counts counts;
	unsigned long before;

	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof key, "key%d", i);
		put_expiring(f, key, i);
	}
	before = fault_store_commits(f->store);
	f->sweeper.entries_max = 300;
	CHECK_OK(lk_sweeper_run(&f->sweeper, MINUTE, &counts));
	CHECK_EQ(counts.settled, 300);
	CHECK_EQ(fault_store_commits(f->store), before + 2);
	f->sweeper.entries_max = 0;
	CHECK_OK(lk_sweeper_run(&f->sweeper, MINUTE, &counts));
	CHECK_EQ(counts.settled, 700);
	CHECK_EQ(count_rows(f->store), 0);
}

/* "moved" has a later end, "bad" cannot be judged, all others are over. */
static struct lk_status judge(void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now)
{
	struct lk_bytes value;

	(void)arg;
	(void)now;
	LK_TRY(lk_txn_get(txn, row, &value));
	if (lk_store_compare(row, bytes_of("moved")) == 0)
		return LK_SUCCESS;
	LK_TRY(lk_txn_delete(txn, row, true));
	if (lk_store_compare(row, bytes_of("bad")) == 0)
		return LK_ERR(LK_DATA_LOSS, "as the test wants");
	return LK_SUCCESS;
}

TEST(a_judge_can_keep_a_record_and_a_bad_one_stops_nobody)
{
	struct fixture *f = *state_;
	struct lk_sweep_counts counts;

	f->sweeper.sweep = judge;
	put_expiring(f, "bad", 1);
	put_expiring(f, "moved", 1);
	put_expiring(f, "over", 1);
	CHECK_OK(lk_sweeper_run(&f->sweeper, MINUTE, &counts));
	CHECK_EQ(counts.settled, 2);
	CHECK_EQ(counts.failed, 1);
	check_value(f->store, "bad", "record");
	check_value(f->store, "moved", "record");
	check_value(f->store, "over", NULL);
	/* The entry of the bad one is still there. */
	CHECK_EQ(count_rows(f->store), 3);
}

TEST(a_sweep_that_fails_leaves_every_record_with_its_entry)
{
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct fixture *f;
		struct lk_sweep_counts counts;
		struct lk_status st;

		CHECK_EQ(set_up(state_), 0);
		f = *state_;
		put_expiring(f, "a", 1);
		put_expiring(f, "b", 1);
		fault_store_fail_nth(f->store, nth);
		st = lk_sweeper_run(&f->sweeper, MINUTE, &counts);
		fired = fault_store_fail_nth(f->store, 0);
		/* Read anew after the last batch: then all is done already. */
		CHECK(count_rows(f->store) == 4 || count_rows(f->store) == 0);
		CHECK_EQ(counts.settled, count_rows(f->store) == 4 ? 0 : 2);
		CHECK_CODE(st, fired ? LK_UNAVAILABLE : LK_OK);
		CHECK_EQ(tear_down(state_), 0);
	}
}

#define RUN_FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(only_what_is_due_is_deleted),
		RUN_FRESH(many_entries_are_settled_in_bounded_commits),
		RUN_FRESH(a_judge_can_keep_a_record_and_a_bad_one_stops_nobody),
		RUN(a_sweep_that_fails_leaves_every_record_with_its_entry),
	};

	return RUN_ALL(tests);
}
