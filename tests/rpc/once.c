/* SPDX-License-Identifier: MIT */
#include "tests/rpc/once.h"

#include <stdatomic.h>
#include <stdio.h>

#include "latchkey/v1/health.pb-c.h"
#include "latchkey/v1/key.pb-c.h"
#include "server/store/store_mem.h"

#define START ((lk_time_ms)1767225600000) /* 2026-01-01T00:00:00Z */

static _Atomic lk_time_ms moment;
static atomic_uint n_effects; /* of all servers: no two rows have one name */
static _Atomic enum once_mood mood;
static _Atomic struct once_refusals refusals;
static void (*_Atomic meanwhile)(void *arg);
static void *_Atomic meanwhile_arg;

void once_set_now(lk_time_ms now)
{
	atomic_store(&moment, now);
}

lk_time_ms once_now(void)
{
	return atomic_load(&moment);
}

void once_set_mood(enum once_mood new_mood)
{
	atomic_store(&mood, new_mood);
}

void once_set_meanwhile(void (*new_meanwhile)(void *arg), void *arg)
{
	atomic_store(&meanwhile_arg, arg);
	atomic_store(&meanwhile, new_meanwhile);
}

void once_refuse(struct once_refusals new_refusals)
{
	atomic_store(&refusals, new_refusals);
}

/* --- the service --- */

static struct lk_status put_row(struct lk_txn *txn)
{
	char name[32];
	struct lk_bytes key = { (const uint8_t *)name, 0 };

	key.n = (size_t)snprintf(name, sizeof name, "effect/%u", atomic_fetch_add(&n_effects, 1));
	LK_TRY(lk_txn_put(txn, key, key, true));
	if (atomic_load(&mood) == ONCE_FAILS)
		return LK_ERR(LK_FAILED_PRECONDITION, "the handler refuses");
	if (atomic_load(&mood) == ONCE_FULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "there is too much already");
	return LK_SUCCESS;
}

static struct lk_status tell_secret(struct lk_arena *arena, ProtobufCMessage *response)
{
	char *text = lk_arena_alloc(arena, 40);
	uint64_t random[2];

	if (text == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory");
	lk_random(random, sizeof random);
	snprintf(text, 40, "secret-%016llx%016llx", (unsigned long long)random[0],
		(unsigned long long)random[1]);
	((Latchkey__V1__HealthCheckResponse *)response)->version = text;
	return LK_SUCCESS;
}

static void pass_time(void)
{
	void (*pass)(void *arg) = atomic_exchange(&meanwhile, NULL);

	if (pass != NULL)
		pass(atomic_load(&meanwhile_arg));
}

static struct lk_status serve_put(const void *handlers, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage *response)
{
	(void)handlers;
	(void)request;
	pass_time();
	if (atomic_load(&mood) == ONCE_TELLS)
		call->answer = LK_ERR(LK_UNAUTHENTICATED, "done, and yet refused");
	LK_TRY(put_row(call->txn));
	return tell_secret(call->arena, response);
}

struct hashed {
	struct lk_call *call;
	ProtobufCMessage *response;
};

static struct lk_status commit_hashed(void *arg, struct lk_txn *txn)
{
	const struct hashed *hashed = arg;

	LK_TRY(put_row(txn));
	return tell_secret(hashed->call->arena, hashed->response);
}

static struct lk_status serve_hash(const void *handlers, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage *response)
{
	struct hashed hashed = { call, response };

