/* SPDX-License-Identifier: MIT */
/* The committer: one thread that does all durable changes of this process.
 *
 * It takes what is waiting, runs each job against one transaction, commits once (one synced
 * write), lets `on_commit` bring the verification index up to date, and only then reports to
 * the jobs. When a condition failed because another process wrote, the jobs of that group are
 * run again, one by one, each with a commit of its own. After a failed write jobs still run, and
 * hear from the store that nothing can be committed any more: whoever has to deny what could not
 * be revoked learns of it in `done`.
 */
#pragma once

#include "server/store/txn.h"

/* One change. The memory is the caller's and stays put until `done` was called. */
struct lk_commit_job {
	/* Reads and writes through the transaction. May run more than once; what it wrote is
	 * rolled back when it returns an error. */
	struct lk_status (*run)(void *arg, struct lk_txn *txn);
	/* Called exactly once, on the committer's thread, after the group's commit: with its
	 * error if it failed (what `run` saw may then never have been true), else with what
	 * `run` returned. LK_ABORTED when others kept changing what the job had read. */
	void (*done)(void *arg, struct lk_status status);
	void *arg;
	struct lk_commit_job *next; /* the committer's own */
};

struct lk_committer;

struct lk_committer_options {
	struct lk_store *store; /* must outlive the committer */
	size_t queue_max;       /* jobs waiting; 0: 4096 */
	size_t group_max;       /* jobs of one commit; 0: 512 */
	/* Called after each commit, before its jobs' `done`. May be NULL. */
	void (*on_commit)(void *arg, uint64_t seq);
	void *arg;
};

/* LK_RESOURCE_EXHAUSTED  no memory, or no thread */
LK_MUST_USE struct lk_status lk_committer_start(
	const struct lk_committer_options *options, struct lk_committer **committer_out);

/* Finishes what is queued, ends the thread and frees the committer: nobody may submit any more.
 * NULL is allowed. */
void lk_committer_stop(struct lk_committer *committer);

/* Queues a job. Thread-safe, never blocks.
 *
 * LK_RESOURCE_EXHAUSTED  the queue is full; `done` will not be called
 * LK_UNAVAILABLE         the committer is stopping; likewise
 */
LK_MUST_USE struct lk_status lk_committer_submit(
	struct lk_committer *committer, struct lk_commit_job *job);

/* Queues a job and waits for its outcome: for the sweeper and other background work. Never from
 * the committer's own callbacks. Codes as lk_committer_submit and as `done`. */
LK_MUST_USE struct lk_status lk_committer_run(struct lk_committer *committer,
	struct lk_status (*run)(void *arg, struct lk_txn *txn), void *arg);

/* False after a failed write: every later change is refused until a restart. */
bool lk_committer_is_writable(const struct lk_committer *committer);
