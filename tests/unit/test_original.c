/* SPDX-License-Identifier: MIT */
#include "client/bridge/original.h"
#include "tests/support/exchange.h"

static void check_path(const char *target, const char *expected)
{
	struct lk_original original;

	if (!lk_original_path(lk_bytes_of(target), &original))
		fail_msg("%s is refused", target);
	CHECK_EQ(original.path_n, strlen(expected));
	CHECK_MEM(original.path, expected, original.path_n);
}

static void check_unclear(const char *target)
{
	struct lk_original original;

	if (lk_original_path(lk_bytes_of(target), &original))
		fail_msg("%s is read as %.*s", target, (int)original.path_n, original.path);
}

static bool read_from(const char *lines, struct lk_original *original_out)
{
	struct test_exchange test;
	bool is_clear;

	exchange_open(&test, "GET", lines);
	is_clear = lk_original_read(&test.exchange, original_out);
	exchange_close(&test);
	return is_clear;
}

static void check_read(const char *lines, enum lk_proxy proxy, enum lk_http_method method)
{
	struct lk_original original;

	CHECK(read_from(lines, &original));
	CHECK_EQ(original.proxy, proxy);
	if (proxy == LK_PROXY_NONE)
		return;
	CHECK_EQ(original.method, method);
	CHECK_EQ(original.path_n, 2);
	CHECK_MEM(original.path, "/a", 2);
}

static void check_not_read(const char *lines, enum lk_proxy proxy)
{
	struct lk_original original;

	if (read_from(lines, &original))
		fail_msg("%s is read", lines);
	CHECK_EQ(original.proxy, proxy);
}

TEST(a_path_ends_where_the_query_begins)
{
	check_path("/", "/");
	check_path("/a/b", "/a/b");
	check_path("/a/b/", "/a/b/");
	check_path("/a?b=/../c;d%2e#\\", "/a");
	check_path("/?", "/");
	check_path("/a?", "/a");
}

TEST(a_path_is_percent_decoded_once)
{
	check_path("/%41%7a/%2D%5f%7E", "/Az/-_~");
	check_path("/caf%C3%A9%20au%20lait", "/caf\303\251 au lait");
	check_path("/%2A", "/*");
	check_unclear("/%");
	check_unclear("/%4");
	check_unclear("/%4?");
	check_unclear("/%4g");
	check_unclear("/%g4");
	check_unclear("/%%34");
	check_unclear("/%2541");
	check_unclear("/%25");
}

TEST(dots_are_a_name_only_inside_of_one)
{
	check_path("/a.b/.c/..d/e../.../f.", "/a.b/.c/..d/e../.../f.");
	check_unclear("/.");
	check_unclear("/./a");
	check_unclear("/a/.");
	check_unclear("/a/./b");
	check_unclear("/..");
	check_unclear("/../a");
	check_unclear("/a/..");
	check_unclear("/a/..?b");
	check_unclear("/a/../b");
	check_unclear("/a/..;/b");
	check_unclear("/%2e");
	check_unclear("/a/%2e%2E/b");
	check_unclear("/a/.%2e/b");
	check_unclear("/a/%2e./b");
	check_unclear("/a%2eb");
}

TEST(a_path_has_no_empty_segments)
{
	check_unclear("");
	check_unclear("a");
	check_unclear("*");
	check_unclear("?");
	check_unclear("//");
	check_unclear("//a");
	check_unclear("/a//");
	check_unclear("/a//b");
	check_unclear("http://a/b");
	check_unclear("%2Fa");
}

TEST(what_some_programs_take_for_a_separator_is_refused)
{
	static const char separators[] = "/\\;%?#.";
	char target[16];

	for (const char *c = separators; *c != '\0'; c++) {
		snprintf(target, sizeof target, "/a%%%02xb", *c);
		check_unclear(target);
		snprintf(target, sizeof target, "/a%%%02Xb", *c);
		check_unclear(target);
	}
	check_unclear("/a\\b");
	check_unclear("/a;b");
	check_unclear("/a;b=c/d");
	check_unclear("/a#b");
	check_unclear("/a#?b");
}

TEST(a_path_is_utf_8)
{
	check_path("/%F0%9F%94%91", "/\360\237\224\221");
	check_unclear("/%80");
	check_unclear("/%C3");
	check_unclear("/%C3/%A9");
	check_unclear("/%FF");
	check_unclear("/%ED%A0%80");
	/* Slashes, dots and a NUL in more bytes than they need. */
	check_unclear("/a%C0%AF..%C0%AFb");
	check_unclear("/a/%C0%AE%C0%AE/b");
	check_unclear("/a/%E0%80%AE%E0%80%AE/b");
	check_unclear("/a%C0%80");
}

