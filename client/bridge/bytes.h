/* SPDX-License-Identifier: MIT */
/* Borrowed bytes, cut and compared. */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

static inline bool lk_bytes_equal(struct lk_bytes a, struct lk_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.data, b.data, a.n) == 0);
}

/* Takes what stands in front of the separator off, or all when there is none; the separator goes
 * too. */
static inline struct lk_bytes lk_bytes_until(struct lk_bytes *rest, char separator)
{
	const uint8_t *end = rest->n > 0 ? memchr(rest->data, separator, rest->n) : NULL;
	struct lk_bytes taken = { rest->data, end != NULL ? (size_t)(end - rest->data) : rest->n };

	if (taken.n > 0 || end != NULL)
		rest->data += taken.n + (end != NULL);
	rest->n -= taken.n + (end != NULL);
	return taken;
}
