/* SPDX-License-Identifier: MIT */
/* Types made at run time against the same types compiled in. The arguments are the descriptor
 * sets of latchkey.v1 and of tests/schema. */
#include <stdio.h>
#include <stdlib.h>

#include "client/cli/reflect.h"
#include "every_type.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/health.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/keyring.rpc.h"
#include "latchkey/v1/reflection.rpc.h"
#include "latchkey/v1/user.rpc.h"
#include "proto/wire/json.h"
#include "tests/support/check.h"

static struct {
	uint8_t data[64 * 1024];
	size_t n;
} core, every;

static struct lk_arena arena;

static const struct lk_service *const services[] = { &lk_auth_service, &lk_health_service,
	&lk_key_service, &lk_keyring_service, &lk_reflection_service, &lk_user_service };

static int set_up(void **state_)
{
	(void)state_;
	lk_arena_init(&arena, (size_t)256 << 20);
	return 0;
}

static int tear_down(void **state_)
{
	(void)state_;
	lk_arena_fini(&arena);
	return 0;
}

static const struct lk_reflection *load(const uint8_t *data, size_t n)
{
	const struct lk_reflection *reflection = NULL;

	CHECK_OK(lk_reflect_load((struct lk_bytes) { data, n }, &arena, &reflection));
	return reflection;
}

/* --- random messages, as JSON --- */

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void put(struct lk_buf *out, const char *text)
{
	lk_buf_add(out, text, strlen(text));
}

static void write_message(
	struct lk_buf *out, const ProtobufCMessageDescriptor *type, unsigned depth);

static void write_enum(struct lk_buf *out, const ProtobufCEnumDescriptor *type)
{
	put(out, "\"");
	put(out, type->values[draw(type->n_values)].name);
	put(out, "\"");
}

static void write_value(struct lk_buf *out, const ProtobufCFieldDescriptor *field, unsigned depth)
{
	static const char *const texts[] = { "\"\"", "\"a\"", "\"gr\xc3\xbc\xc3\x9f\"" };
	static const char *const bytes[] = { "\"\"", "\"AAEC\"", "\"/w==\"" };
	static const char *const integers[] = { "0", "1", "127", "128", "2147483647" };
	static const char *const reals[] = { "0", "1.5", "-2.25e10", "\"Infinity\"" };

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		write_message(out, field->descriptor, depth + 1);
	else if (field->type == PROTOBUF_C_TYPE_ENUM)
		write_enum(out, field->descriptor);
	else if (field->type == PROTOBUF_C_TYPE_STRING)
		put(out, texts[draw(LK_COUNT(texts))]);
	else if (field->type == PROTOBUF_C_TYPE_BYTES)
		put(out, bytes[draw(LK_COUNT(bytes))]);
	else if (field->type == PROTOBUF_C_TYPE_BOOL)
		put(out, draw(2) > 0 ? "true" : "false");
	else if (field->type == PROTOBUF_C_TYPE_DOUBLE || field->type == PROTOBUF_C_TYPE_FLOAT)
		put(out, reals[draw(LK_COUNT(reals))]);
	else
		put(out, integers[draw(LK_COUNT(integers))]);
}

static bool is_entry(const ProtobufCMessageDescriptor *type)
{
	return strstr(type->name, "Entry") != NULL;
}

static void write_map(struct lk_buf *out, const ProtobufCMessageDescriptor *entry, unsigned depth)
{
	static const char *const keys[][2] = { { "\"true\":", "\"false\":" },
		{ "\"1\":", "\"-2\":" } };
	bool is_bool = entry->fields[0].type == PROTOBUF_C_TYPE_BOOL;
	uint32_t n = draw(3);

	put(out, "{");
	for (uint32_t i = 0; i < n; i++) {
		put(out, i > 0 ? "," : "");
		put(out, keys[is_bool ? 0 : 1][i]);
		write_value(out, &entry->fields[1], depth);
	}
	put(out, "}");
}

static void write_list(struct lk_buf *out, const ProtobufCFieldDescriptor *field, unsigned depth)
{
	uint32_t n = draw(4);

	put(out, "[");
	for (uint32_t i = 0; i < n; i++) {
		put(out, i > 0 ? "," : "");
		write_value(out, field, depth);
	}
	put(out, "]");
}

