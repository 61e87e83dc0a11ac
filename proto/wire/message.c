/* SPDX-License-Identifier: MIT */
#include "proto/wire/message.h"

#include <assert.h>
#include <string.h>

#include "proto/wire/buf.h"
#include "proto/wire/utf8.h"

#define MALFORMED LK_ERR(LK_INVALID_ARGUMENT, "the message is not well-formed protobuf")

/* A varint of at most ten bytes whose value fits 64 bits. */
static uint64_t take_varint(struct lk_cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = lk_cursor_u8(cursor);

		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return value;
	}
	cursor->failed = true;
	return 0;
}

struct scan {
	unsigned fields_left;
};

static struct lk_status check_message(struct scan *scan, const ProtobufCMessageDescriptor *type,
	struct lk_bytes bytes, unsigned depth);

/* The wire type that a singular or unpacked field of this type has. */
static unsigned expected_wire_type(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return PROTOBUF_C_WIRE_TYPE_32BIT;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return PROTOBUF_C_WIRE_TYPE_64BIT;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		return PROTOBUF_C_WIRE_TYPE_VARINT;
	}
	return PROTOBUF_C_WIRE_TYPE_VARINT;
}

/* Whether packed numbers are whole, as protobuf-c wants them. */
static bool is_packed(const ProtobufCFieldDescriptor *field, struct lk_bytes content)
{
	struct lk_cursor cursor = lk_cursor_over(content);
	unsigned wire_type = expected_wire_type(field);

	if (wire_type == PROTOBUF_C_WIRE_TYPE_32BIT)
		return content.n % 4 == 0;
	if (wire_type == PROTOBUF_C_WIRE_TYPE_64BIT)
		return content.n % 8 == 0;
	while (!cursor.failed && !lk_cursor_clean_end(&cursor)) {
		if (field->type == PROTOBUF_C_TYPE_BOOL && *cursor.at > 1)
			return false;
		(void)take_varint(&cursor);
	}
	return !cursor.failed;
}

static struct lk_status check_content(struct scan *scan, const ProtobufCFieldDescriptor *field,
	struct lk_bytes content, unsigned depth)
{
	if (field == NULL)
		return LK_SUCCESS;
	if (field->type == PROTOBUF_C_TYPE_STRING && !lk_utf8_valid(content))
		return LK_BAD_FIELD(field->name, "must be UTF-8 text without NUL");
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return check_message(scan, field->descriptor, content, depth + 1);
	if (field->label == PROTOBUF_C_LABEL_REPEATED && field->type != PROTOBUF_C_TYPE_STRING &&
		field->type != PROTOBUF_C_TYPE_BYTES) {
		/* Packed numbers: each takes at least one byte. */
		if (content.n > scan->fields_left)
			return LK_BAD_FIELD(field->name, "has too many elements");
		scan->fields_left -= (unsigned)content.n;
		if (!is_packed(field, content))
			return LK_BAD_FIELD(field->name, "has packed elements that are not whole");
	}
	return LK_SUCCESS;
}

static bool wire_type_fits(const ProtobufCFieldDescriptor *field, unsigned wire_type)
{
	return wire_type == expected_wire_type(field) ||
	       (field->label == PROTOBUF_C_LABEL_REPEATED &&
		       wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
}

static struct lk_status check_field(struct scan *scan, const ProtobufCMessageDescriptor *type,
	struct lk_cursor *cursor, unsigned depth)
{
	uint64_t tag = take_varint(cursor);
	unsigned wire_type = tag & 7;
	const ProtobufCFieldDescriptor *field;
	struct lk_bytes content;
	uint64_t n;

	if (cursor->failed || tag >> 3 == 0 || tag > UINT32_MAX)
		return MALFORMED;
	field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
	if (field != NULL && !wire_type_fits(field, wire_type))
		return LK_BAD_FIELD(field->name, "has the wrong wire type");
	switch (wire_type) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		(void)take_varint(cursor);
		break;
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		(void)lk_cursor_u64(cursor);
		break;
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		(void)lk_cursor_u32(cursor);
		break;
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		n = take_varint(cursor);
		content = lk_cursor_take(cursor, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
		if (cursor->failed)
			return MALFORMED;
		return check_content(scan, field, content, depth);
	default: /* groups, and numbers that mean nothing */
		return MALFORMED;
	}
	return cursor->failed ? MALFORMED : LK_SUCCESS;
}

static struct lk_status check_message(struct scan *scan, const ProtobufCMessageDescriptor *type,
	struct lk_bytes bytes, unsigned depth)
{
	struct lk_cursor cursor = lk_cursor_over(bytes);

	if (depth > LK_MESSAGE_DEPTH_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "the message is nested too deep");
	while (!lk_cursor_clean_end(&cursor)) {
		if (scan->fields_left == 0)
			return LK_ERR(LK_INVALID_ARGUMENT, "the message has too many fields");
		scan->fields_left--;
		LK_TRY(check_field(scan, type, &cursor, depth));
	}
	return LK_SUCCESS;
}

struct lk_status lk_message_check(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes)
{
	struct scan scan = { LK_MESSAGE_FIELDS_MAX };

	return check_message(&scan, type, bytes, 0);
}

struct lk_status lk_message_unpack(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes,
	struct lk_arena *arena, ProtobufCMessage **message_out)
{
	ProtobufCMessage *message;

	LK_TRY(lk_message_check(type, bytes));
	message = protobuf_c_message_unpack(type, &arena->allocator, bytes.n, bytes.data);
	if (message == NULL && arena->exhausted)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the message needs too much memory");
	if (message == NULL)
		return MALFORMED;
	*message_out = message;
	return LK_SUCCESS;
}

ProtobufCMessage *lk_message_new(const ProtobufCMessageDescriptor *type, struct lk_arena *arena)
{
	ProtobufCMessage *message;

	/* A type made at run time has no function of its own; unpacking knows what to do. */
	if (type->message_init == NULL)
		return protobuf_c_message_unpack(type, &arena->allocator, 0, (const uint8_t *)"");
	message = lk_arena_alloc(arena, type->sizeof_message);
	if (message != NULL)
		protobuf_c_message_init(type, message);
	return message;
}

struct lk_status lk_message_pack(
	const ProtobufCMessage *message, struct lk_arena *arena, struct lk_bytes *bytes_out)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *data = lk_arena_alloc(arena, n);

	if (data == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the message needs too much memory");
	protobuf_c_message_pack(message, data);
	*bytes_out = (struct lk_bytes) { data, n };
	return LK_SUCCESS;
}
