/* SPDX-License-Identifier: MIT */
/* The reader of request heads: where a request ends, and what becomes of the connection. */
#include "tests/support/heads.h"

TEST(a_length_is_digits_and_comes_once)
{
	static const struct row rows[] = {
		{ INPUT(POST HOST "Content-Length: 0\r\n\r\n"), DONE },
		{ INPUT(POST HOST "Content-Length: 9223372036854775807\r\n\r\n"), DONE },
		{ INPUT(POST HOST "Content-Length: 9223372036854775808\r\n\r\n"), 413 },
		{ INPUT(POST HOST "Content-Length: 18446744073709551615\r\n\r\n"), 413 },
		{ INPUT(POST HOST "Content-Length: 18446744073709551617\r\n\r\n"), 413 },
		{ INPUT(POST HOST "Content-Length: 184467440737095516150\r\n\r\n"), 413 },
		{ INPUT(POST HOST "Content-Length:\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: +5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: -1\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: -18446744073709551611\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 18446744073709551617a\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 0x5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5a\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5.0\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5;\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: \"5\"\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 1_0\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: \xd9\xa5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5\xa0\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5, 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5, 6\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5,\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"), 400 },
	};

	CHECK_ROWS(rows);
	CHECK_EQ(status_of(filled(POST HOST "Content-Length: ", '9', 100, "\r\n\r\n")), 413);
	CHECK_EQ(status_of(filled(POST HOST "Content-Length: ", '0', 100, "7\r\n\r\n")), DONE);
	CHECK_EQ(head.length, 7);
}

TEST(a_length_may_come_with_every_method)
{
	static const char *const methods[] = { "GET", "HEAD", "DELETE", "OPTIONS", "TRACE" };
	const char *rest = "/ HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n"
			   "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";

	for (size_t i = 0; i < LK_COUNT(methods); i++) {
		CHECK_EQ(status_of(filled(methods[i], ' ', 1, rest)), DONE);
		CHECK_EQ(head.length, 30);
	}
	CHECK_EQ(status_of((struct lk_bytes)INPUT(POST HOST END)), DONE);
	CHECK(!head.has_length && head.length == 0);
}

TEST(no_transfer_encoding_is_taken)
{
	static const struct row rows[] = {
		{ INPUT(POST HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 411 },
		{ INPUT(POST HOST "Transfer-Encoding:CHUNKED \r\n\r\n"), 411 },
		{ INPUT(GET HOST "Transfer-Encoding: chunked\r\n\r\n"), 411 },
		{ INPUT(POST HOST "Transfer-Encoding: identity\r\n\r\n"), 501 },
		{ INPUT(POST HOST "Transfer-Encoding: xchunked\r\n\r\n"), 501 },
		{ INPUT(POST HOST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: chunked, gzip\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: ,chunked\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: chunked,\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: \xa0"
				  "chunked\r\n\r\n"),
			400 },
		{ INPUT(POST HOST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: chunked;a=b\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding:\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Transfer-Encoding: chunked\r\n"
				  "Transfer-Encoding: chunked\r\n\r\n"),
			400 },
		{ INPUT(POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },
		{ INPUT(POST HOST "Content-Length: 5\r\nTransfer-Encoding: x\r\n\r\n"), 400 },
		{ INPUT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },
	};

	CHECK_ROWS(rows);
}

TEST(what_names_the_sender_or_the_body_comes_once)
{
	static const struct row rows[] = {
		{ INPUT(GET HOST "Authorization: a\r\nauthorization: a\r\n\r\n"), 400 },
		{ INPUT(GET HOST "Content-Type: a\r\nX: y\r\nContent-Type: a\r\n\r\n"), 400 },
		{ INPUT(GET HOST "Cookie: a=b\r\nCookie: c=d\r\n\r\n"), 400 },
		{ INPUT(GET HOST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"), 400 },
		{ INPUT(GET HOST "Cookie2: a\r\nCookie2: a\r\nHos: b\r\nHos: b\r\n\r\n"), DONE },
		{ INPUT(GET HOST "Authorization: a\r\nContent-Type: b\r\nCookie: c=d\r\n\r\n"),
			DONE },
	};

	CHECK_ROWS(rows);
}

TEST(whoever_expects_anything_but_100_continue_is_told_so)
{
	static const struct row rows[] = {
		{ INPUT(POST HOST "Expect: x\r\n\r\n"), 417 },
		{ INPUT(POST HOST "Expect:\r\n\r\n"), 417 },
		{ INPUT(POST HOST "Expect: 100-continue, x\r\n\r\n"), 417 },
		{ INPUT(POST HOST "Expect: 100-continued\r\n\r\n"), 417 },
		{ INPUT(POST HOST "Expect: 100-continu\r\n\r\n"), 417 },
	};

	CHECK_ROWS(rows);
}

TEST(a_sender_waits_only_in_http_1_1_and_only_to_send_something)
{
	static const struct {
		struct lk_bytes input;
		bool waits;
	} rows[] = {
		{ INPUT(POST HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"), true },
		{ INPUT(POST HOST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n"), true },
		{ INPUT(POST HOST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n"), false },
		{ INPUT(GET HOST "Expect: 100-continue\r\n\r\n"), false },
		{ INPUT("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
			false },
	};

	for (size_t i = 0; i < LK_COUNT(rows); i++) {
		CHECK_EQ(status_of(rows[i].input), DONE);
		CHECK_EQ(head.expects_continue, rows[i].waits);
	}
}

TEST(a_connection_stays_until_somebody_closes_it)
{
	static const struct {
		struct lk_bytes input;
		bool stays;
	} rows[] = {
		{ INPUT(GET HOST "\r\n"), true },
		{ INPUT(GET HOST "Connection: keep-alive\r\n\r\n"), true },
		{ INPUT(GET HOST "Connection:\r\n\r\n"), true },
		{ INPUT(GET HOST "Connection: closed, clos, x-close\r\n\r\n"), true },
		{ INPUT(GET HOST "Connection: close\r\n\r\n"), false },
		{ INPUT(GET HOST "Connection: Upgrade ,\tCLOSE,\r\n\r\n"), false },
		{ INPUT(GET HOST "Connection: ,close, keep-alive\r\n\r\n"), false },
		{ INPUT(GET HOST "Connection: close\r\nConnection: keep-alive\r\n\r\n"), false },
		{ INPUT("GET / HTTP/1.0\r\n\r\n"), false },
		{ INPUT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), false },
	};
	static const struct row bad[] = {
		{ INPUT(GET HOST "Connection: close;x\r\n\r\n"), 400 },
		{ INPUT(GET HOST "Connection: keep alive\r\n\r\n"), 400 },
		{ INPUT(GET HOST "Connection: \"close\"\r\n\r\n"), 400 },
		{ INPUT(GET HOST "Connection: close, \xff\r\n\r\n"), 400 },
	};

	for (size_t i = 0; i < LK_COUNT(rows); i++) {
		CHECK_EQ(status_of(rows[i].input), DONE);
		CHECK_EQ(head.keeps_alive, rows[i].stays);
	}
	CHECK_ROWS(bad);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(a_length_is_digits_and_comes_once),
		RUN(a_length_may_come_with_every_method),
		RUN(no_transfer_encoding_is_taken),
		RUN(what_names_the_sender_or_the_body_comes_once),
		RUN(whoever_expects_anything_but_100_continue_is_told_so),
		RUN(a_sender_waits_only_in_http_1_1_and_only_to_send_something),
		RUN(a_connection_stays_until_somebody_closes_it),
	};

	return RUN_ALL(tests);
}
