/* SPDX-License-Identifier: MIT */
#include "client/channel/channel_priv.h"

#include <errno.h>
#include <string.h>

/* Calls kept for reuse, and the largest buffer that is kept with one. */
#define POOL_MAX 4096
#define POOL_BUF_MAX 4096

/* A reply, unpacked: protobuf-c spends up to 32 bytes on two. */
#define SCRATCH_MAX (16 * LK_REPLY_FRAME_MAX)

/* A cancellation can come before the transport has begun to send, so it is repeated. */
#define CANCEL_AGAIN_MS 5

/* Frames of the lane HASH hold one call, so many are in flight: whoever is refused hears of it at
 * once. */
#define HASH_WINDOW 64

#define CLOSED LK_ERR(LK_CANCELLED, "the channel is closed")

bool lk_lane_init(struct lk_batch_lane *lane, struct lk_batcher *batcher, enum lk_lane number,
	struct lk_bytes credential)
{
	struct lk_frame_head head = { .lane = number, .credential = credential };

	lane->batcher = batcher;
	lane->waiting_end = &lane->waiting;
	pthread_mutex_init(&lane->mutex, NULL);
	lk_cond_init(&lane->quiet);
	lk_buf_init(&lane->head, LK_REQUEST_FRAME_MAX);
	lk_frame_put_head(&lane->head, &head);
	lane->window = batcher->window;
	if (number == LK_LANE_HASH)
		lane->window = HASH_WINDOW;
	lane->calls_max = lk_lane_calls_max(number);
	lane->slots = lk_alloc(lane->window * sizeof *lane->slots);
	for (unsigned i = 0; lane->slots != NULL && i < lane->window; i++) {
		struct lk_slot *slot = &lane->slots[i];

		slot->lane = lane;
		lk_arena_init(&slot->scratch, SCRATCH_MAX);
		slot->next = lane->free_slots;
		lane->free_slots = slot;
	}
	return lane->slots != NULL && !lane->head.failed;
}

static void free_call(struct lk_batch_call *call)
{
	lk_buf_fini(&call->packed);
	lk_free(call);
}

void lk_lane_fini(struct lk_batch_lane *lane)
{
	while (lane->pool != NULL) {
		struct lk_batch_call *call = lane->pool;

		lane->pool = call->next;
		free_call(call);
	}
	for (unsigned i = 0; lane->slots != NULL && i < lane->window; i++)
		lk_arena_fini(&lane->slots[i].scratch);
	lk_free(lane->slots);
	lk_buf_fini(&lane->head);
	pthread_cond_destroy(&lane->quiet);
	pthread_mutex_destroy(&lane->mutex);
}

struct lk_status lk_lane_new_call(struct lk_batch_lane *lane, struct lk_batch_call **call_out)
{
	struct lk_status status = LK_SUCCESS;
	struct lk_batch_call *call;

