/* SPDX-License-Identifier: MIT */
/* Sessions, for each kind of access token, twice: as they are, and with a process that starts anew
 * after each step. */
#include "tests/support/people.h"

static struct people p;
static enum lk_token_kind kind;

static int set_up(void **state_)
{
	const struct lk_session_policy policy = people_policy(kind);

	people_init(&p, &policy);
	return 0;
}

static int tear_down(void **state_)
{
	people_fini(&p);
	return 0;
}

static bool is_opaque(void)
{
	return kind == LK_TOKEN_OPAQUE;
}

/* One millisecond after the one before, so that they have an order. */
static void open_next(struct lk_grant *grant_out)
{
	p.f.call.now++;
	CHECK_OK(people_open(&p, grant_out));
}

static enum lk_deny_reason decide(const struct lk_grant *grant)
{
	return people_decide(&p, grant->tokens.access);
}

static size_t sign_out(const struct lk_grant *grant, enum lk_sign_out_scope scope)
{
	struct lk_ended ended;

	CHECK_OK(people_commit(&p, lk_sessions_sign_out(&p.f.call, p.f.txn,
					   &grant->session.record.id, scope, &ended)));
	return ended.n;
}

static struct lk_sessions_page list(const char *user_id)
{
	struct lk_sessions_page page;

	CHECK_OK(lk_sessions_list(
		&p.f.call, p.f.store, &(struct lk_sessions_query) { user_id, 0, "" }, &page));
	return page;
}

/* --- opening --- */

TEST(a_session_opens_with_the_tokens_of_its_realm)
{
	struct lk_grant grant;
	struct lk_bytes access;

	open_next(&grant);
	access = text_of(grant.tokens.access);
	CHECK_EQ(decide(&grant), LK_DENY_NONE);
	CHECK_EQ(lk_is_jwt(access), !is_opaque());
	CHECK_EQ(lk_key_text_is_valid(LK_SESSION_TOKEN_PREFIX, access), is_opaque());
	CHECK_EQ(lk_key_text_is_valid(LK_REFRESH_TOKEN_PREFIX, text_of(grant.tokens.refresh.text)),
		!is_opaque());
	CHECK_EQ(grant.tokens.refresh_expires_ms, is_opaque() ? 0 : p.f.call.now + DAY);
	CHECK_EQ(grant.session.record.ends_ms, p.f.call.now + 10 * DAY);
	CHECK_STR(grant.session.user_id, p.user.id);
	people_use_realm(&p, "other");
	CHECK_EQ(decide(&grant), LK_DENY_UNKNOWN_CREDENTIAL);
}

/* A JWT tells its end in seconds. */
TEST(an_access_token_is_good_until_the_moment_that_is_told)
{
	struct lk_grant grant;

	p.f.call.now = NOW + 998;
	open_next(&grant);
	p.f.call.now = grant.tokens.access_expires_ms - 1;
	CHECK_EQ(decide(&grant), LK_DENY_NONE);
	p.f.call.now++;
	CHECK_EQ(decide(&grant), LK_DENY_EXPIRED);
}

TEST(nobody_opens_a_session_who_is_disabled_or_unknown)
{
	struct lk_grant grant;

	people_enable(&p, false);
	CHECK_CODE(people_open(&p, &grant), LK_NOT_FOUND);
	people_enable(&p, true);
	p.user.record.id.bytes[0] ^= 1;
	CHECK_CODE(people_open(&p, &grant), LK_NOT_FOUND);
	CHECK_STR(grant.tokens.access, "");
	CHECK_EQ(people_rows(&p, "se/") + people_rows(&p, "su/") + people_rows(&p, "rt/"), 0);
}

TEST(a_realm_that_signs_opens_nothing_without_a_key)
{
	const struct lk_client client = { text_of(""), text_of("") };
	struct lk_grant grant = { .signer = NULL };
	struct lk_status st = people_commit(
		&p, lk_sessions_open(&p.f.call, p.f.txn, &p.user.record.id, &client, &grant));

	CHECK_CODE(st, is_opaque() ? LK_OK : LK_FAILED_PRECONDITION);
	CHECK_EQ(people_rows(&p, "se/"), is_opaque());
	CHECK_STR(grant.tokens.refresh.text, "");
}

/* The session of a client, as it is listed. */
static struct lk_session_record open_from(struct lk_bytes address, struct lk_bytes user_agent)
{
	const struct lk_client client = { address, user_agent };
	struct lk_grant grant = { .signer = NULL };
	struct lk_signer signer;
	struct lk_sessions_page page;

