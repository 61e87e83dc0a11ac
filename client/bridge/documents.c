/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "client/bridge/bridge_priv.h"
#include "client/bridge/headers.h"
#include "latchkey/v1/health.rpc.h"
#include "latchkey/v1/keyring.rpc.h"

#define JSON "application/json"
#define HEADERS_MAX 512
#define METRICS_MAX ((size_t)64 * 1024)

/* A set of keys changes seldom, and a new key signs as soon as it is there: verifiers look again
 * when they meet a `kid` that they do not know. */
#define JWKS_CACHE "public, max-age=300"

struct document {
	struct lk_bridge *bridge;
	const struct lk_site *site; /* NULL: of the operations address */
	struct lk_http_exchange *exchange;
	struct lk_ask ask;
};

bool lk_documents_is_read(const struct lk_site *site, struct lk_http_exchange *exchange)
{
	enum lk_http_method method = exchange->head->method;
	struct lk_buf headers;

	if (method == LK_HTTP_GET || method == LK_HTTP_HEAD)
		return true;
	headers = lk_bridge_buf(exchange->arena, HEADERS_MAX);
	lk_put_header_raw(&headers, "Allow", "GET, HEAD");
	lk_bridge_refuse(site, exchange,
		&(struct lk_failure) { .fault = LK_FAULT_HTTP, .http = 405 }, &headers);
	return false;
}

/* What anybody may read, from any page. */
static void send_public(struct lk_http_exchange *exchange, struct lk_bytes body, const char *cache)
{
	struct lk_buf headers = lk_bridge_buf(exchange->arena, HEADERS_MAX);

	lk_put_header_raw(&headers, "Cache-Control", cache);
	lk_put_header_raw(&headers, "Access-Control-Allow-Origin", "*");
	lk_http_send(exchange, &(struct lk_http_answer) { .status = 200,
				       .headers = { headers.data, headers.n },
				       .body = body,
				       .content_type = JSON });
}

static void send_state(struct lk_http_exchange *exchange, unsigned status, const char *json)
{
	struct lk_buf headers = lk_bridge_buf(exchange->arena, HEADERS_MAX);

	lk_bridge_send(exchange, status, lk_bytes_of(json), &headers);
}

static struct document *document_new(struct lk_bridge *bridge, const struct lk_site *site,
	struct lk_http_exchange *exchange,
	void (*next)(void *arg, struct lk_status status, const ProtobufCMessage *response))
{
	struct document *document = lk_arena_alloc(exchange->arena, sizeof *document);

	if (document == NULL) {
		lk_http_send(exchange, &(struct lk_http_answer) { .status = 503, .close = true });
		return NULL;
	}
	*document = (struct document) { .bridge = bridge, .site = site, .exchange = exchange };
	document->ask = (struct lk_ask) {
		.bridge = bridge, .exchange = exchange, .next = next, .arg = document
	};
	return document;
}

static void send_keys(void *arg, struct lk_status status, const ProtobufCMessage *message)
{
	const struct document *document = arg;
	const lk_get_key_set_response *response = (const lk_get_key_set_response *)message;
	struct lk_buf headers = lk_bridge_buf(document->exchange->arena, HEADERS_MAX);

	if (status.code == LK_OK)
		send_public(document->exchange, lk_bytes_of(response->jwks), JWKS_CACHE);
	else
		lk_bridge_refuse(document->site, document->exchange,
			&(struct lk_failure) { .fault = LK_FAULT_CALL, .status = status },
			&headers);
}

static void serve_keys(
	struct lk_bridge *bridge, const struct lk_site *site, struct lk_http_exchange *exchange)
{
	struct document *document = document_new(bridge, site, exchange, send_keys);
	lk_get_key_set_request request = LK_GET_KEY_SET_REQUEST_INIT;

	if (document == NULL)
		return;
	request.realm = lk_rest_text(site->realm->name);
	lk_ask(&document->ask, &lk_keyring_service_methods[LK_KEYRING_SERVICE_GET_KEY_SET],
		&request.base, (struct lk_bytes) { NULL, 0 });
}

static void send_readiness(void *arg, struct lk_status status, const ProtobufCMessage *message)
{
	const struct document *document = arg;
	const lk_health_check_response *health = (const lk_health_check_response *)message;

	if (status.code != LK_OK || health->status != LK_SERVING_STATUS_SERVING)
		send_state(document->exchange, 503, "{\"status\":\"not serving\"}");
	else if (!health->writable)
		send_state(document->exchange, 503, "{\"status\":\"takes no changes\"}");
	else
		send_state(document->exchange, 200, "{\"status\":\"ok\"}");
}

