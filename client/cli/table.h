/* SPDX-License-Identifier: MIT */
/* Text for a terminal: safe to show, and aligned.
 *
 * Names come from strangers. Characters that move the cursor, change the terminal or turn the
 * reading direction are shown as \u{202e}, never sent. Widths are those of the C.UTF-8 locale,
 * which main() chooses; without it every character counts as one column.
 */
#pragma once

#include <stdio.h>

#include "proto/wire/arena.h"

#define LK_TABLE_COLUMNS_MAX 10

/* A copy that is safe to show. "" when memory is short. */
const char *lk_text_safe(struct lk_arena *arena, const char *text);

/* The same, cut to a number of columns with an ellipsis at the end. */
const char *lk_text_short(struct lk_arena *arena, const char *text, size_t columns_max);

/* Columns that a safe text takes. */
size_t lk_text_width(const char *text);

/* A table, printed row by row. */
struct lk_table {
	size_t n_columns;
	size_t widths[LK_TABLE_COLUMNS_MAX]; /* of the widest cell so far */
};

/* Makes the columns wide enough for a row of safe texts. */
void lk_table_measure(struct lk_table *table, const char *const *cells);

/* Prints a row; the last column is not padded. */
void lk_table_print(const struct lk_table *table, const char *const *cells, FILE *out);
