/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "every_type.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "latchkey/v1/key.pb-c.h"
#include "proto/wire/json.h"
#include "proto/wire/message.h"
#include "proto/wire/utf8.h"
#include "tests/support/check.h"

#define EVERY (&latchkey__test__every_type__descriptor)

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

static struct lk_status parse(const char *text, ProtobufCMessage **message_out)
{
	struct lk_bytes bytes = { (const uint8_t *)text, strlen(text) };

	return lk_json_parse(EVERY, bytes, NULL, &arena, message_out);
}

static const Latchkey__Test__EveryType *parsed(const char *text)
{
	ProtobufCMessage *message = NULL;

	CHECK_OK(parse(text, &message));
	return (const Latchkey__Test__EveryType *)message;
}

/* The text of a message, in the arena. */
static const char *printed(const void *message, const struct lk_json_options *options)
{
	struct lk_buf buf;
	const char *text;

	lk_buf_init(&buf, (size_t)1 << 20);
	CHECK_OK(lk_json_print(message, options, &buf));
	text = lk_arena_strndup(&arena, (const char *)buf.data, buf.n);
	lk_buf_fini(&buf);
	return text;
}

/* Texts in canonical form: they read and print back as they are. */
static const char *const canonical[] = {
	"{}",
	"{\"aInt32\":-2147483648,\"aSint32\":2147483647,\"aSfixed32\":-1}",
	"{\"aInt64\":\"-9223372036854775808\",\"aSint64\":\"9223372036854775807\","
	"\"aSfixed64\":\"9007199254740993\"}",
	"{\"aUint32\":4294967295,\"aFixed32\":1,\"aUint64\":\"18446744073709551615\","
	"\"aFixed64\":\"9223372036854775808\"}",
	"{\"aFloat\":0.1,\"aDouble\":0.1}",
	"{\"aFloat\":16777216,\"aDouble\":1e+300}",
	"{\"aFloat\":3.4028235e+38,\"aDouble\":2.2250738585072014e-308}",
	"{\"aFloat\":\"NaN\",\"aDouble\":\"-Infinity\"}",
	"{\"aBool\":true,\"aColour\":\"COLOUR_ULTRAVIOLET\"}",
	"{\"aColour\":99}",
	"{\"aString\":\"gr\xc3\xbc\xc3\x9f \\\"\\\\\\n\\u0001\\u007f \xf0\x9f\x94\x91/\"}",
	"{\"aBytes\":\"AA==\"}",
	"{\"aBytes\":\"+/8=\"}",
	"{\"aBytes\":\"Zm9vYmFy\"}",
	"{\"nested\":{\"nested\":{\"aInt32\":1}}}",
	"{\"at\":\"2027-01-01T00:00:00Z\",\"span\":\"-1.500s\",\"mask\":\"expiresAt,a.bC\"}",
	"{\"at\":\"1970-01-01T00:00:00Z\",\"span\":\"0s\",\"mask\":\"\"}",
	"{\"manyInt32\":[1,0,-1],\"manyUint64\":[\"0\",\"18446744073709551615\"]}",
	"{\"manyDouble\":[1.5,0],\"manyBool\":[true,false],"
	"\"manyColour\":[\"COLOUR_RED\",7]}",
	"{\"manyString\":[\"a\",\"\",\"c\"],\"manyBytes\":[\"\",\"AAA=\"]}",
	"{\"manyNested\":[{},{\"aInt32\":5},{}],\"manyUnpacked\":[\"-1\"]}",
	"{\"texts\":{\"owner\":\"ops\",\"\":\"empty\"},\"numbers\":{\"-1\":\"x\",\"2\":\"y\"}}",
	"{\"switches\":{\"true\":\"COLOUR_RED\",\"false\":\"COLOUR_GREEN\"}}",
	"{\"messages\":{\"a\":{},\"b\":{\"texts\":{\"k\":\"v\"}}}}",
	"{\"choiceText\":\"\"}",
	"{\"choiceNumber\":0}",
	"{\"choiceMessage\":{}}",
	"{\"choiceBytes\":\"\"}",
	"{\"choiceBool\":false}",
	"{\"far\":\"away\"}",
};

