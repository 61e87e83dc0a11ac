/* SPDX-License-Identifier: MIT */
#include "server/store/record.h"
#include "tests/store/words.h"
#include "tests/support/check.h"

#define ARENA_MAX ((size_t)256 * 1024)

/* --- records --- */

static const struct lk_bytes scopes[] = { { (const uint8_t *)"records.read", 12 },
	{ (const uint8_t *)"*", 1 } };
static const struct lk_text_pair pairs[] = { { { (const uint8_t *)"team", 4 },
	{ (const uint8_t *)"\0\xff", 2 } } };

static struct lk_key_record sample(void)
{
	struct lk_key_record record = {
		.id = { "0123456789abcdef" },
		.realm = bytes_of("basicsos"),
		.name = bytes_of("ci \xff not UTF-8"),
		.user_id = bytes_of("user-1"),
		.scopes = { scopes, 2 },
		.networks = { scopes, 1 },
		.metadata = { pairs, 1 },
		.enabled = true,
		.created_ms = 1700000000000,
		.expires_ms = -1,
		.revoked_ms = 1,
		.revocation_reason = 3,
		.revocation_comment = bytes_of("left"),
		.current = { .number = 2,
			.pepper_id = 7,
			.hint = bytes_of("abcd"),
			.created_ms = 5 },
	};

	memset(record.current.digest, 0xa5, sizeof record.current.digest);
	return record;
}

static void check_bytes(struct lk_bytes actual, struct lk_bytes expected)
{
	CHECK_EQ(actual.n, expected.n);
	if (actual.n > 0)
		CHECK_MEM(actual.data, expected.data, actual.n);
}

static void check_secret(
	const struct lk_secret_record *actual, const struct lk_secret_record *expected)
{
	CHECK_EQ(actual->number, expected->number);
	CHECK_MEM(actual->digest, expected->digest, sizeof actual->digest);
	CHECK_EQ(actual->pepper_id, expected->pepper_id);
	check_bytes(actual->hint, expected->hint);
	CHECK_EQ(actual->created_ms, expected->created_ms);
	CHECK_EQ(actual->expires_ms, expected->expires_ms);
}

static void check_record(const struct lk_key_record *actual, const struct lk_key_record *expected)
{
	CHECK_MEM(actual->id.bytes, expected->id.bytes, sizeof actual->id.bytes);
	check_bytes(actual->realm, expected->realm);
	check_bytes(actual->name, expected->name);
	check_bytes(actual->user_id, expected->user_id);
	check_bytes(actual->organization_id, expected->organization_id);
	CHECK_EQ(actual->scopes.n, expected->scopes.n);
	for (size_t i = 0; i < actual->scopes.n; i++)
		check_bytes(actual->scopes.items[i], expected->scopes.items[i]);
	CHECK_EQ(actual->networks.n, expected->networks.n);
	CHECK_EQ(actual->realms.n, expected->realms.n);
	for (size_t i = 0; i < actual->realms.n; i++)
		check_bytes(actual->realms.items[i], expected->realms.items[i]);
	CHECK_EQ(actual->metadata.n, expected->metadata.n);
	for (size_t i = 0; i < actual->metadata.n; i++) {
		check_bytes(actual->metadata.items[i].key, expected->metadata.items[i].key);
		check_bytes(actual->metadata.items[i].value, expected->metadata.items[i].value);
	}
	CHECK_EQ(actual->enabled, expected->enabled);
	CHECK_EQ(actual->created_ms, expected->created_ms);
	CHECK_EQ(actual->expires_ms, expected->expires_ms);
	CHECK_EQ(actual->revoked_ms, expected->revoked_ms);
	CHECK_EQ(actual->revocation_reason, expected->revocation_reason);
	check_bytes(actual->revocation_comment, expected->revocation_comment);
	check_secret(&actual->current, &expected->current);
	CHECK_EQ(actual->has_previous, expected->has_previous);
	if (actual->has_previous)
		check_secret(&actual->previous, &expected->previous);
}

