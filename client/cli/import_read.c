/* SPDX-License-Identifier: MIT */
#include "client/cli/import_read.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "client/cli/csv.h"
#include "client/cli/stop.h"
#include "proto/wire/json.h"
#include "proto/wire/message.h"
#include "proto/wire/utf8.h"

#define CHUNK ((size_t)64 << 10)
#define TICK_MS 100

/* What a column or member may be called to be named in an error. Hashes are longer, or have
 * characters that are not here. */
#define NAME_MAX_SHOWN 31
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_- .[]"

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the line needs too much memory")
#define WRONG(why_) LK_ERR(LK_INVALID_ARGUMENT, why_)

struct lk_import_file {
	int fd;
	enum lk_line_format format;
	const struct lk_line_kind *kind;
	uint8_t chunk[CHUNK];
	struct lk_bytes rest; /* of the chunk */
	uint64_t n_read;
	bool is_over; /* nothing more is read */
	bool is_complete;

	struct lk_buf text; /* of a JSON line */
	uint32_t line;      /* lines of JSON that were read */

	struct lk_csv csv;
	const ProtobufCFieldDescriptor *columns[LK_CSV_FIELDS_MAX];
	size_t n_columns; /* 0: the header was not read */
};

const struct lk_line_kind lk_user_lines = { &latchkey__cli__user_line__descriptor, "email" };
const struct lk_line_kind lk_key_lines = { &latchkey__cli__key_line__descriptor, "name" };

enum lk_line_format lk_line_format_of(const char *name)
{
	if (strcmp(name, "csv") == 0)
		return LK_LINES_CSV;
	return strcmp(name, "jsonl") == 0 ? LK_LINES_JSON : LK_LINES_UNKNOWN;
}

struct lk_status lk_import_open(int fd, enum lk_line_format format, const struct lk_line_kind *kind,
	struct lk_import_file **file_out)
{
	struct lk_import_file *file = lk_alloc(sizeof *file);

	if (file == NULL) {
		close(fd);
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	}
	memset(file, 0, sizeof *file);
	file->fd = fd;
	file->format = format;
	file->kind = kind;
	lk_buf_init(&file->text, LK_IMPORT_LINE_MAX);
	lk_csv_init(&file->csv, LK_IMPORT_LINE_MAX);
	*file_out = file;
	return LK_SUCCESS;
}

void lk_import_close(struct lk_import_file *file)
{
	if (file == NULL)
		return;
	close(file->fd);
	lk_buf_fini(&file->text);
	lk_csv_fini(&file->csv);
	lk_wipe(file->chunk, sizeof file->chunk);
	lk_free(file);
}

bool lk_import_is_complete(const struct lk_import_file *file)
{
	return file->is_complete;
}

uint64_t lk_import_position(const struct lk_import_file *file)
{
	return file->n_read - file->rest.n;
}

/* --- bytes --- */

/* As read(2). Of a pipe that stays empty a signal must be seen, even one that came just before. */
static ssize_t read_some(struct lk_import_file *file, size_t at)
{
	struct pollfd input = { .fd = file->fd, .events = POLLIN };
	ssize_t got = -1;

	while (got < 0 && !lk_stop_requested()) {
		if (poll(&input, 1, TICK_MS) <= 0)
			continue;
		got = read(file->fd, file->chunk + at, CHUNK - at);
		if (got < 0 && errno != EINTR)
			break;
	}
	return got;
}

