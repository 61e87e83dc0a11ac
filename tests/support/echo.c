/* SPDX-License-Identifier: MIT */
#include "tests/support/echo.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "latchkey/v1/common.pb-c.h"
#include "latchkey/v1/health.pb-c.h"
#include "latchkey/v1/key.pb-c.h"
#include "tests/support/check.h"

/* --- the gate --- */

static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_is_open = true;
static unsigned n_arrived;
static atomic_uint n_runs;

static void set_gate(bool is_open)
{
	pthread_mutex_lock(&gate_mutex);
	gate_is_open = is_open;
	if (!is_open)
		n_arrived = 0;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate_mutex);
}

void echo_close_gate(void)
{
	set_gate(false);
}

void echo_open_gate(void)
{
	set_gate(true);
}

static void pass_gate(void)
{
	pthread_mutex_lock(&gate_mutex);
	n_arrived++;
	pthread_cond_broadcast(&gate_moved);
	while (!gate_is_open)
		pthread_cond_wait(&gate_moved, &gate_mutex);
	pthread_mutex_unlock(&gate_mutex);
}

void echo_await_arrivals(unsigned n)
{
	pthread_mutex_lock(&gate_mutex);
	while (n_arrived < n)
		pthread_cond_wait(&gate_moved, &gate_mutex);
	pthread_mutex_unlock(&gate_mutex);
}

unsigned echo_runs(void)
{
	return atomic_load(&n_runs);
}

/* --- the service --- */

static char *filled(struct lk_arena *arena, size_t n)
{
	char *text = lk_arena_calloc(arena, n + 1, 1);

	if (text != NULL)
		memset(text, 'x', n);
	return text;
}

static struct lk_status serve_check(const void *handlers, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage *response)
{
	(void)handlers;
	(void)call;
	atomic_fetch_add(&n_runs, 1);
	((Latchkey__V1__HealthCheckResponse *)response)->version =
		((const Latchkey__V1__HealthCheckRequest *)request)->service;
	return LK_SUCCESS;
}

static char *metadata_text(struct lk_call *call)
{
	char *text = lk_arena_alloc(call->arena, 256);

	if (text == NULL)
		return NULL;
	snprintf(text, 256, "%.*s/%s", (int)call->idempotency_key.n,
		(const char *)call->idempotency_key.data, call->traceparent);
	return text;
}

static struct lk_status serve_echo(const void *handlers, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage *response)
{
	char *id = ((const Latchkey__V1__GetKeyRequest *)request)->id;
	char **version = &((Latchkey__V1__HealthCheckResponse *)response)->version;

	(void)handlers;
	CHECK(call->context == &gate_mutex);
	atomic_fetch_add(&n_runs, 1);
	*version = id;
	if (strcmp(id, "field") == 0)
		return LK_BAD_FIELD("id", "must be something else");
	if (strcmp(id, "retry") == 0)
		return (struct lk_status) {
			.code = LK_UNAVAILABLE, .retry_ms = 1500, .why = "not now"
		};
	if (strcmp(id, "reason") == 0)
		return (struct lk_status) { .code = LK_RESOURCE_EXHAUSTED,
			.retry_ms = 86399999,
			.why = "not so often",
			.field = "id",
			.reason = LK_TOO_MANY_ATTEMPTS };
	if (strcmp(id, "large") == 0)
		*version = filled(call->arena, 300000);
	if (strcmp(id, "half") == 0)
		*version = filled(call->arena, 150000);
	if (id[0] == '#')
		*version = filled(call->arena, strtoul(id + 1, NULL, 10));
	if (strcmp(id, "key") == 0)
		*version = metadata_text(call);
	if (strcmp(id, "wait") == 0)
		pass_gate();
	if (*version == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the echo needs too much memory");
	return LK_SUCCESS;
}

#define ECHO_METHOD(number_, lane_, name_) \
	{ \
		.number = (number_), .lane = (lane_), .name = (name_), .service = "test.Echo", \
		.scope = "echo", .request = &latchkey__v1__get_key_request__descriptor, \
		.response = &latchkey__v1__health_check_response__descriptor, \
		.realm_offset = offsetof(Latchkey__V1__GetKeyRequest, realm), .serve = serve_echo \
	}

static const struct lk_method methods[] = {
	{ .number = ECHO_CHECK,
		.lane = LK_LANE_FAST,
		.name = "Check",
		.service = "test.Echo",
		.request = &latchkey__v1__health_check_request__descriptor,
		.response = &latchkey__v1__health_check_response__descriptor,
		.realm_offset = LK_NO_REALM,
		.serve = serve_check },
	ECHO_METHOD(ECHO_FAST, LK_LANE_FAST, "Fast"),
	ECHO_METHOD(ECHO_WRITE, LK_LANE_WRITE, "Write"),
	ECHO_METHOD(ECHO_READ, LK_LANE_READ, "Read"),
	ECHO_METHOD(ECHO_CRYPTO, LK_LANE_CRYPTO, "Crypto"),
	ECHO_METHOD(ECHO_HASH, LK_LANE_HASH, "Hash"),
};

static const struct lk_service service = {
	.name = "test.Echo", .methods = methods, .n_methods = LK_COUNT(methods)
};

const struct lk_binding echo_binding = { .service = &service, .context = &gate_mutex };

/* --- the authorizer --- */

static struct lk_status authenticate(void *arg, const struct lk_peer *peer,
	struct lk_bytes credential, lk_time_ms now, struct lk_caller *caller_out)
{
	bool is_good = credential.n == 4 && memcmp(credential.data, "good", 4) == 0;
	bool is_bare = credential.n == 4 && memcmp(credential.data, "bare", 4) == 0;

