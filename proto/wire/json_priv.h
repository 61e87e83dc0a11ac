/* SPDX-License-Identifier: MIT */
/* What reading and printing JSON have in common; for proto/wire/json_*.c only. */
#pragma once

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

/* Room for a field's name in the text. */
#define LK_JSON_NAME_ROOM 128

/* The lowerCamelCase of a schema's name. False when it is too long. */
bool lk_json_camel(const char *name, char camel_out[LK_JSON_NAME_ROOM]);

/* Whether the member's name means the field: its own name or the lowerCamelCase of it. */
bool lk_json_name_fits(const char *field_name, const char *member_name);

/* --- texts of values --- */

/* A whole number written as JSON writes numbers, "1.50e1" included: its sign and magnitude,
 * exactly. False for everything else and from 2^64 on. */
bool lk_json_integer(struct lk_bytes text, bool *negative_out, uint64_t *magnitude_out);

/* A number written as JSON writes them. False for other text and beyond a double's range. */
bool lk_json_real(struct lk_bytes text, struct lk_arena *arena, double *value_out);

/* The shortest text that reads back as the same number; `is_float` for 32 bits of it. */
#define LK_JSON_REAL_ROOM 40
void lk_json_real_print(double value, bool is_float, char text_out[LK_JSON_REAL_ROOM]);

void lk_json_base64_print(struct lk_bytes bytes, struct lk_buf *out);

/* Either alphabet, padded or not. The place has room for text.n / 4 * 3 + 3 bytes. */
bool lk_json_base64_parse(struct lk_bytes text, uint8_t *bytes_out, size_t *n_out);

/* --- reading tokens --- */

enum lk_json_token {
	LK_JSON_OBJECT,
	LK_JSON_ARRAY,
	LK_JSON_STRING,
	LK_JSON_NUMBER,
	LK_JSON_TRUE,
	LK_JSON_FALSE,
	LK_JSON_NULL,
	LK_JSON_NOTHING, /* the end, or no JSON */
};

/* A sticky reader: after a failure every step gives nothing, and `status` tells why. */
struct lk_json_reader {
	const uint8_t *at;
	const uint8_t *end;
	struct lk_arena *arena;
	struct lk_status status;
	unsigned depth;
	unsigned values_left;
};

/* The text is UTF-8 without NUL, which the caller has checked. */
void lk_json_reader_init(
	struct lk_json_reader *reader, struct lk_bytes text, struct lk_arena *arena);

/* What comes next, white space skipped. */
enum lk_json_token lk_json_peek(struct lk_json_reader *reader);

/* The next value, which is a string: its text in the arena, NUL-terminated. Empty after a
 * failure. */
struct lk_bytes lk_json_string(struct lk_json_reader *reader);

/* The next value, which is a number, as it is written. */
struct lk_bytes lk_json_number(struct lk_json_reader *reader);

/* Takes `true`, `false` or `null`, as peeked. */
void lk_json_literal(struct lk_json_reader *reader, enum lk_json_token token);

/* Enters an object or array: '{' or '['. */
void lk_json_open(struct lk_json_reader *reader, char bracket);

/* True when one more member or element follows; at the closing bracket it leaves and says
 * false. `first` starts as true. */
bool lk_json_next(struct lk_json_reader *reader, char close, bool *first);

/* The name of a member, up to and with its colon. */
const char *lk_json_member(struct lk_json_reader *reader);

/* Skips the next value, whatever it is. */
void lk_json_skip(struct lk_json_reader *reader);

/* Fails unless nothing but white space is left. */
void lk_json_end(struct lk_json_reader *reader);
