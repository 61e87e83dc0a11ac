/* SPDX-License-Identifier: MIT */
#include "client/bridge/judge.h"

#include <stdio.h>
#include <string.h>

#include "client/bridge/cors.h"
#include "client/bridge/headers.h"
#include "latchkey/v1/common.rpc.h"
#include "proto/wire/json.h"
#include "proto/wire/utf8.h"

/* It has to fit into a call. */
#define SIGNED_BODY_MAX ((size_t)48 * 1024)

struct lk_status lk_judging_init(struct lk_judging *judging, struct lk_bridge *bridge,
	const struct lk_site *site, struct lk_http_exchange *exchange)
{
	judging->bridge = bridge;
	judging->site = site;
	judging->exchange = exchange;
	LK_TRY(lk_asker_read(bridge, exchange, &judging->asker));
	return lk_present(site, exchange, judging->asker.forwarded.is_https, &judging->presented);
}

static void fail(const struct lk_judging *judging, struct lk_failure failure)
{
	failure.is_key = judging->presented.is_key;
	judging->next(judging->arg, &failure, NULL);
}

static void fail_http(const struct lk_judging *judging, unsigned status, const char *why)
{
	fail(judging, (struct lk_failure) { .fault = LK_FAULT_HTTP, .http = status, .why = why });
}

/* "x-byok-provider: is missing", told with what it is about. */
static void fail_violation(const struct lk_judging *judging, const lk_field_violation *violation)
{
	struct lk_failure failure = { .fault = LK_FAULT_HTTP, .http = 400 };
	size_t n;
	char *text;

	if (violation != NULL) {
		n = strlen(violation->field) + strlen(violation->description) + sizeof ": ";
		text = lk_arena_alloc(judging->exchange->arena, n);
		if (text != NULL)
			snprintf(text, n, "%s: %s", violation->field, violation->description);
		failure.why = text;
		failure.field = violation->field;
	}
	fail(judging, failure);
}

static uint32_t milliseconds_of(const Google__Protobuf__Duration *duration)
{
	int64_t ms = duration != NULL ? duration->seconds * 1000 + duration->nanos / 1000000 : 0;

	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* In whole seconds, the last begun. */
static unsigned seconds_of(const Google__Protobuf__Duration *duration)
{
	return (unsigned)(((uint64_t)milliseconds_of(duration) + 999) / 1000);
}

/* `RateLimit-Policy` and `RateLimit`, an item of each for every limit
 * (draft-ietf-httpapi-ratelimit-headers-10). */
static void put_limits(const lk_authenticate_response *verdict, struct lk_buf *headers)
{
	char text[128];

	for (size_t i = 0; i < verdict->n_limits; i++) {
		const Latchkey__V1__LimitState *limit = verdict->limits[i];

		lk_put_text(headers, i == 0 ? "RateLimit-Policy: " : ", ");
		snprintf(text, sizeof text, "\"%.32s\";q=%u;w=%u", limit->name, limit->requests,
			seconds_of(limit->period));
		lk_put_text(headers, text);
	}
	for (size_t i = 0; i < verdict->n_limits; i++) {
		const Latchkey__V1__LimitState *limit = verdict->limits[i];

		lk_put_text(headers, i == 0 ? "\r\nRateLimit: " : ", ");
		snprintf(text, sizeof text, "\"%.32s\";r=%u;t=%u", limit->name, limit->remaining,
			seconds_of(limit->reset_after));
		lk_put_text(headers, text);
	}
	if (verdict->n_limits > 0)
		lk_put_text(headers, "\r\n");
}

/* Reasons that stand for something else than the credential. */
static void deny(const struct lk_judging *judging, const lk_authenticate_response *verdict)
{
	switch ((int)verdict->reason) {
	case LK_DENY_REASON_INVALID_REQUEST:
		fail_violation(judging, verdict->violation);
		break;
	case LK_DENY_REASON_AMBIGUOUS_CREDENTIALS:
		fail_http(judging, 400, "one credential at a time");
		break;
	case LK_DENY_REASON_RATE_LIMITED:
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_HTTP,
				      .http = 429,
				      .retry_ms = milliseconds_of(verdict->retry_after) });
		break;
	case LK_DENY_REASON_NO_ROUTE:
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_ROUTE });
		break;
	case LK_DENY_REASON_ORGANIZATION_REQUIRED:
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_ORGANIZATION });
		break;
	default:
		fail(judging, (struct lk_failure) {
				      .fault = LK_FAULT_DENIED, .reason = verdict->reason });
	}
}