	pthread_mutex_lock(&lane->mutex);
	call = lane->pool;
	if (lane->is_closed)
		status = CLOSED;
	else if (lane->n_live >= lane->batcher->pending_max)
		status = LK_ERR(LK_RESOURCE_EXHAUSTED, "too many calls are outstanding");
	else if (call != NULL) {
		lane->pool = call->next;
		lane->n_pool--;
	}
	pthread_mutex_unlock(&lane->mutex);
	if (status.code != LK_OK)
		return status;
	if (call == NULL) {
		call = lk_alloc(sizeof *call);
		if (call == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
		lk_buf_init(&call->packed, LK_REQUEST_FRAME_MAX);
	}
	call->attempts = 0;
	*call_out = call;
	return LK_SUCCESS;
}

void lk_lane_recycle(struct lk_batch_lane *lane, struct lk_batch_call *chain)
{
	struct lk_batch_call *surplus = NULL;

	for (struct lk_batch_call *call = chain; call != NULL; call = call->next)
		if (call->packed.room > POOL_BUF_MAX)
			lk_buf_fini(&call->packed);
		else
			lk_buf_reset(&call->packed);
	pthread_mutex_lock(&lane->mutex);
	while (chain != NULL) {
		struct lk_batch_call *call = chain;
		struct lk_batch_call **list = lane->n_pool < POOL_MAX ? &lane->pool : &surplus;

		chain = call->next;
		lane->n_pool += list == &lane->pool;
		call->next = *list;
		*list = call;
	}
	pthread_mutex_unlock(&lane->mutex);
	while (surplus != NULL) {
		struct lk_batch_call *call = surplus;

		surplus = call->next;
		free_call(call);
	}
}

/* Under the lock. */
static void append(struct lk_batch_lane *lane, struct lk_batch_call *call)
{
	call->next = NULL;
	*lane->waiting_end = call;
	lane->waiting_end = &call->next;
}

/* When the alarm has to look at a waiting call. */
static lk_mono_ms waiting_limit(const struct lk_batcher *batcher, const struct lk_batch_call *call)
{
	lk_mono_ms since = atomic_load(&batcher->disconnected_at);

	if (batcher->connect_timeout_ms == 0 || atomic_load(&batcher->n_connections) > 0)
		return call->deadline;
	since = since > call->made_at ? since : call->made_at;
	since += batcher->connect_timeout_ms;
	return since < call->deadline ? since : call->deadline;
}

bool lk_lane_put(struct lk_batch_lane *lane, struct lk_batch_call *call)
{
	lk_mono_ms limit = waiting_limit(lane->batcher, call);
	bool is_closed;

	pthread_mutex_lock(&lane->mutex);
	is_closed = lane->is_closed;
	if (!is_closed) {
		append(lane, call);
		lane->n_live++;
		lane->counters.calls++;
	}
	pthread_mutex_unlock(&lane->mutex);
	if (is_closed)
		return false;
	lk_alarm_set(lane->batcher, limit);
	lk_cork_mark(lane);
	return true;
}

bool lk_lane_rest(struct lk_batch_lane *lane, struct lk_batch_call *call)
{
	lk_mono_ms until = call->rest_until;
	bool is_closed;

	pthread_mutex_lock(&lane->mutex);
	is_closed = lane->is_closed;
	if (!is_closed) {
		call->next = lane->resting;
		lane->resting = call;
		lane->n_live++;
		lane->counters.retries++;
	}
	pthread_mutex_unlock(&lane->mutex);
	if (!is_closed)
		lk_alarm_set(lane->batcher, until);
	return !is_closed;
}

/* --- sending --- */

/* How many calls the next frame takes. An equal share of all that is outstanding per slot keeps
 * the frames of a steady load equally large; without it one large frame and several small ones
 * circulate for ever. A call with a head of its own is a frame by itself. */
static unsigned count_next(const struct lk_batch_lane *lane, size_t *size_out)
{
	size_t share = (lane->n_live + lane->window - 1) / lane->window;
	size_t size = lane->head.n;
	unsigned n = 0;

	if (lane->waiting->head_n > 0) {
		*size_out = lane->waiting->packed.n;
		return 1;
	}
	for (const struct lk_batch_call *call = lane->waiting; call != NULL; call = call->next) {
		if (n == share || n == lane->calls_max || call->head_n > 0 ||
			size + call->packed.n > LK_REQUEST_FRAME_MAX)
			break;
		size += call->packed.n;
		n++;
	}
	*size_out = size;
	return n;
}

static uint32_t remaining_ms(const struct lk_batch_call *call, lk_mono_ms now)
{
	/* A late call is the alarm's; 0 would mean "no deadline". */
	return call->deadline > now ? (uint32_t)(call->deadline - now) : 1;
}

/* Moves calls from the queue into the slot and writes them. */
static void fill(struct lk_slot *slot, uint8_t *at, unsigned n)
{
	struct lk_batch_lane *lane = slot->lane;
	lk_mono_ms now = lk_mono_now();

	if (lane->waiting->head_n == 0) {
		lk_frame_set_count(&lane->head, (uint16_t)n);
		memcpy(at, lane->head.data, lane->head.n);
		at += lane->head.n;
	}
	for (unsigned i = 0; i < n; i++) {
		struct lk_batch_call *call = lane->waiting;

		lane->waiting = call->next;
		lk_frame_set_call(call->packed.data + call->head_n, i, remaining_ms(call, now));
		memcpy(at, call->packed.data, call->packed.n);
		at += call->packed.n;
		call->attempts++;
		slot->calls[i] = call;
	}
	if (lane->waiting == NULL)
		lane->waiting_end = &lane->waiting;
}

/* Takes a slot with the next frame in it; NULL when there is nothing to send or no room. */
static struct lk_slot *take_frame(struct lk_batch_lane *lane)
{
	const struct lk_batcher *batcher = lane->batcher;
	struct lk_slot *slot = lane->free_slots;
	uint8_t *at;
	unsigned n;
	size_t size;

