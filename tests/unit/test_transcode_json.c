/* SPDX-License-Identifier: MIT */
/* What is JSON as a body and what is not, in the spirit of JSONTestSuite. */
#include "tests/support/body.h"

/* Texts that are no JSON value, wherever they stand. */
static const char *const no_values[] = {
	/* nothing, or too little */
	"",
	" ",
	"\t\n",
	"[",
	"{",
	"[[",
	"[{",
	"[1",
	"[1,",
	"[\"a\"",
	"[\"a\",",
	"{\"a\"",
	"{\"a\":",
	"{\"a\":1",
	"{\"a\":1,",
	"{\"a\":[",
	"{\"a\":[1}",
	"[{\"a\":1]",
	"\"",
	"\"a",
	"\"\\",
	"\"\\\"",
	"\"\\u",
	"\"\\u0",
	"\"\\u00",
	"\"\\u00e",
	"-",
	"t",
	"tr",
	"fals",
	"nul",
	"'",
	/* too much */
	"]",
	"}",
	"{}}",
	"[]]",
	"{}{}",
	"[][]",
	"1 2",
	"\"a\"\"b\"",
	"true false",
	"null null",
	"{} []",
	"1]",
	"\"a\"x",
	"[1]x",
	"{\"a\":1}x",
	"{}#",
	"{}/**/",
	"{}//",
	"[]\x0c",
	"1\v",
	"{};",
	"null;",
	/* lists */
	"[,]",
	"[,1]",
	"[1,]",
	"[1,,2]",
	"[1 2]",
	"[1:2]",
	"[1;2]",
	"[\"a\" \"b\"]",
	"[\"\",]",
	"[*]",
	"[1,}",
	"[}",
	"[a]",
	"[\"a\":1]",
	"[1\x0b,2]",
	"[-]",
	"[\"x\", truth]",
	"(1)",
	"<null>",
	/* objects */
	"{,}",
	"{\"a\":1,}",
	"{,\"a\":1}",
	"{\"a\":1,,\"b\":2}",
	"{\"a\":1 \"b\":2}",
	"{\"a\" 1}",
	"{\"a\":}",
	"{\"a\"::1}",
	"{\"a\",1}",
	"{\"a\"=1}",
	"{a:1}",
	"{'a':1}",
	"{1:1}",
	"{null:1}",
	"{[]:1}",
	"{\"a\":1;\"b\":2}",
	"{\"a\":1 ,}",
	"{\"a\":\"b\"]",
	"{\"a\":1:2}",
	"{\"a\":a}",
	"{\"a\"}",
	"{:1}",
	"{:}",
	"{}:{}",
	"{\"a\":'b'}",
	"{\"a\":1,\"b\"}",
	"{\"a\":1\"b\":2}",
	"{\xc2\xa0}",
	"{\"a\":1,\"a\":2}",
	"{\"a\":1,\"\\u0061\":2}",
	"{\"\":1,\"\":1}",
	"[{\"a\":[],\"a\":[\"admin\"]}]",
	/* numbers */
	"+1",
	"++1",
	"+Inf",
	"-Infinity",
	"Infinity",
	"NaN",
	"-NaN",
	"nan",
	"inf",
	"01",
	"-01",
	"00",
	"0x1",
	"0x",
	"0b1",
	"0o7",
	"1_000",
	"1,5e",
	"1.",
	"-1.",
	".1",
	"-.1",
	"1.e1",
	".e1",
	"1e",
	"1E",
	"1e+",
	"1e-",
	"1e1.5",
	"1ee1",
	"1e1e1",
	"1.1.1",
	"0.1.2",
	"0e",
	"0e+",
	"0E-",
	"--1",
	"-+1",
	"- 1",
	"1 .5",
	"1. 5",
	"1 e5",
	"-a",
	"-1a",
	"1a",
	"0a",
	"1f",
	"1n",
	"1\xc2\xa0",
	"\xef\xbc\x91",
	"\xd9\xa1",
	"$1",
	"1%",
	"1/2",
	"1e400",
	"-1e400",
	"1e99999999999999999999",
	"18446744073709551616",
	"9223372036854775808",
	"-9223372036854775809",
	"123456789012345678901234567890",
	/* words */
	"True",
	"TRUE",
	"False",
	"Null",
	"NULL",
	"undefined",
	"none",
	"yes",
	"truee",
	"nulll",
	"true1",
	"abc",
	"@",
	"&",
	"*",
	"`a`",
	/* strings */
	"'a'",
	"\"\t\"",
	"\"\n\"",
	"\"\r\"",
	"\"\x01\"",
	"\"\x1f\"",
	"\"\\x41\"",
	"\"\\'\"",
	"\"\\a\"",
	"\"\\0\"",
	"\"\\v\"",
	"\"\\e\"",
	"\"\\1\"",
	"\"\\U0041\"",
	"\"\\ \"",
	"\"\\\t\"",
	"\"\\\n\"",
	"\"\\u\"",
	"\"\\u1\"",
	"\"\\u12\"",
	"\"\\u123\"",
	"\"\\u123g\"",
	"\"\\u-123\"",
	"\"\\u+123\"",
	"\"\\u 123\"",
	"\"\\u0000\"",
	"\"a\\u0000b\"",
	"\"\\ud800\"",
	"\"\\ud800a\"",
	"\"\\ud800\\n\"",
	"\"\\ud800\\u\"",
	"\"\\ud800\\u0041\"",
	"\"\\ud800\\ud800\"",
	"\"\\udc00\"",
	"\"\\udc00\\ud800\"",
	"\"\\udbff\\ue000\"",
	"\"\\ud83d\\udd1\"",
	"\xe2\x80\x9c"
	"a\xe2\x80\x9d",
	/* bytes that are no UTF-8 */
	"\"\x80\"",
	"\"\xbf\"",
	"\"\xff\"",
	"\"\xfe\"",
	"\"\xc0\x80\"",
	"\"\xc0\xaf\"",
	"\"\xc1\xbf\"",
	"\"\xc2\"",
	"\"\xc2 \"",
	"\"\xe0\x80\x80\"",
	"\"\xe0\x9f\xbf\"",
	"\"\xe2\x82\"",
	"\"\xed\xa0\x80\"",
	"\"\xed\xbf\xbf\"",
	"\"\xf0\x80\x80\x80\"",
	"\"\xf0\x8f\xbf\xbf\"",
	"\"\xf4\x90\x80\x80\"",
	"\"\xf5\x80\x80\x80\"",
	"\"\xf8\x88\x80\x80\x80\"",
	"\xff",
	"[\xff]",
	"{\"\xff\":1}",
	"\xc3\xa9",
	"\xef\xbb\xbf",
	"\xef\xbb\xbf{}",
	"\xef\xbb\xbf"
	"1",
	"\xe2\x80\xa8"
	"1",
	"\xff\xfe{\x01}",
};