	(void)handlers;
	(void)request;
	pass_time();
	return lk_call_commit(call, commit_hashed, &hashed, response);
}

static struct lk_status serve_read(const void *handlers, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage *response)
{
	(void)handlers;
	(void)request;
	return tell_secret(call->arena, response);
}

#define ONCE_METHOD(number_, lane_, serve_, ...) \
	{ \
		.number = (number_), .lane = (lane_), .name = "Put", .service = "test.Once", \
		.scope = "once", .request = &latchkey__v1__get_key_request__descriptor, \
		.response = &latchkey__v1__health_check_response__descriptor, \
		.realm_offset = offsetof(Latchkey__V1__GetKeyRequest, realm), .serve = (serve_), \
		.takes_subject = true, __VA_ARGS__ \
	}

static const struct lk_method methods[] = {
	ONCE_METHOD(ONCE_PUT, LK_LANE_WRITE, serve_put, .idempotency = LK_IDEMPOTENCY_UNKNOWN),
	ONCE_METHOD(ONCE_OTHER, LK_LANE_WRITE, serve_put, .idempotency = LK_IDEMPOTENT),
	ONCE_METHOD(ONCE_HASH, LK_LANE_HASH, serve_hash, .idempotency = LK_IDEMPOTENCY_UNKNOWN),
	ONCE_METHOD(ONCE_READ, LK_LANE_READ, serve_read, .idempotency = LK_NO_SIDE_EFFECTS),
};
static const struct lk_service service = {
	.name = "test.Once", .methods = methods, .n_methods = LK_COUNT(methods)
};
static const struct lk_binding binding = { .service = &service };

/* --- the authorizer --- */

static struct lk_status authenticate(void *arg, const struct lk_peer *peer,
	struct lk_bytes credential, lk_time_ms now, struct lk_caller *caller_out)
{
	struct once_refusals refused = atomic_load(&refusals);

	(void)arg;
	(void)now;
	if (refused.caller)
		return LK_ERR(LK_UNAUTHENTICATED, "the service key is missing or not valid");
	*caller_out = (struct lk_caller) {
		.is_operator = peer->is_operator,
		.rights = { .scopes = refused.scope ? 0 : 1, .realms = { refused.realm ? 0 : 3 } },
	};
	snprintf(caller_out->key_id, sizeof caller_out->key_id, "%.*s", (int)credential.n,
		credential.n > 0 ? (const char *)credential.data : "");
	return LK_SUCCESS;
}

static int find_scope(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "once") == 0 ? 0 : -1;
}

static int find_realm(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "one") == 0 ? 0 : strcmp(name, "two") == 0 ? 1 : -1;
}

static struct lk_status find_subject(void *arg, struct lk_call *call,
	const Latchkey__V1__Subject *subject, struct lk_subject *subject_out)
{
	const char *text = subject->credentials[0]->value;
	const struct once_refusals refused = atomic_load(&refusals);

	(void)arg;
	(void)call;
	if (refused.subject)
		return (struct lk_status) { .code = LK_UNAUTHENTICATED,
			.why = "the session is over",
			.reason = LK_SUBJECT_REFUSED };
	*subject_out = (struct lk_subject) { .is_session = text[2] == 's' };
	subject_out->user_id[0] = text[0];
	memset(subject_out->id.bytes, text[1], sizeof subject_out->id.bytes);
	return LK_SUCCESS;
}

static const struct lk_authorizer authorizer = {
	.authenticate = authenticate,
	.scope = find_scope,
	.realm = find_realm,
	.subject = find_subject,
};

/* --- the server --- */

void once_start(struct once *once, unsigned n_peppers)
{
	struct lk_server_options options = {
		.bindings = &binding,
		.n_bindings = 1,
		.authorizer = &authorizer,
		.peppers = &once->peppers,
		.lanes[LK_LANE_HASH] = { .workers = 4 },
		.now = once_now,
		.mono_us = echo_mono_us,
	};

	once->peppers.n = n_peppers;
	for (unsigned i = 0; i < n_peppers; i++)
		once->peppers.items[i] =
			(struct lk_pepper) { n_peppers - i, { (uint8_t)(n_peppers - i) } };
	CHECK_OK(lk_committer_start(
		&(struct lk_committer_options) { .store = once->store }, &once->committer));
	options.committer = once->committer;
	CHECK_OK(lk_server_new(&options, &once->server));
	once->wire = echo_wire_new(once->server);
}

