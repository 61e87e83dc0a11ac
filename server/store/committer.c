/* SPDX-License-Identifier: MIT */
#include "server/store/committer.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "proto/wire/arena.h"

#define QUEUE_MAX_DEFAULT 4096
#define GROUP_MAX_DEFAULT 512

/* How often a job runs alone before its caller hears of the conflict. */
#define LONE_TRIES_MAX 8

struct job_queue {
	struct lk_commit_job *first;
	struct lk_commit_job *last;
	size_t n;
};

struct lk_committer {
	struct lk_committer_options options;
	pthread_t thread;
	pthread_mutex_t mutex; /* of waiting and is_stopping */
	pthread_cond_t work;
	struct job_queue waiting;
	bool is_stopping;
	atomic_bool is_writable;

	/* The thread's own. */
	struct lk_txn *txn;
	struct lk_status *results; /* of the group's jobs, in order */
};

static void push(struct job_queue *queue, struct lk_commit_job *job)
{
	job->next = NULL;
	if (queue->last != NULL)
		queue->last->next = job;
	else
		queue->first = job;
	queue->last = job;
	queue->n++;
}

static struct lk_commit_job *pop(struct job_queue *queue)
{
	struct lk_commit_job *job = queue->first;

	queue->first = job->next;
	if (queue->first == NULL)
		queue->last = NULL;
	queue->n--;
	return job;
}

/* --- the thread --- */

/* Runs one job; what it wrote is undone if it fails. */
static struct lk_status run_job(struct lk_txn *txn, const struct lk_commit_job *job)
{
	size_t mark = lk_txn_mark(txn);
	struct lk_status st = job->run(job->arg, txn);

	if (st.code != LK_OK)
		lk_txn_rollback(txn, mark);
	return st;
}

/* Runs as many jobs as fit into one transaction and returns how many. A job that no longer fits
 * runs again in the next one; alone, it gets the error. */
static size_t run_jobs(struct lk_committer *committer, const struct job_queue *group)
{
	size_t n = 0;

	lk_txn_reset(committer->txn);
	for (const struct lk_commit_job *job = group->first; job != NULL; job = job->next) {
		struct lk_status st = run_job(committer->txn, job);

		if (n > 0 && st.code != LK_OK && lk_txn_is_full(committer->txn))
			break;
		committer->results[n++] = st;
	}
	return n;
}

static struct lk_status commit(struct lk_committer *committer)
{
	uint64_t seq = 0;
	struct lk_status st = lk_txn_commit(committer->txn, &seq);

	if (st.code == LK_UNAVAILABLE)
		atomic_store(&committer->is_writable, false);
	if (st.code == LK_OK && seq > 0 && committer->options.on_commit != NULL)
		committer->options.on_commit(committer->options.arg, seq);
	return st;
}

/* A whole life of one job in commits of its own. */
static struct lk_status run_alone(struct lk_committer *committer, const struct lk_commit_job *job)
{
	struct lk_status st = LK_SUCCESS;

	for (int try = 0; try < LONE_TRIES_MAX; try++) {
		struct lk_status committed;

		lk_txn_reset(committer->txn);
		st = run_job(committer->txn, job);
		committed = commit(committer);
		if (committed.code == LK_OK)
			return st;
		st = committed;
		if (st.code != LK_ABORTED)
			return st;
	}
	return st;
}

/* Empties the group: commits, tells the outcome, and goes on with those that did not fit. */
static void finish_group(struct lk_committer *committer, struct job_queue *group)
{
	while (group->n > 0) {
		size_t n = run_jobs(committer, group);
		struct lk_status committed = commit(committer);

		for (size_t i = 0; i < n; i++) {
			struct lk_commit_job *job = pop(group);
			struct lk_status st = committed;

			if (committed.code == LK_ABORTED)
				st = run_alone(committer, job);
			else if (committed.code == LK_OK)
				st = committer->results[i];
			job->done(job->arg, st);
		}
	}
	lk_txn_reset(committer->txn);
}

static void *run_thread(void *arg)
{
	struct lk_committer *committer = arg;
	struct job_queue group = { 0 };

	pthread_mutex_lock(&committer->mutex);
	for (;;) {
		while (committer->waiting.n == 0 && !committer->is_stopping)
			pthread_cond_wait(&committer->work, &committer->mutex);
		if (committer->waiting.n == 0)
			break;
		while (committer->waiting.n > 0 && group.n < committer->options.group_max)
			push(&group, pop(&committer->waiting));
		pthread_mutex_unlock(&committer->mutex);
		finish_group(committer, &group);
		pthread_mutex_lock(&committer->mutex);
	}
	pthread_mutex_unlock(&committer->mutex);
	return NULL;
}

