/* SPDX-License-Identifier: MIT */
/* What a site says when it refuses: the documented error of its surface, or a plain one. */
#pragma once

#include "client/bridge/site.h"

#define LK_REFUSAL_BODY_MAX 4096

struct lk_refusal {
	unsigned status;
	struct lk_bytes body; /* JSON, in the arena; empty when memory is short */
};

/* The answer to a failure. Appends the headers that belong to it: `WWW-Authenticate` (RFC 6750,
 * section 3) with 401 and where a permission is lacking, `Retry-After` where a delay is known.
 * `site` may be NULL: nobody's. */
struct lk_refusal lk_refuse(const struct lk_site *site, const struct lk_failure *failure,
	struct lk_arena *arena, struct lk_buf *headers);