TEST(canonical_text_reads_and_prints_back_as_it_is)
{
	for (size_t i = 0; i < LK_COUNT(canonical); i++)
		CHECK_STR(printed(parsed(canonical[i]), NULL), canonical[i]);
}

TEST(a_message_survives_the_wire_between_two_texts)
{
	for (size_t i = 0; i < LK_COUNT(canonical); i++) {
		const ProtobufCMessage *message = (const void *)parsed(canonical[i]);
		ProtobufCMessage *again;
		struct lk_bytes bytes;

		CHECK_OK(lk_message_pack(message, &arena, &bytes));
		CHECK_OK(lk_message_unpack(EVERY, bytes, &arena, &again));
		CHECK_STR(printed(again, NULL), printed(message, NULL));
	}
}

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
	CHECK_EQ(parsed("{\"aInt32\":\"1.50e1\"}")->a_int32, 15);
	CHECK_EQ(parsed("{\"aInt32\":1e9}")->a_int32, 1000000000);
	CHECK_EQ(parsed("{\"aInt32\":1200e-2}")->a_int32, 12);
	CHECK_EQ(parsed("{\"aInt32\":-0}")->a_int32, 0);
	CHECK_EQ(parsed("{\"aUint32\":-0.0}")->a_uint32, 0);
	CHECK_EQ(parsed("{\"aInt32\":0e99999999999999999999}")->a_int32, 0);
	CHECK(parsed("{\"aInt64\":9007199254740993}")->a_int64 == INT64_C(9007199254740993));
	CHECK(parsed("{\"aInt64\":-9223372036854775808}")->a_int64 == INT64_MIN);
	CHECK(parsed("{\"aUint64\":18446744073709551615}")->a_uint64 == UINT64_MAX);
	CHECK(parsed("{\"aUint64\":1844674407370955161.5e1}")->a_uint64 == UINT64_MAX);
	CHECK_EQ(parsed("{\"aColour\":-7}")->a_colour, -7);
	CHECK_EQ(parsed("{\"aColour\":\"COLOUR_GREEN\"}")->a_colour, 2);
}

