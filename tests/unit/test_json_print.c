/* SPDX-License-Identifier: MIT */
#include <locale.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "latchkey/v1/key.pb-c.h"
#include "proto/wire/message.h"
#include "tests/support/json.h"

/* Texts in canonical form: they read and print back as they are. */
static const char *const canonical[] = {
	"{}",
	"{\"aInt32\":-2147483648,\"aSint32\":2147483647,\"aSfixed32\":-1}",
	"{\"aInt64\":\"-9223372036854775808\",\"aSint64\":\"9223372036854775807\","
	"\"aSfixed64\":\"9007199254740993\"}",
	"{\"aUint32\":4294967295,\"aFixed32\":1,\"aUint64\":\"18446744073709551615\","
	"\"aFixed64\":\"9223372036854775808\"}",
	"{\"aFloat\":0.1,\"aDouble\":0.1}",
	"{\"aFloat\":16777216.0,\"aDouble\":1e300}",
	"{\"aFloat\":3.4028235e38,\"aDouble\":0.25}",
	"{\"aDouble\":2.2250738585072014e-308}",
	"{\"aFloat\":\"NaN\",\"aDouble\":\"-Infinity\"}",
	"{\"aBool\":true,\"aColour\":\"COLOUR_ULTRAVIOLET\"}",
	"{\"aColour\":99}",
	"{\"aString\":\"gr\xc3\xbc\xc3\x9f \\\"\\\\\\n\\u0001\\u001F\x7f \xf0\x9f\x94\x91/\"}",
	"{\"aBytes\":\"AA==\"}",
	"{\"aBytes\":\"+/8=\"}",
	"{\"aBytes\":\"Zm9vYmFy\"}",
	"{\"nested\":{\"nested\":{\"aInt32\":1}}}",
	"{\"at\":\"2027-01-01T00:00:00Z\",\"span\":\"-1.500s\",\"mask\":\"expiresAt,a.bC\"}",
	"{\"at\":\"1970-01-01T00:00:00Z\",\"span\":\"0s\",\"mask\":\"\"}",
	"{\"manyInt32\":[1,0,-1],\"manyUint64\":[\"0\",\"18446744073709551615\"]}",
	"{\"manyDouble\":[1.5,0.0],\"manyBool\":[true,false],"
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

TEST(a_pair_that_is_not_a_maps_entry_stays_a_list)
{
	const char *text = "{\"pairs\":[{\"key\":\"a\",\"value\":\"b\"}]}";
	ProtobufCMessage *message = NULL;

	CHECK_OK(lk_json_parse(
		&latchkey__test__pairs__descriptor, bytes_of(text), NULL, &arena, &message));
	CHECK_STR(printed(message, NULL), text);
}

TEST(messages_of_proto2_keep_their_presence)
{
	const char *text = "{\"name\":\"a\",\"field\":[{\"name\":\"x\",\"number\":0,"
			   "\"label\":\"LABEL_REPEATED\",\"oneofIndex\":0}]}";
	ProtobufCMessage *message = NULL;

	CHECK_OK(lk_json_parse(&google__protobuf__descriptor_proto__descriptor, bytes_of(text),
		NULL, &arena, &message));
	CHECK_STR(printed(message, NULL), text);
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

TEST(of_two_entries_with_the_same_key_the_last_one_counts)
{
	char key[] = "a";
	char first[] = "1";
	char last[] = "2";
	Latchkey__Test__EveryType__TextsEntry entries[2];
	Latchkey__Test__EveryType__TextsEntry *texts[] = { &entries[0], &entries[1] };
	Latchkey__Test__EveryType message;

	latchkey__test__every_type__init(&message);
	latchkey__test__every_type__texts_entry__init(&entries[0]);
	latchkey__test__every_type__texts_entry__init(&entries[1]);
	entries[0].key = entries[1].key = key;
	entries[0].value = first;
	entries[1].value = last;
	message.n_texts = 2;
	message.texts = texts;
	CHECK_STR(printed(&message, NULL), "{\"texts\":{\"a\":\"2\"}}");
}

TEST(real_numbers_have_the_digits_that_the_longest_needs)
{
	CHECK_STR(
		printed(parsed("{\"manyDouble\":[0.1,0.3]}"), NULL), "{\"manyDouble\":[0.1,0.3]}");
	CHECK_STR(printed(parsed("{\"manyDouble\":[0.1,0.30000000000000004]}"), NULL),
		"{\"manyDouble\":[0.10000000000000001,0.30000000000000004]}");
}

/* The locale is made by the build; it has a comma where C has the point. */
TEST(no_locale_changes_a_number)
{
	const char *text = "{\"aFloat\":0.1,\"aDouble\":1234567.5,\"manyDouble\":[1e300,3.0]}";

	CHECK(setlocale(LC_NUMERIC, "comma") != NULL);
	CHECK_STR(localeconv()->decimal_point, ",");
	CHECK(parsed("{\"aDouble\":1.5}")->a_double == 1.5);
	CHECK_STR(printed(parsed(text), NULL), text);
	setlocale(LC_NUMERIC, "C");
}

TEST(when_any_allocation_fails_the_message_is_not_printed_for_memory)
{
	/* Many messages, so that the tree takes more than one chunk of memory. */
	const char *many = repeated("{\"aDouble\":1.5,\"aBytes\":\"AAAA\",\"mask\":\"a,b\","
				    "\"texts\":{\"a\":\"b\"},\"manyNested\":[",
		"{\"aString\":\"a\"},", 200, "{}]}");
	const Latchkey__Test__EveryType *message = parsed(many);
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct lk_buf buf;
		struct lk_status st;

		lk_buf_init(&buf, 65536);
		lk_alloc_fail_nth(nth);
		st = lk_json_print(&message->base, NULL, &buf);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_buf_fini(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(canonical_text_reads_and_prints_back_as_it_is),
		CASE(a_message_survives_the_wire_between_two_texts),
		CASE(a_pair_that_is_not_a_maps_entry_stays_a_list),
		CASE(messages_of_proto2_keep_their_presence),
		CASE(with_defaults_every_member_without_presence_is_there),
		CASE(indented_text_has_one_member_a_line),
		CASE(a_value_without_a_json_form_is_refused_by_name),
		CASE(a_message_that_nests_for_ever_is_not_printed),
		CASE(text_that_does_not_fit_is_refused),
		CASE(of_two_entries_with_the_same_key_the_last_one_counts),
		CASE(real_numbers_have_the_digits_that_the_longest_needs),
		CASE(no_locale_changes_a_number),
		CASE(when_any_allocation_fails_the_message_is_not_printed_for_memory),
	};

	return RUN_ALL(tests);
}
