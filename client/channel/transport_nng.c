/* SPDX-License-Identifier: MIT */
/* Frames over nng's req protocol, one context per slot.
 *
 * nng 1.5.2 asks for care: a context copies the resend time when it is opened, so resending is
 * turned off before; a receive that ends while its send still waits frees the message under the
 * send, so receiving starts in the send's callback; without a limit on sizes a length header of
 * eight bytes aborts the process; its timeouts may hit the next operation, or one whose socket is
 * gone, so there are none and the lane cancels what is late. */
#include "client/channel/channel_priv.h"

#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#define RECONNECT_MIN_MS 10
#define RECONNECT_MAX_MS 1000

/* The request id comes before the reply frame. */
#define RECEIVE_MAX (LK_REPLY_FRAME_MAX + 64)

struct place {
	struct lk_slot *slot;
	nng_ctx ctx;
	nng_aio *aio;
	nng_msg *frame; /* between reserve and send */
	bool is_receiving;
};

struct wire {
	nng_socket socket;
	bool is_open;
	size_t n_places; /* that have a context and an aio */
	struct place places[];
};

static struct lk_status status_of(int error, bool was_sent)
{
	if (error == NNG_ENOMEM)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	if (!was_sent)
		return LK_ERR(LK_UNAVAILABLE, "the call could not be sent");
	return LK_ERR(
		LK_UNAVAILABLE, "the connection was lost; whether the call took effect is unknown");
}

static void receive(struct place *place)
{
	place->is_receiving = true;
	nng_ctx_recv(place->ctx, place->aio);
}

static void take_reply(struct place *place)
{
	nng_msg *reply = nng_aio_get_msg(place->aio);
	uint8_t *data = nng_msg_body(reply);
	size_t n = nng_msg_len(reply);

	nng_aio_set_msg(place->aio, NULL);
	lk_slot_answered(place->slot, (struct lk_bytes) { data, n });
	/* Answers hold secrets, such as that of a new key. */
	lk_wipe(data, n);
	nng_msg_free(reply);
}

static void step(void *arg)
{
	struct place *place = arg;
	int error = nng_aio_result(place->aio);

	if (error == 0 && place->is_receiving) {
		take_reply(place);
	} else if (error == 0) {
		receive(place);
	} else {
		/* The message of a send that failed is ours again. */
		if (!place->is_receiving && nng_aio_get_msg(place->aio) != NULL)
			nng_msg_free(nng_aio_get_msg(place->aio));
		nng_aio_set_msg(place->aio, NULL);
		lk_slot_failed(place->slot, status_of(error, place->is_receiving));
	}
}

static uint8_t *reserve(struct lk_slot *slot, size_t n)
{
	struct place *place = slot->place;

	return nng_msg_alloc(&place->frame, n) == 0 ? nng_msg_body(place->frame) : NULL;
}

static void send_frame(struct lk_slot *slot)
{
	struct place *place = slot->place;

	place->is_receiving = false;
	nng_aio_set_msg(place->aio, place->frame);
	place->frame = NULL;
	nng_ctx_send(place->ctx, place->aio);
}

static void cancel(struct lk_slot *slot)
{
	const struct place *place = slot->place;

	nng_aio_cancel(place->aio);
}

static void close_wire(struct lk_batcher *batcher)
{
	struct wire *wire = batcher->wire;

	if (wire == NULL)
		return;
	/* Before the contexts that the aios may still refer to. */
	for (size_t i = 0; i < wire->n_places; i++)
		nng_aio_free(wire->places[i].aio);
	if (wire->is_open)
		nng_close(wire->socket);
	lk_free(wire);
}

static const struct lk_transport transport = {
	.reserve = reserve,
	.send = send_frame,
	.cancel = cancel,
	.close = close_wire,
};

/* --- opening --- */

static void notice_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	(void)pipe;
	if (event == NNG_PIPE_EV_ADD_POST)
		lk_batcher_connected(arg);
	else
		lk_batcher_disconnected(arg);
}

static int open_socket(struct lk_batcher *batcher, struct wire *wire)
{
	nng_socket socket;
	int error = nng_req0_open(&wire->socket);

	if (error != 0)
		return error;
	wire->is_open = true;
	socket = wire->socket;
	if ((error = nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) ==
			0 &&
		(error = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, RECEIVE_MAX)) == 0 &&
		(error = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS)) == 0 &&
		(error = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS)) == 0 &&
		(error = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, notice_pipe, batcher)) == 0)
		error = nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, notice_pipe, batcher);
	return error;
}

static int open_place(struct lk_slot *slot, struct wire *wire)
{
	struct place *place = &wire->places[wire->n_places];
	int error = nng_ctx_open(&place->ctx, wire->socket);

	/* The socket's close closes its contexts. */
	if (error == 0)
		error = nng_aio_alloc(&place->aio, step, place);
	if (error != 0)
		return error;
	nng_aio_set_timeout(place->aio, NNG_DURATION_INFINITE);
	place->slot = slot;
	slot->place = place;
	wire->n_places++;
	return 0;
}

static int dial(const struct wire *wire, const char *url)
{
	nng_dialer dialer;
	int error = nng_dialer_create(&dialer, wire->socket, url);

	if (error == 0 && strncmp(url, "tcp:", 4) == 0) {
		error = nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
		if (error == 0)
			error = nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true);
	}
	return error != 0 ? error : nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
}

static int open_wire(struct lk_batcher *batcher, struct wire *wire, const char *url)
{
	int error = open_socket(batcher, wire);

	for (int i = LK_LANE_FAST; error == 0 && i < LK_LANES; i++)
		for (unsigned j = 0; error == 0 && j < batcher->lanes[i].window; j++)
			error = open_place(&batcher->lanes[i].slots[j], wire);
	return error != 0 ? error : dial(wire, url);
}

static bool is_url(const char *url)
{
	return url != NULL && (strncmp(url, "tcp://", 6) == 0 || strncmp(url, "ipc://", 6) == 0);
}

struct lk_status lk_channel_open(
	const struct lk_channel_options *options, struct lk_channel **channel_out)
{
	struct lk_batcher_options batching = { .transport = &transport,
		.credential = options->credential,
		.window = options->window,
		.pending_max = options->pending_max,
		.connect_timeout_ms = options->connect_timeout_ms };
	struct lk_batcher *batcher;
	struct wire *wire;
	int error;

	if (!is_url(options->url))
		return LK_BAD_FIELD("url", "must begin with tcp:// or ipc://");
	LK_TRY(lk_batcher_new(&batching, &batcher));
	wire = lk_alloc(sizeof *wire + lk_batcher_slots(batcher) * sizeof wire->places[0]);
	batcher->wire = wire;
	error = wire != NULL ? open_wire(batcher, wire, options->url) : NNG_ENOMEM;
	if (error == 0) {
		*channel_out = &batcher->base;
		return LK_SUCCESS;
	}
	lk_channel_close(&batcher->base);
	if (error == NNG_EINVAL || error == NNG_EADDRINVAL || error == NNG_ENOTSUP)
		return LK_BAD_FIELD("url", "is not an address to connect to");
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory or threads are short");
}
