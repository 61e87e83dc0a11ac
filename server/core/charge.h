/* SPDX-License-Identifier: MIT */
/* Limits, charged: the last thing that a decision looks at. What one limit refuses counts for none.
 */
#pragma once

#include "server/core/decision.h"

/* What the limits of all realms are counted with; shared by all threads. */
struct lk_limiter {
	const struct lk_peppers *peppers; /* counters are kept under digests */
	struct lk_counters *counters;
};

/* How far the limits are that are for a request. */
struct lk_charge {
	struct lk_limit_state limits[LK_LIMITS_MAX];
	size_t n_limits;
	lk_time_ms retry_ms; /* of LK_DENY_RATE_LIMITED: when to come again */
};

/* Counts a request that is let through otherwise, and fills in its charge. */
enum lk_deny_reason lk_limits_charge(const struct lk_limiter *limiter,
	const struct lk_auth_request *request, const struct lk_verdict *verdict);
