/* SPDX-License-Identifier: MIT */
/* Tokens of other issuers. */
#include <stdio.h>

#include "server/core/realm.h"
#include "server/rpc/external.h"
#include "tests/support/check.h"
#include "tests/support/jwt.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define NOW INT64_C(1767225600000)
#define SUBJECT "8a1c2f4e-0000-4000-8000-000000000001"
#define ID "\"iss\":\"https://a.example\",\"sub\":\"" SUBJECT "\""
#define EXP "\"exp\":1767229200"
#define SOUND "{" ID ",\"aud\":\"web\"," EXP

static const char *const permissions[] = { "records.read", "records.write" };
static const char *const clerk_grants[] = { "records.read" };
static const char *const chief_grants[] = { "records.*" };
static const struct lk_role_spec roles[] = { { "clerk", clerk_grants, 1 },
	{ "chief", chief_grants, 1 } };

struct fixture {
	struct lk_realms *realms;
	const struct lk_realm *realm;
	struct lk_external external;
};

static void open_realm(struct fixture *f)
{
	static const struct lk_issuer_spec issuers[] = {
		{ .issuer = "https://b.example",
			.audience = "web",
			.secret = { (const uint8_t *)SECRET "x", 33 },
			.roles_claim = "roles" },
		{ .issuer = "https://a.example",
			.audience = "web",
			.secret = { (const uint8_t *)SECRET, 32 },
			.roles_claim = "meta.roles",
			.organization_claim = "meta.organization" },
	};
	struct lk_realm_spec spec = { .name = "crm",
		.key_prefix = "crm_",
		.permissions = permissions,
		.n_permissions = LK_COUNT(permissions),
		.roles = roles,
		.n_roles = LK_COUNT(roles),
		.issuers = issuers,
		.n_issuers = LK_COUNT(issuers) };

	CHECK_OK(lk_realms_new(&spec, 1, NULL, &f->realms));
	f->realm = lk_realms_find(f->realms, lk_bytes_of("crm"));
}

static enum lk_deny_reason prove_with(
	struct fixture *f, const char *secret, const char *header, const char *payload)
{
	char text[16384];
	struct lk_bytes token = { (const uint8_t *)text,
		jwt_make(secret, lk_bytes_of(header), lk_bytes_of(payload), text) };
	struct lk_auth_request request = {
		.realm = f->realm, .credentials = &token, .n_credentials = 1, .now = NOW
	};

	return lk_external_prove(&request, &f->external);
}

static enum lk_deny_reason prove(struct fixture *f, const char *payload)
{
	return prove_with(f, SECRET, HEADER, payload);
}

TEST(a_sound_token_tells_who_it_is)
{
	struct fixture f;

	open_realm(&f);
	CHECK_EQ(prove(&f, SOUND ",\"meta\":{\"roles\":[\"clerk\",\"else\",\"chief\"],"
				 "\"organization\":\"acme\"}}"),
		LK_DENY_NONE);
	CHECK_STR(f.external.user_id, SUBJECT);
	CHECK_STR(f.external.organization_id, "acme");
	CHECK_EQ(f.external.n_roles, 2);
	CHECK_STR(f.external.roles[0], "clerk");
	CHECK_EQ(f.external.permissions.w[0], 3);
	CHECK_EQ(f.external.expires_ms, INT64_C(1767229200000));
	lk_realms_free(f.realms);
}

TEST(without_roles_and_organization_it_is_somebody_who_may_nothing)
{
	static const char *const payloads[] = {
		SOUND "}",
		SOUND ",\"meta\":null}",
		SOUND ",\"meta\":{\"roles\":null}}",
		SOUND ",\"meta\":{\"roles\":[]}}",
		SOUND ",\"meta\":[1]}",
	};
	struct fixture f;

	open_realm(&f);
	for (size_t i = 0; i < LK_COUNT(payloads); i++) {
		CHECK_EQ(prove(&f, payloads[i]), LK_DENY_NONE);
		CHECK_EQ(f.external.n_roles, 0);
		CHECK_EQ(f.external.permissions.w[0], 0);
		CHECK_STR(f.external.organization_id, "");
	}
	CHECK_EQ(prove(&f, SOUND ",\"meta\":{\"roles\":\"clerk\"}}"), LK_DENY_NONE);
	CHECK_EQ(f.external.n_roles, 1);
	lk_realms_free(f.realms);
}

