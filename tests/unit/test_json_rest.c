/* SPDX-License-Identifier: MIT */
/* What the options of a REST surface change, and values from texts that are no JSON. */
#include "google/protobuf/descriptor.pb-c.h"
#include "tests/support/json.h"

typedef Latchkey__Test__EveryType every_type;

/* --- printing --- */

TEST(with_nulls_a_message_that_is_not_set_is_null)
{
	static const struct lk_json_options options = { .with_nulls = true };

	CHECK_STR(printed(parsed("{}"), &options),
		"{\"nested\":null,\"at\":null,\"span\":null,\"mask\":null}");
	CHECK_STR(printed(parsed("{\"at\":\"1970-01-01T00:00:00Z\",\"choiceMessage\":{},"
				 "\"manyNested\":[]}"),
			  &options),
		"{\"nested\":null,\"at\":\"1970-01-01T00:00:00Z\",\"span\":null,\"mask\":null,"
		"\"choiceMessage\":{\"nested\":null,\"at\":null,\"span\":null,\"mask\":null}}");
}

TEST(with_nulls_a_scalar_with_presence_is_null_too)
{
	static const struct lk_json_options options = { .with_nulls = true };
	Google__Protobuf__EnumValueDescriptorProto value;
	char name[] = "A";

	google__protobuf__enum_value_descriptor_proto__init(&value);
	value.name = name;
	CHECK_STR(printed(&value, &options), "{\"name\":\"A\",\"number\":null,\"options\":null}");
}

TEST(with_defaults_and_nulls_every_member_but_those_of_a_oneof_is_there)
{
	static const struct lk_json_options options = { .with_defaults = true, .with_nulls = true };
	Latchkey__Test__Leaf leaf;
	const char *text = printed(parsed("{}"), &options);

	CHECK(strstr(text, "\"aInt64\":\"0\"") != NULL);
	CHECK(strstr(text, "\"nested\":null") != NULL);
	CHECK(strstr(text, "\"manyNested\":[]") != NULL);
	CHECK(strstr(text, "\"texts\":{}") != NULL);
	CHECK(strstr(text, "choice") == NULL);
	latchkey__test__leaf__init(&leaf);
	CHECK_STR(printed(&leaf, &options), "{\"name\":\"\"}");
}

TEST(what_is_printed_with_defaults_and_nulls_reads_back)
{
	static const struct lk_json_options options = { .with_defaults = true, .with_nulls = true };
	const char *text = "{\"aInt32\":1,\"nested\":{\"manyString\":[\"x\"]}}";

	CHECK_STR(printed(parsed(printed(parsed(text), &options)), NULL), text);
}

TEST(times_have_the_digits_that_were_asked_for)
{
	static const struct {
		const char *from;
		const char *canonical;
		const char *seconds;
		const char *millis;
	} cases[] = {
		{ "{\"at\":\"2025-01-01T00:00:00Z\"}", "{\"at\":\"2025-01-01T00:00:00Z\"}",
			"{\"at\":\"2025-01-01T00:00:00Z\"}",
			"{\"at\":\"2025-01-01T00:00:00.000Z\"}" },
		{ "{\"at\":\"2025-01-01T00:00:00.98Z\"}", "{\"at\":\"2025-01-01T00:00:00.980Z\"}",
			"{\"at\":\"2025-01-01T00:00:00Z\"}",
			"{\"at\":\"2025-01-01T00:00:00.980Z\"}" },
		{ "{\"at\":\"2025-12-31T23:59:59.999999999Z\"}",
			"{\"at\":\"2025-12-31T23:59:59.999999999Z\"}",
			"{\"at\":\"2025-12-31T23:59:59Z\"}",
			"{\"at\":\"2025-12-31T23:59:59.999Z\"}" },
		{ "{\"at\":\"1969-12-31T23:59:59.000001Z\"}",
			"{\"at\":\"1969-12-31T23:59:59.000001Z\"}",
			"{\"at\":\"1969-12-31T23:59:59Z\"}",
			"{\"at\":\"1969-12-31T23:59:59.000Z\"}" },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		const char *expected[] = { cases[i].canonical, cases[i].seconds, cases[i].millis };

		for (size_t times = 0; times < LK_COUNT(expected); times++) {
			struct lk_json_options options = { .times = (enum lk_json_times)times };

			CHECK_STR(printed(parsed(cases[i].from), &options), expected[times]);
		}
	}
}

