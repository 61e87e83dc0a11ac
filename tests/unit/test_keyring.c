/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/core/keyring.h"
#include "server/store/store_mem.h"
#include "tests/support/check.h"
#include "tests/support/fault.h"

#define NOW ((lk_time_ms)1767225600000) /* 2026-01-01T00:00:00Z */
#define ACCESS_TTL_MS 600000
#define KEEP_MS (ACCESS_TTL_MS + LK_SIGNER_LEEWAY_MS)

static struct lk_store *store;
static struct lk_txn *txn;
static struct lk_arena arena;
static struct lk_realm realm;
static struct lk_peppers peppers;
static struct lk_core_call call;
static struct lk_signing_key_view view;

static int set_up(void **state_)
{
	struct lk_store *inner;

	CHECK_OK(lk_crypto_init());
	CHECK_OK(lk_store_mem_open(&inner));
	store = fault_store_new(inner);
	CHECK(store != NULL);
	CHECK_OK(lk_txn_new(store, &txn));
	lk_arena_init(&arena, (size_t)1024 * 1024);
	peppers = (struct lk_peppers) { .items = { { 1, { 42 } } }, .n = 1 };
	realm = (struct lk_realm) { .name = "crm",
		.sessions = { .token = LK_TOKEN_EDDSA, .access_ttl_ms = ACCESS_TTL_MS } };
	call = (struct lk_core_call) {
		.realm = &realm, .peppers = &peppers, .arena = &arena, .now = NOW
	};
	return 0;
}

static int tear_down(void **state_)
{
	lk_txn_free(txn);
	lk_arena_fini(&arena);
	lk_store_close(store);
	return 0;
}

static struct lk_status commit(struct lk_status st)
{
	uint64_t seq;

	if (st.code == LK_OK)
		st = lk_txn_commit(txn, &seq);
	lk_txn_reset(txn);
	return st;
}

static struct lk_status rotate(void)
{
	return commit(lk_keyring_rotate(&call, txn, &view));
}

static struct lk_status ensure(void)
{
	return commit(lk_keyring_ensure(&call, txn));
}

static struct lk_status retire(const char *kid)
{
	return commit(lk_keyring_retire(&call, txn, kid));
}

struct loaded {
	struct lk_keyring keyring;
	struct lk_status st;
};

static bool load_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct loaded *loaded = arg;
	struct lk_signing_key_record record;

	loaded->st = lk_signing_key_record_decode(value, &arena, &record);
	if (loaded->st.code == LK_OK)
		loaded->st = lk_keyring_add(&loaded->keyring, &peppers, &record);
	return loaded->st.code == LK_OK;
}

static struct lk_status load(struct lk_keyring *keyring_out)
{
	struct lk_row range = lk_row_of_signing_key(lk_bytes_of(realm.name), NULL);
	struct loaded loaded = { .keyring = { 0 } };

	CHECK_OK(lk_store_scan(store, lk_row_bytes(&range), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		load_row, &loaded));
	*keyring_out = loaded.keyring;
	return loaded.st;
}

/* As the index has it. */
static struct lk_keyring keyring_now(void)
{
	struct lk_keyring keyring;

	CHECK_OK(load(&keyring));
	return keyring;
}

static struct lk_row row_of(const char *kid)
{
	struct lk_key_id id;

	CHECK(lk_id_parse(LK_ID_SIGNING_KEY, lk_bytes_of(kid), &id));
	return lk_row_of_signing_key(lk_bytes_of(realm.name), &id);
}

static struct lk_status sweep(const char *kid, lk_time_ms now)
{
	struct lk_row row = row_of(kid);

	return commit(lk_keyring_sweep(NULL, txn, lk_row_bytes(&row), now));
}

TEST(a_new_realm_gets_one_key_that_signs)
{
	struct lk_keyring keyring;

	CHECK(lk_keyring_signer(&(struct lk_keyring) { 0 }) == NULL);
	CHECK_OK(ensure());
	CHECK_OK(ensure());
	keyring = keyring_now();
	CHECK_EQ(keyring.n, 1);
	CHECK(lk_keyring_signer(&keyring) == &keyring.signers[0]);
	CHECK_EQ(keyring.signers[0].key.algorithm, LK_SIGN_EDDSA);
	CHECK_EQ(keyring.signers[0].created_ms, NOW);
	CHECK_EQ(strncmp(keyring.signers[0].kid, "sig_", 4), 0);
}

