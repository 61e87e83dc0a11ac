/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/core/rows.h"
#include "tests/support/core_fixture.h"

static struct lk_key_view key;
static struct lk_key_text secret;

static struct lk_status revoke(struct fixture *f, uint32_t reason, const char *comment)
{
	struct lk_key_revocation revocation = { key.id, reason, comment };

	return fixture_commit(f, lk_keys_revoke(&f->call, f->txn, &revocation, &key));
}

/* A text of n bytes; one at a time. */
static const char *text_of_length(size_t n)
{
	static char text[1024];

	memset(text, 'a', sizeof text);
	text[n] = '\0';
	return text;
}

/* Walks all pages; returns how many keys there were. */
static size_t walk(struct fixture *f, struct lk_keys_query query, size_t page_max)
{
	struct lk_keys_page page = { .next_token = "" };
	char token[LK_PAGE_TOKEN_SIZE] = "";
	char last[LK_ID_TEXT_SIZE] = "";
	size_t n = 0;

	query.page_token = token;
	do {
		CHECK_OK(lk_keys_list(&f->call, f->store, &query, &page));
		CHECK(page.n <= page_max);
		for (size_t i = 0; i < page.n; i++) {
			CHECK(strcmp(last, page.items[i].id) < 0);
			memcpy(last, page.items[i].id, sizeof last);
		}
		n += page.n;
		snprintf(token, sizeof token, "%s", page.next_token);
	} while (token[0] != '\0');
	return n;
}

static void create_many(struct fixture *f)
{
	static const char *const users[] = { "u_1", "u_2", "" };
	struct lk_key_spec spec = fixture_spec();

	for (int i = 0; i < 15; i++) {
		f->call.now = NOW + i;
		spec.user_id = users[i % 3];
		spec.organization_id = i % 5 == 0 ? "o" : "";
		CHECK_OK(fixture_create(f, &spec, &key, &secret));
		if (i % 4 == 0)
			CHECK_OK(revoke(f, 0, ""));
	}
}

TEST(lists_are_complete_and_in_order_whatever_the_page_size)
{
	struct fixture f;

	fixture_init(&f);
	create_many(&f);
	for (int32_t size = 1; size <= 20; size++) {
		struct lk_keys_query query = { size, "", "", "", 0 };

		CHECK_EQ(walk(&f, query, (size_t)size), 15);
		query.user_id = "u_1";
		CHECK_EQ(walk(&f, query, (size_t)size), 5);
		query.state = LK_KEY_REVOKED;
		CHECK_EQ(walk(&f, query, (size_t)size), 2);
		query.user_id = "";
		CHECK_EQ(walk(&f, query, (size_t)size), 4);
		query.state = 0;
		query.organization_id = "o";
		CHECK_EQ(walk(&f, query, (size_t)size), 3);
		query.user_id = "u_1";
		CHECK_EQ(walk(&f, query, (size_t)size), 1);
		query.user_id = "u_";
		CHECK_EQ(walk(&f, query, (size_t)size), 0);
	}
	fixture_fini(&f);
}

TEST(a_list_stays_in_its_realm)
{
	struct lk_keys_query query = { 0, "", "", "", 0 };
	struct fixture f;

	fixture_init(&f);
	create_many(&f);
	f.call.realm = lk_realms_find(f.realms, text_of("other"));
	CHECK_EQ(walk(&f, query, LK_KEYS_PAGE_DEFAULT), 0);
	fixture_fini(&f);
}

static void check_token_refused(struct fixture *f, const struct lk_keys_query *query)
{
	struct lk_keys_page page;
	struct lk_status st = lk_keys_list(&f->call, f->store, query, &page);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "page_token");
}

TEST(a_page_token_is_good_for_its_own_list_only)
{
	struct lk_keys_query query = { 1, "", "u_1", "", 0 };
	struct lk_keys_query foreign;
	struct lk_keys_page page;
	char token[LK_PAGE_TOKEN_SIZE];
	struct fixture f;

	fixture_init(&f);
	create_many(&f);
	CHECK_OK(lk_keys_list(&f.call, f.store, &query, &page));
	snprintf(token, sizeof token, "%s", page.next_token);
	query.page_token = token;
	CHECK_OK(lk_keys_list(&f.call, f.store, &query, &page));
	foreign = query;
	foreign.user_id = "u_2";
	check_token_refused(&f, &foreign);
	foreign = query;
	foreign.organization_id = "o";
	check_token_refused(&f, &foreign);
	foreign = query;
	foreign.state = LK_KEY_ACTIVE;
	check_token_refused(&f, &foreign);
	for (size_t i = 0; token[i] != '\0'; i++) {
		char right = token[i];

		token[i] = right == '0' ? '1' : '0';
		check_token_refused(&f, &query);
		token[i] = 'A';
		check_token_refused(&f, &query);
		token[i] = right;
	}
	query.page_token = "00";
	check_token_refused(&f, &query);
	query.page_token = token;
	f.call.realm = lk_realms_find(f.realms, text_of("other"));
	check_token_refused(&f, &query);
	fixture_fini(&f);
}

