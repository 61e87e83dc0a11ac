/* SPDX-License-Identifier: MIT */
#include "client/bridge/rest_call.h"

#include "latchkey/rest/omnicrm.rpc.h"

/* --- routes --- */

/* A login and a refresh are answered alike. An older server tells no user after a refresh. */
static void send_login(struct lk_rest_call *call, const lk_tokens *tokens, const lk_user *user)
{
	omnicrm_login_response response = OMNICRM_LOGIN_RESPONSE_INIT;

	if (tokens == NULL || user == NULL) {
		lk_rest_fail_status(call, LK_ERR(LK_INTERNAL, "the server's answer is not whole"));
		return;
	}
	response.token = tokens->access_token;
	response.refresh_token = tokens->refresh_token;
	response.n_permissions = user->n_permissions;
	response.permissions = user->permissions;
	response.n_roles = user->n_roles;
	response.roles = user->roles;
	omnicrm_surface_login_answer(call, &response);
}

static void logged_in(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_sign_in_response *response = (const lk_sign_in_response *)message;

	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		send_login(call, response->tokens, response->user);
}

static void login(struct lk_rest_call *call, const omnicrm_login_request *request)
{
	lk_rest_sign_in(call, request->email, request->password, logged_in);
}

static void refreshed(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_refresh_token_response *response = (const lk_refresh_token_response *)message;

	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		send_login(call, response->tokens, response->user);
}

static void refresh(struct lk_rest_call *call, const omnicrm_refresh_request *request)
{
	lk_rest_refresh(call, request->refresh_token, refreshed);
}

static void logged_out(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	static const omnicrm_logout_response response = OMNICRM_LOGOUT_RESPONSE_INIT;

	(void)message;
	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		omnicrm_surface_logout_answer(call, &response);
}

static void logout(struct lk_rest_call *call, const omnicrm_logout_request *request)
{
	(void)request;
	lk_rest_sign_out(call, logged_out);
}

/* --- errors --- */

static int error_for_denial(lk_deny_reason reason, bool is_key)
{
	/* As a number: a later server may have more reasons. */
	switch ((int)reason) {
	case LK_DENY_REASON_NO_CREDENTIAL:
		return OMNICRM_ERROR_AUTHENTICATION_REQUIRED;
	case LK_DENY_REASON_PERMISSION_DENIED:
		return OMNICRM_ERROR_INSUFFICIENT_SCOPE;
	case LK_DENY_REASON_NETWORK_NOT_ALLOWED:
	case LK_DENY_REASON_KIND_NOT_ALLOWED:
	case LK_DENY_REASON_PLAN_REQUIRED:
	case LK_DENY_REASON_USER_NOT_ALLOWED:
		return OMNICRM_ERROR_ACCESS_DENIED;
	default:
		break;
	}
	return is_key ? OMNICRM_ERROR_INVALID_API_KEY : OMNICRM_ERROR_INVALID_TOKEN;
}

static int error_for_reason(enum lk_error_reason reason)
{
	switch (reason) {
	case LK_WRONG_CREDENTIALS:
		return OMNICRM_ERROR_INVALID_CREDENTIALS;
	case LK_REFRESH_TOKEN_UNKNOWN:
	case LK_REFRESH_TOKEN_REUSED:
		return OMNICRM_ERROR_INVALID_GRANT;
	case LK_SUBJECT_REFUSED: /* it ended between two questions */
		return OMNICRM_ERROR_INVALID_TOKEN;
	case LK_SUBJECT_LACKS_PERMISSION:
		return OMNICRM_ERROR_INSUFFICIENT_SCOPE;
	case LK_TOO_MANY_ATTEMPTS:
		return OMNICRM_ERROR_TOO_MANY_REQUESTS;
	case LK_PLAN_REQUIRED:
		return OMNICRM_ERROR_ACCESS_DENIED;
	case LK_NO_REASON:
	case LK_IDEMPOTENCY_KEY_REUSED:
		break;
	}
	return OMNICRM_ERROR_UNSPECIFIED;
}

static int error_for(const struct lk_failure *failure)
{
	int error = OMNICRM_ERROR_UNSPECIFIED;

	if (failure->fault == LK_FAULT_DENIED)
		return error_for_denial(failure->reason, failure->is_key);
	if (failure->fault == LK_FAULT_CALL)
		error = error_for_reason(failure->status.reason);
	if (error != OMNICRM_ERROR_UNSPECIFIED)
		return error;
	if (failure->fault == LK_FAULT_CALL || failure->fault == LK_FAULT_HTTP)
		return lk_rest_error_of(&omnicrm_surface, failure);
	return OMNICRM_ERROR_ACCESS_DENIED;
}

static const ProtobufCMessage *error_message(struct lk_arena *arena,
	const struct lk_rest_error *error, const char *why, const char *field)
{
	omnicrm_error_response *response = lk_arena_alloc(arena, sizeof *response);

	(void)field;
	if (response == NULL)
		return NULL;
	*response = (omnicrm_error_response)OMNICRM_ERROR_RESPONSE_INIT;
	response->error = lk_rest_text(error->code);
	response->message = lk_rest_text(why != NULL ? why : error->message);
	return &response->base;
}

static const struct omnicrm_surface_handlers handlers = {
	.login = login,
	.refresh = refresh,
	.logout = logout,
};

const struct lk_adapter lk_omnicrm = {
	.surface = &omnicrm_surface,
	.handlers = &handlers,
	.error_for = error_for,
	.error_message = error_message,
};
