/* SPDX-License-Identifier: MIT */
#include "client/bridge/cors.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/bridge/headers.h"

#define VARY "Origin, Access-Control-Request-Headers"

/* Request headers that a page may set beside those that Fetch calls safe. */
static const char *const allowed_headers[] = { "authorization", "content-type", "accept" };

bool lk_cors_is_preflight(const struct lk_http_exchange *exchange)
{
	struct lk_bytes value;

	return exchange->head->method == LK_HTTP_OPTIONS &&
	       lk_http_header(exchange, "origin", &value) == 1 &&
	       lk_http_header(exchange, "access-control-request-method", &value) == 1;
}

bool lk_cors_is_foreign(const struct lk_site *site, const struct lk_http_exchange *exchange)
{
	struct lk_bytes origin;
	size_t n = lk_http_header(exchange, "origin", &origin);

	return n > 1 || (n == 1 && !lk_site_lists_origin(site, origin));
}

bool lk_cors_is_own(
	const struct lk_site *site, const struct lk_http_exchange *exchange, bool is_https)
{
	struct lk_bytes host, origin;
	const char *scheme = is_https ? "https://" : "http://";
	size_t n = strlen(scheme);

	if (lk_http_header(exchange, "origin", &origin) != 1 ||
		lk_http_header(exchange, "host", &host) != 1)
		return false;
	return lk_site_lists_origin(site, origin) ||
	       (origin.n == n + host.n && memcmp(origin.data, scheme, n) == 0 &&
		       memcmp(origin.data + n, host.data, host.n) == 0);
}

static void put_origin(struct lk_bytes origin, bool with_credentials, struct lk_buf *headers)
{
	lk_put_header_bytes(headers, "Access-Control-Allow-Origin", origin);
	if (with_credentials)
		lk_put_header_raw(headers, "Access-Control-Allow-Credentials", "true");
}

void lk_cors_put(const struct lk_site *site, const struct lk_http_exchange *exchange, bool is_key,
	struct lk_buf *headers)
{
	struct lk_bytes origin;
	bool is_listed;

	lk_put_header_raw(headers, "Vary", VARY);
	if (lk_http_header(exchange, "origin", &origin) != 1)
		return;
	is_listed = lk_site_lists_origin(site, origin);
	if (is_listed || is_key)
		put_origin(origin, is_listed, headers);
}

static bool is_allowed(const struct lk_site *site, struct lk_bytes name)
{
	if (strlen(site->key_header) == name.n &&
		strncasecmp(site->key_header, (const char *)name.data, name.n) == 0)
		return true;
	for (size_t i = 0; i < LK_COUNT(allowed_headers); i++)
		if (strlen(allowed_headers[i]) == name.n &&
			strncasecmp(allowed_headers[i], (const char *)name.data, name.n) == 0)
			return true;
	return false;
}

/* Whether every name of the comma-separated list is one that a page may send. */
static bool are_allowed(const struct lk_site *site, struct lk_bytes list)
{
	size_t at = 0;

	while (at < list.n) {
		size_t begin, end;

		while (at < list.n && (list.data[at] == ' ' || list.data[at] == ','))
			at++;
		begin = at;
		while (at < list.n && list.data[at] != ',')
			at++;
		for (end = at; end > begin && list.data[end - 1] == ' '; end--)
			continue;
		if (end > begin &&
			!is_allowed(site, (struct lk_bytes) { list.data + begin, end - begin }))
			return false;
	}
	return true;
}

void lk_cors_put_preflight(const struct lk_site *site, const struct lk_http_exchange *exchange,
	const char *methods, struct lk_buf *headers)
{
	struct lk_bytes origin, names = { NULL, 0 };
	char age[16];

	lk_put_header_raw(headers, "Vary", VARY);
	if (lk_http_header(exchange, "access-control-request-headers", &names) > 1 ||
		!are_allowed(site, names) || lk_http_header(exchange, "origin", &origin) != 1)
		return;
	put_origin(origin, lk_site_lists_origin(site, origin), headers);
	lk_put_header_raw(headers, "Access-Control-Allow-Methods", methods);
	if (names.n > 0)
		lk_put_header_bytes(headers, "Access-Control-Allow-Headers", names);
	snprintf(age, sizeof age, "%d", LK_PREFLIGHT_MAX_AGE);
	lk_put_header_raw(headers, "Access-Control-Max-Age", age);
}