TEST(a_real_number_may_be_quoted)
{
	CHECK(parsed("{\"aDouble\":\"2.5e-1\"}")->a_double == 0.25);
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

TEST(a_pair_that_is_not_a_maps_entry_stays_a_list)
{
	const char *text = "{\"pairs\":[{\"key\":\"a\",\"value\":\"b\"}]}";
	ProtobufCMessage *message = NULL;

	CHECK_OK(lk_json_parse(&latchkey__test__pairs__descriptor,
		(struct lk_bytes) { (const uint8_t *)text, strlen(text) }, NULL, &arena, &message));
	CHECK_STR(printed(message, NULL), text);
}

TEST(text_cut_short_anywhere_is_refused)
{
	for (size_t i = 0; i < LK_COUNT(canonical); i++) {
		size_t n = strlen(canonical[i]);

		while (n-- > 0) {
			struct lk_bytes text = { (const uint8_t *)canonical[i], n };
			ProtobufCMessage *message = NULL;

			CHECK_CODE(lk_json_parse(EVERY, text, NULL, &arena, &message),
				LK_INVALID_ARGUMENT);
			CHECK(message == NULL);
		}
	}
}

TEST(unknown_members_can_be_skipped_whatever_they_hold)
{
	static const struct lk_json_options lenient = { .ignore_unknown = true };
	const char *text = "{\"x\":{\"y\":[1,\"}\",null,true,{\"z\":-1e5}]},\"aInt32\":3,\"w\":[]}";
	ProtobufCMessage *message = NULL;

	CHECK_OK(lk_json_parse(EVERY, (struct lk_bytes) { (const uint8_t *)text, strlen(text) },
		&lenient, &arena, &message));
	CHECK_STR(printed(message, NULL), "{\"aInt32\":3}");
	text = "{\"x\":{\"y\":[1,]}}";
	CHECK_CODE(lk_json_parse(EVERY, (struct lk_bytes) { (const uint8_t *)text, strlen(text) },
			   &lenient, &arena, &message),
		LK_INVALID_ARGUMENT);
}

TEST(with_defaults_every_member_without_presence_is_there)
{
	static const struct lk_json_options stable = { .with_defaults = true };
	Latchkey__V1__RevokeKeyRequest request;
	Latchkey__V1__ListKeysResponse list;
	Latchkey__V1__UpdateKeyRequest update;

	latchkey__v1__revoke_key_request__init(&request);
	latchkey__v1__list_keys_response__init(&list);
	latchkey__v1__update_key_request__init(&update);
	CHECK_STR(printed(&request, &stable),
		"{\"realm\":\"\",\"id\":\"\",\"reason\":\"REVOCATION_REASON_UNSPECIFIED\","
		"\"comment\":\"\"}");
	CHECK_STR(printed(&list, &stable), "{\"keys\":[],\"nextPageToken\":\"\"}");
	CHECK_STR(printed(&update, &stable),
		"{\"realm\":\"\",\"id\":\"\",\"name\":\"\",\"scopes\":[],\"networks\":[],"
		"\"enabled\":false,\"metadata\":{}}");
}

TEST(indented_text_has_one_member_a_line)
{
	static const struct lk_json_options pretty = { .indent = 2 };

	CHECK_STR(printed(parsed("{\"manyInt32\":[1,2],\"texts\":{\"a\":\"b\"},\"nested\":{}}"),
			  &pretty),
		"{\n  \"nested\": {},\n  \"manyInt32\": [\n    1,\n    2\n  ],\n"
		"  \"texts\": {\n    \"a\": \"b\"\n  }\n}");
}

TEST(a_value_without_a_json_form_is_refused_by_name)
{
	Google__Protobuf__Timestamp at;
	Google__Protobuf__FieldMask mask;
	Latchkey__Test__EveryType message;
	char bad_text[] = "\xff";
	char bad_path[] = "userId";
	char *paths[] = { bad_path };
	struct lk_status st;
	struct lk_buf buf;

	google__protobuf__timestamp__init(&at);
	google__protobuf__field_mask__init(&mask);
	latchkey__test__every_type__init(&message);
	lk_buf_init(&buf, 4096);
	at.nanos = -1;
	message.at = &at;
	st = lk_json_print(&message.base, NULL, &buf);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "at");
	message.at = NULL;
	mask.n_paths = 1;
	mask.paths = paths;
	message.mask = &mask;
	CHECK_CODE(lk_json_print(&message.base, NULL, &buf), LK_INVALID_ARGUMENT);
	message.mask = NULL;
	message.a_string = bad_text;
	st = lk_json_print(&message.base, NULL, &buf);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "a_string");
	lk_buf_fini(&buf);
}

TEST(a_message_that_nests_for_ever_is_not_printed)
{
	Latchkey__Test__EveryType message;
	struct lk_buf buf;

	latchkey__test__every_type__init(&message);
	lk_buf_init(&buf, 4096);
	message.nested = &message;
	CHECK_CODE(lk_json_print(&message.base, NULL, &buf), LK_INVALID_ARGUMENT);
	lk_buf_fini(&buf);
}

TEST(text_that_does_not_fit_is_refused)
{
	Latchkey__V1__KeyUsage usage;
	char agent[] = "curl/7.88";
	struct lk_buf buf;

	latchkey__v1__key_usage__init(&usage);
	usage.user_agent = agent;
	for (size_t cap = 0; cap <= 25; cap++) {
		lk_buf_init(&buf, cap);
		CHECK_CODE(lk_json_print(&usage.base, NULL, &buf),
			cap < strlen("{\"userAgent\":\"curl/7.88\"}") ? LK_RESOURCE_EXHAUSTED
								      : LK_OK);
		lk_buf_fini(&buf);
	}
}

