/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "client/bridge/cookie.h"
#include "tests/support/check.h"

static const struct lk_cookie_policy plain = { .secure = false };

/* The value of the cookie `sid`. */
static const char *found(const char *header)
{
	static char text[64];
	struct lk_bytes value;

	CHECK_OK(lk_cookie_find(lk_bytes_of(header), "sid", &value));
	snprintf(text, sizeof text, "%.*s", (int)value.n, (const char *)value.data);
	return text;
}

TEST(a_cookie_is_found_among_others)
{
	CHECK_STR(found("sid=abc"), "abc");
	CHECK_STR(found("a=1; sid=abc; b=2"), "abc");
	CHECK_STR(found("a=1;sid=abc;b=2"), "abc");
	CHECK_STR(found(" \t sid \t= \tabc \t;"), "abc");
	CHECK_STR(found("a; ; =x; ;; sid=abc"), "abc");
	CHECK_STR(found("sid=a=b=="), "a=b==");
	CHECK_STR(found("sid=\"abc\""), "abc");
	CHECK_STR(found("sid=abc; sid=abc"), "abc");
}

TEST(a_cookie_that_is_not_there_is_empty)
{
	static const char *const headers[] = { "", ";", "=", "a=1", "sid", "sid;",
		"sid=", "sid=\"\"", "SID=abc", "Sid=abc", "xsid=abc", "sidx=abc", "a=sid=abc",
		"s id=abc", "\"sid\"=abc", "$sid=abc", "si%64=abc" };

	for (size_t i = 0; i < LK_COUNT(headers); i++)
		CHECK_STR(found(headers[i]), "");
}

/* A page cannot take away a cookie that it does not see. */
TEST(a_cookie_that_no_server_may_set_is_empty)
{
	char header[LK_COOKIE_VALUE_MAX + 8] = "sid=";
	struct lk_bytes value;

	CHECK_STR(found("sid=a b"), "");
	CHECK_STR(found("sid=a,b"), "");
	CHECK_STR(found("sid=a\"b"), "");
	CHECK_STR(found("sid=\""), "");
	CHECK_STR(found("sid=\"abc"), "");
	CHECK_STR(found("sid=a\\b"), "");
	CHECK_STR(found("sid=\xc3\xbc"), "");
	CHECK_STR(found("sid=\xff"), "");
	CHECK_STR(found("sid=a\r\nb"), "");
	CHECK_STR(found("sid=a\x7f"), "");
	CHECK_OK(lk_cookie_find(
		(struct lk_bytes) { (const uint8_t *)"sid=a\0b", 7 }, "sid", &value));
	CHECK_EQ(value.n, 0);
	memset(header + 4, 'a', LK_COOKIE_VALUE_MAX);
	CHECK_OK(lk_cookie_find(lk_bytes_of(header), "sid", &value));
	CHECK_EQ(value.n, LK_COOKIE_VALUE_MAX);
	header[4 + LK_COOKIE_VALUE_MAX] = 'a';
	CHECK_OK(lk_cookie_find(lk_bytes_of(header), "sid", &value));
	CHECK_EQ(value.n, 0);
}

TEST(a_cookie_with_two_values_is_refused_by_name)
{
	static const char *const headers[] = { "sid=a; sid=b", "sid=a; x=1; sid=", "sid=; sid=a",
		"sid=a; sid=\"a\"", "sid=a; sid=a b", "sid=a; sid=a; sid=A" };

	for (size_t i = 0; i < LK_COUNT(headers); i++) {
		struct lk_bytes value;
		struct lk_status st = lk_cookie_find(lk_bytes_of(headers[i]), "sid", &value);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, "sid");
	}
}

/* The line that the cookie makes. */
static const char *line(const struct lk_cookie *cookie, bool is_secure)
{
	const struct lk_cookie_policy policy = { .secure = is_secure };
	static char text[256];
	struct lk_buf buf;

	lk_buf_init(&buf, sizeof text - 1);
	CHECK_OK(lk_cookie_add(cookie, &policy, &buf));
	snprintf(text, sizeof text, "%.*s", (int)buf.n, (const char *)buf.data);
	lk_buf_fini(&buf);
	return text;
}

TEST(a_cookie_is_written_for_its_life)
{
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/v1", "abc", 86400, false }, false),
		"Set-Cookie: sid=abc; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=86400\r\n");
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/", "abc", -1, false }, false),
		"Set-Cookie: sid=abc; Path=/; HttpOnly; SameSite=Lax\r\n");
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/", "abc", INT64_MAX, false }, false),
		"Set-Cookie: sid=abc; Path=/; HttpOnly; SameSite=Lax; "
		"Max-Age=9223372036854775807\r\n");
}

TEST(an_empty_value_deletes_the_cookie)
{
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/v1", "", -1, false }, false),
		"Set-Cookie: sid=; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=0\r\n");
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/v1", "", 60, false }, false),
		"Set-Cookie: sid=; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=0\r\n");
}

/* D22 */
TEST(a_cookie_is_secure_exactly_where_the_client_speaks_https)
{
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/v1", "abc", 60, false }, true),
		"Set-Cookie: sid=abc; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=60; Secure\r\n");
}

TEST(a_sessions_cookie_is_for_other_sites_over_https_alone)
{
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/", "abc", 60, true }, true),
		"Set-Cookie: __Secure-sid=abc; Path=/; HttpOnly; SameSite=None; Max-Age=60; "
		"Secure\r\n");
	CHECK_STR(line(&(struct lk_cookie) { "sid", "/", "abc", 60, true }, false),
		"Set-Cookie: sid=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60\r\n");
}

/* R-H37 */
TEST(a_value_that_could_end_the_line_is_never_written)
{
	static const char *const values[] = { "a\r\nSet-Cookie: x=y", "a\nb", "a;b", "a b", "a,b",
		"\"a\"", "a\\b", "\xc3\xbc", "\x7f", "a\tb" };
	struct lk_buf buf;

	lk_buf_init(&buf, 256);
	for (size_t i = 0; i < LK_COUNT(values); i++) {
		struct lk_status st = lk_cookie_add(
			&(struct lk_cookie) { "sid", "/", values[i], 60, false }, &plain, &buf);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, "sid");
		CHECK_EQ(buf.n, 0);
	}
	lk_buf_fini(&buf);
}

TEST(a_line_that_does_not_fit_is_refused)
{
	const char *text = line(&(struct lk_cookie) { "sid", "/v1", "abc", 60, false }, false);
	size_t n = strlen(text);

	for (size_t cap = 0; cap <= n; cap++) {
		struct lk_buf buf;

		lk_buf_init(&buf, cap);
		CHECK_CODE(lk_cookie_add(&(struct lk_cookie) { "sid", "/v1", "abc", 60, false },
				   &plain, &buf),
			cap < n ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_buf_fini(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_cookie_is_found_among_others),
		RUN(a_cookie_that_is_not_there_is_empty),
		RUN(a_cookie_that_no_server_may_set_is_empty),
		RUN(a_cookie_with_two_values_is_refused_by_name),
		RUN(a_cookie_is_written_for_its_life),
		RUN(an_empty_value_deletes_the_cookie),
		RUN(a_cookie_is_secure_exactly_where_the_client_speaks_https),
		RUN(a_sessions_cookie_is_for_other_sites_over_https_alone),
		RUN(a_value_that_could_end_the_line_is_never_written),
		RUN(a_line_that_does_not_fit_is_refused),
	};

	return RUN_ALL(tests);
}
