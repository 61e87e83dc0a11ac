/* SPDX-License-Identifier: MIT */
/* Sealing: secrets that have to be read again lie in the store encrypted.
 *
 * XChaCha20-Poly1305 under a key derived by BLAKE2b from the pepper, a purpose and, where there is
 * one, a secret that only the caller shows. So the store alone gives nothing away, and with a
 * secret not even the store and the pepper do.
 */
#pragma once

#include "server/crypto/crypto.h"

/* What sealing adds: nonce and tag. */
#define LK_SEAL_OVERHEAD 40

struct lk_seal_key {
	const struct lk_pepper *pepper;
	const char *purpose;     /* one for each kind of content: "signing key" */
	struct lk_bytes secret;  /* of whoever may open it; may be empty */
	struct lk_bytes context; /* where it lies, such as its row: it opens nowhere else */
};

/* Writes plain.n + LK_SEAL_OVERHEAD bytes. */
void lk_seal(const struct lk_seal_key *key, struct lk_bytes plain, uint8_t *sealed_out);

/* Writes sealed.n - LK_SEAL_OVERHEAD bytes. False, with the output wiped, when it is not what was
 * sealed with this key. */
LK_MUST_USE bool lk_unseal(
	const struct lk_seal_key *key, struct lk_bytes sealed, uint8_t *plain_out);

/* The pepper with this id, or NULL. */
const struct lk_pepper *lk_peppers_find(const struct lk_peppers *peppers, uint32_t id);
