/* SPDX-License-Identifier: MIT */
/* Public keys of other issuers, by where they are from: a file or a URL with a JWK Set (RFC 7517).
 *
 * A source lives as long as the process, whatever the realms that name it, so that a reload keeps
 * its keys. A set that was replaced is kept, too: whoever has it may go on. Sets are looked at from
 * any thread and replaced by one at a time.
 */
#pragma once

#include "server/crypto/public_key.h"

#define LK_KEY_SOURCES_MAX 64
#define LK_KEY_LOCATION_MAX 512

struct lk_key_sources;
struct lk_key_source;

LK_MUST_USE struct lk_status lk_key_sources_new(struct lk_key_sources **sources_out);
void lk_key_sources_free(struct lk_key_sources *sources);

/* The source of a location, without keys when it is new. LK_RESOURCE_EXHAUSTED: there are too many.
 */
LK_MUST_USE struct lk_status lk_key_sources_get(
	struct lk_key_sources *sources, const char *location, struct lk_key_source **source_out);

/* The n-th, or NULL. */
struct lk_key_source *lk_key_sources_at(struct lk_key_sources *sources, size_t n);

const char *lk_key_source_location(const struct lk_key_source *source);

/* Replaces the keys by those of a JWK Set. LK_INVALID_ARGUMENT: it is none, or no key in it is of
 * use; LK_RESOURCE_EXHAUSTED. Then the old ones stay. */
LK_MUST_USE struct lk_status lk_key_source_set(struct lk_key_source *source, struct lk_bytes jwks);

/* Whether one of the keys has signed it: the one of that id, or any where none is told. */
LK_MUST_USE bool lk_key_source_verify(struct lk_key_source *source, const char *algorithm,
	const char *kid, struct lk_bytes message, struct lk_bytes signature);

/* Whether an id was asked for that the keys do not have, since this was asked the last time. */
bool lk_key_source_is_wanted(struct lk_key_source *source);
