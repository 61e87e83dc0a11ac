/* SPDX-License-Identifier: MIT */
/* The WRITE lane with a committer: each call of a frame is one of its jobs. */
#include "server/rpc/rpc_priv.h"

struct lk_write_call {
	struct lk_work *work;
	struct lk_slot *slot;
	struct lk_call call;
	ProtobufCMessage *request;
	ProtobufCMessage *response;
	struct lk_commit_job job;
	bool was_served; /* the handler said OK, so that the outcome is that of the commit */
};

static void answer(struct lk_work *work)
{
	for (size_t i = 0; i < work->n_slots; i++) {
		struct lk_write_call *write = &work->writes[i];

		lk_dispatch_reply(work, write->slot, write->response, write->call.traceparent);
	}
	atomic_fetch_sub(&work->server->writes_under_way, 1);
	lk_work_finish(work);
}

/* Whoever counts down to zero is the only one left who knows the frame. */
static void count_down(struct lk_work *work)
{
	if (atomic_fetch_sub(&work->pending, 1) == 1)
		answer(work);
}

static struct lk_status run_job(void *arg, struct lk_txn *txn)
{
	struct lk_write_call *write = arg;
	struct lk_call *call = &write->call;
	struct lk_status st;

	call->txn = txn;
	call->on_commit = NULL;
	call->answer = LK_SUCCESS;
	write->was_served = false;
	/* Anew, since time has passed. */
	LK_TRY(lk_intercept_before(write->work->server, call, write->request));
	LK_TRY(lk_answer_recall(call, txn, &write->response));
	if (write->response != NULL)
		return LK_SUCCESS;
	st = lk_dispatch_serve(write->slot->entry, call, write->request, &write->response);
	write->was_served = st.code == LK_OK;
	if (st.code == LK_OK && call->answer.code == LK_OK)
		st = lk_answer_record(call, txn, write->response);
	return st;
}

static void end_job(void *arg, struct lk_status status)
{
	struct lk_write_call *write = arg;

	write->slot->status = status;
	if (write->was_served && status.code == LK_OK)
		write->slot->status = write->call.answer;
	if (write->was_served && write->call.on_commit != NULL)
		write->call.on_commit(write->call.on_commit_arg, status);
	count_down(write->work);
}

static void prepare(struct lk_work *work, size_t i)
{
	struct lk_write_call *write = &work->writes[i];
	struct lk_slot *slot = &work->slots[i];

	write->work = work;
	write->slot = slot;
	write->call.traceparent = "";
	write->job = (struct lk_commit_job) { .run = run_job, .done = end_job, .arg = write };
	if (slot->status.code == LK_OK)
		slot->status = lk_dispatch_prepare(work, slot, &write->call, &write->request);
}

/* As if nothing had been prepared, but for the calls that were refused before. */
static bool must_compute(struct lk_work *work)
{
	bool must = false;

	for (size_t i = 0; i < work->n_slots; i++)
		must |= work->writes[i].call.must_compute;
	if (!must || work->may_compute)
		return false;
	(void)lk_dispatch_admit(work);
	lk_arena_reset(&work->arena);
	return true;
}

/* Whoever could not be queued is told when to come again. */
static struct lk_status refused(struct lk_status st)
{
	if (st.code == LK_RESOURCE_EXHAUSTED)
		st.retry_ms = LK_RETRY_FULL_MS;
	else if (st.code == LK_UNAVAILABLE)
		st.retry_ms = LK_RETRY_DRAINING_MS;
	return st;
}

static void submit(struct lk_write_call *write)
{
	struct lk_work *work = write->work;
	struct lk_status st;

	atomic_fetch_add(&work->pending, 1);
	st = lk_committer_submit(work->server->options.committer, &write->job);
	/* After a success the slot is no longer ours: the job may have ended already. */
	if (st.code == LK_OK)
		return;
	write->slot->status = refused(st);
	count_down(work);
}

bool lk_write_begin(struct lk_work *work)
{
	work->writes = lk_arena_calloc(&work->arena, work->n_slots, sizeof *work->writes);
	if (work->writes == NULL) {
		atomic_fetch_sub(&work->server->writes_under_way, 1);
		lk_work_refuse(
			work, LK_ERR(LK_RESOURCE_EXHAUSTED, "the frame needs too much memory"));
		return true;
	}
	/* All are prepared before the first is handed over: from then on the arena is the
	 * committer's. */
	for (size_t i = 0; i < work->n_slots; i++)
		prepare(work, i);
	if (must_compute(work))
		return false;
	/* The committer verifies what was verified here. */
	for (size_t i = 0; i < work->n_slots; i++)
		work->writes[i].call.may_compute = true;
	atomic_store(&work->pending, 1);
	for (size_t i = 0; i < work->n_slots; i++)
		if (work->slots[i].status.code == LK_OK)
			submit(&work->writes[i]);
	count_down(work);
	return true;
}

/* --- from other lanes --- */

struct change {
	struct lk_call *call;
	struct lk_status (*run)(void *arg, struct lk_txn *txn); /* NULL: nothing but recalled */
	void *arg;
	const ProtobufCMessage *response;
	bool has_run; /* so that an error is that of the change, not of the queue */
};

static struct lk_status run_change(void *arg, struct lk_txn *txn)
{
	struct change *change = arg;
	struct lk_call *call = change->call;
	struct lk_status st;

	change->has_run = true;
	LK_TRY(lk_answer_recall(call, txn, &call->replay));
	if (call->replay != NULL || change->run == NULL)
		return LK_SUCCESS;
	st = change->run(change->arg, txn);
	if (st.code == LK_OK)
		st = lk_answer_record(call, txn, change->response);
	return st;
}

static struct lk_status await_change(struct change *change)
{
	struct lk_committer *committer = change->call->server->options.committer;
	struct lk_status st;

	if (committer == NULL)
		return LK_ERR(LK_UNIMPLEMENTED, "this server changes nothing");
	st = lk_committer_run(committer, run_change, change);
	return change->has_run ? st : refused(st);
}

struct lk_status lk_call_commit(struct lk_call *call,
	struct lk_status (*run)(void *arg, struct lk_txn *txn), void *arg,
	const ProtobufCMessage *response)
{
	return await_change(&(struct change) { call, run, arg, response, false });
}

struct lk_status lk_call_recall(struct lk_call *call)
{
	if (call->idempotency_key.n == 0)
		return LK_SUCCESS;
	return await_change(&(struct change) { .call = call });
}
