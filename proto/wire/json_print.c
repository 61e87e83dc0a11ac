/* SPDX-License-Identifier: MIT */
/* A message becomes jansson's tree, and that the text.
 *
 * Each step returns a value, or NULL, which jansson's setters pass on as a failure; the first
 * reason that is known goes into the printer's status. What was made until then stays in the pool.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/json_priv.h"
#include "proto/wire/message.h"
#include "proto/wire/times.h"

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the JSON text needs too much memory")

/* Digits that every decimal number keeps through a double, and those that every double needs. */
#define DIGITS_MIN 15
#define DIGITS_MAX 17

#define INTEGER_ROOM 24

struct printer {
	const struct lk_json_options *options;
	struct lk_status status;
	struct lk_arena pool;
	unsigned nesting; /* of messages */
	int digits;       /* of real numbers: jansson has one figure for the whole text */
};

static json_t *print_message(struct printer *printer, const ProtobufCMessage *message);

static json_t *refuse(struct printer *printer, struct lk_status status)
{
	printer->status = status;
	return NULL;
}

static json_t *print_string(const char *text)
{
	return json_string(text != NULL ? text : "");
}

/* The text in the buffer, which this frees. */
static json_t *print_buf(struct printer *printer, struct lk_buf *buf)
{
	json_t *json = NULL;

	lk_buf_u8(buf, '\0');
	if (buf->failed)
		refuse(printer, NO_MEMORY);
	else
		json = json_string((const char *)buf->data);
	lk_buf_fini(buf);
	return json;
}

/* --- short forms --- */

static size_t timestamp_text(
	enum lk_json_times times, struct lk_time_parts time, char text_out[LK_TIME_TEXT_ROOM])
{
	switch (times) {
	case LK_JSON_TIMES_SECONDS:
		return lk_timestamp_print_digits(time, 0, text_out);
	case LK_JSON_TIMES_MILLIS:
		return lk_timestamp_print_digits(time, 3, text_out);
	case LK_JSON_TIMES_CANONICAL:
		break;
	}
	return lk_timestamp_print(time, text_out);
}

static json_t *print_time(
	struct printer *printer, const ProtobufCMessage *message, enum lk_json_form form)
{
	const uint8_t *base = (const uint8_t *)message;
	struct lk_time_parts time;
	char text[LK_TIME_TEXT_ROOM];
	size_t n;

	memcpy(&time.seconds, base + message->descriptor->fields[0].offset, sizeof time.seconds);
	memcpy(&time.nanos, base + message->descriptor->fields[1].offset, sizeof time.nanos);
	n = form == LK_JSON_FORM_TIMESTAMP ? timestamp_text(printer->options->times, time, text)
					   : lk_duration_print(time, text);
	if (n == 0)
		return refuse(
			printer, LK_ERR(LK_INVALID_ARGUMENT, "is outside of what a time can be"));
	return print_string(text);
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
static void add_camel(struct lk_buf *buf, const char *path)
{
	for (; *path != '\0'; path++)
		if (*path == '_')
			lk_buf_u8(buf, (uint8_t)(*++path - 'a' + 'A'));
		else
			lk_buf_u8(buf, (uint8_t)*path);
}

static json_t *print_field_mask(struct printer *printer, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = &message->descriptor->fields[0];
	const uint8_t *base = (const uint8_t *)message;
	char *const *paths = *(char *const *const *)(const void *)(base + field->offset);
	struct lk_buf buf;
	size_t n;

	memcpy(&n, base + field->quantifier_offset, sizeof n);
	lk_buf_init(&buf, LK_JSON_TEXT_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!path_is_snake(paths[i])) {
			lk_buf_fini(&buf);
			return refuse(printer,
				LK_BAD_FIELD(field->name, "has a path that is not in snake_case"));
		}
		if (i > 0)
			lk_buf_u8(&buf, ',');
		add_camel(&buf, paths[i]);
	}
	return print_buf(printer, &buf);
}

/* --- values --- */