TEST(a_query_outside_its_limits_is_refused_by_field)
{
	const struct {
		struct lk_keys_query query;
		const char *field;
	} rows[] = {
		{ { -1, "", "", "", 0 }, "page_size" },
		{ { 101, "", "", "", 0 }, "page_size" },
		{ { 0, "", "a\nb", "", 0 }, "user_id" },
		{ { 0, "", "", text_of_length(129), 0 }, "organization_id" },
		{ { 0, "", "", "", 5 }, "state" },
	};
	struct lk_keys_page page;
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < LK_COUNT(rows); i++) {
		struct lk_status st = lk_keys_list(&f.call, f.store, &rows[i].query, &page);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, rows[i].field);
	}
	fixture_fini(&f);
}

TEST(a_page_of_large_keys_is_short_and_the_list_still_complete)
{
	static struct lk_metadata_pair pairs[LK_KEY_METADATA_MAX];
	static char keys[LK_KEY_METADATA_MAX][8];
	struct lk_keys_query query = { 100, "", "", "", 0 };
	struct lk_key_spec spec = fixture_spec();
	struct lk_keys_page page;
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < LK_KEY_METADATA_MAX; i++) {
		snprintf(keys[i], sizeof keys[i], "k%zu", i);
		pairs[i] = (struct lk_metadata_pair) { keys[i], text_of_length(512) };
	}
	spec.user_id = "";
	spec.metadata = pairs;
	spec.n_metadata = LK_KEY_METADATA_MAX;
	for (int i = 0; i < 20; i++) {
		f.call.now = NOW + i;
		CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	}
	CHECK_OK(lk_keys_list(&f.call, f.store, &query, &page));
	CHECK(page.n < 20);
	CHECK(page.next_token[0] != '\0');
	CHECK_EQ(walk(&f, query, 100), 20);
	fixture_fini(&f);
}

/* Sixty-four times 16 bytes for the text and as much for its place, and the messages to come. */
TEST(a_page_of_keys_with_many_small_texts_leaves_room_for_the_answer)
{
	static const char *scopes[LK_KEY_SCOPES_MAX];
	struct lk_keys_query query = { 100, "", "", "", 0 };
	char token[LK_PAGE_TOKEN_SIZE] = "";
	struct lk_key_spec spec = fixture_spec();
	struct lk_keys_page page;
	struct fixture f;
	size_t n = 0;

	fixture_init(&f);
	for (size_t i = 0; i < LK_COUNT(scopes); i++)
		scopes[i] = "*";
	spec.user_id = "";
	spec.scopes = scopes;
	spec.n_scopes = LK_COUNT(scopes);
	for (int i = 0; i < 40; i++)
		CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	lk_arena_fini(&f.arena);
	lk_arena_init(&f.arena, (size_t)96 * 1024);
	query.page_token = token;
	do {
		CHECK_OK(lk_keys_list(&f.call, f.store, &query, &page));
		CHECK(page.n > 0);
		CHECK(f.arena.used < f.arena.cap / 2);
		n += page.n;
		snprintf(token, sizeof token, "%s", page.next_token);
		lk_arena_reset(&f.arena);
	} while (token[0] != '\0');
	CHECK_EQ(n, 40);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(lists_are_complete_and_in_order_whatever_the_page_size),
		RUN(a_list_stays_in_its_realm),
		RUN(a_page_token_is_good_for_its_own_list_only),
		RUN(a_query_outside_its_limits_is_refused_by_field),
		RUN(a_page_of_large_keys_is_short_and_the_list_still_complete),
		RUN(a_page_of_keys_with_many_small_texts_leaves_room_for_the_answer),
	};

	return RUN_ALL(tests);
}
