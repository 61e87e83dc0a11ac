/* SPDX-License-Identifier: MIT */
/* Lists of sessions, for each kind of access token. */
#include "tests/support/people.h"

static struct people p;
static enum lk_token_kind kind;

static int set_up(void **state_)
{
	struct lk_session_policy policy = people_policy(kind);

	policy.per_user_max = 100;
	people_init(&p, &policy);
	return 0;
}

static int tear_down(void **state_)
{
	people_fini(&p);
	return 0;
}

/* One millisecond after the one before, so that they have an order. */
static void open_next(struct lk_grant *grant_out)
{
	p.f.call.now++;
	CHECK_OK(people_open(&p, grant_out));
}

static struct lk_status list_status(const char *user_id, int32_t page_size, const char *token)
{
	struct lk_sessions_page page;

	return lk_sessions_list(&p.f.call, p.f.store,
		&(struct lk_sessions_query) { user_id, page_size, token }, &page);
}

static struct lk_sessions_page list(const char *user_id, int32_t page_size, const char *token)
{
	struct lk_sessions_page page;

	CHECK_OK(lk_sessions_list(&p.f.call, p.f.store,
		&(struct lk_sessions_query) { user_id, page_size, token }, &page));
	return page;
}

TEST(a_list_is_walked_in_pages_and_has_each_live_session_once)
{
	struct lk_grant grants[8];
	struct lk_sessions_page page = { .next_token = "" };
	bool has_ended;
	size_t n = 0;

	for (size_t i = 0; i < LK_COUNT(grants); i++)
		open_next(&grants[i]);
	CHECK_OK(people_commit(
		&p, lk_sessions_end(&p.f.call, p.f.txn, &grants[3].session.record.id, &has_ended)));
	do {
		page = list(p.user.id, 2, page.next_token);
		CHECK(page.n <= 2);
		for (size_t i = 0; i < page.n; i++, n++)
			CHECK_STR(page.items[i].id, grants[n < 3 ? n : n + 1].session.id);
	} while (page.next_token[0] != '\0');
	CHECK_EQ(n, 7);
	p.f.call.now = NOW + 1 + (kind == LK_TOKEN_OPAQUE ? 10 * DAY : DAY);
	CHECK_STR(list(p.user.id, 1, "").items[0].id, grants[1].session.id);
	p.f.call.now += 10;
	CHECK_EQ(list(p.user.id, 0, "").n, 0);
}

TEST(a_list_refuses_what_it_does_not_know)
{
	struct lk_user_view other = people_add(&p, "bob@example.org", "");
	struct lk_grant grant;
	struct lk_status st;
	const char *token;

	for (int i = 0; i < 3; i++)
		open_next(&grant);
	token = list(p.user.id, 1, "").next_token;
	CHECK(token[0] != '\0');
	st = list_status(other.id, 1, token);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "page_token");
	CHECK_CODE(list_status(p.user.id, 1, "0"), LK_INVALID_ARGUMENT);
	st = list_status(p.user.id, 101, "");
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "page_size");
	CHECK_CODE(list_status(p.user.id, -1, ""), LK_INVALID_ARGUMENT);
	CHECK_CODE(list_status("user_0000000000000000000000", 1, ""), LK_NOT_FOUND);
	CHECK_CODE(list_status("", 1, ""), LK_NOT_FOUND);
	people_use_realm(&p, "other");
	CHECK_CODE(list_status(p.user.id, 1, ""), LK_NOT_FOUND);
}

TEST(a_list_says_when_and_from_where_a_session_was_used_last)
{
	struct lk_committer *committer = people_committer(&p);
	struct lk_sessions_page page;
	struct lk_grant used, unused;
	bool has_more;

	open_next(&used);
	open_next(&unused);
	p.f.call.now = NOW + MINUTE;
	CHECK_EQ(people_decide(&p, used.tokens.access), LK_DENY_NONE);
	CHECK_OK(lk_usage_flush(p.f.usage, p.f.index, committer, &has_more));
	lk_committer_stop(committer);
	page = list(p.user.id, 0, "");
	CHECK_EQ(page.n, 2);
	CHECK_EQ(page.items[0].last_seen_ms, NOW + MINUTE);
	CHECK_EQ(page.items[0].last_client_address.n, strlen("192.0.2.7"));
	CHECK_MEM(page.items[0].last_client_address.data, "192.0.2.7", strlen("192.0.2.7"));
	CHECK_EQ(page.items[1].last_seen_ms, 0);
	CHECK_EQ(page.items[1].last_client_address.n, 0);
}

TEST(a_record_that_cannot_be_read_is_left_out)
{
	struct lk_sessions_page page;
	struct lk_grant grants[3];
	struct lk_row row;

	for (size_t i = 0; i < LK_COUNT(grants); i++)
		open_next(&grants[i]);
	row = lk_row_of_session(text_of("crm"), &grants[1].session.record.id);
	CHECK_OK(people_commit(&p, lk_txn_put(p.f.txn, lk_row_bytes(&row), text_of("\xff"), true)));
	row = lk_row_of_session(text_of("crm"), &grants[2].session.record.id);
	CHECK_OK(people_commit(&p, lk_txn_delete(p.f.txn, lk_row_bytes(&row), true)));
	page = list(p.user.id, 0, "");
	CHECK_EQ(page.n, 1);
	CHECK_STR(page.items[0].id, grants[0].session.id);
	CHECK(people_decide(&p, grants[1].tokens.access) != LK_DENY_NONE);
	CHECK(people_decide(&p, grants[2].tokens.access) != LK_DENY_NONE);
}

#define RUN_FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(a_list_is_walked_in_pages_and_has_each_live_session_once),
		RUN_FRESH(a_list_refuses_what_it_does_not_know),
		RUN_FRESH(a_list_says_when_and_from_where_a_session_was_used_last),
		RUN_FRESH(a_record_that_cannot_be_read_is_left_out),
	};
	static const enum lk_token_kind kinds[] = { LK_TOKEN_OPAQUE, LK_TOKEN_EDDSA,
		LK_TOKEN_HS256 };
	int failed = 0;

	for (size_t i = 0; i < LK_COUNT(kinds); i++) {
		kind = kinds[i];
		failed += RUN_ALL(tests);
	}
	return failed;
}
