/* SPDX-License-Identifier: MIT */
/* Keys that another system made. */
#include <stdio.h>
#include <string.h>

#include "server/core/access_token.h"
#include "server/core/keys_priv.h"

/* Shorter ones are guessed. */
#define PLAINTEXT_MIN 16
#define PLAINTEXT_MAX 512
#define HINT_OF_PLAINTEXT 4 /* characters */

static const char *field_of(const struct lk_key_import *import)
{
	return import->plaintext != NULL          ? "plaintext"
	       : import->kind == LK_IMPORT_SHA256 ? "sha256"
						  : "hmac_sha256";
}

static struct lk_status bad_secret(const struct lk_key_import *import, const char *why)
{
	return (struct lk_status) {
		.code = LK_INVALID_ARGUMENT, .field = field_of(import), .why = why
	};
}

/* As it may come in a header: visible ASCII. */
static bool is_visible(const char *text)
{
	while (*text > ' ' && *text < 0x7f)
		text++;
	return *text == '\0';
}

static struct lk_status check(const struct lk_core_call *call, const struct lk_key_import *import)
{
	size_t n = import->plaintext != NULL ? strlen(import->plaintext) : 0;

	if (!call->realm->takes_imports)
		return LK_BAD_FIELD("realm", "its configuration has no imported_keys");
	if (import->hint[0] != '\0' &&
		(strlen(import->hint) >= LK_KEY_HINT_SIZE || !is_visible(import->hint)))
		return LK_BAD_FIELD("hint", "a hint is up to 38 visible characters");
	if (import->plaintext != NULL &&
		(n < PLAINTEXT_MIN || n > PLAINTEXT_MAX || !is_visible(import->plaintext)))
		return bad_secret(import, "a key has 16 to 512 visible characters");
	if (import->plaintext != NULL && lk_is_jwt(lk_bytes_of(import->plaintext)))
		return bad_secret(import, "it would be taken for a JWT");
	if (import->plaintext == NULL && import->digest.n != LK_ROW_DIGEST_SIZE)
		return bad_secret(import, "a digest has 32 bytes");
	if (import->plaintext == NULL && import->kind == LK_IMPORT_HMAC_SHA256 &&
		call->realm->import_secret_n == 0)
		return bad_secret(import, "the realm has no hmac_secret_file");
	return LK_SUCCESS;
}

/* What the key is looked up by. A key of our own form is so by itself. */
static void make_text(const struct lk_core_call *call, const struct lk_key_import *import,
	char text_out[PLAINTEXT_MAX + 1])
{
	struct lk_digest digest;

	if (import->plaintext == NULL) {
		lk_import_text(import->kind, import->digest.data, text_out);
	} else if (lk_key_text_is_valid(call->realm->key_prefix, lk_bytes_of(import->plaintext))) {
		memcpy(text_out, import->plaintext, strlen(import->plaintext) + 1);
	} else {
		lk_sha256(lk_bytes_of(import->plaintext), &digest);
		lk_import_text(LK_IMPORT_SHA256, digest.bytes, text_out);
	}
}

/* Under every pepper that may have been the first when it came in. */
static struct lk_status check_new(
	const struct lk_core_call *call, struct lk_txn *txn, const char *text)
{
	for (size_t i = 0; i < call->peppers->n; i++) {
		struct lk_digest digest;
		struct lk_bytes value;
		struct lk_status st;
		struct lk_row row;

		lk_digest_make(&call->peppers->items[i], lk_call_realm_name(call),
			lk_bytes_of(text), &digest);
		row = lk_row_of_import(digest.bytes);
		st = lk_txn_get(txn, lk_row_bytes(&row), &value);
		if (st.code == LK_OK)
			return LK_ERR(LK_ALREADY_EXISTS, "the key came in before");
		if (st.code != LK_NOT_FOUND)
			return st;
	}
	return LK_SUCCESS;
}

static struct lk_status put(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_digest *digest, struct lk_key_record *record, struct lk_key_view *view_out)
{
	struct lk_row row = lk_row_of_import(digest->bytes);

	lk_key_id_make(call->now, &record->id);
	record->current.number = 1;
	record->current.pepper_id = call->peppers->items[0].id;
	record->current.created_ms = call->now;
	memcpy(record->current.digest, digest->bytes, sizeof record->current.digest);
	LK_TRY(lk_rows_put_empty(txn, &row));
	return lk_keys_put_new(call, txn, record, view_out);
}

struct lk_status lk_keys_import(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_import *import, struct lk_key_view *view_out)
{
	char text[PLAINTEXT_MAX + 1], hint[HINT_OF_PLAINTEXT + 1];
	struct lk_key_record record;
	struct lk_digest digest;
	struct lk_status st;

	LK_TRY(check(call, import));
	LK_TRY(lk_keys_fill(call, txn, &import->spec, &record));
	make_text(call, import, text);
	snprintf(hint, sizeof hint, "%s", import->plaintext != NULL ? import->plaintext : "");
	record.current.hint = lk_bytes_of(import->hint[0] != '\0' ? import->hint : hint);
	st = check_new(call, txn, text);
	if (st.code == LK_OK)
		st = lk_keys_check_limit(call, txn, &record);
	lk_digest_make(
		&call->peppers->items[0], lk_call_realm_name(call), lk_bytes_of(text), &digest);
	if (st.code == LK_OK && !import->validate_only)
		st = put(call, txn, &digest, &record, view_out);
	lk_wipe(text, sizeof text);
	return st;
}
