/* SPDX-License-Identifier: MIT */
/* Passwords: Argon2id for our own, and whatever other systems had for those that were brought
 * along. Every call here is slow on purpose: only from the HASH lane.
 */
#pragma once

#include "server/crypto/crypto.h"

/* Longer ones are refused before anything is computed. */
#define LK_PASSWORD_MAX 1024

/* The longest hash text that is stored, with its NUL. */
#define LK_PASSWORD_HASH_SIZE 256

/* Argon2id (RFC 9106) with one lane. OWASP's floor is 19 MiB and 2 passes. */
struct lk_argon2_cost {
	uint32_t memory_kib;
	uint32_t passes;
};

/* What a hash may cost that was made elsewhere, beside what is fixed: 10 passes of argon2, 14 as
 * bcrypt's cost, p = 16 of argon2 and scrypt, 2,000,000 iterations of PBKDF2, 1,000,000 rounds of
 * sha512crypt. Each of these takes seconds at most. */
struct lk_hash_cap {
	uint32_t memory_kib; /* of argon2 and scrypt */
};

/* Hashes with a new random salt, as "$argon2id$v=19$m=...,t=...,p=1$...". The cost is at least one
 * pass over 8 KiB.
 *
 * LK_INVALID_ARGUMENT    field `password`: it is longer than LK_PASSWORD_MAX, or has a NUL inside
 * LK_RESOURCE_EXHAUSTED  memory is short
 */
LK_MUST_USE struct lk_status lk_password_hash(struct lk_bytes password,
	const struct lk_argon2_cost *cost, char hash_out[LK_PASSWORD_HASH_SIZE]);

/* Whether the text is a hash that lk_password_matches can judge within the cap: argon2id, argon2i,
 * bcrypt ($2a$, $2b$, $2y$), scrypt ($scrypt$ln=..., $7$), PBKDF2 with SHA-256 or SHA-512
 * ($pbkdf2-sha256$..., pbkdf2_sha256$...) and sha512crypt ($6$).
 *
 * LK_INVALID_ARGUMENT  field `password_hash`: of no known form, or it costs more than the cap
 */
LK_MUST_USE struct lk_status lk_password_hash_check(
	const char *hash, const struct lk_hash_cap *cap);

/* Judges a password by a hash that lk_password_hash_check accepts. matches_out is false for any
 * other, and for a password that lk_password_hash refuses.
 *
 * Every byte of the password counts, but for what foreign forms cannot do: bcrypt reads 72 bytes,
 * and a longer password is judged by these, as where the hash was made; no password above 511
 * bytes matches sha512crypt or $7$. Hashing the password anew after a match ends that.
 *
 * LK_RESOURCE_EXHAUSTED  memory is short: nothing is known
 */
LK_MUST_USE struct lk_status lk_password_matches(struct lk_bytes password, const char *hash,
	const struct lk_hash_cap *cap, bool *matches_out);

/* Whether the hash is Argon2id of this cost, or has to be made anew. */
bool lk_password_hash_is_current(const char *hash, const struct lk_argon2_cost *cost);
