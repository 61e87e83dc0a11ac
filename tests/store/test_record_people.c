/* SPDX-License-Identifier: MIT */
/* The records and rows of people, sessions and what is sealed. A record is right when what it
 * decodes to encodes to the same bytes: every field went both ways. */
#include "server/store/record.h"
#include "tests/store/words.h"
#include "tests/support/check.h"

#define ARENA_MAX ((size_t)256 * 1024)

static const struct lk_bytes roles[] = { { (const uint8_t *)"admin", 5 },
	{ (const uint8_t *)"\xff", 1 } };

/* Encodes one sample; what it decodes to is encoded again. `size_out` takes the room in the arena
 * that both steps took. */
typedef struct lk_status (*round_trip_fn)(
	struct lk_arena *arena, struct lk_bytes *first_out, struct lk_bytes *second_out);

#define ROUND_TRIP(kind, ...) \
	static struct lk_status trip_##kind( \
		struct lk_arena *arena, struct lk_bytes *first_out, struct lk_bytes *second_out) \
	{ \
		const struct lk_##kind##_record sample = { __VA_ARGS__ }; \
		struct lk_##kind##_record read; \
\
		LK_TRY(lk_##kind##_record_encode(&sample, arena, first_out)); \
		LK_TRY(lk_##kind##_record_decode(*first_out, arena, &read)); \
		return lk_##kind##_record_encode(&read, arena, second_out); \
	} \
	static struct lk_status decode_##kind(struct lk_bytes value, struct lk_arena *arena) \
	{ \
		struct lk_##kind##_record read; \
\
		return lk_##kind##_record_decode(value, arena, &read); \
	}

ROUND_TRIP(user, .id = { "0123456789abcdef" }, .realm = bytes_of("crm"),
	.email = bytes_of("ada@example.org"), .name = bytes_of("Ada"), .roles = { roles, 2 },
	.organization_id = bytes_of("acme"), .enabled = true, .created_ms = 1,
	.password_hash = bytes_of("$argon2id$"), .password_changed_ms = 2)
ROUND_TRIP(sign_ins, .last_ms = 3,
	.networks = { { bytes_of("203.0.113.7/32"), 4 }, { bytes_of("2001:db8::/64"), 5 } },
	.n_networks = 2)
ROUND_TRIP(organization, .id = bytes_of("acme"), .realm = bytes_of("crm"),
	.plan = bytes_of("BUSINESS"), .enabled = true, .created_ms = 6)
ROUND_TRIP(session, .id = { "0123456789abcdef" }, .realm = bytes_of("crm"),
	.user_id = { "fedcba9876543210" }, .created_ms = 1, .expires_ms = 2, .ends_ms = 3,
	.ended_ms = 4, .client_address = bytes_of("203.0.113.7"), .user_agent = bytes_of("curl"),
	.digest = { 1, 2, 3 }, .pepper_id = 5, .refresh_number = 6, .refresh_expires_ms = 7,
	.successor_until_ms = 8, .successor = bytes_of("sealed"), .successor_pepper_id = 9)
ROUND_TRIP(refresh, .session_id = { "0123456789abcdef" }, .number = 7)
ROUND_TRIP(signing_key, .id = { "0123456789abcdef" }, .realm = bytes_of("crm"), .algorithm = 2,
	.sealed = bytes_of("sealed"), .pepper_id = 1, .created_ms = 2, .expires_ms = 3)
ROUND_TRIP(answer, .fingerprint = { 1, 2, 3 }, .sealed = bytes_of("sealed"), .pepper_id = 4,
	.expires_ms = 5)
ROUND_TRIP(counter, .empty_ms = 9)

/* The shortest text of the wire format that only a version can be: field 1, varint. */
static const struct lk_bytes newer = { (const uint8_t *)"\x08\x7f", 2 };

static const struct {
	round_trip_fn trip;
	struct lk_status (*decode)(struct lk_bytes value, struct lk_arena *arena);
	size_t n_min; /* bytes of the sample, so that no field is left out on both ways */
} kinds[] = {
	{ trip_user, decode_user, 72 },
	{ trip_sign_ins, decode_sign_ins, 43 },
	{ trip_organization, decode_organization, 27 },
	{ trip_session, decode_session, 121 },
	{ trip_refresh, decode_refresh, 22 },
	{ trip_signing_key, decode_signing_key, 41 },
	{ trip_answer, decode_answer, 48 },
	{ trip_counter, decode_counter, 4 },
};

TEST(every_field_of_a_record_goes_both_ways)
{
	for (size_t i = 0; i < LK_COUNT(kinds); i++) {
		struct lk_bytes first, second;
		struct lk_arena arena;

		lk_arena_init(&arena, ARENA_MAX);
		CHECK_OK(kinds[i].trip(&arena, &first, &second));
		CHECK_EQ(first.n, second.n);
		CHECK_MEM(first.data, second.data, first.n);
		CHECK(first.n >= kinds[i].n_min);
		lk_arena_fini(&arena);
	}
}

TEST(a_cut_or_newer_record_is_data_loss_and_nothing_worse)
{
	for (size_t i = 0; i < LK_COUNT(kinds); i++) {
		struct lk_bytes whole, again;
		struct lk_arena arena;

		lk_arena_init(&arena, ARENA_MAX);
		CHECK_OK(kinds[i].trip(&arena, &whole, &again));
		CHECK_CODE(kinds[i].decode(newer, &arena), LK_DATA_LOSS);
		CHECK_CODE(
			kinds[i].decode((struct lk_bytes) { whole.data, 0 }, &arena), LK_DATA_LOSS);
		/* Where a field ends, a shorter record is one, too: its last fields are empty. */
		for (size_t n = 0; n < whole.n; n++) {
			struct lk_status st =
				kinds[i].decode((struct lk_bytes) { whole.data, n }, &arena);

			CHECK(st.code == LK_OK || st.code == LK_DATA_LOSS);
		}
		lk_arena_fini(&arena);
	}
}

TEST(a_record_is_whole_or_refused_when_memory_is_short)
{
	for (size_t i = 0; i < LK_COUNT(kinds); i++) {
		size_t refusals = 0;
		enum lk_code code = LK_RESOURCE_EXHAUSTED;

		for (size_t room = 0; code != LK_OK; room += 16) {
			struct lk_bytes first, second;
			struct lk_arena arena;

			lk_arena_init(&arena, room);
			code = kinds[i].trip(&arena, &first, &second).code;
			CHECK(code == LK_OK || code == LK_RESOURCE_EXHAUSTED);
			refusals += code != LK_OK;
			lk_arena_fini(&arena);
		}
		CHECK(refusals > 0);
	}
}

/* --- rows --- */

static const struct lk_key_id id = { "0123456789abcdef" };
static const struct lk_key_id other = { "fedcba9876543210" };
static const uint8_t digest[LK_ROW_DIGEST_SIZE] = { 7 };

static void check_id_row(struct lk_row row, struct lk_row range, enum lk_row_kind kind)
{
	struct lk_bytes realm;
	struct lk_key_id read;

	CHECK_EQ(lk_row_kind(lk_row_bytes(&row)), kind);
	CHECK(lk_store_has_prefix(lk_row_bytes(&row), lk_row_bytes(&range)));
	CHECK(lk_row_read_id(lk_row_bytes(&row), kind, &realm, &read));
	CHECK_EQ(realm.n, 3);
	CHECK_MEM(realm.data, "crm", 3);
	CHECK_MEM(read.bytes, id.bytes, sizeof id.bytes);
	row.n--;
	CHECK(!lk_row_read_id(lk_row_bytes(&row), kind, &realm, &read));
}

TEST(rows_of_one_kind_read_back_and_lie_in_one_range)
{
	struct lk_bytes crm = bytes_of("crm");

	check_id_row(lk_row_of_user(crm, &id), lk_row_of_users(), LK_ROW_USER);
	check_id_row(lk_row_of_session(crm, &id), lk_row_of_sessions(), LK_ROW_SESSION);
	check_id_row(lk_row_of_signing_key(crm, &id), lk_row_of_signing_keys(), LK_ROW_SIGNING_KEY);
	check_id_row(lk_row_of_key(crm, &id), lk_row_of_keys(), LK_ROW_KEY);
}

TEST(the_row_of_an_organization_reads_back)
{
	struct lk_row row = lk_row_of_organization(bytes_of("crm"), bytes_of("acme"));
	struct lk_bytes realm, organization;

	CHECK_EQ(lk_row_kind(lk_row_bytes(&row)), LK_ROW_ORGANIZATION);
	CHECK(lk_row_read_organization(lk_row_bytes(&row), &realm, &organization));
	CHECK_EQ(realm.n, 3);
	CHECK_EQ(organization.n, 4);
	CHECK_MEM(organization.data, "acme", 4);
	row.n--;
	CHECK(!lk_row_read_organization(lk_row_bytes(&row), &realm, &organization));
}

TEST(members_and_sessions_of_a_user_are_listed_by_their_id)
{
	struct lk_row member = lk_row_of_member(bytes_of("crm"), bytes_of("acme"), &id);
	struct lk_row session = lk_row_of_user_session(bytes_of("crm"), &other, &id);
	struct lk_key_id read;

	CHECK(lk_row_read_listed(lk_row_bytes(&member), &read));
	CHECK_MEM(read.bytes, id.bytes, sizeof id.bytes);
	CHECK(lk_row_read_listed(lk_row_bytes(&session), &read));
	CHECK_MEM(read.bytes, id.bytes, sizeof id.bytes);
	CHECK(!lk_row_read_owned_key(lk_row_bytes(&member), &read));
	CHECK(!lk_row_read_owned_key(lk_row_bytes(&session), &read));
}

/* No kind's rows may turn up in the range of another. */
TEST(no_kind_of_row_lies_in_the_range_of_another)
{
	struct lk_bytes crm = bytes_of("crm");
	const struct lk_row rows[] = { lk_row_of_key(crm, &id), lk_row_of_usage(crm, &id),
		lk_row_of_user_key(crm, crm, &id), lk_row_of_organization_key(crm, crm, &id),
		lk_row_of_user(crm, &id), lk_row_of_email(crm, crm),
		lk_row_of_member(crm, crm, &id), lk_row_of_sign_ins(crm, &id),
		lk_row_of_organization(crm, crm), lk_row_of_session(crm, &id),
		lk_row_of_user_session(crm, &other, &id), lk_row_of_refresh(crm, digest),
		lk_row_of_signing_key(crm, &id), lk_row_of_answer(digest),
		lk_row_of_guess(digest) };
	const struct lk_row ranges[] = { lk_row_of_key(crm, NULL), lk_row_of_usage(crm, NULL),
		lk_row_of_user_key(crm, crm, NULL), lk_row_of_organization_key(crm, crm, NULL),
		lk_row_of_user(crm, NULL), lk_row_of_email(crm, crm),
		lk_row_of_member(crm, crm, NULL), lk_row_of_sign_ins(crm, NULL),
		lk_row_of_organizations(), lk_row_of_session(crm, NULL),
		lk_row_of_user_session(crm, &other, NULL), lk_row_of_refresh(crm, NULL),
		lk_row_of_signing_key(crm, NULL), lk_row_of_answer(NULL), lk_row_of_guess(NULL) };

	for (size_t i = 0; i < LK_COUNT(rows); i++)
		for (size_t j = 0; j < LK_COUNT(ranges); j++)
			CHECK_EQ(lk_store_has_prefix(
					 lk_row_bytes(&rows[i]), lk_row_bytes(&ranges[j])),
				i == j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_field_of_a_record_goes_both_ways),
		RUN(a_cut_or_newer_record_is_data_loss_and_nothing_worse),
		RUN(a_record_is_whole_or_refused_when_memory_is_short),
		RUN(rows_of_one_kind_read_back_and_lie_in_one_range),
		RUN(the_row_of_an_organization_reads_back),
		RUN(members_and_sessions_of_a_user_are_listed_by_their_id),
		RUN(no_kind_of_row_lies_in_the_range_of_another),
	};

	return RUN_ALL(tests);
}
