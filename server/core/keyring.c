/* SPDX-License-Identifier: MIT */
#include "server/core/keyring.h"

#include <assert.h>
#include <stdio.h>

#include "server/crypto/seal.h"

#define SEALED_SIZE (LK_SIGN_SEED_SIZE + LK_SEAL_OVERHEAD)
#define SWEEP_ARENA_MAX ((size_t)64 * 1024)

/* {"alg":"EdDSA","typ":"at+jwt","kid":"<kid>"} */
#define HEADER_TEXT_SIZE 80
_Static_assert(LK_BASE64URL_SIZE(HEADER_TEXT_SIZE) <= LK_TOKEN_HEADER_SIZE, "a header fits");

/* One key of a set, its comma included. */
#define JWK_SIZE 192

static struct lk_seal_key seal_key_of(const struct lk_pepper *pepper, const struct lk_row *row)
{
	return (struct lk_seal_key) {
		.pepper = pepper, .purpose = "signing key", .context = lk_row_bytes(row)
	};
}

/* --- the keyring --- */

static void write_header(struct lk_signer *signer)
{
	char text[HEADER_TEXT_SIZE];
	int n = snprintf(text, sizeof text, "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		lk_sign_algorithm_name(signer->key.algorithm), signer->kid);

	assert(n > 0 && n < (int)sizeof text);
	signer->header_n = lk_base64url_encode(
		(struct lk_bytes) { (const uint8_t *)text, (size_t)n }, signer->header);
}

static struct lk_status open_seed(const struct lk_peppers *peppers,
	const struct lk_signing_key_record *record, uint8_t seed_out[LK_SIGN_SEED_SIZE])
{
	const struct lk_pepper *pepper = lk_peppers_find(peppers, record->pepper_id);
	struct lk_row row = lk_row_of_signing_key(record->realm, &record->id);
	struct lk_seal_key key = seal_key_of(pepper, &row);

	if (pepper == NULL)
		return LK_ERR(LK_DATA_LOSS, "a signing key lies under a pepper that is not there");
	if (record->sealed.n != SEALED_SIZE || !lk_unseal(&key, record->sealed, seed_out))
		return LK_ERR(LK_DATA_LOSS, "a signing key cannot be opened");
	return LK_SUCCESS;
}

static int compare_ids(const struct lk_key_id *a, const struct lk_key_id *b)
{
	return lk_store_compare((struct lk_bytes) { a->bytes, sizeof a->bytes },
		(struct lk_bytes) { b->bytes, sizeof b->bytes });
}

/* Newest first. Ids of one millisecond are in no order; any will do. */
static bool is_newer(const struct lk_signer *signer, const struct lk_signing_key_record *record)
{
	return signer->created_ms > record->created_ms ||
	       (signer->created_ms == record->created_ms &&
		       compare_ids(&signer->id, &record->id) > 0);
}

struct lk_status lk_keyring_add(struct lk_keyring *keyring, const struct lk_peppers *peppers,
	const struct lk_signing_key_record *record)
{
	uint8_t seed[LK_SIGN_SEED_SIZE];
	struct lk_signer *signer;
	size_t at = 0;

	if (record->algorithm != LK_SIGN_EDDSA && record->algorithm != LK_SIGN_HS256)
		return LK_ERR(LK_DATA_LOSS, "a signing key is for no known algorithm");
	LK_TRY(open_seed(peppers, record, seed));
	lk_keyring_remove(keyring, &record->id);
	if (keyring->n == LK_SIGNERS_MAX) {
		lk_wipe(seed, sizeof seed);
		return LK_ERR(LK_DATA_LOSS, "a realm has too many signing keys");
	}
	while (at < keyring->n && is_newer(&keyring->signers[at], record))
		at++;
	signer = &keyring->signers[at];
	memmove(signer + 1, signer, (keyring->n - at) * sizeof *signer);
	keyring->n++;
	*signer = (struct lk_signer) { .id = record->id,
		.created_ms = record->created_ms,
		.expires_ms = record->expires_ms != 0 ? record->expires_ms : INT64_MAX };
	lk_id_format(LK_ID_SIGNING_KEY, &signer->id, signer->kid);
	lk_sign_key_derive((enum lk_sign_algorithm)record->algorithm, seed, &signer->key);
	write_header(signer);
	lk_wipe(seed, sizeof seed);
	return LK_SUCCESS;
}

bool lk_keyring_remove(struct lk_keyring *keyring, const struct lk_key_id *id)
{
	for (size_t i = 0; i < keyring->n; i++) {
		struct lk_signer *signer = &keyring->signers[i];

		if (compare_ids(&signer->id, id) != 0)
			continue;
		keyring->n--;
		memmove(signer, signer + 1, (keyring->n - i) * sizeof *signer);
		lk_wipe(&keyring->signers[keyring->n], sizeof *signer);
		return true;
	}
	return false;
}

const struct lk_signer *lk_keyring_signer(const struct lk_keyring *keyring)
{
	for (size_t i = 0; i < keyring->n; i++)
		if (keyring->signers[i].expires_ms == INT64_MAX)
			return &keyring->signers[i];
	return NULL;
}

static size_t write_jwk(const struct lk_signer *signer, const char *before, char *out)
{
	char x[LK_BASE64URL_SIZE(LK_SIGN_PUBLIC_SIZE) + 1] = { 0 };
	int n;

	lk_base64url_encode((struct lk_bytes) { signer->key.public_key, LK_SIGN_PUBLIC_SIZE }, x);
	n = snprintf(out, JWK_SIZE,
		"%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\","
		"\"kid\":\"%s\",\"x\":\"%s\"}",
		before, signer->kid, x);
	assert(n > 0 && n < JWK_SIZE);
	return (size_t)n;
}

struct lk_status lk_keyring_jwks(const struct lk_keyring *keyring, lk_time_ms now,
	struct lk_arena *arena, const char **text_out)
{
	static const char opening[] = "{\"keys\":[", closing[] = "]}";
	char *text = lk_arena_alloc(arena, sizeof opening + keyring->n * JWK_SIZE + sizeof closing);
	char *at;

	if (text == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	memcpy(text, opening, sizeof opening);
	at = text + sizeof opening - 1;
	for (size_t i = 0; i < keyring->n; i++) {
		const struct lk_signer *signer = &keyring->signers[i];

		/* Of a symmetric key nothing is public. */
		if (signer->key.algorithm == LK_SIGN_EDDSA && signer->expires_ms > now)
			at += write_jwk(signer, at[-1] == '}' ? "," : "", at);
	}
	memcpy(at, closing, sizeof closing);
	*text_out = text;
	return LK_SUCCESS;
}

/* --- changes --- */

/* The stored keys of a realm. */
struct stored {
	struct lk_signing_key_record records[LK_SIGNERS_MAX];
	size_t n;
};

static struct lk_bytes realm_of(const struct lk_core_call *call)
{
	return lk_bytes_of(call->realm->name);
}

static struct lk_row row_of(const struct lk_core_call *call, const struct lk_key_id *id)
{
	return lk_row_of_signing_key(realm_of(call), id);
}

/* 0: the realm's access tokens are not signed. */
static enum lk_sign_algorithm algorithm_of(const struct lk_core_call *call)
{
	switch (call->realm->sessions.token) {
	case LK_TOKEN_OPAQUE:
		break;
	case LK_TOKEN_EDDSA:
		return LK_SIGN_EDDSA;
	case LK_TOKEN_HS256:
		return LK_SIGN_HS256;
	}
	return 0;
}

/* Collects ids; what a scan sees is no condition of the transaction, so each is read again. */
static bool collect(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct stored *stored = arg;
	struct lk_bytes realm;

	(void)value;
	(void)seq;
	if (lk_row_read_id(key, LK_ROW_SIGNING_KEY, &realm, &stored->records[stored->n].id))
		stored->n++;
	return stored->n < LK_SIGNERS_MAX;
}

static struct lk_status read_record(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, struct lk_signing_key_record *record_out)
{
	struct lk_row row = row_of(call, id);
	struct lk_bytes value;

	LK_TRY(lk_txn_get(txn, lk_row_bytes(&row), &value));
	return lk_signing_key_record_decode(value, call->arena, record_out);
}

static struct lk_status read_stored(
	const struct lk_core_call *call, struct lk_txn *txn, struct stored *stored_out)
{
	struct lk_row range = lk_row_of_signing_key(realm_of(call), NULL);

	stored_out->n = 0;
	LK_TRY(lk_txn_scan(txn, lk_row_bytes(&range), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		collect, stored_out));
	for (size_t i = 0; i < stored_out->n; i++)
		LK_TRY(read_record(call, txn, &stored_out->records[i].id, &stored_out->records[i]));
	return LK_SUCCESS;
}

static struct lk_status put_record(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_signing_key_record *record)
{
	struct lk_row row = row_of(call, &record->id);
	struct lk_bytes value;

	LK_TRY(lk_signing_key_record_encode(record, call->arena, &value));
	return lk_txn_put(txn, lk_row_bytes(&row), value, true);
}

/* From now on the key only verifies, until the last of its tokens has expired. */
static struct lk_status stop_signing(
	const struct lk_core_call *call, struct lk_txn *txn, struct lk_signing_key_record *record)
{
	struct lk_row row = row_of(call, &record->id);
	struct lk_row entry;

	record->expires_ms = call->now + call->realm->sessions.access_ttl_ms + LK_SIGNER_LEEWAY_MS;
	entry = lk_row_of_expiry(record->expires_ms, lk_row_bytes(&row));
	LK_TRY(put_record(call, txn, record));
	return lk_txn_put(txn, lk_row_bytes(&entry), (struct lk_bytes) { NULL, 0 }, false);
}

/* Deletes what is over, so that it takes nobody's place; stops what signs. */
static struct lk_status settle_stored(
	const struct lk_core_call *call, struct lk_txn *txn, struct stored *stored)
{
	size_t verifying = 0;

	for (size_t i = 0; i < stored->n; i++) {
		struct lk_signing_key_record *record = &stored->records[i];
		struct lk_row row = row_of(call, &record->id);

		if (record->expires_ms != 0 && record->expires_ms <= call->now)
			LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), true));
		else
			verifying++;
	}
	if (verifying == LK_SIGNERS_MAX)
		return LK_ERR(LK_RESOURCE_EXHAUSTED,
			"the realm has as many signing keys as it may: retire one first");
	for (size_t i = 0; i < stored->n; i++)
		if (stored->records[i].expires_ms == 0)
			LK_TRY(stop_signing(call, txn, &stored->records[i]));
	return LK_SUCCESS;
}