void once_open(struct once *once, struct lk_store *store, unsigned n_peppers)
{
	CHECK_OK(lk_crypto_init());
	once_set_now(START);
	once_set_mood(ONCE_WELL);
	once_set_meanwhile(NULL, NULL);
	once_refuse((struct once_refusals) { 0 });
	*once = (struct once) { .store = fault_store_new(store) };
	CHECK(once->store != NULL);
	lk_buf_init(&once->frame, LK_REQUEST_FRAME_MAX);
	once_start(once, n_peppers);
}

void once_open_mem(struct once *once)
{
	struct lk_store *store;

	CHECK_OK(lk_store_mem_open(&store));
	once_open(once, store, 1);
}

void once_stop(struct once *once)
{
	lk_server_free(once->server);
	echo_wire_free(once->wire);
	lk_committer_stop(once->committer);
}

void once_close(struct once *once)
{
	once_stop(once);
	lk_buf_fini(&once->frame);
	lk_store_close(once->store);
}

/* --- calls --- */

struct once_call once_call(void)
{
	return (struct once_call) { .method = ONCE_PUT,
		.caller = "alice",
		.realm = "one",
		.text = "hello",
		.key = { (const uint8_t *)"0123456789abcdef", 16 } };
}

static struct lk_bytes pack_metadata(const struct once_call *call, uint8_t *room)
{
	Latchkey__V1__CallMetadata metadata = LATCHKEY__V1__CALL_METADATA__INIT;

	metadata.idempotency_key.data = (uint8_t *)(uintptr_t)call->key.data;
	metadata.idempotency_key.len = call->key.n;
	return (struct lk_bytes) { room, latchkey__v1__call_metadata__pack(&metadata, room) };
}

static struct lk_bytes pack_subject(const struct once_call *call, uint8_t *room)
{
	Latchkey__V1__Subject subject = LATCHKEY__V1__SUBJECT__INIT;
	Latchkey__V1__Credential credential = LATCHKEY__V1__CREDENTIAL__INIT;
	Latchkey__V1__Credential *credentials = &credential;

	if (call->subject == NULL)
		return (struct lk_bytes) { NULL, 0 };
	subject.realm = (char *)(uintptr_t)call->realm;
	credential.value = (char *)(uintptr_t)call->subject;
	subject.n_credentials = 1;
	subject.credentials = &credentials;
	return (struct lk_bytes) { room, latchkey__v1__subject__pack(&subject, room) };
}

static enum lk_lane lane_of(uint16_t method)
{
	return method == ONCE_HASH   ? LK_LANE_HASH
	       : method == ONCE_READ ? LK_LANE_READ
				     : LK_LANE_WRITE;
}

void once_put_frame(struct lk_buf *frame, const struct once_call *call)
{
	uint8_t metadata[512], subject[512];
	struct echo_call echo = {
		.method = call->method,
		.id = 1,
		.realm = call->realm,
		.text = call->text,
		.metadata = pack_metadata(call, metadata),
		.subject = pack_subject(call, subject),
	};

	echo_put_frame(frame, lane_of(call->method), call->caller, &echo, 1);
}

const struct echo_reply *once_ask(struct once *once, const struct once_call *call)
{
	once_put_frame(&once->frame, call);
	echo_submit(once->wire, echo_bytes(&once->frame), call->caller == NULL);
	echo_wait(once->wire, &once->replies);
	CHECK_EQ(once->replies.n, 1);
	return &once->replies.replies[0];
}

/* --- the store --- */

static bool count_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	(void)key;
	(void)value;
	(void)seq;
	++*(size_t *)arg;
	return true;
}

size_t once_count(struct once *once, const char *prefix)
{
	struct lk_bytes bytes = { (const uint8_t *)prefix, strlen(prefix) };
	size_t n = 0;

	CHECK_OK(lk_store_scan(
		once->store, bytes, (struct lk_bytes) { NULL, 0 }, SIZE_MAX, count_row, &n));
	return n;
}
