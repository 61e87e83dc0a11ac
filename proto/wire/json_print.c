/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/wire/json_priv.h"
#include "proto/wire/message.h"
#include "proto/wire/utf8.h"
#include "proto/wire/times.h"

struct printer {
	struct lk_buf *out;
	const struct lk_json_options *options;
	unsigned level;   /* of brackets */
	unsigned nesting; /* of messages */
};

static struct lk_status print_message(struct printer *printer, const ProtobufCMessage *message);

static void add(struct printer *printer, const char *text)
{
	lk_buf_add(printer->out, text, strlen(text));
}

static void add_line(struct printer *printer)
{
	if (printer->options->indent == 0)
		return;
	lk_buf_u8(printer->out, '\n');
	for (unsigned i = 0; i < printer->level * printer->options->indent; i++)
		lk_buf_u8(printer->out, ' ');
}

static void open_bracket(struct printer *printer, const char *bracket)
{
	add(printer, bracket);
	printer->level++;
}

/* `is_empty` keeps "{}" and "[]" on one line. */
static void close_bracket(struct printer *printer, const char *bracket, bool is_empty)
{
	printer->level--;
	if (!is_empty)
		add_line(printer);
	add(printer, bracket);
}

/* Goes to the place of the next member or element. */
static void begin_item(struct printer *printer, bool is_first)
{
	if (!is_first)
		add(printer, ",");
	add_line(printer);
}

static void end_name(struct printer *printer)
{
	add(printer, printer->options->indent == 0 ? ":" : ": ");
}

static void add_escaped(struct printer *printer, uint8_t c)
{
	static const char letters[] = "\"\\\b\f\n\r\t";
	static const char names[] = "\"\\bfnrt";
	const char *letter = strchr(letters, c);
	char escape[8];

	if (letter != NULL)
		snprintf(escape, sizeof escape, "\\%c", names[letter - letters]);
	else
		snprintf(escape, sizeof escape, "\\u%04x", c);
	add(printer, escape);
}

static struct lk_status print_string(struct printer *printer, const char *text)
{
	const char *plain = text;

	if (text == NULL)
		text = plain = "";
	if (!lk_utf8_valid((struct lk_bytes) { (const uint8_t *)text, strlen(text) }))
		return LK_ERR(LK_INVALID_ARGUMENT, "must be UTF-8 text without NUL");
	add(printer, "\"");
	for (; *text != '\0'; text++) {
		if ((uint8_t)*text >= 0x20 && *text != '"' && *text != '\\' && *text != 0x7f)
			continue;
		lk_buf_add(printer->out, plain, (size_t)(text - plain));
		add_escaped(printer, (uint8_t)*text);
		plain = text + 1;
	}
	lk_buf_add(printer->out, plain, (size_t)(text - plain));
	add(printer, "\"");
	return LK_SUCCESS;
}

static void print_name(struct printer *printer, const char *field_name)
{
	char camel[LK_JSON_NAME_ROOM];

	add(printer, "\"");
	add(printer, lk_json_camel(field_name, camel) ? camel : field_name);
	add(printer, "\"");
	end_name(printer);
}

/* --- short forms --- */

static struct lk_status print_time(
	struct printer *printer, const ProtobufCMessage *message, enum lk_json_form form)
{
	const uint8_t *base = (const uint8_t *)message;
	struct lk_time_parts time;
	char text[LK_TIME_TEXT_ROOM];
	size_t n;

	memcpy(&time.seconds, base + message->descriptor->fields[0].offset, sizeof time.seconds);
	memcpy(&time.nanos, base + message->descriptor->fields[1].offset, sizeof time.nanos);
	n = form == LK_JSON_FORM_TIMESTAMP ? lk_timestamp_print(time, text)
					   : lk_duration_print(time, text);
	if (n == 0)
		return LK_ERR(LK_INVALID_ARGUMENT, "is outside of what a time can be");
	return print_string(printer, text);
}

/* Whether the path comes back as it is from its lowerCamelCase. */
static bool path_is_snake(const char *path)
{
	if (*path == '\0')
		return false;
	for (; *path != '\0'; path++) {
		bool is_lower = *path >= 'a' && *path <= 'z';
		bool is_other = (*path >= '0' && *path <= '9') || *path == '.';

		if (!is_lower && !is_other && *path != '_')
			return false;
		if (*path == '_' && (path[1] < 'a' || path[1] > 'z'))
			return false;
	}
	return true;
}

