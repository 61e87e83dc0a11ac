/* SPDX-License-Identifier: MIT */
/* Tokens of other issuers, proven: here, because their claims are JSON. */
#pragma once

#include "proto/wire/arena.h"
#include "server/core/decision.h"

/* Whether one of the realm's issuers has signed the token, for this audience, and it holds now. Of
 * one that has expired the rest is set, too. Takes a while: for lanes that may compute. */
enum lk_deny_reason lk_external_prove(
	const struct lk_auth_request *request, struct lk_external *external_out);