TEST(a_key_record_reads_back_as_it_was_written)
{
	struct lk_key_record record = sample();
	struct lk_key_record read;
	struct lk_arena arena;
	struct lk_bytes value;

	lk_arena_init(&arena, ARENA_MAX);
	CHECK_OK(lk_key_record_encode(&record, &arena, &value));
	CHECK_OK(lk_key_record_decode(value, &arena, &read));
	check_record(&read, &record);
	record.has_previous = true;
	record.previous = record.current;
	record.previous.number = 1;
	record.previous.expires_ms = 99;
	CHECK_OK(lk_key_record_encode(&record, &arena, &value));
	CHECK_OK(lk_key_record_decode(value, &arena, &read));
	check_record(&read, &record);
	lk_arena_fini(&arena);
}

TEST(a_usage_record_reads_back_as_it_was_written)
{
	struct lk_usage_record record = {
		.uses = { { 2, 1700000000000, bytes_of("203.0.113.9"), bytes_of("curl/8") },
			{ 1, 5, { NULL, 0 }, { NULL, 0 } } },
		.n_uses = 2,
	};
	struct lk_usage_record read;
	struct lk_arena arena;
	struct lk_bytes value;

	lk_arena_init(&arena, ARENA_MAX);
	CHECK_OK(lk_usage_record_encode(&record, &arena, &value));
	CHECK_OK(lk_usage_record_decode(value, &arena, &read));
	CHECK_EQ(read.n_uses, 2);
	CHECK_EQ(read.uses[0].secret, 2);
	CHECK_EQ(read.uses[0].at_ms, 1700000000000);
	check_bytes(read.uses[0].client_address, record.uses[0].client_address);
	check_bytes(read.uses[0].user_agent, record.uses[0].user_agent);
	CHECK_EQ(read.uses[1].secret, 1);
	CHECK_EQ(read.uses[1].client_address.n, 0);
	lk_arena_fini(&arena);
}

TEST(a_record_that_cannot_be_trusted_is_data_loss)
{
	/* version = 2; version missing; a digest of two bytes; an id of one; no secret. */
	static const struct {
		const char *bytes;
		size_t n;
	} values[] = { { "\x08\x02", 2 }, { "", 0 }, { "\x08\x01\x8a\x01\x04\x12\x02zz", 9 },
		{ "\x08\x01\x12\x01x", 5 }, { "\x08\x01", 2 }, { "\xff", 1 } };
	struct lk_key_record record;
	struct lk_usage_record usage;
	struct lk_arena arena;

	lk_arena_init(&arena, ARENA_MAX);
	for (size_t i = 0; i < LK_COUNT(values); i++) {
		struct lk_bytes value = { (const uint8_t *)values[i].bytes, values[i].n };

		CHECK_CODE(lk_key_record_decode(value, &arena, &record), LK_DATA_LOSS);
	}
	CHECK_CODE(lk_usage_record_decode(bytes_of("\x08\x02"), &arena, &usage), LK_DATA_LOSS);
	CHECK_CODE(lk_usage_record_decode(bytes_of("\x08\x01\x12\x12\x12"), &arena, &usage),
		LK_DATA_LOSS);
	lk_arena_fini(&arena);
}

TEST(a_newer_key_record_is_refused_as_a_whole)
{
	struct lk_key_record record = sample();
	struct lk_arena arena;
	struct lk_bytes value;
	uint8_t *bytes;

	lk_arena_init(&arena, ARENA_MAX);
	CHECK_OK(lk_key_record_encode(&record, &arena, &value));
	bytes = lk_arena_alloc(&arena, value.n);
	memcpy(bytes, value.data, value.n);
	CHECK_EQ(bytes[0], 0x08);
	bytes[1] = LK_RECORD_VERSION + 1;
	value.data = bytes;
	CHECK_CODE(lk_key_record_decode(value, &arena, &record), LK_DATA_LOSS);
	lk_arena_fini(&arena);
}