/* A path of any length. */
static void add_camel(struct printer *printer, const char *path)
{
	for (; *path != '\0'; path++)
		if (*path == '_')
			lk_buf_u8(printer->out, (uint8_t)(*++path - 'a' + 'A'));
		else
			lk_buf_u8(printer->out, (uint8_t)*path);
}

static struct lk_status print_field_mask(struct printer *printer, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = &message->descriptor->fields[0];
	const uint8_t *base = (const uint8_t *)message;
	char *const *paths = *(char *const *const *)(const void *)(base + field->offset);
	size_t n;

	memcpy(&n, base + field->quantifier_offset, sizeof n);
	add(printer, "\"");
	for (size_t i = 0; i < n; i++) {
		if (!path_is_snake(paths[i]))
			return LK_BAD_FIELD(field->name, "has a path that is not in snake_case");
		if (i > 0)
			add(printer, ",");
		add_camel(printer, paths[i]);
	}
	add(printer, "\"");
	return LK_SUCCESS;
}

/* --- values --- */

static void print_enum(struct printer *printer, const ProtobufCEnumDescriptor *type, int number)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
	char text[16];

	if (value == NULL) {
		/* From a newer schema; the number says as much as can be said. */
		snprintf(text, sizeof text, "%d", number);
		add(printer, text);
		return;
	}
	add(printer, "\"");
	add(printer, value->name);
	add(printer, "\"");
}

