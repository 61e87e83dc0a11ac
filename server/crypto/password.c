/* SPDX-License-Identifier: MIT */
#include "server/crypto/password_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include <sodium.h>

#include "proto/wire/arena.h"

_Static_assert(crypto_pwhash_STRBYTES <= LK_PASSWORD_HASH_SIZE, "a hash of ours fits");

/* Some of the forms know no NUL, others ignore those at the end; ours has none to be on the same
 * side. */
static bool is_password(struct lk_bytes password)
{
	return password.n <= LK_PASSWORD_MAX &&
	       (password.n == 0 || memchr(password.data, 0, password.n) == NULL);
}

static struct lk_status memory_is_short(void)
{
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "there is not enough memory to hash a password");
}

struct lk_status lk_password_hash(struct lk_bytes password, const struct lk_argon2_cost *cost,
	char hash_out[LK_PASSWORD_HASH_SIZE])
{
	char hash[crypto_pwhash_STRBYTES];

	assert(cost->passes >= 1 && cost->memory_kib >= 8);
	if (!is_password(password))
		return LK_BAD_FIELD("password", "the password is too long, or has a NUL");
	if (crypto_pwhash_argon2id_str(hash, (const char *)password.data, password.n, cost->passes,
		    (size_t)cost->memory_kib * 1024) != 0)
		return memory_is_short();
	memcpy(hash_out, hash, sizeof hash);
	return LK_SUCCESS;
}

/* The maxima are told in password.h. */
static bool is_affordable(const struct lk_hash_text *hash, const struct lk_hash_cap *cap)
{
	static const struct {
		uint32_t rounds_min;
		uint32_t rounds_max;
	} limits[] = {
		[LK_HASH_ARGON2] = { 1, 10 },
		[LK_HASH_BCRYPT] = { 4, 14 },
		[LK_HASH_SCRYPT] = { 1, 31 },       /* 2^n blocks: memory is the limit */
		[LK_HASH_SCRYPT_CRYPT] = { 2, 31 }, /* libxcrypt takes no 1 */
		[LK_HASH_PBKDF2_SHA256] = { 1, 2000000 },
		[LK_HASH_PBKDF2_SHA512] = { 1, 2000000 },
		[LK_HASH_SHA512CRYPT] = { 1000, 1000000 },
	};

	return hash->rounds >= limits[hash->form].rounds_min &&
	       hash->rounds <= limits[hash->form].rounds_max && hash->lanes >= 1 &&
	       hash->lanes <= 16 && hash->memory_kib <= cap->memory_kib;
}

struct lk_status lk_password_hash_check(const char *hash, const struct lk_hash_cap *cap)
{
	struct lk_hash_text parsed;

	if (!lk_hash_parse(hash, &parsed))
		return LK_BAD_FIELD("password_hash", "the password hash is of no known form");
	if (!is_affordable(&parsed, cap))
		return LK_BAD_FIELD(
			"password_hash", "the cost of the password hash is out of bounds");
	return LK_SUCCESS;
}

/* One that lk_password_hash may have made. */
static struct lk_status judge_own(
	struct lk_bytes password, const struct lk_hash_text *hash, bool *matches_out)
{
	uint8_t digest[LK_HASH_DIGEST_MAX];

