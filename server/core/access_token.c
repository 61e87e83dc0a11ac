/* SPDX-License-Identifier: MIT */
#include "server/core/access_token.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/wire/arena.h"

/* The claims around the two names, and the names. */
#define PAYLOAD_SIZE (192 + 2 * LK_TOKEN_NAME_MAX)

#define BASE62_ID_CHARS 22

/* Beyond it a time in milliseconds would not fit; the year is 33658. */
#define SECONDS_DIGITS_MAX 12

_Static_assert(LK_TOKEN_HEADER_SIZE + 1 + LK_BASE64URL_SIZE(PAYLOAD_SIZE) + 1 +
			       LK_BASE64URL_SIZE(LK_SIGNATURE_MAX) + 1 <=
		       LK_ACCESS_TOKEN_SIZE,
	"a token with the longest names fits");

/* read_payload reads what this writes, and nothing else. Names need no escapes (realm.h). */
static size_t write_payload(const struct lk_access_claims *claims, char payload_out[PAYLOAD_SIZE])
{
	char user_id[LK_ID_TEXT_SIZE], session_id[LK_ID_TEXT_SIZE], token_id[LK_ID_TEXT_SIZE];
	struct lk_key_id random;
	int n;

	lk_random(random.bytes, sizeof random.bytes);
	lk_id_format("", &random, token_id);
	lk_id_format(LK_ID_USER, &claims->user_id, user_id);
	lk_id_format(LK_ID_SESSION, &claims->session_id, session_id);
	n = snprintf(payload_out, PAYLOAD_SIZE,
		"{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"sid\":\"%s\",\"jti\":\"%s\","
		"\"iat\":%" PRId64 ",\"exp\":%" PRId64 "}",
		claims->realm->issuer, user_id, claims->realm->audience, session_id, token_id,
		claims->issued_ms / 1000, claims->expires_ms / 1000);
	assert(n > 0 && n < PAYLOAD_SIZE);
	return (size_t)n;
}

void lk_access_token_make(const struct lk_signer *signer, const struct lk_access_claims *claims,
	char token_out[LK_ACCESS_TOKEN_SIZE])
{
	char payload[PAYLOAD_SIZE];
	size_t payload_n = write_payload(claims, payload);
	uint8_t signature[LK_SIGNATURE_MAX];
	struct lk_bytes message = { (const uint8_t *)token_out, 0 };
	char *at = token_out;
	size_t n;

	memcpy(at, signer->header, signer->header_n);
	at += signer->header_n;
	*at++ = '.';
	at += lk_base64url_encode((struct lk_bytes) { (const uint8_t *)payload, payload_n }, at);
	message.n = (size_t)(at - token_out);
	n = lk_sign(&signer->key, message, signature);
	*at++ = '.';
	at += lk_base64url_encode((struct lk_bytes) { signature, n }, at);
	*at = '\0';
	lk_wipe(payload, sizeof payload);
	lk_wipe(signature, sizeof signature);
}

bool lk_is_jwt(struct lk_bytes text)
{
	return text.n > 0 && memchr(text.data, '.', text.n) != NULL;
}

/* --- reading: each step takes something off the front --- */

static bool take(struct lk_cursor *cursor, const char *words)
{
	struct lk_bytes taken = lk_cursor_take(cursor, strlen(words));

	return !cursor->failed && strncmp(words, (const char *)taken.data, taken.n) == 0;
}

static bool take_id(struct lk_cursor *cursor, const char *prefix, struct lk_key_id *id_out)
{
	struct lk_bytes text = lk_cursor_take(cursor, strlen(prefix) + BASE62_ID_CHARS);

	return !cursor->failed && lk_id_parse(prefix, text, id_out);
}

static bool take_seconds(struct lk_cursor *cursor, int64_t *seconds_out)
{
	const uint8_t *first = cursor->at;
	int64_t seconds = 0;

	while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' &&
		cursor->at - first < SECONDS_DIGITS_MAX)
		seconds = seconds * 10 + (*cursor->at++ - '0');
	if (cursor->at == first || (*first == '0' && cursor->at - first > 1))
		return false;
	*seconds_out = seconds;
	return true;
}

static bool read_payload(
	struct lk_bytes payload, const struct lk_realm *realm, struct lk_proof *proof)
{
	struct lk_cursor cursor = lk_cursor_over(payload);
	struct lk_key_id user_id, token_id;
	int64_t issued, expires;

	if (!take(&cursor, "{\"iss\":\"") || !take(&cursor, realm->issuer) ||
		!take(&cursor, "\",\"sub\":\"") || !take_id(&cursor, LK_ID_USER, &user_id) ||
		!take(&cursor, "\",\"aud\":\"") || !take(&cursor, realm->audience) ||
		!take(&cursor, "\",\"sid\":\"") ||
		!take_id(&cursor, LK_ID_SESSION, &proof->session_id) ||
		!take(&cursor, "\",\"jti\":\"") || !take_id(&cursor, "", &token_id) ||
		!take(&cursor, "\",\"iat\":") || !take_seconds(&cursor, &issued) ||
		!take(&cursor, ",\"exp\":") || !take_seconds(&cursor, &expires) ||
		!take(&cursor, "}"))
		return false;
	proof->expires_ms = expires * 1000;
	return lk_cursor_clean_end(&cursor);
}

/* Takes what stands before the next dot, and the dot. */
static bool take_part(struct lk_bytes *rest, struct lk_bytes *part_out)
{
	const uint8_t *dot = rest->n > 0 ? memchr(rest->data, '.', rest->n) : NULL;

	if (dot == NULL)
		return false;
	*part_out = (struct lk_bytes) { rest->data, (size_t)(dot - rest->data) };
	*rest = (struct lk_bytes) { dot + 1, rest->n - part_out->n - 1 };
	return true;
}

static const struct lk_signer *find_signer(const struct lk_keyring *keyring, struct lk_bytes header)
{
	for (size_t i = 0; i < keyring->n; i++) {
		const struct lk_signer *signer = &keyring->signers[i];

		if (header.n == signer->header_n &&
			strncmp(signer->header, (const char *)header.data, header.n) == 0)
			return signer;
	}
	return NULL;
}

bool lk_access_token_prove(const struct lk_keyring *keyring, const struct lk_realm *realm,
	struct lk_bytes token, struct lk_proof *proof_out)
{
	struct lk_bytes header, payload, rest = token;
	uint8_t signature[LK_SIGNATURE_MAX], claims[PAYLOAD_SIZE];
	const struct lk_signer *signer;
	size_t signature_n, claims_n;
	struct lk_bytes message;
	struct lk_proof proof;

	if (token.n >= LK_ACCESS_TOKEN_SIZE || !take_part(&rest, &header) ||
		!take_part(&rest, &payload))
		return false;
	signer = find_signer(keyring, header);
	/* What is signed is a text: so a part that could be written in two ways is refused. */
	if (signer == NULL || !lk_base64url_decode(rest, signature, sizeof signature, &signature_n))
		return false;
	message = (struct lk_bytes) { token.data, header.n + 1 + payload.n };
	if (!lk_sign_verify(&signer->key, message, (struct lk_bytes) { signature, signature_n }) ||
		!lk_base64url_decode(payload, claims, sizeof claims, &claims_n) ||
		!read_payload((struct lk_bytes) { claims, claims_n }, realm, &proof))
		return false;
	proof.generation = keyring->generation;
	proof.signer_expires_ms = signer->expires_ms;
	*proof_out = proof;
	return true;
}
