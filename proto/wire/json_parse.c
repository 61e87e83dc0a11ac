/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/json_priv.h"
#include "proto/wire/message.h"
#include "proto/wire/times.h"

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the message needs too much memory")
#define WRONG(why_) LK_ERR(LK_INVALID_ARGUMENT, why_)

struct parser {
	const struct lk_json_options *options;
	struct lk_arena *arena;
};

static struct lk_status parse_message(struct parser *parser, const ProtobufCMessageDescriptor *type,
	json_t *json, ProtobufCMessage **message_out);

/* Length of a name in an error's path: names from the text may be long, and are cut. */
static size_t path_length(const char *name)
{
	size_t n = strnlen(name, LK_JSON_NAME_ROOM);

	while (n > 0 && ((uint8_t)name[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Puts `name` in front of the path that the status has so far: "keys" + "[1].name". */
static struct lk_status in_field(struct parser *parser, struct lk_status st, const char *name)
{
	size_t n_name = path_length(name);
	size_t n_rest = st.field != NULL ? strlen(st.field) : 0;
	bool needs_dot = n_rest > 0 && st.field[0] != '[';
	char *path;

	if (st.code != LK_INVALID_ARGUMENT)
		return st;
	path = lk_arena_alloc(parser->arena, n_name + 1 + n_rest + 1);
	if (path == NULL)
		return NO_MEMORY;
	memcpy(path, name, n_name);
	if (needs_dot)
		path[n_name++] = '.';
	if (n_rest > 0)
		memcpy(path + n_name, st.field, n_rest);
	path[n_name + n_rest] = '\0';
	st.field = path;
	return st;
}

static struct lk_status in_element(struct parser *parser, struct lk_status st, size_t i)
{
	char index[24];

	snprintf(index, sizeof index, "[%zu]", i);
	return in_field(parser, st, index);
}

/* --- numbers --- */

struct integer {
	uint64_t magnitude;
	bool is_negative;
};

/* Plain digits in their one spelling, which keeps the keys of a map apart. */
static bool integer_from_text(const char *text, struct integer *integer_out)
{
	const char *digits = *text == '-' ? text + 1 : text;

	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0' ||
		(*digits == '0' && text[1] != '\0'))
		return false;
	errno = 0;
	integer_out->magnitude = strtoull(digits, NULL, 10);
	integer_out->is_negative = digits != text;
	return errno == 0;
}

static bool integer_from_json(const json_t *json, struct integer *integer_out)
{
	/* From here on a double may have been another integer in the text. */
	const double exact_end = (double)(INT64_C(1) << 53);
	double real = json_real_value(json);
	json_int_t value = json_integer_value(json);

	if (json_is_string(json))
		return integer_from_text(json_string_value(json), integer_out);
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

static bool store_integer(const ProtobufCFieldDescriptor *field, struct integer integer, void *at)
{
	size_t size = lk_json_value_size(field);
	bool is_signed = lk_json_is_signed(field);
	uint64_t max = UINT64_MAX >> (64 - size * 8 + (is_signed ? 1 : 0));
	uint64_t value = integer.is_negative ? 0 - integer.magnitude : integer.magnitude;

	if (integer.is_negative && !is_signed && integer.magnitude > 0)
		return false;
	if (integer.magnitude > max + (integer.is_negative && is_signed ? 1 : 0))
		return false;
	if (size == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)value;
	else
		*(uint64_t *)at = value;
	return true;
}

static struct lk_status parse_integer(
	const ProtobufCFieldDescriptor *field, const json_t *json, void *at)
{
	struct integer integer;

	if (!integer_from_json(json, &integer) || !store_integer(field, integer, at))
		return WRONG("must be a whole number in the range of its type");
	return LK_SUCCESS;
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

static struct lk_status parse_enum(
	const ProtobufCFieldDescriptor *field, const json_t *json, void *at)
{
	const ProtobufCEnumValue *value;

	if (!json_is_string(json))
		return parse_integer(field, json, at);
	value = protobuf_c_enum_descriptor_get_value_by_name(
		field->descriptor, json_string_value(json));
	if (value == NULL)
		return WRONG("is not a value of its enumeration");
	*(int *)at = value->value;
	return LK_SUCCESS;
}

/* --- texts --- */

static struct lk_bytes text_of(const json_t *json)
{
	return (struct lk_bytes) { (const uint8_t *)json_string_value(json),
		json_string_length(json) };
}

static struct lk_status string_from_text(struct parser *parser, const char *text, void *at)
{
	char *copy = lk_arena_strndup(parser->arena, text, strlen(text));

	if (copy == NULL)
		return NO_MEMORY;
	*(char **)at = copy;
	return LK_SUCCESS;
}

static struct lk_status bytes_from_text(
	struct parser *parser, struct lk_bytes text, ProtobufCBinaryData *bytes)
{
	uint8_t *data = lk_arena_alloc(parser->arena, text.n / 4 * 3 + 3);

	if (data == NULL)
		return NO_MEMORY;
	if (!lk_json_base64_parse(text, data, &bytes->len))
		return WRONG("must be base64");
	bytes->data = data;
	return LK_SUCCESS;
}

/* --- short forms --- */

static struct lk_status time_from_text(
	struct lk_bytes text, enum lk_json_form form, ProtobufCMessage *message)
{
	uint8_t *base = (uint8_t *)message;
	struct lk_time_parts time;

	if (form == LK_JSON_FORM_TIMESTAMP && !lk_timestamp_parse(text, &time))
		return WRONG("must be a time such as \"2027-01-01T00:00:00Z\"");
	if (form == LK_JSON_FORM_DURATION && !lk_duration_parse(text, &time))
		return WRONG("must be a duration in seconds such as \"1.5s\"");
	memcpy(base + message->descriptor->fields[0].offset, &time.seconds, sizeof time.seconds);
	memcpy(base + message->descriptor->fields[1].offset, &time.nanos, sizeof time.nanos);
	return LK_SUCCESS;
}

/* One path in snake_case; NULL when it does not fit or is not in lowerCamelCase. */
static char *snake_path(struct lk_arena *arena, const uint8_t *path, size_t n)
{
	char *snake = lk_arena_alloc(arena, 2 * n + 1);
	size_t k = 0;

	if (snake == NULL || n == 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool is_upper = path[i] >= 'A' && path[i] <= 'Z';
		bool is_lower = path[i] >= 'a' && path[i] <= 'z';
		bool is_other = (path[i] >= '0' && path[i] <= '9') || path[i] == '.';

		if (!is_upper && !is_lower && !is_other)
			return NULL;
		if (is_upper)
			snake[k++] = '_';
		snake[k++] = (char)(is_upper ? path[i] - 'A' + 'a' : path[i]);
	}
	snake[k] = '\0';
	return snake;
}

static struct lk_status mask_from_text(
	struct parser *parser, struct lk_bytes text, ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = &message->descriptor->fields[0];
	uint8_t *base = (uint8_t *)message;
	size_t n = text.n > 0 ? 1 : 0;
	char **paths;

	for (size_t i = 0; i < text.n; i++)
		n += text.data[i] == ',';
	paths = lk_arena_calloc(parser->arena, n, sizeof *paths);
	if (paths == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *comma = memchr(text.data, ',', text.n);
		size_t n_path = comma != NULL ? (size_t)(comma - text.data) : text.n;

		paths[i] = snake_path(parser->arena, text.data, n_path);
		if (paths[i] == NULL)
			return parser->arena->exhausted
				       ? NO_MEMORY
				       : WRONG("must be field names in lowerCamelCase, with commas "
					       "between");
		text.data += n_path + (comma != NULL);
		text.n -= n_path + (comma != NULL);
	}
	memcpy(base + field->offset, &paths, sizeof paths);
	memcpy(base + field->quantifier_offset, &n, sizeof n);
	return LK_SUCCESS;
}

/* --- values --- */

static struct lk_status parse_value(
	struct parser *parser, const ProtobufCFieldDescriptor *field, json_t *json, void *at)
{
	bool is_bytes = field->type == PROTOBUF_C_TYPE_BYTES;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return parse_message(parser, field->descriptor, json, at);
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		return parse_enum(field, json, at);
	if (field->type == PROTOBUF_C_TYPE_FLOAT || field->type == PROTOBUF_C_TYPE_DOUBLE)
		return parse_real(field, json, at);
	if (field->type == PROTOBUF_C_TYPE_BOOL) {
		if (!json_is_boolean(json))
			return WRONG("must be true or false");
		*(protobuf_c_boolean *)at = json_is_true(json);
		return LK_SUCCESS;
	}
	if (field->type != PROTOBUF_C_TYPE_STRING && !is_bytes)
		return parse_integer(field, json, at);
	if (!json_is_string(json))
		return WRONG("must be a string");
	return is_bytes ? bytes_from_text(parser, text_of(json), at)
			: string_from_text(parser, json_string_value(json), at);
}

/* Zeroed room for n values, which becomes the field's. */
static uint8_t *new_list(struct parser *parser, const ProtobufCFieldDescriptor *field, size_t n,
	ProtobufCMessage *message)
{
	uint8_t *data = lk_arena_calloc(parser->arena, n, lk_json_value_size(field));

	memcpy((uint8_t *)message + field->offset, &data, sizeof data);
	memcpy((uint8_t *)message + field->quantifier_offset, &n, sizeof n);
	return data;
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
	data = new_list(parser, field, json_array_size(json), message);
	if (data == NULL)
		return NO_MEMORY;
	json_array_foreach(json, i, element)
	{
		struct lk_status st = parse_value(parser, field, element, data + i * size);

		if (st.code != LK_OK)
			return in_element(parser, st, i);
	}
	return LK_SUCCESS;
}

static struct lk_status parse_key(
	struct parser *parser, const ProtobufCFieldDescriptor *field, const char *name, void *at)
{
	struct integer integer;

	if (field->type == PROTOBUF_C_TYPE_STRING)
		return string_from_text(parser, name, at);
	if (field->type == PROTOBUF_C_TYPE_BOOL) {
		*(protobuf_c_boolean *)at = strcmp(name, "true") == 0;
		return strcmp(name, "true") == 0 || strcmp(name, "false") == 0
			       ? LK_SUCCESS
			       : WRONG("must be true or false");
	}
	if (!integer_from_text(name, &integer) || !store_integer(field, integer, at))
		return WRONG("must be a whole number in the range of its type");
	return LK_SUCCESS;
}

static struct lk_status parse_entry(
	struct parser *parser, const char *name, json_t *json, ProtobufCMessage *entry)
{
	const ProtobufCFieldDescriptor *fields = entry->descriptor->fields;
	uint8_t *base = (uint8_t *)entry;

	LK_TRY(parse_key(parser, &fields[0], name, base + fields[0].offset));
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
	slot = (void *)new_list(parser, field, json_object_size(json), message);
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
			return in_field(parser, st, name);
	}
	return LK_SUCCESS;
}

/* --- messages --- */

/* Takes down that a field without a place of its own for it is set. */
static struct lk_status mark_set(const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	uint8_t *quantifier = (uint8_t *)message + field->quantifier_offset;
	const protobuf_c_boolean has = 1;
	uint32_t oneof_case;

	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		memcpy(&oneof_case, quantifier, sizeof oneof_case);
		if (oneof_case != 0)
			return WRONG("excludes another field that is set");
		memcpy(quantifier, &field->id, sizeof field->id);
	} else if (field->label == PROTOBUF_C_LABEL_OPTIONAL &&
		   field->type != PROTOBUF_C_TYPE_STRING &&
		   field->type != PROTOBUF_C_TYPE_MESSAGE) {
		memcpy(quantifier, &has, sizeof has);
	}
	return LK_SUCCESS;
}

static struct lk_status parse_field(struct parser *parser, const ProtobufCFieldDescriptor *field,
	json_t *json, ProtobufCMessage *message)
{
	if (json_is_null(json))
		return LK_SUCCESS;
	if (lk_json_is_map(message->descriptor, field))
		return parse_map(parser, field, json, message);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return parse_list(parser, field, json, message);
	LK_TRY(mark_set(field, message));
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

static struct lk_status parse_members(
	struct parser *parser, json_t *json, ProtobufCMessage *message)
{
	const char *name;
	json_t *value;

	if (!json_is_object(json))
		return WRONG("must be an object");
	json_object_foreach(json, name, value)
	{
		const ProtobufCFieldDescriptor *field;
		struct lk_status st;
		bool is_twice;

		field = find_field(message->descriptor, json, name, &is_twice);
		if (field == NULL && parser->options->ignore_unknown)
			continue;
		if (field == NULL)
			return in_field(parser, WRONG("is not a field of this message"), name);
		st = is_twice ? WRONG("comes twice") : parse_field(parser, field, value, message);
		if (st.code != LK_OK)
			return in_field(parser, st, field->name);
	}
	return LK_SUCCESS;
}

static struct lk_status parse_message(struct parser *parser, const ProtobufCMessageDescriptor *type,
	json_t *json, ProtobufCMessage **message_out)
{
	enum lk_json_form form = lk_json_form_of(type);
	ProtobufCMessage *message = lk_message_new(type, parser->arena);

	if (message == NULL)
		return NO_MEMORY;
	*message_out = message;
	if (form == LK_JSON_FORM_OBJECT)
		return parse_members(parser, json, message);
	if (!json_is_string(json))
		return WRONG("must be a string");
	if (form == LK_JSON_FORM_FIELD_MASK)
		return mask_from_text(parser, text_of(json), message);
	return time_from_text(text_of(json), form, message);
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
	if (st.code == LK_OK)
		st = parse_message(&parser, type, json, &message);
	if (st.code == LK_OK)
		*message_out = message;
	lk_json_end(&pool);
	return st;
}