	grant.signer = people_signer(&p, &signer);
	p.f.call.now++;
	CHECK_OK(people_commit(
		&p, lk_sessions_open(&p.f.call, p.f.txn, &p.user.record.id, &client, &grant)));
	page = list(p.user.id);
	CHECK(page.n > 0);
	CHECK_STR(page.items[page.n - 1].id, grant.session.id);
	return page.items[page.n - 1].record;
}

static bool is_text(struct lk_bytes bytes, const char *text)
{
	return bytes.n == strlen(text) && (bytes.n == 0 || memcmp(bytes.data, text, bytes.n) == 0);
}

TEST(address_and_user_agent_are_kept_in_their_plain_form)
{
	struct lk_session_record record;
	char agent[LK_SESSION_USER_AGENT_MAX + 8];

	record = open_from(text_of("::ffff:192.0.2.1"), text_of("curl/8 \x1b[31m\x7f\n"));
	CHECK(is_text(record.client_address, "192.0.2.1"));
	CHECK(is_text(record.user_agent, "curl/8 ?[31m??"));
	record = open_from(text_of("2001:DB8:0:0::1"), text_of(""));
	CHECK(is_text(record.client_address, "2001:db8::1"));
	CHECK(is_text(record.user_agent, ""));
	memset(agent, 'a', sizeof agent);
	memcpy(agent + LK_SESSION_USER_AGENT_MAX - 1, "\xe2\x82\xac", 3);
	record =
		open_from(text_of("nowhere"), (struct lk_bytes) { (uint8_t *)agent, sizeof agent });
	CHECK_EQ(record.client_address.n, 0);
	CHECK_EQ(record.user_agent.n, LK_SESSION_USER_AGENT_MAX - 1);
}

/* --- how many --- */

TEST(one_session_too_many_ends_the_oldest)
{
	struct lk_grant grants[5];

	for (size_t i = 0; i < LK_COUNT(grants); i++)
		open_next(&grants[i]);
	for (size_t i = 0; i < LK_COUNT(grants); i++)
		CHECK_EQ(decide(&grants[i]), i < 2 ? LK_DENY_REVOKED : LK_DENY_NONE);
	CHECK_EQ(list(p.user.id).n, 3);
}

TEST(the_sessions_of_one_user_take_no_place_of_anothers)
{
	struct lk_user_view ada = p.user;
	struct lk_grant first, other;

	open_next(&first);
	p.user = people_add(&p, "bob@example.org", "");
	for (int i = 0; i < 4; i++)
		open_next(&other);
	CHECK_EQ(decide(&first), LK_DENY_NONE);
	CHECK_EQ(list(ada.id).n, 1);
	CHECK_EQ(list(p.user.id).n, 3);
}

/* --- ending --- */

TEST(a_sign_out_ends_this_session_at_the_next_decision)
{
	struct lk_grant grants[3];
	bool has_ended;

	for (size_t i = 0; i < LK_COUNT(grants); i++)
		open_next(&grants[i]);
	CHECK_EQ(sign_out(&grants[1], LK_SIGN_OUT_THIS), 1);
	CHECK_EQ(decide(&grants[0]), LK_DENY_NONE);
	CHECK_EQ(decide(&grants[1]), LK_DENY_REVOKED);
	CHECK_EQ(decide(&grants[2]), LK_DENY_NONE);
	CHECK_EQ(sign_out(&grants[1], LK_SIGN_OUT_THIS), 0);
	CHECK_OK(people_commit(
		&p, lk_sessions_end(&p.f.call, p.f.txn, &grants[1].session.record.id, &has_ended)));
	CHECK(!has_ended);
}

TEST(a_sign_out_everywhere_ends_all_and_one_of_the_others_spares_this)
{
	struct lk_user_view ada = p.user;
	struct lk_grant grants[3], other;

	p.user = people_add(&p, "bob@example.org", "");
	open_next(&other);
	p.user = ada;
	for (size_t i = 0; i < LK_COUNT(grants); i++)
		open_next(&grants[i]);
	CHECK_EQ(sign_out(&grants[1], LK_SIGN_OUT_OTHERS), 2);
	CHECK_EQ(decide(&grants[0]), LK_DENY_REVOKED);
	CHECK_EQ(decide(&grants[1]), LK_DENY_NONE);
	CHECK_EQ(decide(&grants[2]), LK_DENY_REVOKED);
	open_next(&grants[0]);
	CHECK_EQ(sign_out(&grants[1], LK_SIGN_OUT_ALL), 2);
	CHECK_EQ(decide(&grants[0]), LK_DENY_REVOKED);
	CHECK_EQ(decide(&grants[1]), LK_DENY_REVOKED);
	CHECK_EQ(decide(&other), LK_DENY_NONE);
}

