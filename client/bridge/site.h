/* SPDX-License-Identifier: MIT */
/* Sites: what the configuration says of each realm, ready to be asked.
 *
 * The set is replaced as a whole when the configuration is read anew. Older sets stay until the
 * newest is freed, so that a request keeps the one that it began with.
 */
#pragma once

#include "client/bridge/config.h"
#include "client/bridge/rest_call.h"

#define LK_KEY_HEADER_MAX 63

struct lk_site {
	const struct lk_bridge_realm *realm;
	const struct lk_adapter *adapter;       /* NULL: no surface */
	char key_header[LK_KEY_HEADER_MAX + 1]; /* of API keys, in lower case; "": none */
};

struct lk_sites;

/* LK_RESOURCE_EXHAUSTED. `previous` may be NULL; on success the new set owns it. */
LK_MUST_USE struct lk_status lk_sites_new(const struct lk_bridge_config *config,
	struct lk_sites *previous, struct lk_sites **sites_out);

/* Frees the set and those before it. NULL is allowed. */
void lk_sites_free(struct lk_sites *sites);

const struct lk_bridge_config *lk_sites_config(const struct lk_sites *sites);

/* The site of a realm, or NULL. */
const struct lk_site *lk_sites_find(const struct lk_sites *sites, const char *realm);

/* The site that Host names, without regard to case, or NULL. */
const struct lk_site *lk_sites_by_host(const struct lk_sites *sites, struct lk_bytes host);

/* Whether a browser's page of this origin may send credentials. */
bool lk_site_lists_origin(const struct lk_site *site, struct lk_bytes origin);
