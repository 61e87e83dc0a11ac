/* SPDX-License-Identifier: MIT */
#include "client/channel/channel_priv.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "latchkey/v1/common.pb-c.h"

/* How long closing waits for the answers of what is in flight. nng 1.5.2 never finishes closing a
 * connection on which half a message has come in; after the last answer nothing comes in. */
#define DRAIN_MS 250

#define TIMEOUT_MS_MAX (24 * 3600 * 1000)
#define IDEMPOTENCY_KEY_MIN 16
#define IDEMPOTENCY_KEY_MAX 64
#define TRACEPARENT_MAX 128

/* The key, the traceparent, and a tag and a length for each. */
#define METADATA_MAX (IDEMPOTENCY_KEY_MAX + TRACEPARENT_MAX + 8)

/* --- interceptors --- */

/* A call on its way into a frame. */
struct draft {
	const struct lk_method *method;
	const struct lk_call_options *options;
	uint32_t timeout_ms;
	Latchkey__V1__CallMetadata metadata;
	uint8_t random_key[IDEMPOTENCY_KEY_MIN];
};

static struct lk_status set_timeout(struct draft *draft)
{
	uint32_t ms = draft->options->timeout_ms;

	draft->timeout_ms = ms == 0 ? LK_TIMEOUT_MS_DEFAULT : ms;
	if (draft->timeout_ms > TIMEOUT_MS_MAX)
		draft->timeout_ms = TIMEOUT_MS_MAX;
	return LK_SUCCESS;
}

static struct lk_status pass_traceparent(struct draft *draft)
{
	const char *traceparent = draft->options->traceparent;

	if (traceparent == NULL)
		return LK_SUCCESS;
	if (strlen(traceparent) > TRACEPARENT_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "the traceparent exceeds 128 characters");
	/* protobuf-c has no const; packing only reads. */
	draft->metadata.traceparent = (char *)(uintptr_t)traceparent;
	return LK_SUCCESS;
}

static struct lk_status add_idempotency_key(struct draft *draft)
{
	struct lk_bytes key = draft->options->idempotency_key;

	if (key.n == 0) {
		if (!lk_method_changes(draft->method))
			return LK_SUCCESS;
		key = (struct lk_bytes) { draft->random_key, sizeof draft->random_key };
		if (getrandom(draft->random_key, key.n, 0) != (ssize_t)key.n)
			return LK_ERR(LK_INTERNAL, "the system has no random numbers");
	}
	if (key.n < IDEMPOTENCY_KEY_MIN || key.n > IDEMPOTENCY_KEY_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "an idempotency key has 16 to 64 bytes");
	draft->metadata.idempotency_key.data = (uint8_t *)(uintptr_t)key.data;
	draft->metadata.idempotency_key.len = key.n;
	return LK_SUCCESS;
}

/* What every call passes through, in this order. The service credential is not here: it belongs
 * to the frame (put_head). */
static struct lk_status (*const interceptors[])(struct draft *draft) = {
	set_timeout,
	pass_traceparent,
	add_idempotency_key,
};

/* --- calls --- */

/* The credential belongs to the frame, so a call that has its own is a whole frame. */
static struct lk_status put_head(
	const struct lk_batch_lane *lane, struct lk_batch_call *call, struct lk_bytes credential)
{
	const struct lk_frame_head head = {
		.lane = (enum lk_lane)(lane - lane->batcher->lanes),
		.n_calls = 1,
		.credential = credential,
	};

	call->head_n = 0;
	if (credential.n == 0)
		return LK_SUCCESS;
	if (credential.n > LK_CREDENTIAL_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "the credential exceeds 512 bytes");
	lk_frame_put_head(&call->packed, &head);
	call->head_n = call->packed.n;
	return LK_SUCCESS;
}

