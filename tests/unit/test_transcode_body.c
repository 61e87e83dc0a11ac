/* SPDX-License-Identifier: MIT */
/* Limits and fields of bodies. */
#include <stdio.h>

#include "tests/support/body.h"

/* R-B03 */
TEST(deep_bodies_are_refused_before_they_are_read)
{
	static const size_t depths[] = { LK_JSON_DEPTH_MAX, 1000, 100000 };

	CHECK_OK(send(within(
		"{\"x\":", repeated("", "[", LK_JSON_DEPTH_MAX - 1, "]]]]]]]]]]]]]]]"), "}")));
	for (size_t i = 0; i < LK_COUNT(depths); i++) {
		check_refused(repeated("{\"x\":", "[", depths[i], ""));
		check_refused(repeated("", "{\"a\":", depths[i], ""));
		check_refused(repeated("", "[", depths[i], ""));
		check_refused(repeated("{\"x\":", "[{\"a\":", depths[i], ""));
	}
}

/* R-B09: the longest strings are the business of the service; bytes of a body are counted here. */
TEST(large_bodies_are_refused)
{
	check_refused(repeated("{\"aString\":\"", "a", LK_JSON_TEXT_MAX, "\"}"));
	check_refused(repeated("{\"x\":[", "1,", LK_JSON_VALUES_MAX, "1]}"));
	check_refused(repeated("{\"x\":[", "{},", LK_JSON_VALUES_MAX, "{}]}"));
}

/* --- fields --- */

/* R-B05 */
TEST(numbers_are_exact_or_refused)
{
	static const struct {
		const char *body;
		const char *json; /* NULL: refused */
	} cases[] = {
		{ "{\"offset\":9007199254740993}", "\"9007199254740993\"" },
		{ "{\"offset\":\"9007199254740993\"}", "\"9007199254740993\"" },
		{ "{\"offset\":9223372036854775807}", "\"9223372036854775807\"" },
		{ "{\"offset\":-9223372036854775808}", "\"-9223372036854775808\"" },
		{ "{\"offset\":1e3}", "\"1000\"" },
		{ "{\"limit\":1.0}", "1" },
		{ "{\"limit\":\"1\"}", "1" },
		{ "{\"limit\":1.5}", NULL },
		{ "{\"limit\":1e400}", NULL },
		{ "{\"limit\":2147483648}", NULL },
		{ "{\"limit\":4294967297}", NULL },
		{ "{\"limit\":true}", NULL },
		{ "{\"limit\":\"\"}", NULL },
		{ "{\"offset\":9223372036854775808}", NULL },
		{ "{\"offset\":18446744073709551616}", NULL },
		{ "{\"offset\":9007199254740993.0}", NULL },
		{ "{\"offset\":1e19}", NULL },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		ProtobufCMessage *message = NULL;
		struct lk_status st = send_bytes(ADD_NOTE, lk_bytes_of(cases[i].body), &message);
		char expected[64];

		CHECK_CODE(st, cases[i].json != NULL ? LK_OK : LK_INVALID_ARGUMENT);
		if (cases[i].json == NULL)
			continue;
		snprintf(expected, sizeof expected, ":%s}", cases[i].json);
		CHECK(strstr(printed(message, NULL), expected) != NULL);
	}
}

TEST(minus_nothing_is_nothing)
{
	CHECK_STR(received(ADD_NOTE, "{\"limit\":-0,\"offset\":-0.0}"), "{\"bookId\":\"b\"}");
}

/* R-B06, R-B08 */
TEST(unknown_members_are_ignored_and_never_stored)
{
	CHECK_STR(received(ADD_NOTE,
			  "{\"role\":\"admin\",\"permissions\":[\"*\"],\"rateLimitMax\":1e9,"
			  "\"isActive\":true,\"text\":\"a\",\"Text\":\"b\",\"TEXT\":\"c\","
			  "\"success\":true,\"data\":{\"id\":\"x\"},\"is_open\":true}"),
		"{\"bookId\":\"b\",\"text\":\"a\"}");
	CHECK_STR(received(ADD_NOTE, "{\"parent\":{\"text\":\"a\",\"owner\":\"x\",\"Text\":1}}"),
		"{\"bookId\":\"b\",\"parent\":{\"text\":\"a\"}}");
}