TEST(a_session_that_is_over_ends_no_other)
{
	struct lk_grant ended, live, unknown;

	open_next(&ended);
	open_next(&live);
	CHECK_EQ(sign_out(&ended, LK_SIGN_OUT_THIS), 1);
	CHECK_EQ(sign_out(&ended, LK_SIGN_OUT_ALL), 0);
	unknown = live;
	unknown.session.record.id.bytes[0] ^= 1;
	CHECK_EQ(sign_out(&unknown, LK_SIGN_OUT_ALL), 0);
	CHECK_EQ(decide(&live), LK_DENY_NONE);
	p.f.call.now = live.session.record.expires_ms;
	CHECK_EQ(sign_out(&live, LK_SIGN_OUT_ALL), 0);
}

TEST(what_was_ended_by_a_clock_that_was_ahead_stays_ended)
{
	struct lk_grant other, live;

	open_next(&other);
	p.f.call.now = NOW + YEAR;
	CHECK_OK(people_open(&p, &live));
	CHECK_EQ(decide(&other), LK_DENY_EXPIRED);
	CHECK_EQ(sign_out(&live, LK_SIGN_OUT_ALL), 2);
	p.f.call.now = NOW + 2;
	CHECK_EQ(decide(&other), LK_DENY_REVOKED);
	CHECK_EQ(decide(&live), LK_DENY_REVOKED);
	CHECK_EQ(list(p.user.id).n, 0);
}

/* As many sessions as a realm may allow, with the longest user agents. */
static void open_a_thousand(void)
{
	struct lk_session_policy policy = people_policy(kind);
	struct lk_client client = { text_of("2001:db8:1111:2222:3333:4444:5555:6666"), { 0 } };
	struct lk_grant grant = { .signer = NULL };
	static char agent[LK_SESSION_USER_AGENT_MAX];
	struct lk_signer signer;

	tear_down(NULL);
	policy.per_user_max = 1000;
	people_init(&p, &policy);
	memset(agent, 'a', sizeof agent);
	client.user_agent = (struct lk_bytes) { (uint8_t *)agent, sizeof agent };
	grant.signer = people_signer(&p, &signer);
	for (int i = 0; i < 1000; i++) {
		p.f.call.now++;
		lk_arena_reset(&p.f.arena);
		CHECK_OK(fixture_commit(&p.f,
			lk_sessions_open(&p.f.call, p.f.txn, &p.user.record.id, &client, &grant)));
	}
}

/* The memory of a call is a mebibyte. */
TEST(a_thousand_sessions_are_ended_at_once)
{
	struct lk_ended ended;
	struct lk_arena arena;

	open_a_thousand();
	lk_arena_init(&arena, (size_t)1 << 20);
	p.f.call.arena = &arena;
	CHECK_OK(people_commit(
		&p, lk_sessions_end_all(&p.f.call, p.f.txn, &p.user.record.id, NULL, &ended)));
	CHECK_EQ(ended.n, 1000);
	lk_arena_fini(&arena);
	CHECK_EQ(people_rows(&p, "su/"), 0);
}

TEST(a_limit_that_was_lowered_far_is_kept_at_the_next_sign_in)
{
	struct lk_realm realm;
	struct lk_arena arena;
	struct lk_grant grant;

	open_a_thousand();
	realm = *p.f.call.realm;
	realm.sessions.per_user_max = 3;
	lk_arena_init(&arena, (size_t)1 << 20);
	p.f.call.arena = &arena;
	p.f.call.realm = &realm;
	open_next(&grant);
	CHECK_EQ(decide(&grant), LK_DENY_NONE);
	lk_arena_fini(&arena);
	CHECK_EQ(people_rows(&p, "su/"), 3);
}

TEST(a_session_expires_by_itself)
{
	struct lk_grant grant;

	open_next(&grant);
	p.f.call.now = grant.session.record.expires_ms;
	CHECK_EQ(decide(&grant), LK_DENY_EXPIRED);
	CHECK_EQ(grant.session.record.expires_ms,
		grant.session.record.created_ms + (is_opaque() ? 10 * DAY : DAY));
	CHECK_EQ(list(p.user.id).n, 0);
}