/* R-B01, R-B02, R-B04, R-B05 */
TEST(what_is_no_json_is_refused_wherever_it_stands)
{
	for (size_t i = 0; i < LK_COUNT(no_values); i++) {
		const char *text = no_values[i];
		bool is_blank = text[strspn(text, " \t\n")] == '\0';

		check_refused(text);
		check_refused(within("{\"x\":", text, "}"));
		check_refused(within("{\"x\":{\"y\":", text, "}}"));
		if (!is_blank)
			check_refused(within("{\"x\":[", text, "]}"));
		check_refused(within("{\"aString\":", text, "}"));
		if (!is_blank)
			check_refused(within("", text, "{}"));
		if (!is_blank)
			check_refused(within("{}", text, ""));
	}
}

/* Values of which no reader doubts that they are JSON. */
static const char *const values[] = {
	"{}",
	"[]",
	"[[]]",
	"[{}]",
	"{\"a\":{}}",
	"null",
	"true",
	"false",
	"0",
	"-0",
	"-0.0",
	"1",
	"-1",
	"10",
	"1.5",
	"-0.5",
	"0.10",
	"1e1",
	"1E1",
	"1e+1",
	"1e-1",
	"1E-10",
	"0e0",
	"0E+5",
	"1.5e3",
	"123456789.123456789",
	"1e-999",
	"9223372036854775807",
	"-9223372036854775808",
	"1e300",
	"\"\"",
	"\"a\"",
	"\" \"",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	"\"/\"",
	"\"\\u0041\"",
	"\"\\u00e9\"",
	"\"\\u00C9\"",
	"\"\\u0001\"",
	"\"\\u007f\"",
	"\"\x7f\"",
	"\"\\u2028\"",
	"\"\xe2\x80\xa8\"",
	"\"\\ud83d\\udd11\"",
	"\"\\uD83D\\uDD11\"",
	"\"\xf0\x9f\x94\x91\"",
	"\"\\uffff\"",
	"\"\xef\xbf\xbf\"",
	"\"\xef\xbb\xbf\"",
	"\"\xf4\x8f\xbf\xbf\"",
	"\"\\ue000\"",
	"\"\\\\u0000\"",
	"\"\\\\\\\"\"",
	"\"[{,:}]\"",
	"\"//\"",
	"\"0\"",
	"\"\xd8\xa7\"",
	"[1]",
	"[1,2,3]",
	"[null]",
	"[\"a\",1,true,null,{},[]]",
	"[ ]",
	"[ 1 , 2 ]",
	"\t[\r\n1\n]",
	"{ \"a\" : 1 }",
	"{\"a\":null}",
	"{\"a\":1,\"b\":2}",
	"{\"\":0}",
	"{\"a\":1,\"A\":2}",
	"{\"a\":{\"b\":{\"c\":[]}}}",
	"{\"a\":{\"a\":{\"a\":1}}}",
	"[{\"a\":1},{\"a\":2}]",
	"{\"\\ud83d\\udd11\":1}",
	"{\"__proto__\":{}}",
	"{\"a b\":1,\"a.b\":2,\"a[0]\":3}",
};

