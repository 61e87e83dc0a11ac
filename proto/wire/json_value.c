/* SPDX-License-Identifier: MIT */
/* Names, numbers and bytes as JSON writes them. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/json_priv.h"

static bool field_is(const ProtobufCMessageDescriptor *type, unsigned i, const char *name,
	ProtobufCType field_type)
{
	const ProtobufCFieldDescriptor *field = &type->fields[i];

	return field->id == i + 1 && strcmp(field->name, name) == 0 && field->type == field_type;
}

/* A value in a place of its own: neither a list nor a member of a oneof. */
static bool is_plain(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_NONE &&
	       (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0;
}

/* The shape is looked at too, because the type may come from a server's descriptors. */
enum lk_json_form lk_json_form_of(const ProtobufCMessageDescriptor *type)
{
	static const char package[] = "google.protobuf.";

	if (strncmp(type->name, package, sizeof package - 1) != 0)
		return LK_JSON_FORM_OBJECT;
	if (type->n_fields == 1 && field_is(type, 0, "paths", PROTOBUF_C_TYPE_STRING) &&
		type->fields[0].label == PROTOBUF_C_LABEL_REPEATED &&
		strcmp(type->name, "google.protobuf.FieldMask") == 0)
		return LK_JSON_FORM_FIELD_MASK;
	if (type->n_fields != 2 || !field_is(type, 0, "seconds", PROTOBUF_C_TYPE_INT64) ||
		!field_is(type, 1, "nanos", PROTOBUF_C_TYPE_INT32) || !is_plain(&type->fields[0]) ||
		!is_plain(&type->fields[1]))
		return LK_JSON_FORM_OBJECT;
	if (strcmp(type->name, "google.protobuf.Timestamp") == 0)
		return LK_JSON_FORM_TIMESTAMP;
	if (strcmp(type->name, "google.protobuf.Duration") == 0)
		return LK_JSON_FORM_DURATION;
	return LK_JSON_FORM_OBJECT;
}

/* Whether `name` is the field's name in CamelCase followed by "Entry". */
static bool is_entry_name(const char *field_name, const char *name)
{
	bool up = true;

	for (; *field_name != '\0'; field_name++) {
		if (*field_name == '_') {
			up = true;
			continue;
		}
		if (*name++ != (up ? toupper((unsigned char)*field_name) : *field_name))
			return false;
		up = false;
	}
	return strcmp(name, "Entry") == 0;
}

static bool is_map_key(const ProtobufCFieldDescriptor *field)
{
	return field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_BYTES &&
	       field->type != PROTOBUF_C_TYPE_ENUM && field->type != PROTOBUF_C_TYPE_FLOAT &&
	       field->type != PROTOBUF_C_TYPE_DOUBLE;
}

bool lk_json_is_map(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;
	size_t n = strlen(type->name);

	return field->type == PROTOBUF_C_TYPE_MESSAGE &&
	       field->label == PROTOBUF_C_LABEL_REPEATED && entry->n_fields == 2 &&
	       field_is(entry, 0, "key", entry->fields[0].type) && is_map_key(&entry->fields[0]) &&
	       field_is(entry, 1, "value", entry->fields[1].type) && is_plain(&entry->fields[0]) &&
	       is_plain(&entry->fields[1]) && strncmp(entry->name, type->name, n) == 0 &&
	       entry->name[n] == '.' && is_entry_name(field->name, entry->name + n + 1);
}

size_t lk_json_value_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_FLOAT:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	}
	return sizeof(void *);
}

bool lk_json_camel(const char *name, char camel_out[LK_JSON_NAME_ROOM])
{
	size_t n = 0;
	bool up = false;

	for (; *name != '\0'; name++) {
		if (*name == '_') {
			up = true;
			continue;
		}
		if (n + 1 == LK_JSON_NAME_ROOM)
			return false;
		camel_out[n++] = (char)(up ? toupper((unsigned char)*name) : *name);
		up = false;
	}
	camel_out[n] = '\0';
	return true;
}

bool lk_json_name_fits(const char *field_name, const char *member_name)
{
	char camel[LK_JSON_NAME_ROOM];

	return strcmp(field_name, member_name) == 0 ||
	       (lk_json_camel(field_name, camel) && strcmp(camel, member_name) == 0);
}

/* --- numbers --- */

/* A number taken apart: `digits` has the point in it still. */
struct decimal {
	struct lk_bytes digits;
	long exponent;
	bool negative;
};

