/* SPDX-License-Identifier: MIT */
/* The calls that each surface with people makes alike; what it answers is its own. */
#include "client/bridge/rest_call.h"

void lk_rest_sign_in(struct lk_rest_call *call, char *email, char *password, lk_rest_next_fn next)
{
	lk_sign_in_request ask = LK_SIGN_IN_REQUEST_INIT;

	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.email = email;
	ask.password = password;
	ask.client_address = lk_rest_text(lk_rest_client_address(call));
	ask.user_agent = lk_rest_text(lk_rest_user_agent(call));
	lk_rest_call_service(
		call, &lk_auth_service_methods[LK_AUTH_SERVICE_SIGN_IN], &ask.base, next);
}

void lk_rest_refresh(struct lk_rest_call *call, char *refresh_token, lk_rest_next_fn next)
{
	lk_refresh_token_request ask = LK_REFRESH_TOKEN_REQUEST_INIT;

	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.refresh_token = refresh_token;
	lk_rest_call_service(
		call, &lk_auth_service_methods[LK_AUTH_SERVICE_REFRESH_TOKEN], &ask.base, next);
}

void lk_rest_sign_out(struct lk_rest_call *call, lk_rest_next_fn next)
{
	lk_sign_out_request ask = LK_SIGN_OUT_REQUEST_INIT;

	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.access_token = lk_rest_text(lk_rest_credential(call));
	lk_rest_call_service(
		call, &lk_auth_service_methods[LK_AUTH_SERVICE_SIGN_OUT], &ask.base, next);
}
