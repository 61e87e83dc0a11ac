/* SPDX-License-Identifier: MIT */
/* The reader of request heads: its places, its alphabets, its limits. */
#include "tests/support/heads.h"

static void check_span(struct lk_bytes input, struct lk_http_span span, const char *expected)
{
	struct lk_bytes bytes = lk_http_at(input, span);

	CHECK_EQ(bytes.n, strlen(expected));
	CHECK_MEM(bytes.data, expected, bytes.n);
}

TEST(a_head_is_read_into_places)
{
	struct lk_bytes input = INPUT("PUT /a/b%20c?x=1&y=%3f?z HTTP/1.1\r\n"
				      "hOST:\tcrm.example:8082 \t\r\n"
				      "Content-Length: 0042\r\n"
				      "X-Empty:\r\n"
				      "X-Text:  \xc3\xa4 \t \xff  \r\n\r\n");

	CHECK_EQ(status_of(input), DONE);
	CHECK_EQ(head.method, LK_HTTP_PUT);
	check_span(input, head.method_text, "PUT");
	check_span(input, head.target, "/a/b%20c?x=1&y=%3f?z");
	check_span(input, head.path, "/a/b%20c");
	check_span(input, head.query, "x=1&y=%3f?z");
	check_span(input, head.host, "crm.example");
	CHECK_EQ(head.minor, 1);
	CHECK(head.keeps_alive && !head.expects_continue && head.has_length);
	CHECK_EQ(head.length, 42);
	CHECK_EQ(head.n, input.n);
	CHECK_EQ(head.n_lines, 4);
	check_span(input, head.lines[0].name, "hOST");
	check_span(input, head.lines[0].value, "crm.example:8082");
	check_span(input, head.lines[2].value, "");
	check_span(input, head.lines[3].name, "X-Text");
	check_span(input, head.lines[3].value, "\xc3\xa4 \t \xff");
}

TEST(what_follows_the_head_is_not_looked_at)
{
	static const char next[] = "\r\n\n\0\xff GET";
	struct lk_bytes input = INPUT(GET HOST "Content-Length: 5\r\n" END);

	for (size_t n = 0; n < sizeof next; n++) {
		uint8_t whole[128];

		memcpy(whole, input.data, input.n);
		memcpy(whole + input.n, next, n);
		CHECK_EQ(status_of((struct lk_bytes) { whole, input.n + n }), DONE);
		CHECK_EQ(head.n, input.n);
	}
}

TEST(a_head_that_is_cut_short_is_waited_for)
{
	struct lk_bytes whole = INPUT("\r\n" GET HOST "A: b\r\n" END);

	for (size_t n = 1; n < whole.n; n++)
		CHECK_EQ(status_of((struct lk_bytes) { whole.data, n }), MORE);
	CHECK_EQ(status_of(whole), DONE);
}

