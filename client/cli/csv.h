/* SPDX-License-Identifier: MIT */
/* CSV as RFC 4180 has it, read strictly, piece by piece and within bounds.
 *
 * A record ends with LF or CRLF. A field that begins with a quote ends with one; between them a
 * quote is written twice, and commas and line ends are text. Any other place of a quote, a bare CR
 * and a NUL are errors, after which nothing more is read: what follows a misplaced quote may be
 * text of a stranger as well as a record. Space is text. libcsv would trim it, know no line numbers
 * and grow without a bound.
 */
#pragma once

#include "proto/wire/buf.h"

#define LK_CSV_FIELDS_MAX 64

enum lk_csv_step {
	LK_CSV_MORE,   /* what came is taken, and no record has ended */
	LK_CSV_RECORD, /* one has; it is there until the next call */
	LK_CSV_BROKEN, /* `why` tells what is wrong with the record */
};

struct lk_csv {
	struct lk_buf text;           /* the record's fields, a NUL behind each */
	size_t at[LK_CSV_FIELDS_MAX]; /* where each begins */
	size_t n_fields;
	uint32_t line;       /* that is being read, from 1 */
	uint32_t first_line; /* of the record */
	int state;
	const char *why; /* a literal */
};

/* Takes no memory yet. A record has at most so many bytes. */
void lk_csv_init(struct lk_csv *csv, size_t record_max);

/* Wipes and frees. */
void lk_csv_fini(struct lk_csv *csv);

/* Takes bytes off the front of the input: all of them, or up to the end of a record. */
enum lk_csv_step lk_csv_read(struct lk_csv *csv, struct lk_bytes *input);

/* The input is over. LK_CSV_RECORD for a last record without a line end, LK_CSV_MORE for none. */
enum lk_csv_step lk_csv_end(struct lk_csv *csv);

/* A field of the record, below n_fields. */
const char *lk_csv_field(const struct lk_csv *csv, size_t i);

/* Whether the record is an empty line. */
bool lk_csv_is_blank(const struct lk_csv *csv);

/* Appends a field, quoted where it must be, and a comma in front of all but the first. */
void lk_csv_put(struct lk_buf *out, const char *text, bool is_first);
