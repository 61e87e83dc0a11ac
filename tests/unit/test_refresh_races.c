/* SPDX-License-Identifier: MIT */
/* Refresh tokens that many show at once, and what is left of a refresh that fails on the way. */
#include <pthread.h>

#include "tests/support/family.h"

/* One who refreshes, with a transaction of their own like another process. */
struct racer {
	pthread_t thread;
	struct lk_core_call call;
	struct lk_arena arena;
	struct lk_signer signer;
	struct lk_grant grant;
	struct lk_status st;
	struct lk_committer *committer; /* NULL: none is shared */
};

static struct lk_status run_refresh(void *arg, struct lk_txn *txn)
{
	struct racer *racer = arg;

	return lk_sessions_refresh(&racer->call, txn, refresh_of(&first), &racer->grant);
}

static struct lk_status race_alone(struct racer *racer)
{
	struct lk_status st = LK_ERR(LK_ABORTED, "not yet");
	struct lk_txn *txn;
	uint64_t seq;

	CHECK_OK(lk_txn_new(p.f.store, &txn));
	while (st.code == LK_ABORTED) {
		lk_txn_reset(txn);
		st = run_refresh(racer, txn);
		if (st.code == LK_OK)
			st = lk_txn_commit(txn, &seq);
	}
	lk_txn_free(txn);
	return st;
}

static void *race(void *arg)
{
	struct racer *racer = arg;

	racer->st = racer->committer != NULL
			    ? lk_committer_run(racer->committer, run_refresh, racer)
			    : race_alone(racer);
	return NULL;
}

/* Eight show the first token at once. Returns how many got a successor, which is the same. */
static size_t race_eight(struct lk_committer *committer)
{
	static struct racer racers[8];
	size_t n = 0;

	for (size_t i = 0; i < LK_COUNT(racers); i++) {
		struct racer *racer = &racers[i];

		*racer = (struct racer) { .call = p.f.call, .committer = committer };
		lk_arena_init(&racer->arena, (size_t)1 << 20);
		racer->call.arena = &racer->arena;
		racer->grant.signer = people_signer(&p, &racer->signer);
		CHECK_EQ(pthread_create(&racer->thread, NULL, race, racer), 0);
	}
	for (size_t i = 0; i < LK_COUNT(racers); i++)
		CHECK_EQ(pthread_join(racers[i].thread, NULL), 0);
	for (size_t i = 0; i < LK_COUNT(racers); i++) {
		struct racer *racer = &racers[i];

		if (racer->st.code == LK_OK && !racer->grant.is_reused && n++ == 0)
			second = racer->grant;
		else if (racer->st.code == LK_OK && !racer->grant.is_reused)
			CHECK_STR(refresh_of(&racer->grant), refresh_of(&second));
		else if (racer->st.code != LK_OK)
			CHECK_EQ(racer->st.reason, LK_REFRESH_TOKEN_UNKNOWN);
		lk_arena_fini(&racer->arena);
	}
	lk_committer_stop(committer);
	people_restart(&p);
	return n;
}

TEST(eight_at_once_get_one_successor)
{
	CHECK_EQ(race_eight(NULL), 8);
	CHECK_EQ(people_rows(&p, "rt/"), 2);
	spend(refresh_of(&second), &third);
}

TEST(eight_in_one_commit_get_one_successor)
{
	CHECK_EQ(race_eight(people_committer(&p)), 8);
	CHECK_EQ(people_rows(&p, "rt/"), 2);
	spend(refresh_of(&second), &third);
}

TEST(without_a_window_one_of_eight_at_once_gets_a_successor_that_is_dead)
{
	CHECK_EQ(race_eight(NULL), 1);
	CHECK_EQ(people_rows(&p, "rt/"), 2);
	CHECK(!is_alive(&second));
	CHECK(is_unknown(refresh_of(&second)));
}

/* --- faults --- */

/* A refresh with memory of its own, so that every allocation of it can fail. */
static struct lk_status refresh_afresh(size_t room, struct lk_grant *grant_out)
{
	struct lk_core_call call = p.f.call;
	struct lk_signer signer;
	struct lk_arena arena;
	struct lk_txn *txn;
	struct lk_status st = lk_txn_new(p.f.store, &txn);
	uint64_t seq;

	*grant_out = (struct lk_grant) { .signer = people_signer(&p, &signer) };
	if (st.code != LK_OK)
		return st;
	lk_arena_init(&arena, room);
	call.arena = &arena;
	st = lk_sessions_refresh(&call, txn, refresh_of(&first), grant_out);
	if (st.code == LK_OK)
		st = lk_txn_commit(txn, &seq);
	lk_txn_free(txn);
	lk_arena_fini(&arena);
	return st;
}

