/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "proto/wire/arena.h"
#include "server/store/committer.h"
#include "server/store/store_mem.h"
#include "tests/store/words.h"
#include "tests/support/check.h"
#include "tests/support/fault.h"

/* A gate that holds the committer's thread, so that jobs pile up behind it. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	bool is_reached;
	bool is_open;
};

struct fixture {
	struct lk_store *store;
	struct lk_committer *committer;
	struct gate gate;
	atomic_ulong last_seq; /* that on_commit told */
};

static void note_commit(void *arg, uint64_t seq)
{
	struct fixture *f = arg;

	atomic_store(&f->last_seq, seq);
}

static void start(struct fixture *f, size_t queue_max, size_t group_max)
{
	struct lk_store *mem;

	*f = (struct fixture) { .gate = { .mutex = PTHREAD_MUTEX_INITIALIZER,
					.moved = PTHREAD_COND_INITIALIZER } };
	CHECK_OK(lk_store_mem_open(&mem));
	f->store = fault_store_new(mem);
	CHECK_OK(lk_committer_start(&(struct lk_committer_options) { .store = f->store,
					    .queue_max = queue_max,
					    .group_max = group_max,
					    .on_commit = note_commit,
					    .arg = f },
		&f->committer));
}

static void finish(struct fixture *f)
{
	lk_committer_stop(f->committer);
	lk_store_close(f->store);
}

static void open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->is_open = true;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->mutex);
}

/* --- jobs --- */

struct job {
	struct lk_commit_job base;
	struct fixture *f;
	char key[16];
	const char *value;
	enum lk_code run_code; /* what run returns in the end */
	size_t n_puts;
	int n_runs;
	atomic_int n_done;
	struct lk_status status;
	unsigned long seq_seen; /* by done: what on_commit had told */
};

static struct lk_status run_job(void *arg, struct lk_txn *txn)
{
	struct job *job = arg;

	job->n_runs++;
	for (size_t i = 0; i < job->n_puts; i++) {
		struct lk_bytes value;
		char key[32];
		struct lk_status st;

		snprintf(key, sizeof key, i == 0 ? "%s" : "%s.%zu", job->key, i);
		st = lk_txn_get(txn, bytes_of(key), &value);
		if (st.code != LK_OK && st.code != LK_NOT_FOUND)
			return st;
		LK_TRY(lk_txn_put(txn, bytes_of(key), bytes_of(job->value), true));
	}
	return job->run_code == LK_OK ? LK_SUCCESS : LK_ERR(job->run_code, "as the test wants");
}

static void note_done(void *arg, struct lk_status status)
{
	struct job *job = arg;

	job->status = status;
	job->seq_seen = atomic_load(&job->f->last_seq);
	atomic_fetch_add(&job->n_done, 1);
}

static struct lk_status submit(struct fixture *f, struct job *job, const char *key)
{
	*job = (struct job) {
		.base = { run_job, note_done, job, NULL },
		.f = f,
		.value = "v",
		.n_puts = 1,
	};
	snprintf(job->key, sizeof job->key, "%s", key);
	return lk_committer_submit(f->committer, &job->base);
}

static struct lk_status hold(void *arg, struct lk_txn *txn)
{
	struct gate *gate = arg;