/* --- for subjects --- */

static struct lk_subject subject_of(const struct lk_session_view *session)
{
	struct lk_subject subject = { .is_session = true, .id = session->record.id };

	memcpy(subject.user_id, session->user_id, sizeof session->user_id);
	return subject;
}

static struct lk_status end(const struct lk_grant *grant)
{
	bool has_ended;

	return people_commit(
		&p, lk_sessions_end(&p.f.call, p.f.txn, &grant->session.record.id, &has_ended));
}

TEST(a_subject_sees_and_ends_their_own_sessions_only)
{
	struct lk_user_view ada = p.user;
	struct lk_grant own[2], other;
	struct lk_sessions_page page;
	struct lk_subject subject;

	open_next(&own[0]);
	open_next(&own[1]);
	p.user = people_add(&p, "bob@example.org", "");
	open_next(&other);
	subject = subject_of(&own[1].session);
	p.f.call.subject = &subject;
	page = list(p.user.id);
	CHECK_EQ(page.n, 2);
	CHECK_STR(page.items[0].user_id, ada.id);
	CHECK(!page.items[0].is_current && page.items[1].is_current);
	CHECK_CODE(end(&other), LK_NOT_FOUND);
	CHECK_EQ(decide(&other), LK_DENY_NONE);
	CHECK_OK(end(&own[0]));
	CHECK_EQ(decide(&own[0]), LK_DENY_REVOKED);
	p.f.call.subject = NULL;
}

TEST(a_subject_with_a_key_or_without_a_user_manages_no_sessions)
{
	struct lk_sessions_page page;
	struct lk_subject subject;
	struct lk_grant grant;
	struct lk_status st;

	open_next(&grant);
	subject = subject_of(&grant.session);
	subject.is_session = false;
	p.f.call.subject = &subject;
	st = end(&grant);
	CHECK_CODE(st, LK_PERMISSION_DENIED);
	CHECK_EQ(st.reason, LK_SUBJECT_LACKS_PERMISSION);
	CHECK_CODE(lk_sessions_list(&p.f.call, p.f.store,
			   &(struct lk_sessions_query) { p.user.id, 0, "" }, &page),
		LK_PERMISSION_DENIED);
	subject = subject_of(&grant.session);
	memcpy(subject.user_id, "u_1", sizeof "u_1");
	CHECK_CODE(end(&grant), LK_PERMISSION_DENIED);
	p.f.call.subject = NULL;
	CHECK_EQ(decide(&grant), LK_DENY_NONE);
}

/* --- after a restart --- */

static int set_up_many(void **state_)
{
	struct lk_session_policy policy = people_policy(kind);

	policy.per_user_max = 100;
	people_init(&p, &policy);
	return 0;
}

TEST(an_index_that_was_loaded_decides_like_one_that_lived_through_it)
{
	struct lk_grant grants[6];
	enum lk_deny_reason live[LK_COUNT(grants)];
	const lk_time_ms later[] = { 0, DAY - 1, DAY, 10 * DAY };

	for (size_t i = 0; i < LK_COUNT(grants); i++) {
		if (i == LK_COUNT(grants) - 1)
			p.user = people_add(&p, "bob@example.org", "");
		open_next(&grants[i]);
	}
	people_enable(&p, false);
	CHECK_EQ(sign_out(&grants[4], LK_SIGN_OUT_THIS), 1);
	for (size_t t = 0; t < LK_COUNT(later); t++) {
		p.f.call.now += later[t];
		for (size_t i = 0; i < LK_COUNT(grants); i++)
			live[i] = decide(&grants[i]);
		people_restart(&p);
		for (size_t i = 0; i < LK_COUNT(grants); i++)
			CHECK_EQ(decide(&grants[i]), live[i]);
	}
}

/* --- faults --- */

/* Opening one too many with memory of its own. */
static struct lk_status open_afresh(size_t room, struct lk_grant *grant_out)
{
	const struct lk_client client = { text_of("192.0.2.1"), text_of("test") };
	struct lk_core_call call = p.f.call;
	struct lk_signer signer;
	struct lk_arena arena;
	struct lk_txn *txn;
	struct lk_status st = lk_txn_new(p.f.store, &txn);
	uint64_t seq;