bool lk_judging_is_person(const lk_principal *principal)
{
	return principal->session_id[0] != '\0' || principal->kind == LK_PRINCIPAL_KIND_EXTERNAL;
}

/* Whether a proven API key asks where a person has to; what it may do there is not looked at. */
static bool is_key_for_person(
	const struct lk_judging *judging, const lk_authenticate_response *verdict)
{
	return judging->needs_person && verdict->principal != NULL &&
	       !lk_judging_is_person(verdict->principal) &&
	       (verdict->allowed || verdict->reason == LK_DENY_REASON_PERMISSION_DENIED);
}

static void judged(void *arg, struct lk_status status, const ProtobufCMessage *message)
{
	const struct lk_judging *judging = arg;
	const lk_authenticate_response *verdict = (const lk_authenticate_response *)message;

	if (status.code == LK_OK)
		put_limits(verdict, judging->headers);
	if (status.code != LK_OK)
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_CALL, .status = status });
	else if (is_key_for_person(judging, verdict))
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_KEY });
	else if (!verdict->allowed)
		deny(judging, verdict);
	else if (judging->needs_organization && verdict->principal->organization_id[0] == '\0')
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_ORGANIZATION });
	else
		judging->next(judging->arg, NULL, verdict->principal);
}

static bool is_text(struct lk_bytes value, const char *text)
{
	return value.n == strlen(text) && strncmp((const char *)value.data, text, value.n) == 0;
}

/* Whether the page of another site may have made a browser send this (Fetch, section 3.2; Fetch
 * Metadata, section 2.1). */
static bool is_cross_site(const struct lk_http_exchange *exchange)
{
	struct lk_bytes value;
	size_t n = lk_http_header(exchange, "sec-fetch-site", &value);

	return lk_http_header(exchange, "origin", &(struct lk_bytes) { NULL, 0 }) > 0 ||
	       (n > 0 && !(n == 1 && (is_text(value, "same-origin") || is_text(value, "none"))));
}

/* The header's value, in the arena; of several all, as one list (RFC 9110, section 5.3), which is
 * no value of any of ours. */
static char *text_of_header(
	const struct lk_http_exchange *exchange, const char *name, size_t *n_out)
{
	struct lk_bytes value = { (const uint8_t *)"", 0 };

	*n_out = lk_http_header(exchange, name, &value);
	if (*n_out > 1 || !lk_utf8_valid(value))
		value = lk_bytes_of(",");
	return lk_arena_strndup(exchange->arena, (const char *)value.data, value.n);
}

/* What rules may look at. NULL when there is no such header. */
static lk_byok_headers *read_byok(const struct lk_http_exchange *exchange)
{
	size_t n_providers, n_keys, n_bases;
	struct lk_bytes key = { (const uint8_t *)"", 0 };
	lk_byok_headers *byok;
	char *provider = text_of_header(exchange, "x-byok-provider", &n_providers);
	char *base = text_of_header(exchange, "x-byok-api-base", &n_bases);

	n_keys = lk_http_header(exchange, "x-byok-api-key", &key);
	if (n_providers + n_keys + n_bases == 0)
		return NULL;
	byok = lk_arena_alloc(exchange->arena, sizeof *byok);
	if (byok == NULL || provider == NULL || base == NULL)
		return NULL;
	*byok = (lk_byok_headers)LK_BYOK_HEADERS_INIT;
	byok->provider = provider;
	byok->has_api_key = n_keys == 1 && key.n > 0;
	byok->api_base = base;
	return byok;
}

/* For which user it is asked; of several, two tell as much as all. */
static char **read_on_behalf_of(const struct lk_http_exchange *exchange, size_t *n_out)
{
	char **texts = lk_arena_calloc(exchange->arena, 2, sizeof *texts);

	if (texts == NULL) {
		*n_out = 0;
		return NULL;
	}
	texts[0] = texts[1] = text_of_header(exchange, "x-user-id", n_out);
	if (*n_out > 2)
		*n_out = 2;
	return texts;
}

