/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "proto/wire/json_priv.h"
#include "proto/wire/message.h"

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the message needs too much memory")
#define WRONG(why_) LK_ERR(LK_INVALID_ARGUMENT, why_)

struct parser {
	const struct lk_json_options *options;
	struct lk_arena *arena;
};

static struct lk_status parse_message(struct parser *parser, const ProtobufCMessageDescriptor *type,
	json_t *json, ProtobufCMessage **message_out);

/* --- numbers --- */

static bool integer_from_json(const json_t *json, struct lk_json_integer *integer_out)
{
	/* From here on a double may have been another integer in the text. */
	const double exact_end = (double)(INT64_C(1) << 53);
	double real = json_real_value(json);
	json_int_t value = json_integer_value(json);

	if (json_is_real(json)) {
		if (fabs(real) >= exact_end || real != trunc(real))
			return false;
		value = (json_int_t)real;
	} else if (!json_is_integer(json)) {
		return false;
	}
	integer_out->is_negative = value < 0;
	integer_out->magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	return true;
}

static struct lk_status parse_integer(
	const ProtobufCFieldDescriptor *field, const json_t *json, void *at)
{
	struct lk_json_integer integer;

	return integer_from_json(json, &integer) ? lk_json_store_integer(field, integer, at)
						 : LK_JSON_NOT_INTEGER;
}

static bool text_is(const json_t *json, const char *word)
{
	return json_is_string(json) && strcmp(json_string_value(json), word) == 0;
}

static struct lk_status parse_real(
	const ProtobufCFieldDescriptor *field, const json_t *json, void *at)
{
	double value = json_number_value(json);

	if (text_is(json, "NaN"))
		value = (double)NAN;
	else if (text_is(json, "Infinity"))
		value = (double)INFINITY;
	else if (text_is(json, "-Infinity"))
		value = -(double)INFINITY;
	else if (!json_is_number(json) ||
		 (field->type == PROTOBUF_C_TYPE_FLOAT && isinf((float)value)))
		return WRONG("must be a number in the range of its type");
	if (field->type == PROTOBUF_C_TYPE_FLOAT)
		*(float *)at = (float)value;
	else
		*(double *)at = value;
	return LK_SUCCESS;
}

/* --- values --- */

static struct lk_status parse_value(
	struct parser *parser, const ProtobufCFieldDescriptor *field, json_t *json, void *at)
{
	bool must_be_text =
		field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return parse_message(parser, field->descriptor, json, at);
	if (field->type == PROTOBUF_C_TYPE_FLOAT || field->type == PROTOBUF_C_TYPE_DOUBLE)
		return parse_real(field, json, at);
	if (field->type == PROTOBUF_C_TYPE_BOOL) {
		if (!json_is_boolean(json))
			return WRONG("must be true or false");
		*(protobuf_c_boolean *)at = json_is_true(json);
		return LK_SUCCESS;
	}
	if (!json_is_string(json))
		return must_be_text ? WRONG("must be a string") : parse_integer(field, json, at);
	return lk_json_read_text(field, json_string_value(json), parser->arena, at);
}

static struct lk_status parse_list(struct parser *parser, const ProtobufCFieldDescriptor *field,
	json_t *json, ProtobufCMessage *message)
{
	size_t size = lk_json_value_size(field);
	json_t *element;
	uint8_t *data;
	size_t i;

	if (!json_is_array(json))
		return WRONG("must be a list");
	data = lk_json_new_list(field, json_array_size(json), parser->arena, message);
	if (data == NULL)
		return NO_MEMORY;
	json_array_foreach(json, i, element)
	{
		struct lk_status st = parse_value(parser, field, element, data + i * size);

		if (st.code != LK_OK)
			return lk_json_in_element(st, i, parser->arena);
	}
	return LK_SUCCESS;
}

static struct lk_status parse_entry(
	struct parser *parser, const char *name, json_t *json, ProtobufCMessage *entry)
{
	const ProtobufCFieldDescriptor *fields = entry->descriptor->fields;
	uint8_t *base = (uint8_t *)entry;

	LK_TRY(lk_json_read_text(&fields[0], name, parser->arena, base + fields[0].offset));
	return parse_value(parser, &fields[1], json, base + fields[1].offset);
}