TEST(a_duration_is_no_time_and_keeps_its_digits)
{
	static const struct lk_json_options options = { .times = LK_JSON_TIMES_SECONDS };
	const char *text = "{\"span\":\"1.500s\"}";

	CHECK_STR(printed(parsed(text), &options), text);
}

/* Leaves out the field whose name is the argument. */
static bool skip_field(const void *arg, const ProtobufCMessageDescriptor *type,
	const ProtobufCFieldDescriptor *field)
{
	return type == EVERY && strcmp(field->name, arg) == 0;
}

TEST(fields_that_are_left_out_are_not_printed)
{
	struct lk_json_options options = { .skip = skip_field, .skip_arg = "a_string" };
	const every_type *message =
		parsed("{\"aString\":\"x\",\"far\":\"y\",\"nested\":{\"aString\":\"x\"}}");

	CHECK_STR(printed(message, &options), "{\"nested\":{},\"far\":\"y\"}");
	options.with_defaults = true;
	options.with_nulls = true;
	options.skip_arg = "nested";
	CHECK(strstr(printed(message, &options), "nested") == NULL);
}

/* --- parsing --- */

TEST(fields_that_are_left_out_are_unknown_members)
{
	struct lk_json_options options = { .skip = skip_field, .skip_arg = "a_string" };
	const char *text = "{\"aString\":5,\"a_string\":\"x\",\"far\":\"y\"}";
	ProtobufCMessage *message = NULL;
	struct lk_status st = lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "aString");
	options.ignore_unknown = true;
	CHECK_OK(lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message));
	CHECK_STR(printed(message, NULL), "{\"far\":\"y\"}");
}

TEST(with_camel_case_alone_names_of_the_schema_are_unknown)
{
	struct lk_json_options options = { .names = LK_JSON_NAMES_CAMEL };
	const char *text = "{\"many_int32\":[1],\"aInt32\":2,\"far\":\"x\"}";
	ProtobufCMessage *message = NULL;

	CHECK_CODE(lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message),
		LK_INVALID_ARGUMENT);
	options.ignore_unknown = true;
	CHECK_OK(lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message));
	CHECK_STR(printed(message, NULL), "{\"aInt32\":2,\"far\":\"x\"}");
	text = "{\"many_int32\":[1],\"manyInt32\":[2]}";
	CHECK_OK(lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message));
	CHECK_STR(printed(message, NULL), "{\"manyInt32\":[2]}");
}

TEST(with_camel_case_alone_errors_name_fields_as_the_text_does)
{
	static const struct lk_json_options options = { .names = LK_JSON_NAMES_CAMEL };
	static const char *const cases[][2] = {
		{ "{\"aInt32\":true}", "aInt32" },
		{ "{\"manyNested\":[{},{\"manyString\":[\"\",5]}]}",
			"manyNested[1].manyString[1]" },
		{ "{\"messages\":{\"a_b\":{\"aBool\":1}}}", "messages.a_b.aBool" },
		{ "{\"choiceText\":\"a\",\"choiceNumber\":1}", "choiceNumber" },
		{ "{\"nested\":{\"aBytes\":\"?\"}}", "nested.aBytes" },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		ProtobufCMessage *message = NULL;
		struct lk_status st =
			lk_json_parse(EVERY, bytes_of(cases[i][0]), &options, &arena, &message);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, cases[i][1]);
	}
}

TEST(with_names_of_the_schema_alone_camel_case_is_unknown_and_never_printed)
{
	struct lk_json_options options = { .names = LK_JSON_NAMES_PROTO };
	const char *text = "{\"many_int32\":[1],\"aInt32\":2,\"far\":\"x\"}";
	ProtobufCMessage *message = NULL;
	struct lk_status st = lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "aInt32");
	options.ignore_unknown = true;
	CHECK_OK(lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message));
	CHECK_STR(printed(message, &options), "{\"many_int32\":[1],\"far\":\"x\"}");
	text = "{\"many_nested\":[{},{\"many_string\":[\"\",5]}]}";
	st = lk_json_parse(EVERY, bytes_of(text), &options, &arena, &message);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "many_nested[1].many_string[1]");
}

