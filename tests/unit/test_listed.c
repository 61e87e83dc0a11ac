/* SPDX-License-Identifier: MIT */
/* Callers that the configuration lists. */
#include "server/core/decision.h"
#include "tests/support/core_fixture.h"

#define KEY "0123456789abcdef0123456789abcdef"

static const char *const clerk_grants[] = { "records.read" };
static const struct lk_role_spec roles[] = { { "clerk", clerk_grants, 1 } };
static const char *const clerk[] = { "clerk" };
static const char *const both[] = { "clerk", "clients.read" };
static const char *const unknown[] = { "nobody" };
static const char *const blocks[] = { "10.0.0.0/24", "192.0.2.7" };

static struct lk_listed_key_spec key_spec(const char *text, const char *const *names, size_t n)
{
	struct lk_listed_key_spec spec = {
		.description = "Monitoring", .roles = names, .n_roles = n
	};

	lk_sha256(text_of(text), &spec.sha256);
	return spec;
}

static struct lk_realm_spec realm_spec(const struct lk_listed_key_spec *keys, size_t n)
{
	struct lk_realm_spec spec = fixture_realms[0];

	spec.roles = roles;
	spec.n_roles = LK_COUNT(roles);
	spec.listed = (struct lk_listed_spec) { .keys = keys,
		.n_keys = n,
		.addresses = blocks,
		.n_addresses = LK_COUNT(blocks),
		.address_roles = clerk,
		.n_address_roles = LK_COUNT(clerk) };
	return spec;
}

static void open_listed(struct fixture *f)
{
	struct lk_listed_key_spec key = key_spec(KEY, both, LK_COUNT(both));
	struct lk_realm_spec specs[2] = { realm_spec(&key, 1), fixture_realms[1] };
	struct lk_store *store;

	CHECK_OK(lk_store_mem_open(&store));
	fixture_init_with(f, store, specs, LK_COUNT(specs));
}

/* Whatever is presented; NULL: nothing. */
static struct lk_verdict ask(
	struct fixture *f, const char *credential, struct lk_auth_request request)
{
	struct lk_verifier verifier = {
		.index = f->index, .peppers = &f->peppers, .usage = f->usage
	};
	struct lk_bytes text = text_of(credential != NULL ? credential : "");
	struct lk_verdict verdict;

	request.realm = f->call.realm;
	request.credentials = &text;
	request.n_credentials = credential != NULL ? 1 : 0;
	request.now = NOW;
	lk_index_enter();
	CHECK_OK(lk_authenticate(&verifier, &request, &verdict));
	lk_index_leave();
	return verdict;
}

