/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "proto/wire/arena.h"
#include "server/store/store_mem.h"
#include "server/store/txn.h"
#include "tests/store/words.h"
#include "tests/support/check.h"
#include "tests/support/fault.h"

struct fixture {
	struct lk_store *store;
	struct lk_txn *txn;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct lk_store *mem;

	CHECK_OK(lk_store_mem_open(&mem));
	fixture.store = fault_store_new(mem);
	CHECK_OK(lk_txn_new(fixture.store, &fixture.txn));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	lk_txn_free(fixture->txn);
	lk_store_close(fixture->store);
	return 0;
}

static void txn_put(struct lk_txn *txn, const char *key, const char *value)
{
	CHECK_OK(lk_txn_put(txn, bytes_of(key), bytes_of(value), true));
}

static void check_txn(struct lk_txn *txn, const char *key, const char *expected)
{
	struct lk_bytes value;

	if (expected == NULL) {
		CHECK_CODE(lk_txn_get(txn, bytes_of(key), &value), LK_NOT_FOUND);
		return;
	}
	CHECK_OK(lk_txn_get(txn, bytes_of(key), &value));
	CHECK_EQ(value.n, strlen(expected));
	CHECK_MEM(value.data, expected, value.n);
}

static struct lk_status commit(struct lk_txn *txn)
{
	uint64_t seq;

	return lk_txn_commit(txn, &seq);
}

TEST(own_writes_are_seen_before_they_are_committed)
{
	const struct fixture *f = *state_;

	put(f->store, "a", "1");
	put(f->store, "b", "1");
	txn_put(f->txn, "a", "2");
	CHECK_OK(lk_txn_delete(f->txn, bytes_of("b"), true));
	check_txn(f->txn, "a", "2");
	check_txn(f->txn, "b", NULL);
	check_value(f->store, "a", "1");
	CHECK_OK(commit(f->txn));
	check_value(f->store, "a", "2");
	check_value(f->store, "b", NULL);
}

TEST(what_was_read_must_not_have_changed)
{
	const struct fixture *f = *state_;

	put(f->store, "a", "1");
	check_txn(f->txn, "a", "1");
	txn_put(f->txn, "b", "1");
	put(f->store, "a", "2");
	/* Read once, it stays what it was. */
	check_txn(f->txn, "a", "1");
	CHECK_CODE(commit(f->txn), LK_ABORTED);
	check_value(f->store, "b", NULL);
	lk_txn_reset(f->txn);
	check_txn(f->txn, "a", "2");
	txn_put(f->txn, "b", "2");
	CHECK_OK(commit(f->txn));
	check_value(f->store, "b", "2");
}

TEST(what_was_absent_must_not_have_appeared)
{
	const struct fixture *f = *state_;

	CHECK_OK(lk_txn_expect_absent(f->txn, bytes_of("a")));
	txn_put(f->txn, "a", "1");
	CHECK_CODE(lk_txn_expect_absent(f->txn, bytes_of("a")), LK_ALREADY_EXISTS);
	put(f->store, "a", "2");
	CHECK_CODE(commit(f->txn), LK_ABORTED);
	lk_txn_reset(f->txn);
	CHECK_CODE(lk_txn_expect_absent(f->txn, bytes_of("a")), LK_ALREADY_EXISTS);
	CHECK_OK(lk_txn_delete(f->txn, bytes_of("a"), true));
	CHECK_OK(lk_txn_expect_absent(f->txn, bytes_of("a")));
}

TEST(what_was_only_written_is_no_condition)
{
	const struct fixture *f = *state_;

	txn_put(f->txn, "a", "1");
	check_txn(f->txn, "a", "1");
	put(f->store, "a", "2");
	CHECK_OK(commit(f->txn));
	check_value(f->store, "a", "1");
}

TEST(a_rollback_undoes_later_writes_and_keeps_conditions)
{
	const struct fixture *f = *state_;
	size_t mark;

	txn_put(f->txn, "a", "1");
	txn_put(f->txn, "b", "1");
	mark = lk_txn_mark(f->txn);
	txn_put(f->txn, "a", "2");
	txn_put(f->txn, "a", "3");
	txn_put(f->txn, "c", "1");
	CHECK_OK(lk_txn_delete(f->txn, bytes_of("b"), true));
	check_txn(f->txn, "d", NULL);
	lk_txn_rollback(f->txn, mark);
	check_txn(f->txn, "a", "1");
	check_txn(f->txn, "b", "1");
	check_txn(f->txn, "c", NULL);
	CHECK_EQ(lk_txn_mark(f->txn), mark);
	put(f->store, "d", "1");
	CHECK_CODE(commit(f->txn), LK_ABORTED);
}