/* What the JSON body says of a user; NULL: nothing. */
static lk_body_user *read_body_user(const struct lk_http_exchange *exchange)
{
	static lk_body_user wrong = LK_BODY_USER_INIT;
	const struct lk_json_options options = { .ignore_unknown = true };
	ProtobufCMessage *message;
	lk_body_user *user;

	if (exchange->body.n == 0)
		return NULL;
	if (lk_json_parse(&latchkey__v1__body_user__descriptor, exchange->body, &options,
		    exchange->arena, &message)
			.code != LK_OK)
		return &wrong;
	user = (lk_body_user *)message;
	return user->user_case == LATCHKEY__V1__BODY_USER__USER__NOT_SET ? NULL : user;
}

/* What somebody signed; NULL: nothing. */
static lk_signed_body *read_signed_body(const struct lk_http_exchange *exchange)
{
	struct lk_bytes body = exchange->body;
	lk_signed_body *told;
	size_t n;
	char *text = text_of_header(exchange, "stripe-signature", &n);
	char **texts;

	if (n == 0)
		return NULL;
	told = lk_arena_alloc(exchange->arena, sizeof *told);
	texts = lk_arena_calloc(exchange->arena, 2, sizeof *texts);
	if (told == NULL || texts == NULL)
		return NULL;
	texts[0] = texts[1] = text;
	*told = (lk_signed_body)LK_SIGNED_BODY_INIT;
	told->n_signatures = n < 2 ? n : 2;
	told->signatures = texts;
	told->body.data = (uint8_t *)(uintptr_t)body.data;
	told->body.len = body.n;
	return told;
}

bool lk_judging_is_forged(const struct lk_judging *judging)
{
	return judging->presented.kind == LK_CREDENTIAL_KIND_SESSION && judging->presented.n == 1 &&
	       is_cross_site(judging->exchange) &&
	       !lk_cors_is_own(judging->site, judging->exchange, judging->asker.forwarded.is_https);
}

void lk_judge(struct lk_judging *judging)
{
	lk_credential credential = LK_CREDENTIAL_INIT;
	/* Of several, it is enough to say that there is more than one. */
	lk_credential *credentials[] = { &credential, &credential };
	lk_authenticate_request request = LK_AUTHENTICATE_REQUEST_INIT;

	credential.kind = judging->presented.kind;
	credential.value = lk_rest_text(judging->presented.value);
	request.realm = lk_rest_text(judging->site->realm->name);
	request.n_credentials = judging->presented.n < 2 ? judging->presented.n : 2;
	request.credentials = credentials;
	request.n_permissions = judging->n_permissions;
	request.permissions = (char **)(uintptr_t)judging->permissions;
	request.by_route = judging->path != NULL;
	if (request.by_route) {
		request.method = lk_rest_text(judging->method);
		request.path = lk_rest_text(judging->path);
		request.byok = read_byok(judging->exchange);
		request.on_behalf_of =
			read_on_behalf_of(judging->exchange, &request.n_on_behalf_of);
		if (judging->has_body) {
			request.body_user = read_body_user(judging->exchange);
			request.signed_body = read_signed_body(judging->exchange);
		}
	}
	if (request.signed_body != NULL && request.signed_body->body.len > SIGNED_BODY_MAX) {
		fail_http(judging, 413, "a signed body has at most 48 KiB");
		return;
	}
	if (judging->exchange->arena->exhausted) {
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_CALL,
				      .status = LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory") });
		return;
	}
	request.cross_site = is_cross_site(judging->exchange);
	request.client_address = judging->asker.forwarded.client;
	request.user_agent = judging->asker.user_agent;
	judging->ask = (struct lk_ask) { .bridge = judging->bridge,
		.exchange = judging->exchange,
		.next = judged,
		.arg = judging };
	lk_ask(&judging->ask, &lk_auth_service_methods[LK_AUTH_SERVICE_AUTHENTICATE], &request.base,
		(struct lk_bytes) { NULL, 0 });
}