static void serve_readiness(struct lk_bridge *bridge, struct lk_http_exchange *exchange)
{
	struct document *document = document_new(bridge, NULL, exchange, send_readiness);
	lk_health_check_request request = LK_HEALTH_CHECK_REQUEST_INIT;

	if (document != NULL)
		lk_ask(&document->ask, &lk_health_service_methods[LK_HEALTH_SERVICE_CHECK],
			&request.base, (struct lk_bytes) { NULL, 0 });
}

__attribute__((format(printf, 2, 3))) static void put_line(
	struct lk_buf *out, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	lk_put_text(out, line);
}

static void put_metric(struct lk_buf *out, const char *name, const char *kind, const char *help)
{
	put_line(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_counter(struct lk_buf *out, const char *name, const char *help, uint64_t value)
{
	put_metric(out, name, "counter", help);
	put_line(out, "%s %" PRIu64 "\n", name, value);
}

static void put_http(struct lk_buf *out, const struct lk_http_counters *counters)
{
	put_counter(out, "latchkey_http_connections_total", "Connections accepted.",
		counters->connections);
	put_metric(out, "latchkey_http_connections", "gauge", "Connections open.");
	put_line(out, "latchkey_http_connections %" PRIu64 "\n", counters->open);
	put_counter(out, "latchkey_http_connections_turned_away_total", "Connections over a limit.",
		counters->turned_away);
	put_counter(out, "latchkey_http_requests_total", "Requests received.", counters->requests);
	put_counter(out, "latchkey_http_refused_total",
		"Requests that were malformed, late or too large.", counters->refused);
	put_metric(out, "latchkey_http_answers_total", "counter", "Answers by class of status.");
	for (int i = 1; i < 6; i++)
		put_line(out, "latchkey_http_answers_total{class=\"%dxx\"} %" PRIu64 "\n", i,
			counters->by_class[i]);
}

static void serve_metrics(struct lk_bridge *bridge, struct lk_http_exchange *exchange)
{
	struct lk_http_counters counters;
	struct lk_buf text;

	lk_buf_init(&text, METRICS_MAX);
	lk_http_count(bridge->http, &counters);
	put_http(&text, &counters);
	if (bridge->options.metrics != NULL)
		bridge->options.metrics(bridge->options.arg, &text);
	lk_http_send(
		exchange, &(struct lk_http_answer) { .status = text.failed ? 500 : 200,
				  .headers = lk_bytes_of("Cache-Control: no-store\r\n"),
				  .body = { text.data, text.n },
				  .content_type = "text/plain; version=0.0.4; charset=utf-8" });
	lk_buf_fini(&text);
}

static bool is_path(const struct lk_http_exchange *exchange, const char *root, const char *rest)
{
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);
	size_t root_n = strlen(root), rest_n = strlen(rest);

	return path.n == root_n + rest_n && memcmp(path.data, root, root_n) == 0 &&
	       memcmp(path.data + root_n, rest, rest_n) == 0;
}

bool lk_documents_serve(
	struct lk_bridge *bridge, const struct lk_site *site, struct lk_http_exchange *exchange)
{
	const struct lk_rest_surface *surface =
		site->adapter != NULL ? site->adapter->surface : NULL;

	if (is_path(exchange, "/_latchkey", "/healthz")) {
		if (lk_documents_is_read(site, exchange))
			send_state(exchange, 200, "{\"status\":\"ok\"}");
	} else if (is_path(exchange, "/.well-known", "/jwks.json")) {
		if (lk_documents_is_read(site, exchange))
			serve_keys(bridge, site, exchange);
	} else if (surface != NULL && is_path(exchange, surface->root, "/openapi.json")) {
		if (lk_documents_is_read(site, exchange))
			send_public(exchange, lk_bytes_of(surface->openapi), "no-cache");
	} else {
		return false;
	}
	return true;
}

bool lk_operations_serve(struct lk_bridge *bridge, struct lk_http_exchange *exchange)
{
	if (is_path(exchange, "/_latchkey", "/healthz")) {
		if (lk_documents_is_read(NULL, exchange))
			send_state(exchange, 200, "{\"status\":\"ok\"}");
	} else if (is_path(exchange, "/_latchkey", "/readyz")) {
		if (lk_documents_is_read(NULL, exchange))
			serve_readiness(bridge, exchange);
	} else if (is_path(exchange, "/_latchkey", "/metrics")) {
		if (lk_documents_is_read(NULL, exchange))
			serve_metrics(bridge, exchange);
	} else {
		return false;
	}
	return true;
}
