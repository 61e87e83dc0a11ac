/* SPDX-License-Identifier: MIT */
#include "client/bridge/judge.h"

#include <string.h>

struct lk_status lk_judging_init(struct lk_judging *judging, struct lk_bridge *bridge,
	const struct lk_site *site, struct lk_http_exchange *exchange)
{
	judging->bridge = bridge;
	judging->site = site;
	judging->exchange = exchange;
	LK_TRY(lk_present(site, exchange, &judging->presented));
	return lk_asker_read(bridge, exchange, &judging->asker);
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

/* Reasons that stand for something else than the credential. */
static void deny(const struct lk_judging *judging, lk_deny_reason reason)
{
	switch ((int)reason) {
	case LK_DENY_REASON_AMBIGUOUS_CREDENTIALS:
		fail_http(judging, 400, "one credential at a time");
		break;
	case LK_DENY_REASON_NO_ROUTE:
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_ROUTE });
		break;
	case LK_DENY_REASON_ORGANIZATION_REQUIRED:
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_ORGANIZATION });
		break;
	default:
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_DENIED, .reason = reason });
	}
}

/* Whether a proven API key asks where a person has to; what it may do there is not looked at. */
static bool is_key_for_person(
	const struct lk_judging *judging, const lk_authenticate_response *verdict)
{
	return judging->needs_person && verdict->principal != NULL &&
	       verdict->principal->session_id[0] == '\0' &&
	       (verdict->allowed || verdict->reason == LK_DENY_REASON_PERMISSION_DENIED);
}

static void judged(void *arg, struct lk_status status, const ProtobufCMessage *message)
{
	const struct lk_judging *judging = arg;
	const lk_authenticate_response *verdict = (const lk_authenticate_response *)message;

	if (status.code != LK_OK)
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_CALL, .status = status });
	else if (is_key_for_person(judging, verdict))
		fail(judging, (struct lk_failure) { .fault = LK_FAULT_KEY });
	else if (!verdict->allowed)
		deny(judging, verdict->reason);
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