/* Spreadsheets put a byte order mark in front of UTF-8. */
static ssize_t read_first(struct lk_import_file *file)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
	size_t n = 0;
	ssize_t got = 1;

	while (n < sizeof mark && got > 0) {
		got = read_some(file, n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return got;
	file->rest = (struct lk_bytes) { file->chunk, n };
	if (n >= sizeof mark && memcmp(file->chunk, mark, sizeof mark) == 0)
		file->rest = (struct lk_bytes) { file->chunk + sizeof mark, n - sizeof mark };
	return (ssize_t)n;
}

/* More bytes, unless some are left. LK_OUT_OF_RANGE: there are none, or a signal came. */
static struct lk_status fill(struct lk_import_file *file)
{
	ssize_t got = 0;

	/* One that was only a mark leaves nothing. */
	while (file->rest.n == 0 && !file->is_over) {
		bool is_first = file->n_read == 0;

		got = is_first ? read_first(file) : read_some(file, 0);
		file->is_over = got <= 0;
		if (got > 0 && !is_first)
			file->rest = (struct lk_bytes) { file->chunk, (size_t)got };
		file->n_read += got > 0 ? (uint64_t)got : 0;
	}
	if (file->rest.n > 0)
		return LK_SUCCESS;
	file->is_complete = got == 0;
	if (got < 0 && !lk_stop_requested())
		return WRONG("the file cannot be read");
	return LK_ERR(LK_OUT_OF_RANGE, "the file is over");
}

/* --- errors --- */

static const char *name_to_show(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_SHOWN && strspn(name, NAME_CHARACTERS) == n
		       ? name
		       : "(something that is no name)";
}

static void refuse(struct lk_import_line *line, struct lk_status st)
{
	line->message = NULL;
	line->status = st;
	if (st.field != NULL)
		line->status.field = name_to_show(st.field);
}

/* Nothing that follows is read. */
static void break_off(struct lk_import_file *file, struct lk_import_line *line, struct lk_status st)
{
	file->is_over = true;
	file->is_complete = false;
	file->rest.n = 0;
	refuse(line, st);
}

/* --- JSON --- */

/* Takes up to the end of a line, or what there is of it. Of a line that is too long only the end is
 * looked for. */
static bool take_line(struct lk_import_file *file)
{
	const uint8_t *end = memchr(file->rest.data, '\n', file->rest.n);
	size_t n = end != NULL ? (size_t)(end - file->rest.data) : file->rest.n;

	lk_buf_add(&file->text, file->rest.data, n);
	n += end != NULL;
	file->rest.data += n;
	file->rest.n -= n;
	return end != NULL;
}

static bool is_blank(const struct lk_buf *text)
{
	for (size_t i = 0; i < text->n; i++)
		if (text->data[i] != ' ' && text->data[i] != '\t' && text->data[i] != '\r')
			return false;
	return !text->failed;
}

static void parse_json(
	struct lk_import_file *file, struct lk_arena *arena, struct lk_import_line *line)
{
	ProtobufCMessage *message;
	struct lk_status st;

	if (file->text.failed) {
		refuse(line, WRONG("the line is too long"));
		return;
	}
	st = lk_json_parse(file->kind->line, (struct lk_bytes) { file->text.data, file->text.n },
		NULL, arena, &message);
	if (st.code == LK_OK)
		line->message = message;
	else
		refuse(line, st);
}

static bool next_json(
	struct lk_import_file *file, struct lk_arena *arena, struct lk_import_line *line)
{
	bool has_line;

	do {
		struct lk_status st = LK_SUCCESS;
		bool has_end = false;

		lk_buf_reset(&file->text);
		while (!has_end && (st = fill(file)).code == LK_OK)
			has_end = take_line(file);
		line->number = ++file->line;
		if (st.code == LK_INVALID_ARGUMENT) {
			break_off(file, line, st);
			return true;
		}
		/* The last line may lack its end; one that a signal has cut is none. */
		has_line = has_end || (file->is_complete && file->text.n > 0);
	} while (has_line && is_blank(&file->text));
	if (has_line)
		parse_json(file, arena, line);
	return has_line;
}

/* --- CSV --- */

/* LK_OUT_OF_RANGE when there is no further record. */
static struct lk_status next_record(struct lk_import_file *file)
{
	enum lk_csv_step step = LK_CSV_MORE;
	struct lk_status st;

	do {
		st = fill(file);
		if (st.code == LK_OK)
			step = lk_csv_read(&file->csv, &file->rest);
		else if (file->is_complete)
			step = lk_csv_end(&file->csv);
		if (step == LK_CSV_BROKEN)
			return WRONG(file->csv.why);
		if (step == LK_CSV_RECORD && !lk_csv_is_blank(&file->csv))
			return LK_SUCCESS;
	} while (st.code == LK_OK);
	return st;
}

static const ProtobufCFieldDescriptor *find_column(
	const ProtobufCMessageDescriptor *line, const char *name)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(line, name);

	return field != NULL ? field : lk_json_field(line, LK_JSON_NAMES_CANONICAL, name);
}

