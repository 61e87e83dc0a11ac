/* SPDX-License-Identifier: MIT */
/* The credential that a request presents. */
#pragma once

#include "client/bridge/site.h"

struct lk_presented {
	/* How many: with more than one it is not clear who asks, and none of them counts. */
	size_t n;
	bool is_key; /* an API key, by its header or by its prefix */
	Latchkey__V1__CredentialKind kind;
	const char *value; /* in the arena; "" for a header that holds no credential of ours */
};

/* What follows `Bearer` and one or more spaces in a value of Authorization; empty for every other
 * value. The scheme knows no case. */
struct lk_bytes lk_bearer_of(struct lk_bytes value);

/* Looks at `Authorization: Bearer` (RFC 6750, section 2.1), at the header that the site's surface
 * has for API keys, and at its cookie for sessions, whose name goes with https. A cookie counts
 * before a bearer: it is the browser's session that is meant. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_present(const struct lk_site *site,
	const struct lk_http_exchange *exchange, bool is_https, struct lk_presented *presented_out);
