/* SPDX-License-Identifier: MIT */
#include "tests/channel/responder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/protocol/reqrep0/rep.h>

/* Tests cannot go on without these. */
static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "responder: %s\n", what);
	abort();
}

void put_reply_with(struct lk_buf *reply, struct lk_frame_reply head, struct lk_bytes body)
{
	uint8_t *at;

	head.body = body;
	at = lk_frame_put_reply(reply, &head);
	must(at != NULL, "no room for the reply");
	if (body.n > 0)
		memcpy(at, body.data, body.n);
}

void put_reply(struct lk_buf *reply, uint32_t id, enum lk_code code, const char *why)
{
	struct lk_bytes text = { (const uint8_t *)why, strlen(why) };

	put_reply_with(reply, (struct lk_frame_reply) { .id = id, .code = code, .why = text },
		(struct lk_bytes) { NULL, 0 });
}

enum verdict answer_echo(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	(void)responder;
	lk_frame_put_reply_head(reply, request->head.n_calls);
	for (unsigned i = 0; i < request->head.n_calls; i++)
		put_reply_with(reply, (struct lk_frame_reply) { .id = request->calls[i].id },
			request->calls[i].body);
	return REPLY;
}

enum verdict answer_backwards(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	(void)responder;
	lk_frame_put_reply_head(reply, request->head.n_calls);
	for (unsigned i = request->head.n_calls; i-- > 0;)
		put_reply_with(reply, (struct lk_frame_reply) { .id = request->calls[i].id },
			request->calls[i].body);
	return REPLY;
}

enum verdict answer_park(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	(void)responder;
	(void)request;
	(void)reply;
	return PARK;
}

static void remember(
	struct responder *responder, const struct request *request, struct lk_bytes frame)
{
	const struct lk_frame_call *call = &request->calls[0];
	unsigned n = request->head.n_calls;

	pthread_mutex_lock(&responder->mutex);
	memcpy(responder->last, frame.data, frame.n);
	responder->last_metadata =
		(struct lk_bytes) { responder->last + (call->metadata.data - frame.data),
			call->metadata.n };
	responder->last_subject =
		(struct lk_bytes) { responder->last + (call->subject.data - frame.data),
			call->subject.n };
	responder->last_credential =
		(struct lk_bytes) { responder->last + (request->head.credential.data - frame.data),
			request->head.credential.n };
	responder->last_remaining_ms = call->remaining_ms;
	responder->n_frames++;
	responder->n_calls += n;
	if (n > responder->largest)
		responder->largest = n;
	pthread_mutex_unlock(&responder->mutex);
}

static void read_request(struct lk_bytes frame, struct request *request)
{
	struct lk_cursor cursor = lk_cursor_over(frame);

	must(frame.n <= LK_REQUEST_FRAME_MAX, "the frame is too large");
	must(lk_frame_read_head(&cursor, &request->head).code == LK_OK, "a bad head");
	for (unsigned i = 0; i < request->head.n_calls; i++)
		must(lk_frame_read_call(&cursor, &request->calls[i]).code == LK_OK, "a bad call");
	must(lk_cursor_clean_end(&cursor), "bytes after the last call");
}

enum verdict responder_answer(
	struct responder *responder, struct lk_bytes frame, struct lk_buf *reply)
{
	struct request request;

	read_request(frame, &request);
	remember(responder, &request, frame);
	return atomic_load(&responder->behave)(responder, &request, reply);
}

static void receive(struct seat *seat)
{
	seat->is_replying = false;
	nng_ctx_recv(seat->ctx, seat->aio);
}

static void send_reply(struct seat *seat, struct lk_buf *reply)
{
	nng_msg *msg;

	must(nng_msg_alloc(&msg, 0) == 0, "no memory");
	must(nng_msg_append(msg, reply->data, reply->n) == 0, "no memory");
	nng_aio_set_msg(seat->aio, msg);
	seat->is_replying = true;
	nng_ctx_send(seat->ctx, seat->aio);
}

static void park(struct seat *seat, nng_msg *msg)
{
	struct responder *responder = seat->responder;

	pthread_mutex_lock(&responder->mutex);
	seat->parked = msg;
	responder->n_parked++;
	pthread_cond_broadcast(&responder->changed);
	pthread_mutex_unlock(&responder->mutex);
}