TEST(without_writes_there_is_no_commit)
{
	const struct fixture *f = *state_;
	uint64_t seq = 9;

	check_txn(f->txn, "a", NULL);
	txn_put(f->txn, "a", "1");
	lk_txn_rollback(f->txn, 0);
	put(f->store, "a", "2");
	CHECK_OK(lk_txn_commit(f->txn, &seq));
	CHECK_EQ(seq, 0);
}

/* --- scans --- */

struct keys {
	char text[4096];
	size_t n;
};

static bool add_key(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct keys *keys = arg;
	int n = snprintf(keys->text + keys->n, sizeof keys->text - keys->n, "%.*s=%.*s ",
		(int)key.n, (const char *)key.data, (int)value.n, (const char *)value.data);

	(void)seq;
	keys->n += (size_t)n;
	return true;
}

static void check_scan(struct lk_txn *txn, const char *after, size_t limit, const char *expected)
{
	struct keys keys = { .n = 0 };

	keys.text[0] = '\0';
	CHECK_OK(lk_txn_scan(txn, bytes_of("k"), bytes_of(after), limit, add_key, &keys));
	CHECK_STR(keys.text, expected);
}

TEST(a_scan_merges_own_writes)
{
	const struct fixture *f = *state_;

	put(f->store, "k1", "s");
	put(f->store, "k3", "s");
	put(f->store, "k5", "s");
	put(f->store, "l", "s");
	txn_put(f->txn, "j", "o");
	txn_put(f->txn, "k0", "o");
	txn_put(f->txn, "k3", "o");
	txn_put(f->txn, "k4", "o");
	txn_put(f->txn, "k6", "o");
	CHECK_OK(lk_txn_delete(f->txn, bytes_of("k1"), true));
	check_scan(f->txn, "", 10, "k0=o k3=o k4=o k5=s k6=o ");
	check_scan(f->txn, "", 2, "k0=o k3=o ");
	check_scan(f->txn, "k3", 2, "k4=o k5=s ");
	check_scan(f->txn, "k4", SIZE_MAX, "k5=s k6=o ");
	check_scan(f->txn, "k6", 10, "");
	check_scan(f->txn, "", 0, "");
}

static uint32_t draw(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 16) % n;
}

TEST(a_scan_shows_what_the_store_will_hold)
{
	uint32_t noise = 7;

	for (int round = 0; round < 300; round++) {
		struct keys before = { .n = 0 };
		struct keys after = { .n = 0 };
		const struct fixture *f;
		char start[4] = "k0";
		size_t limit;

		CHECK_EQ(set_up(state_), 0);
		f = *state_;
		for (int i = 0; i < 24; i++) {
			char key[4] = { 'k', (char)('a' + draw(&noise, 16)), '\0' };

			if (i < 12)
				put(f->store, key, "s");
			else if (draw(&noise, 2) == 0)
				txn_put(f->txn, key, "o");
			else
				CHECK_OK(lk_txn_delete(f->txn, bytes_of(key), false));
		}
		start[1] = (char)('Z' + draw(&noise, 18));
		limit = 1 + draw(&noise, 8);
		CHECK_OK(lk_txn_scan(
			f->txn, bytes_of("k"), bytes_of(start), limit, add_key, &before));
		CHECK_OK(commit(f->txn));
		CHECK_OK(lk_store_scan(
			f->store, bytes_of("k"), bytes_of(start), limit, add_key, &after));
		CHECK_EQ(before.n, after.n);
		CHECK_MEM(before.text, after.text, before.n);
		CHECK_EQ(tear_down(state_), 0);
	}
}

/* --- limits and faults --- */

