/* SPDX-License-Identifier: MIT */
/* What the parts of the bridge know of each other. */
#pragma once

#include <stdatomic.h>

#include "client/bridge/bridge.h"
#include "client/bridge/forwarded.h"
#include "client/bridge/presented.h"
#include "client/bridge/refusal.h"

#define LK_BRIDGE_BODY_MAX ((size_t)64 * 1024)
#define LK_BRIDGE_HEADERS_MAX 16384 /* of an answer */
#define LK_BRIDGE_ANSWER_MAX ((size_t)1 << 20)

/* How long the bridge waits for the server. */
#define LK_BRIDGE_TIMEOUT_MS 10000

struct lk_bridge {
	struct lk_bridge_options options;
	struct lk_http *http;
	_Atomic(struct lk_sites *) sites;
};

/* Who a request is from, beside its credential. */
struct lk_asker {
	struct lk_forwarded forwarded;
	char *user_agent; /* in the arena; "" when there is none */
};

/* LK_RESOURCE_EXHAUSTED */
LK_MUST_USE struct lk_status lk_asker_read(struct lk_bridge *bridge,
	const struct lk_http_exchange *exchange, struct lk_asker *asker_out);

/* Room for the lines of an answer, in the arena; `failed` when memory is short. */
struct lk_buf lk_bridge_buf(struct lk_arena *arena, size_t cap);

/* Sends JSON, or an empty body, with `Cache-Control: no-store`. Headers that did not fit are a
 * 500. */
void lk_bridge_send(struct lk_http_exchange *exchange, unsigned status, struct lk_bytes body,
	struct lk_buf *headers);

/* Answers a failure as the site has it. */
void lk_bridge_refuse(const struct lk_site *site, struct lk_http_exchange *exchange,
	const struct lk_failure *failure, struct lk_buf *headers);

/* A call to the server, whose answer comes in the exchange's loop. `arg` is handed on. */
struct lk_ask {
	struct lk_bridge *bridge;
	struct lk_http_exchange *exchange;
	void (*next)(void *arg, struct lk_status status, const ProtobufCMessage *response);
	void *arg;
	struct lk_status status;
	const ProtobufCMessage *response;
};

/* Makes the call. The request may be gone when this returns; `ask` stays until next has run. The
 * exchange's arena is not to be touched meanwhile: the answer is unpacked there. */
void lk_ask(struct lk_ask *ask, const struct lk_method *method, const ProtobufCMessage *request,
	struct lk_bytes subject);

/* The same with all that a call can have. */
void lk_ask_with(struct lk_ask *ask, const struct lk_method *method,
	const ProtobufCMessage *request, const struct lk_call_options *options);

/* Answers a request of the site's surface. */
void lk_rest_serve(
	struct lk_bridge *bridge, const struct lk_site *site, struct lk_http_exchange *exchange);

/* Answers /_latchkey/verify. */
void lk_verify_serve(
	struct lk_bridge *bridge, const struct lk_site *site, struct lk_http_exchange *exchange);

/* The same of a request itself, for a page of another origin, too. */
void lk_bridge_refuse_http(const struct lk_site *site, struct lk_http_exchange *exchange,
	unsigned status, const char *why);

/* Of a document: only GET and HEAD; false when the answer has been given. */
bool lk_documents_is_read(const struct lk_site *site, struct lk_http_exchange *exchange);

/* Answer documents of a site and of the operations address; false for another path. */
bool lk_documents_serve(
	struct lk_bridge *bridge, const struct lk_site *site, struct lk_http_exchange *exchange);
bool lk_operations_serve(struct lk_bridge *bridge, struct lk_http_exchange *exchange);
