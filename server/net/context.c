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

static uint32_t pipe_of(const struct lk_context *context)
{
	return (uint32_t)nng_pipe_id(context->pipe);
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

/* The frame is not answered: its pipe is condemned or gone. */
static void drop(struct lk_context *context)
{
	lk_pipes_leave(context->endpoint->net->pipes, pipe_of(context));
	wipe_request(context->msg);
	nng_msg_free(context->msg);
	lk_work_wipe(context->work);
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
	peer.id = pipe_of(context);
	atomic_fetch_add(&endpoint->net->frames, 1);
	atomic_fetch_add(&endpoint->n_busy, 1);
	if (lk_pipes_enter(endpoint->net->pipes, pipe_of(context)))
		lk_server_submit(endpoint->net->options.server, context->work, frame, &peer);
	else
		drop(context);
}

static uint32_t patience_ms(const struct lk_endpoint *endpoint)
{
	const struct lk_net_options *options = &endpoint->net->options;

	if (atomic_load(&endpoint->n_busy) > options->contexts / 2 &&
		options->reply_timeout_ms > HURRIED_REPLY_MS)
		return HURRIED_REPLY_MS;
	return options->reply_timeout_ms;
}

/* The server's answer, on any thread. */
static void send_answer(void *arg, struct lk_bytes reply, bool is_malformed)
{
	struct lk_context *context = arg;
	struct lk_net *net = context->endpoint->net;

	lk_pipes_judge(net->pipes, pipe_of(context), is_malformed);
	if (is_malformed)
		atomic_fetch_add(&net->frames_malformed, 1);
	if (lk_pipes_is_condemned(net->pipes, pipe_of(context))) {
		drop(context);
		return;
	}
	wipe_request(context->msg);
	nng_msg_clear(context->msg);
	if (nng_msg_append(context->msg, reply.data, reply.n) != 0) {
		/* Without memory the peer learns by losing its connection. */
		lk_pipes_condemn(net->pipes, pipe_of(context));
		drop(context);
		return;
	}
	lk_work_wipe(context->work);
	context->is_sending = true;
	nng_aio_set_timeout(context->aio, (nng_duration)patience_ms(context->endpoint));
	nng_aio_set_msg(context->aio, context->msg);
	nng_ctx_send(context->ctx, context->aio);
}

static void end_send(struct lk_context *context, int error)
{
	struct lk_pipes *pipes = context->endpoint->net->pipes;

	lk_pipes_leave(pipes, pipe_of(context));
	if (error != 0)
		nng_msg_free(nng_aio_get_msg(context->aio));
	if (error == NNG_ETIMEDOUT)
		lk_pipes_condemn(pipes, pipe_of(context));
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
