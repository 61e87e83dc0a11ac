/* SPDX-License-Identifier: MIT */
#include "client/bridge/rest_call.h"

#include <string.h>

#include "latchkey/rest/basicsos.rpc.h"
#include "latchkey/v1/user.rpc.h"

#define PAGE 100

/* --- people --- */

static basicsos_user *user_new(struct lk_arena *arena, const lk_user *user)
{
	basicsos_user *told = lk_arena_alloc(arena, sizeof *told);

	if (told == NULL)
		return NULL;
	*told = (basicsos_user)BASICSOS_USER_INIT;
	told->id = user->id;
	told->email = user->email;
	told->name = user->name;
	told->createdat = user->created_at;
	told->updatedat = user->created_at;
	return told;
}

static void signed_in(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_sign_in_response *response = (const lk_sign_in_response *)message;
	basicsos_sign_in_email_response answer = BASICSOS_SIGN_IN_EMAIL_RESPONSE_INIT;
	Google__Protobuf__Duration max_age = GOOGLE__PROTOBUF__DURATION__INIT;
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;
	const lk_tokens *tokens;
	lk_time_ms left_ms;

	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	tokens = response->tokens;
	left_ms = tokens->access_expires_at->seconds * 1000 - lk_rest_now(call);
	max_age.seconds = left_ms > 0 ? left_ms / 1000 : 0;
	cookie.value = tokens->access_token;
	cookie.max_age = &max_age;
	answer.token = tokens->access_token;
	answer.user = user_new(lk_rest_arena(call), response->user);
	answer.session = &cookie;
	basicsos_surface_sign_in_email_answer(call, &answer);
}

static void sign_in_email(struct lk_rest_call *call, const basicsos_sign_in_email_request *request)
{
	lk_rest_sign_in(call, request->email, request->password, signed_in);
}

static void answer_nobody(struct lk_rest_call *call)
{
	static const basicsos_get_session_response nobody = BASICSOS_GET_SESSION_RESPONSE_INIT;

	basicsos_surface_get_session_answer(call, &nobody);
}

static void got_sessions(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_list_sessions_response *response = (const lk_list_sessions_response *)message;
	basicsos_get_session_response answer = BASICSOS_GET_SESSION_RESPONSE_INIT;
	basicsos_current_session current = BASICSOS_CURRENT_SESSION_INIT;
	basicsos_session told = BASICSOS_SESSION_INIT;
	const lk_session *session = NULL;

	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	for (size_t i = 0; i < response->n_sessions; i++)
		if (response->sessions[i]->current)
			session = response->sessions[i];
	/* It has ended since it was found. */
	if (session == NULL) {
		answer_nobody(call);
		return;
	}
	told.id = session->id;
	told.userid = session->user_id;
	told.expiresat = session->expires_at;
	told.createdat = session->created_at;
	told.updatedat = session->created_at;
	told.ipaddress = session->client_address;
	told.useragent = session->user_agent;
	told.token = lk_rest_text(lk_rest_credential(call));
	current.session = &told;
	current.user = lk_rest_state(call);
	answer.current = &current;
	basicsos_surface_get_session_answer(call, &answer);
}

static void got_user(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_get_user_response *response = (const lk_get_user_response *)message;
	lk_list_sessions_request ask = LK_LIST_SESSIONS_REQUEST_INIT;

	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	lk_rest_set_state(call, user_new(lk_rest_arena(call), response->user));
	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.page_size = PAGE;
	lk_rest_call_service(call, &lk_user_service_methods[LK_USER_SERVICE_LIST_SESSIONS],
		&ask.base, got_sessions);
}

static void get_session(struct lk_rest_call *call, const basicsos_get_session_request *request)
{
	lk_get_user_request ask = LK_GET_USER_REQUEST_INIT;

	(void)request;
	if (!lk_rest_is_signed_in(call)) {
		answer_nobody(call);
		return;
	}
	ask.realm = lk_rest_text(lk_rest_realm(call));
	lk_rest_call_service(
		call, &lk_user_service_methods[LK_USER_SERVICE_GET_USER], &ask.base, got_user);
}

static void signed_out(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	basicsos_sign_out_response answer = BASICSOS_SIGN_OUT_RESPONSE_INIT;
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;

	(void)message;
	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	answer.success = true;
	answer.session = &cookie;
	basicsos_surface_sign_out_answer(call, &answer);
}

static void sign_out(struct lk_rest_call *call, const basicsos_sign_out_request *request)
{
	(void)request;
	if (lk_rest_is_signed_in(call))
		lk_rest_sign_out(call, signed_out);
	else
		signed_out(call, LK_SUCCESS, NULL);
}

/* --- tokens --- */

/* The document's ids begin with `tok_`, the core's with `key_`. */
#define OUR_ID "key_"
#define THEIR_ID "tok_"

static char *id_with(struct lk_arena *arena, const char *id, const char *from, const char *to)
{
	size_t n = strlen(from);
	char *told;

	if (strncmp(id, from, n) != 0)
		return lk_arena_strndup(arena, "", 0);
	told = lk_arena_strndup(arena, id, strlen(id));
	if (told != NULL)
		memcpy(told, to, n);
	return told;
}

static basicsos_api_token *token_new(struct lk_arena *arena, const lk_key *key)
{
	basicsos_api_token *told = lk_arena_alloc(arena, sizeof *told);

	if (told == NULL)
		return NULL;
	*told = (basicsos_api_token)BASICSOS_API_TOKEN_INIT;
	told->id = id_with(arena, key->id, OUR_ID, THEIR_ID);
	told->name = key->name;
	told->created_at = key->created_at;
	if (key->last_use != NULL)
		told->last_used_at = key->last_use->at;
	return told;
}

