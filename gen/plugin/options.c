/* SPDX-License-Identifier: MIT */
#include "gen/plugin/options.h"

#include <string.h>

/* A varint; protoc wrote it, so it is one. */
static uint64_t take_varint(struct lk_cursor *cursor)
{
	uint64_t value = 0;
	uint8_t byte;
	unsigned shift = 0;

	do {
		byte = lk_cursor_u8(cursor);
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0 && shift < 64);
	return value;
}

/* Contents of a length-delimited unknown field; protobuf-c leaves the length in front. */
static struct lk_bytes content_of(const ProtobufCMessageUnknownField *field)
{
	struct lk_cursor cursor = lk_cursor_over((struct lk_bytes) { field->data, field->len });

	return lk_cursor_take(&cursor, (size_t)take_varint(&cursor));
}

/* The message that is the option with this number, unpacked. */
static ProtobufCMessage *option_of(struct lk_arena *arena, const ProtobufCMessage *options,
	uint32_t number, const ProtobufCMessageDescriptor *type)
{
	struct lk_bytes all = { NULL, 0 };

	/* `option (rpc).lane = ...` per member gives a field each. Protobuf merges messages by
	 * reading one after the other. */
	for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
		struct lk_bytes part;
		uint8_t *joined;

		if (field->tag != number ||
			field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
			continue;
		part = content_of(field);
		joined = lk_arena_alloc(arena, all.n + part.n + 1);
		if (joined == NULL)
			return NULL;
		if (all.n > 0)
			memcpy(joined, all.data, all.n);
		if (part.n > 0)
			memcpy(joined + all.n, part.data, part.n);
		all = (struct lk_bytes) { joined, all.n + part.n };
	}
	return all.data == NULL
		       ? NULL
		       : protobuf_c_message_unpack(type, &arena->allocator, all.n, all.data);
}

const Latchkey__V1__MethodRule *lk_options_rule(struct lk_arena *arena, const pb_method *method)
{
	const ProtobufCMessage *options = method->options != NULL ? &method->options->base : NULL;

	return (const Latchkey__V1__MethodRule *)option_of(
		arena, options, LK_OPTION_RPC, &latchkey__v1__method_rule__descriptor);
}

const Latchkey__V1__RestRoute *lk_options_route(struct lk_arena *arena, const pb_method *method)
{
	const ProtobufCMessage *options = method->options != NULL ? &method->options->base : NULL;

	return (const Latchkey__V1__RestRoute *)option_of(
		arena, options, LK_OPTION_REST, &latchkey__v1__rest_route__descriptor);
}

const Latchkey__V1__RestSurface *lk_options_surface(
	struct lk_arena *arena, const pb_service *service)
{
	const ProtobufCMessage *options = service->options != NULL ? &service->options->base : NULL;

	return (const Latchkey__V1__RestSurface *)option_of(
		arena, options, LK_OPTION_SURFACE, &latchkey__v1__rest_surface__descriptor);
}

const Latchkey__V1__RestError *lk_options_error(struct lk_arena *arena, const pb_enum_value *value)
{
	const ProtobufCMessage *options = value->options != NULL ? &value->options->base : NULL;

	return (const Latchkey__V1__RestError *)option_of(
		arena, options, LK_OPTION_ERROR, &latchkey__v1__rest_error__descriptor);
}

const Latchkey__V1__RestCookie *lk_options_cookie(struct lk_arena *arena, const pb_field *field)
{
	const ProtobufCMessage *options = field->options != NULL ? &field->options->base : NULL;

	return (const Latchkey__V1__RestCookie *)option_of(
		arena, options, LK_OPTION_COOKIE, &latchkey__v1__rest_cookie__descriptor);
}

bool lk_options_is_secret(const pb_field *field)
{
	const ProtobufCMessage *options = field->options != NULL ? &field->options->base : NULL;
	bool is_secret = false;

	for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *unknown = &options->unknown_fields[i];
		struct lk_cursor cursor =
			lk_cursor_over((struct lk_bytes) { unknown->data, unknown->len });

		if (unknown->tag == LK_OPTION_SECRET &&
			unknown->wire_type == PROTOBUF_C_WIRE_TYPE_VARINT)
			is_secret = take_varint(&cursor) != 0;
	}
	return is_secret;
}