/* --- values from texts --- */

static struct lk_status set(
	ProtobufCMessage *message, const char *name, const char *const *texts, size_t n)
{
	const ProtobufCFieldDescriptor *field = lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, name);

	assert_non_null(field);
	return lk_json_set(message, field, LK_JSON_NAMES_CAMEL, texts, n, &arena);
}

TEST(a_text_sets_a_field_of_any_type_that_has_one)
{
	static const struct {
		const char *name;
		const char *text;
		const char *json;
	} cases[] = {
		{ "aInt32", "-2147483648", "{\"aInt32\":-2147483648}" },
		{ "aSint64", "9223372036854775807", "{\"aSint64\":\"9223372036854775807\"}" },
		{ "aUint64", "18446744073709551615", "{\"aUint64\":\"18446744073709551615\"}" },
		{ "aFixed32", "7", "{\"aFixed32\":7}" },
		{ "aBool", "true", "{\"aBool\":true}" },
		{ "aBool", "false", "{}" },
		{ "aColour", "COLOUR_ULTRAVIOLET", "{\"aColour\":\"COLOUR_ULTRAVIOLET\"}" },
		{ "aString", "gr\xc3\xbc\xc3\x9f & \"co\"",
			"{\"aString\":\"gr\xc3\xbc\xc3\x9f & \\\"co\\\"\"}" },
		{ "aBytes", "-_8", "{\"aBytes\":\"+/8=\"}" },
		{ "at", "2027-01-01T02:00:00+02:00", "{\"at\":\"2027-01-01T00:00:00Z\"}" },
		{ "span", "-1.5s", "{\"span\":\"-1.500s\"}" },
		{ "mask", "a,b.cD", "{\"mask\":\"a,b.cD\"}" },
		{ "choiceText", "", "{\"choiceText\":\"\"}" },
		{ "choiceBool", "false", "{\"choiceBool\":false}" },
		{ "manyInt32", "7", "{\"manyInt32\":[7]}" },
		{ "far", "", "{}" },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		every_type message;

		latchkey__test__every_type__init(&message);
		CHECK_OK(set(&message.base, cases[i].name, &cases[i].text, 1));
		CHECK_STR(printed(&message, NULL), cases[i].json);
	}
}

TEST(several_texts_make_a_list_and_none_changes_nothing)
{
	static const char *const texts[] = { "COLOUR_RED", "COLOUR_GREEN", "COLOUR_RED" };
	every_type message;

	latchkey__test__every_type__init(&message);
	CHECK_OK(set(&message.base, "manyColour", texts, LK_COUNT(texts)));
	CHECK_OK(set(&message.base, "aString", NULL, 0));
	CHECK_OK(set(&message.base, "choiceText", NULL, 0));
	CHECK_STR(printed(&message, NULL),
		"{\"manyColour\":[\"COLOUR_RED\",\"COLOUR_GREEN\",\"COLOUR_RED\"]}");
}

TEST(a_text_that_is_not_of_the_field_is_refused_and_names_it)
{
	static const struct {
		const char *name;
		const char *texts[2];
		const char *field;
	} cases[] = {
		{ "aInt32", { "" }, "aInt32" },
		{ "aInt32", { "1.0" }, "aInt32" },
		{ "aInt32", { "1e1" }, "aInt32" },
		{ "aInt32", { " 1" }, "aInt32" },
		{ "aInt32", { "+1" }, "aInt32" },
		{ "aInt32", { "01" }, "aInt32" },
		{ "aInt32", { "2147483648" }, "aInt32" },
		{ "aUint32", { "-1" }, "aUint32" },
		{ "aInt64", { "9223372036854775808" }, "aInt64" },
		{ "aBool", { "1" }, "aBool" },
		{ "aBool", { "True" }, "aBool" },
		{ "aBool", { "" }, "aBool" },
		{ "aColour", { "1" }, "aColour" },
		{ "aColour", { "red" }, "aColour" },
		{ "aBytes", { "A" }, "aBytes" },
		{ "at", { "yesterday" }, "at" },
		{ "at", { "2027-01-01" }, "at" },
		{ "span", { "5" }, "span" },
		{ "mask", { "a,,b" }, "mask" },
		{ "aDouble", { "1.5" }, "aDouble" },
		{ "aFloat", { "1" }, "aFloat" },
		{ "nested", { "{}" }, "nested" },
		{ "texts", { "a" }, "texts[0]" },
		{ "aString", { "a", "b" }, "aString" },
		{ "aInt32", { "1", "1" }, "aInt32" },
		{ "manyInt32", { "1", "x" }, "manyInt32[1]" },
		{ "manyColour", { "", "COLOUR_RED" }, "manyColour[0]" },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		every_type message;
		struct lk_status st;

		latchkey__test__every_type__init(&message);
		st = set(&message.base, cases[i].name, cases[i].texts,
			cases[i].texts[1] != NULL ? 2 : 1);
		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, cases[i].field);
	}
}

