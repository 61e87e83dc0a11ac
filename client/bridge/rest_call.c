/* SPDX-License-Identifier: MIT */
#include "client/bridge/rest_call.h"

#include <string.h>
#include <strings.h>

#include "client/bridge/bridge_priv.h"
#include "client/bridge/cors.h"
#include "client/bridge/headers.h"
#include "client/bridge/judge.h"
#include "client/bridge/route.h"
#include "client/bridge/transcode.h"
#include "latchkey/v1/common.rpc.h"

struct lk_rest_call {
	struct lk_bridge *bridge;
	const struct lk_site *site;
	struct lk_http_exchange *exchange;
	const struct lk_rest_route *route;
	struct lk_judging judging;
	struct lk_buf headers; /* of the answer */
	struct lk_ask ask;
	lk_rest_next_fn next;
	bool is_signed_in;
	void *state; /* the adapter's */
};

/* --- what adapters ask --- */

struct lk_arena *lk_rest_arena(struct lk_rest_call *call)
{
	return call->exchange->arena;
}

const char *lk_rest_realm(const struct lk_rest_call *call)
{
	return call->site->realm->name;
}

const char *lk_rest_credential(const struct lk_rest_call *call)
{
	return call->judging.presented.value;
}

const char *lk_rest_client_address(const struct lk_rest_call *call)
{
	return call->judging.asker.forwarded.client;
}

const char *lk_rest_user_agent(const struct lk_rest_call *call)
{
	return call->judging.asker.user_agent;
}

lk_time_ms lk_rest_now(const struct lk_rest_call *call)
{
	return call->bridge->options.now();
}

bool lk_rest_is_signed_in(const struct lk_rest_call *call)
{
	return call->is_signed_in;
}

void lk_rest_set_state(struct lk_rest_call *call, void *state)
{
	call->state = state;
}

void *lk_rest_state(const struct lk_rest_call *call)
{
	return call->state;
}

/* --- what becomes of a call --- */

void lk_rest_add_location(struct lk_rest_call *call, const char *id)
{
	const struct lk_http_exchange *exchange = call->exchange;
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);

	lk_put_text(&call->headers, "Location: ");
	lk_buf_add(&call->headers, path.data, path.n);
	lk_put_text(&call->headers, "/");
	lk_put_text(&call->headers, id);
	lk_put_text(&call->headers, "\r\n");
}

void lk_rest_fail(struct lk_rest_call *call, const struct lk_failure *failure)
{
	lk_bridge_refuse(call->site, call->exchange, failure, &call->headers);
}

void lk_rest_fail_status(struct lk_rest_call *call, struct lk_status status)
{
	lk_rest_fail(call, &(struct lk_failure) { .fault = LK_FAULT_CALL, .status = status });
}

void lk_rest_fail_http(struct lk_rest_call *call, unsigned http, const char *why)
{
	lk_rest_fail(
		call, &(struct lk_failure) { .fault = LK_FAULT_HTTP, .http = http, .why = why });
}

void lk_rest_not_served(struct lk_rest_call *call)
{
	lk_rest_fail_status(call, LK_NOT_SERVED);
}

/* Of an object that was written with this one member: the member's value. */
static struct lk_bytes value_of(struct lk_bytes object, const char *member)
{
	size_t before = strlen("{\"\":") + strlen(member);

	return (struct lk_bytes) { object.data + before, object.n - before - strlen("}") };
}

void lk_rest_answer(struct lk_rest_call *call, const ProtobufCMessage *response)
{
	const struct lk_rest_surface *surface = call->site->adapter->surface;
	struct lk_buf body;
	const struct lk_cookie_policy policy = { .secure = call->judging.asker.forwarded.is_https };
	struct lk_bytes written;
	struct lk_status st;

	lk_buf_init(&body, LK_BRIDGE_ANSWER_MAX);
	st = lk_transcode_response(surface, response, &policy,
		call->route->status == 204 ? NULL : &body, &call->headers);
	written = (struct lk_bytes) { body.data, body.n };
	if (st.code == LK_OK && call->route->body != NULL)
		written = value_of(written, call->route->body);
	/* What an adapter found no memory for is missing in its message. */
	if (st.code != LK_OK || call->exchange->arena->exhausted)
		lk_rest_fail_status(call, LK_ERR(LK_INTERNAL, "the answer cannot be written"));
	else
		lk_bridge_send(call->exchange, call->route->status, written, &call->headers);
	lk_buf_fini(&body);
}

