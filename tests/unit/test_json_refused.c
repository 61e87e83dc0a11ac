/* SPDX-License-Identifier: MIT */
/* What lk_json_parse refuses. */
#include <stdio.h>

#include "every_type.pb-c.h"
#include "proto/wire/json.h"
#include "proto/wire/utf8.h"
#include "tests/support/check.h"

static struct lk_arena arena;

static int set_up(void **state_)
{
	(void)state_;
	lk_arena_init(&arena, (size_t)16 << 20);
	return 0;
}

static int tear_down(void **state_)
{
	(void)state_;
	lk_arena_fini(&arena);
	return 0;
}

static struct lk_status parse_bytes(const char *text, size_t n,
	const struct lk_json_options *options, ProtobufCMessage **message_out)
{
	return lk_json_parse(&latchkey__test__every_type__descriptor,
		(struct lk_bytes) { (const uint8_t *)text, n }, options, &arena, message_out);
}

static struct lk_status parse(const char *text, ProtobufCMessage **message_out)
{
	return parse_bytes(text, strlen(text), NULL, message_out);
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
	{ "{\"aInt32\":}", "a_int32" },
	{ "{\"aInt32\" 1}", "" },
	{ "{\"aInt32\":1,}", "" },
	{ "{,\"aInt32\":1}", "" },
	{ "{\"aInt32\":1 \"aBool\":true}", "" },
	{ "{aInt32:1}", "" },
	{ "{'aInt32':1}", "" },
	{ "{\"aInt32\":1}}", "" },
	{ "{\"aInt32\":01}", "" },
	{ "{\"aInt32\":+1}", "a_int32" },
	{ "{\"aInt32\":.5}", "a_int32" },
	{ "{\"aInt32\":1.}", "a_int32" },
	{ "{\"aInt32\":1e}", "a_int32" },
	{ "{\"aInt32\":-}", "a_int32" },
	{ "{\"aInt32\":0x10}", "" },
	{ "{\"aInt32\":1/**/}", "" },
	{ "{\"aDouble\":NaN}", "a_double" },
	{ "{\"aDouble\":Infinity}", "a_double" },
	{ "{\"aBool\":tru}", "a_bool" },
	{ "{\"aBool\":truex}", "" },
	{ "{\"aBool\":nul}", "a_bool" },
	{ "{\"manyInt32\":[1,]}", "many_int32[1]" },
	{ "{\"manyInt32\":[1 2]}", "many_int32" },
	{ "{\"manyInt32\":[1}", "many_int32" },
	{ "{\"manyInt32\":[", "many_int32[0]" },
	{ "{\"aString\":\"abc", "a_string" },
	{ "{\"aString\":\"abc\\\"}", "a_string" },
	{ "{\"aString\":\"\\x41\"}", "a_string" },
	{ "{\"aString\":\"\\u12\"}", "a_string" },
	{ "{\"aString\":\"\\u12g4\"}", "a_string" },
	{ "{\"aString\":\"\\ud800\"}", "a_string" },
	{ "{\"aString\":\"\\ud800\\u0041\"}", "a_string" },
	{ "{\"aString\":\"\\ud800x\"}", "a_string" },
	{ "{\"aString\":\"\\udc00\"}", "a_string" },
	{ "{\"aString\":\"\\u0000\"}", "a_string" },
	{ "{\"aString\":\"a\tb\"}", "a_string" },
	{ "{\"aString\":\"a\nb\"}", "a_string" },
	{ "{\"aString\":\"\xc0\x80\"}", "" },
	{ "{\"aString\":\"\xff\"}", "" },
	{ "\xef\xbb\xbf{}", "" },
	{ "{\"\\u0000aInt32\":1}", "" },
	/* not this message */
	{ "{\"nothing\":1}", "nothing" },
	{ "{\"AInt32\":1}", "AInt32" },
	{ "{\"nested\":{\"nothing\":1}}", "nested.nothing" },
	{ "{\"aInt32\":1,\"aInt32\":1}", "a_int32" },
	{ "{\"aInt32\":1,\"a_int32\":1}", "a_int32" },
	{ "{\"aInt32\":null,\"a_int32\":1}", "a_int32" },
	{ "{\"aInt32\":true}", "a_int32" },
	{ "{\"aInt32\":{}}", "a_int32" },
	{ "{\"aInt32\":[1]}", "a_int32" },
	{ "{\"aInt32\":\"\"}", "a_int32" },
	{ "{\"aInt32\":\" 1\"}", "a_int32" },
	{ "{\"aInt32\":\"1 \"}", "a_int32" },
	{ "{\"aInt32\":\"0x1\"}", "a_int32" },
	{ "{\"aInt32\":0.5}", "a_int32" },
	{ "{\"aInt32\":1e-1}", "a_int32" },
	{ "{\"aInt32\":2147483648}", "a_int32" },
	{ "{\"aInt32\":-2147483649}", "a_int32" },
	{ "{\"aInt32\":1e99999999999999999999}", "a_int32" },
	{ "{\"aInt64\":9223372036854775808}", "a_int64" },
	{ "{\"aInt64\":1.00000000000000000001}", "a_int64" },
	{ "{\"aUint64\":18446744073709551616}", "a_uint64" },
	{ "{\"aUint64\":-1}", "a_uint64" },
	{ "{\"aUint32\":4294967296}", "a_uint32" },
	{ "{\"aDouble\":1e999}", "a_double" },
	{ "{\"aDouble\":\"nan\"}", "a_double" },
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
	{ "{\"texts\":{\"a\":\"1\",\"a\":\"2\"}}", "texts.a" },
	{ "{\"texts\":{\"a\":null}}", "texts.a" },
	{ "{\"texts\":{\"a\":1}}", "texts.a" },
	{ "{\"numbers\":{\"1\":\"x\",\"1.0\":\"y\"}}", "numbers.1.0" },
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

static const char *repeated(const char *start, const char *part, size_t n, const char *end)
{
	char *text = lk_arena_calloc(&arena, strlen(start) + n * strlen(part) + strlen(end) + 1, 1);
	char *at = stpcpy(text, start);

	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, part);
	stpcpy(at, end);
	return text;
}

