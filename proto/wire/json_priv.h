/* SPDX-License-Identifier: MIT */
/* What reading and printing JSON have in common; for proto/wire/json_*.c only. */
#pragma once

#include <jansson.h>

#include "proto/wire/json.h"

/* --- descriptors, seen through JSON's eyes --- */

enum lk_json_form {
	LK_JSON_FORM_OBJECT,
	LK_JSON_FORM_TIMESTAMP,
	LK_JSON_FORM_DURATION,
	LK_JSON_FORM_FIELD_MASK,
};

/* The form of a message, by the name and by the fields of its type. */
enum lk_json_form lk_json_form_of(const ProtobufCMessageDescriptor *type);

/* Whether a field of the message type is a map. */
bool lk_json_is_map(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field);

/* Bytes of one value of the field in memory. */
size_t lk_json_value_size(const ProtobufCFieldDescriptor *field);

/* Whether an integer or enum field can be negative. */
bool lk_json_is_signed(const ProtobufCFieldDescriptor *field);

/* Room for a field's name in the text. */
#define LK_JSON_NAME_ROOM 128

/* The lowerCamelCase of a schema's name. False when it is too long. */
bool lk_json_camel(const char *name, char camel_out[LK_JSON_NAME_ROOM]);

/* The field's name in the text, of which the room may hold the characters. */
const char *lk_json_name(const ProtobufCFieldDescriptor *field, enum lk_json_names names,
	char room[LK_JSON_NAME_ROOM]);

/* Whether the options leave the field out. */
static inline bool lk_json_skips(const struct lk_json_options *options,
	const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
	return options->skip != NULL && options->skip(options->skip_arg, type, field);
}

/* --- paths of errors --- */

/* Puts `name` in front of the path that an error of LK_INVALID_ARGUMENT has so far, in the arena:
 * "keys" + "[1].name". Any other status comes back as it is. */
struct lk_status lk_json_in_field(struct lk_status st, const char *name, struct lk_arena *arena);
struct lk_status lk_json_in_element(struct lk_status st, size_t i, struct lk_arena *arena);

/* --- values from texts --- */

struct lk_json_integer {
	uint64_t magnitude;
	bool is_negative;
};

#define LK_JSON_NOT_INTEGER \
	LK_ERR(LK_INVALID_ARGUMENT, "must be a whole number in the range of its type")

/* Stores an integer or enum value; LK_JSON_NOT_INTEGER when its type cannot hold it. */
LK_MUST_USE struct lk_status lk_json_store_integer(
	const ProtobufCFieldDescriptor *field, struct lk_json_integer integer, void *at);

/* Reads one value of the field from a text; a real number and a message without a short form are
 * refused. */
LK_MUST_USE struct lk_status lk_json_read_text(
	const ProtobufCFieldDescriptor *field, const char *text, struct lk_arena *arena, void *at);

/* Reads a message that has a short form. */
LK_MUST_USE struct lk_status lk_json_read_short(const ProtobufCMessageDescriptor *type,
	const char *text, struct lk_arena *arena, ProtobufCMessage **message_out);

/* Zeroed room for n values of a repeated field, which becomes the message's; NULL when it does not
 * fit. */
uint8_t *lk_json_new_list(const ProtobufCFieldDescriptor *field, size_t n, struct lk_arena *arena,
	ProtobufCMessage *message);

/* Takes down that a field without a place of its own for it is set. */
LK_MUST_USE struct lk_status lk_json_mark_set(
	const ProtobufCFieldDescriptor *field, ProtobufCMessage *message);

/* --- base64 --- */

/* Either alphabet, padded or not. The place has room for text.n / 4 * 3 + 3 bytes. */
bool lk_json_base64_parse(struct lk_bytes text, uint8_t *bytes_out, size_t *n_out);

/* --- jansson --- */

/* From here to the end jansson's memory in this thread is the pool, whose `exhausted` tells
 * whether it was short. No tree needs to be released. */
void lk_json_begin(struct lk_arena *pool);

/* Wipes and frees every tree and text that jansson has made. */
void lk_json_end(struct lk_arena *pool);

/* The tree of one object or array.
 *
 * LK_INVALID_ARGUMENT    not JSON, or beyond a limit
 * LK_RESOURCE_EXHAUSTED  memory is short
 */
LK_MUST_USE struct lk_status lk_json_load(struct lk_bytes text, json_t **json_out);

/* Appends the tree's text, `flags` as jansson has them. LK_RESOURCE_EXHAUSTED when it does not
 * fit. */
LK_MUST_USE struct lk_status lk_json_dump(const json_t *json, size_t flags, struct lk_buf *out);
