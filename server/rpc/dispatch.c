/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "latchkey/v1/common.pb-c.h"
#include "server/rpc/rpc_priv.h"

#define IDEMPOTENCY_KEY_MIN 16
#define IDEMPOTENCY_KEY_MAX 64
#define TRACEPARENT_MAX 128

/* --- is it a frame? --- */

static bool has_id(const struct lk_work *work, uint32_t id)
{
	for (size_t i = 0; i < work->n_slots; i++)
		if (work->slots[i].frame.id == id)
			return true;
	return false;
}

static struct lk_status read_slots(struct lk_work *work, struct lk_cursor *cursor, size_t n)
{
	uint32_t id_max = 0;

	while (work->n_slots < n) {
		struct lk_slot *slot = &work->slots[work->n_slots];

		LK_TRY(lk_frame_read_call(cursor, &slot->frame));
		/* Clients number their calls upwards, so that the search is rare. */
		if (slot->frame.id <= id_max && has_id(work, slot->frame.id))
			return LK_ERR(LK_INVALID_ARGUMENT, "two calls of the frame have one id");
		if (slot->frame.id > id_max)
			id_max = slot->frame.id;
		work->n_slots++;
	}
	if (!lk_cursor_clean_end(cursor))
		return LK_ERR(LK_INVALID_ARGUMENT, "bytes follow the last call of the frame");
	return LK_SUCCESS;
}

static struct lk_status read_frame(struct lk_work *work, struct lk_bytes *credential_out)
{
	struct lk_cursor cursor = lk_cursor_over(work->frame);
	struct lk_frame_head head;

	LK_TRY(lk_frame_read_head(&cursor, &head));
	LK_TRY(read_slots(work, &cursor, head.n_calls));
	work->lane = head.lane;
	*credential_out = head.credential;
	return LK_SUCCESS;
}

/* Finds the methods. Their lane has to be the frame's, or FAST calls would wait for slow ones
 * and slow ones would run where nothing may block. */
static struct lk_status find_methods(struct lk_work *work)
{
	for (size_t i = 0; i < work->n_slots; i++) {
		struct lk_slot *slot = &work->slots[i];

		slot->entry = lk_server_find(work->server, slot->frame.method);
		if (slot->entry != NULL && slot->entry->method->lane != work->lane &&
			!(work->lane == LK_LANE_CRYPTO &&
				slot->entry->method->lane == LK_LANE_FAST))
			return LK_ERR(LK_INVALID_ARGUMENT,
				"the frame holds a call of another lane than its own");
	}
	return LK_SUCCESS;
}

struct lk_status lk_dispatch_read(struct lk_work *work)
{
	struct lk_status st = read_frame(work, &work->credential);

	work->is_malformed = st.code != LK_OK;
	LK_TRY(st);
	if (work->n_slots > lk_lane_calls_max(work->lane))
		return LK_ERR(LK_INVALID_ARGUMENT, "a frame of this lane holds one call");
	return find_methods(work);
}

/* --- may these calls run? --- */

static struct lk_status admit(const struct lk_work *work, const struct lk_slot *slot)
{
	if (slot->entry == NULL)
		return LK_ERR(LK_UNIMPLEMENTED, "this server has no such method");
	if (slot->entry->scope == 0)
		return LK_SUCCESS;
	LK_TRY(work->identity);
	if (!work->caller.is_operator && (work->caller.rights.scopes & slot->entry->scope) == 0)
		return LK_ERR(LK_PERMISSION_DENIED, "the calling service lacks the method's scope");
	return LK_SUCCESS;
}

size_t lk_dispatch_admit(struct lk_work *work)
{
	const struct lk_authorizer *authorizer = work->server->options.authorizer;
	size_t n_admitted = 0;

	work->identity = LK_ERR(LK_UNAUTHENTICATED, "the server knows no callers");
	if (authorizer != NULL)
		work->identity = authorizer->authenticate(
			authorizer->arg, &work->peer, work->credential, work->now, &work->caller);
	for (size_t i = 0; i < work->n_slots; i++) {
		work->slots[i].status = admit(work, &work->slots[i]);
		n_admitted += work->slots[i].status.code == LK_OK;
	}
	return n_admitted;
}

/* --- running --- */

static struct lk_status read_metadata(struct lk_call *call, struct lk_bytes bytes)
{
	Latchkey__V1__CallMetadata *metadata;
	ProtobufCMessage *message;

