/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "proto/wire/utf8.h"
#include "tests/support/json.h"

TEST(names_of_the_schema_are_understood_too)
{
	const Latchkey__Test__EveryType *message = parsed(
		"{\"a_int32\": 1, \"many_string\": [\"x\"], \"at\": \"1970-01-01T00:00:01Z\"}");

	CHECK_EQ(message->a_int32, 1);
	CHECK_EQ(message->n_many_string, 1);
	CHECK_EQ(message->at->seconds, 1);
}

TEST(integers_are_read_exactly_in_every_spelling)
{
	CHECK_EQ(parsed("{\"aInt32\":1.0}")->a_int32, 1);
	CHECK_EQ(parsed("{\"aInt32\":1.50e1}")->a_int32, 15);
	CHECK_EQ(parsed("{\"aInt32\":1e9}")->a_int32, 1000000000);
	CHECK_EQ(parsed("{\"aInt32\":1200e-2}")->a_int32, 12);
	CHECK_EQ(parsed("{\"aInt32\":-0}")->a_int32, 0);
	CHECK_EQ(parsed("{\"aUint32\":-0.0}")->a_uint32, 0);
	CHECK_EQ(parsed("{\"aInt32\":0e99999999999999999999}")->a_int32, 0);
	CHECK(parsed("{\"aInt64\":9007199254740993}")->a_int64 == INT64_C(9007199254740993));
	CHECK(parsed("{\"aInt64\":-9223372036854775808}")->a_int64 == INT64_MIN);
	CHECK(parsed("{\"aInt64\":-9007199254740991.0}")->a_int64 == -INT64_C(9007199254740991));
	CHECK(parsed("{\"aUint64\":9223372036854775807}")->a_uint64 == INT64_MAX);
	CHECK(parsed("{\"aUint64\":\"18446744073709551615\"}")->a_uint64 == UINT64_MAX);
	CHECK_EQ(parsed("{\"aInt32\":\"-15\"}")->a_int32, -15);
	CHECK_EQ(parsed("{\"aColour\":-7}")->a_colour, -7);
	CHECK_EQ(parsed("{\"aColour\":\"COLOUR_GREEN\"}")->a_colour, 2);
}

TEST(a_real_number_may_have_any_spelling)
{
	CHECK(parsed("{\"aDouble\":2.5e-1}")->a_double == 0.25);
	CHECK(parsed("{\"aDouble\":-3}")->a_double == -3);
	CHECK(parsed("{\"aFloat\":0.1}")->a_float == 0.1F);
	CHECK(isinf(parsed("{\"aFloat\":\"Infinity\"}")->a_float));
	CHECK(parsed("{\"aDouble\":1e-999}")->a_double == 0);
}

TEST(strings_undo_their_escapes)
{
	CHECK_STR(parsed("{\"aString\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}")->a_string,
		"\"\\/\b\f\n\r\t");
	CHECK_STR(parsed("{\"aString\":\"\\u00fC\\u20ac\\ud83d\\uDD11\"}")->a_string,
		"\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x91");
	CHECK_EQ(parsed("{\"\\u0061Int32\":1}")->a_int32, 1);
}

TEST(both_alphabets_of_base64_are_read)
{
	static const char *const texts[] = { "{\"aBytes\":\"+/+/\"}", "{\"aBytes\":\"-_-_\"}" };

	for (size_t i = 0; i < LK_COUNT(texts); i++) {
		CHECK_EQ(parsed(texts[i])->a_bytes.len, 3);
		CHECK_MEM(parsed(texts[i])->a_bytes.data, "\xfb\xff\xbf", 3);
	}
	CHECK_EQ(parsed("{\"aBytes\":\"AA\"}")->a_bytes.len, 1);
	CHECK_EQ(parsed("{\"aBytes\":\"AAA\"}")->a_bytes.len, 2);
}

TEST(null_stands_for_an_absent_field)
{
	const Latchkey__Test__EveryType *message =
		parsed("{\"nested\":null,\"aInt32\":null,\"manyInt32\":null,\"texts\":null,"
		       "\"choiceText\":null,\"choiceNumber\":4,\"at\":null}");

	CHECK(message->nested == NULL);
	CHECK(message->at == NULL);
	CHECK_EQ(message->n_many_int32, 0);
	CHECK_EQ(message->choice_case, LATCHKEY__TEST__EVERY_TYPE__CHOICE_CHOICE_NUMBER);
}

