/* SPDX-License-Identifier: MIT */
/* What a rule may look at in a request beside its credential: a provider's key that it brings
 * along, and for which user its caller asks.
 */
#pragma once

#include "server/core/decision.h"

/* What `x-byok-*` headers say; texts are "" without the header. */
struct lk_byok {
	const char *provider;
	bool has_api_key;
	const char *api_base;
};

/* Whether a rule takes it: all of it is there, the rule takes the provider, and the base is https
 * at no address of ours. A name may still lead to one: whoever connects looks again. On
 * LK_DENY_INVALID_REQUEST the verdict says what is wrong. */
enum lk_deny_reason lk_byok_judge(
	const struct lk_byok *byok, const struct lk_route *route, struct lk_verdict *verdict);

/* For which user the caller asks, if for one: a user of the realm, of the caller's organisation.
 * Takes a lock, so only where that may be done: else `must_compute`. */
enum lk_deny_reason lk_on_behalf_judge(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, const struct lk_route *route,
	struct lk_verdict *verdict);
