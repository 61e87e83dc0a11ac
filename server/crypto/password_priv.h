/* SPDX-License-Identifier: MIT */
/* Parts of password.c: texts of hashes taken apart, and what other libraries compute. */
#pragma once

#include "server/crypto/password.h"

#define LK_HASH_SALT_MAX 64
#define LK_HASH_DIGEST_MAX 64

enum lk_hash_form {
	LK_HASH_ARGON2,
	LK_HASH_BCRYPT,
	LK_HASH_SCRYPT,
	LK_HASH_SCRYPT_CRYPT,
	LK_HASH_PBKDF2_SHA256,
	LK_HASH_PBKDF2_SHA512,
	LK_HASH_SHA512CRYPT,
};

struct lk_hash_text {
	enum lk_hash_form form;
	uint32_t rounds;     /* passes, rounds or iterations; logarithms of bcrypt and scrypt */
	uint32_t lanes;      /* argon2 and scrypt: p */
	uint32_t block;      /* scrypt: r */
	uint64_t memory_kib; /* argon2 and scrypt: what judging takes */
	/* Decoded; of scrypt and PBKDF2 alone. */
	uint8_t salt[LK_HASH_SALT_MAX];
	size_t salt_n;
	uint8_t digest[LK_HASH_DIGEST_MAX];
	size_t digest_n;
};

/* False for anything but a text of one of the forms, to the last character. */
bool lk_hash_parse(const char *text, struct lk_hash_text *hash_out);

/* PBKDF2 of a hash's form, salt and iterations: digest_n bytes. False: memory is short. */
LK_MUST_USE bool lk_pbkdf2(struct lk_bytes password, const struct lk_hash_text *hash,
	uint8_t digest_out[LK_HASH_DIGEST_MAX]);

/* crypt(3): the text that the password, without a NUL inside, has with the form, salt and cost of
 * `text`, which lk_hash_parse takes. Empty when the password is longer than crypt takes.
 *
 * LK_RESOURCE_EXHAUSTED  memory is short
 */
LK_MUST_USE struct lk_status lk_crypt(
	struct lk_bytes password, const char *text, char text_out[LK_PASSWORD_HASH_SIZE]);