TEST(white_space_between_tokens_means_nothing)
{
	CHECK_STR(printed(parsed(" {\n\t\"manyInt32\" :\r[ 1 , 2 ] , \"texts\" : { } }\n"), NULL),
		"{\"manyInt32\":[1,2]}");
}

TEST(a_mask_goes_from_camel_case_to_snake_case)
{
	const Latchkey__Test__EveryType *message = parsed("{\"mask\":\"userId,keyUsage.atTime\"}");

	CHECK_EQ(message->mask->n_paths, 2);
	CHECK_STR(message->mask->paths[0], "user_id");
	CHECK_STR(message->mask->paths[1], "key_usage.at_time");
}

/* What must be refused, and the field that the error names ("" for none). */
static const struct {
	const char *text;
	const char *field;
} refused[] = {
	/* not JSON */
	{ "", "" },
	{ " ", "" },
	{ "{", "" },
	{ "}", "" },
	{ "{]", "" },
	{ "{} {}", "" },
	{ "{}x", "" },
	{ "{},", "" },
	{ "[]", "" },
	{ "null", "" },
	{ "true", "" },
	{ "1", "" },
	{ "\"{}\"", "" },
	{ "{\"aInt32\"}", "" },
	{ "{\"aInt32\":}", "" },
	{ "{\"aInt32\" 1}", "" },
	{ "{\"aInt32\":1,}", "" },
	{ "{,\"aInt32\":1}", "" },
	{ "{\"aInt32\":1 \"aBool\":true}", "" },
	{ "{aInt32:1}", "" },
	{ "{'aInt32':1}", "" },
	{ "{\"aInt32\":1}}", "" },
	{ "{\"aInt32\":01}", "" },
	{ "{\"aInt32\":+1}", "" },
	{ "{\"aInt32\":.5}", "" },
	{ "{\"aInt32\":1.}", "" },
	{ "{\"aInt32\":1e}", "" },
	{ "{\"aInt32\":-}", "" },
	{ "{\"aInt32\":0x10}", "" },
	{ "{\"aInt32\":1/**/}", "" },
	{ "{\"aDouble\":NaN}", "" },
	{ "{\"aDouble\":Infinity}", "" },
	{ "{\"aBool\":tru}", "" },
	{ "{\"aBool\":truex}", "" },
	{ "{\"aBool\":nul}", "" },
	{ "{\"manyInt32\":[1,]}", "" },
	{ "{\"manyInt32\":[1 2]}", "" },
	{ "{\"manyInt32\":[1}", "" },
	{ "{\"manyInt32\":[", "" },
	{ "{\"aString\":\"abc", "" },
	{ "{\"aString\":\"abc\\\"}", "" },
	{ "{\"aString\":\"\\x41\"}", "" },
	{ "{\"aString\":\"\\u12\"}", "" },
	{ "{\"aString\":\"\\u12g4\"}", "" },
	{ "{\"aString\":\"\\ud800\"}", "" },
	{ "{\"aString\":\"\\ud800\\u0041\"}", "" },
	{ "{\"aString\":\"\\ud800x\"}", "" },
	{ "{\"aString\":\"\\udc00\"}", "" },
	{ "{\"aString\":\"\\u0000\"}", "" },
	{ "{\"aString\":\"a\tb\"}", "" },
	{ "{\"aString\":\"a\nb\"}", "" },
	{ "{\"aString\":\"\xc0\x80\"}", "" },
	{ "{\"aString\":\"\xff\"}", "" },
	{ "\xef\xbb\xbf{}", "" },
	{ "{\"\\u0000aInt32\":1}", "" },
	{ "{\"aInt32\":1,\"aInt32\":1}", "" },
	{ "{\"texts\":{\"a\":\"1\",\"a\":\"2\"}}", "" },
	{ "{\"aInt64\":9223372036854775808}", "" },
	{ "{\"aUint64\":18446744073709551616}", "" },
	{ "{\"aDouble\":1e999}", "" },
	{ "{\"aUint64\":18446744073709551615}", "" },
	{ "{\"x\":{\"a\":1,\"\\u0061\":2}}", "" },
	{ "{\"aInt32\":1e99999999999999999999}", "" },
	/* not this message */
	{ "{\"nothing\":1}", "nothing" },
	{ "{\"AInt32\":1}", "AInt32" },
	{ "{\"nested\":{\"nothing\":1}}", "nested.nothing" },
	{ "{\"aInt32\":1,\"a_int32\":1}", "a_int32" },
	{ "{\"aInt32\":null,\"a_int32\":1}", "a_int32" },
	{ "{\"aInt32\":true}", "a_int32" },
	{ "{\"aInt32\":{}}", "a_int32" },
	{ "{\"aInt32\":[1]}", "a_int32" },
	{ "{\"aInt32\":\"\"}", "a_int32" },
	{ "{\"aInt32\":\" 1\"}", "a_int32" },
	{ "{\"aInt32\":\"1 \"}", "a_int32" },
	{ "{\"aInt32\":\"0x1\"}", "a_int32" },
	{ "{\"aInt32\":\"+1\"}", "a_int32" },
	{ "{\"aInt32\":\"-\"}", "a_int32" },
	{ "{\"aInt32\":\"01\"}", "a_int32" },
	{ "{\"aInt32\":\"-0\"}", "a_int32" },
	{ "{\"aInt32\":\"1.0\"}", "a_int32" },
	{ "{\"aInt32\":\"1e1\"}", "a_int32" },
	{ "{\"aInt32\":0.5}", "a_int32" },
	{ "{\"aInt32\":1e-1}", "a_int32" },
	{ "{\"aInt32\":2147483648}", "a_int32" },
	{ "{\"aInt32\":-2147483649}", "a_int32" },
	{ "{\"aInt64\":9007199254740993.0}", "a_int64" },
	{ "{\"aInt64\":-9.3e18}", "a_int64" },
	{ "{\"aInt64\":\"9223372036854775808\"}", "a_int64" },
	{ "{\"aInt64\":\"-9223372036854775809\"}", "a_int64" },
	{ "{\"aUint64\":\"18446744073709551616\"}", "a_uint64" },
	{ "{\"aUint64\":\"-1\"}", "a_uint64" },
	{ "{\"aUint64\":-1}", "a_uint64" },
	{ "{\"aUint32\":4294967296}", "a_uint32" },
	{ "{\"aDouble\":\"nan\"}", "a_double" },
	{ "{\"aDouble\":\"1.5\"}", "a_double" },
	{ "{\"aDouble\":true}", "a_double" },
	{ "{\"aDouble\":\"1,5\"}", "a_double" },
	{ "{\"aDouble\":\"0x1p3\"}", "a_double" },
	{ "{\"aFloat\":1e39}", "a_float" },
	{ "{\"aBool\":\"true\"}", "a_bool" },
	{ "{\"aBool\":1}", "a_bool" },
	{ "{\"aColour\":\"RED\"}", "a_colour" },
	{ "{\"aColour\":\"colour_red\"}", "a_colour" },
	{ "{\"aColour\":\"1\"}", "a_colour" },
	{ "{\"aColour\":2147483648}", "a_colour" },
	{ "{\"aString\":1}", "a_string" },
	{ "{\"aBytes\":\"A\"}", "a_bytes" },
	{ "{\"aBytes\":\"AA=\"}", "a_bytes" },
	{ "{\"aBytes\":\"A===\"}", "a_bytes" },
	{ "{\"aBytes\":\"AA==AA==\"}", "a_bytes" },
	{ "{\"aBytes\":\"AAAA====\"}", "a_bytes" },
	{ "{\"aBytes\":\"A A=\"}", "a_bytes" },
	{ "{\"nested\":1}", "nested" },
	{ "{\"nested\":[]}", "nested" },
	{ "{\"at\":1}", "at" },
	{ "{\"at\":{\"seconds\":1}}", "at" },
	{ "{\"at\":\"2027-02-29T00:00:00Z\"}", "at" },
	{ "{\"span\":\"1\"}", "span" },
	{ "{\"mask\":\"user_id\"}", "mask" },
	{ "{\"mask\":\"a,,b\"}", "mask" },
	{ "{\"mask\":\",\"}", "mask" },
	{ "{\"mask\":\"a b\"}", "mask" },
	{ "{\"mask\":[\"a\"]}", "mask" },
	{ "{\"manyInt32\":1}", "many_int32" },
	{ "{\"manyInt32\":{}}", "many_int32" },
	{ "{\"manyInt32\":[1,null]}", "many_int32[1]" },
	{ "{\"manyNested\":[{},{\"manyString\":[\"\",5]}]}", "many_nested[1].many_string[1]" },
	{ "{\"texts\":[]}", "texts" },
	{ "{\"texts\":{\"a\":null}}", "texts.a" },
	{ "{\"texts\":{\"a\":1}}", "texts.a" },
	{ "{\"numbers\":{\"1\":\"x\",\"1.0\":\"y\"}}", "numbers.1.0" },
	{ "{\"numbers\":{\"1\":\"x\",\"01\":\"y\"}}", "numbers.01" },
	{ "{\"numbers\":{\"2147483648\":\"y\"}}", "numbers.2147483648" },
	{ "{\"numbers\":{\"x\":\"y\"}}", "numbers.x" },
	{ "{\"switches\":{\"True\":1}}", "switches.True" },
	{ "{\"choiceText\":\"a\",\"choiceNumber\":1}", "choice_number" },
};

