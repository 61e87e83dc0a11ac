/* SPDX-License-Identifier: MIT */
/* Cryptography: the vocabulary that the core uses. No header names a library.
 *
 * Secrets are never stored. What is stored is a keyed digest, so that a stolen store is useless
 * without the pepper file. All calls but lk_crypto_init are thread-safe.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/status.h"

/* A keyed digest of a secret or of a token's content. */
struct lk_digest {
	uint8_t bytes[32];
};

/* A key for digests. The id is stored with every digest made with it. */
struct lk_pepper {
	uint32_t id; /* never 0 */
	uint8_t key[32];
};

/* Newest first: the first one makes digests, all of them are tried when one is looked for. */
#define LK_PEPPERS_MAX 4
struct lk_peppers {
	struct lk_pepper items[LK_PEPPERS_MAX];
	size_t n;
};

/* Before anything else, once. LK_INTERNAL: there is no source of randomness. */
LK_MUST_USE struct lk_status lk_crypto_init(void);

/* Unpredictable bytes; never fails. */
void lk_random(void *out, size_t n);

/* BLAKE2b-256(key = pepper, domain || 0x00 || text). The domain is the name of a realm, or words
 * with a space between them, which no realm's name has: so one text never has the same digest
 * in two domains. No allocation. */
void lk_digest_make(const struct lk_pepper *pepper, struct lk_bytes domain, struct lk_bytes text,
	struct lk_digest *digest_out);

/* SHA-256 (FIPS 180-4), for secrets that others have hashed with it. No allocation. */
void lk_sha256(struct lk_bytes text, struct lk_digest *digest_out);

/* In constant time. */
bool lk_digest_equal(const struct lk_digest *a, const struct lk_digest *b);

/* Reads a pepper file: one line `<id> <64 hex digits>` for each pepper, newest first.
 *
 * LK_NOT_FOUND            there is no such file
 * LK_FAILED_PRECONDITION  its mode is not 0600, it is not this user's regular file, or it
 *                         could not be read
 * LK_DATA_LOSS            it is malformed, empty, or has an id twice
 */
LK_MUST_USE struct lk_status lk_peppers_load(const char *path, struct lk_peppers *peppers_out);

/* Writes a new file with one random pepper, mode 0600, durable on return. Only for an empty
 * store: without the pepper it was made with, no digest can ever match.
 *
 * LK_ALREADY_EXISTS       there is a file already; it is left alone
 * LK_FAILED_PRECONDITION  it could not be written; nothing is left behind
 */
LK_MUST_USE struct lk_status lk_peppers_create(const char *path);

void lk_peppers_wipe(struct lk_peppers *peppers);
