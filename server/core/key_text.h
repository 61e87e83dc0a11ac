/* SPDX-License-Identifier: MIT */
/* The texts of API keys and of their ids.
 *
 * A key is `<prefix><43 random><6 checksum>`, in base62 (0-9 A-Z a-z); the realm's prefix ends in
 * `_`. The random part carries 256 bits. The checksum is the CRC-32 (IEEE) of all that stands
 * before it, as a base62 number with leading zeros, so that a scanner that found
 *
 *     \b[a-z0-9_]{0,31}_[0-9A-Za-z]{49}\b
 *
 * can tell a key from noise without asking anyone. Session tokens and refresh tokens have the same
 * form under prefixes of their own. An id is a prefix such as `key_` and 22 base62 digits of a
 * 128-bit number: 48 bits of milliseconds, then 80 random ones; ids sort by creation.
 */
#pragma once

#include "server/core/realm.h"

#define LK_KEY_RANDOM_CHARS 43
#define LK_KEY_CHECK_CHARS 6
#define LK_KEY_HINT_CHARS 7 /* of the random part; 41 bits of 256 */

#define LK_KEY_TEXT_SIZE (LK_KEY_PREFIX_MAX + LK_KEY_RANDOM_CHARS + LK_KEY_CHECK_CHARS + 1)
#define LK_KEY_HINT_SIZE (LK_KEY_PREFIX_MAX + LK_KEY_HINT_CHARS + 1)

/* How a key was told to us that another system made. */
enum lk_import_kind {
	LK_IMPORT_SHA256,
	LK_IMPORT_HMAC_SHA256, /* by a secret that is shared with that system */
};

/* What such a key is kept under in place of its secret: "sha256:" or "hmac-sha256:", and hex. */
#define LK_IMPORT_TEXT_SIZE (sizeof "hmac-sha256:" + (size_t)2 * LK_ROW_DIGEST_SIZE)
void lk_import_text(enum lk_import_kind kind, const uint8_t digest[LK_ROW_DIGEST_SIZE],
	char text_out[LK_IMPORT_TEXT_SIZE]);

/* What ids of each kind begin with. */
#define LK_ID_KEY "key_"
#define LK_ID_USER "user_"
#define LK_ID_SESSION "ses_"
#define LK_ID_SIGNING_KEY "sig_"
#define LK_ID_TEXT_SIZE 28 /* for the longest of them */

/* A whole key, NUL-terminated. A secret: wipe it. */
struct lk_key_text {
	char text[LK_KEY_TEXT_SIZE];
};

/* A new random key. */
void lk_key_text_make(const char *prefix, struct lk_key_text *key_out);

/* True when the text has the prefix, the length, the alphabet and the checksum of a key. Says
 * nothing about whether it was ever issued. */
bool lk_key_text_is_valid(const char *prefix, struct lk_bytes text);

/* The prefix and the first random characters: enough to recognise a key. */
void lk_key_text_hint(
	const char *prefix, const struct lk_key_text *key, char hint_out[LK_KEY_HINT_SIZE]);

/* A new id. */
void lk_key_id_make(lk_time_ms now, struct lk_key_id *id_out);

/* Writes the id behind one of the prefixes above. */
void lk_id_format(const char *prefix, const struct lk_key_id *id, char text_out[LK_ID_TEXT_SIZE]);

/* False for anything but a text that lk_id_format writes with this prefix. */
bool lk_id_parse(const char *prefix, struct lk_bytes text, struct lk_key_id *id_out);