TEST(malformed_and_wrong_texts_are_refused_and_name_the_field)
{
	for (size_t i = 0; i < LK_COUNT(refused); i++) {
		ProtobufCMessage *message = NULL;
		struct lk_status st = parse(refused[i].text, &message);
		const char *field = st.field != NULL ? st.field : "";

		if (st.code != LK_INVALID_ARGUMENT || message != NULL ||
			strcmp(field, refused[i].field) != 0)
			fail_msg("%s: %s, field %s", refused[i].text, lk_code_name(st.code), field);
	}
}

TEST(text_cut_short_anywhere_is_refused)
{
	const char *text =
		"{\"aInt32\":-1,\"aDouble\":1.5e3,\"aBool\":true,\"nested\":{},\"far\":null,"
		"\"aString\":\"\\ud83d\\udd11 "
		"\xc3\xbc\",\"manyInt32\":[1,2],\"texts\":{\"a\":\"b\"}}";
	ProtobufCMessage *message = NULL;

	CHECK_OK(parse(text, &message));
	message = NULL;
	for (size_t n = strlen(text); n-- > 0;) {
		/* A copy of its own, so that the address sanitizer sees a read behind the end. */
		uint8_t *copy = malloc(n + 1);
		struct lk_bytes cut = { copy + 1, n };

		memcpy(copy + 1, text, n);
		CHECK_CODE(lk_json_parse(EVERY, cut, NULL, &arena, &message), LK_INVALID_ARGUMENT);
		CHECK(message == NULL);
		free(copy);
	}
}

