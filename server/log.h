/* SPDX-License-Identifier: MIT */
/* The log: one line per event on standard error, `key=value` or JSON.
 *
 *	2026-03-01T12:00:00.000Z info listening url=tcp://127.0.0.1:8070
 *
 * Values are escaped, so that no value can start a line or forge a field. Secrets are never
 * passed in. Thread-safe; a line is one write.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum lk_log_level { LK_LOG_ERROR, LK_LOG_WARN, LK_LOG_INFO, LK_LOG_DEBUG };

enum lk_log_format { LK_LOG_TEXT_FORMAT, LK_LOG_JSON_FORMAT };

/* A named value: text, or a number when text is NULL. */
struct lk_log_field {
	const char *name;
	const char *text;
	int64_t number;
};

#define LK_LOG_TEXT(name_, text_) ((struct lk_log_field) { .name = (name_), .text = (text_) })
#define LK_LOG_NUMBER(name_, number_) \
	((struct lk_log_field) { .name = (name_), .number = (int64_t)(number_) })

/* Logs an event with at least one field. Events are a few fixed words, such as
 * "key revoked". */
#define lk_log(level, event, ...) \
	lk_log_write(level, event, (const struct lk_log_field[]) { __VA_ARGS__, { 0 } })

/* Fields end with one whose name is NULL. */
void lk_log_write(enum lk_log_level level, const char *event, const struct lk_log_field *fields);

/* Lines above the level are dropped. Starts as LK_LOG_INFO in text form. */
void lk_log_configure(enum lk_log_level level, enum lk_log_format format);