static void write_members(
	struct lk_buf *out, const ProtobufCMessageDescriptor *type, unsigned depth)
{
	bool oneof_done = false;
	bool first = true;

	put(out, "{");
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		bool is_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;

		if (draw(2) > 0 || depth > 3 || (is_oneof && oneof_done))
			continue;
		oneof_done = oneof_done || is_oneof;
		put(out, first ? "\"" : ",\"");
		put(out, field->name);
		put(out, "\":");
		first = false;
		if (field->label != PROTOBUF_C_LABEL_REPEATED)
			write_value(out, field, depth);
		else if (field->type == PROTOBUF_C_TYPE_MESSAGE && is_entry(field->descriptor))
			write_map(out, field->descriptor, depth);
		else
			write_list(out, field, depth);
	}
	put(out, "}");
}

static void write_message(
	struct lk_buf *out, const ProtobufCMessageDescriptor *type, unsigned depth)
{
	if (strcmp(type->name, "google.protobuf.Timestamp") == 0)
		put(out, "\"2027-01-01T00:00:00.5Z\"");
	else if (strcmp(type->name, "google.protobuf.Duration") == 0)
		put(out, "\"-1.5s\"");
	else if (strcmp(type->name, "google.protobuf.FieldMask") == 0)
		put(out, "\"name,expiresAt\"");
	else
		write_members(out, type, depth);
}

/* --- the two types of one message --- */

static const char *text_of(const ProtobufCMessage *message)
{
	static const struct lk_json_options all = { .with_defaults = true };
	const char *text;
	struct lk_buf buf;

	lk_buf_init(&buf, (size_t)8 << 20);
	CHECK_OK(lk_json_print(message, &all, &buf));
	text = lk_arena_strndup(&arena, (const char *)buf.data, buf.n);
	lk_buf_fini(&buf);
	return text;
}

static void check_same(const ProtobufCMessageDescriptor *compiled,
	const ProtobufCMessageDescriptor *made, struct lk_bytes json)
{
	ProtobufCMessage *a;
	ProtobufCMessage *b;
	struct lk_bytes packed_a;
	struct lk_bytes packed_b;

	CHECK_OK(lk_json_parse(compiled, json, NULL, &arena, &a));
	CHECK_OK(lk_json_parse(made, json, NULL, &arena, &b));
	CHECK_OK(lk_message_pack(a, &arena, &packed_a));
	CHECK_OK(lk_message_pack(b, &arena, &packed_b));
	CHECK_EQ(packed_a.n, packed_b.n);
	CHECK_MEM(packed_a.data, packed_b.data, packed_a.n);
	CHECK_OK(lk_message_unpack(made, packed_a, &arena, &b));
	CHECK_STR(text_of(a), text_of(b));
}

static void check_type(const ProtobufCMessageDescriptor *compiled,
	const ProtobufCMessageDescriptor *made, unsigned rounds)
{
	CHECK(made != NULL);
	CHECK_STR(made->name, compiled->name);
	CHECK_EQ(made->n_fields, compiled->n_fields);
	for (unsigned i = 0; i < rounds; i++) {
		struct lk_buf buf;

		lk_buf_init(&buf, (size_t)1 << 20);
		write_message(&buf, compiled, 0);
		CHECK(!buf.failed);
		check_same(compiled, made, (struct lk_bytes) { buf.data, buf.n });
		lk_buf_fini(&buf);
	}
}

/* --- tests --- */

TEST(every_core_message_has_the_same_bytes_as_compiled_in)
{
	const struct lk_reflection *reflection = load(core.data, core.n);

	for (size_t k = 0; k < LK_COUNT(services); k++) {
		for (size_t i = 0; i < services[k]->n_methods; i++) {
			const struct lk_method *method = &services[k]->methods[i];

			check_type(method->request,
				lk_reflect_message(reflection, method->request->name), 50);
			check_type(method->response,
				lk_reflect_message(reflection, method->response->name), 50);
		}
	}
}

TEST(every_kind_of_field_has_the_same_bytes_as_compiled_in)
{
	const struct lk_reflection *reflection = load(every.data, every.n);

	check_type(&latchkey__test__every_type__descriptor,
		lk_reflect_message(reflection, "latchkey.test.EveryType"), 200);
	check_type(&latchkey__test__pairs__descriptor,
		lk_reflect_message(reflection, "latchkey.test.Pairs"), 20);
}