/* Of the old token and the new one, exactly one is unspent. */
static void check_state(struct lk_status st)
{
	people_restart(&p);
	if (st.code != LK_OK) {
		CHECK(st.code == LK_RESOURCE_EXHAUSTED || st.code == LK_UNAVAILABLE);
		/* What a call that failed had made up was never given. */
		CHECK(refresh_of(&second)[0] == '\0' || is_unknown(refresh_of(&second)));
		CHECK_EQ(people_rows(&p, "rt/"), 1);
		CHECK(is_alive(&first));
		spend(refresh_of(&first), &third);
		return;
	}
	CHECK_EQ(people_rows(&p, "rt/"), 2);
	spend(refresh_of(&second), &third);
	kill_family(refresh_of(&first));
}

enum fault { FAULT_MEMORY, FAULT_ROOM, FAULT_STORE };

/* What fails, from where it starts, and what must be so afterwards. */
struct sweep {
	enum fault fault;
	int (*set_up)(void **state_);
	void (*check)(struct lk_status st);
};

/* The nth allocation or call of the store fails, or the nth size of the arena is too small. */
static void run_sweep(const struct sweep *sweep)
{
	bool has_failed = true;

	for (unsigned long nth = 1; has_failed; nth++) {
		size_t room = sweep->fault == FAULT_ROOM ? nth * 32 : (size_t)1 << 20;
		struct lk_status st;

		lk_alloc_fail_nth(sweep->fault == FAULT_MEMORY ? nth : 0);
		fault_store_fail_nth(p.f.store, sweep->fault == FAULT_STORE ? nth : 0);
		st = refresh_afresh(room, &second);
		has_failed = st.code != LK_OK;
		CHECK(lk_alloc_fail_nth(0) == (has_failed && sweep->fault == FAULT_MEMORY));
		CHECK(fault_store_fail_nth(p.f.store, 0) ==
			(has_failed && sweep->fault == FAULT_STORE));
		CHECK(has_failed || nth > 4);
		sweep->check(st);
		tear_down(NULL);
		sweep->set_up(NULL);
	}
}

TEST(a_refresh_without_memory_leaves_one_token_unspent)
{
	run_sweep(&(struct sweep) { FAULT_MEMORY, set_up, check_state });
	run_sweep(&(struct sweep) { FAULT_ROOM, set_up, check_state });
}

TEST(a_refresh_without_a_store_leaves_one_token_unspent)
{
	run_sweep(&(struct sweep) { FAULT_STORE, set_up, check_state });
}

TEST(a_strict_refresh_without_memory_leaves_one_token_unspent)
{
	run_sweep(&(struct sweep) { FAULT_MEMORY, set_up_strict, check_state });
	run_sweep(&(struct sweep) { FAULT_ROOM, set_up_strict, check_state });
}

TEST(a_strict_refresh_without_a_store_leaves_one_token_unspent)
{
	run_sweep(&(struct sweep) { FAULT_STORE, set_up_strict, check_state });
}

static int set_up_spent(void **state_)
{
	set_up_strict(NULL);
	spend(refresh_of(&first), &third);
	return 0;
}

/* Dead, or as it was. */
static void check_reuse(struct lk_status st)
{
	people_restart(&p);
	CHECK_STR(refresh_of(&second), "");
	CHECK_EQ(is_alive(&third), st.code != LK_OK);
	if (st.code == LK_OK)
		CHECK(second.is_reused && is_unknown(refresh_of(&first)));
	else
		kill_family(refresh_of(&first));
	CHECK(!is_alive(&third));
	CHECK(is_unknown(refresh_of(&third)));
}

TEST(a_reuse_that_is_told_has_ended_the_session_and_one_that_failed_ends_it_next_time)
{
	run_sweep(&(struct sweep) { FAULT_MEMORY, set_up_spent, check_reuse });
	run_sweep(&(struct sweep) { FAULT_ROOM, set_up_spent, check_reuse });
	run_sweep(&(struct sweep) { FAULT_STORE, set_up_spent, check_reuse });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(set_up, eight_at_once_get_one_successor),
		RUN_WITH(set_up, eight_in_one_commit_get_one_successor),
		RUN_WITH(set_up_strict,
			without_a_window_one_of_eight_at_once_gets_a_successor_that_is_dead),
		RUN_WITH(set_up, a_refresh_without_memory_leaves_one_token_unspent),
		RUN_WITH(set_up, a_refresh_without_a_store_leaves_one_token_unspent),
		RUN_WITH(set_up_strict, a_strict_refresh_without_memory_leaves_one_token_unspent),
		RUN_WITH(set_up_strict, a_strict_refresh_without_a_store_leaves_one_token_unspent),
		RUN_WITH(set_up_spent,
			a_reuse_that_is_told_has_ended_the_session_and_one_that_failed_ends_it_next_time),
	};

	return RUN_ALL(tests);
}