static struct lk_status put_new(const struct lk_core_call *call, struct lk_txn *txn,
	enum lk_sign_algorithm algorithm, struct lk_signing_key_view *view_out)
{
	uint8_t seed[LK_SIGN_SEED_SIZE], sealed[SEALED_SIZE];
	struct lk_signing_key_record record = { .realm = realm_of(call),
		.algorithm = algorithm,
		.sealed = { sealed, sizeof sealed },
		.pepper_id = call->peppers->items[0].id,
		.created_ms = call->now };
	struct lk_seal_key key;
	struct lk_row row;

	lk_key_id_make(call->now, &record.id);
	row = row_of(call, &record.id);
	key = seal_key_of(&call->peppers->items[0], &row);
	lk_random(seed, sizeof seed);
	lk_seal(&key, (struct lk_bytes) { seed, sizeof seed }, sealed);
	lk_wipe(seed, sizeof seed);
	LK_TRY(put_record(call, txn, &record));
	*view_out = (struct lk_signing_key_view) { .algorithm = algorithm,
		.created_ms = record.created_ms };
	lk_id_format(LK_ID_SIGNING_KEY, &record.id, view_out->kid);
	return LK_SUCCESS;
}

struct lk_status lk_keyring_rotate(
	const struct lk_core_call *call, struct lk_txn *txn, struct lk_signing_key_view *view_out)
{
	enum lk_sign_algorithm algorithm = algorithm_of(call);
	struct stored stored;

	if (algorithm == 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the realm's access tokens are not signed");
	LK_TRY(read_stored(call, txn, &stored));
	LK_TRY(settle_stored(call, txn, &stored));
	return put_new(call, txn, algorithm, view_out);
}

struct lk_status lk_keyring_ensure(const struct lk_core_call *call, struct lk_txn *txn)
{
	enum lk_sign_algorithm algorithm = algorithm_of(call);
	struct lk_signing_key_view view;
	struct stored stored;

	if (algorithm == 0)
		return LK_SUCCESS;
	LK_TRY(read_stored(call, txn, &stored));
	for (size_t i = 0; i < stored.n; i++)
		if (stored.records[i].expires_ms == 0 && stored.records[i].algorithm == algorithm)
			return LK_SUCCESS;
	LK_TRY(settle_stored(call, txn, &stored));
	return put_new(call, txn, algorithm, &view);
}

struct lk_status lk_keyring_retire(
	const struct lk_core_call *call, struct lk_txn *txn, const char *kid)
{
	struct lk_status not_found = LK_ERR(LK_NOT_FOUND, "there is no such signing key");
	struct lk_signing_key_record record;
	struct lk_status st;
	struct lk_key_id id;
	struct lk_row row;

	if (!lk_id_parse(LK_ID_SIGNING_KEY, lk_bytes_of(kid), &id))
		return not_found;
	st = read_record(call, txn, &id, &record);
	if (st.code == LK_NOT_FOUND)
		return not_found;
	LK_TRY(st);
	if (record.expires_ms == 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the key signs: rotate first");
	row = row_of(call, &id);
	return lk_txn_delete(txn, lk_row_bytes(&row), true);
}

struct lk_status lk_keyring_sweep(
	void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now)
{
	struct lk_signing_key_record record;
	struct lk_arena arena;
	struct lk_bytes realm;
	struct lk_bytes value;
	struct lk_status st;
	struct lk_key_id id;

	(void)arg;
	if (!lk_row_read_id(row, LK_ROW_SIGNING_KEY, &realm, &id))
		return LK_ERR(LK_INVALID_ARGUMENT, "not the row of a signing key");
	st = lk_txn_get(txn, row, &value);
	if (st.code == LK_NOT_FOUND)
		return LK_SUCCESS;
	LK_TRY(st);
	lk_arena_init(&arena, SWEEP_ARENA_MAX);
	st = lk_signing_key_record_decode(value, &arena, &record);
	if (st.code == LK_OK && record.expires_ms != 0 && record.expires_ms <= now)
		st = lk_txn_delete(txn, row, true);
	lk_arena_fini(&arena);
	return st;
}
