/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/wire/json_priv.h"
#include "proto/wire/message.h"
#include "proto/wire/utf8.h"
#include "proto/wire/times.h"

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the message needs too much memory")
#define WRONG(why_) LK_ERR(LK_INVALID_ARGUMENT, why_)

struct parser {
	struct lk_json_reader reader; /* first: its arena and status are the parser's */
	const struct lk_json_options *options;
};

static struct lk_status parse_message(struct parser *parser, const ProtobufCMessageDescriptor *type,
	ProtobufCMessage **message_out);

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
	path = lk_arena_alloc(parser->reader.arena, n_name + 1 + n_rest + 1);
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

/* --- texts of values --- */

static struct lk_status integer_from_text(
	const ProtobufCFieldDescriptor *field, struct lk_bytes text, void *at)
{
	size_t size = lk_json_value_size(field);
	bool is_signed =
		field->type == PROTOBUF_C_TYPE_INT32 || field->type == PROTOBUF_C_TYPE_SINT32 ||
		field->type == PROTOBUF_C_TYPE_SFIXED32 || field->type == PROTOBUF_C_TYPE_INT64 ||
		field->type == PROTOBUF_C_TYPE_SINT64 || field->type == PROTOBUF_C_TYPE_SFIXED64 ||
		field->type == PROTOBUF_C_TYPE_ENUM;
	uint64_t max = UINT64_MAX >> (64 - size * 8 + (is_signed ? 1 : 0));
	uint64_t magnitude;
	bool negative;

	if (!lk_json_integer(text, &negative, &magnitude))
		return WRONG("must be a whole number in the range of its type");
	if (magnitude > max + (negative && is_signed ? 1 : 0) ||
		(negative && !is_signed && magnitude > 0))
		return WRONG("must be a whole number in the range of its type");
	if (negative)
		magnitude = 0 - magnitude;
	if (size == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)magnitude;
	else
		*(uint64_t *)at = magnitude;
	return LK_SUCCESS;
}

static bool text_is(struct lk_bytes text, const char *word)
{
	return text.n == strlen(word) && memcmp(text.data, word, text.n) == 0;
}

static struct lk_status real_from_text(struct parser *parser, const ProtobufCFieldDescriptor *field,
	struct lk_bytes text, bool is_quoted, void *at)
{
	double value;

	if (is_quoted && text_is(text, "NaN"))
		value = (double)NAN;
	else if (is_quoted && text_is(text, "Infinity"))
		value = (double)INFINITY;
	else if (is_quoted && text_is(text, "-Infinity"))
		value = -(double)INFINITY;
	else if (!lk_json_real(text, parser->reader.arena, &value))
		return parser->reader.arena->exhausted
			       ? NO_MEMORY
			       : WRONG("must be a number in the range of its type");
	if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
		*(double *)at = value;
		return LK_SUCCESS;
	}
	if (isfinite(value) && isinf((float)value))
		return WRONG("must be a number in the range of its type");
	*(float *)at = (float)value;
	return LK_SUCCESS;
}

static struct lk_status enum_from_text(
	const ProtobufCFieldDescriptor *field, struct lk_bytes text, bool is_quoted, void *at)
{
	const ProtobufCEnumValue *value;

	if (!is_quoted)
		return integer_from_text(field, text, at);
	value = protobuf_c_enum_descriptor_get_value_by_name(
		field->descriptor, (const char *)text.data);
	if (value == NULL)
		return WRONG("is not a value of its enumeration");
	*(int *)at = value->value;
	return LK_SUCCESS;
}

static struct lk_status bytes_from_text(
	struct parser *parser, struct lk_bytes text, ProtobufCBinaryData *bytes)
{
	uint8_t *data = lk_arena_alloc(parser->reader.arena, text.n / 4 * 3 + 3);

	if (data == NULL)
		return NO_MEMORY;
	if (!lk_json_base64_parse(text, data, &bytes->len))
		return WRONG("must be base64");
	bytes->data = data;
	return LK_SUCCESS;
}

/* A value whose text is `text`, with or without quotes around it; not for messages and
 * booleans. */
