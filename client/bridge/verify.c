/* SPDX-License-Identifier: MIT */
/* Decisions for proxies: nginx's auth_request, Traefik's ForwardAuth, Envoy's ext_authz over HTTP,
 * and whoever asks by hand.
 *
 * The credential is the one of the request in hand, which the proxy made of the original one. What
 * the original request was is believed from trusted proxies alone; from others such a question is
 * refused. An answer of 200 carries who the caller is in headers X-Latchkey-*. nginx passes on no
 * other status than 200, 401 and 403 and drops the body, so what it is to tell its client is in
 * X-Latchkey-Status and X-Latchkey-Body.
 *
 * What a rule looks at in the body of the original request, it can see where the question is a POST
 * with that body.
 */
#include <stdio.h>

#include "client/bridge/headers.h"
#include "client/bridge/judge.h"
#include "client/bridge/original.h"

#define HEADERS_MAX 4096

struct verify {
	const struct lk_site *site;
	struct lk_http_exchange *exchange;
	struct lk_original original;
	struct lk_judging judging;
	struct lk_buf headers;
};

/* As nginx wants to hear it. */
static unsigned nginx_status(unsigned status)
{
	if (status == 200 || status == 401 || status >= 500)
		return status;
	return 403;
}

static void refuse(struct verify *verify, const struct lk_failure *failure)
{
	struct lk_refusal refusal =
		lk_refuse(verify->site, failure, verify->exchange->arena, &verify->headers);
	char status[8];

	if (verify->original.proxy == LK_PROXY_NGINX) {
		snprintf(status, sizeof status, "%u", refusal.status);
		lk_put_header_raw(&verify->headers, "X-Latchkey-Status", status);
		lk_put_header_bytes(&verify->headers, "X-Latchkey-Body", refusal.body);
		refusal.status = nginx_status(refusal.status);
		refusal.body.n = 0;
	}
	lk_bridge_send(verify->exchange, refusal.status, refusal.body, &verify->headers);
}

static void put_list(struct lk_buf *out, const char *name, char *const *items, size_t n)
{
	if (n == 0)
		return;
	lk_put_text(out, name);
	for (size_t i = 0; i < n; i++) {
		lk_put_text(out, i == 0 ? ": " : ",");
		lk_put_value(out, lk_bytes_of(items[i]));
	}
	lk_put_text(out, "\r\n");
}

static void put_known(struct lk_buf *out, const char *name, const char *value)
{
	if (value[0] != '\0')
		lk_put_header(out, name, value);
}

static void put_identity(
	struct lk_buf *out, const struct lk_site *site, const lk_principal *principal)
{
	lk_put_header_raw(out, "X-Latchkey-Realm", site->realm->name);
	if (principal == NULL)
		return;
	put_known(out, "X-Latchkey-Key", principal->key_id);
	put_known(out, "X-Latchkey-Session", principal->session_id);
	put_known(out, "X-Latchkey-User", principal->user_id);
	put_known(out, "X-Latchkey-Organization", principal->organization_id);
	put_known(out, "X-Latchkey-Plan", principal->plan);
	put_known(out, "X-Latchkey-Subject", principal->subject);
	put_known(out, "X-Latchkey-On-Behalf-Of", principal->on_behalf_of);
	put_list(out, "X-Latchkey-Roles", principal->roles, principal->n_roles);
	put_list(out, "X-Latchkey-Scopes", principal->scopes, principal->n_scopes);
}

static void allow(struct verify *verify, const lk_principal *principal)
{
	struct lk_buf *out = &verify->headers, before = *out;

	put_identity(out, verify->site, principal);
	/* All scopes and roles that one may have are more than what does for most. */
	if (out->failed) {
		*out = lk_bridge_buf(verify->exchange->arena, LK_BRIDGE_HEADERS_MAX);
		lk_buf_add(out, before.data, before.n);
		put_identity(out, verify->site, principal);
	}
	lk_bridge_send(verify->exchange, 200, (struct lk_bytes) { NULL, 0 }, out);
}

static void judged(void *arg, const struct lk_failure *failure, const lk_principal *principal)
{
	struct verify *verify = arg;

	if (failure != NULL)
		refuse(verify, failure);
	else
		allow(verify, principal);
}

/* Not one of the safe methods (RFC 9110, section 9.2.1). */
static bool changes_something(enum lk_http_method method)
{
	return method != LK_HTTP_GET && method != LK_HTTP_HEAD && method != LK_HTTP_OPTIONS;
}

/* What the original request was; false when the answer has been given. */
static bool read_original(struct verify *verify)
{
	struct lk_original *original = &verify->original;
	bool is_clear = lk_original_read(verify->exchange, original);

	if (original->proxy == LK_PROXY_NONE)
		return true;
	/* A proxy that is not listed would let everybody in to everything. */
	if (!verify->judging.asker.forwarded.is_trusted) {
		original->proxy = LK_PROXY_NONE;
		refuse(verify, &(struct lk_failure) { .fault = LK_FAULT_ROUTE });
		return false;
	}
	if (!is_clear) {
		refuse(verify, &(struct lk_failure) { .fault = LK_FAULT_HTTP,
				       .http = 400,
				       .why = "the original request is not clear" });
		return false;
	}
	if (changes_something(original->method) && lk_judging_is_forged(&verify->judging)) {
		refuse(verify, &(struct lk_failure) { .fault = LK_FAULT_ORIGIN });
		return false;
	}
	verify->judging.method = lk_http_method_name(original->method);
	verify->judging.path = original->path;
	/* Envoy sends a body where it is told to; the others' question has a method of its own. */
	verify->judging.has_body = original->proxy == LK_PROXY_ENVOY
					   ? verify->exchange->body.n > 0
					   : verify->exchange->head->method == LK_HTTP_POST;
	return true;
}

void lk_verify_serve(
	struct lk_bridge *bridge, const struct lk_site *site, struct lk_http_exchange *exchange)
{
	struct verify *verify = lk_arena_calloc(exchange->arena, 1, sizeof *verify);
	struct lk_status st;

	if (verify == NULL) {
		lk_http_send(exchange, &(struct lk_http_answer) { .status = 503, .close = true });
		return;
	}
	verify->site = site;
	verify->exchange = exchange;
	verify->headers = lk_bridge_buf(exchange->arena, HEADERS_MAX);
	st = lk_judging_init(&verify->judging, bridge, site, exchange);
	if (st.code != LK_OK)
		refuse(verify, &(struct lk_failure) { .fault = LK_FAULT_CALL, .status = st });
	if (st.code != LK_OK || !read_original(verify))
		return;
	verify->judging.headers = &verify->headers;
	verify->judging.next = judged;
	verify->judging.arg = verify;
	lk_judge(&verify->judging);
}
