/* SPDX-License-Identifier: MIT */
/* Route rules: which one fits, and what it asks for. */
#include "server/core/decision.h"
#include "server/core/users.h"
#include "tests/support/core_fixture.h"

static const char *const read_only[] = { "records.read" };
static const char *const business[] = { "BUSINESS" };

#define ANY .methods = UINT32_MAX, .callers = LK_CALLERS_DEFAULT

static struct lk_route_spec rules[] = {
	{ .path = "/a/b", .methods = 3, .callers = LK_CALLERS_DEFAULT },
	{ .path = "/a/b", .methods = 4, .callers = LK_CALLERS_DEFAULT },
	{ .path = "/a/*", .methods = 32, .callers = LK_CALLERS_DEFAULT },
	{ .path = "/a/b", ANY },
	{ .path = "/pre*", ANY },
	{ .path = "/read", ANY, .permissions = read_only, .n_permissions = 1 },
	{ .path = "/open/*", ANY, .is_public = true },
	{ .path = "/people", .methods = UINT32_MAX, .callers = LK_CALLER_BIT(LK_CALLER_SESSION) },
	{ .path = "/business", ANY, .plans = business, .n_plans = 1 },
	{ .path = "/member", ANY, .organization = true },
};

static void open_with(struct fixture *f, const char *const *key_plans, size_t n)
{
	struct lk_realm_spec specs[2] = { fixture_realms[0], fixture_realms[1] };
	struct lk_store *store;

	specs[0].routes = rules;
	specs[0].n_routes = LK_COUNT(rules);
	specs[0].key_plans = key_plans;
	specs[0].n_key_plans = n;
	CHECK_OK(lk_store_mem_open(&store));
	fixture_init_with(f, store, specs, LK_COUNT(specs));
}

static void check_rule(const char *method, const char *path, int expected)
{
	struct lk_routes *routes;
	const struct lk_route *route;
	struct fixture f;

	fixture_init(&f);
	CHECK_OK(lk_routes_new(&f.call.realm->catalog, rules, LK_COUNT(rules), &routes));
	route = lk_routes_find(routes, text_of(method), text_of(path));
	CHECK_EQ(route != NULL ? (int)(route - routes->items) : -1, expected);
	lk_routes_free(routes);
	fixture_fini(&f);
}

TEST(the_first_rule_that_fits_counts)
{
	check_rule("GET", "/a/b", 0);
	check_rule("HEAD", "/a/b", 0);
	check_rule("POST", "/a/b", 1);
	check_rule("DELETE", "/a/b", 2);
	check_rule("PUT", "/a/b", 3);
}

TEST(a_method_of_no_name_fits_only_rules_for_all_methods)
{
	check_rule("TRACE", "/a/b", 3);
	check_rule("get", "/a/b", 3);
	check_rule("", "/a/c", -1);
	check_rule("TRACE", "/a/c", -1);
}

TEST(a_path_is_exact_but_for_a_prefix)
{
	check_rule("GET", "/a/b/", -1);
	check_rule("GET", "/a/", -1);
	check_rule("GET", "/A/b", -1);
	check_rule("GET", "/a", -1);
	check_rule("DELETE", "/a/", 2);
	check_rule("DELETE", "/a", -1);
	check_rule("DELETE", "/a/x/y", 2);
	check_rule("GET", "/pre", 4);
	check_rule("GET", "/prefix/x", 4);
	check_rule("GET", "/pr", -1);
	check_rule("GET", "", -1);
}

TEST(a_path_of_a_rule_has_one_meaning)
{
	static const char *const good[] = { "/", "/*", "/a", "/a/", "/a*", "/a/*", "/a/b.c/..d/.e",
		"/a/...", "/v1/x:y;z=1,2", "/~a/$b/(c)" };
	static const char *const bad[] = { "", "a", "*", "a/b", "//", "/a//b", "//a", "/.", "/..",
		"/./a", "/a/./b", "/a/../b", "/a/..", "/a/.", "/a/%41", "/a?b", "/a#b", "/a*b",
		"/*/a", "/**", "/a b", "/a\tb", "/\xc3\xbc", "/a\\b", "/a\"", "/<a>", "/{id}" };

	for (size_t i = 0; i < LK_COUNT(good); i++)
		CHECK(lk_route_path_is_valid(good[i]));
	for (size_t i = 0; i < LK_COUNT(bad); i++)
		if (lk_route_path_is_valid(bad[i]))
			fail_msg("'%s' is a path", bad[i]);
}

static void check_refused(struct lk_route_spec spec)
{
	struct lk_routes *routes;
	struct lk_status st;
	struct fixture f;

	fixture_init(&f);
	st = lk_routes_new(&f.call.realm->catalog, &spec, 1, &routes);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "routes");
	CHECK(routes == NULL);
	fixture_fini(&f);
}

TEST(a_rule_that_makes_no_sense_is_refused)
{
	static const char *const unknown[] = { "no.such" };
	static const char *const empty[] = { "" };

	check_refused((struct lk_route_spec) { .path = "a", ANY });
	check_refused((struct lk_route_spec) { .path = "/a", .callers = 2 });
	check_refused((struct lk_route_spec) { .path = "/a", .methods = 1 });
	check_refused((struct lk_route_spec) {
		.path = "/a", ANY, .permissions = unknown, .n_permissions = 1 });
	check_refused((struct lk_route_spec) { .path = "/a", ANY, .plans = empty, .n_plans = 1 });
	check_refused((struct lk_route_spec) { .path = "/a",
		ANY,
		.is_public = true,
		.permissions = read_only,
		.n_permissions = 1 });
	check_refused((struct lk_route_spec) {
		.path = "/a", ANY, .is_public = true, .organization = true });
}