static json_t *print_bytes(struct printer *printer, const ProtobufCBinaryData *bytes)
{
	struct lk_buf buf;

	lk_buf_init(&buf, (bytes->len + 2) / 3 * 4 + 1);
	lk_json_base64_print((struct lk_bytes) { bytes->data, bytes->len }, &buf);
	return print_buf(printer, &buf);
}

/* A value without a name is from a newer schema; the number says as much as can be said. */
static json_t *print_enum(const ProtobufCEnumDescriptor *type, int number)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);

	return value != NULL ? json_string(value->name) : json_integer(number);
}

/* The double that is nearest to the digits which make the float; it needs no more than them. */
static double widen(float value)
{
	char text[40];
	double wide = (double)value;

	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)value);
		wide = strtod(text, NULL);
		if ((float)wide == value)
			break;
	}
	return wide;
}

static json_t *print_real(struct printer *printer, double value)
{
	char text[40];

	if (isnan(value))
		return json_string("NaN");
	if (isinf(value))
		return json_string(value > 0 ? "Infinity" : "-Infinity");
	/* There and back in the same locale, whose point thus plays no part. */
	snprintf(text, sizeof text, "%.*g", DIGITS_MIN, value);
	if (strtod(text, NULL) != value)
		printer->digits = DIGITS_MAX;
	return json_real(value);
}

/* The digits of an integer; the pointer is to memory that protobuf-c has aligned for the type. */
static void integer_text(
	const ProtobufCFieldDescriptor *field, const void *at, char text_out[INTEGER_ROOM])
{
	bool is_wide = lk_json_value_size(field) == sizeof(uint64_t);

	if (lk_json_is_signed(field))
		snprintf(text_out, INTEGER_ROOM, "%" PRId64,
			is_wide ? *(const int64_t *)at : *(const int32_t *)at);
	else
		snprintf(text_out, INTEGER_ROOM, "%" PRIu64,
			is_wide ? *(const uint64_t *)at : *(const uint32_t *)at);
}

static json_t *print_integer(const ProtobufCFieldDescriptor *field, const void *at)
{
	char text[INTEGER_ROOM];

	if (lk_json_value_size(field) == sizeof(uint32_t))
		return lk_json_is_signed(field) ? json_integer(*(const int32_t *)at)
						: json_integer(*(const uint32_t *)at);
	integer_text(field, at, text);
	return json_string(text);
}

static json_t *print_value(
	struct printer *printer, const ProtobufCFieldDescriptor *field, const void *at)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return print_string(*(char *const *)at);
	case PROTOBUF_C_TYPE_BYTES:
		return print_bytes(printer, at);
	case PROTOBUF_C_TYPE_MESSAGE:
		return print_message(printer, *(ProtobufCMessage *const *)at);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_ENUM:
		return print_enum(field->descriptor, *(const int *)at);
	case PROTOBUF_C_TYPE_FLOAT:
		return print_real(printer, widen(*(const float *)at));
	case PROTOBUF_C_TYPE_DOUBLE:
		return print_real(printer, *(const double *)at);
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
	return print_integer(field, at);
}

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

/* The key of a map's entry: always a text, whatever its type. */
static const char *key_text(
	const ProtobufCFieldDescriptor *field, const void *at, char number[INTEGER_ROOM])
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return *(char *const *)at != NULL ? *(char *const *)at : "";
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		return *(const protobuf_c_boolean *)at ? "true" : "false";
	integer_text(field, at, number);
	return number;
}

/* 0, or -1 as jansson's setters. */
static int add_entry(struct printer *printer, json_t *map, const ProtobufCMessage *entry)
{
	const ProtobufCFieldDescriptor *fields = entry->descriptor->fields;
	const uint8_t *key = (const uint8_t *)entry + fields[0].offset;
	const uint8_t *value = (const uint8_t *)entry + fields[1].offset;
	bool is_absent = fields[1].type == PROTOBUF_C_TYPE_MESSAGE && is_zero(&fields[1], value);
	char number[INTEGER_ROOM];

	return json_object_set_new(map, key_text(&fields[0], key, number),
		is_absent ? json_object() : print_value(printer, &fields[1], value));
}