	(void)txn;
	pthread_mutex_lock(&gate->mutex);
	gate->is_reached = true;
	pthread_cond_broadcast(&gate->moved);
	while (!gate->is_open)
		pthread_cond_wait(&gate->moved, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
	return LK_SUCCESS;
}

static void ignore(void *arg, struct lk_status status)
{
	(void)arg;
	CHECK_OK(status);
}

/* Returns when the committer's thread is held in this job. */
static void hold_committer(struct fixture *f, struct lk_commit_job *job)
{
	*job = (struct lk_commit_job) { hold, ignore, &f->gate, NULL };
	CHECK_OK(lk_committer_submit(f->committer, job));
	pthread_mutex_lock(&f->gate.mutex);
	while (!f->gate.is_reached)
		pthread_cond_wait(&f->gate.moved, &f->gate.mutex);
	pthread_mutex_unlock(&f->gate.mutex);
}

static struct lk_status do_nothing(void *arg, struct lk_txn *txn)
{
	(void)arg;
	(void)txn;
	return LK_SUCCESS;
}

/* Returns when everything submitted before is done. */
static void drain(struct fixture *f)
{
	CHECK_OK(lk_committer_run(f->committer, do_nothing, NULL));
}

static void check_done(struct job *job, enum lk_code code)
{
	CHECK_EQ(atomic_load(&job->n_done), 1);
	CHECK_CODE(job->status, code);
}

/* --- tests --- */

TEST(jobs_that_wait_share_a_commit)
{
	static struct job jobs[100];
	struct lk_commit_job holder;
	struct fixture f;

	start(&f, 0, 0);
	hold_committer(&f, &holder);
	for (size_t i = 0; i < LK_COUNT(jobs); i++) {
		char key[16];

		snprintf(key, sizeof key, "k%zu", i);
		CHECK_OK(submit(&f, &jobs[i], key));
	}
	open_gate(&f.gate);
	drain(&f);
	for (size_t i = 0; i < LK_COUNT(jobs); i++) {
		check_done(&jobs[i], LK_OK);
		CHECK_EQ(jobs[i].seq_seen, 1);
		CHECK_EQ(seq_of(f.store, jobs[i].key), 1);
	}
	CHECK_EQ(fault_store_commits(f.store), 1);
	finish(&f);
}

TEST(a_group_has_at_most_so_many_jobs)
{
	struct job jobs[7];
	struct lk_commit_job holder;
	struct fixture f;

	start(&f, 0, 3);
	hold_committer(&f, &holder);
	for (size_t i = 0; i < LK_COUNT(jobs); i++)
		CHECK_OK(submit(&f, &jobs[i], "k"));
	open_gate(&f.gate);
	drain(&f);
	CHECK_EQ(fault_store_commits(f.store), 3);
	CHECK_EQ(jobs[2].seq_seen, 1);
	CHECK_EQ(jobs[6].seq_seen, 3);
	finish(&f);
}

TEST(a_job_that_fails_disturbs_no_other)
{
	struct job jobs[3];
	struct lk_commit_job holder;
	struct fixture f;

	start(&f, 0, 0);
	hold_committer(&f, &holder);
	CHECK_OK(submit(&f, &jobs[0], "a"));
	CHECK_OK(submit(&f, &jobs[1], "b"));
	jobs[1].run_code = LK_PERMISSION_DENIED;
	CHECK_OK(submit(&f, &jobs[2], "c"));
	open_gate(&f.gate);
	drain(&f);
	check_done(&jobs[0], LK_OK);
	check_done(&jobs[1], LK_PERMISSION_DENIED);
	check_done(&jobs[2], LK_OK);
	check_value(f.store, "a", "v");
	check_value(f.store, "b", NULL);
	check_value(f.store, "c", "v");
	CHECK_EQ(fault_store_commits(f.store), 1);
	finish(&f);
}

TEST(a_conflict_makes_the_jobs_of_a_group_run_again_alone)
{
	struct job jobs[3];
	struct lk_commit_job holder;
	struct fixture f;

	start(&f, 0, 0);
	hold_committer(&f, &holder);
	for (size_t i = 0; i < LK_COUNT(jobs); i++)
		CHECK_OK(submit(&f, &jobs[i], "k"));
	fault_store_abort_commits(f.store, 2);
	open_gate(&f.gate);
	drain(&f);
	for (size_t i = 0; i < LK_COUNT(jobs); i++) {
		check_done(&jobs[i], LK_OK);
		CHECK_EQ(jobs[i].n_runs, i == 0 ? 3 : 2);
		CHECK_EQ(jobs[i].seq_seen, i + 1);
	}
	finish(&f);
}

/* Reads, then lets another writer be quicker: the first two times. */
static struct lk_status run_raced(void *arg, struct lk_txn *txn)
{
	struct fixture *f = arg;
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, bytes_of("k"), &value);

	if (st.code != LK_OK && st.code != LK_NOT_FOUND)
		return st;
	if (seq_of(f->store, "k") < 2)
		put(f->store, "k", "other");
	return lk_txn_put(txn, bytes_of("k"), bytes_of("mine"), true);
}

TEST(a_job_decides_anew_when_another_writer_was_quicker)
{
	struct fixture f;

	start(&f, 0, 0);
	CHECK_OK(lk_committer_run(f.committer, run_raced, &f));
	check_value(f.store, "k", "mine");
	CHECK_EQ(seq_of(f.store, "k"), 3);
	finish(&f);
}

TEST(a_job_that_always_loses_is_told_so)
{
	struct job job;
	struct fixture f;

	start(&f, 0, 0);
	fault_store_abort_commits(f.store, 1000);
	CHECK_OK(submit(&f, &job, "k"));
	drain(&f);
	check_done(&job, LK_ABORTED);
	CHECK(job.n_runs >= 3 && job.n_runs < 20);
	fault_store_abort_commits(f.store, 0);
	CHECK_OK(submit(&f, &job, "k"));
	drain(&f);
	check_done(&job, LK_OK);
	finish(&f);
}

TEST(a_full_queue_refuses_at_once)
{
	struct job jobs[3];
	struct lk_commit_job holder;
	struct fixture f;

	start(&f, 2, 0);
	hold_committer(&f, &holder);
	CHECK_OK(submit(&f, &jobs[0], "a"));
	CHECK_OK(submit(&f, &jobs[1], "b"));
	CHECK_CODE(submit(&f, &jobs[2], "c"), LK_RESOURCE_EXHAUSTED);
	open_gate(&f.gate);
	lk_committer_stop(f.committer);
	check_done(&jobs[0], LK_OK);
	check_done(&jobs[1], LK_OK);
	CHECK_EQ(atomic_load(&jobs[2].n_done), 0);
	lk_store_close(f.store);
}