TEST(a_nul_anywhere_in_the_text_is_refused)
{
	static const char text[] = "{\"aString\":\"a\",\"aInt32\":1,\"manyBool\":[true]}";
	uint8_t with_nul[sizeof text];

	for (size_t i = 0; i < sizeof text; i++) {
		struct lk_bytes bytes = { with_nul, sizeof with_nul };
		ProtobufCMessage *message = NULL;

		memcpy(with_nul, text, i);
		with_nul[i] = '\0';
		memcpy(with_nul + i + 1, text + i, sizeof text - 1 - i);
		CHECK_CODE(
			lk_json_parse(EVERY, bytes, NULL, &arena, &message), LK_INVALID_ARGUMENT);
	}
}

TEST(nesting_deeper_than_the_limit_is_refused)
{
	static const struct lk_json_options lenient = { .ignore_unknown = true };
	ProtobufCMessage *message = NULL;
	const char *text;

	CHECK_OK(parse(repeated("", "{\"nested\":", 15, "{}}}}}}}}}}}}}}}}"), &message));
	CHECK_CODE(parse(repeated("", "{\"nested\":", 16, "{}}}}}}}}}}}}}}}}}"), &message),
		LK_INVALID_ARGUMENT);
	text = repeated("{\"x\":", "[", 100000, "");
	CHECK_CODE(lk_json_parse(EVERY, bytes_of(text), &lenient, &arena, &message),
		LK_INVALID_ARGUMENT);
}

TEST(too_many_values_are_refused)
{
	ProtobufCMessage *message = NULL;

	CHECK_OK(
		parse(repeated("{\"manyInt32\":[", "1,", LK_JSON_VALUES_MAX - 2, "1]}"), &message));
	CHECK_CODE(
		parse(repeated("{\"manyInt32\":[", "1,", LK_JSON_VALUES_MAX - 1, "1]}"), &message),
		LK_INVALID_ARGUMENT);
}

TEST(a_text_that_is_too_long_is_refused)
{
	const char *fits = repeated(
		"{\"aString\":\"", "a", LK_JSON_TEXT_MAX - strlen("{\"aString\":\"\"}"), "\"}");
	const char *does_not = repeated(
		"{\"aString\":\"", "a", LK_JSON_TEXT_MAX - strlen("{\"aString\":\"\"}") + 1, "\"}");
	ProtobufCMessage *message = NULL;

	CHECK_OK(parse(fits, &message));
	CHECK_CODE(parse(does_not, &message), LK_INVALID_ARGUMENT);
}