static struct lk_status read_header(struct lk_import_file *file, struct lk_arena *arena)
{
	const char *needed = file->kind->column;
	bool has_needed = false;

	for (size_t i = 0; i < file->csv.n_fields; i++) {
		const char *name = lk_csv_field(&file->csv, i);
		const ProtobufCFieldDescriptor *field = find_column(file->kind->line, name);
		const char *kept = lk_arena_strndup(arena, name, strlen(name));

		if (kept == NULL)
			return NO_MEMORY;
		if (field == NULL)
			return LK_BAD_FIELD(kept, "is no column that is known: the first line "
						  "names the columns");
		for (size_t k = 0; k < i; k++)
			if (file->columns[k] == field)
				return LK_BAD_FIELD(kept, "is a column that comes twice");
		file->columns[i] = field;
		has_needed = has_needed || strcmp(field->name, needed) == 0;
	}
	if (!has_needed)
		return LK_BAD_FIELD(needed, "is a column that must be there");
	file->n_columns = file->csv.n_fields;
	return LK_SUCCESS;
}

/* A list's values stand in one field, with spaces or semicolons between. */
static struct lk_status set_list(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	const char *text, struct lk_arena *arena)
{
	static const char separators[] = " ;";
	const char **items = lk_arena_calloc(arena, strlen(text) / 2 + 1, sizeof *items);
	size_t n = 0;

	if (items == NULL)
		return NO_MEMORY;
	for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
		size_t length = strcspn(text, separators);

		items[n] = lk_arena_strndup(arena, text, length);
		if (items[n++] == NULL)
			return NO_MEMORY;
		text += length;
	}
	return lk_json_set(message, field, LK_JSON_NAMES_CANONICAL, items, n, arena);
}

/* An empty field is one that was not given. */
static struct lk_status set_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	const char *text, struct lk_arena *arena)
{
	if (!lk_utf8_valid(lk_bytes_of(text)))
		return LK_BAD_FIELD(field->name, "is not UTF-8");
	if (text[0] == '\0')
		return LK_SUCCESS;
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return set_list(message, field, text, arena);
	return lk_json_set(message, field, LK_JSON_NAMES_CANONICAL, &text, 1, arena);
}

static struct lk_status read_record(
	struct lk_import_file *file, struct lk_arena *arena, ProtobufCMessage **message_out)
{
	ProtobufCMessage *message = lk_message_new(file->kind->line, arena);

	if (message == NULL)
		return NO_MEMORY;
	if (file->csv.n_fields != file->n_columns)
		return WRONG("the record has not as many fields as the header");
	for (size_t i = 0; i < file->n_columns; i++)
		LK_TRY(set_field(message, file->columns[i], lk_csv_field(&file->csv, i), arena));
	*message_out = message;
	return LK_SUCCESS;
}

static bool next_csv(
	struct lk_import_file *file, struct lk_arena *arena, struct lk_import_line *line)
{
	struct lk_status st = next_record(file);

	if (st.code == LK_OK && file->n_columns == 0) {
		st = read_header(file, arena);
		if (st.code == LK_OK)
			st = next_record(file);
	}
	line->number = file->csv.first_line;
	if (st.code == LK_OUT_OF_RANGE)
		return false;
	if (st.code != LK_OK) {
		break_off(file, line, st);
		return true;
	}
	st = read_record(file, arena, &line->message);
	if (st.code != LK_OK)
		refuse(line, st);
	return true;
}

bool lk_import_next(
	struct lk_import_file *file, struct lk_arena *arena, struct lk_import_line *line_out)
{
	*line_out = (struct lk_import_line) { .status = LK_SUCCESS };
	if (file->is_over && file->rest.n == 0)
		return false;
	return file->format == LK_LINES_CSV ? next_csv(file, arena, line_out)
					    : next_json(file, arena, line_out);
}
