/* SPDX-License-Identifier: MIT */
#include "client/bridge/rest_call.h"

#include "latchkey/rest/gateway.rpc.h"

static int error_for_denial(lk_deny_reason reason)
{
	/* As a number: a later server may have more reasons. */
	switch ((int)reason) {
	case LK_DENY_REASON_NO_CREDENTIAL:
		return GATEWAY_ERROR_MISSING_API_KEY;
	case LK_DENY_REASON_REVOKED:
	case LK_DENY_REASON_DISABLED:
	case LK_DENY_REASON_USER_DISABLED:
	case LK_DENY_REASON_ORGANIZATION_DISABLED:
		return GATEWAY_ERROR_REVOKED_API_KEY;
	case LK_DENY_REASON_EXPIRED:
		return GATEWAY_ERROR_EXPIRED_API_KEY;
	case LK_DENY_REASON_PERMISSION_DENIED:
		return GATEWAY_ERROR_INSUFFICIENT_PERMISSIONS;
	case LK_DENY_REASON_USER_NOT_ALLOWED:
		return GATEWAY_ERROR_USER_NOT_ALLOWED;
	case LK_DENY_REASON_NETWORK_NOT_ALLOWED:
	case LK_DENY_REASON_KIND_NOT_ALLOWED:
	case LK_DENY_REASON_PLAN_REQUIRED:
		return GATEWAY_ERROR_FORBIDDEN;
	default:
		return GATEWAY_ERROR_INVALID_API_KEY;
	}
}

static int error_for(const struct lk_failure *failure)
{
	if (failure->fault == LK_FAULT_DENIED)
		return error_for_denial(failure->reason);
	if (failure->fault == LK_FAULT_CALL || failure->fault == LK_FAULT_HTTP)
		return lk_rest_error_of(&gateway_surface, failure);
	return GATEWAY_ERROR_FORBIDDEN;
}

static const char *type_of(unsigned status)
{
	return status == 401   ? "authentication_error"
	       : status == 403 ? "permission_error"
	       : status == 429 ? "rate_limit_error"
	       : status < 500  ? "invalid_request_error"
			       : "api_error";
}

static const ProtobufCMessage *error_message(struct lk_arena *arena,
	const struct lk_rest_error *error, const char *why, const char *field)
{
	gateway_error_response *response = lk_arena_alloc(arena, sizeof *response);
	gateway_error_body *body = lk_arena_alloc(arena, sizeof *body);

	if (response == NULL || body == NULL)
		return NULL;
	*response = (gateway_error_response)GATEWAY_ERROR_RESPONSE_INIT;
	*body = (gateway_error_body)GATEWAY_ERROR_BODY_INIT;
	body->message = lk_rest_text(why != NULL ? why : error->message);
	body->type = lk_rest_text(type_of(error->status));
	if (field != NULL)
		body->param = lk_rest_text(field);
	body->code = lk_rest_text(error->code);
	response->error = body;
	return &response->base;
}

const struct lk_adapter lk_gateway = {
	.surface = &gateway_surface,
	.error_for = error_for,
	.error_message = error_message,
};