/* Of bytes as they are: visible ASCII but what separates, and `%`, which wants digits. */
TEST(every_byte_is_a_part_of_a_path_or_refused)
{
	for (unsigned byte = 0; byte <= 0xff; byte++) {
		uint8_t target[] = { '/', 'a', (uint8_t)byte };
		struct lk_original original;
		bool is_visible = byte > ' ' && byte < 0x7f;
		bool is_part = is_visible && memchr("\\;#%", (int)byte, 4) == NULL;

		if (lk_original_path((struct lk_bytes) { target, sizeof target }, &original) !=
			is_part)
			fail_msg("byte %02x", byte);
		if (is_part)
			CHECK_EQ(original.path_n, byte == '?' ? 2 : 3);
	}
}

TEST(every_escape_is_its_byte_or_refused)
{
	for (unsigned byte = 0; byte <= 0xff; byte++) {
		char target[8];
		struct lk_original original;
		bool is_text = byte >= ' ' && byte < 0x7f;
		bool is_part = is_text && memchr("/\\.;%?#", (int)byte, 7) == NULL;

		snprintf(target, sizeof target, "/a%%%02x", byte);
		if (lk_original_path(lk_bytes_of(target), &original) != is_part)
			fail_msg("escape %02x", byte);
		if (is_part)
			CHECK_EQ((uint8_t)original.path[2], byte);
	}
}

TEST(a_path_that_is_too_long_is_refused)
{
	uint8_t target[LK_ORIGINAL_PATH_MAX + 3];
	struct lk_original original;

	memset(target, 'a', sizeof target);
	target[0] = '/';
	CHECK(lk_original_path((struct lk_bytes) { target, LK_ORIGINAL_PATH_MAX }, &original));
	CHECK_EQ(original.path_n, LK_ORIGINAL_PATH_MAX);
	CHECK(!lk_original_path((struct lk_bytes) { target, LK_ORIGINAL_PATH_MAX + 1 }, &original));
	/* The query does not count, and an escape is one byte. */
	target[LK_ORIGINAL_PATH_MAX] = '?';
	CHECK(lk_original_path((struct lk_bytes) { target, sizeof target }, &original));
	memcpy(target + LK_ORIGINAL_PATH_MAX - 1, "%41", 3);
	CHECK(lk_original_path((struct lk_bytes) { target, LK_ORIGINAL_PATH_MAX + 2 }, &original));
	CHECK_EQ(original.path_n, LK_ORIGINAL_PATH_MAX);
}

TEST(the_headers_tell_which_kind_of_proxy_asks)
{
	check_read("", LK_PROXY_NONE, LK_HTTP_GET);
	check_read(
		"X-Forwarded-For: 10.0.0.1\r\nX-Original-Host: a\r\n", LK_PROXY_NONE, LK_HTTP_GET);
	check_read(
		"X-Original-Method: PUT\r\nX-Original-URI: /a?b\r\n", LK_PROXY_NGINX, LK_HTTP_PUT);
	check_read("x-forwarded-uri: /a\r\nX-FORWARDED-METHOD: HEAD\r\n", LK_PROXY_PLAIN,
		LK_HTTP_HEAD);
}

TEST(a_method_is_known_by_its_exact_name)
{
	static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS", "TRACE", "GETS", "GE", "PROPFIND", "M-SEARCH" };
	char lines[128];

	for (size_t i = 0; i < LK_COUNT(names); i++) {
		enum lk_http_method method =
			i < LK_HTTP_OTHER ? (enum lk_http_method)i : LK_HTTP_OTHER;

		snprintf(lines, sizeof lines, "X-Original-Method: %s\r\nX-Original-URI: /a\r\n",
			names[i]);
		check_read(lines, LK_PROXY_NGINX, method);
	}
}

TEST(a_method_that_some_read_in_upper_case_is_refused)
{
	check_not_read("X-Original-Method: get\r\nX-Original-URI: /a\r\n", LK_PROXY_NGINX);
	check_not_read("X-Forwarded-Method: Delete\r\nX-Forwarded-Uri: /a\r\n", LK_PROXY_PLAIN);
	check_not_read("X-Forwarded-Method: DELETe\r\nX-Forwarded-Uri: /a\r\n", LK_PROXY_PLAIN);
	check_not_read("X-Forwarded-Method:\r\nX-Forwarded-Uri: /a\r\n", LK_PROXY_PLAIN);
}

