/* SPDX-License-Identifier: MIT */
#include "server/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/clock.h"

/* Longer values are cut, so that a line stays whole: a log is not the place for a document. */
#define VALUE_MAX_BYTES 256
#define LINE_MAX_BYTES 8192

static _Atomic int threshold = LK_LOG_INFO;
static _Atomic int line_format = LK_LOG_TEXT_FORMAT;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
};

static void add_char(struct line *line, char c)
{
	/* One byte stays free for the newline. */
	if (line->n < sizeof line->text - 1)
		line->text[line->n++] = c;
}

static void add_text(struct line *line, const char *text)
{
	while (*text != '\0')
		add_char(line, *text++);
}

/* As a JSON string. Text form uses the same escapes, so that both are read alike. */
static void add_quoted(struct line *line, const char *text)
{
	const char *end = text + strnlen(text, VALUE_MAX_BYTES);

	add_char(line, '"');
	for (; text < end; text++) {
		unsigned char c = (unsigned char)*text;
		char escape[8];

		if (c == '"' || c == '\\') {
			add_char(line, '\\');
			add_char(line, *text);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(escape, sizeof escape, "\\u%04x", c);
			add_text(line, escape);
		} else {
			add_char(line, *text);
		}
	}
	add_char(line, '"');
}

static bool needs_quotes(const char *text)
{
	if (*text == '\0' || strlen(text) > VALUE_MAX_BYTES)
		return true;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == '"' || *text == '\\' || *text == '=' ||
			*text == 0x7f)
			return true;
	return false;
}

static void add_number(struct line *line, int64_t number)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%lld", (long long)number);
	add_text(line, digits);
}

static void add_time(struct line *line)
{
	lk_time_ms now = lk_clock_now();
	time_t seconds = (time_t)(now / 1000);
	char text[40];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	add_text(line, text);
	snprintf(text, sizeof text, ".%03dZ", (int)(now % 1000));
	add_text(line, text);
}

static void format_text(struct line *line, enum lk_log_level level, const char *event,
	const struct lk_log_field *fields)
{
	add_time(line);
	add_char(line, ' ');
	add_text(line, level_names[level]);
	add_char(line, ' ');
	add_text(line, event);
	for (; fields->name != NULL; fields++) {
		add_char(line, ' ');
		add_text(line, fields->name);
		add_char(line, '=');
		if (fields->text == NULL)
			add_number(line, fields->number);
		else if (needs_quotes(fields->text))
			add_quoted(line, fields->text);
		else
			add_text(line, fields->text);
	}
}

static void format_json(struct line *line, enum lk_log_level level, const char *event,
	const struct lk_log_field *fields)
{
	add_text(line, "{\"time\":\"");
	add_time(line);
	add_text(line, "\",\"level\":\"");
	add_text(line, level_names[level]);
	add_text(line, "\",\"event\":");
	add_quoted(line, event);
	for (; fields->name != NULL; fields++) {
		add_char(line, ',');
		add_quoted(line, fields->name);
		add_char(line, ':');
		if (fields->text == NULL)
			add_number(line, fields->number);
		else
			add_quoted(line, fields->text);
	}
	add_char(line, '}');
}

void lk_log_write(enum lk_log_level level, const char *event, const struct lk_log_field *fields)
{
	struct line line;

	if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed))
		return;
	line.n = 0;
	if (atomic_load_explicit(&line_format, memory_order_relaxed) == LK_LOG_JSON_FORMAT)
		format_json(&line, level, event, fields);
	else
		format_text(&line, level, event, fields);
	line.text[line.n++] = '\n';
	/* A log that cannot be written must not stop the service. */
	if (write(STDERR_FILENO, line.text, line.n) < 0)
		return;
}

void lk_log_configure(enum lk_log_level level, enum lk_log_format format)
{
	atomic_store(&threshold, (int)level);
	atomic_store(&line_format, (int)format);
}