TEST(a_record_that_would_not_read_back_is_not_written)
{
	static uint8_t text[LK_STORE_VALUE_MAX];
	static struct lk_bytes many[5000];
	struct lk_key_record record = sample();
	struct lk_arena arena;
	struct lk_bytes value;

	lk_arena_init(&arena, 1024 * 1024);
	record.name = (struct lk_bytes) { text, sizeof text };
	CHECK_CODE(lk_key_record_encode(&record, &arena, &value), LK_RESOURCE_EXHAUSTED);
	record.name.n = 0;
	record.scopes = (struct lk_text_list) { many, LK_COUNT(many) };
	CHECK_CODE(lk_key_record_encode(&record, &arena, &value), LK_RESOURCE_EXHAUSTED);
	lk_arena_fini(&arena);
}

/* Any bytes of a record changed: an error or a record, never a crash. */
TEST(a_damaged_record_is_decoded_or_refused)
{
	struct lk_key_record record = sample();
	struct lk_arena arena;
	struct lk_bytes value;
	uint8_t bytes[512];

	lk_arena_init(&arena, ARENA_MAX);
	CHECK_OK(lk_key_record_encode(&record, &arena, &value));
	CHECK(value.n <= sizeof bytes);
	memcpy(bytes, value.data, value.n);
	for (size_t i = 0; i < 8 * value.n; i++) {
		struct lk_status st;

		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		lk_arena_reset(&arena);
		st = lk_key_record_decode((struct lk_bytes) { bytes, value.n }, &arena, &record);
		CHECK(st.code == LK_OK || st.code == LK_DATA_LOSS);
		st = lk_key_record_decode((struct lk_bytes) { bytes, i / 8 }, &arena, &record);
		CHECK(st.code == LK_OK || st.code == LK_DATA_LOSS);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	lk_arena_fini(&arena);
}

/* Arenas of every size, so that each allocation is once the one that does not fit. */
static void check_all_sizes(const struct lk_key_record *record)
{
	bool fits = false;

	for (size_t cap = 0; !fits; cap += 8) {
		struct lk_key_record read;
		struct lk_arena arena;
		struct lk_bytes value;
		struct lk_status st;

		lk_arena_init(&arena, cap);
		st = lk_key_record_encode(record, &arena, &value);
		if (st.code == LK_OK)
			st = lk_key_record_decode(value, &arena, &read);
		fits = st.code == LK_OK;
		if (fits)
			check_record(&read, record);
		else
			CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
		lk_arena_fini(&arena);
		CHECK(cap < ARENA_MAX);
	}
}

TEST(a_record_is_whole_or_refused_when_memory_is_short)
{
	struct lk_key_record record = sample();

	check_all_sizes(&record);
	record.metadata.n = 0;
	record.realms = record.scopes;
	check_all_sizes(&record);
}

TEST(a_record_is_refused_when_the_system_has_no_memory)
{
	struct lk_key_record record = sample();
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct lk_arena arena;
		struct lk_bytes value;
		struct lk_status st;

		lk_arena_init(&arena, ARENA_MAX);
		lk_alloc_fail_nth(nth);
		st = lk_key_record_encode(&record, &arena, &value);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_arena_fini(&arena);
	}
}

/* --- rows --- */

static const struct lk_key_id id = { "0123456789abcdef" };

TEST(the_rows_of_keys_read_back)
{
	struct lk_row row = lk_row_of_key(bytes_of("realm"), &id);
	struct lk_bytes realm;
	struct lk_key_id read;

	CHECK(lk_row_read_key(lk_row_bytes(&row), &realm, &read));
	check_bytes(realm, bytes_of("realm"));
	CHECK_MEM(read.bytes, id.bytes, sizeof id.bytes);
	row.n--;
	CHECK(!lk_row_read_key(lk_row_bytes(&row), &realm, &read));
	row = lk_row_of_user_key(bytes_of("realm"), bytes_of("user"), &id);
	CHECK(!lk_row_read_key(lk_row_bytes(&row), &realm, &read));
	CHECK(lk_row_read_owned_key(lk_row_bytes(&row), &read));
	CHECK_MEM(read.bytes, id.bytes, sizeof id.bytes);
	row = lk_row_of_organization_key(bytes_of("realm"), bytes_of("org"), &id);
	CHECK(lk_row_read_owned_key(lk_row_bytes(&row), &read));
	row = lk_row_of_usage(bytes_of("realm"), &id);
	CHECK(!lk_row_read_owned_key(lk_row_bytes(&row), &read));
	CHECK(!lk_row_read_key(lk_row_bytes(&row), &realm, &read));
}

