/* SPDX-License-Identifier: MIT */
/* Signatures of access tokens: Ed25519 (RFC 8032, JWA "EdDSA" of RFC 8037) and HMAC-SHA-256 (JWA
 * "HS256" of RFC 7518), and base64url (RFC 4648, section 5) without padding.
 */
#pragma once

#include "server/crypto/crypto.h"

enum lk_sign_algorithm {
	LK_SIGN_EDDSA = 1,
	LK_SIGN_HS256 = 2,
};

#define LK_SIGN_SEED_SIZE 32
#define LK_SIGN_PUBLIC_SIZE 32
#define LK_SIGNATURE_MAX 64

/* A secret: wipe it. */
struct lk_sign_key {
	enum lk_sign_algorithm algorithm;
	uint8_t seed[LK_SIGN_SEED_SIZE]; /* what is stored: the Ed25519 seed, or the HMAC key */
	uint8_t secret[64];              /* Ed25519: seed and public key */
	uint8_t public_key[LK_SIGN_PUBLIC_SIZE]; /* Ed25519 */
};

/* "EdDSA" or "HS256". */
const char *lk_sign_algorithm_name(enum lk_sign_algorithm algorithm);

/* The key of a seed. */
void lk_sign_key_derive(enum lk_sign_algorithm algorithm, const uint8_t seed[LK_SIGN_SEED_SIZE],
	struct lk_sign_key *key_out);

/* Returns the length of the signature: 64 or 32. */
size_t lk_sign(const struct lk_sign_key *key, struct lk_bytes message,
	uint8_t signature_out[LK_SIGNATURE_MAX]);

/* In constant time for HS256; strict for EdDSA (no malleable signatures, no small-order keys). */
LK_MUST_USE bool lk_sign_verify(
	const struct lk_sign_key *key, struct lk_bytes message, struct lk_bytes signature);

/* HMAC-SHA-256 (RFC 2104) of parts one after the other, with a key of any length. */
#define LK_HMAC_SHA256_SIZE 32
void lk_hmac_sha256(struct lk_bytes key, const struct lk_bytes *parts, size_t n,
	uint8_t mac_out[LK_HMAC_SHA256_SIZE]);

/* The same, compared in constant time. */
LK_MUST_USE bool lk_hmac_sha256_verify(
	struct lk_bytes key, const struct lk_bytes *parts, size_t n, struct lk_bytes mac);

/* Characters that n bytes take. */
#define LK_BASE64URL_SIZE(n) (((n)*4 + 2) / 3)

/* Without padding and without a NUL; returns how many characters it wrote. */
size_t lk_base64url_encode(struct lk_bytes bytes, char *text_out);

/* Into at most room bytes. False for any other alphabet, padding, white space, a last character
 * with bits that are no part of a byte, or no room. */
LK_MUST_USE bool lk_base64url_decode(
	struct lk_bytes text, uint8_t *bytes_out, size_t room, size_t *n_out);