	(void)arg;
	(void)now;
	if (!peer->is_operator && !is_good && !is_bare)
		return LK_ERR(LK_UNAUTHENTICATED, "invalid service credential");
	*caller_out = (struct lk_caller) { .is_operator = peer->is_operator };
	if (is_good) {
		caller_out->rights.scopes = UINT64_C(1) << 63;
		caller_out->rights.realms[0] = 1;
	}
	return LK_SUCCESS;
}

static int find_scope(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "echo") == 0 ? 63 : -1;
}

static int find_realm(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "one") == 0 ? 0 : strcmp(name, "two") == 0 ? 1 : -1;
}

const struct lk_authorizer echo_authorizer = {
	.authenticate = authenticate,
	.scope = find_scope,
	.realm = find_realm,
};

/* --- the clocks --- */

static atomic_ulong advanced_us;

static uint64_t read_clock_us(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
}

lk_time_ms echo_now(void)
{
	return (lk_time_ms)(read_clock_us(CLOCK_REALTIME) / 1000);
}

uint64_t echo_mono_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC) + atomic_load(&advanced_us);
}

void echo_advance(uint64_t us)
{
	atomic_fetch_add(&advanced_us, us);
}

struct lk_server_options echo_options(void)
{
	return (struct lk_server_options) {
		.bindings = &echo_binding,
		.n_bindings = 1,
		.authorizer = &echo_authorizer,
		.now = echo_now,
		.mono_us = echo_mono_us,
	};
}

/* --- frames --- */

static size_t pack_request(const struct echo_call *call, uint8_t *body)
{
	Latchkey__V1__GetKeyRequest echo;
	Latchkey__V1__HealthCheckRequest check;

	latchkey__v1__get_key_request__init(&echo);
	latchkey__v1__health_check_request__init(&check);
	if (call->method == ECHO_CHECK) {
		if (call->text != NULL)
			check.service = (char *)(uintptr_t)call->text;
		return latchkey__v1__health_check_request__pack(&check, body);
	}
	if (call->realm != NULL)
		echo.realm = (char *)(uintptr_t)call->realm;
	if (call->text != NULL)
		echo.id = (char *)(uintptr_t)call->text;
	return latchkey__v1__get_key_request__pack(&echo, body);
}

void echo_put_frame(struct lk_buf *frame, enum lk_lane lane, const char *credential,
	const struct echo_call *calls, size_t n)
{
	struct lk_frame_head head = { lane, (uint16_t)n,
		{ (const uint8_t *)credential, credential != NULL ? strlen(credential) : 0 } };

	lk_buf_reset(frame);
	lk_frame_put_head(frame, &head);
	for (size_t i = 0; i < n; i++) {
		uint8_t body[1024];
		struct lk_frame_call call = {
			.method = calls[i].method,
			.id = calls[i].id,
			.remaining_ms = calls[i].remaining_ms,
			.metadata = calls[i].metadata,
			.subject = calls[i].subject,
			.body = { body, pack_request(&calls[i], body) },
		};

		memcpy(lk_frame_put_call(frame, &call), body, call.body.n);
	}
	CHECK(!frame->failed);
}

static void read_details(struct lk_bytes bytes, struct echo_reply *reply_out)
{
	Latchkey__V1__ErrorDetails *details =
		latchkey__v1__error_details__unpack(NULL, bytes.n, bytes.data);

	CHECK(details != NULL);
	if (details->n_field_violations > 0) {
		snprintf(reply_out->field, sizeof reply_out->field, "%s",
			details->field_violations[0]->field);
		CHECK_STR(details->field_violations[0]->description, reply_out->why);
	}
	reply_out->reason = (enum lk_error_reason)details->reason;
	if (details->retry_delay != NULL)
		reply_out->retry_ms = (uint32_t)(details->retry_delay->seconds * 1000 +
						 details->retry_delay->nanos / 1000000);
	latchkey__v1__error_details__free_unpacked(details, NULL);
}

static void read_body(struct lk_bytes bytes, struct echo_reply *reply_out)
{
	Latchkey__V1__HealthCheckResponse *response =
		latchkey__v1__health_check_response__unpack(NULL, bytes.n, bytes.data);

	CHECK(response != NULL);
	reply_out->n_body = bytes.n;
	snprintf(reply_out->text, sizeof reply_out->text, "%s", response->version);
	latchkey__v1__health_check_response__free_unpacked(response, NULL);
}

