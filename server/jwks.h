/* SPDX-License-Identifier: MIT */
/* Keeps the JWK Sets of other issuers up to date. Files are read at the start and at a reload; URLs
 * by a thread of their own: every 5 minutes, after 30 s where that failed, and after 30 s at the
 * earliest where a key is wanted that the set does not have.
 */
#pragma once

#include "server/rpc/key_sources.h"

struct lk_jwks_fetcher;

/* Whether a location is a URL. */
bool lk_jwks_is_url(const char *location);

/* Reads the file of a source. Codes of lk_key_source_set, and LK_NOT_FOUND. */
LK_MUST_USE struct lk_status lk_jwks_read_file(struct lk_key_source *source);

/* LK_RESOURCE_EXHAUSTED. The sources outlive it. */
LK_MUST_USE struct lk_status lk_jwks_fetcher_start(
	struct lk_key_sources *sources, struct lk_jwks_fetcher **fetcher_out);

/* Looks at sources that are new at once. */
void lk_jwks_fetcher_wake(struct lk_jwks_fetcher *fetcher);

/* NULL is allowed. */
void lk_jwks_fetcher_stop(struct lk_jwks_fetcher *fetcher);