TEST(a_full_transaction_says_so_and_takes_more_after_a_reset)
{
	const struct fixture *f = *state_;
	struct lk_status st = LK_SUCCESS;
	size_t n = 0;

	for (; n <= LK_STORE_BATCH_OPS_MAX && st.code == LK_OK; n++) {
		char key[16];

		snprintf(key, sizeof key, "key%zu", n);
		st = lk_txn_put(f->txn, bytes_of(key), bytes_of("v"), false);
	}
	CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(n, LK_STORE_BATCH_OPS_MAX + 1);
	CHECK(lk_txn_is_full(f->txn));
	CHECK_OK(commit(f->txn));
	lk_txn_reset(f->txn);
	CHECK(!lk_txn_is_full(f->txn));
	txn_put(f->txn, "key0", "w");
	CHECK_OK(commit(f->txn));
	check_value(f->store, "key0", "w");
	check_value(f->store, "key16383", "v");
}

TEST(the_bytes_of_a_transaction_are_limited)
{
	const struct fixture *f = *state_;
	uint8_t *value = lk_alloc(LK_STORE_VALUE_MAX + 1);
	struct lk_bytes large = { value, LK_STORE_VALUE_MAX };
	size_t n = 0;

	while (lk_txn_put(f->txn, bytes_of("a"), large, false).code == LK_OK)
		n++;
	CHECK_EQ(n, LK_STORE_BATCH_BYTES_MAX / (LK_STORE_VALUE_MAX + 1));
	CHECK(lk_txn_is_full(f->txn));
	CHECK_OK(commit(f->txn));
	large.n++;
	lk_txn_reset(f->txn);
	CHECK_CODE(lk_txn_put(f->txn, bytes_of("a"), large, false), LK_INVALID_ARGUMENT);
	CHECK(!lk_txn_is_full(f->txn));
	lk_free(value);
}

static struct lk_status move(struct lk_txn *txn)
{
	struct lk_bytes value;
	struct keys keys = { .n = 0 };

	LK_TRY(lk_txn_get(txn, bytes_of("from"), &value));
	LK_TRY(lk_txn_expect_absent(txn, bytes_of("to")));
	LK_TRY(lk_txn_put(txn, bytes_of("to"), value, true));
	LK_TRY(lk_txn_delete(txn, bytes_of("from"), true));
	LK_TRY(lk_txn_scan(txn, bytes_of(""), bytes_of(""), 10, add_key, &keys));
	return commit(txn);
}

TEST(a_move_happens_or_not_whatever_allocation_fails)
{
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct lk_store *store;
		struct lk_txn *txn = NULL;
		struct lk_status st;

		CHECK_OK(lk_store_mem_open(&store));
		put(store, "from", "1");
		lk_alloc_fail_nth(nth);
		st = lk_txn_new(store, &txn);
		if (st.code == LK_OK)
			st = move(txn);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		check_value(store, "from", fired ? "1" : NULL);
		check_value(store, "to", fired ? NULL : "1");
		lk_txn_free(txn);
		lk_store_close(store);
	}
}

TEST(a_move_happens_or_not_whatever_call_of_the_store_fails)
{
	const struct fixture *f = *state_;
	bool fired = true;

	put(f->store, "from", "1");
	for (unsigned long nth = 1; fired; nth++) {
		struct lk_status st;

		fault_store_fail_nth(f->store, nth);
		lk_txn_reset(f->txn);
		st = move(f->txn);
		fired = fault_store_fail_nth(f->store, 0);
		CHECK_CODE(st, fired ? LK_UNAVAILABLE : LK_OK);
		check_value(f->store, "from", fired ? "1" : NULL);
		check_value(f->store, "to", fired ? NULL : "1");
	}
}

#define RUN_FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(own_writes_are_seen_before_they_are_committed),
		RUN_FRESH(what_was_read_must_not_have_changed),
		RUN_FRESH(what_was_absent_must_not_have_appeared),
		RUN_FRESH(what_was_only_written_is_no_condition),
		RUN_FRESH(a_rollback_undoes_later_writes_and_keeps_conditions),
		RUN_FRESH(without_writes_there_is_no_commit),
		RUN_FRESH(a_scan_merges_own_writes),
		RUN(a_scan_shows_what_the_store_will_hold),
		RUN_FRESH(a_full_transaction_says_so_and_takes_more_after_a_reset),
		RUN_FRESH(the_bytes_of_a_transaction_are_limited),
		RUN(a_move_happens_or_not_whatever_allocation_fails),
		RUN_FRESH(a_move_happens_or_not_whatever_call_of_the_store_fails),
	};

	return RUN_ALL(tests);
}