static struct lk_status value_from_text(struct parser *parser,
	const ProtobufCFieldDescriptor *field, struct lk_bytes text, bool is_quoted, void *at)
{
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		return enum_from_text(field, text, is_quoted, at);
	if (field->type == PROTOBUF_C_TYPE_FLOAT || field->type == PROTOBUF_C_TYPE_DOUBLE)
		return real_from_text(parser, field, text, is_quoted, at);
	if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_BYTES)
		return integer_from_text(field, text, at);
	if (!is_quoted)
		return WRONG("must be a string");
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return bytes_from_text(parser, text, at);
	/* The reader's copy is NUL-terminated and lives in the arena. */
	*(const char **)at = (const char *)text.data;
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
	paths = lk_arena_calloc(parser->reader.arena, n, sizeof *paths);
	if (paths == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *comma = memchr(text.data, ',', text.n);
		size_t n_path = comma != NULL ? (size_t)(comma - text.data) : text.n;

		paths[i] = snake_path(parser->reader.arena, text.data, n_path);
		if (paths[i] == NULL)
			return parser->reader.arena->exhausted
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

static struct lk_status parse_bool(struct parser *parser, protobuf_c_boolean *at)
{
	enum lk_json_token token = lk_json_peek(&parser->reader);

	if (token != LK_JSON_TRUE && token != LK_JSON_FALSE)
		return WRONG("must be true or false");
	lk_json_literal(&parser->reader, token);
	*at = token == LK_JSON_TRUE;
	return parser->reader.status;
}

static struct lk_status parse_value(
	struct parser *parser, const ProtobufCFieldDescriptor *field, void *at)
{
	struct lk_json_reader *reader = &parser->reader;
	enum lk_json_token token = lk_json_peek(reader);
	struct lk_bytes text;

	if (token == LK_JSON_NOTHING) {
		lk_json_skip(reader);
		return reader->status;
	}
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return parse_message(parser, field->descriptor, at);
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		return parse_bool(parser, at);
	if (token != LK_JSON_STRING && token != LK_JSON_NUMBER)
		return WRONG("has a value of the wrong kind");
	text = token == LK_JSON_STRING ? lk_json_string(reader) : lk_json_number(reader);
	LK_TRY(reader->status);
	return value_from_text(parser, field, text, token == LK_JSON_STRING, at);
}

/* A list being filled. */
struct list {
	uint8_t *data;
	size_t n;
	size_t room;
	size_t size; /* of an element */
};

/* Zeroed room for one more element; NULL when memory is short. */
static void *list_add(struct lk_arena *arena, struct list *list)
{
	if (list->n == list->room) {
		size_t room = list->room == 0 ? 4 : list->room * 2;
		uint8_t *data = lk_arena_calloc(arena, room, list->size);

		if (data == NULL)
			return NULL;
		if (list->n > 0)
			memcpy(data, list->data, list->n * list->size);
		list->data = data;
		list->room = room;
	}
	return list->data + list->n++ * list->size;
}

static void list_store(
	const struct list *list, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	memcpy((uint8_t *)message + field->offset, &list->data, sizeof list->data);
	memcpy((uint8_t *)message + field->quantifier_offset, &list->n, sizeof list->n);
}

static struct lk_status parse_list(
	struct parser *parser, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	struct list list = { .size = lk_json_value_size(field) };
	bool first = true;

	if (lk_json_peek(&parser->reader) != LK_JSON_ARRAY)
		return WRONG("must be a list");
	lk_json_open(&parser->reader, '[');
	while (lk_json_next(&parser->reader, ']', &first)) {
		void *at = list_add(parser->reader.arena, &list);
		struct lk_status st;

		if (at == NULL)
			return NO_MEMORY;
		st = parse_value(parser, field, at);
		if (st.code != LK_OK)
			return in_element(parser, st, list.n - 1);
	}
	list_store(&list, field, message);
	return parser->reader.status;
}

static bool values_equal(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	return memcmp(a, b, lk_json_value_size(field)) == 0;
}

/* Whether an entry before the last one has the same key. LK_JSON_MAP_MAX bounds the cost. */
static bool is_repeated_key(const struct list *list, const ProtobufCFieldDescriptor *key)
{
	ProtobufCMessage *const *entries = (ProtobufCMessage *const *)(const void *)list->data;
	const uint8_t *last = (const uint8_t *)entries[list->n - 1] + key->offset;

	for (size_t i = 0; i + 1 < list->n; i++)
		if (values_equal(key, (const uint8_t *)entries[i] + key->offset, last))
			return true;
	return false;
}

static struct lk_status key_from_text(
	struct parser *parser, const ProtobufCFieldDescriptor *field, const char *name, void *at)
{
	struct lk_bytes text = { (const uint8_t *)name, strlen(name) };

	if (field->type != PROTOBUF_C_TYPE_BOOL)
		return value_from_text(parser, field, text, true, at);
	if (!text_is(text, "true") && !text_is(text, "false"))
		return WRONG("must be true or false");
	*(protobuf_c_boolean *)at = text_is(text, "true");
	return LK_SUCCESS;
}

static struct lk_status parse_entry(
	struct parser *parser, struct list *list, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage **slot = list_add(parser->reader.arena, list);
	ProtobufCMessage *entry = slot != NULL ? lk_message_new(type, parser->reader.arena) : NULL;
	const char *name = lk_json_member(&parser->reader);
	struct lk_status st;

	LK_TRY(parser->reader.status);
	if (entry == NULL)
		return NO_MEMORY;
	if (list->n > LK_JSON_MAP_MAX)
		return WRONG("has too many entries");
	*slot = entry;
	st = key_from_text(
		parser, &type->fields[0], name, (uint8_t *)entry + type->fields[0].offset);
	if (st.code == LK_OK && is_repeated_key(list, &type->fields[0]))
		st = WRONG("comes twice");
	if (st.code == LK_OK)
		st = parse_value(
			parser, &type->fields[1], (uint8_t *)entry + type->fields[1].offset);
	return st.code == LK_OK ? st : in_field(parser, st, name);
}

static struct lk_status parse_map(
	struct parser *parser, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	struct list list = { .size = sizeof(ProtobufCMessage *) };
	bool first = true;

	if (lk_json_peek(&parser->reader) != LK_JSON_OBJECT)
		return WRONG("must be an object");
	lk_json_open(&parser->reader, '{');
	while (lk_json_next(&parser->reader, '}', &first))
		LK_TRY(parse_entry(parser, &list, field->descriptor));
	list_store(&list, field, message);
	return parser->reader.status;
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

static struct lk_status parse_field(
	struct parser *parser, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	if (lk_json_peek(&parser->reader) == LK_JSON_NULL) {
		lk_json_literal(&parser->reader, LK_JSON_NULL);
		return parser->reader.status;
	}
	if (lk_json_is_map(message->descriptor, field))
		return parse_map(parser, field, message);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return parse_list(parser, field, message);
	LK_TRY(mark_set(field, message));
	return parse_value(parser, field, (uint8_t *)message + field->offset);
}

static const ProtobufCFieldDescriptor *find_field(
	const ProtobufCMessageDescriptor *type, const char *name)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (lk_json_name_fits(type->fields[i].name, name))
			return &type->fields[i];
	return NULL;
}

/* One member; `seen` has a byte for each field. */
static struct lk_status parse_member(
	struct parser *parser, ProtobufCMessage *message, uint8_t *seen)
{
	const char *name = lk_json_member(&parser->reader);
	const ProtobufCFieldDescriptor *field;
	struct lk_status st;

	LK_TRY(parser->reader.status);
	field = find_field(message->descriptor, name);
	if (field == NULL && parser->options->ignore_unknown) {
		lk_json_skip(&parser->reader);
		return parser->reader.status;
	}
	if (field == NULL)
		return in_field(parser, WRONG("is not a field of this message"), name);
	if (seen[field - message->descriptor->fields]++ > 0)
		st = WRONG("comes twice");
	else
		st = parse_field(parser, field, message);
	return st.code == LK_OK ? st : in_field(parser, st, field->name);
}

static struct lk_status parse_members(struct parser *parser, ProtobufCMessage *message)
{
	uint8_t *seen = lk_arena_calloc(parser->reader.arena, message->descriptor->n_fields, 1);
	bool first = true;

	if (seen == NULL)
		return NO_MEMORY;
	if (lk_json_peek(&parser->reader) != LK_JSON_OBJECT)
		return WRONG("must be an object");
	lk_json_open(&parser->reader, '{');
	while (lk_json_next(&parser->reader, '}', &first))
		LK_TRY(parse_member(parser, message, seen));
	return parser->reader.status;
}

static struct lk_status parse_message(struct parser *parser, const ProtobufCMessageDescriptor *type,
	ProtobufCMessage **message_out)
{
	enum lk_json_form form = lk_json_form_of(type);
	ProtobufCMessage *message = lk_message_new(type, parser->reader.arena);
	struct lk_bytes text;

	if (message == NULL)
		return NO_MEMORY;
	*message_out = message;
	if (form == LK_JSON_FORM_OBJECT)
		return parse_members(parser, message);
	if (lk_json_peek(&parser->reader) != LK_JSON_STRING)
		return WRONG("must be a string");
	text = lk_json_string(&parser->reader);
	LK_TRY(parser->reader.status);
	if (form == LK_JSON_FORM_FIELD_MASK)
		return mask_from_text(parser, text, message);
	return time_from_text(text, form, message);
}

struct lk_status lk_json_parse(const ProtobufCMessageDescriptor *type, struct lk_bytes text,
	const struct lk_json_options *options, struct lk_arena *arena,
	ProtobufCMessage **message_out)
{
	static const struct lk_json_options strict;
	struct parser parser = { .options = options != NULL ? options : &strict };
	ProtobufCMessage *message;

	if (!lk_utf8_valid(text))
		return WRONG("the JSON text is not UTF-8, or has a NUL");
	lk_json_reader_init(&parser.reader, text, arena);
	if (lk_json_peek(&parser.reader) == LK_JSON_NOTHING)
		return WRONG("the JSON text is empty or malformed");
	LK_TRY(parse_message(&parser, type, &message));
	lk_json_end(&parser.reader);
	LK_TRY(parser.reader.status);
	*message_out = message;
	return LK_SUCCESS;
}