TEST(a_static_key_has_its_roles)
{
	static const char *const wanted[] = { "records.read", "clients.read" };
	static const char *const more[] = { "records.write" };
	struct lk_verdict verdict;
	struct fixture f;

	open_listed(&f);
	verdict = ask(
		&f, KEY, (struct lk_auth_request) { .permissions = wanted, .n_permissions = 2 });
	CHECK_EQ(verdict.reason, LK_DENY_NONE);
	CHECK_EQ(verdict.caller, LK_CALLER_STATIC_KEY);
	CHECK(verdict.entry == NULL);
	CHECK_STR(verdict.listed->subject, "key:Monitoring");
	CHECK_STR(verdict.listed->name, "Monitoring");
	CHECK_EQ(verdict.listed->n_roles, 2);
	CHECK_STR(verdict.listed->roles[1], "clients.read");
	verdict =
		ask(&f, KEY, (struct lk_auth_request) { .permissions = more, .n_permissions = 1 });
	CHECK_EQ(verdict.reason, LK_DENY_PERMISSION_DENIED);
	verdict = ask(&f, KEY "0", (struct lk_auth_request) { .now = NOW });
	CHECK_EQ(verdict.reason, LK_DENY_UNKNOWN_CREDENTIAL);
	f.call.realm = lk_realms_find(f.realms, text_of("other"));
	CHECK_EQ(ask(&f, KEY, (struct lk_auth_request) { .now = NOW }).reason,
		LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

TEST(an_address_speaks_for_who_presents_nothing)
{
	struct lk_auth_request request = { .client_address = text_of("10.0.0.9") };
	struct lk_verdict verdict;
	struct fixture f;

	open_listed(&f);
	verdict = ask(&f, NULL, request);
	CHECK_EQ(verdict.reason, LK_DENY_NONE);
	CHECK_EQ(verdict.caller, LK_CALLER_ADDRESS);
	CHECK_STR(verdict.listed->subject, "ip:10.0.0.0/24");
	CHECK_EQ(ask(&f, "x", request).reason, LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(ask(&f, "", request).reason, LK_DENY_UNKNOWN_CREDENTIAL);
	request.cross_site = true;
	CHECK_EQ(ask(&f, NULL, request).reason, LK_DENY_NO_CREDENTIAL);
	request.cross_site = false;
	request.client_address = text_of("10.0.1.9");
	CHECK_EQ(ask(&f, NULL, request).reason, LK_DENY_NO_CREDENTIAL);
	request.client_address = text_of("");
	CHECK_EQ(ask(&f, NULL, request).reason, LK_DENY_NO_CREDENTIAL);
	request.client_address = text_of("192.0.2.7");
	verdict = ask(&f, NULL, request);
	CHECK_STR(verdict.listed->subject, "ip:192.0.2.7");
	fixture_fini(&f);
}

static void check_refused(struct lk_realm_spec spec, const char *field)
{
	struct lk_status st = lk_realm_spec_check(&spec);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, field);
}

TEST(what_makes_no_sense_is_refused)
{
	struct lk_listed_key_spec keys[2] = { key_spec(KEY, clerk, 1), key_spec(KEY, both, 2) };
	struct lk_realm_spec spec = realm_spec(keys, 2);

	check_refused(spec, "api_keys");
	keys[1] = key_spec("another", unknown, 1);
	check_refused(spec, "api_keys");
	keys[1] = key_spec("another", clerk, 0);
	check_refused(spec, "api_keys");
	keys[1] = key_spec("another", clerk, 1);
	CHECK_OK(lk_realm_spec_check(&spec));
	spec.listed.n_address_roles = 0;
	check_refused(spec, "ip_whitelist_roles");
	spec.listed.address_roles = unknown;
	spec.listed.n_address_roles = 1;
	check_refused(spec, "ip_whitelist_roles");
	spec.listed.addresses = unknown;
	spec.listed.n_addresses = 1;
	check_refused(spec, "ip_whitelist");
}

TEST(a_text_is_a_key_from_32_characters_on)
{
	CHECK(lk_listed_key_is_valid(text_of(KEY)));
	CHECK(lk_listed_key_is_valid(text_of("+/=" KEY)));
	CHECK(!lk_listed_key_is_valid((struct lk_bytes) { (const uint8_t *)KEY, 31 }));
	CHECK(!lk_listed_key_is_valid(text_of(KEY " ")));
	CHECK(!lk_listed_key_is_valid(text_of(KEY ".a")));
	CHECK(!lk_listed_key_is_valid(text_of(KEY "\xc3\xa9")));
}

TEST(lists_fail_without_a_trace)
{
	struct lk_listed_key_spec key = key_spec(KEY, both, LK_COUNT(both));
	struct lk_realm_spec spec = realm_spec(&key, 1);
	struct lk_listed *listed;
	unsigned long nth = 1;
	struct fixture f;

	open_listed(&f);
	for (bool fired = true; fired; nth++) {
		struct lk_status st;

		lk_alloc_fail_nth(nth);
		st = lk_listed_new(f.call.realm, &spec.listed, &listed);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_listed_free(listed);
	}
	CHECK(nth > 4);
	fixture_fini(&f);
}

TEST(sha256_is_that_of_the_standard)
{
	static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
	struct lk_digest digest;

	lk_sha256(text_of("abc"), &digest);
	CHECK(memcmp(digest.bytes, abc, sizeof abc) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_static_key_has_its_roles),
		RUN(an_address_speaks_for_who_presents_nothing),
		RUN(what_makes_no_sense_is_refused),
		RUN(a_text_is_a_key_from_32_characters_on),
		RUN(lists_fail_without_a_trace),
		RUN(sha256_is_that_of_the_standard),
	};

	return RUN_ALL(tests);
}
