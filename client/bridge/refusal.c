/* SPDX-License-Identifier: MIT */
#include "client/bridge/refusal.h"

#include <stdio.h>

#include "client/bridge/bridge_priv.h"
#include "client/bridge/headers.h"
#include "client/bridge/transcode.h"
#include "latchkey/v1/common.rpc.h"
#include "proto/wire/json.h"

static const struct lk_rest_error *find_error(const struct lk_rest_surface *surface, int number)
{
	for (size_t i = 0; i < surface->n_errors; i++)
		if (surface->errors[i].number == number)
			return &surface->errors[i];
	return NULL;
}

/* "expires_at" as the client knows it, "expiresAt". */
static void name_member(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++)
		if (text[0] == '_' && text[1] >= 'a' && text[1] <= 'z')
			*to++ = (char)(*++text - 'a' + 'A');
		else
			*to++ = *text;
	*to = '\0';
}

/* What is wrong with a request, for whoever wrote it; NULL: no more than the error says. */
static const char *sentence_of(
	const struct lk_adapter *adapter, const struct lk_failure *failure, struct lk_arena *arena)
{
	const struct lk_status *st = &failure->status;
	size_t n;
	char *text;

	if (failure->fault == LK_FAULT_HTTP)
		return failure->why;
	if (failure->fault != LK_FAULT_CALL || st->code != LK_INVALID_ARGUMENT)
		return NULL;
	if (st->field == NULL)
		return st->why;
	n = strlen(st->field) + strlen(st->why) + sizeof ": ";
	text = lk_arena_alloc(arena, n);
	if (text == NULL)
		return NULL;
	snprintf(text, n, "%s", st->field);
	if (adapter == NULL || !adapter->surface->proto_names)
		name_member(text);
	n -= strlen(text);
	snprintf(text + strlen(text), n, ": %s", st->why);
	return text;
}

static const char invalid_token[] = ", error=\"invalid_token\"";
static const char insufficient_scope[] = ", error=\"insufficient_scope\"";

/* Which of the attributes of RFC 6750 the challenge has. */
static const char *challenge_error(const struct lk_failure *failure)
{
	if (failure->fault == LK_FAULT_CALL)
		return failure->status.reason == LK_SUBJECT_REFUSED            ? invalid_token
		       : failure->status.reason == LK_SUBJECT_LACKS_PERMISSION ? insufficient_scope
									       : "";
	if (failure->fault != LK_FAULT_DENIED || failure->reason == LK_DENY_REASON_NO_CREDENTIAL)
		return "";
	return failure->reason == LK_DENY_REASON_PERMISSION_DENIED ? insufficient_scope
								   : invalid_token;
}

static void put_headers(const struct lk_site *site, const struct lk_failure *failure,
	unsigned status, struct lk_buf *headers)
{
	const char *error = challenge_error(failure);
	uint32_t retry_ms =
		failure->fault == LK_FAULT_CALL ? failure->status.retry_ms : failure->retry_ms;
	char value[160];

	if (site != NULL && (status == 401 || error == insufficient_scope)) {
		snprintf(value, sizeof value, "Bearer realm=\"%s\"%s", site->realm->name, error);
		lk_put_header_raw(headers, "WWW-Authenticate", value);
	}
	if (retry_ms > 0) {
		snprintf(value, sizeof value, "%u", (retry_ms + 999) / 1000);
		lk_put_header_raw(headers, "Retry-After", value);
	}
}

/* Where a realm has no surface: the error of the Connect protocol, {"code", "message"}. */
static const ProtobufCMessage *plain_message(
	struct lk_arena *arena, const struct lk_failure *failure, unsigned status, const char *why)
{
	lk_http_error *error = lk_arena_alloc(arena, sizeof *error);

	if (error == NULL)
		return NULL;
	*error = (lk_http_error)LK_HTTP_ERROR_INIT;
	error->code = lk_rest_text(status == 401   ? "unauthenticated"
				   : status == 403 ? "permission_denied"
				   : status == 404 ? "not_found"
				   : status == 405 ? "unimplemented"
				   : status == 429 ? "resource_exhausted"
				   : status >= 500 ? "unavailable"
						   : "invalid_argument");
	error->message =
		lk_rest_text(why != NULL                       ? why
			     : failure->fault == LK_FAULT_CALL ? failure->status.why
							       : "the request was refused");
	return &error->base;
}

static struct lk_status write_body(
	const struct lk_adapter *adapter, const ProtobufCMessage *message, struct lk_buf *body)
{
	if (adapter == NULL)
		return lk_json_print(message, NULL, body);
	return lk_transcode_response(adapter->surface, message, NULL, body, NULL);
}

struct lk_refusal lk_refuse(const struct lk_site *site, const struct lk_failure *failure,
	struct lk_arena *arena, struct lk_buf *headers)
{
	const struct lk_adapter *adapter = site != NULL ? site->adapter : NULL;
	struct lk_refusal refusal = { .status = lk_failure_status(failure) };
	const char *why = sentence_of(adapter, failure, arena);
	const ProtobufCMessage *message;
	struct lk_buf body = lk_bridge_buf(arena, LK_REFUSAL_BODY_MAX);

	if (adapter != NULL) {
		const struct lk_rest_error *error =
			find_error(adapter->surface, adapter->error_for(failure));

		refusal.status = error->status;
		message = adapter->error_message(arena, error, why, failure->field);
	} else {
		message = plain_message(arena, failure, refusal.status, why);
	}
	put_headers(site, failure, refusal.status, headers);
	if (message != NULL && write_body(adapter, message, &body).code == LK_OK)
		refusal.body = (struct lk_bytes) { body.data, body.n };
	return refusal;
}
