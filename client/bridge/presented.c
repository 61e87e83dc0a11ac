/* SPDX-License-Identifier: MIT */
#include "client/bridge/presented.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/bridge/cookie.h"
#include "latchkey/v1/common.rpc.h"

#define SCHEME "bearer"

#define COOKIE_NAME_MAX 128

struct lk_bytes lk_bearer_of(struct lk_bytes value)
{
	size_t n = sizeof SCHEME - 1;

	if (value.n <= n || strncasecmp((const char *)value.data, SCHEME, n) != 0 ||
		value.data[n] != ' ')
		return (struct lk_bytes) { NULL, 0 };
	while (n < value.n && value.data[n] == ' ')
		n++;
	return (struct lk_bytes) { value.data + n, value.n - n };
}

static bool has_prefix(struct lk_bytes value, const char *prefix)
{
	size_t n = strlen(prefix);

	return value.n >= n && memcmp(value.data, prefix, n) == 0;
}

/* The session token that came as a cookie; false: there is none. Two that differ are two
 * credentials. */
static bool find_session(const struct lk_site *site, const struct lk_http_exchange *exchange,
	bool is_https, struct lk_presented *presented, struct lk_bytes *value_out)
{
	const char *cookie = site->adapter != NULL ? site->adapter->surface->session_cookie : NULL;
	struct lk_bytes header;
	char name[COOKIE_NAME_MAX];

	if (cookie == NULL || lk_http_header(exchange, "cookie", &header) == 0)
		return false;
	snprintf(name, sizeof name, "%s%s", is_https ? LK_COOKIE_SECURE_PREFIX : "", cookie);
	if (lk_cookie_find(header, name, value_out).code != LK_OK) {
		presented->n = 2;
		return true;
	}
	if (value_out->n == 0)
		return false;
	presented->kind = LK_CREDENTIAL_KIND_SESSION;
	presented->n = presented->n > 1 ? presented->n : 1;
	return true;
}

struct lk_status lk_present(const struct lk_site *site, const struct lk_http_exchange *exchange,
	bool is_https, struct lk_presented *presented_out)
{
	struct lk_bytes bearer = { NULL, 0 }, key = { NULL, 0 };
	size_t n_bearers = lk_http_header(exchange, "authorization", &bearer);
	size_t n_keys = lk_http_header(exchange, site->key_header, &key);
	bool is_cookie;

	*presented_out = (struct lk_presented) {
		.n = n_bearers + n_keys, .kind = LK_CREDENTIAL_KIND_BEARER, .value = ""
	};
	is_cookie = find_session(site, exchange, is_https, presented_out, &key);
	if (presented_out->n != 1)
		return LK_SUCCESS;
	if (!is_cookie && n_bearers > 0)
		key = lk_bearer_of(bearer);
	if (!is_cookie && n_keys > 0)
		presented_out->kind = LK_CREDENTIAL_KIND_API_KEY;
	presented_out->is_key =
		!is_cookie && (n_keys > 0 || has_prefix(key, site->realm->key_prefix));
	/* A text with a byte that no credential has would be no valid text in a message. */
	for (size_t i = 0; i < key.n; i++)
		if (key.data[i] <= ' ' || key.data[i] > '~')
			return LK_SUCCESS;
	presented_out->value = lk_arena_strndup(exchange->arena, (const char *)key.data, key.n);
	return presented_out->value != NULL
		       ? LK_SUCCESS
		       : LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
}