static struct lk_status pack(const struct lk_batch_lane *lane, struct lk_batch_call *call,
	const struct draft *draft, const ProtobufCMessage *request)
{
	uint8_t metadata[METADATA_MAX];
	size_t n_metadata = latchkey__v1__call_metadata__get_packed_size(&draft->metadata);
	struct lk_frame_call frame = {
		.method = draft->method->number,
		.metadata = { metadata, n_metadata },
		.subject = draft->options->subject,
		.body.n = protobuf_c_message_get_packed_size(request),
	};
	size_t head_n = call->head_n > 0 ? call->head_n : lane->head.n;
	uint8_t *body;

	assert(n_metadata <= sizeof metadata);
	if (head_n + lk_frame_call_size(&frame) > LK_REQUEST_FRAME_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "the request exceeds 60 KiB");
	if (n_metadata > 0)
		latchkey__v1__call_metadata__pack(&draft->metadata, metadata);
	body = lk_frame_put_call(&call->packed, &frame);
	lk_wipe(metadata, n_metadata);
	if (body == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	protobuf_c_message_pack(request, body);
	return LK_SUCCESS;
}

static struct lk_status prepare(struct lk_batch_lane *lane, struct lk_batch_call *call,
	struct draft *draft, const ProtobufCMessage *request)
{
	for (size_t i = 0; i < LK_COUNT(interceptors); i++)
		LK_TRY(interceptors[i](draft));
	LK_TRY(put_head(lane, call, draft->options->credential));
	LK_TRY(pack(lane, call, draft, request));
	call->method = draft->method;
	call->made_at = lk_mono_now();
	call->deadline = call->made_at + draft->timeout_ms;
	call->attempts_max = draft->options->attempts_max;
	if (call->attempts_max == 0)
		call->attempts_max = LK_ATTEMPTS_MAX;
	return LK_SUCCESS;
}

static struct lk_status submit(struct lk_batch_lane *lane, struct draft *draft,
	const ProtobufCMessage *request, const struct lk_completion *completion)
{
	struct lk_batch_call *call;
	struct lk_status status;

	LK_TRY(lk_lane_new_call(lane, &call));
	status = prepare(lane, call, draft, request);
	if (status.code == LK_OK) {
		call->completion = *completion;
		if (lk_lane_put(lane, call))
			return LK_SUCCESS;
		status = LK_ERR(LK_CANCELLED, "the channel is closed");
	}
	call->next = NULL;
	lk_lane_recycle(lane, call);
	return status;
}

static void call_in_cork(struct lk_batch_lane *lane, struct draft *draft,
	const ProtobufCMessage *request, const struct lk_completion *completion)
{
	struct lk_status status = submit(lane, draft, request, completion);

	lk_wipe(draft->random_key, sizeof draft->random_key);
	if (status.code != LK_OK)
		lk_completion_run(
			completion, draft->method, status, (struct lk_bytes) { NULL, 0 }, NULL);
}

/* Only a JWT has dots. */
static bool may_be_signed(const Latchkey__V1__Credential *credential)
{
	return strchr(credential->value, '.') != NULL;
}

/* A credential that may be signed travels in the lane CRYPTO, so that the others never wait for a
 * signature. */
static enum lk_lane lane_of(const struct lk_method *method, const ProtobufCMessage *request)
{
	const ProtobufCFieldDescriptor *field;
	const Latchkey__V1__Credential *const *credentials;
	size_t n;

	if (method->lane != LK_LANE_FAST)
		return method->lane;
	field = protobuf_c_message_descriptor_get_field_by_name(method->request, "credentials");
	if (field == NULL || field->label != PROTOBUF_C_LABEL_REPEATED ||
		field->descriptor != &latchkey__v1__credential__descriptor)
		return method->lane;
	memcpy(&n, (const char *)request + field->quantifier_offset, sizeof n);
	memcpy(&credentials, (const char *)request + field->offset, sizeof credentials);
	for (size_t i = 0; i < n; i++)
		if (may_be_signed(credentials[i]))
			return LK_LANE_CRYPTO;
	return method->lane;
}

static void make_call(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	const struct lk_completion *completion)
{
	struct lk_batcher *batcher = (struct lk_batcher *)channel;
	struct lk_batch_lane *lane = &batcher->lanes[lane_of(method, request)];
	struct draft draft = { .method = method, .options = options };
	struct lk_cork cork;

	latchkey__v1__call_metadata__init(&draft.metadata);
	if (lk_cork_is_in(batcher)) {
		call_in_cork(lane, &draft, request, completion);
		return;
	}
	lk_cork_push(&cork, batcher);
	/* A completion may let another thread close the channel before this one has left. */
	pthread_mutex_lock(&lane->mutex);
	lane->n_users++;
	pthread_mutex_unlock(&lane->mutex);
	cork.home = lane;
	call_in_cork(lane, &draft, request, completion);
	lk_cork_pop(&cork);
}

/* --- opening and closing --- */

static void free_batcher(struct lk_batcher *batcher)
{
	for (int i = LK_LANE_FAST; i < LK_LANES; i++)
		lk_lane_fini(&batcher->lanes[i]);
	lk_alarm_fini(batcher);
	lk_free(batcher);
}

static void close_channel(struct lk_channel *channel)
{
	struct lk_batcher *batcher = (struct lk_batcher *)channel;
	lk_mono_ms until = lk_mono_now() + DRAIN_MS;

	lk_alarm_stop(batcher);
	for (int i = LK_LANE_FAST; i < LK_LANES; i++)
		lk_lane_cancel(&batcher->lanes[i]);
	for (int i = LK_LANE_FAST; i < LK_LANES; i++)
		lk_lane_drain(&batcher->lanes[i], until);
	batcher->transport->close(batcher);
	free_batcher(batcher);
}

static const struct lk_channel_ops channel_ops = { .call = make_call, .close = close_channel };

struct lk_status lk_batcher_new(
	const struct lk_batcher_options *options, struct lk_batcher **batcher_out)
{
	struct lk_batcher *batcher;
	bool has_memory = true;

	if (options->credential.n > LK_CREDENTIAL_MAX)
		return LK_BAD_FIELD("credential", "exceeds 512 bytes");
	if (options->window > LK_WINDOW_MAX)
		return LK_BAD_FIELD("window", "exceeds 64 frames");
	batcher = lk_alloc(sizeof *batcher);
	if (batcher == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	batcher->base.ops = &channel_ops;
	batcher->transport = options->transport;
	batcher->window = options->window == 0 ? LK_WINDOW_DEFAULT : options->window;
	batcher->pending_max =
		options->pending_max == 0 ? LK_PENDING_MAX_DEFAULT : options->pending_max;
	batcher->connect_timeout_ms = options->connect_timeout_ms;
	batcher->disconnected_at = lk_mono_now();
	for (int i = LK_LANE_FAST; i < LK_LANES; i++)
		has_memory &= lk_lane_init(
			&batcher->lanes[i], batcher, (enum lk_lane)i, options->credential);
	lk_alarm_init(batcher);
	if (!has_memory || !lk_alarm_start(batcher)) {
		free_batcher(batcher);
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory or threads are short");
	}
	*batcher_out = batcher;
	return LK_SUCCESS;
}

size_t lk_batcher_slots(const struct lk_batcher *batcher)
{
	size_t n = 0;

	for (int i = LK_LANE_FAST; i < LK_LANES; i++)
		n += batcher->lanes[i].window;
	return n;
}

void lk_batcher_connected(struct lk_batcher *batcher)
{
	atomic_fetch_add(&batcher->n_connects, 1);
	/* The alarm's thread flushes, because a transport's notification must not. */
	if (atomic_fetch_add(&batcher->n_connections, 1) == 0)
		lk_alarm_set(batcher, 0);
}

void lk_batcher_disconnected(struct lk_batcher *batcher)
{
	atomic_store(&batcher->disconnected_at, lk_mono_now());
	/* Waiting calls have another limit while there is no connection. */
	if (atomic_fetch_sub(&batcher->n_connections, 1) == 1)
		lk_alarm_set(batcher, 0);
}

void lk_channel_count(struct lk_channel *channel, struct lk_channel_counters *counters_out)
{
	struct lk_batcher *batcher = (struct lk_batcher *)channel;

	assert(channel->ops == &channel_ops);
	*counters_out = (struct lk_channel_counters) {
		.connects = atomic_load(&batcher->n_connects),
	};
	for (int i = LK_LANE_FAST; i < LK_LANES; i++) {
		struct lk_batch_lane *lane = &batcher->lanes[i];

		pthread_mutex_lock(&lane->mutex);
		counters_out->calls += lane->counters.calls;
		counters_out->sent += lane->counters.sent;
		counters_out->frames += lane->counters.frames;
		counters_out->retries += lane->counters.retries;
		pthread_mutex_unlock(&lane->mutex);
	}
}
