/* SPDX-License-Identifier: MIT */
#include "client/bridge/rest_call.h"

#include <stdlib.h>
#include <string.h>

#include "latchkey/rest/incrm.rpc.h"

#define PAGE_MAX 100

/* --- tokens --- */

static void send_tokens(struct lk_rest_call *call, const lk_tokens *tokens)
{
	lk_time_ms left_ms = 0;
	Google__Protobuf__Duration max_age = GOOGLE__PROTOBUF__DURATION__INIT;
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;
	incrm_token token = INCRM_TOKEN_INIT;
	incrm_token_response response = INCRM_TOKEN_RESPONSE_INIT;

	if (tokens->refresh_expires_at != NULL)
		left_ms = tokens->refresh_expires_at->seconds * 1000 - lk_rest_now(call);
	max_age.seconds = left_ms > 0 ? left_ms / 1000 : 0;
	cookie.value = tokens->refresh_token;
	cookie.max_age = &max_age;
	token.access_token = tokens->access_token;
	response.success = true;
	response.data = &token;
	response.refresh_token = &cookie;
	incrm_surface_sign_in_answer(call, &response);
}

static void signed_in(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_sign_in_response *response = (const lk_sign_in_response *)message;

	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		send_tokens(call, response->tokens);
}

static void sign_in(struct lk_rest_call *call, const incrm_sign_in_request *request)
{
	lk_rest_sign_in(call, request->email, request->password, signed_in);
}

static void refreshed(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_refresh_token_response *response = (const lk_refresh_token_response *)message;

	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		send_tokens(call, response->tokens);
}

/* Without a cookie as with an unknown one: the service finds no such token. */
static void refresh_token(struct lk_rest_call *call, const incrm_refresh_token_request *request)
{
	lk_rest_refresh(call, request->refresh_token, refreshed);
}

static void logged_out(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	incrm_logout_response response = INCRM_LOGOUT_RESPONSE_INIT;
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;

	(void)message;
	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	response.refresh_token = &cookie;
	incrm_surface_logout_answer(call, &response);
}

static void logout(struct lk_rest_call *call, const incrm_logout_request *request)
{
	(void)request;
	lk_rest_sign_out(call, logged_out);
}

/* --- API keys --- */

/* Characters of a key that are shown. */
#define KEY_PREFIX_N 13

/* No scopes stand for all that the owner may do, and that is `*` to the core. */
#define ALL_SCOPES "*"

static char *key_prefix(struct lk_arena *arena, const char *hint)
{
	return lk_arena_strndup(arena, hint, strnlen(hint, KEY_PREFIX_N));
}

static bool has_all_scopes(const lk_key *key)
{
	return key->n_scopes == 1 && strcmp(key->scopes[0], ALL_SCOPES) == 0;
}

static void created(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_create_key_response *response = (const lk_create_key_response *)message;
	incrm_created_api_key data = INCRM_CREATED_API_KEY_INIT;
	incrm_create_api_key_response answer = INCRM_CREATE_API_KEY_RESPONSE_INIT;
	const lk_key *key;

	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	key = response->key;
	data.id = key->id;
	data.name = key->name;
	data.key = response->secret;
	data.key_prefix = key_prefix(lk_rest_arena(call), key->hint);
	if (!has_all_scopes(key)) {
		data.n_scopes = key->n_scopes;
		data.scopes = key->scopes;
	}
	data.expires_at = key->expires_at;
	data.is_active = key->state == LK_KEY_STATE_ACTIVE;
	data.created_at = key->created_at;
	answer.success = true;
	answer.data = &data;
	lk_rest_add_location(call, key->id);
	incrm_surface_create_api_key_answer(call, &answer);
}

/* The core's patterns are no scopes of the document: a resource and an action, each by its name. */
static bool has_pattern(const incrm_create_api_key_request *request)
{
	for (size_t i = 0; i < request->n_scopes; i++)
		if (strchr(request->scopes[i], '*') != NULL)
			return true;
	return false;
}

static void create_api_key(struct lk_rest_call *call, const incrm_create_api_key_request *request)
{
	static char *all_scopes[] = { (char *)(uintptr_t)ALL_SCOPES };
	lk_create_key_request ask = LK_CREATE_KEY_REQUEST_INIT;

	if (has_pattern(request)) {
		lk_rest_fail_http(call, 400, "scopes: a scope names no permission of the realm");
		return;
	}
	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.name = request->name;
	ask.n_scopes = request->n_scopes > 0 ? request->n_scopes : 1;
	ask.scopes = request->n_scopes > 0 ? request->scopes : all_scopes;
	ask.expires_at = request->expires_at;
	lk_rest_call_service(
		call, &lk_key_service_methods[LK_KEY_SERVICE_CREATE_KEY], &ask.base, created);
}

