/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "server/net/net_priv.h"

/* With half of the contexts taken a peer that does not read gets this long and no longer. */
#define HURRIED_REPLY_MS 50

static void receive(struct lk_context *context)
{
	context->is_sending = false;
	nng_aio_set_timeout(context->aio, NNG_DURATION_INFINITE);
	nng_ctx_recv(context->ctx, context->aio);
}

static void reap(struct lk_context *context)
{
	atomic_fetch_add(&context->endpoint->net->pipes_reaped, 1);
	nng_pipe_close(context->pipe);
}

/* Ends a frame, answered or not, and waits for the next. */
static void leave(struct lk_context *context, bool was_malformed)
{
	struct lk_net *net = context->endpoint->net;

	if (!lk_pipes_leave(net->pipes, (uint32_t)nng_pipe_id(context->pipe), was_malformed))
		reap(context);
}

static void wipe_request(nng_msg *msg)
{
	lk_wipe(nng_msg_body(msg), nng_msg_len(msg));
}

static void go_on(struct lk_context *context)
{
	atomic_fetch_sub(&context->endpoint->n_busy, 1);
	receive(context);
}

static void drop(struct lk_context *context, nng_msg *msg)
{
	wipe_request(msg);
	nng_msg_free(msg);
	go_on(context);
}

static void take_frame(struct lk_context *context)
{
	struct lk_endpoint *endpoint = context->endpoint;
	nng_msg *msg = nng_aio_get_msg(context->aio);
	struct lk_peer peer = { .is_operator = endpoint->is_operator };
	struct lk_bytes frame = { nng_msg_body(msg), nng_msg_len(msg) };

	context->msg = msg;
	context->pipe = nng_msg_get_pipe(msg);
	peer.id = (uint64_t)(uint32_t)nng_pipe_id(context->pipe);
	atomic_fetch_add(&endpoint->net->frames, 1);
	atomic_fetch_add(&endpoint->n_busy, 1);
	if (!lk_pipes_enter(endpoint->net->pipes, (uint32_t)peer.id)) {
		leave(context, false);
		reap(context);
		drop(context, msg);
		return;
	}
	lk_server_submit(endpoint->net->options.server, context->work, frame, &peer);
}

/* The server's answer, on any thread. */
static void send_answer(void *arg, struct lk_bytes reply, bool is_malformed)
{
	struct lk_context *context = arg;
	struct lk_endpoint *endpoint = context->endpoint;
	const struct lk_net_options *options = &endpoint->net->options;
	size_t n_busy = atomic_load(&endpoint->n_busy);
	uint32_t patience_ms = options->reply_timeout_ms;

	if (is_malformed)
		atomic_fetch_add(&endpoint->net->frames_malformed, 1);
	if (n_busy > options->contexts / 2 && patience_ms > HURRIED_REPLY_MS)
		patience_ms = HURRIED_REPLY_MS;
	wipe_request(context->msg);
	nng_msg_clear(context->msg);
	context->was_malformed = is_malformed;
	if (nng_msg_append(context->msg, reply.data, reply.n) != 0) {
		/* Without memory the peer learns by losing its connection. */
		leave(context, is_malformed);
		reap(context);
		drop(context, context->msg);
		return;
	}
	lk_work_wipe(context->work);
	context->is_sending = true;
	nng_aio_set_timeout(context->aio, (nng_duration)patience_ms);
	nng_aio_set_msg(context->aio, context->msg);
	nng_ctx_send(context->ctx, context->aio);
}

static void end_send(struct lk_context *context, int error)
{
	leave(context, context->was_malformed);
	if (error != 0)
		nng_msg_free(nng_aio_get_msg(context->aio));
	if (error == NNG_ETIMEDOUT)
		reap(context);
	go_on(context);
}

/* Never blocks: FAST frames are answered here, all others are handed on. */
static void step(void *arg)
{
	struct lk_context *context = arg;
	int error = nng_aio_result(context->aio);

	if (context->is_sending)
		end_send(context, error);
	else if (error == 0)
		take_frame(context);
	else if (error == NNG_ECLOSED || error == NNG_ECANCELED)
		atomic_fetch_sub(&context->endpoint->n_live, 1);
	else
		receive(context);
}

static struct lk_status open_context(struct lk_endpoint *endpoint, struct lk_context *context)
{
	context->endpoint = endpoint;
	context->work = lk_work_new(send_answer, context);
	if (context->work == NULL || nng_aio_alloc(&context->aio, step, context) != 0)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the contexts");
	if (nng_ctx_open(&context->ctx, endpoint->socket) != 0)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the contexts");
	atomic_fetch_add(&endpoint->n_live, 1);
	receive(context);
	return LK_SUCCESS;
}

struct lk_status lk_contexts_open(struct lk_endpoint *endpoint)
{
	size_t n = endpoint->net->options.contexts;

	endpoint->contexts = lk_alloc(n * sizeof *endpoint->contexts);
	if (endpoint->contexts == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the contexts");
	while (endpoint->n_contexts < n) {
		struct lk_context *context = &endpoint->contexts[endpoint->n_contexts++];

		LK_TRY(open_context(endpoint, context));
	}
	return LK_SUCCESS;
}

void lk_contexts_close(struct lk_endpoint *endpoint)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (atomic_load(&endpoint->n_live) > 0)
		nanosleep(&pause, NULL);
	for (size_t i = 0; i < endpoint->n_contexts; i++) {
		if (endpoint->contexts[i].aio != NULL)
			nng_aio_free(endpoint->contexts[i].aio);
		lk_work_free(endpoint->contexts[i].work);
	}
	lk_free(endpoint->contexts);
}
