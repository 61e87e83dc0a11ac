/* SPDX-License-Identifier: MIT */
/* Providers' keys, and users on whose behalf a caller asks. */
#include "server/core/request.h"
#include "server/core/users.h"
#include "tests/support/core_fixture.h"

static const char *const providers[] = { "openai", "gemini" };
static const char *const read_only[] = { "records.read" };

#define ANY .methods = UINT32_MAX, .callers = LK_CALLERS_DEFAULT

static const struct lk_route_spec rules[] = {
	{ .path = "/chat",
		ANY,
		.permissions = read_only,
		.n_permissions = 1,
		.byok = providers,
		.n_byok = LK_COUNT(providers) },
	{ .path = "/mail", ANY },
	{ .path = "/header", ANY, .on_behalf_of = LK_ON_BEHALF_HEADER },
	{ .path = "/body", ANY, .on_behalf_of = LK_ON_BEHALF_HEADER_OR_BODY },
};

static void open_with_rules(struct fixture *f)
{
	struct lk_realm_spec specs[2] = { fixture_realms[0], fixture_realms[1] };
	struct lk_store *store;

	specs[0].routes = rules;
	specs[0].n_routes = LK_COUNT(rules);
	CHECK_OK(lk_store_mem_open(&store));
	fixture_init_with(f, store, specs, LK_COUNT(specs));
}

/* NULL: no credential. */
static struct lk_verdict ask(
	struct fixture *f, const char *credential, const char *path, struct lk_auth_request request)
{
	struct lk_verifier verifier = { .index = f->index, .peppers = &f->peppers };
	struct lk_bytes text = text_of(credential != NULL ? credential : "");
	struct lk_verdict verdict;

	request.realm = f->call.realm;
	request.credentials = &text;
	request.n_credentials = credential != NULL ? 1 : 0;
	request.by_route = true;
	request.method = text_of("POST");
	request.path = text_of(path);
	request.now = NOW;
	lk_index_enter();
	CHECK_OK(lk_authenticate(&verifier, &request, &verdict));
	lk_index_leave();
	return verdict;
}

static struct lk_key_text create(struct fixture *f, const char *organization)
{
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_text secret;
	struct lk_key_view view;

	spec.organization_id = organization;
	CHECK_OK(fixture_create(f, &spec, &view, &secret));
	return secret;
}

static void check_byok(
	struct fixture *f, struct lk_byok byok, const char *path, const char *expected_field)
{
	struct lk_verdict verdict = ask(f, NULL, path, (struct lk_auth_request) { .byok = &byok });

	if (expected_field == NULL) {
		CHECK_EQ(verdict.reason, LK_DENY_NONE);
		CHECK_EQ(verdict.caller, LK_CALLER_BYOK);
	} else {
		CHECK_EQ(verdict.reason, LK_DENY_INVALID_REQUEST);
		CHECK_STR(verdict.field, expected_field);
	}
}

TEST(a_providers_key_is_taken_where_a_rule_takes_it)
{
	struct lk_byok good = { "openai", true, "" };
	struct lk_key_text secret;
	struct fixture f;

	open_with_rules(&f);
	secret = create(&f, "acme");
	check_byok(&f, good, "/chat", NULL);
	check_byok(&f, good, "/mail", "x-byok-provider");
	check_byok(&f, (struct lk_byok) { "", true, "" }, "/chat", "x-byok-provider");
	check_byok(&f, (struct lk_byok) { "OPENAI", true, "" }, "/chat", "x-byok-provider");
	check_byok(&f, (struct lk_byok) { "openai", false, "" }, "/chat", "x-byok-api-key");
	CHECK_EQ(ask(&f, secret.text, "/chat", (struct lk_auth_request) { .byok = &good }).caller,
		LK_CALLER_KEY);
	CHECK_EQ(ask(&f, "wrong", "/chat", (struct lk_auth_request) { .byok = &good }).reason,
		LK_DENY_UNKNOWN_CREDENTIAL);
	/* Where no rule takes one, nobody looks. */
	f.call.realm = lk_realms_find(f.realms, text_of("other"));
	CHECK_EQ(ask(&f, NULL, "/chat", (struct lk_auth_request) { .byok = &good }).reason,
		LK_DENY_NO_ROUTE);
	fixture_fini(&f);
}

