/* SPDX-License-Identifier: MIT */
/* What a failure is to HTTP, and the error of a surface that tells of it. */
#include "client/bridge/rest_call.h"

static unsigned status_of_denial(lk_deny_reason reason)
{
	/* As a number: a later server may have more reasons. */
	switch ((int)reason) {
	case LK_DENY_REASON_PERMISSION_DENIED:
	case LK_DENY_REASON_NETWORK_NOT_ALLOWED:
	case LK_DENY_REASON_KIND_NOT_ALLOWED:
	case LK_DENY_REASON_PLAN_REQUIRED:
	case LK_DENY_REASON_USER_NOT_ALLOWED:
		return 403;
	default:
		return 401;
	}
}

static unsigned status_of_call(const struct lk_status *status)
{
	switch (status->reason) {
	case LK_WRONG_CREDENTIALS:
	case LK_REFRESH_TOKEN_UNKNOWN:
	case LK_REFRESH_TOKEN_REUSED:
	case LK_SUBJECT_REFUSED: /* it ended between two questions */
		return 401;
	case LK_SUBJECT_LACKS_PERMISSION:
	case LK_PLAN_REQUIRED:
		return 403;
	case LK_NO_REASON:
	case LK_TOO_MANY_ATTEMPTS:
	case LK_IDEMPOTENCY_KEY_REUSED:
		break;
	}
	/* Scopes beyond what their owner may do. */
	if (status->code == LK_PERMISSION_DENIED && status->field != NULL)
		return 403;
	/* It is the bridge that calls, and its own key that is refused, or lacks a scope or the
	 * realm. */
	if (status->code == LK_PERMISSION_DENIED || status->code == LK_UNAUTHENTICATED)
		return 503;
	return (unsigned)lk_code_http(status->code);
}

unsigned lk_failure_status(const struct lk_failure *failure)
{
	switch (failure->fault) {
	case LK_FAULT_DENIED:
		return status_of_denial(failure->reason);
	case LK_FAULT_CALL:
		return status_of_call(&failure->status);
	case LK_FAULT_HTTP:
		return failure->http;
	case LK_FAULT_KEY:
	case LK_FAULT_ORGANIZATION:
	case LK_FAULT_ORIGIN:
	case LK_FAULT_ROUTE:
		break;
	}
	return 403;
}

static const struct lk_rest_error *find(const struct lk_rest_surface *surface, unsigned status)
{
	for (size_t i = 0; i < surface->n_errors; i++)
		if (surface->errors[i].status == status)
			return &surface->errors[i];
	return NULL;
}

int lk_rest_error_with(const struct lk_rest_surface *surface, unsigned status)
{
	const struct lk_rest_error *error = find(surface, status == 504 ? 503 : status);

	if (error == NULL)
		error = find(surface, status < 500 ? 400 : 500);
	return error != NULL ? error->number : 0;
}

int lk_rest_error_of(const struct lk_rest_surface *surface, const struct lk_failure *failure)
{
	return lk_rest_error_with(surface, lk_failure_status(failure));
}
