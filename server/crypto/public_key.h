/* SPDX-License-Identifier: MIT */
/* Public keys of others, and what they have signed: ES256 and RS256 (RFC 7518, sections 3.3
 * and 3.4).
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/status.h"

/* Of RSA, in bytes: 2048 to 4096 bits. */
#define LK_RSA_MIN 256
#define LK_RSA_MAX 512

struct lk_public_key;

/* A point of P-256. LK_INVALID_ARGUMENT: it is none; LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_public_key_new_p256(
	const uint8_t x[32], const uint8_t y[32], struct lk_public_key **key_out);

/* Modulus and exponent, big-endian. Codes as above. */
LK_MUST_USE struct lk_status lk_public_key_new_rsa(
	struct lk_bytes n, struct lk_bytes e, struct lk_public_key **key_out);

/* NULL is allowed. */
void lk_public_key_free(struct lk_public_key *key);

/* "ES256" or "RS256". */
const char *lk_public_key_algorithm(const struct lk_public_key *key);

/* From any thread. */
LK_MUST_USE bool lk_public_key_verify(
	const struct lk_public_key *key, struct lk_bytes message, struct lk_bytes signature);
