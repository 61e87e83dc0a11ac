/* SPDX-License-Identifier: MIT */
/* Which route a path means.
 *
 * A path is compared byte by byte, segment by segment, as it was sent: no slash is added or
 * dropped, no dots are resolved, no case is folded and nothing is percent-decoded, so `%2f` never
 * separates and no route is reached under a second name. A segment in braces takes any segment but
 * an empty one and one of dots (`.`, `..`, `%2e`), which others resolve in front of us. No path
 * fits two patterns of a surface: the plugin sees to that.
 */
#pragma once

#include "proto/wire/rest.h"

/* Room for what lk_rest_allow writes, its NUL included. */
#define LK_REST_ALLOW_ROOM 64

/* The route of a path, without its query, and a verb; NULL: none. `path_known_out` tells whether
 * the path has routes of other verbs then (405, not 404). HEAD asks for GET. */
const struct lk_rest_route *lk_rest_match(const struct lk_rest_surface *surface,
	struct lk_bytes path, enum lk_rest_verb verb, bool *path_known_out);

/* The value of an Allow header for a path that is known: "GET, HEAD, POST, OPTIONS". Empty for one
 * that is not. */
void lk_rest_allow(const struct lk_rest_surface *surface, struct lk_bytes path,
	char allow_out[LK_REST_ALLOW_ROOM]);

/* What stands in the path for the segment in braces of this name, as it was sent; false when the
 * route, which the path fits, has no such segment. */
bool lk_rest_capture(const struct lk_rest_route *route, struct lk_bytes path, const char *name,
	struct lk_bytes *value_out);