TEST(headers_that_are_incomplete_or_repeated_are_refused)
{
	check_not_read("X-Original-URI: /a\r\n", LK_PROXY_NGINX);
	check_not_read("X-Original-Method: GET\r\n", LK_PROXY_NGINX);
	check_not_read("X-Original-Method: GET\r\nX-Original-URI:\r\n", LK_PROXY_NGINX);
	check_not_read("X-Original-Method: GET\r\nX-Original-URI: /a\r\nX-Original-URI: /a\r\n",
		LK_PROXY_NGINX);
	check_not_read("X-Original-Method: GET\r\nX-Original-Method: GET\r\nX-Original-URI: /a\r\n",
		LK_PROXY_NGINX);
	check_not_read("X-Forwarded-Uri: /a\r\n", LK_PROXY_PLAIN);
	check_not_read("X-Forwarded-Method: GET\r\n", LK_PROXY_PLAIN);
	check_not_read("X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /a\r\nX-Forwarded-Uri: /b\r\n",
		LK_PROXY_PLAIN);
}

TEST(a_client_cannot_add_the_headers_of_another_kind_of_proxy)
{
	static const char *const nginx[] = { "X-Original-Method: GET\r\n",
		"X-Original-URI: /public\r\n", "X-Original-Method: GET\r\nX-Original-URI: /p\r\n" };
	static const char *const plain[] = { "X-Forwarded-Method: GET\r\n",
		"X-Forwarded-Uri: /a\r\n", "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /a\r\n" };
	char lines[256];

	for (size_t i = 0; i < LK_COUNT(nginx); i++)
		for (size_t j = 0; j < LK_COUNT(plain); j++) {
			snprintf(lines, sizeof lines, "%s%s", nginx[i], plain[j]);
			check_not_read(lines, LK_PROXY_NGINX);
			snprintf(lines, sizeof lines, "%s%s", plain[j], nginx[i]);
			check_not_read(lines, LK_PROXY_NGINX);
		}
}

static bool read_target(const char *target, const char *lines, struct lk_original *original_out)
{
	struct test_exchange test;
	char head[512];
	bool is_clear;

	snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, lines);
	exchange_open_bytes(&test, lk_bytes_of(head));
	is_clear = lk_original_read(&test.exchange, original_out);
	exchange_close(&test);
	return is_clear;
}

TEST(envoy_asks_with_the_request_itself)
{
	struct lk_original original;

	CHECK(read_target("/_latchkey/verify/a%20b?c", "", &original));
	CHECK_EQ(original.proxy, LK_PROXY_ENVOY);
	CHECK_EQ(original.method, LK_HTTP_PUT);
	CHECK_STR(original.path, "/a b");
	CHECK(read_target("/_latchkey/verify/", "", &original));
	CHECK_STR(original.path, "/");
	CHECK(!read_target("/_latchkey/verify//a", "", &original));
	CHECK_EQ(original.proxy, LK_PROXY_ENVOY);
	CHECK(!read_target("/_latchkey/verify/a", "X-Forwarded-Method: GET\r\n", &original));
	CHECK(!read_target("/_latchkey/verify/a",
		"X-Original-Method: GET\r\nX-Original-URI: /a\r\n", &original));
	/* Elsewhere a path is just that. */
	CHECK(read_target("/_latchkey/verifyx/a", "", &original));
	CHECK_EQ(original.proxy, LK_PROXY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_path_ends_where_the_query_begins),
		RUN(a_path_is_percent_decoded_once),
		RUN(dots_are_a_name_only_inside_of_one),
		RUN(a_path_has_no_empty_segments),
		RUN(what_some_programs_take_for_a_separator_is_refused),
		RUN(a_path_is_utf_8),
		RUN(every_byte_is_a_part_of_a_path_or_refused),
		RUN(every_escape_is_its_byte_or_refused),
		RUN(a_path_that_is_too_long_is_refused),
		RUN(the_headers_tell_which_kind_of_proxy_asks),
		RUN(a_method_is_known_by_its_exact_name),
		RUN(a_method_that_some_read_in_upper_case_is_refused),
		RUN(headers_that_are_incomplete_or_repeated_are_refused),
		RUN(a_client_cannot_add_the_headers_of_another_kind_of_proxy),
		RUN(envoy_asks_with_the_request_itself),
	};

	return RUN_ALL(tests);
}