TEST(jobs_that_do_not_fit_together_follow_in_the_next_commit)
{
	struct job jobs[4];
	struct lk_commit_job holder;
	struct fixture f;

	start(&f, 0, 0);
	hold_committer(&f, &holder);
	for (size_t i = 0; i < LK_COUNT(jobs); i++) {
		char key[16];

		snprintf(key, sizeof key, "k%zu", i);
		CHECK_OK(submit(&f, &jobs[i], key));
		jobs[i].n_puts = LK_STORE_BATCH_OPS_MAX / 2;
	}
	jobs[3].n_puts = LK_STORE_BATCH_OPS_MAX + 1;
	open_gate(&f.gate);
	drain(&f);
	check_done(&jobs[0], LK_OK);
	check_done(&jobs[1], LK_OK);
	check_done(&jobs[2], LK_OK);
	check_done(&jobs[3], LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(jobs[1].seq_seen, 1);
	CHECK_EQ(jobs[2].seq_seen, 2);
	check_value(f.store, "k3", NULL);
	finish(&f);
}

TEST(a_failed_write_ends_all_writing)
{
	struct job jobs[4];
	struct lk_commit_job holder;
	struct fixture f;

	start(&f, 0, 2);
	CHECK(lk_committer_is_writable(f.committer));
	hold_committer(&f, &holder);
	for (size_t i = 0; i < 3; i++)
		CHECK_OK(submit(&f, &jobs[i], i == 0 ? "a" : "b"));
	jobs[1].run_code = LK_PERMISSION_DENIED;
	/* Two reads, then the commit. */
	fault_store_fail_nth(f.store, 3);
	open_gate(&f.gate);
	while (lk_committer_is_writable(f.committer))
		continue;
	/* Later jobs run, and hear that their writes cannot be stored. */
	CHECK_OK(submit(&f, &jobs[3], "c"));
	lk_committer_stop(f.committer);
	/* What the refused job saw of the others never came true, so it may not be told. */
	for (size_t i = 0; i < 4; i++)
		check_done(&jobs[i], LK_UNAVAILABLE);
	CHECK_EQ(jobs[2].n_runs, 1);
	CHECK_EQ(fault_store_commits(f.store), 0);
	CHECK_EQ(atomic_load(&f.last_seq), 0);
	lk_store_close(f.store);
}

#define THREADS 4
#define JOBS_EACH 200

static struct lk_status add_one(void *arg, struct lk_txn *txn)
{
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, bytes_of("counter"), &value);
	uint32_t n = 0;

	(void)arg;
	if (st.code == LK_OK)
		memcpy(&n, value.data, sizeof n);
	else if (st.code != LK_NOT_FOUND)
		return st;
	n++;
	value = (struct lk_bytes) { (const uint8_t *)&n, sizeof n };
	return lk_txn_put(txn, bytes_of("counter"), value, true);
}

static void *add_many(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < JOBS_EACH; i++) {
		if (lk_committer_run(f->committer, add_one, NULL).code != LK_OK)
			return NULL;
	}
	return f;
}

TEST(jobs_of_many_threads_lose_no_update)
{
	pthread_t threads[THREADS];
	struct lk_buf value;
	struct fixture f;
	void *result;
	uint64_t seq;
	uint32_t n;

	start(&f, 0, 0);
	fault_store_abort_commits(f.store, 5);
	for (size_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, add_many, &f), 0);
	for (size_t i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(threads[i], &result), 0);
		CHECK(result == &f);
	}
	lk_buf_init(&value, 4);
	CHECK_OK(lk_store_get(f.store, bytes_of("counter"), &value, &seq));
	memcpy(&n, value.data, sizeof n);
	CHECK_EQ(n, THREADS * JOBS_EACH);
	lk_buf_fini(&value);
	finish(&f);
}

TEST(starting_without_memory_leaves_nothing_behind)
{
	bool fired = true;
	struct lk_store *store;

	CHECK_OK(lk_store_mem_open(&store));
	for (unsigned long nth = 1; fired; nth++) {
		struct lk_committer *committer = NULL;
		struct lk_status st;

		lk_alloc_fail_nth(nth);
		st = lk_committer_start(
			&(struct lk_committer_options) { .store = store }, &committer);
		lk_committer_stop(committer);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
	}
	lk_store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(jobs_that_wait_share_a_commit),
		RUN(a_group_has_at_most_so_many_jobs),
		RUN(a_job_that_fails_disturbs_no_other),
		RUN(a_conflict_makes_the_jobs_of_a_group_run_again_alone),
		RUN(a_job_decides_anew_when_another_writer_was_quicker),
		RUN(a_job_that_always_loses_is_told_so),
		RUN(a_full_queue_refuses_at_once),
		RUN(jobs_that_do_not_fit_together_follow_in_the_next_commit),
		RUN(a_failed_write_ends_all_writing),
		RUN(jobs_of_many_threads_lose_no_update),
		RUN(starting_without_memory_leaves_nothing_behind),
	};

	return RUN_ALL(tests);
}
