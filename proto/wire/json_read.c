/* SPDX-License-Identifier: MIT */
/* RFC 8259's grammar: white space, strings, numbers, brackets. */
#include <string.h>

#include "proto/wire/json_priv.h"

void lk_json_reader_init(
	struct lk_json_reader *reader, struct lk_bytes text, struct lk_arena *arena)
{
	static const uint8_t nothing[1];
	const uint8_t *at = text.n > 0 ? text.data : nothing;

	*reader = (struct lk_json_reader) {
		.at = at,
		.end = at + text.n,
		.arena = arena,
		.values_left = LK_JSON_VALUES_MAX,
	};
}

static void fail(struct lk_json_reader *reader, struct lk_status status)
{
	if (reader->status.code == LK_OK)
		reader->status = status;
	reader->at = reader->end;
}

static void malformed(struct lk_json_reader *reader, const char *why)
{
	fail(reader, LK_ERR(LK_INVALID_ARGUMENT, why));
}

static bool take(struct lk_json_reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != (uint8_t)c)
		return false;
	reader->at++;
	return true;
}

static void skip_space(struct lk_json_reader *reader)
{
	while (take(reader, ' ') || take(reader, '\n') || take(reader, '\r') || take(reader, '\t'))
		;
}

enum lk_json_token lk_json_peek(struct lk_json_reader *reader)
{
	skip_space(reader);
	if (reader->at == reader->end)
		return LK_JSON_NOTHING;
	switch (*reader->at) {
	case '{':
		return LK_JSON_OBJECT;
	case '[':
		return LK_JSON_ARRAY;
	case '"':
		return LK_JSON_STRING;
	case 't':
		return LK_JSON_TRUE;
	case 'f':
		return LK_JSON_FALSE;
	case 'n':
		return LK_JSON_NULL;
	case '-':
		return LK_JSON_NUMBER;
	default:
		return *reader->at >= '0' && *reader->at <= '9' ? LK_JSON_NUMBER : LK_JSON_NOTHING;
	}
}

/* Four hexadecimal digits; more than 16 bits when they are not. */
static uint32_t take_hex(struct lk_json_reader *reader)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		uint8_t c = reader->at < reader->end ? *reader->at++ : 0;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return UINT32_MAX;
	}
	return value;
}

