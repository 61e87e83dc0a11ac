/* SPDX-License-Identifier: MIT */
#include "client/channel/channel_priv.h"

#include <sys/random.h>

#include "latchkey/v1/common.pb-c.h"
#include "proto/wire/utf8.h"

#define BACKOFF_MIN_MS 20u
#define BACKOFF_MAX_MS 1000u

/* Half of the time for which a server keeps the answers of calls with an idempotency key. */
#define RETRY_CHANGES_MS (5 * 60 * 1000)

#define MALFORMED LK_ERR(LK_INTERNAL, "the server's answer is malformed")

/* --- statuses --- */

static uint32_t read_delay(const Google__Protobuf__Duration *delay)
{
	int64_t ms;

	if (delay == NULL || delay->seconds < 0 || delay->nanos < 0)
		return 0;
	if (delay->seconds > INT32_MAX / 1000)
		return INT32_MAX;
	/* Rounded up: coming back too early costs another refusal. */
	ms = delay->seconds * 1000 + ((int64_t)delay->nanos + 999999) / 1000000;
	return (uint32_t)ms;
}

static void read_details(struct lk_status *status, struct lk_bytes bytes, struct lk_arena *scratch)
{
	const Latchkey__V1__ErrorDetails *details;
	ProtobufCMessage *message;

	if (bytes.n == 0)
		return;
	/* An error whose details cannot be read is still that error. */
	if (lk_message_unpack(&latchkey__v1__error_details__descriptor, bytes, scratch, &message)
			.code != LK_OK)
		return;
	details = (const Latchkey__V1__ErrorDetails *)message;
	status->retry_ms = read_delay(details->retry_delay);
	status->reason = (enum lk_error_reason)details->reason;
	if (details->n_field_violations > 0)
		status->field = details->field_violations[0]->field;
}

/* The texts live in the scratch memory. */
static struct lk_status read_status(const struct lk_frame_reply *reply, struct lk_arena *scratch)
{
	struct lk_status status = { .code = reply->code };

	if (status.code == LK_OK)
		return status;
	if (reply->why.n > 0 && lk_utf8_valid(reply->why))
		status.why = lk_arena_strndup(scratch, (const char *)reply->why.data, reply->why.n);
	if (status.why == NULL)
		status.why = "the server gave no reason";
	read_details(&status, reply->details, scratch);
	return status;
}

/* --- trying again --- */

/* Full jitter: anything up to a bound that doubles with each attempt. */
static uint32_t backoff_ms(unsigned attempts)
{
	uint32_t bound = BACKOFF_MIN_MS << attempts;
	uint32_t random = 0;

	if (bound > BACKOFF_MAX_MS)
		bound = BACKOFF_MAX_MS;
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return bound;
	return random % (bound + 1);
}

static bool may_try_again(const struct lk_batch_call *call, struct lk_status status)
{
	if (call->attempts >= call->attempts_max)
		return false;
	return status.code == LK_UNAVAILABLE ||
	       (status.code == LK_RESOURCE_EXHAUSTED && status.retry_ms > 0);
}

static bool put_aside(
	struct lk_batch_lane *lane, struct lk_batch_call *call, struct lk_status status)
{
	lk_mono_ms delay = backoff_ms(call->attempts);

	if (!may_try_again(call, status))
		return false;
	delay = delay > status.retry_ms ? delay : status.retry_ms;
	call->rest_until = lk_mono_now() + delay;
	/* What the server has recorded of it may soon be gone, and the next connection is late. */
	if (lk_method_changes(call->method) && call->deadline > call->made_at + RETRY_CHANGES_MS)
		call->deadline = call->made_at + RETRY_CHANGES_MS;
	return call->rest_until < call->deadline && lk_lane_rest(lane, call);
}

/* --- the calls of a frame --- */

struct answer {
	struct lk_slot *slot;
	struct lk_batch_call *done; /* to be recycled */
	struct lk_cork cork;
};

/* Takes the slot's calls from the alarm. */
static void begin(struct answer *answer, struct lk_slot *slot)
{
	struct lk_batch_lane *lane = slot->lane;

	*answer = (struct answer) { .slot = slot };
	lk_cork_push(&answer->cork, lane->batcher);
	answer->cork.home = lane;
	pthread_mutex_lock(&lane->mutex);
	slot->is_flying = false;
	for (unsigned id = 0; id < slot->n_calls; id++)
		lane->n_live -= slot->calls[id] != NULL;
	pthread_mutex_unlock(&lane->mutex);
}

/* Completes the call with this id, unless it was completed before. */
static void settle(
	struct answer *answer, uint32_t id, struct lk_status status, struct lk_bytes body)
{
	struct lk_slot *slot = answer->slot;
	struct lk_batch_call *call = id < slot->n_calls ? slot->calls[id] : NULL;

	if (call == NULL)
		return;
	slot->calls[id] = NULL;
	if (status.code != LK_OK && put_aside(slot->lane, call, status))
		return;
	lk_completion_run(&call->completion, call->method, status, body, &slot->scratch);
	call->next = answer->done;
	answer->done = call;
}

static void settle_rest(struct answer *answer, struct lk_status status)
{
	for (unsigned id = 0; id < answer->slot->n_calls; id++)
		settle(answer, id, status, (struct lk_bytes) { NULL, 0 });
}

static void end(struct answer *answer)
{
	struct lk_slot *slot = answer->slot;
	struct lk_batch_lane *lane = slot->lane;

	lk_lane_recycle(lane, answer->done);
	pthread_mutex_lock(&lane->mutex);
	slot->next = lane->free_slots;
	lane->free_slots = slot;
	pthread_mutex_unlock(&lane->mutex);
	lk_cork_mark(lane);
	lk_cork_pop(&answer->cork);
}

static void settle_reply(struct answer *answer, const struct lk_frame_reply *reply)
{
	struct lk_arena *scratch = &answer->slot->scratch;
	struct lk_status status = read_status(reply, scratch);

	if (reply->id != LK_WHOLE_FRAME)
		settle(answer, reply->id, status, reply->body);
	else
		settle_rest(answer, status.code == LK_OK ? MALFORMED : status);
	lk_arena_reset(scratch);
}

void lk_slot_answered(struct lk_slot *slot, struct lk_bytes bytes)
{
	struct lk_cursor cursor = lk_cursor_over(bytes);
	struct answer answer;
	uint16_t n = 0;

	begin(&answer, slot);
	if (lk_frame_read_reply_head(&cursor, &n).code != LK_OK)
		n = 0;
	while (n-- > 0) {
		struct lk_frame_reply reply;

		if (lk_frame_read_reply(&cursor, &reply).code != LK_OK)
			break;
		settle_reply(&answer, &reply);
	}
	settle_rest(&answer, MALFORMED);
	end(&answer);
}

void lk_slot_failed(struct lk_slot *slot, struct lk_status status)
{
	struct answer answer;

	begin(&answer, slot);
	settle_rest(&answer, status);
	end(&answer);
}
