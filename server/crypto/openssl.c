/* SPDX-License-Identifier: MIT */
#include "server/crypto/password_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

bool lk_pbkdf2(struct lk_bytes password, const struct lk_hash_text *hash,
	uint8_t digest_out[LK_HASH_DIGEST_MAX])
{
	const EVP_MD *md = hash->form == LK_HASH_PBKDF2_SHA256 ? EVP_sha256() : EVP_sha512();

	/* Else the first call would read a configuration file, which can name a library to load.
	 * Once is enough; more often is allowed. */
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 &&
	       PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.n, hash->salt,
		       (int)hash->salt_n, (int)hash->rounds, md, (int)hash->digest_n,
		       digest_out) == 1;
}
