/* SPDX-License-Identifier: MIT */
#include "proto/wire/arena.h"
#include "server/store/store_mem.h"
#include "tests/store/suite.h"
#include "tests/support/check.h"

static struct lk_store *open_fresh(void)
{
	struct lk_store *store = NULL;

	CHECK_OK(lk_store_mem_open(&store));
	return store;
}

static void trim(struct lk_store *store, uint64_t seq)
{
	lk_store_mem_trim(store, seq - 1);
}

TEST(a_commit_without_memory_changes_nothing)
{
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct lk_store *store = open_fresh();
		struct lk_store_op ops[] = {
			{ LK_STORE_PUT, true, bytes_of("a"), bytes_of("2") },
			{ LK_STORE_DELETE, true, bytes_of("b"), { NULL, 0 } },
			{ LK_STORE_PUT, true, bytes_of("c"), bytes_of("2") },
		};
		struct lk_status st;
		uint64_t seq;

		put(store, "a", "1");
		put(store, "b", "1");
		lk_alloc_fail_nth(nth);
		st = lk_store_commit(store, NULL, 0, ops, LK_COUNT(ops), &seq);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		check_value(store, "a", fired ? "1" : "2");
		check_value(store, "b", fired ? "1" : NULL);
		check_value(store, "c", fired ? NULL : "2");
		CHECK_EQ(put(store, "d", "1"), fired ? 3 : 4);
		lk_store_close(store);
	}
}

int main(void)
{
	static const struct store_factory factory = { open_fresh, lk_store_close, trim };
	const struct CMUnitTest tests[] = {
		RUN(a_commit_without_memory_changes_nothing),
	};

	return run_store_suite(&factory) + RUN_ALL(tests);
}