/* --- the callers --- */

static void free_committer(struct lk_committer *committer)
{
	pthread_cond_destroy(&committer->work);
	pthread_mutex_destroy(&committer->mutex);
	lk_txn_free(committer->txn);
	lk_free(committer->results);
	lk_free(committer);
}

struct lk_status lk_committer_start(
	const struct lk_committer_options *options, struct lk_committer **committer_out)
{
	struct lk_committer *committer = lk_alloc(sizeof *committer);
	struct lk_status st = LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");

	if (committer == NULL)
		return st;
	pthread_mutex_init(&committer->mutex, NULL);
	pthread_cond_init(&committer->work, NULL);
	atomic_init(&committer->is_writable, true);
	committer->options = *options;
	if (committer->options.queue_max == 0)
		committer->options.queue_max = QUEUE_MAX_DEFAULT;
	if (committer->options.group_max == 0)
		committer->options.group_max = GROUP_MAX_DEFAULT;
	committer->results = lk_alloc(committer->options.group_max * sizeof committer->results[0]);
	if (committer->results == NULL)
		goto out;
	st = lk_txn_new(options->store, &committer->txn);
	if (st.code != LK_OK)
		goto out;
	if (pthread_create(&committer->thread, NULL, run_thread, committer) != 0) {
		st = LK_ERR(LK_RESOURCE_EXHAUSTED, "no thread for the committer");
		goto out;
	}
	*committer_out = committer;
	return LK_SUCCESS;
out:
	free_committer(committer);
	return st;
}

void lk_committer_stop(struct lk_committer *committer)
{
	if (committer == NULL)
		return;
	pthread_mutex_lock(&committer->mutex);
	committer->is_stopping = true;
	pthread_cond_signal(&committer->work);
	pthread_mutex_unlock(&committer->mutex);
	pthread_join(committer->thread, NULL);
	free_committer(committer);
}

struct lk_status lk_committer_submit(struct lk_committer *committer, struct lk_commit_job *job)
{
	struct lk_status st = LK_SUCCESS;

	assert(job->run != NULL && job->done != NULL);
	pthread_mutex_lock(&committer->mutex);
	if (committer->is_stopping) {
		st = LK_ERR(LK_UNAVAILABLE, "the server is shutting down");
	} else if (committer->waiting.n >= committer->options.queue_max) {
		st = LK_ERR(LK_RESOURCE_EXHAUSTED, "too many changes are waiting");
	} else {
		push(&committer->waiting, job);
		pthread_cond_signal(&committer->work);
	}
	pthread_mutex_unlock(&committer->mutex);
	return st;
}

/* What lk_committer_run waits for. */
struct outcome {
	struct lk_status (*run)(void *arg, struct lk_txn *txn);
	void *arg;
	pthread_mutex_t mutex;
	pthread_cond_t came;
	bool is_done;
	struct lk_status status;
};

static struct lk_status run_awaited(void *arg, struct lk_txn *txn)
{
	struct outcome *outcome = arg;

	return outcome->run(outcome->arg, txn);
}

static void note_outcome(void *arg, struct lk_status status)
{
	struct outcome *outcome = arg;

	pthread_mutex_lock(&outcome->mutex);
	outcome->status = status;
	outcome->is_done = true;
	pthread_cond_signal(&outcome->came);
	pthread_mutex_unlock(&outcome->mutex);
}

struct lk_status lk_committer_run(struct lk_committer *committer,
	struct lk_status (*run)(void *arg, struct lk_txn *txn), void *arg)
{
	struct outcome outcome = { .run = run,
		.arg = arg,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.came = PTHREAD_COND_INITIALIZER };
	struct lk_commit_job job = { run_awaited, note_outcome, &outcome, NULL };

	assert(!pthread_equal(pthread_self(), committer->thread));
	LK_TRY(lk_committer_submit(committer, &job));
	pthread_mutex_lock(&outcome.mutex);
	while (!outcome.is_done)
		pthread_cond_wait(&outcome.came, &outcome.mutex);
	pthread_mutex_unlock(&outcome.mutex);
	return outcome.status;
}

bool lk_committer_is_writable(const struct lk_committer *committer)
{
	return atomic_load(&committer->is_writable);
}