static void handle(struct seat *seat, nng_msg *msg)
{
	struct lk_bytes frame = { nng_msg_body(msg), nng_msg_len(msg) };
	struct lk_buf reply;
	enum verdict verdict;

	lk_buf_init(&reply, 4 * LK_REPLY_FRAME_MAX);
	verdict = responder_answer(seat->responder, frame, &reply);
	if (verdict == PARK) {
		park(seat, msg);
		lk_buf_fini(&reply);
		return;
	}
	if (verdict == HANG_UP)
		nng_pipe_close(nng_msg_get_pipe(msg));
	nng_msg_free(msg);
	if (verdict == REPLY)
		send_reply(seat, &reply);
	else
		receive(seat);
	lk_buf_fini(&reply);
}

static void step(void *arg)
{
	struct seat *seat = arg;
	int error = nng_aio_result(seat->aio);
	nng_msg *msg = nng_aio_get_msg(seat->aio);

	nng_aio_set_msg(seat->aio, NULL);
	if (error == NNG_ECLOSED || error == NNG_ECANCELED) {
		if (seat->is_replying && msg != NULL)
			nng_msg_free(msg);
		return;
	}
	if (error == 0 && !seat->is_replying) {
		handle(seat, msg);
		return;
	}
	if (error != 0 && seat->is_replying && msg != NULL)
		nng_msg_free(msg);
	receive(seat);
}

static void answer_parked(struct seat *seat, nng_msg *msg)
{
	struct request request;
	struct lk_buf reply;

	lk_buf_init(&reply, 4 * LK_REPLY_FRAME_MAX);
	read_request((struct lk_bytes) { nng_msg_body(msg), nng_msg_len(msg) }, &request);
	answer_echo(seat->responder, &request, &reply);
	nng_msg_free(msg);
	send_reply(seat, &reply);
	lk_buf_fini(&reply);
}

void responder_release(struct responder *responder)
{
	nng_msg *parked[RESPONDER_SEATS];

	/* What the answers bring about is not released with them. */
	pthread_mutex_lock(&responder->mutex);
	for (unsigned i = 0; i < RESPONDER_SEATS; i++) {
		parked[i] = responder->seats[i].parked;
		responder->seats[i].parked = NULL;
	}
	responder->n_parked = 0;
	pthread_mutex_unlock(&responder->mutex);
	for (unsigned i = 0; i < RESPONDER_SEATS; i++)
		if (parked[i] != NULL)
			answer_parked(&responder->seats[i], parked[i]);
}

void responder_await_parked(struct responder *responder, unsigned n)
{
	pthread_mutex_lock(&responder->mutex);
	while (responder->n_parked < n)
		pthread_cond_wait(&responder->changed, &responder->mutex);
	pthread_mutex_unlock(&responder->mutex);
}

static void listen_on(struct responder *responder)
{
	nng_listener listener;
	int port;

	must(nng_listen(responder->socket, responder->url, &listener, 0) == 0, "cannot listen");
	if (strncmp(responder->url, "tcp:", 4) != 0)
		return;
	must(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port) == 0, "no port");
	snprintf(responder->url, sizeof responder->url, "tcp://127.0.0.1:%d", port);
}

void responder_start(struct responder *responder, behave_fn behave)
{
	responder->behave = behave;
	pthread_mutex_init(&responder->mutex, NULL);
	pthread_cond_init(&responder->changed, NULL);
	must(nng_rep0_open(&responder->socket) == 0, "no socket");
	for (unsigned i = 0; i < RESPONDER_SEATS; i++) {
		struct seat *seat = &responder->seats[i];

		*seat = (struct seat) { .responder = responder };
		must(nng_ctx_open(&seat->ctx, responder->socket) == 0, "no context");
		must(nng_aio_alloc(&seat->aio, step, seat) == 0, "no aio");
		receive(seat);
	}
	listen_on(responder);
}

void responder_stop(struct responder *responder)
{
	for (unsigned i = 0; i < RESPONDER_SEATS; i++)
		nng_aio_stop(responder->seats[i].aio);
	nng_close(responder->socket);
	for (unsigned i = 0; i < RESPONDER_SEATS; i++) {
		nng_aio_free(responder->seats[i].aio);
		if (responder->seats[i].parked != NULL)
			nng_msg_free(responder->seats[i].parked);
	}
	pthread_cond_destroy(&responder->changed);
	pthread_mutex_destroy(&responder->mutex);
}
