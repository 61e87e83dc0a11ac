/* SPDX-License-Identifier: MIT */
#include "server/rpc/key_sources.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "proto/wire/json.h"
#include "server/crypto/crypto.h"
#include "server/crypto/sign.h"

#define KID_MAX 128
#define ARENA_MAX ((size_t)512 * 1024)

struct key_set {
	struct key_set *previous;
	size_t n;
	struct {
		char kid[KID_MAX + 1]; /* "": none */
		struct lk_public_key *key;
	} items[LK_JWKS_MAX];
};

struct lk_key_source {
	char location[LK_KEY_LOCATION_MAX + 1];
	_Atomic(struct key_set *) keys; /* NULL: none yet */
	struct lk_digest digest;        /* of what they were read from */
	atomic_bool is_wanted;
};

struct lk_key_sources {
	pthread_mutex_t lock; /* over what is new */
	atomic_size_t n;
	struct lk_key_source items[LK_KEY_SOURCES_MAX];
};

struct lk_status lk_key_sources_new(struct lk_key_sources **sources_out)
{
	struct lk_key_sources *sources = lk_alloc(sizeof *sources);

	if (sources == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	pthread_mutex_init(&sources->lock, NULL);
	*sources_out = sources;
	return LK_SUCCESS;
}

static void free_set(struct key_set *keys)
{
	while (keys != NULL) {
		struct key_set *previous = keys->previous;

		for (size_t i = 0; i < keys->n; i++)
			lk_public_key_free(keys->items[i].key);
		lk_free(keys);
		keys = previous;
	}
}

void lk_key_sources_free(struct lk_key_sources *sources)
{
	if (sources == NULL)
		return;
	for (size_t i = 0; i < atomic_load(&sources->n); i++)
		free_set(atomic_load(&sources->items[i].keys));
	pthread_mutex_destroy(&sources->lock);
	lk_free(sources);
}

struct lk_status lk_key_sources_get(
	struct lk_key_sources *sources, const char *location, struct lk_key_source **source_out)
{
	size_t n = strlen(location), i = 0;

	pthread_mutex_lock(&sources->lock);
	while (i < atomic_load(&sources->n) && strcmp(sources->items[i].location, location) != 0)
		i++;
	if (i < LK_KEY_SOURCES_MAX && i == atomic_load(&sources->n) && n <= LK_KEY_LOCATION_MAX) {
		memcpy(sources->items[i].location, location, n + 1);
		atomic_store(&sources->n, i + 1);
	}
	*source_out = i < atomic_load(&sources->n) ? &sources->items[i] : NULL;
	pthread_mutex_unlock(&sources->lock);
	return *source_out != NULL ? LK_SUCCESS
				   : LK_ERR(LK_RESOURCE_EXHAUSTED, "there are too many JWK Sets");
}

struct lk_key_source *lk_key_sources_at(struct lk_key_sources *sources, size_t n)
{
	return n < atomic_load(&sources->n) ? &sources->items[n] : NULL;
}

const char *lk_key_source_location(const struct lk_key_source *source)
{
	return source->location;
}

/* --- reading --- */

/* False for what is no base64url, or too long. */
static bool decode(const char *text, uint8_t room[LK_RSA_MAX], struct lk_bytes *bytes_out)
{
	bytes_out->data = room;
	return lk_base64url_decode(lk_bytes_of(text), room, LK_RSA_MAX, &bytes_out->n);
}

static struct lk_status make_key(const struct lk_jwk *jwk, struct lk_public_key **key_out)
{
	uint8_t rooms[2][LK_RSA_MAX];
	struct lk_bytes first, second;

	if (!decode(jwk->first, rooms[0], &first) || !decode(jwk->second, rooms[1], &second))
		return LK_ERR(LK_INVALID_ARGUMENT, "a number of a key is no base64url");
	if (!jwk->is_ec)
		return lk_public_key_new_rsa(first, second, key_out);
	if (first.n != 32 || second.n != 32)
		return LK_ERR(LK_INVALID_ARGUMENT, "a number of a key has a wrong length");
	return lk_public_key_new_p256(rooms[0], rooms[1], key_out);
}

/* A key that is none, or whose id is too long, is passed over like one for something else. */
static struct lk_status fill(const struct lk_jwks *jwks, struct key_set *keys)
{
	for (size_t i = 0; i < jwks->n; i++) {
		size_t n = strlen(jwks->items[i].kid);
		struct lk_status st = make_key(&jwks->items[i], &keys->items[keys->n].key);

		if (st.code == LK_RESOURCE_EXHAUSTED)
			return st;
		if (st.code != LK_OK)
			continue;
		if (n > KID_MAX) {
			lk_public_key_free(keys->items[keys->n].key);
			continue;
		}
		memcpy(keys->items[keys->n++].kid, jwks->items[i].kid, n + 1);
	}
	return keys->n > 0 ? LK_SUCCESS
			   : LK_ERR(LK_INVALID_ARGUMENT, "no key of the JWK Set is of use");
}

struct lk_status lk_key_source_set(struct lk_key_source *source, struct lk_bytes text)
{
	struct key_set *keys = lk_alloc(sizeof *keys);
	struct lk_status st = LK_ERR(LK_INVALID_ARGUMENT, "it is no JWK Set");
	struct lk_digest digest;
	struct lk_arena arena;
	struct lk_jwks jwks;

	/* What has not changed takes no memory. */
	lk_sha256(text, &digest);
	if (atomic_load(&source->keys) != NULL && lk_digest_equal(&digest, &source->digest)) {
		lk_free(keys);
		return LK_SUCCESS;
	}
	if (keys == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	lk_arena_init(&arena, ARENA_MAX);
	if (lk_json_jwks_read(text, &arena, &jwks))
		st = fill(&jwks, keys);
	lk_arena_fini(&arena);
	if (st.code != LK_OK) {
		free_set(keys);
		return st;
	}
	source->digest = digest;
	keys->previous = atomic_load(&source->keys);
	atomic_store(&source->keys, keys);
	return LK_SUCCESS;
}

bool lk_key_source_verify(struct lk_key_source *source, const char *algorithm, const char *kid,
	struct lk_bytes message, struct lk_bytes signature)
{
	const struct key_set *keys = atomic_load(&source->keys);
	bool is_known = kid[0] == '\0';

	for (size_t i = 0; keys != NULL && i < keys->n; i++) {
		const struct lk_public_key *key = keys->items[i].key;

		if (kid[0] != '\0' && strcmp(keys->items[i].kid, kid) != 0)
			continue;
		is_known = true;
		if (strcmp(lk_public_key_algorithm(key), algorithm) == 0 &&
			lk_public_key_verify(key, message, signature))
			return true;
	}
	if (!is_known)
		atomic_store(&source->is_wanted, true);
	return false;
}

bool lk_key_source_is_wanted(struct lk_key_source *source)
{
	return atomic_exchange(&source->is_wanted, false);
}
