/* SPDX-License-Identifier: MIT */
#include "client/bridge/cors.h"
#include "tests/support/exchange.h"

#define VARY "Vary: Origin, Access-Control-Request-Headers\r\n"
#define LISTED "https://app.example"
#define FOREIGN "https://evil.example"

static const char *origins[] = { LISTED };
static const struct lk_bridge_realm realm = {
	.name = "crm", .key_prefix = "crm_", .origins = origins, .n_origins = 1
};
static const struct lk_site site = { .realm = &realm, .key_header = "x-api-key" };

static void check_put(const char *lines, bool is_key, const char *expected)
{
	struct test_exchange test;
	struct lk_buf buf;

	exchange_open(&test, "GET", lines);
	lk_buf_init(&buf, 4096);
	lk_cors_put(&site, &test.exchange, is_key, &buf);
	check_buf(&buf, expected);
	lk_buf_fini(&buf);
	exchange_close(&test);
}

static void check_preflight(const char *lines, const char *expected)
{
	struct test_exchange test;
	struct lk_buf buf;

	exchange_open(&test, "OPTIONS", lines);
	CHECK(lk_cors_is_preflight(&test.exchange));
	lk_buf_init(&buf, 4096);
	lk_cors_put_preflight(&site, &test.exchange, "GET, POST", &buf);
	check_buf(&buf, expected);
	lk_buf_fini(&buf);
	exchange_close(&test);
}

TEST(without_an_origin_only_caches_are_told)
{
	check_put("", false, VARY);
	check_put("", true, VARY);
	check_put("Referer: " LISTED "/\r\n", true, VARY);
}

/* R-C02 */
TEST(a_listed_origin_gets_its_echo_and_credentials)
{
	static const char expected[] = VARY "Access-Control-Allow-Origin: " LISTED "\r\n"
					    "Access-Control-Allow-Credentials: true\r\n";

	check_put("Origin: " LISTED "\r\n", false, expected);
	check_put("Origin: " LISTED "\r\n", true, expected);
}

/* R-C01, I36 */
TEST(any_other_origin_gets_nothing_of_what_a_person_asked_for)
{
	check_put("Origin: " FOREIGN "\r\n", false, VARY);
	check_put("Origin: null\r\n", false, VARY);
	check_put("Origin: " LISTED ".evil.example\r\n", false, VARY);
}

/* R-C04, I33 */
TEST(any_other_origin_gets_what_a_key_asked_for_without_credentials)
{
	check_put("Origin: " FOREIGN "\r\n", true,
		VARY "Access-Control-Allow-Origin: " FOREIGN "\r\n");
	check_put("Origin: null\r\n", true, VARY "Access-Control-Allow-Origin: null\r\n");
}

TEST(of_two_origins_none_counts)
{
	check_put("Origin: " LISTED "\r\nOrigin: " LISTED "\r\n", true, VARY);
	check_put("Origin: " LISTED ", " FOREIGN "\r\n", false, VARY);
}

TEST(a_preflight_has_a_method_to_ask_for_and_an_origin)
{
	static const struct {
		const char *method, *lines;
		bool is_preflight;
	} cases[] = {
		{ "OPTIONS", "Origin: a\r\nAccess-Control-Request-Method: GET\r\n", true },
		{ "OPTIONS", "Origin: a\r\nAccess-Control-Request-Headers: a\r\n", false },
		{ "OPTIONS", "Access-Control-Request-Method: GET\r\n", false },
		{ "OPTIONS", "Origin: a\r\nOrigin: a\r\nAccess-Control-Request-Method: GET\r\n",
			false },
		{ "OPTIONS", "", false },
		{ "GET", "Origin: a\r\nAccess-Control-Request-Method: GET\r\n", false },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct test_exchange test;

		exchange_open(&test, cases[i].method, cases[i].lines);
		CHECK_EQ(lk_cors_is_preflight(&test.exchange), cases[i].is_preflight);
		exchange_close(&test);
	}
}

#define ASKS(origin) "Origin: " origin "\r\nAccess-Control-Request-Method: GET\r\n"
#define NAMES(names) "Access-Control-Request-Headers: " names "\r\n"
#define METHODS "Access-Control-Allow-Methods: GET, POST\r\n"
#define MAX_AGE "Access-Control-Max-Age: 600\r\n"