static void print_real(struct printer *printer, double value, bool is_float)
{
	char text[LK_JSON_REAL_ROOM];

	if (isnan(value)) {
		add(printer, "\"NaN\"");
	} else if (isinf(value)) {
		add(printer, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	} else {
		lk_json_real_print(value, is_float, text);
		add(printer, text);
	}
}

/* Numbers of every kind; the pointer is to memory that protobuf-c has aligned for the type. */
static void print_number(struct printer *printer, ProtobufCType type, const void *at)
{
	char text[32] = "";

	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		snprintf(text, sizeof text, "%" PRId32, *(const int32_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		snprintf(text, sizeof text, "%" PRIu32, *(const uint32_t *)at);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		snprintf(text, sizeof text, "\"%" PRId64 "\"", *(const int64_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		snprintf(text, sizeof text, "\"%" PRIu64 "\"", *(const uint64_t *)at);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		print_real(printer, (double)*(const float *)at, true);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		print_real(printer, *(const double *)at, false);
		break;
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	add(printer, text);
}

static struct lk_status print_value(
	struct printer *printer, const ProtobufCFieldDescriptor *field, const void *at)
{
	const ProtobufCBinaryData *bytes = at;

	if (field->type == PROTOBUF_C_TYPE_STRING)
		return print_string(printer, *(char *const *)at);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return print_message(printer, *(ProtobufCMessage *const *)at);
	if (field->type == PROTOBUF_C_TYPE_BOOL) {
		add(printer, *(const protobuf_c_boolean *)at ? "true" : "false");
	} else if (field->type == PROTOBUF_C_TYPE_ENUM) {
		print_enum(printer, field->descriptor, *(const int *)at);
	} else if (field->type == PROTOBUF_C_TYPE_BYTES) {
		add(printer, "\"");
		lk_json_base64_print((struct lk_bytes) { bytes->data, bytes->len }, printer->out);
		add(printer, "\"");
	} else {
		print_number(printer, field->type, at);
	}
	return LK_SUCCESS;
}

/* The key of a map's entry: always a string, whatever its type. */
static struct lk_status print_key(
	struct printer *printer, const ProtobufCFieldDescriptor *field, const void *at)
{
	size_t size = lk_json_value_size(field);
	bool is_bare = field->type == PROTOBUF_C_TYPE_BOOL || size == sizeof(uint32_t);

	if (is_bare)
		add(printer, "\"");
	LK_TRY(print_value(printer, field, at));
	if (is_bare)
		add(printer, "\"");
	end_name(printer);
	return LK_SUCCESS;
}

static struct lk_status print_entry(struct printer *printer, const ProtobufCMessage *entry)
{
	const ProtobufCFieldDescriptor *fields = entry->descriptor->fields;
	const uint8_t *base = (const uint8_t *)entry;
	ProtobufCMessage *value;

	LK_TRY(print_key(printer, &fields[0], base + fields[0].offset));
	if (fields[1].type == PROTOBUF_C_TYPE_MESSAGE) {
		memcpy(&value, base + fields[1].offset, sizeof value);
		if (value == NULL) {
			add(printer, "{}");
			return LK_SUCCESS;
		}
	}
	return print_value(printer, &fields[1], base + fields[1].offset);
}

static struct lk_status print_repeated(struct printer *printer, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	bool is_map = lk_json_is_map(message->descriptor, field);
	const uint8_t *base = (const uint8_t *)message;
	size_t size = lk_json_value_size(field);
	const uint8_t *at;
	size_t n;

	memcpy(&n, base + field->quantifier_offset, sizeof n);
	memcpy(&at, base + field->offset, sizeof at);
	open_bracket(printer, is_map ? "{" : "[");
	for (size_t i = 0; i < n; i++, at += size) {
		begin_item(printer, i == 0);
		if (is_map)
			LK_TRY(print_entry(printer, *(ProtobufCMessage *const *)(const void *)at));
		else
			LK_TRY(print_value(printer, field, at));
	}
	close_bracket(printer, is_map ? "}" : "]", n == 0);
	return LK_SUCCESS;
}

/* --- messages --- */

/* Whether a number, text or list without presence of its own is zero or empty. */
static bool is_zero(const ProtobufCFieldDescriptor *field, const uint8_t *at)
{
	static const uint8_t zeros[sizeof(ProtobufCBinaryData)];
	const ProtobufCBinaryData *bytes;
	const char *text;

	if (field->type == PROTOBUF_C_TYPE_BYTES) {
		bytes = (const void *)at;
		return bytes->len == 0;
	}
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		memcpy(&text, at, sizeof text);
		return text == NULL || *text == '\0';
	}
	return memcmp(at, zeros, lk_json_value_size(field)) == 0;
}

static bool must_print(const struct printer *printer, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	const uint8_t *base = (const uint8_t *)message;
	const uint8_t *quantifier = base + field->quantifier_offset;
	bool is_pointer =
		field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING;
	protobuf_c_boolean has;
	uint32_t oneof_case;
	size_t n;

	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		memcpy(&oneof_case, quantifier, sizeof oneof_case);
		return oneof_case == field->id;
	}
	switch (field->label) {
	case PROTOBUF_C_LABEL_REPEATED:
		memcpy(&n, quantifier, sizeof n);
		return n > 0 || printer->options->with_defaults;
	case PROTOBUF_C_LABEL_OPTIONAL:
	case PROTOBUF_C_LABEL_REQUIRED:
		if (is_pointer) {
			const void *pointer;

			memcpy(&pointer, base + field->offset, sizeof pointer);
			return pointer != NULL && pointer != field->default_value;
		}
		memcpy(&has, quantifier, sizeof has);
		return field->label == PROTOBUF_C_LABEL_REQUIRED || has;
	case PROTOBUF_C_LABEL_NONE:
		return !is_zero(field, base + field->offset) ||
		       (printer->options->with_defaults && field->type != PROTOBUF_C_TYPE_MESSAGE);
	}
	return false;
}

static struct lk_status print_members(struct printer *printer, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	bool is_first = true;

	open_bracket(printer, "{");
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		struct lk_status st;

		if (!must_print(printer, message, field))
			continue;
		begin_item(printer, is_first);
		is_first = false;
		print_name(printer, field->name);
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			st = print_repeated(printer, message, field);
		else
			st = print_value(printer, field, (const uint8_t *)message + field->offset);
		if (st.code != LK_OK) {
			st.field = st.field != NULL ? st.field : field->name;
			return st;
		}
	}
	close_bracket(printer, "}", is_first);
	return LK_SUCCESS;
}

static struct lk_status print_message(struct printer *printer, const ProtobufCMessage *message)
{
	enum lk_json_form form = lk_json_form_of(message->descriptor);
	struct lk_status st;

	switch (form) {
	case LK_JSON_FORM_TIMESTAMP:
	case LK_JSON_FORM_DURATION:
		return print_time(printer, message, form);
	case LK_JSON_FORM_FIELD_MASK:
		return print_field_mask(printer, message);
	case LK_JSON_FORM_OBJECT:
		break;
	}
	if (printer->nesting > LK_MESSAGE_DEPTH_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "the message is nested too deep");
	printer->nesting++;
	st = print_members(printer, message);
	printer->nesting--;
	return st;
}

struct lk_status lk_json_print(
	const ProtobufCMessage *message, const struct lk_json_options *options, struct lk_buf *out)
{
	static const struct lk_json_options canonical;
	struct printer printer = { .out = out, .options = options != NULL ? options : &canonical };

	LK_TRY(print_message(&printer, message));
	if (out->failed)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the JSON text needs too much memory");
	return LK_SUCCESS;
}
