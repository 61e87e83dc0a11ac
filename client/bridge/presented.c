/* SPDX-License-Identifier: MIT */
#include "client/bridge/presented.h"

#include <string.h>
#include <strings.h>

#include "latchkey/v1/common.rpc.h"

#define SCHEME "bearer"

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

struct lk_status lk_present(const struct lk_site *site, const struct lk_http_exchange *exchange,
	struct lk_presented *presented_out)
{
	struct lk_bytes bearer = { NULL, 0 }, key = { NULL, 0 };
	size_t n_bearers = lk_http_header(exchange, "authorization", &bearer);
	size_t n_keys = lk_http_header(exchange, site->key_header, &key);

	*presented_out = (struct lk_presented) {
		.n = n_bearers + n_keys, .kind = LK_CREDENTIAL_KIND_BEARER, .value = ""
	};
	if (presented_out->n != 1)
		return LK_SUCCESS;
	if (n_bearers > 0)
		key = lk_bearer_of(bearer);
	if (n_keys > 0)
		presented_out->kind = LK_CREDENTIAL_KIND_API_KEY;
	presented_out->is_key = n_keys > 0 || has_prefix(key, site->realm->key_prefix);
	/* A text with a byte that no credential has would be no valid text in a message. */
	for (size_t i = 0; i < key.n; i++)
		if (key.data[i] <= ' ' || key.data[i] > '~')
			return LK_SUCCESS;
	presented_out->value = lk_arena_strndup(exchange->arena, (const char *)key.data, key.n);
	return presented_out->value != NULL
		       ? LK_SUCCESS
		       : LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
}