/* Owners made to look like each other's ranges. */
TEST(no_owner_reaches_into_the_rows_of_another)
{
	static const struct lk_bytes owners[] = { { (const uint8_t *)"", 0 },
		{ (const uint8_t *)"a", 1 }, { (const uint8_t *)"a/", 2 },
		{ (const uint8_t *)"a\0", 2 }, { (const uint8_t *)"\1a", 2 },
		{ (const uint8_t *)"a\2a\0", 4 }, { (const uint8_t *)"\xff\xff", 2 } };

	for (size_t i = 0; i < LK_COUNT(owners); i++) {
		for (size_t j = 0; j < LK_COUNT(owners); j++) {
			struct lk_row range = lk_row_of_user_key(owners[1], owners[i], NULL);
			struct lk_row row = lk_row_of_user_key(owners[1], owners[j], &id);

			CHECK_EQ(lk_store_has_prefix(lk_row_bytes(&row), lk_row_bytes(&range)),
				i == j);
			range = lk_row_of_key(owners[i], NULL);
			row = lk_row_of_key(owners[j], &id);
			CHECK_EQ(lk_store_has_prefix(lk_row_bytes(&row), lk_row_bytes(&range)),
				i == j);
		}
	}
}

TEST(an_expiry_entry_is_due_at_the_next_full_minute)
{
	struct lk_row row = lk_row_of_key(bytes_of("realm"), &id);
	struct lk_row entry = lk_row_of_expiry(60001, lk_row_bytes(&row));
	struct lk_row later;
	struct lk_bytes read;
	lk_time_ms due;

	CHECK(lk_row_read_expiry(lk_row_bytes(&entry), &due, &read));
	CHECK_EQ(due, 120000);
	check_bytes(read, lk_row_bytes(&row));
	entry = lk_row_of_expiry(60000, lk_row_bytes(&row));
	CHECK(lk_row_read_expiry(lk_row_bytes(&entry), &due, &read));
	CHECK_EQ(due, 60000);
	later = lk_row_of_expiry(60000 * 256, lk_row_bytes(&row));
	CHECK(lk_store_compare(lk_row_bytes(&entry), lk_row_bytes(&later)) < 0);
	later = lk_row_of_expiry(-5, lk_row_bytes(&row));
	CHECK(lk_row_read_expiry(lk_row_bytes(&later), &due, &read));
	CHECK_EQ(due, 0);
	later = lk_row_of_expiry(INT64_MAX, lk_row_bytes(&row));
	CHECK(!lk_row_read_expiry(lk_row_bytes(&later), &due, &read) || due > 0);
	CHECK(!lk_row_read_expiry(lk_row_bytes(&row), &due, &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_key_record_reads_back_as_it_was_written),
		RUN(a_usage_record_reads_back_as_it_was_written),
		RUN(a_record_that_cannot_be_trusted_is_data_loss),
		RUN(a_newer_key_record_is_refused_as_a_whole),
		RUN(a_record_that_would_not_read_back_is_not_written),
		RUN(a_damaged_record_is_decoded_or_refused),
		RUN(a_record_is_whole_or_refused_when_memory_is_short),
		RUN(a_record_is_refused_when_the_system_has_no_memory),
		RUN(the_rows_of_keys_read_back),
		RUN(no_owner_reaches_into_the_rows_of_another),
		RUN(an_expiry_entry_is_due_at_the_next_full_minute),
	};

	return RUN_ALL(tests);
}
