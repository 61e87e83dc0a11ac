/* SPDX-License-Identifier: MIT */
/* Text of generated files: printed into a buffer whose error is sticky, in the house's form of
 * at most 100 columns.
 */
#pragma once

#include "proto/wire/arena.h"
#include "proto/wire/buf.h"

#define LK_OUT_COLUMNS 100

/* Appends as printf does. */
__attribute__((format(printf, 2, 3))) void lk_out_print(
	struct lk_buf *out, const char *format, ...);

/* The text in the arena. "" when that is full: callers ask arena->exhausted once, at the end. */
__attribute__((format(printf, 2, 3))) const char *lk_out_format(
	struct lk_arena *arena, const char *format, ...);

/* Appends head, the items with commas between them, and tail, in as few lines as they need. */
void lk_out_list(struct lk_buf *out, const char *head, const char *const items[], size_t n,
	const char *tail);

/* The text as a C string literal in the arena. */
const char *lk_out_literal(struct lk_arena *arena, const char *text);

/* Appends a #define. */
void lk_out_define(struct lk_buf *out, const char *name, const char *value);

/* Appends the text of a proto comment as one C comment; nothing for an empty text. Whatever the
 * text holds, the comment ends where it should and compiles without a warning. */
void lk_out_comment(struct lk_buf *out, const char *text);
