/* SPDX-License-Identifier: MIT */
/* Descriptors as JSON sees them, bytes as it writes them, and paths to fields. */
#include <stdio.h>
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

/* Not toupper: in a Turkish locale it has another "I". */
static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
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
		if (*name++ != (up ? upper(*field_name) : *field_name))
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

bool lk_json_is_signed(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_INT32 || field->type == PROTOBUF_C_TYPE_SINT32 ||
	       field->type == PROTOBUF_C_TYPE_SFIXED32 || field->type == PROTOBUF_C_TYPE_INT64 ||
	       field->type == PROTOBUF_C_TYPE_SINT64 || field->type == PROTOBUF_C_TYPE_SFIXED64 ||
	       field->type == PROTOBUF_C_TYPE_ENUM;
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
		camel_out[n++] = up ? upper(*name) : *name;
		up = false;
	}
	camel_out[n] = '\0';
	return true;
}

const char *lk_json_name(const ProtobufCFieldDescriptor *field, enum lk_json_names names,
	char room[LK_JSON_NAME_ROOM])
{
	bool is_camel = names != LK_JSON_NAMES_PROTO && lk_json_camel(field->name, room);

	return is_camel ? room : field->name;
}

const ProtobufCFieldDescriptor *lk_json_field(
	const ProtobufCMessageDescriptor *type, enum lk_json_names names, const char *name)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		char room[LK_JSON_NAME_ROOM];

		if (strcmp(lk_json_name(&type->fields[i], names, room), name) == 0)
			return &type->fields[i];
	}
	return NULL;
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

/* --- paths of errors --- */

/* Length of a name in a path: names from the text may be long, and are cut. */
static size_t path_length(const char *name)
{
	size_t n = strnlen(name, LK_JSON_NAME_ROOM);

	while (n > 0 && ((uint8_t)name[n] & 0xc0) == 0x80)
		n--;
	return n;
}

struct lk_status lk_json_in_field(struct lk_status st, const char *name, struct lk_arena *arena)
{
	size_t n_name = path_length(name);
	size_t n_rest = st.field != NULL ? strlen(st.field) : 0;
	bool needs_dot = n_rest > 0 && st.field[0] != '[';
	char *path;

	if (st.code != LK_INVALID_ARGUMENT)
		return st;
	path = lk_arena_alloc(arena, n_name + 1 + n_rest + 1);
	if (path == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the message needs too much memory");
	memcpy(path, name, n_name);
	if (needs_dot)
		path[n_name++] = '.';
	if (n_rest > 0)
		memcpy(path + n_name, st.field, n_rest);
	path[n_name + n_rest] = '\0';
	st.field = path;
	return st;
}

struct lk_status lk_json_in_element(struct lk_status st, size_t i, struct lk_arena *arena)
{
	char index[24];

	snprintf(index, sizeof index, "[%zu]", i);
	return lk_json_in_field(st, index, arena);
}

struct lk_status lk_json_in_member(struct lk_status st, const ProtobufCFieldDescriptor *field,
	enum lk_json_names names, struct lk_arena *arena)
{
	char room[LK_JSON_NAME_ROOM];

	return lk_json_in_field(st, lk_json_name(field, names, room), arena);
}
