/* SPDX-License-Identifier: MIT */
/* A file, line by line, in memory that does not grow with it: an object of JSON a line, or CSV
 * whose first line names the columns. Members and columns are the fields of a message, under either
 * of the names that ProtoJSON gives them.
 */
#pragma once

#include "client/cli/lines.pb-c.h"
#include "proto/wire/arena.h"
#include "proto/wire/status.h"

/* A longer line is refused; of CSV, the record. */
#define LK_IMPORT_LINE_MAX ((size_t)64 << 10)

enum lk_line_format {
	LK_LINES_UNKNOWN,
	LK_LINES_CSV,
	LK_LINES_JSON,
};

/* "csv", "jsonl"; LK_LINES_UNKNOWN for any other. */
enum lk_line_format lk_line_format_of(const char *name);

/* One line. What is wrong with it is told by texts that hold nothing of it, but for the name of a
 * member or column, and that only if it looks like a name: where the header is missing, or a
 * program went wrong, a hash may stand in its place. */
struct lk_import_line {
	uint32_t number;           /* of the file's lines, from 1; of a record, the first */
	ProtobufCMessage *message; /* in the arena; NULL when it cannot be read */
	struct lk_status status;   /* why not: LK_INVALID_ARGUMENT, with the field if one */
};

struct lk_import_file;

/* What the lines are. */
struct lk_line_kind {
	const ProtobufCMessageDescriptor *line;
	const char *column; /* that CSV must have */
};
extern const struct lk_line_kind lk_user_lines, lk_key_lines;

/* Takes over the descriptor, also when it fails: LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_import_open(int fd, enum lk_line_format format,
	const struct lk_line_kind *kind, struct lk_import_file **file_out);

/* Reads the next line that is not blank; false when there is none. */
bool lk_import_next(
	struct lk_import_file *file, struct lk_arena *arena, struct lk_import_line *line_out);

/* Whether the end of the file was reached. It is not after a signal (stop.h), an error of reading,
 * a header that names unknown columns, or CSV that is broken; all but the first are told by the
 * last line. */
bool lk_import_is_complete(const struct lk_import_file *file);

/* Bytes read so far. */
uint64_t lk_import_position(const struct lk_import_file *file);

/* NULL is allowed. */
void lk_import_close(struct lk_import_file *file);
