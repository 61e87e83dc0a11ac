/* SPDX-License-Identifier: MIT */
#include "server/crypto/crypto.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

_Static_assert(sizeof(struct lk_digest) == crypto_generichash_BYTES, "a digest is BLAKE2b-256");

struct lk_status lk_crypto_init(void)
{
	if (sodium_init() < 0)
		return LK_ERR(LK_INTERNAL, "cryptography is not available");
	return LK_SUCCESS;
}

void lk_random(void *out, size_t n)
{
	randombytes_buf(out, n);
}

void lk_digest_make(const struct lk_pepper *pepper, struct lk_bytes domain, struct lk_bytes text,
	struct lk_digest *digest_out)
{
	static const uint8_t separator = 0;
	crypto_generichash_state state;
	int failed;

	failed = crypto_generichash_init(
		&state, pepper->key, sizeof pepper->key, sizeof digest_out->bytes);
	failed |= crypto_generichash_update(&state, domain.data, domain.n);
	failed |= crypto_generichash_update(&state, &separator, 1);
	failed |= crypto_generichash_update(&state, text.data, text.n);
	failed |= crypto_generichash_final(&state, digest_out->bytes, sizeof digest_out->bytes);
	assert(failed == 0); /* only a wrong size can make it fail */
	sodium_memzero(&state, sizeof state);
}

void lk_sha256(struct lk_bytes text, struct lk_digest *digest_out)
{
	crypto_hash_sha256(digest_out->bytes, text.data, text.n);
}

bool lk_digest_equal(const struct lk_digest *a, const struct lk_digest *b)
{
	uint64_t x[4], y[4], difference = 0;

	/* Without a branch on the bytes, as sodium_memcmp, but a word at a time: this is on the
	 * hot path. */
	memcpy(x, a->bytes, sizeof x);
	memcpy(y, b->bytes, sizeof y);
	for (size_t i = 0; i < LK_COUNT(x); i++)
		difference |= x[i] ^ y[i];
	return difference == 0;
}
