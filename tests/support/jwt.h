/* SPDX-License-Identifier: MIT */
/* JWTs of other issuers: any header and payload, signed by HMAC-SHA-256 with 32 bytes. */
#pragma once

#include "server/crypto/sign.h"

/* Returns the length; `token_out` has room for two times the parts and 64 bytes. */
static inline size_t jwt_make(
	const char *secret, struct lk_bytes header, struct lk_bytes payload, char *token_out)
{
	uint8_t signature[LK_SIGNATURE_MAX];
	struct lk_sign_key key;
	size_t n = lk_base64url_encode(header, token_out);

	token_out[n++] = '.';
	n += lk_base64url_encode(payload, token_out + n);
	lk_sign_key_derive(LK_SIGN_HS256, (const uint8_t *)secret, &key);
	lk_sign(&key, (struct lk_bytes) { (const uint8_t *)token_out, n }, signature);
	token_out[n++] = '.';
	return n + lk_base64url_encode((struct lk_bytes) { signature, 32 }, token_out + n);
}