TEST(a_realm_whose_tokens_are_not_signed_has_no_keys)
{
	realm.sessions.token = LK_TOKEN_OPAQUE;
	CHECK_OK(ensure());
	CHECK_CODE(rotate(), LK_FAILED_PRECONDITION);
	CHECK_EQ(keyring_now().n, 0);
}

TEST(after_a_rotation_the_new_key_signs_and_the_former_verifies_until_its_tokens_expire)
{
	struct lk_keyring keyring;
	char former[LK_ID_TEXT_SIZE];

	CHECK_OK(rotate());
	CHECK_EQ(view.algorithm, LK_SIGN_EDDSA);
	CHECK_EQ(view.created_ms, NOW);
	CHECK_EQ(view.expires_ms, 0);
	memcpy(former, view.kid, sizeof former);
	call.now = NOW + 5;
	CHECK_OK(rotate());
	keyring = keyring_now();
	CHECK_EQ(keyring.n, 2);
	CHECK_STR(keyring.signers[0].kid, view.kid);
	CHECK_STR(lk_keyring_signer(&keyring)->kid, view.kid);
	CHECK_EQ(keyring.signers[0].expires_ms, INT64_MAX);
	CHECK_STR(keyring.signers[1].kid, former);
	CHECK_EQ(keyring.signers[1].expires_ms, NOW + 5 + KEEP_MS);
}

TEST(a_realm_that_changes_its_algorithm_gets_another_key)
{
	struct lk_keyring keyring;

	CHECK_OK(ensure());
	realm.sessions.token = LK_TOKEN_HS256;
	call.now = NOW + 5;
	CHECK_OK(ensure());
	CHECK_OK(ensure());
	keyring = keyring_now();
	CHECK_EQ(keyring.n, 2);
	CHECK_EQ(lk_keyring_signer(&keyring)->key.algorithm, LK_SIGN_HS256);
	CHECK_EQ(keyring.signers[1].expires_ms, NOW + 5 + KEEP_MS);
}

TEST(a_realm_has_no_more_keys_than_its_keyring_takes)
{
	char first[LK_ID_TEXT_SIZE];

	CHECK_OK(rotate());
	memcpy(first, view.kid, sizeof first);
	for (size_t i = 1; i < LK_SIGNERS_MAX; i++)
		CHECK_OK(rotate());
	CHECK_CODE(rotate(), LK_RESOURCE_EXHAUSTED);
	CHECK_OK(retire(first));
	CHECK_OK(rotate());
	CHECK_CODE(rotate(), LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(keyring_now().n, LK_SIGNERS_MAX);
}

TEST(a_key_that_verifies_no_more_takes_nobodys_place)
{
	for (size_t i = 0; i < LK_SIGNERS_MAX; i++)
		CHECK_OK(rotate());
	call.now = NOW + KEEP_MS - 1;
	CHECK_CODE(rotate(), LK_RESOURCE_EXHAUSTED);
	call.now = NOW + KEEP_MS;
	CHECK_OK(rotate());
	CHECK_EQ(keyring_now().n, 2);
}

TEST(a_key_is_retired_unless_it_signs)
{
	struct lk_keyring keyring;
	char former[LK_ID_TEXT_SIZE];

	CHECK_OK(rotate());
	memcpy(former, view.kid, sizeof former);
	CHECK_CODE(retire(view.kid), LK_FAILED_PRECONDITION);
	CHECK_OK(rotate());
	CHECK_CODE(retire(view.kid), LK_FAILED_PRECONDITION);
	CHECK_OK(retire(former));
	CHECK_CODE(retire(former), LK_NOT_FOUND);
	keyring = keyring_now();
	CHECK_EQ(keyring.n, 1);
	CHECK_STR(keyring.signers[0].kid, view.kid);
}

TEST(a_key_that_is_none_is_not_found)
{
	static const char *const kids[] = { "", "sig_", "sig_0000000000000000000000",
		"key_0000000000000000000000", "sig_zzzzzzzzzzzzzzzzzzzzzz" };

	for (size_t i = 0; i < LK_COUNT(kids); i++)
		CHECK_CODE(retire(kids[i]), LK_NOT_FOUND);
}

TEST(a_key_of_another_realm_is_not_found)
{
	char former[LK_ID_TEXT_SIZE];

	CHECK_OK(rotate());
	memcpy(former, view.kid, sizeof former);
	CHECK_OK(rotate());
	snprintf(realm.name, sizeof realm.name, "cr");
	CHECK_CODE(retire(former), LK_NOT_FOUND);
	CHECK_EQ(keyring_now().n, 0);
	CHECK_OK(ensure());
	CHECK_EQ(keyring_now().n, 1);
	snprintf(realm.name, sizeof realm.name, "crm");
	CHECK_EQ(keyring_now().n, 2);
}

TEST(the_sweeper_deletes_a_key_that_verifies_no_more)
{
	char former[LK_ID_TEXT_SIZE];

	CHECK_OK(rotate());
	memcpy(former, view.kid, sizeof former);
	CHECK_OK(rotate());
	CHECK_OK(sweep(former, NOW + KEEP_MS - 1));
	CHECK_EQ(keyring_now().n, 2);
	CHECK_OK(sweep(former, NOW + KEEP_MS));
	CHECK_OK(sweep(former, NOW + KEEP_MS));
	CHECK_OK(sweep(view.kid, INT64_MAX));
	CHECK_EQ(keyring_now().n, 1);
	CHECK_CODE(
		lk_keyring_sweep(NULL, txn, lk_bytes_of("k/3crm"), INT64_MAX), LK_INVALID_ARGUMENT);
}

static bool find_entry(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct lk_row expected = row_of(arg);
	struct lk_bytes row;
	lk_time_ms due;

	CHECK(lk_row_read_expiry(key, &due, &row));
	CHECK(row.n == expected.n && memcmp(row.data, expected.data, row.n) == 0);
	CHECK(due >= NOW + KEEP_MS && due < NOW + KEEP_MS + 60000);
	memset(arg, 0, LK_ID_TEXT_SIZE);
	return true;
}

TEST(the_sweeper_is_told_when_to_look)
{
	struct lk_row range = lk_row_of_expiries();
	char former[LK_ID_TEXT_SIZE];

	CHECK_OK(rotate());
	memcpy(former, view.kid, sizeof former);
	CHECK_OK(rotate());
	CHECK_OK(lk_store_scan(store, lk_row_bytes(&range), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		find_entry, former));
	CHECK_STR(former, "");
}

/* --- what is stored --- */

static bool read_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	CHECK_OK(lk_signing_key_record_decode(value, &arena, arg));
	return true;
}