static void answered(void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	struct lk_rest_call *call = arg;

	call->next(call, status, response);
}

/* For whom the bridge calls: who they are is proven anew by the server. */
static struct lk_bytes pack_subject(struct lk_rest_call *call)
{
	lk_credential credential = LK_CREDENTIAL_INIT;
	lk_credential *credentials[] = { &credential };
	lk_subject subject = LK_SUBJECT_INIT;
	struct lk_bytes packed;
	uint8_t *room;

	credential.kind = call->judging.presented.kind;
	credential.value = lk_rest_text(call->judging.presented.value);
	subject.realm = lk_rest_text(call->site->realm->name);
	subject.n_credentials = 1;
	subject.credentials = credentials;
	subject.client_address = call->judging.asker.forwarded.client;
	subject.user_agent = call->judging.asker.user_agent;
	packed.n = protobuf_c_message_get_packed_size(&subject.base);
	room = lk_arena_alloc(call->exchange->arena, packed.n);
	packed.data = room;
	if (room != NULL)
		protobuf_c_message_pack(&subject.base, room);
	return packed;
}

void lk_rest_call_service(struct lk_rest_call *call, const struct lk_method *method,
	const ProtobufCMessage *request, lk_rest_next_fn next)
{
	struct lk_bytes subject = { NULL, 0 };

	if (method->takes_subject &&
		(call->is_signed_in || call->route->caller == LK_REST_PRINCIPAL ||
			call->route->caller == LK_REST_SESSION)) {
		subject = pack_subject(call);
		if (subject.data == NULL) {
			lk_rest_fail_status(call, LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory"));
			return;
		}
	}
	call->next = next;
	call->ask = (struct lk_ask) {
		.bridge = call->bridge, .exchange = call->exchange, .next = answered, .arg = call
	};
	lk_ask(&call->ask, method, request, subject);
}

/* --- the way of a request --- */

/* application/json, with no other charset than UTF-8 (RFC 8259 knows no parameter at all). */
static bool is_json(const struct lk_http_exchange *exchange)
{
	static const char *const types[] = { "application/json", "application/json;charset=utf-8",
		"application/json; charset=utf-8" };
	struct lk_bytes value;

	if (lk_http_header(exchange, "content-type", &value) != 1)
		return false;
	for (size_t i = 0; i < LK_COUNT(types); i++)
		if (strlen(types[i]) == value.n &&
			strncasecmp(types[i], (const char *)value.data, value.n) == 0)
			return true;
	return false;
}

/* Reads the request and hands it to the adapter. */
static void run(struct lk_rest_call *call)
{
	const struct lk_rest_route *route = call->route;
	struct lk_http_exchange *exchange = call->exchange;
	struct lk_rest_source source = {
		.path = lk_http_at(exchange->head_bytes, exchange->head->path),
		.query = lk_http_at(exchange->head_bytes, exchange->head->query),
		.body = exchange->body,
	};
	ProtobufCMessage *request;
	struct lk_status st;

	if ((route->has_body || exchange->body.n > 0) && !is_json(exchange)) {
		lk_rest_fail_http(call, 415, NULL);
		return;
	}
	(void)lk_http_header(exchange, "cookie", &source.cookie);
	st = lk_transcode_request(
		call->site->adapter->surface, route, &source, exchange->arena, &request);
	if (st.code != LK_OK)
		lk_rest_fail_status(call, st);
	else
		route->serve(call->site->adapter->handlers, call, request);
}

static void judged(void *arg, const struct lk_failure *failure, const lk_principal *principal)
{
	struct lk_rest_call *call = arg;

	call->is_signed_in = failure == NULL && lk_judging_is_person(principal);
	/* Who has a session is told; who has none is nobody. */
	if (failure != NULL &&
		(call->route->caller != LK_REST_OPTIONAL || failure->fault != LK_FAULT_DENIED))
		lk_rest_fail(call, failure);
	else
		run(call);
}

static void judge(struct lk_rest_call *call)
{
	const struct lk_rest_route *route = call->route;
	struct lk_judging *judging = &call->judging;

	judging->permissions = &route->permission;
	judging->n_permissions = route->permission != NULL;
	judging->needs_organization = route->needs_organization;
	judging->headers = &call->headers;
	judging->needs_person = route->caller == LK_REST_SESSION;
	judging->next = judged;
	judging->arg = call;
	lk_judge(judging);
}

static bool takes_cookies(const struct lk_rest_call *call)
{
	const struct lk_rest_surface *surface = call->site->adapter->surface;

	for (size_t i = 0; i < surface->n_cookies; i++)
		if (surface->cookies[i].message == call->route->request)
			return true;
	return false;
}

static void admit(struct lk_rest_call *call)
{
	if (call->route->verb != LK_REST_GET && lk_judging_is_forged(&call->judging))
		lk_rest_fail(call, &(struct lk_failure) { .fault = LK_FAULT_ORIGIN });
	else if (call->route->caller != LK_REST_ANYBODY)
		judge(call);
	/* A cookie may be sent by a page that its user did not mean to send it. */
	else if (takes_cookies(call) && lk_cors_is_foreign(call->site, call->exchange))
		lk_rest_fail(call, &(struct lk_failure) { .fault = LK_FAULT_ORIGIN });
	else
		run(call);
}

static bool verb_of(enum lk_http_method method, enum lk_rest_verb *verb_out)
{
	static const enum lk_rest_verb verbs[] = {
		[LK_HTTP_GET] = LK_REST_GET,
		[LK_HTTP_HEAD] = LK_REST_GET,
		[LK_HTTP_POST] = LK_REST_POST,
		[LK_HTTP_PUT] = LK_REST_PUT,
		[LK_HTTP_PATCH] = LK_REST_PATCH,
		[LK_HTTP_DELETE] = LK_REST_DELETE,
	};

	if (method >= LK_COUNT(verbs))
		return false;
	*verb_out = verbs[method];
	return true;
}

/* The path is none of ours, or not with this method. OPTIONS is answered for every path. */
static void serve_no_route(struct lk_rest_call *call, const char *allow)
{
	struct lk_http_exchange *exchange = call->exchange;

	if (allow[0] == '\0') {
		lk_rest_fail_http(call, exchange->head->method == LK_HTTP_OTHER ? 501 : 404, NULL);
		return;
	}
	if (lk_cors_is_preflight(exchange))
		lk_cors_put_preflight(call->site, exchange, allow, &call->headers);
	else
		lk_put_header_raw(&call->headers, "Allow", allow);
	if (exchange->head->method == LK_HTTP_OPTIONS)
		lk_bridge_send(exchange, 204, (struct lk_bytes) { NULL, 0 }, &call->headers);
	else
		lk_rest_fail_http(call, 405, NULL);
}

void lk_rest_serve(
	struct lk_bridge *bridge, const struct lk_site *site, struct lk_http_exchange *exchange)
{
	struct lk_rest_call *call = lk_arena_calloc(exchange->arena, 1, sizeof *call);
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);
	const struct lk_rest_surface *surface = site->adapter->surface;
	char allow[LK_REST_ALLOW_ROOM];
	enum lk_rest_verb verb;
	bool is_known;
	struct lk_status st;

	if (call == NULL) {
		lk_http_send(exchange, &(struct lk_http_answer) { .status = 503, .close = true });
		return;
	}
	call->bridge = bridge;
	call->site = site;
	call->exchange = exchange;
	call->headers = lk_bridge_buf(exchange->arena, LK_BRIDGE_HEADERS_MAX);
	st = lk_judging_init(&call->judging, bridge, site, exchange);
	if (!lk_cors_is_preflight(exchange))
		lk_cors_put(site, exchange, call->judging.presented.is_key, &call->headers);
	if (st.code != LK_OK) {
		lk_rest_fail_status(call, st);
		return;
	}
	if (verb_of(exchange->head->method, &verb))
		call->route = lk_rest_match(surface, path, verb, &is_known);
	if (call->route != NULL) {
		admit(call);
		return;
	}
	lk_rest_allow(surface, path, allow);
	serve_no_route(call, allow);
}