static struct lk_status parse_map(struct parser *parser, const ProtobufCFieldDescriptor *field,
	json_t *json, ProtobufCMessage *message)
{
	ProtobufCMessage **slot;
	const char *name;
	json_t *value;

	if (!json_is_object(json))
		return WRONG("must be an object");
	slot = (void *)lk_json_new_list(field, json_object_size(json), parser->arena, message);
	if (slot == NULL)
		return NO_MEMORY;
	json_object_foreach(json, name, value)
	{
		ProtobufCMessage *entry = lk_message_new(field->descriptor, parser->arena);
		struct lk_status st;

		if (entry == NULL)
			return NO_MEMORY;
		*slot++ = entry;
		st = parse_entry(parser, name, value, entry);
		if (st.code != LK_OK)
			return lk_json_in_field(st, name, parser->arena);
	}
	return LK_SUCCESS;
}

/* --- messages --- */

static struct lk_status parse_field(struct parser *parser, const ProtobufCFieldDescriptor *field,
	json_t *json, ProtobufCMessage *message)
{
	if (json_is_null(json))
		return LK_SUCCESS;
	if (lk_json_is_map(message->descriptor, field))
		return parse_map(parser, field, json, message);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return parse_list(parser, field, json, message);
	LK_TRY(lk_json_mark_set(field, message));
	return parse_value(parser, field, json, (uint8_t *)message + field->offset);
}

/* The field that a member of `object` means, under either name; `twice_out` tells whether it is
 * there under both. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
	const json_t *object, const char *name, bool *twice_out)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		const char *plain = type->fields[i].name;
		char camel[LK_JSON_NAME_ROOM];
		bool has_camel = lk_json_camel(plain, camel) && strcmp(plain, camel) != 0;

		if (strcmp(name, plain) == 0 || (has_camel && strcmp(name, camel) == 0)) {
			*twice_out = has_camel && json_object_get(object, plain) != NULL &&
				     json_object_get(object, camel) != NULL;
			return &type->fields[i];
		}
	}
	return NULL;
}

static struct lk_status parse_member(struct parser *parser, json_t *object, const char *name,
	json_t *value, ProtobufCMessage *message)
{
	const struct lk_json_options *options = parser->options;
	const ProtobufCMessageDescriptor *type = message->descriptor;
	bool has_one_name = options->names != LK_JSON_NAMES_CANONICAL;
	const ProtobufCFieldDescriptor *field;
	bool is_twice = false;
	struct lk_status st;

	field = has_one_name ? lk_json_field(type, options->names, name)
			     : find_field(type, object, name, &is_twice);
	if (field == NULL || lk_json_skips(options, type, field)) {
		if (options->ignore_unknown)
			return LK_SUCCESS;
		return lk_json_in_field(
			WRONG("is not a field of this message"), name, parser->arena);
	}
	st = is_twice ? WRONG("comes twice") : parse_field(parser, field, value, message);
	return lk_json_in_field(st, has_one_name ? name : field->name, parser->arena);
}

static struct lk_status parse_members(
	struct parser *parser, json_t *json, ProtobufCMessage *message)
{
	const char *name;
	json_t *value;

	if (!json_is_object(json))
		return WRONG("must be an object");
	json_object_foreach(json, name, value)
		LK_TRY(parse_member(parser, json, name, value, message));
	return LK_SUCCESS;
}

static struct lk_status parse_message(struct parser *parser, const ProtobufCMessageDescriptor *type,
	json_t *json, ProtobufCMessage **message_out)
{
	ProtobufCMessage *message;

	if (lk_json_form_of(type) != LK_JSON_FORM_OBJECT)
		return json_is_string(json) ? lk_json_read_short(type, json_string_value(json),
						      parser->arena, message_out)
					    : WRONG("must be a string");
	message = lk_message_new(type, parser->arena);
	if (message == NULL)
		return NO_MEMORY;
	*message_out = message;
	return parse_members(parser, json, message);
}

struct lk_status lk_json_parse(const ProtobufCMessageDescriptor *type, struct lk_bytes text,
	const struct lk_json_options *options, struct lk_arena *arena,
	ProtobufCMessage **message_out)
{
	static const struct lk_json_options strict;
	struct parser parser = { options != NULL ? options : &strict, arena };
	struct lk_arena pool;
	ProtobufCMessage *message = NULL;
	json_t *json;
	struct lk_status st;

	lk_json_begin(&pool);
	st = lk_json_load(text, &json);
	if (st.code == LK_OK && !json_is_object(json))
		st = WRONG("the JSON text must be an object");
	if (st.code == LK_OK)
		st = parse_message(&parser, type, json, &message);
	if (st.code == LK_OK)
		*message_out = message;
	lk_json_end(&pool);
	return st;
}