TEST(one_empty_line_may_come_first)
{
	static const struct row rows[] = {
		{ INPUT("\r\n" GET HOST END), DONE },
		{ INPUT("\r\n\r\n" GET HOST END), 400 },
		{ INPUT("\n" GET HOST END), 400 },
		{ INPUT("\r" GET HOST END), 400 },
		{ INPUT(" \r\n" GET HOST END), 400 },
		{ INPUT(" " GET HOST END), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(a_request_line_is_three_words_with_single_spaces)
{
	static const struct row rows[] = {
		{ INPUT("GET  / HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /  HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/1.1 \r\n" HOST END), 400 },
		{ INPUT("GET / a HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET\t/ HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /\tHTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET  HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET\r\n" HOST END), 400 },
		{ INPUT("GET /\r\n" HOST END), 400 },
		{ INPUT("GET / \r\n\r\n"), 400 },
		{ INPUT("GET /\r\nHTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("Extra lineGET / HTTP/1.1\r\n" HOST END), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(a_method_is_a_token_without_lower_case)
{
	static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS" };
	static const struct row rows[] = {
		{ INPUT("TRACE / HTTP/1.1\r\n" HOST END), DONE },
		{ INPUT("GETS / HTTP/1.1\r\n" HOST END), DONE },
		{ INPUT("M-SEARCH / HTTP/1.1\r\n" HOST END), DONE },
		{ INPUT("get / HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("Get / HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("G<ET / HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT(" / HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 501 },
		{ INPUT("CONNECT / HTTP/1.1\r\n" HOST END), 501 },
	};

	for (enum lk_http_method method = LK_HTTP_GET; method < LK_HTTP_OTHER; method++) {
		CHECK_STR(lk_http_method_name(method), names[method]);
		CHECK_EQ(status_of(filled(names[method], ' ', 1, "/ HTTP/1.1\r\n" HOST END)), DONE);
		CHECK_EQ(head.method, method);
	}
	CHECK_STR(lk_http_method_name(LK_HTTP_OTHER), "");
	CHECK_ROWS(rows);
	CHECK_EQ(status_of(rows[1].input), DONE);
	CHECK_EQ(head.method, LK_HTTP_OTHER);
	check_span(rows[1].input, head.method_text, "GETS");
}

TEST(a_long_method_is_not_implemented)
{
	CHECK_EQ(status_of(filled("", 'G', LK_HTTP_METHOD_MAX, " / HTTP/1.1\r\n" HOST END)), DONE);
	CHECK_EQ(status_of(filled("", 'G', LK_HTTP_METHOD_MAX + 1, " / HTTP/1.1\r\n" HOST END)),
		501);
	CHECK_EQ(status_of(filled("", 'G', 8234, "")), MORE);
	CHECK_EQ(status_of(filled("", 'G', 8235, "")), 501);
	CHECK_EQ(status_of(filled("", 'g', 65000, "")), 400);
}

TEST(the_version_is_1_0_or_1_1)
{
	static const struct row rows[] = {
		{ INPUT("GET / HTTP/1.0\r\n" HOST END), DONE },
		{ INPUT("GET / HTTP/0.9\r\n" HOST END), 505 },
		{ INPUT("GET / HTTP/1.2\r\n" HOST END), 505 },
		{ INPUT("GET / HTTP/2.0\r\n" HOST END), 505 },
		{ INPUT("GET / HTTP/9.9\r\n" HOST END), 505 },
		{ INPUT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
		{ INPUT("GET / HTTP/1.10\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/1.32\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/11.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/01.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/4294967297.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/1,1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/1.\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/1.x\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/x.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/1\r\n" HOST END), 400 },
		{ INPUT("GET / http/1.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTPS/1.1\r\n" HOST END), 400 },
		{ INPUT("GET / ICY/1.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP 1.1\r\n" HOST END), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(a_target_is_a_path_in_origin_form)
{
	static const struct row rows[] = {
		{ INPUT("GET //keys/../a;b/./?? HTTP/1.1\r\n" HOST END), DONE },
		{ INPUT("GET /a[0]|{}\\^`<>\"'?[]={} HTTP/1.1\r\n" HOST END), DONE },
		{ INPUT("GET http://evil/keys HTTP/1.1\r\nHost: good\r\n\r\n"), 400 },
		{ INPUT("GET HTTP://a/ HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET a:80 HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("OPTIONS * HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET ! HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET ?a HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET a HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET \\a HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /#a HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /a?b#c HTTP/1.1\r\n" HOST END), 400 },
	};
	struct lk_bytes bare = INPUT("GET /a? HTTP/1.1\r\n" HOST END);

	CHECK_ROWS(rows);
	CHECK_EQ(status_of(bare), DONE);
	check_span(bare, head.target, "/a?");
	check_span(bare, head.path, "/a");
	CHECK_EQ(head.query.n, 0);
}

TEST(an_escape_is_two_hexadecimal_digits_and_no_nul)
{
	static const struct row rows[] = {
		{ INPUT("GET /%41%7e%fF?%2F HTTP/1.1\r\n" HOST END), DONE },
		{ INPUT("GET /%01%10%0a HTTP/1.1\r\n" HOST END), DONE },
		{ INPUT("GET /%4 HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /% HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /%zz HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /%4g HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /%g4 HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /%%41 HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /%u0041 HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /%00 HTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET /?a=%00 HTTP/1.1\r\n" HOST END), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(a_target_has_8192_bytes_at_most)
{
	const char *after = " HTTP/1.1\r\n" HOST END;

	CHECK_EQ(status_of(filled("OPTIONS /", 'a', 8191, after)), DONE);
	CHECK_EQ(head.target.n, 8192);
	CHECK_EQ(status_of(filled("GET /", 'a', 8192, after)), 414);
	CHECK_EQ(status_of(filled("GET /", 'a', 60000, after)), 414);
	CHECK_EQ(status_of(filled("GET /", 'a', 8229, "")), MORE);
	CHECK_EQ(status_of(filled("GET /", 'a', 8230, "")), 414);
	CHECK_EQ(status_of(filled("GET / HTTP/1.1", 'a', 8230, "")), 400);
	CHECK_EQ(status_of(filled("32_LETTERS_ARE_THE_LONGEST_NAME_ /", 'a', 8191,
			 " HTTP/1.1\r\n" HOST END)),
		DONE);
	CHECK_EQ(status_of(filled("32_LETTERS_ARE_THE_LONGEST_NAME_ /", 'a', 8191, " HTTP/1.11")),
		400);
}

/* Whether each byte may stand in a place; what may not makes the answer 400 and, where it is a
 * control byte, before the line has ended. */
static void check_bytes(const char *before, const char *after, const char *good, bool takes_obs)
{
	for (unsigned c = 0; c < 256; c++) {
		struct lk_bytes input = filled(before, (char)c, 1, after);
		bool is_good = c >= 0x80 ? takes_obs : c > 0 && strchr(good, (int)c) != NULL;

		CHECK_EQ(status_of(input), is_good ? DONE : 400);
		input.n = strlen(before) + 1;
		if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
			CHECK_EQ(status_of(input), 400);
	}
}

#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define MARKS "!#$%&'*+-.^_`|~"
#define DELIMITERS "\"(),/:;<=>?@[\\]{}"

TEST(every_byte_of_a_method_is_one_of_a_token)
{
	check_bytes("GE", "T / HTTP/1.1\r\n" HOST END, DIGITS UPPER MARKS, false);
}

TEST(every_byte_of_a_target_is_visible_ascii)
{
	check_bytes("GET /", "4a HTTP/1.1\r\n" HOST END,
		DIGITS UPPER LOWER "%!$&'*+-.^_`|~" DELIMITERS, false);
}

TEST(every_byte_of_a_name_is_one_of_a_token)
{
	/* A colon ends the name early. */
	check_bytes(GET HOST "X", "y: z\r\n\r\n", DIGITS UPPER LOWER MARKS ":", false);
}

TEST(every_byte_of_a_value_but_control_bytes_is_taken_as_it_is)
{
	check_bytes(GET HOST "Authorization: Bearer x", "y\r\n\r\n",
		"\t " DIGITS UPPER LOWER MARKS DELIMITERS, true);
}

TEST(every_byte_of_a_host_is_one_of_a_name)
{
	check_bytes(GET "Host: x", "8\r\n\r\n", DIGITS UPPER LOWER "-_.:", false);
}

TEST(a_name_ends_at_its_colon)
{
	static const struct row rows[] = {
		{ INPUT(POST HOST "Content-Length : 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length\t: 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length\x85: 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length\xa0: 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-\r\nEncoding: chunked\r\n\r\n"), 400 },
		{ INPUT(POST HOST ": x\r\n\r\n"), 400 },
		{ INPUT(POST HOST ":\r\n\r\n"), 400 },
		{ INPUT(POST ": x\r\n" HOST END), 400 },
		{ INPUT(GET HOST "X-Bad[]: x\r\n\r\n"), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(no_line_is_folded)
{
	static const struct row rows[] = {
		{ INPUT(GET " " HOST END), 400 },
		{ INPUT(GET "\t" HOST END), 400 },
		{ INPUT(POST " Content-Length: 5\r\n" HOST END), 400 },
		{ INPUT(GET HOST "X: a\r\n b\r\n\r\n"), 400 },
		{ INPUT(GET HOST "X: a\r\n\tb\r\n\r\n"), 400 },
		{ INPUT(GET HOST "X: a\r\n \r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding:\r\n chunked\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: chunked\r\n , identity\r\n\r\n"), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(only_cr_and_lf_together_end_a_line)
{
	static const struct row rows[] = {
		{ INPUT("GET / HTTP/1.1\n" HOST END), 400 },
		{ INPUT("GET / HTTP/1.1\r" HOST END), 400 },
		{ INPUT("GET /\nHTTP/1.1\r\n" HOST END), 400 },
		{ INPUT("GET / HTTP/\r1.1\r\n" HOST END), 400 },
		{ INPUT(GET "Host: a\n" END), 400 },
		{ INPUT(GET "Host: a\r\r\n" END), 400 },
		{ INPUT(GET HOST "\n"), 400 },
		{ INPUT(GET HOST "\r\r\n"), 400 },
		{ INPUT(GET HOST "\r\0\n"), 400 },
		{ INPUT(GET HOST "\rX: y\r\n\r\n"), 400 },
		{ INPUT(GET HOST "X: a\rb\r\n\r\n"), 400 },
		{ INPUT(GET HOST "X: a\r\rb\r\n\r\n"), 400 },
		{ INPUT(GET HOST "X: a\nY: b\r\n\r\n"), 400 },
		{ INPUT(GET HOST "X:\n\nGET / HTTP/1.1\r\n\r\n"), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(http_1_1_needs_exactly_one_host)
{
	static const struct row rows[] = {
		{ INPUT(GET END), 400 },
		{ INPUT(GET HOST HOST END), 400 },
		{ INPUT(GET "Host: a\r\nHOST: b\r\n\r\n"), 400 },
		{ INPUT("GET / HTTP/1.0\r\n" END), DONE },
		{ INPUT("GET / HTTP/1.0\r\n" HOST END), DONE },
		{ INPUT("GET / HTTP/1.0\r\n" HOST HOST END), 400 },
		{ INPUT("GET / HTTP/1.0\r\nHost: a b\r\n" END), 400 },
	};

	CHECK_ROWS(rows);
}

static unsigned host_status(const char *host)
{
	return status_of(filled(GET "Host: ", ' ', 0, host));
}

TEST(a_host_is_a_name_or_an_address_and_perhaps_a_port)
{
	static const char *const good[] = { "a\r\n\r\n", "A-b_c.d\r\n\r\n", "crm.example.\r\n\r\n",
		"192.0.2.1:80\r\n\r\n", "a:0\r\n\r\n", "a:65535\r\n\r\n", "[::1]\r\n\r\n",
		"[2001:DB8::192.0.2.1]:8443\r\n\r\n",
		"[1111:2222:3333:4444:5555:6666:255.255.255.255]\r\n\r\n" };
	static const char *const bad[] = { "\r\n\r\n", " \r\n\r\n", "a b\r\n\r\n", "a/../b\r\n\r\n",
		"a,b\r\n\r\n", "a@b\r\n\r\n", "a%41\r\n\r\n", "a!\r\n\r\n", "http://a\r\n\r\n",
		".\r\n\r\n", ".a\r\n\r\n", "a..b\r\n\r\n", "a..\r\n\r\n", "\xe4\r\n\r\n",
		"a\xff\r\n\r\n", ":80\r\n\r\n", "a:\r\n\r\n", "a:65536\r\n\r\n", "a:+1\r\n\r\n",
		"a:80:80\r\n\r\n", "a:8a\r\n\r\n", "a:18446744073709551696\r\n\r\n", "::1\r\n\r\n",
		"[::1\r\n\r\n", "[]\r\n\r\n", "[:]\r\n\r\n", "[::1]a\r\n\r\n", "[::1]]\r\n\r\n",
		"[::1]80\r\n\r\n", "[fe80::1%eth0]\r\n\r\n", "[192.0.2.1]\r\n\r\n",
		"[v1.a]\r\n\r\n", "a[::1]\r\n\r\n", "[\r\n\r\n",
		"[1111:2222:3333:4444:5555:6666:255.255.255.2555]\r\n\r\n" };

	for (size_t i = 0; i < LK_COUNT(good); i++)
		CHECK_EQ(host_status(good[i]), DONE);
	for (size_t i = 0; i < LK_COUNT(bad); i++)
		CHECK_EQ(host_status(bad[i]), 400);
	CHECK_EQ(status_of((struct lk_bytes)INPUT(GET "Host: a\0.b\r\n\r\n")), 400);
	CHECK_EQ(status_of(filled(GET "Host: ", 'a', 255, ":8080\r\n\r\n")), DONE);
	CHECK_EQ(head.host.n, 255);
	CHECK_EQ(status_of(filled(GET "Host: ", 'a', 256, ":8080\r\n\r\n")), 400);
	CHECK_EQ(status_of(filled(GET "Host: [::", '1', 200, "]\r\n\r\n")), 400);
}

TEST(a_header_line_has_8192_bytes_at_most)
{
	CHECK_EQ(status_of(filled(GET HOST "X:", 'a', 8190, "\r\n\r\n")), DONE);
	CHECK_EQ(head.lines[1].value.n, 8190);
	CHECK_EQ(status_of(filled(GET HOST "X:", 'a', 8191, "\r\n\r\n")), 431);
	CHECK_EQ(status_of(filled(GET HOST "", 'a', 8192, "")), MORE);
	CHECK_EQ(status_of(filled(GET HOST "", 'a', 8193, "")), 431);
	CHECK_EQ(status_of(filled(GET HOST "X:", ' ', 60000, "a\r\n\r\n")), 431);
}

/* A request with so many lines, Host among them. */
static struct lk_bytes lines(size_t n)
{
	static char text[2048];
	char *end = stpcpy(text, GET HOST);

	while (--n > 0)
		end = stpcpy(end, "X: y\r\n");
	end = stpcpy(end, "\r\n");
	return (struct lk_bytes) { (const uint8_t *)text, (size_t)(end - text) };
}

TEST(a_head_has_100_lines_at_most)
{
	CHECK_EQ(status_of(lines(100)), DONE);
	CHECK_EQ(head.n_lines, 100);
	CHECK_EQ(status_of(lines(101)), 431);
}

TEST(a_head_has_16384_bytes_at_most)
{
	static char before[9000];
	char *end = stpcpy(before, GET HOST "X:");
	size_t n;

	/* Two long lines of names that may repeat. */
	memset(end, 'a', 8180);
	end = stpcpy(end + 8180, "\r\nX:");
	n = LK_HTTP_HEAD_MAX - (size_t)(end - before) - 4;
	CHECK_EQ(status_of(filled(before, 'a', n, "\r\n\r\n")), DONE);
	CHECK_EQ(head.n, 16384);
	CHECK_EQ(status_of(filled(before, 'a', n + 1, "\r\n\r\n")), 431);
	CHECK_EQ(status_of(filled(before, 'a', n + 3, "\r\n\r\n")), 431);
	CHECK_EQ(status_of(filled(before, 'a', n + 4, "")), 431);
	CHECK_EQ(status_of(filled(before, 'a', n + 3, "")), MORE);
}

TEST(a_header_is_found_whatever_the_case_of_its_name)
{
	struct lk_bytes input = INPUT(GET HOST "x-API-key: one\r\nX-Api-Key: two\r\nX: y\r\n\r\n");
	struct lk_bytes value = { NULL, 0 };

	CHECK_EQ(status_of(input), DONE);
	CHECK_EQ(lk_http_find(&head, input, "x-api-key", &value), 2);
	CHECK_EQ(value.n, 3);
	CHECK_MEM(value.data, "one", 3);
	CHECK_EQ(lk_http_find(&head, input, "x-api", &value), 0);
	CHECK_EQ(lk_http_find(&head, input, "x-api-keys", &value), 0);
	CHECK_MEM(value.data, "one", 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(a_head_is_read_into_places),
		RUN(what_follows_the_head_is_not_looked_at),
		RUN(a_head_that_is_cut_short_is_waited_for),
		RUN(one_empty_line_may_come_first),
		RUN(a_request_line_is_three_words_with_single_spaces),
		RUN(a_method_is_a_token_without_lower_case),
		RUN(a_long_method_is_not_implemented),
		RUN(the_version_is_1_0_or_1_1),
		RUN(a_target_is_a_path_in_origin_form),
		RUN(an_escape_is_two_hexadecimal_digits_and_no_nul),
		RUN(a_target_has_8192_bytes_at_most),
		RUN(every_byte_of_a_method_is_one_of_a_token),
		RUN(every_byte_of_a_target_is_visible_ascii),
		RUN(every_byte_of_a_name_is_one_of_a_token),
		RUN(every_byte_of_a_value_but_control_bytes_is_taken_as_it_is),
		RUN(every_byte_of_a_host_is_one_of_a_name),
		RUN(a_name_ends_at_its_colon),
		RUN(no_line_is_folded),
		RUN(only_cr_and_lf_together_end_a_line),
		RUN(http_1_1_needs_exactly_one_host),
		RUN(a_host_is_a_name_or_an_address_and_perhaps_a_port),
		RUN(a_header_line_has_8192_bytes_at_most),
		RUN(a_head_has_100_lines_at_most),
		RUN(a_head_has_16384_bytes_at_most),
		RUN(a_header_is_found_whatever_the_case_of_its_name),
	};

	return RUN_ALL(tests);
}