	if (slot == NULL || lane->waiting == NULL || atomic_load(&batcher->n_connections) == 0)
		return NULL;
	n = count_next(lane, &size);
	at = batcher->transport->reserve(slot, size);
	if (at == NULL)
		return NULL;
	lane->free_slots = slot->next;
	fill(slot, at, n);
	slot->n_calls = n;
	slot->is_flying = true;
	lane->n_users++;
	lane->counters.frames++;
	lane->counters.sent += n;
	return slot;
}

void lk_lane_flush(struct lk_batch_lane *lane)
{
	for (;;) {
		struct lk_slot *slot;

		pthread_mutex_lock(&lane->mutex);
		slot = take_frame(lane);
		pthread_mutex_unlock(&lane->mutex);
		if (slot == NULL)
			return;
		lane->batcher->transport->send(slot);
	}
}

/* --- ending --- */

static struct lk_status late(const struct lk_batcher *batcher, const struct lk_batch_call *call)
{
	if (call->attempts > 0)
		return LK_ERR(LK_DEADLINE_EXCEEDED,
			"no answer before the deadline; whether the call took effect is unknown");
	if (atomic_load(&batcher->n_connections) == 0)
		return LK_ERR(LK_DEADLINE_EXCEEDED,
			"no connection to the server could be made before the deadline");
	return LK_ERR(LK_DEADLINE_EXCEEDED, "the call was still waiting to be sent");
}

struct sweep {
	lk_mono_ms now;
	lk_mono_ms next;
	struct lk_batch_call *out; /* to be completed */
};

static void take_out(struct lk_batch_lane *lane, struct sweep *sweep, struct lk_batch_call *call,
	struct lk_status fate)
{
	call->fate = fate;
	call->next = sweep->out;
	sweep->out = call;
	lane->n_live--;
}

static void keep(struct sweep *sweep, lk_mono_ms at)
{
	sweep->next = at < sweep->next ? at : sweep->next;
}

static void sweep_waiting(struct lk_batch_lane *lane, struct sweep *sweep)
{
	struct lk_batch_call *call = lane->waiting;

	lane->waiting_end = &lane->waiting;
	while (call != NULL) {
		struct lk_batch_call *next = call->next;
		lk_mono_ms limit = waiting_limit(lane->batcher, call);

		if (call->deadline <= sweep->now) {
			take_out(lane, sweep, call, late(lane->batcher, call));
		} else if (limit <= sweep->now) {
			take_out(lane, sweep, call,
				LK_ERR(LK_UNAVAILABLE,
					"no connection to the server could be made"));
		} else {
			keep(sweep, limit);
			append(lane, call);
		}
		call = next;
	}
	*lane->waiting_end = NULL;
}

static void sweep_resting(struct lk_batch_lane *lane, struct sweep *sweep)
{
	struct lk_batch_call *call = lane->resting;

	lane->resting = NULL;
	while (call != NULL) {
		struct lk_batch_call *next = call->next;

		if (call->rest_until <= sweep->now) {
			append(lane, call);
		} else {
			keep(sweep, call->rest_until);
			call->next = lane->resting;
			lane->resting = call;
		}
		call = next;
	}
}

/* Takes late calls out of a frame in flight; returns how many stay. */
static unsigned sweep_slot(struct lk_slot *slot, struct sweep *sweep)
{
	unsigned n_left = 0;

	for (unsigned id = 0; id < slot->n_calls; id++) {
		struct lk_batch_call *call = slot->calls[id];

		if (call == NULL)
			continue;
		if (call->deadline > sweep->now) {
			keep(sweep, call->deadline);
			n_left++;
			continue;
		}
		take_out(slot->lane, sweep, call, late(slot->lane->batcher, call));
		slot->calls[id] = NULL;
	}
	return n_left;
}

static void sweep_flying(struct lk_batch_lane *lane, struct sweep *sweep)
{
	for (unsigned i = 0; i < lane->window; i++) {
		struct lk_slot *slot = &lane->slots[i];

		if (!slot->is_flying || sweep_slot(slot, sweep) > 0)
			continue;
		/* Nobody waits for this answer any more. */
		lane->batcher->transport->cancel(slot);
		keep(sweep, sweep->now + CANCEL_AGAIN_MS);
	}
}

static void complete_all(struct lk_batch_lane *lane, struct lk_batch_call *chain)
{
	for (struct lk_batch_call *call = chain; call != NULL; call = call->next)
		lk_completion_run(&call->completion, call->method, call->fate,
			(struct lk_bytes) { NULL, 0 }, NULL);
	if (chain != NULL)
		lk_lane_recycle(lane, chain);
}

lk_mono_ms lk_lane_expire(struct lk_batch_lane *lane, lk_mono_ms now)
{
	struct sweep sweep = { .now = now, .next = LK_MONO_NEVER };

	pthread_mutex_lock(&lane->mutex);
	sweep_resting(lane, &sweep);
	sweep_waiting(lane, &sweep);
	sweep_flying(lane, &sweep);
	pthread_mutex_unlock(&lane->mutex);
	complete_all(lane, sweep.out);
	lk_cork_mark(lane);
	return sweep.next;
}

static void take_all(struct lk_batch_lane *lane, struct sweep *sweep)
{
	struct lk_batch_call **lists[] = { &lane->waiting, &lane->resting };

	for (size_t i = 0; i < LK_COUNT(lists); i++)
		while (*lists[i] != NULL) {
			struct lk_batch_call *call = *lists[i];

			*lists[i] = call->next;
			take_out(lane, sweep, call, CLOSED);
		}
	lane->waiting_end = &lane->waiting;
	for (unsigned i = 0; i < lane->window; i++) {
		struct lk_slot *slot = &lane->slots[i];

		for (unsigned id = 0; slot->is_flying && id < slot->n_calls; id++) {
			if (slot->calls[id] != NULL)
				take_out(lane, sweep, slot->calls[id], CLOSED);
			slot->calls[id] = NULL;
		}
	}
}

/* Under the lock. False when `until` has come and the lane is still in use. */
static bool is_quiet_by(struct lk_batch_lane *lane, lk_mono_ms until)
{
	struct timespec when = lk_mono_timespec(until);

	while (lane->n_users > 0)
		if (pthread_cond_timedwait(&lane->quiet, &lane->mutex, &when) == ETIMEDOUT)
			return lane->n_users == 0;
	return true;
}

static void cancel_until_quiet(struct lk_batch_lane *lane)
{
	do {
		for (unsigned i = 0; i < lane->window; i++)
			if (lane->slots[i].is_flying)
				lane->batcher->transport->cancel(&lane->slots[i]);
	} while (!is_quiet_by(lane, lk_mono_now() + CANCEL_AGAIN_MS));
}

void lk_lane_cancel(struct lk_batch_lane *lane)
{
	struct sweep sweep = { .out = NULL };

	pthread_mutex_lock(&lane->mutex);
	lane->is_closed = true;
	take_all(lane, &sweep);
	pthread_mutex_unlock(&lane->mutex);
	complete_all(lane, sweep.out);
}

void lk_lane_drain(struct lk_batch_lane *lane, lk_mono_ms until)
{
	pthread_mutex_lock(&lane->mutex);
	if (!is_quiet_by(lane, until))
		cancel_until_quiet(lane);
	pthread_mutex_unlock(&lane->mutex);
}