	if (bytes.n == 0)
		return LK_SUCCESS;
	LK_TRY(lk_message_unpack(
		&latchkey__v1__call_metadata__descriptor, bytes, call->arena, &message));
	metadata = (Latchkey__V1__CallMetadata *)message;
	call->idempotency_key =
		(struct lk_bytes) { metadata->idempotency_key.data, metadata->idempotency_key.len };
	if (call->idempotency_key.n > 0 && (call->idempotency_key.n < IDEMPOTENCY_KEY_MIN ||
						   call->idempotency_key.n > IDEMPOTENCY_KEY_MAX))
		return LK_BAD_FIELD("idempotency_key", "must have 16 to 64 bytes");
	if (strlen(metadata->traceparent) > TRACEPARENT_MAX)
		return LK_BAD_FIELD("traceparent", "must have at most 128 characters");
	call->traceparent = metadata->traceparent;
	return LK_SUCCESS;
}

static struct lk_call call_of(struct lk_work *work, const struct lk_slot *slot)
{
	uint32_t left_ms = slot->frame.remaining_ms;

	if (left_ms == 0)
		left_ms = LK_TIMEOUT_MS_DEFAULT;
	return (struct lk_call) {
		.arena = &work->arena,
		.method = slot->entry->method,
		.caller = work->identity.code == LK_OK ? &work->caller : NULL,
		.context = slot->entry->binding->context,
		.realm = -1,
		.realm_name = "",
		.server = work->server,
		.body = slot->frame.body,
		.packed_subject = slot->frame.subject,
		.may_compute = work->may_compute,
		.now = work->now,
		.deadline = (lk_mono_ms)(work->arrived_us / 1000) + left_ms,
		.traceparent = "",
	};
}

struct lk_status lk_dispatch_prepare(struct lk_work *work, const struct lk_slot *slot,
	struct lk_call *call_out, ProtobufCMessage **request_out)
{
	const struct lk_method *method = slot->entry->method;

	*call_out = call_of(work, slot);
	LK_TRY(read_metadata(call_out, slot->frame.metadata));
	LK_TRY(lk_message_unpack(method->request, slot->frame.body, &work->arena, request_out));
	return lk_intercept_before(work->server, call_out, *request_out);
}

struct lk_status lk_dispatch_serve(const struct lk_entry *entry, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage **response_out)
{
	*response_out = lk_message_new(call->method->response, call->arena);
	if (*response_out == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory");
	LK_TRY(call->method->serve(entry->binding->handlers, call, request, *response_out));
	if (call->replay != NULL)
		*response_out = call->replay;
	return LK_SUCCESS;
}

void lk_dispatch_reply(struct lk_work *work, struct lk_slot *slot, const ProtobufCMessage *response,
	const char *traceparent)
{
	size_t later = work->n_slots - (size_t)(slot - work->slots) - 1;

	slot->status = lk_reply_put(&work->reply, slot->frame.id, slot->status, response, later);
	lk_intercept_after(work, slot, traceparent);
}

/* False when the call has to compute and may not here: it has not run. */
static bool run_slot(struct lk_work *work, struct lk_slot *slot)
{
	struct lk_call call = { .traceparent = "" };
	ProtobufCMessage *request, *response = NULL;

	if (slot->status.code == LK_OK)
		slot->status = lk_dispatch_prepare(work, slot, &call, &request);
	if (slot->status.code == LK_OK)
		slot->status = lk_dispatch_serve(slot->entry, &call, request, &response);
	if (call.must_compute && !work->may_compute) {
		slot->status = LK_SUCCESS;
		lk_arena_reset(&work->arena);
		return false;
	}
	lk_dispatch_reply(work, slot, response, call.traceparent);
	lk_arena_reset(&work->arena);
	return true;
}

/* The call that could not run, and those after it that might. */
static void refuse_rest(struct lk_work *work)
{
	for (; work->next_slot < work->n_slots; work->next_slot++) {
		struct lk_slot *slot = &work->slots[work->next_slot];

		if (slot->status.code == LK_OK)
			slot->status = lk_crypto_full();
		lk_dispatch_reply(work, slot, NULL, "");
	}
}

void lk_dispatch_run(struct lk_work *work)
{
	for (; work->next_slot < work->n_slots; work->next_slot++) {
		if (run_slot(work, &work->slots[work->next_slot]))
			continue;
		if (lk_work_compute(work))
			return;
		refuse_rest(work);
		break;
	}
	lk_work_finish(work);
}