/* The character of \uXXXX or of a surrogate pair; 0 when it is none, or a NUL. */
static uint32_t take_escaped_character(struct lk_json_reader *reader)
{
	uint32_t high = take_hex(reader);
	uint32_t low;

	if (high > UINT16_MAX)
		return 0;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || !take(reader, '\\') || !take(reader, 'u'))
		return 0;
	low = take_hex(reader);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static size_t put_utf8(uint32_t character, uint8_t *at)
{
	if (character < 0x80) {
		at[0] = (uint8_t)character;
		return 1;
	}
	if (character < 0x800) {
		at[0] = (uint8_t)(0xc0 | character >> 6);
		at[1] = (uint8_t)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		at[0] = (uint8_t)(0xe0 | character >> 12);
		at[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
		at[2] = (uint8_t)(0x80 | (character & 0x3f));
		return 3;
	}
	at[0] = (uint8_t)(0xf0 | character >> 18);
	at[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
	at[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
	at[3] = (uint8_t)(0x80 | (character & 0x3f));
	return 4;
}

/* What follows a backslash; returns how many bytes it made, 0 when it is no escape. */
static size_t take_escape(struct lk_json_reader *reader, uint8_t *at)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	uint8_t c = reader->at < reader->end ? *reader->at++ : 0;
	const char *letter = c != 0 ? strchr(letters, c) : NULL;
	uint32_t character;

	if (letter != NULL) {
		*at = (uint8_t)meanings[letter - letters];
		return 1;
	}
	character = c == 'u' ? take_escaped_character(reader) : 0;
	return character != 0 ? put_utf8(character, at) : 0;
}

/* Bytes up to the closing quote: no less than the string takes once its escapes are undone. */
static size_t quoted_length(const struct lk_json_reader *reader)
{
	const uint8_t *at = reader->at;

	while (at < reader->end && *at != '"')
		at += *at == '\\' && reader->end - at > 1 ? 2 : 1;
	return (size_t)(at - reader->at);
}

struct lk_bytes lk_json_string(struct lk_json_reader *reader)
{
	const struct lk_bytes nothing = { (const uint8_t *)"", 0 };
	uint8_t *text;
	size_t n = 0;

	skip_space(reader);
	if (!take(reader, '"')) {
		malformed(reader, "the JSON text is malformed: a string was expected");
		return nothing;
	}
	text = lk_arena_alloc(reader->arena, quoted_length(reader) + 1);
	if (text == NULL) {
		fail(reader, LK_ERR(LK_RESOURCE_EXHAUSTED, "the JSON text needs too much memory"));
		return nothing;
	}
	while (!take(reader, '"')) {
		size_t step = 1;

		if (reader->at == reader->end || *reader->at < 0x20)
			step = 0;
		else if (take(reader, '\\'))
			step = take_escape(reader, text + n);
		else
			text[n] = *reader->at++;
		if (step == 0) {
			malformed(reader, "the JSON text is malformed: a string has no end, a "
					  "control character or a wrong escape");
			return nothing;
		}
		n += step;
	}
	text[n] = '\0';
	return (struct lk_bytes) { text, n };
}

static size_t skip_digits(struct lk_json_reader *reader)
{
	const uint8_t *start = reader->at;

	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return (size_t)(reader->at - start);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool skip_number(struct lk_json_reader *reader)
{
	(void)take(reader, '-');
	if (!take(reader, '0') && skip_digits(reader) == 0)
		return false;
	if (take(reader, '.') && skip_digits(reader) == 0)
		return false;
	if (take(reader, 'e') || take(reader, 'E')) {
		if (!take(reader, '+'))
			(void)take(reader, '-');
		return skip_digits(reader) > 0;
	}
	return true;
}

struct lk_bytes lk_json_number(struct lk_json_reader *reader)
{
	const uint8_t *start;

	skip_space(reader);
	start = reader->at;
	if (!skip_number(reader)) {
		malformed(reader, "the JSON text is malformed: a number is cut short");
		return (struct lk_bytes) { NULL, 0 };
	}
	return (struct lk_bytes) { start, (size_t)(reader->at - start) };
}

void lk_json_literal(struct lk_json_reader *reader, enum lk_json_token token)
{
	const char *word = token == LK_JSON_TRUE    ? "true"
			   : token == LK_JSON_FALSE ? "false"
						    : "null";

	skip_space(reader);
	for (; *word != '\0'; word++) {
		if (!take(reader, *word)) {
			malformed(reader, "the JSON text is malformed: a word is neither true, "
					  "false nor null");
			return;
		}
	}
}

void lk_json_open(struct lk_json_reader *reader, char bracket)
{
	skip_space(reader);
	if (!take(reader, bracket)) {
		malformed(reader, "the JSON text is malformed: an object or array was expected");
		return;
	}
	if (++reader->depth > LK_JSON_DEPTH_MAX)
		malformed(reader, "the JSON text is nested too deep");
}

bool lk_json_next(struct lk_json_reader *reader, char close, bool *first)
{
	bool is_first = *first;

	*first = false;
	if (reader->status.code != LK_OK)
		return false;
	skip_space(reader);
	if (take(reader, close)) {
		reader->depth--;
		return false;
	}
	if (!is_first && !take(reader, ',')) {
		malformed(reader, "the JSON text is malformed: a comma or closing bracket was "
				  "expected");
		return false;
	}
	if (reader->values_left == 0) {
		malformed(reader, "the JSON text has too many values");
		return false;
	}
	reader->values_left--;
	return true;
}

const char *lk_json_member(struct lk_json_reader *reader)
{
	struct lk_bytes name = lk_json_string(reader);

	skip_space(reader);
	if (!take(reader, ':'))
		malformed(reader, "the JSON text is malformed: a colon was expected");
	return (const char *)name.data;
}

void lk_json_skip(struct lk_json_reader *reader)
{
	enum lk_json_token token = lk_json_peek(reader);
	bool first = true;

	switch (token) {
	case LK_JSON_OBJECT:
		lk_json_open(reader, '{');
		while (lk_json_next(reader, '}', &first)) {
			(void)lk_json_member(reader);
			lk_json_skip(reader);
		}
		return;
	case LK_JSON_ARRAY:
		lk_json_open(reader, '[');
		while (lk_json_next(reader, ']', &first))
			lk_json_skip(reader);
		return;
	case LK_JSON_STRING:
		(void)lk_json_string(reader);
		return;
	case LK_JSON_NUMBER:
		(void)lk_json_number(reader);
		return;
	case LK_JSON_TRUE:
	case LK_JSON_FALSE:
	case LK_JSON_NULL:
		lk_json_literal(reader, token);
		return;
	case LK_JSON_NOTHING:
		malformed(reader, "the JSON text is malformed: a value was expected");
		return;
	}
}

void lk_json_end(struct lk_json_reader *reader)
{
	skip_space(reader);
	if (reader->status.code == LK_OK && reader->at != reader->end)
		malformed(reader, "the JSON text goes on after its end");
}
