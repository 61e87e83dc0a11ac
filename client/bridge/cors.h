/* SPDX-License-Identifier: MIT */
/* Cross-origin requests (Fetch standard): what a page of another origin may do.
 *
 * A listed origin may send credentials. Any other origin may read answers that an API key asked
 * for, without credentials of the browser's; what a person's token asked for it may not read.
 */
#pragma once

#include "client/bridge/presented.h"

/* How long a browser may remember a preflight, in seconds. */
#define LK_PREFLIGHT_MAX_AGE 600

/* True when the request is a preflight. */
bool lk_cors_is_preflight(const struct lk_http_exchange *exchange);

/* Headers of an ordinary answer. `is_key`: an API key asked for it. */
void lk_cors_put(const struct lk_site *site, const struct lk_http_exchange *exchange, bool is_key,
	struct lk_buf *headers);

/* Headers of the answer to a preflight; `methods` are those of the path, as in Allow. */
void lk_cors_put_preflight(const struct lk_site *site, const struct lk_http_exchange *exchange,
	const char *methods, struct lk_buf *headers);

/* Whether the page that asks is of this site or of a listed origin: told by one Origin alone. */
bool lk_cors_is_own(
	const struct lk_site *site, const struct lk_http_exchange *exchange, bool is_https);

/* Whether the request comes from a page that may not send it with cookies. */
bool lk_cors_is_foreign(const struct lk_site *site, const struct lk_http_exchange *exchange);
