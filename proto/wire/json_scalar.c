/* SPDX-License-Identifier: MIT */
/* Values from texts, be they strings of a JSON text or parts of a path or a query. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/json_priv.h"
#include "proto/wire/message.h"
#include "proto/wire/times.h"

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the message needs too much memory")
#define WRONG(why_) LK_ERR(LK_INVALID_ARGUMENT, why_)

/* --- numbers, names --- */

/* Plain digits in their one spelling, which keeps the keys of a map apart. */
static bool integer_from_text(const char *text, struct lk_json_integer *integer_out)
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

struct lk_status lk_json_store_integer(
	const ProtobufCFieldDescriptor *field, struct lk_json_integer integer, void *at)
{
	size_t size = lk_json_value_size(field);
	bool is_signed = lk_json_is_signed(field);
	uint64_t max = UINT64_MAX >> (64 - size * 8 + (is_signed ? 1 : 0));
	uint64_t value = integer.is_negative ? 0 - integer.magnitude : integer.magnitude;

	if ((integer.is_negative && !is_signed && integer.magnitude > 0) ||
		integer.magnitude > max + (integer.is_negative && is_signed ? 1 : 0))
		return LK_JSON_NOT_INTEGER;
	if (size == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)value;
	else
		*(uint64_t *)at = value;
	return LK_SUCCESS;
}

static struct lk_status enum_from_text(
	const ProtobufCEnumDescriptor *type, const char *text, void *at)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(type, text);

	if (value == NULL)
		return WRONG("is not a value of its enumeration");
	*(int *)at = value->value;
	return LK_SUCCESS;
}

static struct lk_status bool_from_text(const char *text, void *at)
{
	bool is_true = strcmp(text, "true") == 0;

	if (!is_true && strcmp(text, "false") != 0)
		return WRONG("must be true or false");
	*(protobuf_c_boolean *)at = is_true;
	return LK_SUCCESS;
}

/* --- texts --- */

static struct lk_status string_from_text(const char *text, struct lk_arena *arena, void *at)
{
	char *copy = lk_arena_strndup(arena, text, strlen(text));

	if (copy == NULL)
		return NO_MEMORY;
	*(char **)at = copy;
	return LK_SUCCESS;
}

static struct lk_status bytes_from_text(
	struct lk_bytes text, struct lk_arena *arena, ProtobufCBinaryData *bytes)
{
	uint8_t *data = lk_arena_alloc(arena, text.n / 4 * 3 + 3);

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
	struct lk_bytes text, struct lk_arena *arena, ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = &message->descriptor->fields[0];
	uint8_t *base = (uint8_t *)message;
	size_t n = text.n > 0 ? 1 : 0;
	char **paths;

	for (size_t i = 0; i < text.n; i++)
		n += text.data[i] == ',';
	paths = lk_arena_calloc(arena, n, sizeof *paths);
	if (paths == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *comma = memchr(text.data, ',', text.n);
		size_t n_path = comma != NULL ? (size_t)(comma - text.data) : text.n;

		paths[i] = snake_path(arena, text.data, n_path);
		if (paths[i] == NULL)
			return arena->exhausted
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

struct lk_status lk_json_read_short(const ProtobufCMessageDescriptor *type, const char *text,
	struct lk_arena *arena, ProtobufCMessage **message_out)
{
	enum lk_json_form form = lk_json_form_of(type);
	ProtobufCMessage *message;

	if (form == LK_JSON_FORM_OBJECT)
		return WRONG("must be an object");
	message = lk_message_new(type, arena);
	if (message == NULL)
		return NO_MEMORY;
	*message_out = message;
	return form == LK_JSON_FORM_FIELD_MASK ? mask_from_text(lk_bytes_of(text), arena, message)
					       : time_from_text(lk_bytes_of(text), form, message);
}

/* --- all of them --- */

struct lk_status lk_json_read_text(
	const ProtobufCFieldDescriptor *field, const char *text, struct lk_arena *arena, void *at)
{
	struct lk_json_integer integer;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return string_from_text(text, arena, at);
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_from_text(lk_bytes_of(text), arena, at);
	case PROTOBUF_C_TYPE_MESSAGE:
		return lk_json_read_short(field->descriptor, text, arena, at);
	case PROTOBUF_C_TYPE_BOOL:
		return bool_from_text(text, at);
	case PROTOBUF_C_TYPE_ENUM:
		return enum_from_text(field->descriptor, text, at);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WRONG("is a number that only a JSON text can hold");
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		break;
	}
	return integer_from_text(text, &integer) ? lk_json_store_integer(field, integer, at)
						 : LK_JSON_NOT_INTEGER;
}

/* Zeroed room for n values, which becomes the field's. */
uint8_t *lk_json_new_list(const ProtobufCFieldDescriptor *field, size_t n, struct lk_arena *arena,
	ProtobufCMessage *message)
{
	uint8_t *data = lk_arena_calloc(arena, n, lk_json_value_size(field));

	memcpy((uint8_t *)message + field->offset, &data, sizeof data);
	memcpy((uint8_t *)message + field->quantifier_offset, &n, sizeof n);
	return data;
}

struct lk_status lk_json_mark_set(const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
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

static struct lk_status set_list(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	const char *const *texts, size_t n_texts, struct lk_arena *arena)
{
	uint8_t *at = lk_json_new_list(field, n_texts, arena, message);

	if (at == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < n_texts; i++, at += lk_json_value_size(field)) {
		struct lk_status st = lk_json_read_text(field, texts[i], arena, at);

		if (st.code != LK_OK)
			return lk_json_in_element(st, i, arena);
	}
	return LK_SUCCESS;
}

static struct lk_status set_one(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	const char *const *texts, size_t n_texts, struct lk_arena *arena)
{
	if (n_texts > 1)
		return WRONG("comes twice");
	LK_TRY(lk_json_mark_set(field, message));
	return lk_json_read_text(field, texts[0], arena, (uint8_t *)message + field->offset);
}

struct lk_status lk_json_set(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	enum lk_json_names names, const char *const *texts, size_t n_texts, struct lk_arena *arena)
{
	bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;

	if (n_texts == 0)
		return LK_SUCCESS;
	return lk_json_in_member(is_list ? set_list(message, field, texts, n_texts, arena)
					 : set_one(message, field, texts, n_texts, arena),
		field, names, arena);
}
