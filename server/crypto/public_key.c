/* SPDX-License-Identifier: MIT */
#include "server/crypto/public_key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "proto/wire/arena.h"

#define COORDINATE 32

struct lk_public_key {
	EVP_PKEY *key;
	bool is_ec;
};

static const struct lk_status no_key = { .code = LK_INVALID_ARGUMENT,
	.why = "the numbers of the public key are no key" };

/* Takes the parameters over. */
static struct lk_status make(
	const char *type, OSSL_PARAM_BLD *build, struct lk_public_key **key_out)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	struct lk_public_key *key = lk_alloc(sizeof *key);
	EVP_PKEY_CTX *check = NULL;
	bool is_made = key != NULL && params != NULL && context != NULL &&
		       EVP_PKEY_fromdata_init(context) == 1 &&
		       EVP_PKEY_fromdata(context, &key->key, EVP_PKEY_PUBLIC_KEY, params) == 1;

	if (is_made)
		check = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
	is_made = is_made && check != NULL && EVP_PKEY_public_check(check) == 1;
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	if (is_made) {
		*key_out = key;
		return LK_SUCCESS;
	}
	lk_public_key_free(key);
	return key == NULL ? LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory") : no_key;
}

/* No configuration file is read, which can name a library to load. NULL: short of memory. */
static OSSL_PARAM_BLD *begin(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ? OSSL_PARAM_BLD_new()
									   : NULL;
}

struct lk_status lk_public_key_new_p256(
	const uint8_t x[32], const uint8_t y[32], struct lk_public_key **key_out)
{
	uint8_t point[1 + 2 * COORDINATE] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM_BLD *build = begin();
	struct lk_status st;

	memcpy(point + 1, x, COORDINATE);
	memcpy(point + 1 + COORDINATE, y, COORDINATE);
	if (build == NULL ||
		OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) !=
			1 ||
		OSSL_PARAM_BLD_push_octet_string(
			build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) != 1) {
		OSSL_PARAM_BLD_free(build);
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	}
	st = make("EC", build, key_out);
	if (st.code == LK_OK)
		(*key_out)->is_ec = true;
	return st;
}

struct lk_status lk_public_key_new_rsa(
	struct lk_bytes n, struct lk_bytes e, struct lk_public_key **key_out)
{
	OSSL_PARAM_BLD *build;
	BIGNUM *modulus, *exponent;
	struct lk_status st = LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");

	if (n.n < LK_RSA_MIN || n.n > LK_RSA_MAX || n.data[0] == 0 || e.n == 0 || e.n > 8)
		return no_key;
	build = begin();
	modulus = BN_bin2bn(n.data, (int)n.n, NULL);
	exponent = BN_bin2bn(e.data, (int)e.n, NULL);
	if (build != NULL && modulus != NULL && exponent != NULL &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		st = make("RSA", build, key_out);
	else
		OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	BN_free(exponent);
	return st;
}

void lk_public_key_free(struct lk_public_key *key)
{
	if (key != NULL)
		EVP_PKEY_free(key->key);
	lk_free(key);
}

const char *lk_public_key_algorithm(const struct lk_public_key *key)
{
	return key->is_ec ? "ES256" : "RS256";
}

/* OpenSSL's form of r and s, which stand one behind the other. Returns its length; 0: it is none.
 */
static size_t encode(struct lk_bytes signature, uint8_t **der_out)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r, *s;
	int n;

	if (signature.n != (size_t)2 * COORDINATE || pair == NULL) {
		ECDSA_SIG_free(pair);
		return 0;
	}
	r = BN_bin2bn(signature.data, COORDINATE, NULL);
	s = BN_bin2bn(signature.data + COORDINATE, COORDINATE, NULL);
	if (r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(pair);
		return 0;
	}
	n = i2d_ECDSA_SIG(pair, der_out);
	ECDSA_SIG_free(pair);
	return n > 0 ? (size_t)n : 0;
}

bool lk_public_key_verify(
	const struct lk_public_key *key, struct lk_bytes message, struct lk_bytes signature)
{
	EVP_MD_CTX *context;
	uint8_t *der = NULL;
	bool is_valid;

	if (key->is_ec) {
		signature.n = encode(signature, &der);
		signature.data = der;
	}
	context = EVP_MD_CTX_new();
	is_valid =
		signature.n > 0 && context != NULL &&
		EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key->key, NULL) == 1 &&
		EVP_DigestVerify(context, signature.data, signature.n, message.data, message.n) ==
			1;
	EVP_MD_CTX_free(context);
	OPENSSL_free(der);
	return is_valid;
}