TEST(no_locale_changes_a_number)
{
	static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8" };
	size_t i = 0;

	while (i < LK_COUNT(locales) && setlocale(LC_ALL, locales[i]) == NULL)
		i++;
	if (i == LK_COUNT(locales))
		skip();
	CHECK_STR(localeconv()->decimal_point, ",");
	CHECK(parsed("{\"aDouble\":1.5}")->a_double == 1.5);
	CHECK_STR(printed(parsed("{\"aDouble\":1.5}"), NULL), "{\"aDouble\":1.5}");
	setlocale(LC_ALL, "C");
}

TEST(messages_of_proto2_keep_their_presence)
{
	const char *text = "{\"name\":\"a\",\"field\":[{\"name\":\"x\",\"number\":0,"
			   "\"label\":\"LABEL_REPEATED\",\"oneofIndex\":0}]}";
	ProtobufCMessage *message = NULL;

	CHECK_OK(lk_json_parse(&google__protobuf__descriptor_proto__descriptor,
		(struct lk_bytes) { (const uint8_t *)text, strlen(text) }, NULL, &arena, &message));
	CHECK_STR(printed(message, NULL), text);
}

TEST(when_any_allocation_fails_the_text_is_refused_for_memory)
{
	const char *text =
		"{\"texts\":{\"a\":\"b\"},\"manyNested\":[{},{},{},{},{}],\"mask\":\"a,b\","
		"\"aBytes\":\"AAAA\",\"aDouble\":1.5}";
	struct lk_bytes bytes = { (const uint8_t *)text, strlen(text) };
	bool fired = true;

	/* A cap fails where memory would: each step further on. */
	for (size_t cap = 0; fired; cap += 16) {
		struct lk_arena small;
		ProtobufCMessage *message = NULL;
		struct lk_status st;

		lk_arena_init(&small, cap);
		st = lk_json_parse(EVERY, bytes, NULL, &small, &message);
		fired = small.exhausted;
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_arena_fini(&small);
	}
	fired = true;
	for (unsigned long nth = 1; fired; nth++) {
		const Latchkey__Test__EveryType *message = parsed(text);
		struct lk_buf buf;
		struct lk_status st;

		lk_buf_init(&buf, 4096);
		lk_alloc_fail_nth(nth);
		st = lk_json_print(&message->base, NULL, &buf);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_buf_fini(&buf);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(canonical_text_reads_and_prints_back_as_it_is),
		CASE(a_message_survives_the_wire_between_two_texts),
		CASE(names_of_the_schema_are_understood_too),
		CASE(integers_are_read_exactly_in_every_spelling),
		CASE(a_real_number_may_be_quoted),
		CASE(strings_undo_their_escapes),
		CASE(both_alphabets_of_base64_are_read),
		CASE(null_stands_for_an_absent_field),
		CASE(white_space_between_tokens_means_nothing),
		CASE(a_mask_goes_from_camel_case_to_snake_case),
		CASE(a_pair_that_is_not_a_maps_entry_stays_a_list),
		CASE(text_cut_short_anywhere_is_refused),
		CASE(unknown_members_can_be_skipped_whatever_they_hold),
		CASE(with_defaults_every_member_without_presence_is_there),
		CASE(indented_text_has_one_member_a_line),
		CASE(a_value_without_a_json_form_is_refused_by_name),
		CASE(a_message_that_nests_for_ever_is_not_printed),
		CASE(text_that_does_not_fit_is_refused),
		CASE(no_locale_changes_a_number),
		CASE(messages_of_proto2_keep_their_presence),
		CASE(when_any_allocation_fails_the_text_is_refused_for_memory),
	};

	return RUN_ALL(tests);
}