TEST(a_nul_in_the_text_is_refused)
{
	ProtobufCMessage *message = NULL;

	CHECK_CODE(parse_bytes("{\"aString\":\"a\0b\"}", 17, NULL, &message), LK_INVALID_ARGUMENT);
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
	CHECK_CODE(parse_bytes(text, strlen(text), &lenient, &message), LK_INVALID_ARGUMENT);
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

TEST(too_many_entries_of_a_map_are_refused)
{
	for (size_t n = LK_JSON_MAP_MAX; n <= LK_JSON_MAP_MAX + 1; n++) {
		char *text = lk_arena_calloc(&arena, 20 * n + 20, 1);
		char *at = stpcpy(text, "{\"texts\":{");
		ProtobufCMessage *message = NULL;

		for (size_t i = 0; i < n; i++)
			at += snprintf(at, 20, "%s\"%zu\":\"\"", i > 0 ? "," : "", i);
		stpcpy(at, "}}");
		CHECK_CODE(
			parse(text, &message), n > LK_JSON_MAP_MAX ? LK_INVALID_ARGUMENT : LK_OK);
	}
}

TEST(a_long_unknown_name_is_cut_in_the_error)
{
	ProtobufCMessage *message = NULL;
	struct lk_status st = parse(repeated("{\"", "\xc3\xbc", 5000, "\":1}"), &message);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK(strlen(st.field) <= 128);
	CHECK(lk_utf8_valid((struct lk_bytes) { (const uint8_t *)st.field, strlen(st.field) }));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(malformed_and_wrong_texts_are_refused_and_name_the_field),
		CASE(a_nul_in_the_text_is_refused),
		CASE(nesting_deeper_than_the_limit_is_refused),
		CASE(too_many_values_are_refused),
		CASE(too_many_entries_of_a_map_are_refused),
		CASE(a_long_unknown_name_is_cut_in_the_error),
	};

	return RUN_ALL(tests);
}
