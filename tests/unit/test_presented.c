/* SPDX-License-Identifier: MIT */
#include "client/bridge/presented.h"
#include "tests/support/exchange.h"

#define BEARER LATCHKEY__V1__CREDENTIAL_KIND__CREDENTIAL_KIND_BEARER
#define API_KEY LATCHKEY__V1__CREDENTIAL_KIND__CREDENTIAL_KIND_API_KEY

static const struct lk_bridge_realm realm = { .name = "crm", .key_prefix = "crm_" };
static const struct lk_site site = { .realm = &realm, .key_header = "x-api-key" };

static void check_presented(const char *lines, struct lk_presented expected)
{
	struct test_exchange test;
	struct lk_presented presented;

	exchange_open(&test, "GET", lines);
	CHECK_OK(lk_present(&site, &test.exchange, false, &presented));
	CHECK_EQ(presented.n, expected.n);
	if (expected.n == 1) {
		CHECK_EQ(presented.is_key, expected.is_key);
		CHECK_EQ(presented.kind, expected.kind);
	}
	CHECK_STR(presented.value, expected.value);
	exchange_close(&test);
}

static void check_bearer(const char *value, const char *expected)
{
	char lines[256];

	snprintf(lines, sizeof lines, "Authorization: %s\r\n", value);
	check_presented(lines, (struct lk_presented) { .n = 1, .kind = BEARER, .value = expected });
}

TEST(without_a_header_there_is_no_credential)
{
	check_presented("", (struct lk_presented) { .value = "" });
	check_presented("Cookie: authorization=a\r\nX-Api-Keys: b\r\n"
			"Proxy-Authorization: Bearer c\r\n",
		(struct lk_presented) { .value = "" });
}

TEST(a_bearer_follows_its_scheme_in_any_case_and_spaces)
{
	check_bearer("Bearer abc", "abc");
	check_bearer("bearer abc", "abc");
	check_bearer("BEARER abc", "abc");
	check_bearer("Bearer   abc", "abc");
	check_bearer("Bearer a.b-c_d~e+f/g==", "a.b-c_d~e+f/g==");
	check_bearer("Bearer Bearer", "Bearer");
}

/* R-A02 */
TEST(what_is_no_bearer_is_a_credential_that_nobody_has)
{
	check_bearer("", "");
	check_bearer("Bearer", "");
	check_bearer("Bearer ", "");
	check_bearer("Bearer\tabc", "");
	check_bearer("Bearer: abc", "");
	check_bearer("Bearerabc", "");
	check_bearer("Beare abc", "");
	check_bearer("Basic YTpi", "");
	check_bearer("Token abc", "");
	check_bearer("abc", "");
	check_bearer("Bearer a b", "");
	check_bearer("Bearer a, Bearer b", "");
	check_bearer("Bearer a\tb", "");
	check_bearer("Bearer caf\303\251", "");
	check_bearer("Bearer \"abc\"", "\"abc\""); /* unknown to the server */
}

TEST(no_credential_has_a_byte_beyond_visible_ascii)
{
	for (unsigned byte = 1; byte <= 0xff; byte++) {
		bool is_visible = byte > ' ' && byte < 0x7f;
		char value[] = { 'B', 'e', 'a', 'r', 'e', 'r', ' ', 'a', (char)byte, 'b', '\0' };

		/* Others end the request before. */
		if (byte >= ' ' && byte != 0x7f)
			check_bearer(value, is_visible ? value + sizeof "Bearer" : "");
	}
}

TEST(the_prefix_tells_a_key_from_other_bearers)
{
	static const struct lk_presented key = {
		.n = 1, .is_key = true, .kind = BEARER, .value = "crm_abc"
	};

	check_presented("Authorization: Bearer crm_abc\r\n", key);
	check_bearer("Bearer crm", "crm");
	check_bearer("Bearer CRM_abc", "CRM_abc");
	check_bearer("Bearer xcrm_abc", "xcrm_abc");
	check_bearer("Bearer shop_abc", "shop_abc");
}

TEST(the_header_of_keys_holds_a_key_whatever_it_looks_like)
{
	static const char *const names[] = { "X-Api-Key", "x-api-key", "X-API-KEY" };
	static const char *const values[] = { "crm_abc", "abc", "" };
	char lines[64];

	for (size_t i = 0; i < LK_COUNT(names); i++)
		for (size_t j = 0; j < LK_COUNT(values); j++) {
			snprintf(lines, sizeof lines, "%s: %s\r\n", names[i], values[j]);
			check_presented(lines, (struct lk_presented) { .n = 1,
						       .is_key = true,
						       .kind = API_KEY,
						       .value = values[j] });
		}
	check_presented("X-Api-Key: Bearer crm_abc\r\n",
		(struct lk_presented) { .n = 1, .is_key = true, .kind = API_KEY, .value = "" });
}

/* R-A07; two Authorization lines (R-A09) are refused by the parser. */
TEST(of_two_credentials_none_counts)
{
	static const struct lk_presented two = { .n = 2, .value = "" };

	check_presented("Authorization: Bearer crm_a\r\nX-Api-Key: crm_a\r\n", two);
	check_presented("X-Api-Key: crm_a\r\nAuthorization: Basic YTpi\r\n", two);
	check_presented("X-Api-Key: crm_a\r\nX-Api-Key: crm_a\r\n", two);
	check_presented("X-Api-Key:\r\nAuthorization:\r\n", two);
	check_presented("X-Api-Key: a\r\nAuthorization: Bearer b\r\nx-api-key: c\r\n",
		(struct lk_presented) { .n = 3, .value = "" });
}

TEST(a_site_without_a_header_for_keys_takes_bearers_only)
{
	static const struct lk_site plain = { .realm = &realm };
	struct test_exchange test;
	struct lk_presented presented;

	exchange_open(&test, "GET", "X-Api-Key: crm_a\r\nAuthorization: Bearer crm_b\r\n");
	CHECK_OK(lk_present(&plain, &test.exchange, false, &presented));
	CHECK_EQ(presented.n, 1);
	CHECK_STR(presented.value, "crm_b");
	exchange_close(&test);
}

TEST(a_credential_that_does_not_fit_into_memory_is_told)
{
	struct test_exchange test;
	struct lk_presented presented;

	exchange_open(&test, "GET", "X-Api-Key: crm_a\r\n");
	test.arena.cap = sizeof "crm_a" - 1;
	CHECK_CODE(lk_present(&site, &test.exchange, false, &presented), LK_RESOURCE_EXHAUSTED);
	exchange_close(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(without_a_header_there_is_no_credential),
		RUN(a_bearer_follows_its_scheme_in_any_case_and_spaces),
		RUN(what_is_no_bearer_is_a_credential_that_nobody_has),
		RUN(no_credential_has_a_byte_beyond_visible_ascii),
		RUN(the_prefix_tells_a_key_from_other_bearers),
		RUN(the_header_of_keys_holds_a_key_whatever_it_looks_like),
		RUN(of_two_credentials_none_counts),
		RUN(a_site_without_a_header_for_keys_takes_bearers_only),
		RUN(a_credential_that_does_not_fit_into_memory_is_told),
	};

	return RUN_ALL(tests);
}