static struct lk_signing_key_record stored_record(void)
{
	struct lk_row range = lk_row_of_signing_key(lk_bytes_of(realm.name), NULL);
	struct lk_signing_key_record record;

	CHECK_OK(rotate());
	CHECK_OK(lk_store_scan(store, lk_row_bytes(&range), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		read_row, &record));
	return record;
}

TEST(the_store_has_no_seed_in_the_clear)
{
	struct lk_signing_key_record record = stored_record();
	struct lk_keyring keyring = keyring_now();

	CHECK(memmem(record.sealed.data, record.sealed.n, keyring.signers[0].key.seed,
		      LK_SIGN_SEED_SIZE) == NULL);
	CHECK_EQ(record.pepper_id, 1);
}

TEST(a_key_opens_only_under_its_pepper_and_in_its_place)
{
	struct lk_signing_key_record record = stored_record(), changed;
	struct lk_keyring keyring = { 0 };
	uint8_t sealed[128];

	CHECK_OK(lk_keyring_add(&keyring, &peppers, &record));
	keyring.n = 0;
	changed = record;
	changed.realm = lk_bytes_of("crn");
	CHECK_CODE(lk_keyring_add(&keyring, &peppers, &changed), LK_DATA_LOSS);
	changed = record;
	changed.id.bytes[15] ^= 1;
	CHECK_CODE(lk_keyring_add(&keyring, &peppers, &changed), LK_DATA_LOSS);
	changed = record;
	changed.pepper_id = 2;
	CHECK_CODE(lk_keyring_add(&keyring, &peppers, &changed), LK_DATA_LOSS);
	changed = record;
	changed.algorithm = 3;
	CHECK_CODE(lk_keyring_add(&keyring, &peppers, &changed), LK_DATA_LOSS);
	memcpy(sealed, record.sealed.data, record.sealed.n);
	changed = record;
	for (changed.sealed.n = 0; changed.sealed.n < sizeof sealed; changed.sealed.n++) {
		changed.sealed.data = sealed;
		CHECK_EQ(lk_keyring_add(&keyring, &peppers, &changed).code,
			changed.sealed.n == record.sealed.n ? LK_OK : LK_DATA_LOSS);
		keyring.n = 0;
	}
	peppers.items[0].key[0] ^= 1;
	CHECK_CODE(lk_keyring_add(&keyring, &peppers, &record), LK_DATA_LOSS);
	CHECK_EQ(keyring.n, 0);
}