	if (crypto_pwhash_argon2id(digest, hash->digest_n, (const char *)password.data, password.n,
		    hash->salt, hash->rounds, (size_t)hash->memory_kib * 1024,
		    crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return memory_is_short();
	*matches_out = sodium_memcmp(digest, hash->digest, hash->digest_n) == 0;
	lk_wipe(digest, sizeof digest);
	return LK_SUCCESS;
}

static struct lk_status judge_argon2(struct lk_bytes password, const char *text,
	const struct lk_hash_text *hash, bool *matches_out)
{
	void *probe;

	if (strncmp(text, "$argon2id$", 10) == 0 && hash->lanes == 1 &&
		hash->salt_n == crypto_pwhash_SALTBYTES)
		return judge_own(password, hash, matches_out);
	/* Other salts and lanes libsodium takes only as a text, and then it tells a shortage of
	 * memory as a mismatch: so see first whether there is enough. */
	probe = lk_alloc((size_t)hash->memory_kib * 1024);
	if (probe == NULL)
		return memory_is_short();
	lk_free(probe);
	*matches_out = crypto_pwhash_str_verify(text, (const char *)password.data, password.n) == 0;
	return LK_SUCCESS;
}

static struct lk_status judge_scrypt(
	struct lk_bytes password, const struct lk_hash_text *hash, bool *matches_out)
{
	uint8_t digest[LK_HASH_DIGEST_MAX];

	if (crypto_pwhash_scryptsalsa208sha256_ll(password.data, password.n, hash->salt,
		    hash->salt_n, (uint64_t)1 << hash->rounds, hash->block, hash->lanes, digest,
		    hash->digest_n) != 0)
		return memory_is_short();
	*matches_out = sodium_memcmp(digest, hash->digest, hash->digest_n) == 0;
	lk_wipe(digest, sizeof digest);
	return LK_SUCCESS;
}

static struct lk_status judge_pbkdf2(
	struct lk_bytes password, const struct lk_hash_text *hash, bool *matches_out)
{
	uint8_t digest[LK_HASH_DIGEST_MAX];

	if (!lk_pbkdf2(password, hash, digest))
		return memory_is_short();
	*matches_out = sodium_memcmp(digest, hash->digest, hash->digest_n) == 0;
	lk_wipe(digest, sizeof digest);
	return LK_SUCCESS;
}

/* The last n characters of the text are the digest. */
static struct lk_status judge_crypt(
	struct lk_bytes password, const char *text, size_t n, bool *matches_out)
{
	size_t length = strlen(text);
	char computed[LK_PASSWORD_HASH_SIZE];

	LK_TRY(lk_crypt(password, text, computed));
	*matches_out = strlen(computed) == length &&
		       sodium_memcmp(computed + length - n, text + length - n, n) == 0;
	lk_wipe(computed, sizeof computed);
	return LK_SUCCESS;
}

/* bcrypt reads 72 bytes. It cannot tell what comes after them, and whoever made the hash let
 * people in without: to refuse longer passwords would lock out their owners. Nothing but the
 * password goes in here, so nobody can fill the 72 bytes with something that is no secret (which
 * is how Okta came to ignore passwords in 2024). The hash that follows a match reads them all. */
static struct lk_status judge_bcrypt(struct lk_bytes password, const char *text, bool *matches_out)
{
	struct lk_bytes read = { password.data, password.n < 72 ? password.n : 72 };

	/* Of the salt's last character two bits count. Some programs left noise in the others,
	 * which crypt corrects: so only the digest is compared. */
	return judge_crypt(read, text, 31, matches_out);
}

struct lk_status lk_password_matches(struct lk_bytes password, const char *hash,
	const struct lk_hash_cap *cap, bool *matches_out)
{
	struct lk_hash_text parsed;
	struct lk_status st = LK_SUCCESS;
	bool matches = false;

	if (!is_password(password) || !lk_hash_parse(hash, &parsed) ||
		!is_affordable(&parsed, cap)) {
		*matches_out = false;
		return LK_SUCCESS;
	}
	if (password.n == 0)
		password = lk_bytes_of(""); /* libraries want a pointer */
	switch (parsed.form) {
	case LK_HASH_ARGON2:
		st = judge_argon2(password, hash, &parsed, &matches);
		break;
	case LK_HASH_BCRYPT:
		st = judge_bcrypt(password, hash, &matches);
		break;
	case LK_HASH_SCRYPT:
		st = judge_scrypt(password, &parsed, &matches);
		break;
	case LK_HASH_SCRYPT_CRYPT:
		st = judge_crypt(password, hash, 43, &matches);
		break;
	case LK_HASH_PBKDF2_SHA256:
	case LK_HASH_PBKDF2_SHA512:
		st = judge_pbkdf2(password, &parsed, &matches);
		break;
	case LK_HASH_SHA512CRYPT:
		st = judge_crypt(password, hash, 86, &matches);
		break;
	}
	lk_wipe(&parsed, sizeof parsed);
	if (st.code == LK_OK)
		*matches_out = matches;
	return st;
}

bool lk_password_hash_is_current(const char *hash, const struct lk_argon2_cost *cost)
{
	char prefix[LK_PASSWORD_HASH_SIZE];
	int n = snprintf(prefix, sizeof prefix, "$argon2id$v=19$m=%" PRIu32 ",t=%" PRIu32 ",p=1$",
		cost->memory_kib, cost->passes);

	/* Then 16 bytes of salt and 32 of digest. */
	return strncmp(hash, prefix, (size_t)n) == 0 && strlen(hash + n) == 22 + 1 + 43;
}