static incrm_api_key *api_key_new(struct lk_arena *arena, const lk_key *key)
{
	incrm_api_key *data = lk_arena_alloc(arena, sizeof *data);

	if (data == NULL)
		return NULL;
	*data = (incrm_api_key)INCRM_API_KEY_INIT;
	data->id = key->id;
	data->name = key->name;
	data->key_prefix = key_prefix(arena, key->hint);
	if (!has_all_scopes(key)) {
		data->n_scopes = key->n_scopes;
		data->scopes = key->scopes;
	}
	data->expires_at = key->expires_at;
	data->is_active = key->state == LK_KEY_STATE_ACTIVE;
	data->created_at = key->created_at;
	return data;
}

static void listed(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_list_keys_response *response = (const lk_list_keys_response *)message;
	incrm_list_api_keys_response answer = INCRM_LIST_API_KEYS_RESPONSE_INIT;
	incrm_list_meta meta = INCRM_LIST_META_INIT;

	if (status.code != LK_OK) {
		if (status.field != NULL)
			status.field = "cursor"; /* the limit was checked before */
		lk_rest_fail_status(call, status);
		return;
	}
	answer.data =
		lk_arena_calloc(lk_rest_arena(call), response->n_keys + 1, sizeof *answer.data);
	for (size_t i = 0; answer.data != NULL && i < response->n_keys; i++) {
		incrm_api_key *key = response->keys[i]->state == LK_KEY_STATE_REVOKED
					     ? NULL
					     : api_key_new(lk_rest_arena(call), response->keys[i]);

		if (key != NULL)
			answer.data[answer.n_data++] = key;
	}
	meta.next_cursor = response->next_page_token;
	answer.success = true;
	answer.meta = &meta;
	incrm_surface_list_api_keys_answer(call, &answer);
}

static void list_api_keys(struct lk_rest_call *call, const incrm_list_api_keys_request *request)
{
	lk_list_keys_request ask = LK_LIST_KEYS_REQUEST_INIT;

	if (request->limit < 0 || request->limit > PAGE_MAX) {
		lk_rest_fail_http(call, 400, "limit: must be 1 to 100");
		return;
	}
	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.page_size = request->limit;
	ask.page_token = request->cursor;
	lk_rest_call_service(
		call, &lk_key_service_methods[LK_KEY_SERVICE_LIST_KEYS], &ask.base, listed);
}

static void got(struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	incrm_get_api_key_response answer = INCRM_GET_API_KEY_RESPONSE_INIT;
	const lk_key *key = lk_rest_got_key(call, status, message);

	if (key == NULL)
		return;
	answer.success = true;
	answer.data = api_key_new(lk_rest_arena(call), key);
	incrm_surface_get_api_key_answer(call, &answer);
}

static void get_api_key(struct lk_rest_call *call, const incrm_get_api_key_request *request)
{
	lk_rest_get_key(call, request->id, got);
}

static void revoked(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	static const incrm_revoke_api_key_response answer = INCRM_REVOKE_API_KEY_RESPONSE_INIT;

	(void)message;
	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		incrm_surface_revoke_api_key_answer(call, &answer);
}

static void revoke_api_key(struct lk_rest_call *call, const incrm_revoke_api_key_request *request)
{
	lk_rest_revoke_key(call, request->id, revoked);
}

/* --- errors --- */