TEST(every_core_method_is_as_the_stubs_have_it)
{
	const struct lk_reflection *reflection = load(core.data, core.n);
	size_t n;

	lk_reflect_services(reflection, &n);
	CHECK_EQ(n, LK_COUNT(services));
	for (size_t k = 0; k < LK_COUNT(services); k++) {
		for (size_t i = 0; i < services[k]->n_methods; i++) {
			const struct lk_method *stub = &services[k]->methods[i];
			const struct lk_method *made;
			char path[128];

			snprintf(path, sizeof path, "%s/%s", stub->service, stub->name);
			made = lk_reflect_method(reflection, path);
			CHECK(made != NULL);
			CHECK_EQ(made->number, stub->number);
			CHECK_EQ(made->lane, stub->lane);
			CHECK_EQ(made->idempotency, stub->idempotency);
			CHECK_EQ(made->takes_subject, stub->takes_subject);
			CHECK_STR(made->service, stub->service);
			CHECK_EQ(made->scope == NULL, stub->scope == NULL);
			if (stub->scope != NULL)
				CHECK_STR(made->scope, stub->scope);
		}
	}
}

TEST(a_rule_written_member_by_member_is_read)
{
	const struct lk_reflection *reflection = load(every.data, every.n);
	const struct lk_method *method = lk_reflect_method(reflection, "TestService/Echo");

	CHECK(method != NULL);
	CHECK_EQ(method->number, 60000);
	CHECK_EQ(method->lane, LK_LANE_READ);
	CHECK_STR(method->scope, "test.echo");
}

TEST(methods_that_cannot_be_called_are_left_out)
{
	const struct lk_reflection *reflection = load(every.data, every.n);

	CHECK(lk_reflect_method(reflection, "latchkey.test.TestService/Pair") != NULL);
	CHECK(lk_reflect_method(reflection, "latchkey.test.TestService/Watch") == NULL);
	CHECK(lk_reflect_method(reflection, "latchkey.test.TestService/Unnumbered") == NULL);
}

TEST(a_method_is_found_by_its_full_and_its_short_name_only)
{
	const struct lk_reflection *reflection = load(core.data, core.n);
	const struct lk_method *method =
		lk_reflect_method(reflection, "latchkey.v1.KeyService/GetKey");

	CHECK(method != NULL);
	CHECK(lk_reflect_method(reflection, "KeyService/GetKey") == method);
	CHECK(lk_reflect_method(reflection, "v1.KeyService/GetKey") == method);
	CHECK(lk_reflect_method(reflection, "Service/GetKey") == NULL);
	CHECK(lk_reflect_method(reflection, "/GetKey") == NULL);
	CHECK(lk_reflect_method(reflection, "KeyService/Get") == NULL);
	CHECK(lk_reflect_method(reflection, "KeyService/") == NULL);
	CHECK(lk_reflect_method(reflection, "GetKey") == NULL);
	CHECK(lk_reflect_method(reflection, "latchkey.v1.KeyService.GetKey") == NULL);
}

/* A schema with one method from M to M; the rest of it is given as JSON, without the braces and
 * with single quotes. */
static struct lk_status load_schema(const char *rest)
{
	/* MethodRule { number: 1, lane: LANE_FAST }, its length in front as protobuf-c wants it. */
	static uint8_t rule[] = { 4, 0x08, 1, 0x10, 1 };
	const ProtobufCMessageDescriptor *type = &google__protobuf__file_descriptor_set__descriptor;
	ProtobufCMessageUnknownField option = { 50801, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		sizeof rule, rule };
	const struct lk_reflection *reflection;
	Google__Protobuf__FileDescriptorSet *set;
	ProtobufCMessage *message = NULL;
	ProtobufCMessage *options;
	struct lk_bytes bytes;
	char text[2048];

	snprintf(text, sizeof text,
		"{'file': [{'syntax': 'proto3', 'service': [{'name': 'S', 'method': [{'name': 'A',"
		"'inputType': '.M', 'outputType': 'M', 'options': {}}]}], %s}]}",
		rest);
	for (char *at = text; *at != '\0'; at++)
		*at = *at == '\'' ? '"' : *at;
	bytes = (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
	CHECK_OK(lk_json_parse(type, bytes, NULL, &arena, &message));
	set = (Google__Protobuf__FileDescriptorSet *)message;
	options = &set->file[0]->service[0]->method[0]->options->base;
	options->n_unknown_fields = 1;
	options->unknown_fields = &option;
	CHECK_OK(lk_message_pack(message, &arena, &bytes));
	return lk_reflect_load(bytes, &arena, &reflection);
}

/* A message M with these fields. */
static struct lk_status load_fields(const char *fields)
{
	char rest[1024];

