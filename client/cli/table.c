/* SPDX-License-Identifier: MIT */
#include "client/cli/table.h"

#include <string.h>
#include <wchar.h>

#define GAP 2

/* Stands for a byte that is not UTF-8. */
#define NO_CHARACTER UINT32_MAX

/* The character at `text`, and how many bytes it has. */
static uint32_t decode(const uint8_t *text, size_t *n_out)
{
	size_t n = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	uint32_t character = n == 1 ? text[0] : text[0] & (0xffU >> (n + 1));

	*n_out = 1;
	if (n > 1 && (text[0] < 0xc2 || text[0] > 0xf4))
		return NO_CHARACTER;
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return NO_CHARACTER;
		character = character << 6 | (text[i] & 0x3f);
	}
	*n_out = n;
	return character;
}

/* Controls, and the invisible characters that turn the reading direction or break lines. */
static bool is_unsafe(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x061c ||
	       (character >= 0x200b && character <= 0x200f) ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2060 && character <= 0x206f) || character == 0xfeff;
}

const char *lk_text_safe(struct lk_arena *arena, const char *text)
{
	const size_t escape_max = sizeof "\\u{10ffff}";
	const uint8_t *at = (const uint8_t *)text;
	char *safe = lk_arena_alloc(arena, strlen(text) * escape_max + 1);
	size_t n = 0;

	if (safe == NULL)
		return "";
	while (*at != '\0') {
		size_t n_bytes;
		uint32_t character = decode(at, &n_bytes);

		if (character == NO_CHARACTER) {
			n += (size_t)snprintf(safe + n, escape_max, "\\x%02x", *at);
		} else if (is_unsafe(character)) {
			n += (size_t)snprintf(safe + n, escape_max, "\\u{%x}", (unsigned)character);
		} else {
			memcpy(safe + n, at, n_bytes);
			n += n_bytes;
		}
		at += n_bytes;
	}
	safe[n] = '\0';
	return safe;
}

static size_t character_width(uint32_t character)
{
	int width = wcwidth((wchar_t)character);

	return width < 0 ? 1 : (size_t)width;
}

size_t lk_text_width(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t width = 0;

	while (*at != '\0') {
		size_t n_bytes;

		width += character_width(decode(at, &n_bytes));
		at += n_bytes;
	}
	return width;
}

const char *lk_text_short(struct lk_arena *arena, const char *text, size_t columns_max)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	const char *safe = lk_text_safe(arena, text);
	const uint8_t *at = (const uint8_t *)safe;
	size_t width = 0;
	char *cut;
	size_t n;

	if (lk_text_width(safe) <= columns_max)
		return safe;
	while (true) {
		size_t n_bytes;
		size_t wider = width + character_width(decode(at, &n_bytes));

		if (wider >= columns_max)
			break;
		width = wider;
		at += n_bytes;
	}
	n = (size_t)(at - (const uint8_t *)safe);
	cut = lk_arena_alloc(arena, n + sizeof ellipsis);
	if (cut == NULL)
		return "";
	memcpy(cut, safe, n);
	memcpy(cut + n, ellipsis, sizeof ellipsis);
	return cut;
}

void lk_table_measure(struct lk_table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t width = lk_text_width(cells[i]);

		if (width > table->widths[i])
			table->widths[i] = width;
	}
}

void lk_table_print(const struct lk_table *table, const char *const *cells, FILE *out)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t width = lk_text_width(cells[i]);

		fputs(cells[i], out);
		if (i + 1 < table->n_columns)
			fprintf(out, "%*s", (int)(table->widths[i] - width + GAP), "");
	}
	fputc('\n', out);
}
