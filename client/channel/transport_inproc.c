/* SPDX-License-Identifier: MIT */
#include "client/channel/channel_priv.h"

struct wire {
	lk_submit_fn submit;
	void *submit_arg;
	struct lk_buf frames[]; /* one per slot, by lane and slot */
};

static uint8_t *reserve(struct lk_slot *slot, size_t n)
{
	struct lk_buf *frame = slot->place;

	lk_buf_reset(frame);
	return lk_buf_reserve(frame, n);
}

static void take_reply(void *arg, struct lk_bytes reply)
{
	struct lk_slot *slot = arg;

	/* It holds secrets, and once the answer is taken the slot may be in use again. */
	lk_buf_reset(slot->place);
	lk_slot_answered(slot, reply);
}

static void send_frame(struct lk_slot *slot)
{
	const struct wire *wire = slot->lane->batcher->wire;
	const struct lk_buf *frame = slot->place;

	wire->submit(
		wire->submit_arg, (struct lk_bytes) { frame->data, frame->n }, take_reply, slot);
}

/* The server answers every frame; there is nothing to hurry. */
static void cancel(struct lk_slot *slot)
{
	(void)slot;
}

static void close_wire(struct lk_batcher *batcher)
{
	struct wire *wire = batcher->wire;

	for (size_t i = 0; wire != NULL && i < lk_batcher_slots(batcher); i++)
		lk_buf_fini(&wire->frames[i]);
	lk_free(wire);
}

static const struct lk_transport transport = {
	.reserve = reserve,
	.send = send_frame,
	.cancel = cancel,
	.close = close_wire,
};

static void assign_places(struct lk_batcher *batcher, struct wire *wire)
{
	struct lk_buf *frame = wire->frames;

	for (int i = LK_LANE_FAST; i < LK_LANES; i++)
		for (unsigned j = 0; j < batcher->lanes[i].window; j++, frame++) {
			lk_buf_init(frame, LK_REQUEST_FRAME_MAX);
			batcher->lanes[i].slots[j].place = frame;
		}
}

struct lk_status lk_channel_open_inproc(
	const struct lk_inproc_options *options, struct lk_channel **channel_out)
{
	struct lk_batcher_options batching = { .transport = &transport,
		.credential = options->credential,
		.window = options->window,
		.pending_max = options->pending_max };
	struct lk_batcher *batcher;
	struct wire *wire;

	LK_TRY(lk_batcher_new(&batching, &batcher));
	wire = lk_alloc(sizeof *wire + lk_batcher_slots(batcher) * sizeof wire->frames[0]);
	if (wire == NULL) {
		lk_channel_close(&batcher->base);
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	}
	wire->submit = options->submit;
	wire->submit_arg = options->submit_arg;
	assign_places(batcher, wire);
	batcher->wire = wire;
	atomic_store(&batcher->n_connections, 1);
	atomic_store(&batcher->n_connects, 1);
	*channel_out = &batcher->base;
	return LK_SUCCESS;
}
