/* SPDX-License-Identifier: MIT */
/* The part of AuthService that signs people in and out. */
#pragma once

#include "latchkey/v1/auth.rpc.h"
#include "server/rpc/messages.h"
#include "server/rpc/services.h"

struct lk_status lk_serve_sign_in(
	struct lk_call *call, const lk_sign_in_request *request, lk_sign_in_response *response);
struct lk_status lk_serve_refresh_token(struct lk_call *call,
	const lk_refresh_token_request *request, lk_refresh_token_response *response);
struct lk_status lk_serve_sign_out(
	struct lk_call *call, const lk_sign_out_request *request, lk_sign_out_response *response);