TEST(brackets_and_quotes_inside_of_strings_are_not_counted)
{
	const char *text =
		"{\"aString\":\"[[[[[[[[[[[[[[[[[[[\\\\\",\"far\":\"\\\"{{{{{{{{{{{{{{{{{{{\"}";

	CHECK_STR(printed(parsed(text), NULL), text);
}

TEST(a_long_unknown_name_is_cut_in_the_error)
{
	ProtobufCMessage *message = NULL;
	struct lk_status st = parse(repeated("{\"", "\xc3\xbc", 5000, "\":1}"), &message);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK(strlen(st.field) <= 128);
	CHECK(lk_utf8_valid((struct lk_bytes) { (const uint8_t *)st.field, strlen(st.field) }));
}

TEST(unknown_members_can_be_skipped_whatever_they_hold)
{
	static const struct lk_json_options lenient = { .ignore_unknown = true };
	const char *text = "{\"x\":{\"y\":[1,\"}\",null,true,{\"z\":-1e5}]},\"aInt32\":3,\"w\":[]}";
	ProtobufCMessage *message = NULL;

	CHECK_OK(lk_json_parse(EVERY, bytes_of(text), &lenient, &arena, &message));
	CHECK_STR(printed(message, NULL), "{\"aInt32\":3}");
	text = "{\"x\":{\"y\":[1,]}}";
	CHECK_CODE(lk_json_parse(EVERY, bytes_of(text), &lenient, &arena, &message),
		LK_INVALID_ARGUMENT);
}

static const char everything[] =
	"{\"texts\":{\"a\":\"b\"},\"manyNested\":[{},{},{},{},{}],\"mask\":\"a,b\","
	"\"aBytes\":\"AAAA\",\"aDouble\":1.5,\"aInt64\":-9223372036854775808,\"aString\":\"";

TEST(when_any_allocation_fails_the_text_is_refused_for_memory)
{
	/* Long, so that jansson's buffers grow beyond one chunk of its memory. The ends differ in
	 * where in a token that happens. */
	static const char *const parts[] = { "a", "\\u00e9", "\\\\", "\xc3\xbc." };

	for (size_t i = 0; i < LK_COUNT(parts); i++) {
		const char *text = repeated(everything, parts[i], 40000, "\"}");
		bool fired = true;

		for (unsigned long nth = 1; fired; nth++) {
			struct lk_arena fresh;
			ProtobufCMessage *message = NULL;
			struct lk_status st;

			lk_arena_init(&fresh, (size_t)1 << 20);
			lk_alloc_fail_nth(nth);
			st = lk_json_parse(EVERY, bytes_of(text), NULL, &fresh, &message);
			fired = lk_alloc_fail_nth(0);
			CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
			CHECK((message == NULL) == fired);
			lk_arena_fini(&fresh);
		}
	}
}

TEST(wherever_the_arena_ends_the_text_is_refused_for_memory)
{
	const char *text = repeated(everything, "a", 20, "\"}");
	bool fired = true;

	for (size_t cap = 0; fired; cap += 16) {
		struct lk_arena small;
		ProtobufCMessage *message = NULL;
		struct lk_status st;

		lk_arena_init(&small, cap);
		st = lk_json_parse(EVERY, bytes_of(text), NULL, &small, &message);
		fired = small.exhausted;
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_arena_fini(&small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(names_of_the_schema_are_understood_too),
		CASE(integers_are_read_exactly_in_every_spelling),
		CASE(a_real_number_may_have_any_spelling),
		CASE(strings_undo_their_escapes),
		CASE(both_alphabets_of_base64_are_read),
		CASE(null_stands_for_an_absent_field),
		CASE(white_space_between_tokens_means_nothing),
		CASE(a_mask_goes_from_camel_case_to_snake_case),
		CASE(malformed_and_wrong_texts_are_refused_and_name_the_field),
		CASE(text_cut_short_anywhere_is_refused),
		CASE(a_nul_anywhere_in_the_text_is_refused),
		CASE(nesting_deeper_than_the_limit_is_refused),
		CASE(too_many_values_are_refused),
		CASE(a_text_that_is_too_long_is_refused),
		CASE(brackets_and_quotes_inside_of_strings_are_not_counted),
		CASE(a_long_unknown_name_is_cut_in_the_error),
		CASE(unknown_members_can_be_skipped_whatever_they_hold),
		CASE(when_any_allocation_fails_the_text_is_refused_for_memory),
		CASE(wherever_the_arena_ends_the_text_is_refused_for_memory),
	};

	return RUN_ALL(tests);
}
