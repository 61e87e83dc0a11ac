/* SPDX-License-Identifier: MIT */
/* Route rules in the configuration. */
#include "tests/support/config_file.h"

#define REALM HEAD "realms:\n  a:\n    permissions: [x, y.z]\n    "

static uint32_t bit(const char *method)
{
	return lk_method_bit(lk_bytes_of(method));
}

TEST(every_member_of_a_rule_is_read)
{
	const struct lk_route_spec *routes;
	struct fixture f;

	load(&f, REALM
		"key_plans: [BUSINESS]\n"
		"    routes:\n"
		"      - { path: /api/things, methods: [GET, POST], permissions: [x, y.z],\n"
		"          organization: true, callers: [key, address], plans: [PRO, BUSINESS],\n"
		"          byok: [openai], on_behalf_of: header_or_body }\n"
		"      - { path: /api/open/*, public: true }\n");
	CHECK_OK(f.st);
	CHECK_EQ(f.config.realms[0].n_key_plans, 1);
	CHECK_STR(f.config.realms[0].key_plans[0], "BUSINESS");
	CHECK_EQ(f.config.realms[0].n_routes, 2);
	routes = f.config.realms[0].routes;
	CHECK_STR(routes[0].path, "/api/things");
	CHECK_EQ(routes[0].methods, bit("GET") | bit("HEAD") | bit("POST"));
	CHECK_EQ(routes[0].n_permissions, 2);
	CHECK_STR(routes[0].permissions[1], "y.z");
	CHECK_EQ(
		routes[0].callers, LK_CALLER_BIT(LK_CALLER_KEY) | LK_CALLER_BIT(LK_CALLER_ADDRESS));
	CHECK_EQ(routes[0].n_plans, 2);
	CHECK_STR(routes[0].plans[1], "BUSINESS");
	CHECK_STR(routes[0].byok[0], "openai");
	CHECK_EQ(routes[0].on_behalf_of, LK_ON_BEHALF_HEADER_OR_BODY);
	CHECK(routes[0].organization && !routes[0].is_public);
	CHECK_STR(routes[1].path, "/api/open/*");
	CHECK_EQ(routes[1].methods, UINT32_MAX);
	CHECK_EQ(routes[1].callers, LK_CALLERS_DEFAULT);
	CHECK(routes[1].is_public);
	unload(&f);
}

TEST(each_mistake_is_told_with_its_line)
{
	check_mistake(REALM "routes: { path: / }\n", 6, "realms.a.routes: must be a list");
	check_mistake(REALM "routes: [/]\n", 6, "realms.a.routes: must be a section");
	check_mistake(REALM "routes:\n    - { path: / }\n    - { public: true }\n", 8,
		"realms.a.routes.path: is missing");
	check_mistake(REALM "routes: [ { path: a } ]\n", 6,
		"realms.a.routes.path: must be a path from / on");
	check_mistake(REALM "routes: [ { path: /, methods: [GET, get] } ]\n", 6,
		"realms.a.routes.methods: each entry is GET");
	check_mistake(REALM "routes: [ { path: /, methods: [] } ]\n", 6,
		"realms.a.routes.methods: has no entries");
	check_mistake(REALM "routes: [ { path: /, methods: GET } ]\n", 6,
		"realms.a.routes.methods: must be a list");
	check_mistake(REALM "routes: [ { path: /, callers: [key, nobody] } ]\n", 6,
		"realms.a.routes.callers: each entry is key, session");
	check_mistake(REALM "routes: [ { path: /, callers: [] } ]\n", 6,
		"realms.a.routes.callers: has no entries");
	check_mistake(REALM "routes: [ { path: /, public: yes } ]\n", 6,
		"realms.a.routes.public: must be true or false");
	check_mistake(REALM "routes: [ { path: /, colour: blue } ]\n", 6,
		"realms.a.routes: has a field that does not exist");
	check_mistake(REALM "key_plans: BUSINESS\n", 6, "realms.a.key_plans: must be a list");
}

TEST(a_rule_asks_for_permissions_of_its_realm)
{
	check_mistake(REALM "routes:\n    - path: /\n      permissions:\n      - y.z\n"
			    "      - y.*\n",
		10, "realms.a.routes.permissions: an entry is not among the permissions");
	check_mistake(HEAD "realms:\n  a: { permissions: [x] }\n"
			   "  b: { routes: [ { path: /, permissions: [x] } ] }\n",
		5, "realms.b.routes.permissions: an entry is not among");
}

TEST(what_is_public_asks_for_nothing)
{
	static const char *const asked[] = { "permissions: [x]", "organization: true",
		"callers: [key]", "plans: [P]", "byok: [a]", "on_behalf_of: header" };

	for (size_t i = 0; i < LK_COUNT(asked); i++) {
		char yaml[256];

		snprintf(yaml, sizeof yaml, REALM "routes:\n    - { path: /, public: true, %s }\n",
			asked[i]);
		check_mistake(yaml, 7, "realms.a.routes: what is public cannot ask for");
	}
}

TEST(a_rule_that_an_earlier_one_hides_is_a_mistake)
{
	const char *what = "realms.a.routes.path: is of no effect";
	struct fixture f;

	check_mistake(REALM "routes:\n    - path: /a/*\n    - path: /a/b\n", 8, what);
	check_mistake(REALM "routes:\n    - path: /a/*\n    - path: /a/b/*\n", 8, what);
	check_mistake(
		REALM "routes:\n    - path: /a\n    - { path: /a, methods: [GET] }\n", 8, what);
	check_mistake(REALM "routes:\n    - { path: /a, methods: [POST, GET] }\n"
			    "    - { path: /a, methods: [HEAD] }\n",
		8, what);
	load(&f, REALM "routes:\n    - { path: /a/*, methods: [GET] }\n    - path: /a/b\n"
		       "    - path: /a\n    - path: /a*\n    - path: /*\n");
	CHECK_OK(f.st);
	unload(&f);
}

TEST(a_report_never_quotes_what_stands_in_the_file)
{
	struct fixture f;

	load(&f, REALM "routes: [ { path: s3cret, methods: [s3cret], callers: [s3cret],\n"
		       "      s3cret: s3cret } ]\n");
	CHECK_CODE(f.st, LK_INVALID_ARGUMENT);
	CHECK(strstr((const char *)f.errors.data, "3cret") == NULL);
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_member_of_a_rule_is_read),
		RUN(each_mistake_is_told_with_its_line),
		RUN(a_rule_asks_for_permissions_of_its_realm),
		RUN(what_is_public_asks_for_nothing),
		RUN(a_rule_that_an_earlier_one_hides_is_a_mistake),
		RUN(a_report_never_quotes_what_stands_in_the_file),
	};

	return RUN_ALL(tests);
}