TEST(new_keys_lie_under_the_newest_pepper_and_older_ones_still_open)
{
	CHECK_OK(rotate());
	peppers = (struct lk_peppers) { .items = { { 2, { 43 } }, { 1, { 42 } } }, .n = 2 };
	CHECK_OK(rotate());
	CHECK_EQ(keyring_now().n, 2);
	peppers.n = 1;
	CHECK_CODE(load(&(struct lk_keyring) { 0 }), LK_DATA_LOSS);
}

/* --- the keyring --- */

TEST(a_keyring_is_ordered_and_holds_a_key_once)
{
	struct lk_keyring loaded, keyring = { 0 };
	struct lk_signing_key_record record = stored_record(), later;

	call.now = NOW + 5;
	CHECK_OK(rotate());
	loaded = keyring_now();
	CHECK_OK(lk_keyring_add(&keyring, &peppers, &record));
	CHECK_OK(lk_keyring_add(&keyring, &peppers, &record));
	CHECK_EQ(keyring.n, 1);
	later = record;
	later.expires_ms = NOW + 9;
	CHECK_OK(lk_keyring_add(&keyring, &peppers, &later));
	CHECK_EQ(keyring.n, 1);
	CHECK(lk_keyring_signer(&keyring) == NULL);
	CHECK_OK(lk_keyring_add(&loaded, &peppers, &later));
	CHECK_EQ(loaded.n, 2);
	CHECK_STR(loaded.signers[0].kid, view.kid);
	CHECK_EQ(loaded.signers[1].expires_ms, NOW + 9);
}

TEST(a_key_that_is_taken_out_leaves_nothing_of_its_secret)
{
	static const struct lk_signer nothing;
	struct lk_keyring keyring;
	struct lk_key_id id;

	CHECK_OK(rotate());
	CHECK_OK(rotate());
	keyring = keyring_now();
	id = keyring.signers[0].id;
	CHECK(lk_keyring_remove(&keyring, &id));
	CHECK(!lk_keyring_remove(&keyring, &id));
	CHECK_EQ(keyring.n, 1);
	CHECK_MEM(&keyring.signers[1], &nothing, sizeof nothing);
	CHECK(memcmp(&keyring.signers[0].id, &id, sizeof id) != 0);
}

TEST(a_keyring_takes_no_key_too_many)
{
	struct lk_signing_key_record record = stored_record();
	struct lk_keyring keyring;

	for (size_t i = 0; i < LK_SIGNERS_MAX; i++) {
		keyring = keyring_now();
		if (keyring.n < LK_SIGNERS_MAX)
			CHECK_OK(rotate());
	}
	CHECK_EQ(keyring.n, LK_SIGNERS_MAX);
	CHECK_OK(lk_keyring_add(&keyring, &peppers, &record));
	CHECK_EQ(keyring.n, LK_SIGNERS_MAX);
	keyring.signers[LK_SIGNERS_MAX - 1].id.bytes[0] ^= 1;
	for (size_t i = 0; i < LK_SIGNERS_MAX; i++)
		keyring.signers[i].id.bytes[1] ^= 1;
	CHECK_CODE(lk_keyring_add(&keyring, &peppers, &record), LK_DATA_LOSS);
	CHECK_EQ(keyring.n, LK_SIGNERS_MAX);
}

/* --- public keys --- */

static const char *jwks_at(const struct lk_keyring *keyring, lk_time_ms now)
{
	const char *text;

	CHECK_OK(lk_keyring_jwks(keyring, now, &arena, &text));
	return text;
}

TEST(the_public_keys_are_a_jwk_set)
{
	struct lk_keyring keyring;
	char expected[512], x[44] = { 0 };

	CHECK_STR(jwks_at(&(struct lk_keyring) { 0 }, NOW), "{\"keys\":[]}");
	CHECK_OK(rotate());
	keyring = keyring_now();
	lk_base64url_encode(
		(struct lk_bytes) { keyring.signers[0].key.public_key, LK_SIGN_PUBLIC_SIZE }, x);
	snprintf(expected, sizeof expected,
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\","
		"\"alg\":\"EdDSA\",\"kid\":\"%s\",\"x\":\"%s\"}]}",
		view.kid, x);
	CHECK_STR(jwks_at(&keyring, NOW), expected);
}

