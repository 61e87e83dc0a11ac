/* SPDX-License-Identifier: MIT */
/* Access tokens as JWT (RFC 7519, 9068): made here, and believed only when made here.
 *
 * A token is believed if its header is exactly the one that its key gives, its signature is good,
 * and its claims are laid out exactly as this file lays them out. So no part of a token chooses an
 * algorithm, and nothing of it is parsed before its signature was verified. What a token says is
 * only which session it belongs to and when it expires; everything else is looked up.
 */
#pragma once

#include "server/core/keyring.h"

#define LK_ACCESS_TOKEN_SIZE 1280

struct lk_access_claims {
	const struct lk_realm *realm;
	struct lk_key_id user_id;
	struct lk_key_id session_id;
	lk_time_ms issued_ms;
	lk_time_ms expires_ms;
};

/* A token with an id (jti) of its own, NUL-terminated. A secret: wipe it. */
void lk_access_token_make(const struct lk_signer *signer, const struct lk_access_claims *claims,
	char token_out[LK_ACCESS_TOKEN_SIZE]);

/* Whether a bearer text can only be a JWT: it has a dot, which no other credential has. */
bool lk_is_jwt(struct lk_bytes text);

/* What a verified token says. */
struct lk_proof {
	uint64_t generation; /* of the keyring that verified it */
	struct lk_key_id session_id;
	lk_time_ms expires_ms;        /* of the token, to the second */
	lk_time_ms signer_expires_ms; /* until when its key verifies */
};

/* Verifies a token: 3 to 70 us. Its times are left to the caller. False for anything but a token
 * of this realm, signed by a key of this keyring. */
LK_MUST_USE bool lk_access_token_prove(const struct lk_keyring *keyring,
	const struct lk_realm *realm, struct lk_bytes token, struct lk_proof *proof_out);
