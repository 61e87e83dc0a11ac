/* SPDX-License-Identifier: MIT */
/* JWK Sets (RFC 7517): the public keys in them that verify ES256 and RS256. */
#include <string.h>

#include "proto/wire/json_priv.h"

static const char *text_of(const json_t *key, const char *name)
{
	const char *text = json_string_value(json_object_get(key, name));

	return text != NULL ? text : "";
}

/* Not for something else than signatures by this algorithm. */
static bool is_for(const json_t *key, const char *algorithm)
{
	const char *use = text_of(key, "use"), *of_key = text_of(key, "alg");

	return (use[0] == '\0' || strcmp(use, "sig") == 0) &&
	       (of_key[0] == '\0' || strcmp(of_key, algorithm) == 0);
}

static const char *keep(const json_t *key, const char *name, struct lk_arena *arena)
{
	const char *text = text_of(key, name);

	return lk_arena_strndup(arena, text, strlen(text));
}

static bool read_key(const json_t *key, struct lk_arena *arena, struct lk_jwk *jwk_out)
{
	const char *type = text_of(key, "kty");
	bool is_ec = strcmp(type, "EC") == 0 && strcmp(text_of(key, "crv"), "P-256") == 0;

	if (!(is_ec && is_for(key, "ES256")) && !(strcmp(type, "RSA") == 0 && is_for(key, "RS256")))
		return false;
	*jwk_out = (struct lk_jwk) { .is_ec = is_ec,
		.kid = keep(key, "kid", arena),
		.first = keep(key, is_ec ? "x" : "n", arena),
		.second = keep(key, is_ec ? "y" : "e", arena) };
	return true;
}

bool lk_json_jwks_read(struct lk_bytes text, struct lk_arena *arena, struct lk_jwks *jwks_out)
{
	const json_t *keys, *key;
	struct lk_arena pool;
	json_t *json;
	bool is_read;
	size_t i;

	*jwks_out = (struct lk_jwks) { .n = 0 };
	lk_json_begin(&pool);
	is_read = lk_json_load(text, &json).code == LK_OK && json_is_object(json);
	keys = is_read ? json_object_get(json, "keys") : NULL;
	is_read = is_read && json_is_array(keys);
	json_array_foreach(keys, i, key) if (jwks_out->n < LK_JWKS_MAX &&
					     read_key(key, arena, &jwks_out->items[jwks_out->n]))
		jwks_out->n++;
	lk_json_end(&pool);
	return is_read && !arena->exhausted;
}
