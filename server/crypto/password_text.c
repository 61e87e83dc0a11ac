/* SPDX-License-Identifier: MIT */
#include "server/crypto/password_priv.h"
#include "server/crypto/sign.h"

/* What crypt(3) writes numbers and digests with. */
static const char crypt_digits[] =
	"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The rest of a text; each step takes something off its front. */
struct rest {
	const char *at;
};

static bool take(struct rest *rest, const char *words)
{
	size_t n = strlen(words);

	if (strncmp(rest->at, words, n) != 0)
		return false;
	rest->at += n;
	return true;
}

/* Decimal, up to nine digits, without leading zeros: a number has one text. */
static bool take_number(struct rest *rest, uint32_t *number_out)
{
	size_t n = strspn(rest->at, "0123456789");
	uint32_t number = 0;

	if (n == 0 || n > 9 || (n > 1 && rest->at[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		number = number * 10 + (uint32_t)(rest->at[i] - '0');
	rest->at += n;
	*number_out = number;
	return true;
}

/* n characters of crypt(3), the least significant first. */
static bool take_crypt_number(struct rest *rest, size_t n, uint32_t *number_out)
{
	uint32_t number = 0;

	if (strspn(rest->at, crypt_digits) < n)
		return false;
	for (size_t i = 0; i < n; i++)
		number |= (uint32_t)(strchr(crypt_digits, rest->at[i]) - crypt_digits) << 6 * i;
	rest->at += n;
	*number_out = number;
	return true;
}

/* Between min and max characters other than those of `ends`, printable ones all. */
static bool take_text(struct rest *rest, const char *ends, size_t min, size_t max)
{
	size_t n = 0;

	while (rest->at[n] > ' ' && rest->at[n] <= '~' && strchr(ends, rest->at[n]) == NULL)
		n++;
	rest->at += n;
	return n >= min && n <= max;
}

static bool take_crypt_digits(struct rest *rest, size_t min, size_t max)
{
	size_t n = strspn(rest->at, crypt_digits);

	rest->at += n;
	return n >= min && n <= max;
}

/* Base64 of RFC 4648 without padding, but for `plus`, which stands for 62. */
static bool take_base64(struct rest *rest, char plus, uint8_t *bytes_out, size_t *n_out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/";
	uint8_t text[LK_BASE64URL_SIZE(LK_HASH_DIGEST_MAX)];
	const char *at = rest->at;
	size_t n = 0;

	for (; *at == plus || (*at != '\0' && strchr(digits, *at) != NULL); at++) {
		if (n == sizeof text)
			return false;
		text[n++] = (uint8_t)(*at == plus ? '-' : *at == '/' ? '_' : *at);
	}
	rest->at = at;
	return lk_base64url_decode(
		(struct lk_bytes) { text, n }, bytes_out, LK_HASH_DIGEST_MAX, n_out);
}

_Static_assert(LK_HASH_SALT_MAX == LK_HASH_DIGEST_MAX, "take_base64 serves both");

static bool take_salt_and_digest(struct rest *rest, char plus, struct lk_hash_text *hash)
{
	return take_base64(rest, plus, hash->salt, &hash->salt_n) && take(rest, "$") &&
	       take_base64(rest, plus, hash->digest, &hash->digest_n);
}

/* $argon2id$v=19$m=19456,t=2,p=1$<salt>$<digest> */
static bool parse_argon2(struct rest *rest, struct lk_hash_text *hash)
{
	uint32_t memory_kib;

	if (!take(rest, "v=19$m=") || !take_number(rest, &memory_kib) || !take(rest, ",t=") ||
		!take_number(rest, &hash->rounds) || !take(rest, ",p=") ||
		!take_number(rest, &hash->lanes) || !take(rest, "$"))
		return false;
	hash->memory_kib = memory_kib;
	/* The floors of RFC 9106, as libsodium holds them. */
	return take_salt_and_digest(rest, '+', hash) && hash->salt_n >= 8 && hash->digest_n >= 16 &&
	       memory_kib / 8 >= hash->lanes;
}

/* $2b$12$<22 characters of salt><31 of digest> */
static bool parse_bcrypt(struct rest *rest, struct lk_hash_text *hash)
{
	const char *at = rest->at;

	if (strspn(at, "0123456789") != 2 || at[2] != '$')
		return false;
	hash->rounds = (uint32_t)(at[0] - '0') * 10 + (uint32_t)(at[1] - '0');
	rest->at += 3;
	return take_crypt_digits(rest, 53, 53);
}

static bool count_scrypt(struct lk_hash_text *hash)
{
	/* Below, 128 * r * (N + p) fits into 64 bits. */
	if (hash->rounds < 1 || hash->rounds > 31 || hash->block < 1 || hash->block > 65535)
		return false;
	hash->memory_kib =
		((((uint64_t)1 << hash->rounds) + hash->lanes) * 128 * hash->block + 1023) / 1024;
	return true;
}

/* $scrypt$ln=16,r=8,p=1$<salt>$<digest>, as passlib writes it */
static bool parse_scrypt(struct rest *rest, struct lk_hash_text *hash)
{
	return take(rest, "ln=") && take_number(rest, &hash->rounds) && take(rest, ",r=") &&
	       take_number(rest, &hash->block) && take(rest, ",p=") &&
	       take_number(rest, &hash->lanes) && count_scrypt(hash) && take(rest, "$") &&
	       take_salt_and_digest(rest, '+', hash) && hash->salt_n >= 1 && hash->digest_n >= 16;
}

/* $7$<ln><r, 5 characters><p, 5 characters><salt>$<43 characters of digest> */
static bool parse_scrypt_crypt(struct rest *rest, struct lk_hash_text *hash)
{
	return take_crypt_number(rest, 1, &hash->rounds) &&
	       take_crypt_number(rest, 5, &hash->block) &&
	       take_crypt_number(rest, 5, &hash->lanes) && count_scrypt(hash) &&
	       take_crypt_digits(rest, 1, 86) && take(rest, "$") && take_crypt_digits(rest, 43, 43);
}

/* $pbkdf2-sha256$29000$<salt>$<digest>, as passlib writes it: with '.' for '+' */
static bool parse_pbkdf2(struct rest *rest, struct lk_hash_text *hash)
{
	size_t size = hash->form == LK_HASH_PBKDF2_SHA256 ? 32 : 64;

	return take_number(rest, &hash->rounds) && take(rest, "$") &&
	       take_salt_and_digest(rest, '.', hash) && hash->salt_n >= 1 && hash->digest_n == size;
}

/* pbkdf2_sha256$600000$<salt, as it is>$<digest, with padding>, as Django writes it */
static bool parse_django(struct rest *rest, struct lk_hash_text *hash)
{
	const char *salt;

	if (!take_number(rest, &hash->rounds) || !take(rest, "$"))
		return false;
	salt = rest->at;
	if (!take_text(rest, "$", 1, LK_HASH_SALT_MAX))
		return false;
	hash->salt_n = (size_t)(rest->at - salt);
	memcpy(hash->salt, salt, hash->salt_n);
	return take(rest, "$") && take_base64(rest, '+', hash->digest, &hash->digest_n) &&
	       hash->digest_n == 32 && take(rest, "=");
}

/* $6$rounds=5000$<up to 16 characters of salt>$<86 of digest>; without rounds 5,000 */
static bool parse_sha512crypt(struct rest *rest, struct lk_hash_text *hash)
{
	hash->rounds = 5000;
	if (take(rest, "rounds=") && (!take_number(rest, &hash->rounds) || !take(rest, "$")))
		return false;
	/* libxcrypt takes no salt with the other four, for the sake of /etc/shadow. */
	return take_text(rest, "$:;*!\\", 1, 16) && take(rest, "$") &&
	       take_crypt_digits(rest, 86, 86);
}

bool lk_hash_parse(const char *text, struct lk_hash_text *hash_out)
{
	static const struct {
		const char *prefix;
		enum lk_hash_form form;
		bool (*parse)(struct rest *rest, struct lk_hash_text *hash);
	} forms[] = {
		{ "$argon2id$", LK_HASH_ARGON2, parse_argon2 },
		{ "$argon2i$", LK_HASH_ARGON2, parse_argon2 },
		{ "$2a$", LK_HASH_BCRYPT, parse_bcrypt },
		{ "$2b$", LK_HASH_BCRYPT, parse_bcrypt },
		{ "$2y$", LK_HASH_BCRYPT, parse_bcrypt },
		{ "$scrypt$", LK_HASH_SCRYPT, parse_scrypt },
		{ "$7$", LK_HASH_SCRYPT_CRYPT, parse_scrypt_crypt },
		{ "$pbkdf2-sha256$", LK_HASH_PBKDF2_SHA256, parse_pbkdf2 },
		{ "$pbkdf2-sha512$", LK_HASH_PBKDF2_SHA512, parse_pbkdf2 },
		{ "pbkdf2_sha256$", LK_HASH_PBKDF2_SHA256, parse_django },
		{ "$6$", LK_HASH_SHA512CRYPT, parse_sha512crypt },
	};

	if (strnlen(text, LK_PASSWORD_HASH_SIZE) == LK_PASSWORD_HASH_SIZE)
		return false;
	for (size_t i = 0; i < LK_COUNT(forms); i++) {
		struct rest rest = { text };

		if (!take(&rest, forms[i].prefix))
			continue;
		*hash_out = (struct lk_hash_text) { .form = forms[i].form, .lanes = 1 };
		return forms[i].parse(&rest, hash_out) && *rest.at == '\0';
	}
	return false;
}