TEST(rules_fail_without_a_trace)
{
	struct lk_routes *routes;
	struct fixture f;
	unsigned long nth = 1;

	fixture_init(&f);
	for (bool fired = true; fired; nth++) {
		struct lk_status st;

		lk_alloc_fail_nth(nth);
		st = lk_routes_new(&f.call.realm->catalog, rules, LK_COUNT(rules), &routes);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_routes_free(routes);
	}
	CHECK(nth > LK_COUNT(rules));
	fixture_fini(&f);
}

static struct lk_key_text create(struct fixture *f, const char *organization, const char *scope)
{
	const char *const scopes[] = { scope };
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_text secret;
	struct lk_key_view view;

	spec.organization_id = organization;
	spec.scopes = scopes;
	spec.n_scopes = 1;
	CHECK_OK(fixture_create(f, &spec, &view, &secret));
	return secret;
}

static void set_plan(struct fixture *f, const char *plan)
{
	struct lk_organization_change change = {
		.id = "acme", .fields = LK_ORGANIZATION_FIELD_PLAN, .plan = plan
	};
	struct lk_organization_record record;

	CHECK_OK(fixture_commit(f, lk_organizations_set(&f->call, f->txn, &change, &record)));
}

static void check(struct fixture *f, const struct lk_key_text *secret, const char *path,
	enum lk_deny_reason expected)
{
	struct lk_auth_request request = { .by_route = true,
		.method = text_of("GET"),
		.path = text_of(path),
		.client_address = text_of("192.0.2.1") };

	CHECK_EQ(fixture_verify(f, secret->text, request), expected);
}

TEST(a_request_is_judged_by_its_rule)
{
	struct lk_key_text all, member, none = { "not a key" };
	struct fixture f;

	open_with(&f, NULL, 0);
	all = create(&f, "", "clients.read");
	member = create(&f, "acme", "records.read");
	check(&f, &all, "/nowhere", LK_DENY_NO_ROUTE);
	check(&f, &none, "/nowhere", LK_DENY_NO_ROUTE);
	check(&f, &none, "/open/x", LK_DENY_NONE);
	check(&f, &none, "/a/b", LK_DENY_UNKNOWN_CREDENTIAL);
	check(&f, &all, "/a/b", LK_DENY_NONE);
	check(&f, &all, "/read", LK_DENY_PERMISSION_DENIED);
	check(&f, &member, "/read", LK_DENY_NONE);
	check(&f, &all, "/people", LK_DENY_KIND_NOT_ALLOWED);
	check(&f, &all, "/member", LK_DENY_ORGANIZATION_REQUIRED);
	check(&f, &member, "/member", LK_DENY_NONE);
	check(&f, &member, "/business", LK_DENY_PLAN_REQUIRED);
	set_plan(&f, "PRO");
	check(&f, &member, "/business", LK_DENY_PLAN_REQUIRED);
	set_plan(&f, "BUSINESS");
	check(&f, &member, "/business", LK_DENY_NONE);
	check(&f, &all, "/business", LK_DENY_PLAN_REQUIRED);
	fixture_fini(&f);
}

TEST(without_a_route_the_rules_are_not_asked)
{
	struct lk_key_text secret;
	struct fixture f;

	open_with(&f, NULL, 0);
	secret = create(&f, "", "clients.read");
	CHECK_EQ(fixture_verify(&f, secret.text, (struct lk_auth_request) { .now = NOW }),
		LK_DENY_NONE);
	f.call.realm = lk_realms_find(f.realms, text_of("other"));
	check(&f, &secret, "/a/b", LK_DENY_NO_ROUTE);
	fixture_fini(&f);
}

TEST(keys_go_with_the_plan_of_their_organization)
{
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_text secret, other;
	struct lk_key_view view;
	struct lk_status st;
	struct fixture f;

	open_with(&f, business, 1);
	st = fixture_create(&f, &spec, &view, &secret);
	CHECK_CODE(st, LK_PERMISSION_DENIED);
	CHECK_EQ(st.reason, LK_PLAN_REQUIRED);
	spec.organization_id = "acme";
	CHECK_CODE(fixture_create(&f, &spec, &view, &secret), LK_PERMISSION_DENIED);
	set_plan(&f, "FREE");
	CHECK_CODE(fixture_create(&f, &spec, &view, &secret), LK_PERMISSION_DENIED);
	set_plan(&f, "BUSINESS");
	CHECK_OK(fixture_create(&f, &spec, &view, &other));
	check(&f, &other, "/a/b", LK_DENY_NONE);
	set_plan(&f, "PRO");
	check(&f, &other, "/a/b", LK_DENY_PLAN_REQUIRED);
	check(&f, &other, "/open/x", LK_DENY_NONE);
	set_plan(&f, "BUSINESS");
	check(&f, &other, "/a/b", LK_DENY_NONE);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_first_rule_that_fits_counts),
		RUN(a_method_of_no_name_fits_only_rules_for_all_methods),
		RUN(a_path_is_exact_but_for_a_prefix),
		RUN(a_path_of_a_rule_has_one_meaning),
		RUN(a_rule_that_makes_no_sense_is_refused),
		RUN(rules_fail_without_a_trace),
		RUN(a_request_is_judged_by_its_rule),
		RUN(without_a_route_the_rules_are_not_asked),
		RUN(keys_go_with_the_plan_of_their_organization),
	};

	return RUN_ALL(tests);
}