TEST(a_member_that_the_path_owns_is_unknown)
{
	CHECK_STR(received(ADD_NOTE, "{\"bookId\":\"evil\",\"id\":\"x\"}"),
		"{\"bookId\":\"b\",\"id\":\"x\"}");
	CHECK_STR(received(ADD_NOTE, "{\"bookId\":{\"not\":[\"even\",\"a string\"]}}"),
		"{\"bookId\":\"b\"}");
}

/* R-B02 */
TEST(a_member_that_comes_twice_is_refused_whatever_it_is)
{
	static const char *const bodies[] = {
		"{\"text\":\"a\",\"text\":\"b\"}",
		"{\"text\":\"a\",\"text\":\"a\"}",
		"{\"tags\":[],\"tags\":[\"admin\"]}",
		"{\"text\":\"a\",\"te\\u0078t\":\"b\"}",
		"{\"text\":null,\"text\":\"b\"}",
		"{\"x\":1,\"x\":1}",
		"{\"bookId\":\"a\",\"bookId\":\"b\"}",
		"{\"parent\":{\"id\":\"a\",\"id\":\"b\"}}",
		"{\"x\":[{\"y\":{\"z\":1,\"z\":2}}]}",
	};
	ProtobufCMessage *message = NULL;

	for (size_t i = 0; i < LK_COUNT(bodies); i++)
		CHECK_CODE(send_bytes(ADD_NOTE, lk_bytes_of(bodies[i]), &message),
			LK_INVALID_ARGUMENT);
}

TEST(a_member_that_is_not_of_its_field_is_named_as_the_body_does)
{
	static const char *const cases[][2] = {
		{ "{\"text\":1}", "text" },
		{ "{\"text\":[\"a\"]}", "text" },
		{ "{\"text\":{}}", "text" },
		{ "{\"text\":true}", "text" },
		{ "{\"tags\":\"a\"}", "tags" },
		{ "{\"tags\":{}}", "tags" },
		{ "{\"tags\":[\"a\",1]}", "tags[1]" },
		{ "{\"tags\":[null]}", "tags[0]" },
		{ "{\"isOpen\":\"true\"}", "isOpen" },
		{ "{\"isOpen\":0}", "isOpen" },
		{ "{\"notBefore\":1735689600}", "notBefore" },
		{ "{\"notBefore\":\"2025-02-29T00:00:00Z\"}", "notBefore" },
		{ "{\"notBefore\":\"2025-01-01\"}", "notBefore" },
		{ "{\"notBefore\":\"\"}", "notBefore" },
		{ "{\"notBefore\":{\"seconds\":1}}", "notBefore" },
		{ "{\"colours\":[\"COLOUR_RED\",\"red\"]}", "colours[1]" },
		{ "{\"parent\":\"a\"}", "parent" },
		{ "{\"parent\":[]}", "parent" },
		{ "{\"parent\":{\"writtenAt\":\"now\"}}", "parent.writtenAt" },
		{ "{\"parent\":{\"tags\":[\"a\",{}]}}", "parent.tags[1]" },
		{ "{\"weight\":\"1.5\"}", "weight" },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		ProtobufCMessage *message = NULL;
		struct lk_status st = send_bytes(ADD_NOTE, lk_bytes_of(cases[i][0]), &message);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK(message == NULL);
		CHECK_STR(st.field != NULL ? st.field : "", cases[i][1]);
	}
}

TEST(null_stands_for_what_is_absent)
{
	CHECK_STR(received(ADD_NOTE,
			  "{\"text\":null,\"tags\":null,\"notBefore\":null,\"parent\":null,"
			  "\"limit\":null,\"isOpen\":null}"),
		"{\"bookId\":\"b\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(deep_bodies_are_refused_before_they_are_read),
		CASE(large_bodies_are_refused),
		CASE(numbers_are_exact_or_refused),
		CASE(minus_nothing_is_nothing),
		CASE(unknown_members_are_ignored_and_never_stored),
		CASE(a_member_that_the_path_owns_is_unknown),
		CASE(a_member_that_comes_twice_is_refused_whatever_it_is),
		CASE(a_member_that_is_not_of_its_field_is_named_as_the_body_does),
		CASE(null_stands_for_what_is_absent),
	};

	return RUN_ALL(tests);
}
