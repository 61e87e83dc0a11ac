/* SPDX-License-Identifier: MIT */
/* Keyrings: the keys that sign a realm's access tokens.
 *
 * The store holds them sealed; a keyring is what the index makes of them, immutable and replaced as
 * a whole. The secret part of a symmetric key leaves neither.
 */
#pragma once

#include "server/core/call.h"
#include "server/core/key_text.h"
#include "server/crypto/sign.h"
#include "server/store/record.h"
#include "server/store/txn.h"

#define LK_SIGNERS_MAX 8

/* How long after its last token's expiry a key still verifies, for clocks that differ. */
#define LK_SIGNER_LEEWAY_MS 60000

#define LK_TOKEN_HEADER_SIZE 128

struct lk_signer {
	struct lk_key_id id;
	char kid[LK_ID_TEXT_SIZE];
	struct lk_sign_key key;
	lk_time_ms created_ms;
	lk_time_ms expires_ms; /* until when it verifies; INT64_MAX: it signs */
	/* The one header that its tokens have, as base64url: nothing else is verified with it. */
	char header[LK_TOKEN_HEADER_SIZE];
	size_t header_n;
};

struct lk_keyring {
	uint64_t generation; /* no two keyrings of the process have the same; never 0 */
	size_t n;
	struct lk_signer signers[LK_SIGNERS_MAX]; /* newest first */
};

/* Adds a stored key to a keyring that is being built, in its place.
 *
 * LK_DATA_LOSS           it cannot be opened, or there are too many
 */
LK_MUST_USE struct lk_status lk_keyring_add(struct lk_keyring *keyring,
	const struct lk_peppers *peppers, const struct lk_signing_key_record *record);

/* Takes a key out. False: it was not there. */
bool lk_keyring_remove(struct lk_keyring *keyring, const struct lk_key_id *id);

/* The key that signs, or NULL. */
const struct lk_signer *lk_keyring_signer(const struct lk_keyring *keyring);

/* The public keys as a JWK Set, NUL-terminated, in the arena. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_keyring_jwks(const struct lk_keyring *keyring, lk_time_ms now,
	struct lk_arena *arena, const char **text_out);

/* --- changes, in a transaction --- */

struct lk_signing_key_view {
	char kid[LK_ID_TEXT_SIZE];
	enum lk_sign_algorithm algorithm;
	lk_time_ms created_ms;
	lk_time_ms expires_ms; /* 0: it signs */
};

/* Makes a key of the realm's algorithm that signs from now on.
 *
 * LK_FAILED_PRECONDITION  the realm's access tokens are not signed
 * LK_RESOURCE_EXHAUSTED   LK_SIGNERS_MAX keys still verify: retire one first
 */
LK_MUST_USE struct lk_status lk_keyring_rotate(
	const struct lk_core_call *call, struct lk_txn *txn, struct lk_signing_key_view *view_out);

/* As lk_keyring_rotate, unless a key of the realm's algorithm signs already; and nothing for a
 * realm without signed tokens. */
LK_MUST_USE struct lk_status lk_keyring_ensure(const struct lk_core_call *call, struct lk_txn *txn);

/* LK_NOT_FOUND; LK_FAILED_PRECONDITION: it signs, so rotate first. */
LK_MUST_USE struct lk_status lk_keyring_retire(
	const struct lk_core_call *call, struct lk_txn *txn, const char *kid);

/* Deletes a key that verifies no more: an lk_sweep_fn for rows sk/. */
LK_MUST_USE struct lk_status lk_keyring_sweep(
	void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now);
