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
	write->was_served = false;
	LK_TRY(lk_intercept_before(write->work->server, call, write->request));
	st = lk_dispatch_serve(write->slot, call, write->request, &write->response);
	write->was_served = st.code == LK_OK;
	return st;
}

static void end_job(void *arg, struct lk_status status)
{
	struct lk_write_call *write = arg;

	write->slot->status = status;
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

static void submit(struct lk_write_call *write)
{
	struct lk_work *work = write->work;
	struct lk_status st;

	atomic_fetch_add(&work->pending, 1);
	st = lk_committer_submit(work->server->options.committer, &write->job);
	/* After a success the slot is no longer ours: the job may have ended already. */
	if (st.code == LK_OK)
		return;
	if (st.code == LK_RESOURCE_EXHAUSTED)
		st.retry_ms = LK_RETRY_FULL_MS;
	else if (st.code == LK_UNAVAILABLE)
		st.retry_ms = LK_RETRY_DRAINING_MS;
	write->slot->status = st;
	count_down(work);
}

void lk_write_begin(struct lk_work *work)
{
	work->writes = lk_arena_calloc(&work->arena, work->n_slots, sizeof *work->writes);
	if (work->writes == NULL) {
		atomic_fetch_sub(&work->server->writes_under_way, 1);
		lk_work_refuse(
			work, LK_ERR(LK_RESOURCE_EXHAUSTED, "the frame needs too much memory"));
		return;
	}
	/* All are prepared before the first is handed over: from then on the arena is the
	 * committer's. */
	for (size_t i = 0; i < work->n_slots; i++)
		prepare(work, i);
	atomic_store(&work->pending, 1);
	for (size_t i = 0; i < work->n_slots; i++)
		if (work->slots[i].status.code == LK_OK)
			submit(&work->writes[i]);
	count_down(work);
}
