/* SPDX-License-Identifier: MIT */
#include "server/core/limits.h"

#include <string.h>

#include "proto/wire/arena.h"

static struct lk_status compile(const struct lk_limit_spec *spec, struct lk_limit *limit)
{
	size_t n = strlen(spec->name);

	if (n == 0 || n > LK_LIMIT_NAME_MAX)
		return LK_BAD_FIELD("limits", "a limit has a name of 1 to 32 bytes");
	if (spec->requests < 1 || spec->period_ms < 1000 || spec->callers == 0)
		return LK_BAD_FIELD("limits",
			"a limit is for somebody, of 1 request or more in 1 s "
			"or more");
	memcpy(limit->name, spec->name, n + 1);
	limit->per = spec->per;
	limit->callers = spec->callers;
	limit->rule = (struct lk_counter_rule) { .max = spec->requests,
		.window_ms = spec->period_ms,
		.is_durable = spec->period_ms >= LK_LIMIT_QUOTA_MS };
	return LK_SUCCESS;
}

static bool is_named_before(const struct lk_limits *limits, const char *name)
{
	for (size_t i = 0; i < limits->n; i++)
		if (strcmp(limits->items[i].name, name) == 0)
			return true;
	return false;
}

struct lk_status lk_limits_new(
	const struct lk_limit_spec *specs, size_t n, struct lk_limits **limits_out)
{
	struct lk_status st = LK_SUCCESS;
	struct lk_limits *limits;

	*limits_out = NULL;
	if (n == 0)
		return LK_SUCCESS;
	if (n > LK_LIMITS_MAX)
		return LK_BAD_FIELD("limits", "a realm has at most 8 limits");
	limits = lk_alloc(sizeof *limits + n * sizeof limits->items[0]);
	if (limits == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	for (; limits->n < n && st.code == LK_OK; limits->n++) {
		const struct lk_limit_spec *spec = &specs[limits->n];

		st = is_named_before(limits, spec->name)
			     ? LK_BAD_FIELD("limits", "two limits have one name")
			     : compile(spec, &limits->items[limits->n]);
	}
	if (st.code == LK_OK)
		*limits_out = limits;
	else
		lk_limits_free(limits);
	return st;
}

void lk_limits_free(struct lk_limits *limits)
{
	lk_free(limits);
}