	snprintf(rest, sizeof rest, "'messageType': [{'name': 'M', 'field': [%s]}]", fields);
	return load_schema(rest);
}

/* A message M with a field of an enum E with these values. */
static struct lk_status load_values(const char *values)
{
	char rest[1024];

	snprintf(rest, sizeof rest,
		"'messageType': [{'name': 'M', 'field': [{'name': 'a', 'number': 1,"
		"'type': 'TYPE_ENUM', 'typeName': '.E'}]}],"
		"'enumType': [{'name': 'E', 'value': [%s]}]",
		values);
	return load_schema(rest);
}

TEST(a_method_of_types_that_are_not_declared_is_refused)
{
	CHECK_OK(load_schema("'messageType': [{'name': 'M'}]"));
	CHECK_CODE(load_schema("'messageType': []"), LK_INVALID_ARGUMENT);
	CHECK_CODE(load_schema("'messageType': [{'name': 'N'}]"), LK_INVALID_ARGUMENT);
	CHECK_CODE(load_schema("'enumType': [{'name': 'M'}]"), LK_INVALID_ARGUMENT);
}

TEST(names_that_are_none_are_refused)
{
	CHECK_OK(load_schema("'package': '', 'messageType': [{'name': 'M'}]"));
	CHECK_CODE(load_schema("'package': 'a b', 'messageType': [{'name': 'M'}]"),
		LK_INVALID_ARGUMENT);
	CHECK_CODE(load_schema("'messageType': [{'name': 'M'}, {'name': 'x.y'}]"),
		LK_INVALID_ARGUMENT);
	CHECK_CODE(load_schema("'messageType': [{'name': 'M'}, {}]"), LK_INVALID_ARGUMENT);
	CHECK_CODE(
		load_fields("{'name': 'a\\u001b', 'number': 1, 'type': 5}"), LK_INVALID_ARGUMENT);
}

TEST(fields_that_are_not_sound_proto3_are_refused)
{
	static const char *const fields[] = {
		"{'number': 1, 'type': 5}",
		"{'name': 'a', 'type': 5}",
		"{'name': 'a', 'number': -1, 'type': 5}",
		"{'name': 'a', 'number': 536870912, 'type': 5}",
		"{'name': 'a', 'number': 1, 'type': 'TYPE_GROUP'}",
		"{'name': 'a', 'number': 1, 'type': 0}",
		"{'name': 'a', 'number': 1, 'type': 99}",
		"{'name': 'a', 'number': 1, 'type': 5}, {'name': 'b', 'number': 1, 'type': 5}",
		"{'name': 'a', 'number': 1, 'type': 5, 'oneofIndex': 0}",
		"{'name': 'a', 'number': 1, 'type': 5, 'oneofIndex': -1}",
		"{'name': 'a', 'number': 1, 'type': 5, 'oneofIndex': 0, 'label': 'LABEL_REPEATED'}",
		"{'name': 'a', 'number': 1, 'type': 'TYPE_MESSAGE'}",
		"{'name': 'a', 'number': 1, 'type': 'TYPE_MESSAGE', 'typeName': '.X'}",
		"{'name': 'a', 'number': 1, 'type': 'TYPE_ENUM', 'typeName': '.M'}",
	};

	CHECK_OK(load_fields("{'name': 'a', 'number': 1, 'type': 5}"));
	for (size_t i = 0; i < LK_COUNT(fields); i++)
		if (load_fields(fields[i]).code != LK_INVALID_ARGUMENT)
			fail_msg("accepted: %s", fields[i]);
}

TEST(enums_that_are_not_sound_proto3_are_refused)
{
	CHECK_OK(load_values("{'name': 'Z', 'number': 0}"));
	CHECK_CODE(load_values(""), LK_INVALID_ARGUMENT);
	CHECK_CODE(load_values("{'name': 'Z', 'number': 1}"), LK_INVALID_ARGUMENT);
	CHECK_CODE(load_values("{'number': 0}"), LK_INVALID_ARGUMENT);
}

TEST(requests_that_can_hold_a_secret_are_known)
{
	const struct lk_reflection *reflection = load(core.data, core.n);

	CHECK(lk_reflect_has_secret(
		reflection, lk_reflect_message(reflection, "latchkey.v1.AuthenticateRequest")));
	CHECK(lk_reflect_has_secret(
		reflection, lk_reflect_message(reflection, "latchkey.v1.CreateKeyResponse")));
	CHECK(!lk_reflect_has_secret(
		reflection, lk_reflect_message(reflection, "latchkey.v1.CreateKeyRequest")));
	CHECK(!lk_reflect_has_secret(
		reflection, lk_reflect_message(reflection, "latchkey.v1.ListKeysResponse")));
}

/* Loads what may be broken, and uses what comes out of it. */
static void try_bytes(const uint8_t *data, size_t n)
{
	const struct lk_reflection *reflection = NULL;
	const struct lk_service *made;
	struct lk_status st;
	size_t n_made;

	st = lk_reflect_load((struct lk_bytes) { data, n }, &arena, &reflection);
	if (st.code != LK_OK) {
		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK(reflection == NULL);
		return;
	}
	made = lk_reflect_services(reflection, &n_made);
	for (size_t k = 0; k < n_made; k++) {
		for (size_t i = 0; i < made[k].n_methods; i++) {
			ProtobufCMessage *message =
				lk_message_new(made[k].methods[i].request, &arena);
			struct lk_bytes packed;

			CHECK(message != NULL);
			CHECK_OK(lk_message_pack(message, &arena, &packed));
			CHECK_EQ(packed.n, 0);
		}
	}
}

TEST(descriptors_cut_short_are_refused_or_harmless)
{
	for (size_t n = 0; n < core.n; n += 7) {
		try_bytes(core.data, n);
		lk_arena_reset(&arena);
	}
}

TEST(descriptors_with_a_wrong_byte_are_refused_or_harmless)
{
	static uint8_t copy[sizeof every.data];

	for (unsigned round = 0; round < 3000; round++) {
		size_t at = draw((uint32_t)every.n);

		memcpy(copy, every.data, every.n);
		copy[at] = (uint8_t)draw(256);
		try_bytes(copy, every.n);
		lk_arena_reset(&arena);
	}
}

TEST(when_any_allocation_fails_loading_does)
{
	bool fired = true;

	for (size_t cap = 0; fired; cap += 2048) {
		const struct lk_reflection *reflection = NULL;
		struct lk_arena small;
		struct lk_status st;

		lk_arena_init(&small, cap);
		st = lk_reflect_load((struct lk_bytes) { core.data, core.n }, &small, &reflection);
		fired = small.exhausted;
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_arena_fini(&small);
	}
}

static size_t read_whole(const char *path, uint8_t *data, size_t room)
{
	FILE *file = fopen(path, "rb");
	size_t n = file != NULL ? fread(data, 1, room, file) : 0;

	if (n == 0 || n == room) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	fclose(file);
	return n;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(every_core_message_has_the_same_bytes_as_compiled_in),
		CASE(every_kind_of_field_has_the_same_bytes_as_compiled_in),
		CASE(every_core_method_is_as_the_stubs_have_it),
		CASE(a_rule_written_member_by_member_is_read),
		CASE(methods_that_cannot_be_called_are_left_out),
		CASE(a_method_is_found_by_its_full_and_its_short_name_only),
		CASE(a_method_of_types_that_are_not_declared_is_refused),
		CASE(names_that_are_none_are_refused),
		CASE(fields_that_are_not_sound_proto3_are_refused),
		CASE(enums_that_are_not_sound_proto3_are_refused),
		CASE(requests_that_can_hold_a_secret_are_known),
		CASE(descriptors_cut_short_are_refused_or_harmless),
		CASE(descriptors_with_a_wrong_byte_are_refused_or_harmless),
		CASE(when_any_allocation_fails_loading_does),
	};

	if (argc != 3)
		return 2;
	core.n = read_whole(argv[1], core.data, sizeof core.data);
	every.n = read_whole(argv[2], every.data, sizeof every.data);
	return RUN_ALL(tests);
}
