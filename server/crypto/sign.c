/* SPDX-License-Identifier: MIT */
#include "server/crypto/sign.h"

#include <assert.h>

#include <sodium.h>

#include "proto/wire/arena.h"

_Static_assert(LK_SIGN_SEED_SIZE == crypto_sign_SEEDBYTES, "the seed of an Ed25519 key");
_Static_assert(LK_SIGN_SEED_SIZE == crypto_auth_hmacsha256_KEYBYTES, "the key of HMAC-SHA-256");
_Static_assert(LK_SIGNATURE_MAX == crypto_sign_BYTES, "the longer of both signatures");

const char *lk_sign_algorithm_name(enum lk_sign_algorithm algorithm)
{
	switch (algorithm) {
	case LK_SIGN_EDDSA:
		return "EdDSA";
	case LK_SIGN_HS256:
		return "HS256";
	}
	return "";
}

void lk_sign_key_derive(enum lk_sign_algorithm algorithm, const uint8_t seed[LK_SIGN_SEED_SIZE],
	struct lk_sign_key *key_out)
{
	*key_out = (struct lk_sign_key) { .algorithm = algorithm };
	memcpy(key_out->seed, seed, LK_SIGN_SEED_SIZE);
	if (algorithm == LK_SIGN_EDDSA)
		crypto_sign_seed_keypair(key_out->public_key, key_out->secret, seed);
}

size_t lk_sign(const struct lk_sign_key *key, struct lk_bytes message,
	uint8_t signature_out[LK_SIGNATURE_MAX])
{
	switch (key->algorithm) {
	case LK_SIGN_EDDSA:
		crypto_sign_detached(signature_out, NULL, message.data, message.n, key->secret);
		return crypto_sign_BYTES;
	case LK_SIGN_HS256:
		crypto_auth_hmacsha256(signature_out, message.data, message.n, key->seed);
		return crypto_auth_hmacsha256_BYTES;
	}
	assert(false); /* a key has an algorithm */
	return 0;
}

bool lk_sign_verify(
	const struct lk_sign_key *key, struct lk_bytes message, struct lk_bytes signature)
{
	switch (key->algorithm) {
	case LK_SIGN_EDDSA:
		/* libsodium refuses S >= L, and points of small order in either place. */
		return signature.n == crypto_sign_BYTES &&
		       crypto_sign_verify_detached(
			       signature.data, message.data, message.n, key->public_key) == 0;
	case LK_SIGN_HS256:
		return signature.n == crypto_auth_hmacsha256_BYTES &&
		       crypto_auth_hmacsha256_verify(
			       signature.data, message.data, message.n, key->seed) == 0;
	}
	return false;
}

_Static_assert(LK_HMAC_SHA256_SIZE == crypto_auth_hmacsha256_BYTES, "the size of a MAC");

void lk_hmac_sha256(struct lk_bytes key, const struct lk_bytes *parts, size_t n,
	uint8_t mac_out[LK_HMAC_SHA256_SIZE])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key.data, key.n);
	for (size_t i = 0; i < n; i++)
		crypto_auth_hmacsha256_update(&state, parts[i].data, parts[i].n);
	crypto_auth_hmacsha256_final(&state, mac_out);
	sodium_memzero(&state, sizeof state);
}

bool lk_hmac_sha256_verify(
	struct lk_bytes key, const struct lk_bytes *parts, size_t n, struct lk_bytes mac)
{
	uint8_t expected[LK_HMAC_SHA256_SIZE];
	bool is_equal;

	lk_hmac_sha256(key, parts, n, expected);
	is_equal = mac.n == sizeof expected && sodium_memcmp(expected, mac.data, mac.n) == 0;
	sodium_memzero(expected, sizeof expected);
	return is_equal;
}

/* libsodium ends its text with a NUL, for which the caller has no room: so in pieces. Its way
 * there and back is without branches or tables that depend on the bytes. */
#define PIECE 48

size_t lk_base64url_encode(struct lk_bytes bytes, char *text_out)
{
	char text[LK_BASE64URL_SIZE(PIECE) + 1];
	size_t written = 0;

	for (size_t at = 0; at < bytes.n; at += PIECE) {
		size_t n = bytes.n - at < PIECE ? bytes.n - at : PIECE;
		size_t chars = LK_BASE64URL_SIZE(n);

		sodium_bin2base64(text, sizeof text, bytes.data + at, n,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		memcpy(text_out + written, text, chars);
		written += chars;
	}
	lk_wipe(text, sizeof text);
	return written;
}

bool lk_base64url_decode(struct lk_bytes text, uint8_t *bytes_out, size_t room, size_t *n_out)
{
	uint8_t all = 0;

	/* libsodium 1.0.18 takes a byte above 127 for a negative character, and that for an 'A'
	 * or the like. */
	for (size_t i = 0; i < text.n; i++)
		all |= text.data[i];
	if (all > 127)
		return false;
	/* Without a set of characters to ignore, and without a place for the end of what it could
	 * read, it takes all or nothing; bits left over in the last character must be 0. */
	return sodium_base642bin(bytes_out, room, (const char *)text.data, text.n, NULL, n_out,
		       NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
}