TEST(a_key_is_public_until_it_verifies_no_more)
{
	struct lk_keyring keyring;

	CHECK_OK(rotate());
	CHECK_OK(rotate());
	keyring = keyring_now();
	CHECK(strstr(jwks_at(&keyring, NOW + KEEP_MS - 1), "},{") != NULL);
	CHECK(strstr(jwks_at(&keyring, NOW + KEEP_MS), "},{") == NULL);
	CHECK(strstr(jwks_at(&keyring, NOW + KEEP_MS), view.kid) != NULL);
}

TEST(nothing_of_a_symmetric_key_is_public)
{
	struct lk_keyring keyring;

	realm.sessions.token = LK_TOKEN_HS256;
	CHECK_OK(rotate());
	keyring = keyring_now();
	CHECK_STR(jwks_at(&keyring, NOW), "{\"keys\":[]}");
}

TEST(a_full_keyring_fits_into_a_jwk_set_and_a_full_arena_is_told)
{
	struct lk_keyring keyring;
	struct lk_arena none;
	const char *text;

	for (size_t i = 0; i < LK_SIGNERS_MAX; i++)
		CHECK_OK(rotate());
	keyring = keyring_now();
	text = jwks_at(&keyring, NOW);
	CHECK_EQ(text[strlen(text) - 1], '}');
	lk_arena_init(&none, 16);
	CHECK_CODE(lk_keyring_jwks(&keyring, NOW, &none, &text), LK_RESOURCE_EXHAUSTED);
	lk_arena_fini(&none);
}

/* --- faults --- */

TEST(a_rotation_that_fails_anywhere_changes_nothing)
{
	char former[LK_ID_TEXT_SIZE];
	bool fired = true;

	CHECK_OK(rotate());
	memcpy(former, view.kid, sizeof former);
	for (unsigned long n = 1; fired; n++) {
		struct lk_keyring keyring;
		struct lk_status st;

		fault_store_fail_nth(store, n);
		st = lk_keyring_rotate(&call, txn, &view);
		fired = fault_store_fail_nth(store, 0);
		CHECK_EQ(st.code, fired ? LK_UNAVAILABLE : LK_OK);
		lk_txn_reset(txn);
		keyring = keyring_now();
		CHECK_EQ(keyring.n, 1);
		CHECK_STR(lk_keyring_signer(&keyring)->kid, former);
	}
}

#define RUN_FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(a_new_realm_gets_one_key_that_signs),
		RUN_FRESH(a_realm_whose_tokens_are_not_signed_has_no_keys),
		RUN_FRESH(
			after_a_rotation_the_new_key_signs_and_the_former_verifies_until_its_tokens_expire),
		RUN_FRESH(a_realm_that_changes_its_algorithm_gets_another_key),
		RUN_FRESH(a_realm_has_no_more_keys_than_its_keyring_takes),
		RUN_FRESH(a_key_that_verifies_no_more_takes_nobodys_place),
		RUN_FRESH(a_key_is_retired_unless_it_signs),
		RUN_FRESH(a_key_that_is_none_is_not_found),
		RUN_FRESH(a_key_of_another_realm_is_not_found),
		RUN_FRESH(the_sweeper_deletes_a_key_that_verifies_no_more),
		RUN_FRESH(the_sweeper_is_told_when_to_look),
		RUN_FRESH(the_store_has_no_seed_in_the_clear),
		RUN_FRESH(a_key_opens_only_under_its_pepper_and_in_its_place),
		RUN_FRESH(new_keys_lie_under_the_newest_pepper_and_older_ones_still_open),
		RUN_FRESH(a_keyring_is_ordered_and_holds_a_key_once),
		RUN_FRESH(a_key_that_is_taken_out_leaves_nothing_of_its_secret),
		RUN_FRESH(a_keyring_takes_no_key_too_many),
		RUN_FRESH(the_public_keys_are_a_jwk_set),
		RUN_FRESH(a_key_is_public_until_it_verifies_no_more),
		RUN_FRESH(nothing_of_a_symmetric_key_is_public),
		RUN_FRESH(a_full_keyring_fits_into_a_jwk_set_and_a_full_arena_is_told),
		RUN_FRESH(a_rotation_that_fails_anywhere_changes_nothing),
	};

	return RUN_ALL(tests);
}