/* Larger exponents say the same as this one: out of every range. */
#define EXPONENT_MAX 100000

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool split_number(struct lk_bytes text, struct decimal *decimal_out)
{
	struct lk_json_reader reader;
	struct decimal decimal = { .digits = { text.data, 0 } };
	size_t i = 0;
	bool exponent_negative;

	lk_json_reader_init(&reader, text, NULL);
	if (text.n == 0 || (text.data[0] != '-' && !is_digit(text.data[0])) ||
		lk_json_number(&reader).n != text.n)
		return false;
	decimal.negative = text.data[0] == '-';
	i = decimal.negative ? 1 : 0;
	decimal.digits.data = text.data + i;
	while (i < text.n && (text.data[i] | 0x20) != 'e')
		i++;
	decimal.digits.n = (size_t)(text.data + i - decimal.digits.data);
	i++;
	exponent_negative = i < text.n && text.data[i] == '-';
	for (; i < text.n; i++)
		if (is_digit(text.data[i]) && decimal.exponent < EXPONENT_MAX)
			decimal.exponent = decimal.exponent * 10 + (text.data[i] - '0');
	if (exponent_negative)
		decimal.exponent = -decimal.exponent;
	*decimal_out = decimal;
	return true;
}

/* value = value * 10 + digit, unless that leaves 64 bits. */
static bool append_digit(uint64_t *value, unsigned digit)
{
	if (*value > (UINT64_MAX - digit) / 10)
		return false;
	*value = *value * 10 + digit;
	return true;
}

bool lk_json_integer(struct lk_bytes text, bool *negative_out, uint64_t *magnitude_out)
{
	struct decimal decimal;
	const uint8_t *point;
	uint64_t value = 0;
	long whole; /* digits that stand before the point once the exponent has moved it */
	long seen = 0;

	if (!split_number(text, &decimal))
		return false;
	point = memchr(decimal.digits.data, '.', decimal.digits.n);
	whole = decimal.exponent +
		(point != NULL ? point - decimal.digits.data : (long)decimal.digits.n);
	for (size_t i = 0; i < decimal.digits.n; i++) {
		unsigned digit = decimal.digits.data[i] - (unsigned)'0';

		if (decimal.digits.data + i == point)
			continue;
		if (seen++ < whole ? !append_digit(&value, digit) : digit != 0)
			return false;
	}
	for (; seen < whole && value != 0; seen++)
		if (!append_digit(&value, 0))
			return false;
	*negative_out = decimal.negative;
	*magnitude_out = value;
	return true;
}

/* strtod and printf with a point, whatever the program's locale has instead. */
static locale_t enter_c_locale(locale_t *old_out)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

	if (c != (locale_t)0)
		*old_out = uselocale(c);
	return c;
}

static void leave_c_locale(locale_t c, locale_t old)
{
	uselocale(old);
	freelocale(c);
}

bool lk_json_real(struct lk_bytes text, struct lk_arena *arena, double *value_out)
{
	struct decimal decimal;
	locale_t old;
	locale_t c;
	char *copy;
	double value;

	if (!split_number(text, &decimal))
		return false;
	copy = lk_arena_strndup(arena, (const char *)text.data, text.n);
	c = copy != NULL ? enter_c_locale(&old) : (locale_t)0;
	if (c == (locale_t)0)
		return false;
	value = strtod(copy, NULL);
	leave_c_locale(c, old);
	if (isinf(value))
		return false;
	*value_out = value;
	return true;
}

void lk_json_real_print(double value, bool is_float, char text_out[LK_JSON_REAL_ROOM])
{
	locale_t old = (locale_t)0;
	locale_t c = enter_c_locale(&old);
	int digits_max = is_float ? 9 : 17;

	for (int digits = is_float ? 6 : 15; digits <= digits_max; digits++) {
		double again;

		snprintf(text_out, LK_JSON_REAL_ROOM, "%.*g", digits, value);
		again = strtod(text_out, NULL);
		if (is_float ? (float)again == (float)value : again == value)
			break;
	}
	if (c != (locale_t)0)
		leave_c_locale(c, old);
}

/* --- base64 --- */

void lk_json_base64_print(struct lk_bytes bytes, struct lk_buf *out)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t n = bytes.n - i < 3 ? bytes.n - i : 3;
		uint32_t group = (uint32_t)bytes.data[i] << 16;
		char text[4] = { '=', '=', '=', '=' };

		if (n > 1)
			group |= (uint32_t)bytes.data[i + 1] << 8;
		if (n > 2)
			group |= bytes.data[i + 2];
		for (size_t k = 0; k <= n; k++)
			text[k] = alphabet[group >> (18 - 6 * k) & 63];
		lk_buf_add(out, text, sizeof text);
	}
}

/* 0 to 63, or 64 for what is in neither alphabet. */
static unsigned base64_value(unsigned c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : 64;
}

bool lk_json_base64_parse(struct lk_bytes text, uint8_t *bytes_out, size_t *n_out)
{
	size_t n_padding = 0;
	size_t n = 0;
	uint32_t group = 0;

	while (n_padding < 2 && text.n > 0 && text.data[text.n - 1] == '=') {
		text.n--;
		n_padding++;
	}
	if (text.n % 4 == 1 || (n_padding > 0 && (text.n + n_padding) % 4 != 0))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned value = base64_value(text.data[i]);

		if (value == 64)
			return false;
		group = group << 6 | value;
		/* From the second character of four on, each one completes a byte. */
		if (i % 4 > 0)
			bytes_out[n++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
	}
	*n_out = n;
	return true;
}
