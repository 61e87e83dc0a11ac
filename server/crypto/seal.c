/* SPDX-License-Identifier: MIT */
#include "server/crypto/seal.h"

#include <assert.h>

#include <sodium.h>

#include "proto/wire/arena.h"

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEY_SIZE crypto_aead_xchacha20poly1305_ietf_KEYBYTES

_Static_assert(LK_SEAL_OVERHEAD == NONCE_SIZE + TAG_SIZE, "a nonce and a tag");

/* BLAKE2b-256(key = pepper, "seal " || purpose || 0x00 || secret): the form of lk_digest_make
 * with a domain that no digest has, so no key is ever stored as a digest. */
static void derive(const struct lk_seal_key *key, uint8_t derived_out[KEY_SIZE])
{
	static const char domain[] = "seal ";
	crypto_generichash_state state;
	int failed;

	failed = crypto_generichash_init(
		&state, key->pepper->key, sizeof key->pepper->key, KEY_SIZE);
	failed |= crypto_generichash_update(&state, (const uint8_t *)domain, sizeof domain - 1);
	failed |= crypto_generichash_update(
		&state, (const uint8_t *)key->purpose, strlen(key->purpose) + 1);
	failed |= crypto_generichash_update(&state, key->secret.data, key->secret.n);
	failed |= crypto_generichash_final(&state, derived_out, KEY_SIZE);
	assert(failed == 0); /* only a wrong size can make it fail */
	sodium_memzero(&state, sizeof state);
}

void lk_seal(const struct lk_seal_key *key, struct lk_bytes plain, uint8_t *sealed_out)
{
	uint8_t derived[KEY_SIZE];

	/* 192 random bits: no counter to keep, and no two nonces will ever be equal. */
	lk_random(sealed_out, NONCE_SIZE);
	derive(key, derived);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed_out + NONCE_SIZE, NULL, plain.data,
		plain.n, key->context.data, key->context.n, NULL, sealed_out, derived);
	lk_wipe(derived, sizeof derived);
}

bool lk_unseal(const struct lk_seal_key *key, struct lk_bytes sealed, uint8_t *plain_out)
{
	uint8_t derived[KEY_SIZE];
	bool opened;

	if (sealed.n < LK_SEAL_OVERHEAD)
		return false;
	derive(key, derived);
	opened = crypto_aead_xchacha20poly1305_ietf_decrypt(plain_out, NULL, NULL,
			 sealed.data + NONCE_SIZE, sealed.n - NONCE_SIZE, key->context.data,
			 key->context.n, sealed.data, derived) == 0;
	if (!opened)
		lk_wipe(plain_out, sealed.n - LK_SEAL_OVERHEAD);
	lk_wipe(derived, sizeof derived);
	return opened;
}

const struct lk_pepper *lk_peppers_find(const struct lk_peppers *peppers, uint32_t id)
{
	for (size_t i = 0; i < peppers->n; i++)
		if (peppers->items[i].id == id)
			return &peppers->items[i];
	return NULL;
}