TEST(what_is_json_is_accepted_as_a_member_that_nobody_knows)
{
	for (size_t i = 0; i < LK_COUNT(values); i++) {
		CHECK_STR(received(SEND_EVERYTHING, within("{\"x\":", values[i], "}")), "{}");
		CHECK_STR(received(SEND_EVERYTHING, within(" {\t\"x\" : [", values[i], "] }\r\n")),
			"{}");
	}
}

/* R-B07 */
TEST(a_body_is_one_object_and_nothing_else)
{
	for (size_t i = 0; i < LK_COUNT(values); i++) {
		bool is_object = values[i][0] == '{';

		CHECK_CODE(send(values[i]), is_object ? LK_OK : LK_INVALID_ARGUMENT);
		check_refused(within("{}", values[i], ""));
		check_refused(within("{},", values[i], ""));
		check_refused(within(values[i], " ", "{}"));
	}
}

TEST(a_body_cut_short_anywhere_is_refused)
{
	const char *text = "{\"x\":[-1.5e3,true,null,{\"y\":\"\\ud83d\\udd11 \xc3\xbc\\n\"}]}";

	CHECK_OK(send(text));
	for (size_t n = 0; n < strlen(text); n++)
		check_refused(lk_arena_strndup(&arena, text, n));
}

/* No byte of a body may be another one and mean the same; what it means is for the schema. */
TEST(a_body_with_any_byte_changed_is_accepted_or_refused)
{
	static const char text[] =
		"{\"aInt32\":-12,\"aString\":\"\xc3\xbc\\n\",\"manyBool\":[true]}";
	uint8_t changed[sizeof text - 1];

	for (size_t i = 0; i < sizeof changed; i++)
		for (unsigned byte = 0; byte < 256; byte++) {
			ProtobufCMessage *message = NULL;
			struct lk_status st;

			memcpy(changed, text, sizeof changed);
			changed[i] = (uint8_t)byte;
			st = send_bytes(SEND_EVERYTHING,
				(struct lk_bytes) { changed, sizeof changed }, &message);
			CHECK(st.code == LK_OK || st.code == LK_INVALID_ARGUMENT);
			CHECK((message != NULL) == (st.code == LK_OK));
		}
}

TEST(a_body_in_utf_16_or_utf_32_is_refused)
{
	static const struct lk_bytes bodies[] = {
		{ (const uint8_t *)"{\0}\0", 4 },
		{ (const uint8_t *)"\0{\0}", 4 },
		{ (const uint8_t *)"\xff\xfe{\0}\0", 6 },
		{ (const uint8_t *)"\xfe\xff\0{\0}", 6 },
		{ (const uint8_t *)"{\0\0\0}\0\0\0", 8 },
	};
	ProtobufCMessage *message = NULL;

	for (size_t i = 0; i < LK_COUNT(bodies); i++)
		CHECK_CODE(send_bytes(SEND_EVERYTHING, bodies[i], &message), LK_INVALID_ARGUMENT);
}

TEST(an_empty_body_is_told_what_is_needed)
{
	struct lk_status st = send("");

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK(st.field == NULL);
	CHECK(strstr(st.why, "JSON object") != NULL);
	st = send("null");
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	st = send("[]");
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK(strstr(st.why, "object") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_no_json_is_refused_wherever_it_stands),
		CASE(what_is_json_is_accepted_as_a_member_that_nobody_knows),
		CASE(a_body_is_one_object_and_nothing_else),
		CASE(a_body_cut_short_anywhere_is_refused),
		CASE(a_body_with_any_byte_changed_is_accepted_or_refused),
		CASE(a_body_in_utf_16_or_utf_32_is_refused),
		CASE(an_empty_body_is_told_what_is_needed),
	};

	return RUN_ALL(tests);
}