static int error_for_denial(lk_deny_reason reason, bool is_key)
{
	/* As a number: a later server may have more reasons. */
	switch ((int)reason) {
	case LK_DENY_REASON_REVOKED:
	case LK_DENY_REASON_USER_DISABLED:
		return is_key ? INCRM_ERROR_API_KEY_REVOKED : INCRM_ERROR_ACCESS_TOKEN_NOT_FOUND;
	case LK_DENY_REASON_DISABLED:
		return INCRM_ERROR_API_KEY_REVOKED;
	case LK_DENY_REASON_EXPIRED:
		return is_key ? INCRM_ERROR_API_KEY_EXPIRED : INCRM_ERROR_INVALID_ACCESS_TOKEN;
	case LK_DENY_REASON_PERMISSION_DENIED:
		return INCRM_ERROR_INSUFFICIENT_PERMISSIONS;
	case LK_DENY_REASON_ORGANIZATION_DISABLED:
		return INCRM_ERROR_BUSINESS_ACCESS_REQUIRED;
	case LK_DENY_REASON_NETWORK_NOT_ALLOWED:
	case LK_DENY_REASON_KIND_NOT_ALLOWED:
	case LK_DENY_REASON_PLAN_REQUIRED:
	case LK_DENY_REASON_USER_NOT_ALLOWED:
		return INCRM_ERROR_FORBIDDEN;
	default:
		return is_key ? INCRM_ERROR_INVALID_API_KEY : INCRM_ERROR_INVALID_ACCESS_TOKEN;
	}
}

static int error_for_reason(enum lk_error_reason reason)
{
	switch (reason) {
	case LK_WRONG_CREDENTIALS:
		return INCRM_ERROR_INVALID_CREDENTIALS;
	case LK_REFRESH_TOKEN_UNKNOWN:
		return INCRM_ERROR_REFRESH_TOKEN_NOT_FOUND;
	case LK_REFRESH_TOKEN_REUSED:
		return INCRM_ERROR_INVALID_REFRESH_TOKEN;
	case LK_SUBJECT_REFUSED: /* it ended between two questions */
		return INCRM_ERROR_ACCESS_TOKEN_NOT_FOUND;
	case LK_SUBJECT_LACKS_PERMISSION:
		return INCRM_ERROR_INSUFFICIENT_PERMISSIONS;
	case LK_TOO_MANY_ATTEMPTS:
		return INCRM_ERROR_TOO_MANY_REQUESTS;
	case LK_PLAN_REQUIRED:
		return INCRM_ERROR_FORBIDDEN;
	case LK_NO_REASON:
	case LK_IDEMPOTENCY_KEY_REUSED:
		break;
	}
	return INCRM_ERROR_UNSPECIFIED;
}

static int error_for_status(const struct lk_failure *failure)
{
	const struct lk_status *status = &failure->status;
	int error = error_for_reason(status->reason);

	if (error != INCRM_ERROR_UNSPECIFIED)
		return error;
	/* Scopes beyond what the owner may do. */
	if (status->code == LK_PERMISSION_DENIED && status->field != NULL)
		return INCRM_ERROR_INSUFFICIENT_PERMISSIONS;
	return lk_rest_error_of(&incrm_surface, failure);
}

static int error_for(const struct lk_failure *failure)
{
	switch (failure->fault) {
	case LK_FAULT_DENIED:
		return error_for_denial(failure->reason, failure->is_key);
	case LK_FAULT_ORGANIZATION:
		return INCRM_ERROR_BUSINESS_ACCESS_REQUIRED;
	case LK_FAULT_CALL:
		return error_for_status(failure);
	case LK_FAULT_HTTP:
		return lk_rest_error_of(&incrm_surface, failure);
	case LK_FAULT_KEY:
	case LK_FAULT_ORIGIN:
	case LK_FAULT_ROUTE:
		break;
	}
	return INCRM_ERROR_FORBIDDEN;
}

static const ProtobufCMessage *error_message(struct lk_arena *arena,
	const struct lk_rest_error *error, const char *why, const char *field)
{
	incrm_error_response *response = lk_arena_alloc(arena, sizeof *response);
	incrm_error_body *body = lk_arena_alloc(arena, sizeof *body);

	(void)field;
	if (response == NULL || body == NULL)
		return NULL;
	*body = (incrm_error_body)INCRM_ERROR_BODY_INIT;
	body->code = (int32_t)strtol(error->code, NULL, 10);
	body->message = lk_rest_text(why != NULL ? why : error->message);
	*response = (incrm_error_response)INCRM_ERROR_RESPONSE_INIT;
	response->error = body;
	return &response->base;
}

static const struct incrm_surface_handlers handlers = {
	.sign_in = sign_in,
	.refresh_token = refresh_token,
	.logout = logout,
	.create_api_key = create_api_key,
	.list_api_keys = list_api_keys,
	.get_api_key = get_api_key,
	.revoke_api_key = revoke_api_key,
};

const struct lk_adapter lk_incrm = {
	.surface = &incrm_surface,
	.handlers = &handlers,
	.error_for = error_for,
	.error_message = error_message,
};