TEST(a_base_is_https_at_a_public_host)
{
	static const char *const good[] = { "https://a.example", "https://a.example/v1?x=1",
		"https://a-1.b.example:8443", "https://203.0.113.1", "https://[2001:db8::1]:1/" };
	static const char *const bad[] = { "a.example", "http://a.example", "HTTPS://a.example",
		"https://", "https:///v1", "https://a", "https://a.1", "https://1.2.3",
		"https://0x7f.1", "https://2130706433", "https://127.0.0.1", "https://10.0.0.1/",
		"https://172.31.0.1", "https://192.168.1.1", "https://169.254.169.254",
		"https://0.0.0.0", "https://224.0.0.1", "https://255.255.255.255", "https://[::]",
		"https://[::1]", "https://[fe80::1]", "https://[fc00::1]",
		"https://[::ffff:10.0.0.1]", "https://[64:ff9b::a00:1]", "https://[::1",
		"https://x@a.example", "https://a.example\\@b", "https://localhost",
		"https://a.localhost", "https://a.LOCAL", "https://metadata.google.internal",
		"https://a_b.example", "https://a.example evil" };
	struct fixture f;

	open_with_rules(&f);
	for (size_t i = 0; i < LK_COUNT(good); i++)
		check_byok(&f, (struct lk_byok) { "openai", true, good[i] }, "/chat", NULL);
	for (size_t i = 0; i < LK_COUNT(bad); i++)
		check_byok(&f, (struct lk_byok) { "openai", true, bad[i] }, "/chat",
			"x-byok-api-base");
	fixture_fini(&f);
}

static char *create_user(struct fixture *f, const char *email, const char *organization)
{
	struct lk_user_spec spec = {
		.email = email, .name = "", .organization_id = organization, .password_hash = ""
	};
	char *id = lk_arena_alloc(&f->arena, LK_ID_TEXT_SIZE);
	struct lk_user_view view;

	CHECK_OK(fixture_commit(f, lk_users_create(&f->call, f->txn, &spec, &view)));
	lk_id_format(LK_ID_USER, &view.record.id, id);
	return id;
}

/* What is expected: the reason, and on whose behalf. */
struct expected {
	enum lk_deny_reason reason;
	const char *user;
};

static void check_user(struct fixture *f, const struct lk_key_text *secret, const char *path,
	struct lk_auth_request request, struct expected expected)
{
	struct lk_verdict verdict;

	request.may_compute = true;
	verdict = ask(f, secret->text, path, request);
	CHECK_EQ(verdict.reason, expected.reason);
	CHECK_EQ(verdict.on_behalf_of.n, strlen(expected.user));
	CHECK(verdict.on_behalf_of.n == 0 ||
		memcmp(verdict.on_behalf_of.data, expected.user, verdict.on_behalf_of.n) == 0);
}

TEST(a_caller_asks_for_a_user_of_its_organization)
{
	struct lk_auth_request header = { .n_on_behalf_of = 1 }, none = { .n_on_behalf_of = 0 };
	struct lk_key_text acme, nobody;
	char *user, *other;
	struct fixture f;

	open_with_rules(&f);
	acme = create(&f, "acme");
	nobody = create(&f, "");
	user = create_user(&f, "a@example.com", "acme");
	other = create_user(&f, "b@example.com", "globex");
	header.on_behalf_of = text_of(user);
	check_user(&f, &acme, "/header", none, (struct expected) { LK_DENY_NONE, "" });
	check_user(&f, &acme, "/header", header, (struct expected) { LK_DENY_NONE, user });
	check_user(&f, &acme, "/mail", header, (struct expected) { LK_DENY_NONE, "" });
	check_user(
		&f, &nobody, "/header", header, (struct expected) { LK_DENY_USER_NOT_ALLOWED, "" });
	header.body_user = LK_BODY_WRONG;
	check_user(&f, &acme, "/header", header, (struct expected) { LK_DENY_NONE, user });
	check_user(&f, &acme, "/body", header, (struct expected) { LK_DENY_INVALID_REQUEST, "" });
	header.body_user = LK_BODY_HAS_USER;
	header.body_user_id = text_of(other);
	check_user(&f, &acme, "/body", header, (struct expected) { LK_DENY_USER_NOT_ALLOWED, "" });
	header.body_user_id = text_of(user);
	header.on_behalf_of = text_of(other);
	check_user(&f, &acme, "/body", header, (struct expected) { LK_DENY_NONE, user });
	header.n_on_behalf_of = 2;
	check_user(&f, &acme, "/header", header, (struct expected) { LK_DENY_INVALID_REQUEST, "" });
	fixture_fini(&f);
}

TEST(looking_for_a_user_is_left_to_who_may_wait)
{
	struct lk_auth_request request = { .n_on_behalf_of = 1 };
	struct lk_key_text secret;
	struct lk_verdict verdict;
	struct fixture f;

	open_with_rules(&f);
	secret = create(&f, "acme");
	request.on_behalf_of = text_of(create_user(&f, "a@example.com", "acme"));
	verdict = ask(&f, secret.text, "/header", request);
	CHECK(verdict.must_compute && verdict.reason != LK_DENY_NONE);
	verdict = ask(&f, secret.text, "/mail", request);
	CHECK(!verdict.must_compute && verdict.reason == LK_DENY_NONE);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_providers_key_is_taken_where_a_rule_takes_it),
		RUN(a_base_is_https_at_a_public_host),
		RUN(a_caller_asks_for_a_user_of_its_organization),
		RUN(looking_for_a_user_is_left_to_who_may_wait),
	};

	return RUN_ALL(tests);
}
