/* SPDX-License-Identifier: MIT */
/* Limits of a realm: how often a caller may ask (charge.h counts). Each is for each key, user,
 * organisation or address by itself, or for the realm as a whole.
 */
#pragma once

#include "server/core/counters.h"

#define LK_LIMITS_MAX 8
#define LK_LIMIT_NAME_MAX 32

/* From this period on a limit is a quota, and outlives the process. */
#define LK_LIMIT_QUOTA_MS (INT64_C(3600) * 1000)

enum lk_limit_per {
	LK_LIMIT_PER_KEY,
	LK_LIMIT_PER_USER,
	LK_LIMIT_PER_ORGANIZATION,
	LK_LIMIT_PER_ADDRESS, /* an IPv4 address, or an IPv6 /64 */
	LK_LIMIT_PER_REALM,
};

/* Borrowed for the call. */
struct lk_limit_spec {
	const char *name; /* 1 to LK_LIMIT_NAME_MAX bytes; its counters go by it */
	enum lk_limit_per per;
	uint32_t requests;    /* at least 1, in each */
	lk_time_ms period_ms; /* at least 1,000 */
	uint32_t callers;     /* of LK_CALLER_BIT: those that it is for */
};

struct lk_limit {
	char name[LK_LIMIT_NAME_MAX + 1];
	enum lk_limit_per per;
	uint32_t callers;
	struct lk_counter_rule rule;
};

struct lk_limits {
	size_t n;
	struct lk_limit items[];
};

/* How far a limit is. */
struct lk_limit_state {
	const char *name; /* the realm's */
	uint32_t requests;
	lk_time_ms period_ms;
	uint32_t remaining;
	lk_time_ms reset_ms; /* until all of it is there again */
};

/* NULL for none. LK_INVALID_ARGUMENT, field `limits`; LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_limits_new(
	const struct lk_limit_spec *specs, size_t n, struct lk_limits **limits_out);

/* NULL is allowed. */
void lk_limits_free(struct lk_limits *limits);