static json_t *print_repeated(struct printer *printer, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	bool is_map = lk_json_is_map(message->descriptor, field);
	json_t *json = is_map ? json_object() : json_array();
	const uint8_t *base = (const uint8_t *)message;
	const uint8_t *at;
	int failed = 0;
	size_t n;

	memcpy(&n, base + field->quantifier_offset, sizeof n);
	memcpy(&at, base + field->offset, sizeof at);
	for (size_t i = 0; i < n && failed == 0; i++, at += lk_json_value_size(field))
		failed = is_map ? add_entry(printer, json,
					  *(ProtobufCMessage *const *)(const void *)at)
				: json_array_append_new(json, print_value(printer, field, at));
	return failed == 0 ? json : NULL;
}

/* --- messages --- */

/* Whether the field has a value to print, be it a default. */
static bool has_value(const struct printer *printer, const ProtobufCMessage *message,
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

/* Whether the field, which has no value to print, is printed as null. */
static bool is_null(const struct printer *printer, const ProtobufCFieldDescriptor *field)
{
	bool has_presence =
		field->label == PROTOBUF_C_LABEL_OPTIONAL || field->type == PROTOBUF_C_TYPE_MESSAGE;

	return printer->options->with_nulls && has_presence &&
	       field->label != PROTOBUF_C_LABEL_REPEATED &&
	       (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0;
}

static json_t *print_field(struct printer *printer, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	if (!has_value(printer, message, field))
		return json_null();
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return print_repeated(printer, message, field);
	return print_value(printer, field, (const uint8_t *)message + field->offset);
}

/* Adds the field to the object; false, with the status set, when that fails. */
static bool add_member(struct printer *printer, json_t *object, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	struct lk_status *st = &printer->status;
	char room[LK_JSON_NAME_ROOM];
	const char *name = lk_json_name(field, printer->options->names, room);

	if (json_object_set_new(object, name, print_field(printer, message, field)) == 0)
		return true;
	/* With memory at hand, text is the only thing that jansson refuses. */
	if (st->code == LK_OK)
		*st = printer->pool.exhausted
			      ? NO_MEMORY
			      : LK_ERR(LK_INVALID_ARGUMENT, "must be UTF-8 text without NUL");
	if (st->code == LK_INVALID_ARGUMENT && st->field == NULL)
		st->field = field->name;
	return false;
}

static json_t *print_members(struct printer *printer, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	json_t *object = json_object();
	bool ok = object != NULL;

	for (unsigned i = 0; i < type->n_fields && ok; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (!lk_json_skips(printer->options, type, field) &&
			(has_value(printer, message, field) || is_null(printer, field)))
			ok = add_member(printer, object, message, field);
	}
	return ok ? object : NULL;
}

static json_t *print_message(struct printer *printer, const ProtobufCMessage *message)
{
	enum lk_json_form form = lk_json_form_of(message->descriptor);
	json_t *json;

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
		return refuse(
			printer, LK_ERR(LK_INVALID_ARGUMENT, "the message is nested too deep"));
	printer->nesting++;
	json = print_members(printer, message);
	printer->nesting--;
	return json;
}

struct lk_status lk_json_print(
	const ProtobufCMessage *message, const struct lk_json_options *options, struct lk_buf *out)
{
	static const struct lk_json_options canonical;
	struct printer printer = {
		.options = options != NULL ? options : &canonical,
		.digits = DIGITS_MIN,
	};
	unsigned indent = printer.options->indent;
	size_t flags = indent == 0 ? JSON_COMPACT : JSON_INDENT(indent);
	json_t *json;

	lk_json_begin(&printer.pool);
	json = print_message(&printer, message);
	flags |= (size_t)JSON_REAL_PRECISION(printer.digits);
	if (json != NULL)
		printer.status = lk_json_dump(json, flags, out);
	else if (printer.status.code == LK_OK)
		printer.status = NO_MEMORY;
	lk_json_end(&printer.pool);
	return printer.status;
}
