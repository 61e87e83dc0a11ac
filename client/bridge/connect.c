/* SPDX-License-Identifier: MIT */
#include "client/bridge/connect.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include "client/bridge/bridge_priv.h"
#include "client/bridge/bytes.h"
#include "client/bridge/headers.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/common.rpc.h"
#include "latchkey/v1/health.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/keyring.rpc.h"
#include "latchkey/v1/reflection.rpc.h"
#include "latchkey/v1/user.rpc.h"
#include "proto/wire/json.h"
#include "proto/wire/utf8.h"

#define PREFIX "/latchkey.v1."
#define JSON "application/json"
#define PROTO "application/proto"

#define HEADERS_MAX 512
#define TIMEOUT_DIGITS_MAX 10
#define TRACEPARENT_MAX 128

/* Presented for whoever presents nothing. A call without a credential would be the bridge's own;
 * this text is too short for a key, so the server takes its caller for nobody. */
#define NO_KEY "none"

struct connect {
	struct lk_http_exchange *exchange;
	const struct lk_method *method;
	bool is_json;
	struct lk_ask ask;
};

/* --- errors --- */

/* Connect's names are gRPC's in lower case, but for one. */
static char *name_code(enum lk_code code, struct lk_arena *arena)
{
	const char *known = code == LK_CANCELLED ? "CANCELED" : lk_code_name(code);
	char *name = lk_arena_strndup(arena, known, strlen(known));

	for (char *c = name; c != NULL && *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return name;
}

/* "realm: must not be empty" */
static char *sentence_of(const struct lk_status *st, struct lk_arena *arena)
{
	const char *field = st->field != NULL ? st->field : "";
	size_t n = strlen(field) + strlen(st->why) + sizeof ": ";
	char *text = lk_arena_alloc(arena, n);

	if (text != NULL)
		snprintf(text, n, "%s%s%s", field, st->field != NULL ? ": " : "", st->why);
	return text;
}

/* What an error tells beside its code and sentence. */
struct details {
	lk_http_error_detail detail;
	lk_error_details message;
	lk_field_violation violation;
	lk_field_violation *violations;
	Google__Protobuf__Duration delay;
};

static void fill_details(struct details *details, const struct lk_status *st)
{
	details->message = (lk_error_details)LK_ERROR_DETAILS_INIT;
	details->message.reason = (lk_error_reason)st->reason;
	if (st->field != NULL) {
		details->violation = (lk_field_violation)LK_FIELD_VIOLATION_INIT;
		details->violation.field = lk_rest_text(st->field);
		details->violation.description = lk_rest_text(st->why);
		details->violations = &details->violation;
		details->message.field_violations = &details->violations;
		details->message.n_field_violations = 1;
	}
	if (st->retry_ms > 0) {
		google__protobuf__duration__init(&details->delay);
		details->delay.seconds = st->retry_ms / 1000;
		details->delay.nanos = (int32_t)(st->retry_ms % 1000) * 1000000;
		details->message.retry_delay = &details->delay;
	}
}

/* The message in base64, unpadded; NULL when memory is short. */
static char *encode(const ProtobufCMessage *message, struct lk_arena *arena)
{
	struct lk_bytes packed;
	struct lk_buf text;

	if (lk_message_pack(message, arena, &packed).code != LK_OK)
		return NULL;
	text = lk_bridge_buf(arena, packed.n / 3 * 4 + 8);
	lk_json_base64_print(packed, &text);
	while (text.n > 0 && text.data[text.n - 1] == '=')
		text.n--;
	lk_buf_u8(&text, '\0');
	return text.failed ? NULL : (char *)text.data;
}

/* An error without its details is still that error. */
static void add_details(lk_http_error *error, const struct lk_status *st, struct lk_arena *arena)
{
	struct details *details;
	lk_http_error_detail **list;

	if (st->field == NULL && st->retry_ms == 0 && st->reason == LK_NO_REASON)
		return;
	details = lk_arena_calloc(arena, 1, sizeof *details);
	list = lk_arena_calloc(arena, 1, sizeof(lk_http_error_detail *));
	if (details == NULL || list == NULL)
		return;
	fill_details(details, st);
	details->detail = (lk_http_error_detail)LK_HTTP_ERROR_DETAIL_INIT;
	details->detail.type = lk_rest_text(latchkey__v1__error_details__descriptor.name);
	details->detail.value = encode(&details->message.base, arena);
	details->detail.debug = &details->message;
	if (details->detail.value == NULL)
		return;
	list[0] = &details->detail;
	error->details = list;
	error->n_details = 1;
}

static void put_headers(struct lk_buf *headers, unsigned http, const struct lk_status *st)
{
	char seconds[16];

	if (http == 401)
		lk_put_header_raw(headers, "WWW-Authenticate", "Bearer realm=\"latchkey\"");
	if (http == 405)
		lk_put_header_raw(headers, "Allow", "POST");
	if (http == 415)
		lk_put_header_raw(headers, "Accept-Post", JSON ", " PROTO);
	if (st->retry_ms > 0) {
		snprintf(seconds, sizeof seconds, "%u", (st->retry_ms + 999) / 1000);
		lk_put_header_raw(headers, "Retry-After", seconds);
	}
}

static void send_error(struct lk_http_exchange *exchange, unsigned http, struct lk_status st)
{
	struct lk_buf headers = lk_bridge_buf(exchange->arena, HEADERS_MAX);
	lk_http_error error = LK_HTTP_ERROR_INIT;
	struct lk_buf body;

	lk_buf_init(&body, LK_BRIDGE_ANSWER_MAX);
	error.code = name_code(st.code, exchange->arena);
	error.message = sentence_of(&st, exchange->arena);
	add_details(&error, &st, exchange->arena);
	put_headers(&headers, http, &st);
	/* The protocol has errors without a body, whose status says all. */
	if (error.code == NULL || error.message == NULL ||
		lk_json_print(&error.base, NULL, &body).code != LK_OK)
		lk_buf_reset(&body);
	lk_bridge_send(exchange, http, (struct lk_bytes) { body.data, body.n }, &headers);
	lk_buf_fini(&body);
}

/* Connect's table of codes and statuses is google.rpc.Code's. */
static void fail(struct lk_http_exchange *exchange, struct lk_status st)
{
	send_error(exchange, (unsigned)lk_code_http(st.code), st);
}

/* --- answers --- */

static struct lk_status write_response(
	const struct connect *connect, const ProtobufCMessage *response, struct lk_buf *body)
{
	size_t n = protobuf_c_message_get_packed_size(response);
	uint8_t *room;

	if (connect->is_json)
		return lk_json_print(response, NULL, body);
	if (n == 0)
		return LK_SUCCESS;
	room = lk_buf_reserve(body, n);
	if (room == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory");
	protobuf_c_message_pack(response, room);
	return LK_SUCCESS;
}

static void answered(void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	const struct connect *connect = arg;
	struct lk_buf body;

	lk_buf_init(&body, LK_BRIDGE_ANSWER_MAX);
	if (status.code == LK_OK)
		status = write_response(connect, response, &body);
	if (status.code == LK_OK)
		lk_http_send(connect->exchange,
			&(struct lk_http_answer) { .status = 200,
				.headers = lk_bytes_of("Cache-Control: no-store\r\n"),
				.body = { body.data, body.n },
				.content_type = connect->is_json ? JSON : PROTO });
	else
		fail(connect->exchange, status);
	lk_buf_fini(&body);
}

/* --- requests --- */

static const struct lk_service *const services[] = {
	&lk_auth_service,
	&lk_key_service,
	&lk_user_service,
	&lk_keyring_service,
	&lk_health_service,
	&lk_reflection_service,
};

/* The method of "/latchkey.v1.KeyService/ListKeys"; NULL: there is none. */
static const struct lk_method *find_method(struct lk_bytes path)
{
	struct lk_bytes name = { path.data + 1, path.n - 1 };
	struct lk_bytes service = lk_bytes_until(&name, '/');

	for (size_t i = 0; i < LK_COUNT(services); i++) {
		if (!lk_bytes_equal(service, lk_bytes_of(services[i]->name)))
			continue;
		for (size_t k = 0; k < services[i]->n_methods; k++)
			if (lk_bytes_equal(name, lk_bytes_of(services[i]->methods[k].name)))
				return &services[i]->methods[k];
	}
	return NULL;
}

static bool is_text(struct lk_bytes value, const char *text)
{
	return value.n == strlen(text) && strncasecmp((const char *)value.data, text, value.n) == 0;
}

/* Whether the body is of this media type, with no other charset than UTF-8. */
static bool is_type(const struct lk_http_exchange *exchange, const char *type)
{
	struct lk_bytes parameter, value;

	if (lk_http_header(exchange, "content-type", &parameter) != 1)
		return false;
	value = lk_bytes_until(&parameter, ';');
	if (parameter.n > 0 && parameter.data[0] == ' ')
		parameter = (struct lk_bytes) { parameter.data + 1, parameter.n - 1 };
	return is_text(value, type) && (parameter.n == 0 || is_text(parameter, "charset=utf-8"));
}

static struct lk_status check_protocol(const struct lk_http_exchange *exchange)
{
	struct lk_bytes value;
	size_t n = lk_http_header(exchange, "connect-protocol-version", &value);

	if (n > 1 || (n == 1 && !is_text(value, "1")))
		return LK_ERR(LK_INVALID_ARGUMENT, "the only Connect-Protocol-Version is 1");
	n = lk_http_header(exchange, "content-encoding", &value);
	if (n > 1 || (n == 1 && !is_text(value, "identity")))
		return LK_ERR(LK_UNIMPLEMENTED, "the only Content-Encoding is identity");
	return LK_SUCCESS;
}

static struct lk_status read_timeout(
	const struct lk_http_exchange *exchange, struct lk_call_options *options)
{
	static const struct lk_status malformed = { .code = LK_INVALID_ARGUMENT,
		.why = "Connect-Timeout-Ms is a number of at most 10 digits" };
	struct lk_bytes value;
	size_t n = lk_http_header(exchange, "connect-timeout-ms", &value);
	uint64_t ms = 0;

	options->timeout_ms = LK_BRIDGE_TIMEOUT_MS;
	if (n == 0)
		return LK_SUCCESS;
	if (n > 1 || value.n == 0 || value.n > TIMEOUT_DIGITS_MAX)
		return malformed;
	for (size_t i = 0; i < value.n; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return malformed;
		ms = ms * 10 + (uint64_t)(value.data[i] - '0');
	}
	/* To a channel 0 would be no timeout; here less than a millisecond is left. */
	if (ms == 0)
		return LK_ERR(LK_DEADLINE_EXCEEDED, "the deadline had passed when the call came");
	options->timeout_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
	return LK_SUCCESS;
}

static struct lk_status read_idempotency_key(
	const struct lk_http_exchange *exchange, struct lk_call_options *options)
{
	size_t n = lk_http_header(exchange, "idempotency-key", &options->idempotency_key);

	/* Other lengths are the channel's to refuse; to it an empty one would be none. */
	if (n > 1 || (n == 1 && options->idempotency_key.n == 0))
		return LK_ERR(LK_INVALID_ARGUMENT, "an idempotency key has 16 to 64 bytes");
	return LK_SUCCESS;
}

/* Trace Context (W3C, section 3.2): one that is malformed is no reason to refuse a call. */
static struct lk_status read_traceparent(
	const struct lk_http_exchange *exchange, struct lk_call_options *options)
{
	struct lk_bytes value;

	if (lk_http_header(exchange, "traceparent", &value) != 1 || value.n > TRACEPARENT_MAX ||
		!lk_utf8_valid(value))
		return LK_SUCCESS;
	options->traceparent = lk_arena_strndup(exchange->arena, (const char *)value.data, value.n);
	if (options->traceparent == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	return LK_SUCCESS;
}

/* Who calls: never empty. */
static struct lk_bytes read_credential(const struct lk_http_exchange *exchange)
{
	struct lk_bytes value, key = { NULL, 0 };

	if (lk_http_header(exchange, "authorization", &value) == 1)
		key = lk_bearer_of(value);
	return key.n > 0 && key.n <= LK_CREDENTIAL_MAX ? key : lk_bytes_of(NO_KEY);
}

static struct lk_status read_options(
	const struct lk_http_exchange *exchange, struct lk_call_options *options_out)
{
	*options_out = (struct lk_call_options) { .credential = read_credential(exchange) };
	LK_TRY(check_protocol(exchange));
	LK_TRY(read_timeout(exchange, options_out));
	LK_TRY(read_idempotency_key(exchange, options_out));
	return read_traceparent(exchange, options_out);
}

static struct lk_status read_request(const struct connect *connect, ProtobufCMessage **request_out)
{
	static const struct lk_json_options lenient = { .ignore_unknown = true };
	const struct lk_http_exchange *exchange = connect->exchange;
	const ProtobufCMessageDescriptor *type = connect->method->request;

	if (connect->is_json)
		return lk_json_parse(type, exchange->body, &lenient, exchange->arena, request_out);
	return lk_message_unpack(type, exchange->body, exchange->arena, request_out);
}

static void call(struct connect *connect)
{
	struct lk_call_options options;
	ProtobufCMessage *request;
	struct lk_status st = read_options(connect->exchange, &options);

	if (st.code == LK_OK)
		st = read_request(connect, &request);
	if (st.code != LK_OK) {
		fail(connect->exchange, st);
		return;
	}
	/* With none it would be the bridge that calls. */
	assert(options.credential.n > 0);
	lk_ask_with(&connect->ask, connect->method, request, &options);
}

static void serve(
	struct lk_bridge *bridge, struct lk_http_exchange *exchange, const struct lk_method *method)
{
	struct connect *connect = lk_arena_calloc(exchange->arena, 1, sizeof *connect);

	if (connect == NULL) {
		lk_http_send(exchange, &(struct lk_http_answer) { .status = 503, .close = true });
		return;
	}
	connect->exchange = exchange;
	connect->method = method;
	connect->is_json = is_type(exchange, JSON);
	connect->ask = (struct lk_ask) {
		.bridge = bridge, .exchange = exchange, .next = answered, .arg = connect
	};
	call(connect);
}

bool lk_connect_serve(struct lk_bridge *bridge, struct lk_http_exchange *exchange)
{
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);
	const struct lk_method *method;

	if (path.n < sizeof PREFIX - 1 || memcmp(path.data, PREFIX, sizeof PREFIX - 1) != 0)
		return false;
	method = find_method(path);
	if (method == NULL)
		send_error(exchange, 404, LK_ERR(LK_UNIMPLEMENTED, "there is no such method"));
	else if (exchange->head->method != LK_HTTP_POST)
		send_error(exchange, 405, LK_ERR(LK_UNIMPLEMENTED, "methods are called by POST"));
	else if (!is_type(exchange, JSON) && !is_type(exchange, PROTO))
		send_error(exchange, 415,
			LK_ERR(LK_INVALID_ARGUMENT, "messages are " JSON " or " PROTO));
	else
		serve(bridge, exchange, method);
	return true;
}