void echo_read_replies(struct lk_bytes frame, struct echo_replies *replies_out)
{
	struct lk_cursor cursor = lk_cursor_over(frame);
	uint16_t n;

	memset(replies_out, 0, sizeof *replies_out);
	CHECK(frame.n <= LK_REPLY_FRAME_MAX);
	CHECK_OK(lk_frame_read_reply_head(&cursor, &n));
	for (size_t i = 0; i < n; i++) {
		struct echo_reply *reply = &replies_out->replies[i];
		struct lk_frame_reply read;

		CHECK_OK(lk_frame_read_reply(&cursor, &read));
		reply->id = read.id;
		reply->code = read.code;
		snprintf(reply->why, sizeof reply->why, "%.*s", (int)read.why.n,
			read.why.n > 0 ? (const char *)read.why.data : "");
		if (read.details.n > 0)
			read_details(read.details, reply);
		if (read.code == LK_OK)
			read_body(read.body, reply);
	}
	CHECK(lk_cursor_clean_end(&cursor));
	replies_out->n = n;
}

/* --- a transport without a network --- */

struct echo_wire {
	struct lk_server *server;
	struct lk_work *work;
	struct lk_bytes reply;
	bool is_answered;
	bool was_malformed;
	unsigned n_answers;
	pthread_mutex_t mutex;
	pthread_cond_t answered;
};

static void take_answer(void *arg, struct lk_bytes reply, bool is_malformed)
{
	struct echo_wire *wire = arg;

	pthread_mutex_lock(&wire->mutex);
	wire->reply = reply;
	wire->is_answered = true;
	wire->was_malformed = is_malformed;
	wire->n_answers++;
	pthread_cond_signal(&wire->answered);
	pthread_mutex_unlock(&wire->mutex);
}

struct echo_wire *echo_wire_new(struct lk_server *server)
{
	struct echo_wire *wire = lk_alloc(sizeof *wire);

	wire->server = server;
	wire->work = lk_work_new(take_answer, wire);
	CHECK(wire->work != NULL);
	pthread_mutex_init(&wire->mutex, NULL);
	pthread_cond_init(&wire->answered, NULL);
	return wire;
}

void echo_wire_free(struct echo_wire *wire)
{
	lk_work_free(wire->work);
	pthread_cond_destroy(&wire->answered);
	pthread_mutex_destroy(&wire->mutex);
	lk_free(wire);
}

void echo_submit(struct echo_wire *wire, struct lk_bytes frame, bool is_operator)
{
	struct lk_peer peer = { .is_operator = is_operator };

	wire->is_answered = false;
	wire->n_answers = 0;
	lk_server_submit(wire->server, wire->work, frame, &peer);
}

void echo_wait(struct echo_wire *wire, struct echo_replies *replies_out)
{
	pthread_mutex_lock(&wire->mutex);
	while (!wire->is_answered)
		pthread_cond_wait(&wire->answered, &wire->mutex);
	CHECK_EQ(wire->n_answers, 1);
	pthread_mutex_unlock(&wire->mutex);
	echo_read_replies(wire->reply, replies_out);
}

bool echo_was_malformed(const struct echo_wire *wire)
{
	return wire->was_malformed;
}

/* --- one server, one frame at a time --- */

void echo_open_with(struct echo_fixture *f, const struct lk_server_options *options)
{
	CHECK_OK(lk_server_new(options, &f->server));
	f->wire = echo_wire_new(f->server);
	lk_buf_init(&f->frame, LK_REPLY_FRAME_MAX);
}

void echo_open(struct echo_fixture *f)
{
	struct lk_server_options options = echo_options();

	echo_open_with(f, &options);
}

void echo_close(struct echo_fixture *f)
{
	lk_server_free(f->server);
	echo_wire_free(f->wire);
	lk_buf_fini(&f->frame);
}

struct lk_bytes echo_bytes(const struct lk_buf *buf)
{
	return (struct lk_bytes) { buf->data, buf->n };
}

void echo_exchange(struct echo_fixture *f)
{
	echo_submit(f->wire, echo_bytes(&f->frame), false);
	echo_wait(f->wire, &f->replies);
}

void echo_call_as(
	struct echo_fixture *f, const char *credential, enum lk_lane lane, struct echo_call call)
{
	echo_put_frame(&f->frame, lane, credential, &call, 1);
	echo_exchange(f);
	CHECK_EQ(f->replies.n, 1);
}

void echo_call(struct echo_fixture *f, struct echo_call call)
{
	echo_call_as(f, "good", LK_LANE_FAST, call);
}

void echo_check_reply(
	const struct echo_fixture *f, size_t at, uint32_t id, enum lk_code code, const char *why)
{
	const struct echo_reply *reply = &f->replies.replies[at];

	CHECK_EQ(reply->id, id);
	CHECK_STR(reply->why, why);
	CHECK_EQ(reply->code, code);
}

void echo_check_refused(const struct echo_fixture *f, enum lk_code code, const char *why)
{
	CHECK_EQ(f->replies.n, 1);
	echo_check_reply(f, 0, LK_WHOLE_FRAME, code, why);
}
