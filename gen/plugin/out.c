/* SPDX-License-Identifier: MIT */
#include "gen/plugin/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TAB 8

void lk_out_print(struct lk_buf *out, const char *format, ...)
{
	va_list args;
	uint8_t *at;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* vsnprintf writes a NUL as well; it is taken back. */
	at = n < 0 ? NULL : lk_buf_reserve(out, (size_t)n + 1);
	if (at == NULL) {
		out->failed = true;
		return;
	}
	va_start(args, format);
	(void)vsnprintf((char *)at, (size_t)n + 1, format, args);
	va_end(args);
	out->n--;
}

const char *lk_out_format(struct lk_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = n < 0 ? NULL : lk_arena_alloc(arena, (size_t)n + 1);
	if (text == NULL) {
		arena->exhausted = true;
		return "";
	}
	va_start(args, format);
	(void)vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

/* Of the first line. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0' && *text != '\n'; text++)
		width = *text == '\t' ? (width / TAB + 1) * TAB : width + 1;
	return width;
}

static void break_line(struct lk_buf *out, size_t tabs)
{
	lk_buf_u8(out, '\n');
	for (size_t i = 0; i < tabs; i++)
		lk_buf_u8(out, '\t');
}

void lk_out_list(
	struct lk_buf *out, const char *head, const char *const items[], size_t n, const char *tail)
{
	size_t tabs = strspn(head, "\t") + 1;
	size_t column = width_of(head);
	size_t all = width_of(tail);

	for (size_t i = 0; i < n; i++)
		all += width_of(items[i]) + (i > 0 ? 2 : 0);
	lk_out_print(out, "%s", head);
	/* Items that fit on a line of their own are kept together. */
	if (column + all > LK_OUT_COLUMNS && tabs * TAB + all <= LK_OUT_COLUMNS) {
		break_line(out, tabs);
		column = tabs * TAB;
	}
	for (size_t i = 0; i < n; i++) {
		const char *end = i + 1 < n ? "," : tail;
		size_t width = width_of(items[i]) + width_of(end);
		size_t gap = i > 0 ? 1 : 0;

		if (column + gap + width > LK_OUT_COLUMNS) {
			break_line(out, tabs);
			column = tabs * TAB;
			gap = 0;
		}
		lk_out_print(out, "%s%s%s", gap > 0 ? " " : "", items[i], end);
		column += gap + width;
	}
}

const char *lk_out_literal(struct lk_arena *arena, const char *text)
{
	/* An octal escape is the longest: four bytes for one. */
	char *literal = lk_arena_alloc(arena, 4 * strlen(text) + 3);
	char *at = literal;

	if (literal == NULL)
		return "\"\"";
	*at++ = '"';
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n') {
			*at++ = '\\';
			*at++ = 'n';
		} else if (c < ' ' || c == 0x7f) {
			at += snprintf(at, 5, "\\%03o", c);
		} else {
			/* A question mark that is escaped is in no trigraph. */
			if (c == '"' || c == '\\' || c == '?')
				*at++ = '\\';
			*at++ = *text;
		}
	}
	memcpy(at, "\"", 2);
	return literal;
}

void lk_out_define(struct lk_buf *out, const char *name, const char *value)
{
	bool fits = strlen("#define ") + strlen(name) + 1 + strlen(value) <= LK_OUT_COLUMNS;

	lk_out_print(out, "#define %s%s%s\n", name, fits ? " " : " \\\n\t", value);
}

/* Whether the letter would end the comment, seem to begin one, or make a trigraph of it. */
static bool must_part(const char *text, size_t i)
{
	return (i > 0 && text[i - 1] == '*' && text[i] == '/') ||
	       (i > 0 && text[i - 1] == '/' && text[i] == '*') ||
	       (i > 1 && text[i - 2] == '?' && text[i - 1] == '?' && text[i] == '/');
}

static void print_comment_line(struct lk_buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (must_part(text, i))
			lk_buf_u8(out, ' ');
		lk_buf_u8(out, (uint8_t)text[i] < ' ' ? ' ' : (uint8_t)text[i]);
	}
}

/* The next line without the blank after the slashes and without blanks at its end. */
static const char *take_line(const char **text, size_t *n_out)
{
	const char *line = *text;
	size_t n = strcspn(line, "\n");

	*text = line[n] == '\n' ? line + n + 1 : line + n;
	if (n > 0 && line[0] == ' ') {
		line++;
		n--;
	}
	while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL)
		n--;
	*n_out = n;
	return line;
}

void lk_out_comment(struct lk_buf *out, const char *text)
{
	size_t n_blank = 0;
	bool is_open = false;

	while (*text != '\0') {
		size_t n;
		const char *line = take_line(&text, &n);

		if (n == 0) {
			n_blank++;
			continue;
		}
		for (; is_open && n_blank > 0; n_blank--)
			lk_out_print(out, "\n *");
		n_blank = 0;
		lk_out_print(out, is_open ? "\n * " : "/* ");
		print_comment_line(out, line, n);
		is_open = true;
	}
	if (is_open)
		lk_out_print(out, " */\n");
}