static void listed(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_list_keys_response *response = (const lk_list_keys_response *)message;
	basicsos_list_api_tokens_response answer = BASICSOS_LIST_API_TOKENS_RESPONSE_INIT;
	struct lk_arena *arena = lk_rest_arena(call);

	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	answer.tokens = lk_arena_calloc(arena, response->n_keys + 1, sizeof(void *));
	for (size_t i = 0; answer.tokens != NULL && i < response->n_keys; i++)
		if (response->keys[i]->state == LK_KEY_STATE_ACTIVE)
			answer.tokens[answer.n_tokens++] = token_new(arena, response->keys[i]);
	basicsos_surface_list_api_tokens_answer(call, &answer);
}

static void list_api_tokens(
	struct lk_rest_call *call, const basicsos_list_api_tokens_request *request)
{
	(void)request;
	lk_rest_list_keys(call, listed);
}

static void created(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_create_key_response *response = (const lk_create_key_response *)message;
	basicsos_created_api_token answer = BASICSOS_CREATED_API_TOKEN_INIT;

	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	answer.id = id_with(lk_rest_arena(call), response->key->id, OUR_ID, THEIR_ID);
	answer.name = response->key->name;
	answer.token = response->secret;
	answer.created_at = response->key->created_at;
	lk_rest_add_location(call, answer.id);
	basicsos_surface_create_api_token_answer(call, &answer);
}

/* A token acts as its person: it has all that they may, now and later. */
static void create_api_token(
	struct lk_rest_call *call, const basicsos_create_api_token_request *request)
{
	char *all[] = { lk_rest_text("*") };
	lk_create_key_request ask = LK_CREATE_KEY_REQUEST_INIT;

	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.name = request->name;
	ask.n_scopes = 1;
	ask.scopes = all;
	lk_rest_call_service(
		call, &lk_key_service_methods[LK_KEY_SERVICE_CREATE_KEY], &ask.base, created);
}

static void revoked(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	static const basicsos_revoke_api_token_response answer =
		BASICSOS_REVOKE_API_TOKEN_RESPONSE_INIT;

	(void)message;
	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		basicsos_surface_revoke_api_token_answer(call, &answer);
}

static void revoke_api_token(
	struct lk_rest_call *call, const basicsos_revoke_api_token_request *request)
{
	lk_rest_revoke_key(
		call, id_with(lk_rest_arena(call), request->id, THEIR_ID, OUR_ID), revoked);
}

/* --- errors --- */

/* The first of a status is the plain one. */
static int error_for(const struct lk_failure *failure)
{
	if (failure->fault == LK_FAULT_CALL && failure->status.reason == LK_WRONG_CREDENTIALS)
		return BASICSOS_ERROR_INVALID_EMAIL_OR_PASSWORD;
	return lk_rest_error_of(&basicsos_surface, failure);
}

/* "name: must be …" is about one member. */
static const ProtobufCMessage *validation_message(
	struct lk_arena *arena, const struct lk_rest_error *error, const char *why)
{
	basicsos_validation_error_response *response = lk_arena_alloc(arena, sizeof *response);
	basicsos_validation_error *detail = lk_arena_alloc(arena, sizeof *detail);
	basicsos_validation_error **details = lk_arena_calloc(arena, 1, sizeof(void *));
	const char *colon = strstr(why, ": ");

	if (response == NULL || detail == NULL || details == NULL)
		return NULL;
	*response = (basicsos_validation_error_response)BASICSOS_VALIDATION_ERROR_RESPONSE_INIT;
	*detail = (basicsos_validation_error)BASICSOS_VALIDATION_ERROR_INIT;
	detail->field = lk_arena_strndup(arena, why, colon != NULL ? (size_t)(colon - why) : 0);
	if (detail->field == NULL)
		return NULL;
	detail->message = lk_rest_text(colon != NULL ? colon + 2 : why);
	details[0] = detail;
	response->error = lk_rest_text(error->message);
	response->n_details = 1;
	response->details = details;
	return &response->base;
}

static const ProtobufCMessage *sign_in_message(
	struct lk_arena *arena, const struct lk_rest_error *error)
{
	basicsos_sign_in_error_response *response = lk_arena_alloc(arena, sizeof *response);

	if (response == NULL)
		return NULL;
	*response = (basicsos_sign_in_error_response)BASICSOS_SIGN_IN_ERROR_RESPONSE_INIT;
	response->error = lk_rest_text(error->message);
	response->code = lk_rest_text(error->code);
	response->message = lk_rest_text(error->message);
	return &response->base;
}

static const ProtobufCMessage *error_message(struct lk_arena *arena,
	const struct lk_rest_error *error, const char *why, const char *field)
{
	basicsos_error_response *response;

	(void)field;
	if (error->number == BASICSOS_ERROR_INVALID_EMAIL_OR_PASSWORD)
		return sign_in_message(arena, error);
	if (error->number == BASICSOS_ERROR_VALIDATION_FAILED && why != NULL)
		return validation_message(arena, error, why);
	response = lk_arena_alloc(arena, sizeof *response);
	if (response == NULL)
		return NULL;
	*response = (basicsos_error_response)BASICSOS_ERROR_RESPONSE_INIT;
	response->error = lk_rest_text(error->message);
	return &response->base;
}

static const struct basicsos_surface_handlers handlers = {
	.sign_in_email = sign_in_email,
	.get_session = get_session,
	.sign_out = sign_out,
	.list_api_tokens = list_api_tokens,
	.create_api_token = create_api_token,
	.revoke_api_token = revoke_api_token,
};

const struct lk_adapter lk_basicsos = {
	.surface = &basicsos_surface,
	.handlers = &handlers,
	.error_for = error_for,
	.error_message = error_message,
};