	*grant_out = (struct lk_grant) { .signer = people_signer(&p, &signer) };
	if (st.code != LK_OK)
		return st;
	lk_arena_init(&arena, room);
	call.arena = &arena;
	st = lk_sessions_open(&call, txn, &p.user.record.id, &client, grant_out);
	CHECK(st.code == LK_OK || grant_out->tokens.access[0] == '\0');
	if (st.code == LK_OK)
		st = lk_txn_commit(txn, &seq);
	lk_txn_free(txn);
	lk_arena_fini(&arena);
	return st;
}

enum fault { FAULT_MEMORY, FAULT_ROOM, FAULT_STORE };

/* False: nothing failed. */
static bool open_with_fault(enum fault fault, unsigned long nth)
{
	struct lk_grant old[3], grant;
	struct lk_status st;

	for (size_t i = 0; i < LK_COUNT(old); i++)
		open_next(&old[i]);
	p.f.call.now++;
	lk_alloc_fail_nth(fault == FAULT_MEMORY ? nth : 0);
	fault_store_fail_nth(p.f.store, fault == FAULT_STORE ? nth : 0);
	st = open_afresh(fault == FAULT_ROOM ? nth * 256 : (size_t)1 << 20, &grant);
	CHECK(lk_alloc_fail_nth(0) == (st.code != LK_OK && fault == FAULT_MEMORY));
	CHECK(fault_store_fail_nth(p.f.store, 0) == (st.code != LK_OK && fault == FAULT_STORE));
	people_restart(&p);
	CHECK_EQ(decide(&old[0]), st.code == LK_OK ? LK_DENY_REVOKED : LK_DENY_NONE);
	CHECK_EQ(decide(&old[2]), LK_DENY_NONE);
	CHECK_EQ(list(p.user.id).n, 3);
	if (st.code == LK_OK)
		CHECK_EQ(decide(&grant), LK_DENY_NONE);
	return st.code != LK_OK;
}

TEST(a_session_that_fails_to_open_changes_nothing)
{
	for (enum fault fault = FAULT_MEMORY; fault <= FAULT_STORE; fault++) {
		unsigned long nth = 1;

		while (open_with_fault(fault, nth)) {
			nth++;
			tear_down(NULL);
			set_up(NULL);
		}
		CHECK(nth > 4);
	}
}

#define RUN_FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RUN_MANY(name) cmocka_unit_test_setup_teardown(name, set_up_many, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(a_session_opens_with_the_tokens_of_its_realm),
		RUN_FRESH(an_access_token_is_good_until_the_moment_that_is_told),
		RUN_FRESH(nobody_opens_a_session_who_is_disabled_or_unknown),
		RUN_FRESH(a_realm_that_signs_opens_nothing_without_a_key),
		RUN_FRESH(address_and_user_agent_are_kept_in_their_plain_form),
		RUN_FRESH(one_session_too_many_ends_the_oldest),
		RUN_FRESH(the_sessions_of_one_user_take_no_place_of_anothers),
		RUN_FRESH(a_sign_out_ends_this_session_at_the_next_decision),
		RUN_FRESH(a_sign_out_everywhere_ends_all_and_one_of_the_others_spares_this),
		RUN_FRESH(a_session_that_is_over_ends_no_other),
		RUN_FRESH(what_was_ended_by_a_clock_that_was_ahead_stays_ended),
		RUN_FRESH(a_session_expires_by_itself),
		RUN_FRESH(a_subject_sees_and_ends_their_own_sessions_only),
		RUN_FRESH(a_subject_with_a_key_or_without_a_user_manages_no_sessions),
		RUN_MANY(an_index_that_was_loaded_decides_like_one_that_lived_through_it),
		RUN_FRESH(a_session_that_fails_to_open_changes_nothing),
	};
	const struct CMUnitTest large[] = {
		RUN_FRESH(a_thousand_sessions_are_ended_at_once),
		RUN_FRESH(a_limit_that_was_lowered_far_is_kept_at_the_next_sign_in),
	};
	static const enum lk_token_kind kinds[] = { LK_TOKEN_OPAQUE, LK_TOKEN_EDDSA,
		LK_TOKEN_HS256 };
	int failed = RUN_ALL(large);

	for (size_t i = 0; i < 2 * LK_COUNT(kinds); i++) {
		kind = kinds[i / 2];
		p.restarts = i % 2 == 1;
		failed += RUN_ALL(tests);
	}
	return failed;
}