TEST(a_preflight_of_a_listed_origin_grants_credentials)
{
	check_preflight(ASKS(LISTED),
		VARY "Access-Control-Allow-Origin: " LISTED
		     "\r\nAccess-Control-Allow-Credentials: true\r\n" METHODS MAX_AGE);
	check_preflight(ASKS(LISTED) NAMES("authorization,content-type"),
		VARY "Access-Control-Allow-Origin: " LISTED
		     "\r\nAccess-Control-Allow-Credentials: true\r\n" METHODS
		     "Access-Control-Allow-Headers: authorization,content-type\r\n" MAX_AGE);
}

/* D21: it cannot be known yet whether a key will come. */
TEST(a_preflight_of_any_other_origin_grants_no_credentials)
{
	static const char *const names[] = { "x-api-key", "authorization", "X-API-KEY, Accept",
		" content-type ,, x-api-key ,", "accept" };
	char lines[256], expected[512];

	check_preflight(
		ASKS(FOREIGN), VARY "Access-Control-Allow-Origin: " FOREIGN "\r\n" METHODS MAX_AGE);
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		snprintf(lines, sizeof lines, ASKS(FOREIGN) NAMES("%s"), names[i]);
		snprintf(expected, sizeof expected,
			VARY "Access-Control-Allow-Origin: " FOREIGN "\r\n" METHODS
			     "Access-Control-Allow-Headers: %s\r\n" MAX_AGE,
			names[i] + strspn(names[i], " "));
		check_preflight(lines, expected);
	}
}

/* R-C05 */
TEST(a_preflight_for_a_header_that_is_not_taken_grants_nothing)
{
	check_preflight(ASKS(LISTED) NAMES("x-latchkey-user"), VARY);
	check_preflight(ASKS(LISTED) NAMES("authorization, x-forwarded-for"), VARY);
	check_preflight(ASKS(LISTED) NAMES("cookie"), VARY);
	check_preflight(ASKS(LISTED) NAMES("*"), VARY);
	check_preflight(ASKS(LISTED) NAMES("x-api-key2"), VARY);
	check_preflight(ASKS(LISTED) NAMES("accept authorization"), VARY);
	check_preflight(ASKS(LISTED) NAMES("accept\tauthorization"), VARY);
	check_preflight(ASKS(LISTED) NAMES("accept") NAMES("accept"), VARY);
}

TEST(a_realm_without_a_header_for_keys_grants_none)
{
	static const struct lk_site plain = { .realm = &realm };
	struct test_exchange test;
	struct lk_buf buf;

	exchange_open(&test, "OPTIONS", ASKS(LISTED) NAMES("x-api-key"));
	lk_buf_init(&buf, 4096);
	lk_cors_put_preflight(&plain, &test.exchange, "GET", &buf);
	check_buf(&buf, VARY);
	lk_buf_fini(&buf);
	exchange_close(&test);
}

TEST(a_page_is_foreign_when_its_origin_is_not_listed)
{
	static const struct {
		const char *lines;
		bool is_foreign;
	} cases[] = {
		{ "", false }, /* no browser, or no page of another site */
		{ "Origin: " LISTED "\r\n", false },
		{ "Origin: " FOREIGN "\r\n", true },
		{ "Origin: null\r\n", true },
		{ "Origin:\r\n", true },
		{ "Origin: " LISTED "\r\nOrigin: " LISTED "\r\n", true },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct test_exchange test;

		exchange_open(&test, "POST", cases[i].lines);
		CHECK_EQ(lk_cors_is_foreign(&site, &test.exchange), cases[i].is_foreign);
		exchange_close(&test);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(without_an_origin_only_caches_are_told),
		RUN(a_listed_origin_gets_its_echo_and_credentials),
		RUN(any_other_origin_gets_nothing_of_what_a_person_asked_for),
		RUN(any_other_origin_gets_what_a_key_asked_for_without_credentials),
		RUN(of_two_origins_none_counts),
		RUN(a_preflight_has_a_method_to_ask_for_and_an_origin),
		RUN(a_preflight_of_a_listed_origin_grants_credentials),
		RUN(a_preflight_of_any_other_origin_grants_no_credentials),
		RUN(a_preflight_for_a_header_that_is_not_taken_grants_nothing),
		RUN(a_realm_without_a_header_for_keys_grants_none),
		RUN(a_page_is_foreign_when_its_origin_is_not_listed),
	};

	return RUN_ALL(tests);
}