TEST(two_members_of_a_oneof_are_refused_as_texts_too)
{
	const char *text = "5";
	every_type message;
	struct lk_status st;

	latchkey__test__every_type__init(&message);
	CHECK_OK(set(&message.base, "choiceText", &text, 1));
	st = set(&message.base, "choiceNumber", &text, 1);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "choiceNumber");
}

TEST(a_field_is_found_by_its_name_in_a_text_and_no_other)
{
	CHECK_STR(lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "manyInt32")->name, "many_int32");
	CHECK_STR(lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "far")->name, "far");
	CHECK(lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "many_int32") == NULL);
	CHECK(lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "ManyInt32") == NULL);
	CHECK(lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "Far") == NULL);
	CHECK(lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "") == NULL);
	CHECK_STR(lk_json_field(EVERY, LK_JSON_NAMES_PROTO, "many_int32")->name, "many_int32");
	CHECK(lk_json_field(EVERY, LK_JSON_NAMES_PROTO, "manyInt32") == NULL);
}

TEST(wherever_the_arena_ends_a_text_is_refused_for_memory)
{
	static const char *const texts[] = { "COLOUR_RED", "nobody's" };
	bool fired = true;

	for (size_t cap = 0; fired; cap += 8) {
		every_type message;
		struct lk_arena small;
		struct lk_status st;

		latchkey__test__every_type__init(&message);
		lk_arena_init(&small, cap);
		st = lk_json_set(&message.base,
			lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "manyString"),
			LK_JSON_NAMES_CAMEL, texts, LK_COUNT(texts), &small);
		if (st.code == LK_OK)
			st = lk_json_set(&message.base,
				lk_json_field(EVERY, LK_JSON_NAMES_CAMEL, "manyColour"),
				LK_JSON_NAMES_CAMEL, texts, LK_COUNT(texts), &small);
		fired = small.exhausted;
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_INVALID_ARGUMENT);
		lk_arena_fini(&small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(with_nulls_a_message_that_is_not_set_is_null),
		CASE(with_nulls_a_scalar_with_presence_is_null_too),
		CASE(with_defaults_and_nulls_every_member_but_those_of_a_oneof_is_there),
		CASE(what_is_printed_with_defaults_and_nulls_reads_back),
		CASE(times_have_the_digits_that_were_asked_for),
		CASE(a_duration_is_no_time_and_keeps_its_digits),
		CASE(fields_that_are_left_out_are_not_printed),
		CASE(fields_that_are_left_out_are_unknown_members),
		CASE(with_camel_case_alone_names_of_the_schema_are_unknown),
		CASE(with_camel_case_alone_errors_name_fields_as_the_text_does),
		CASE(with_names_of_the_schema_alone_camel_case_is_unknown_and_never_printed),
		CASE(a_text_sets_a_field_of_any_type_that_has_one),
		CASE(several_texts_make_a_list_and_none_changes_nothing),
		CASE(a_text_that_is_not_of_the_field_is_refused_and_names_it),
		CASE(two_members_of_a_oneof_are_refused_as_texts_too),
		CASE(a_field_is_found_by_its_name_in_a_text_and_no_other),
		CASE(wherever_the_arena_ends_a_text_is_refused_for_memory),
	};

	return RUN_ALL(tests);
}