TEST(of_several_audiences_one_is_enough)
{
	struct fixture f;

	open_realm(&f);
	CHECK_EQ(prove(&f, "{" ID ",\"aud\":[\"x\",\"web\"]," EXP "}"), LK_DENY_NONE);
	CHECK_EQ(prove(&f, "{" ID ",\"aud\":[\"x\"]," EXP "}"), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(prove(&f, "{" ID ",\"aud\":[]," EXP "}"), LK_DENY_UNKNOWN_CREDENTIAL);
	lk_realms_free(f.realms);
}

TEST(what_is_not_sound_is_nobodys)
{
	static const char *const payloads[] = {
		"",
		"[]",
		"{}",
		"{" ID ",\"aud\":\"web\"}",                        /* without exp */
		"{" ID "," EXP "}",                                /* without aud */
		"{" ID ",\"aud\":7," EXP "}",                      /* of no type */
		"{" ID ",\"aud\":\"web\",\"exp\":\"1767229200\"}", /* likewise */
		"{" ID ",\"aud\":\"web\",\"exp\":-1}",             /* no time */
		"{" ID ",\"aud\":\"web\",\"exp\":1e300}",          /* likewise */
		SOUND ",\"nbf\":\"x\"}",                           /* likewise */
		SOUND ",\"nbf\":1767225700}",                      /* not yet */
		SOUND ",\"meta\":{\"roles\":[7]}}",                /* no role */
		SOUND ",\"sub\":\"b\"}",                           /* twice */
		SOUND "}x",                                        /* more than JSON */
		"{\"iss\":\"https://b.example\",\"sub\":\"a\",\"aud\":\"web\"," EXP "}",
		"{\"iss\":\"https://a.example\",\"sub\":\"\",\"aud\":\"web\"," EXP "}",
		"{\"iss\":\"https://a.example\",\"sub\":\"a\\nb\",\"aud\":\"web\"," EXP "}",
		"{\"iss\":\"https://a.example\",\"sub\":\"user_01tRy6czI6jAOLpZvq3hw1\","
		"\"aud\":\"web\"," EXP "}",
	};
	struct fixture f;

	open_realm(&f);
	for (size_t i = 0; i < LK_COUNT(payloads); i++)
		if (prove(&f, payloads[i]) != LK_DENY_UNKNOWN_CREDENTIAL)
			fail_msg("believed: %s", payloads[i]);
	lk_realms_free(f.realms);
}

TEST(only_the_header_of_its_algorithm_is_taken)
{
	static const char *const headers[] = { "{\"alg\":\"none\"}", "{\"alg\":\"HS512\"}",
		"{\"alg\":\"hs256\"}", "{\"typ\":\"JWT\"}", "{}", "", "[]",
		"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "{\"alg\":\"HS256\",\"alg\":\"HS256\"}" };
	struct fixture f;

	open_realm(&f);
	for (size_t i = 0; i < LK_COUNT(headers); i++)
		CHECK_EQ(prove_with(&f, SECRET, headers[i], SOUND "}"), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(prove_with(&f, SECRET, "{\"alg\":\"HS256\"}", SOUND "}"), LK_DENY_NONE);
	CHECK_EQ(prove_with(&f, "another secret of thirty-two byt", HEADER, SOUND "}"),
		LK_DENY_UNKNOWN_CREDENTIAL);
	lk_realms_free(f.realms);
}

TEST(the_instant_of_expiry_counts_as_expired)
{
	struct fixture f;

	open_realm(&f);
	CHECK_EQ(prove(&f, "{" ID ",\"aud\":\"web\",\"exp\":1767225600}"), LK_DENY_EXPIRED);
	CHECK_EQ(prove(&f, "{" ID ",\"aud\":\"web\",\"exp\":1767225600.5}"), LK_DENY_NONE);
	/* Clocks differ a little. */
	CHECK_EQ(prove(&f, SOUND ",\"nbf\":1767225610}"), LK_DENY_NONE);
	lk_realms_free(f.realms);
}

TEST(text_that_is_no_token_is_nobodys)
{
	static const char *const texts[] = { "", ".", "..", "a.b", "a.b.c", "e30.e30.",
		"e30.e30.e30", "e30.e30.e30.e30", "!.e30.e30" };
	struct fixture f;

	open_realm(&f);
	for (size_t i = 0; i < LK_COUNT(texts); i++) {
		struct lk_bytes token = lk_bytes_of(texts[i]);
		struct lk_auth_request request = {
			.realm = f.realm, .credentials = &token, .n_credentials = 1, .now = NOW
		};

		CHECK_EQ(lk_external_prove(&request, &f.external), LK_DENY_UNKNOWN_CREDENTIAL);
	}
	lk_realms_free(f.realms);
}

static int set_up(void **state)
{
	(void)state;
	return lk_crypto_init().code == LK_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_sound_token_tells_who_it_is),
		RUN(without_roles_and_organization_it_is_somebody_who_may_nothing),
		RUN(of_several_audiences_one_is_enough),
		RUN(what_is_not_sound_is_nobodys),
		RUN(only_the_header_of_its_algorithm_is_taken),
		RUN(the_instant_of_expiry_counts_as_expired),
		RUN(text_that_is_no_token_is_nobodys),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
