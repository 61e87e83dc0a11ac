/* SPDX-License-Identifier: MIT */
#include "client/cli/csv.h"

enum state {
	BEFORE_RECORD,
	BEFORE_FIELD,
	IN_PLAIN,
	IN_QUOTED,
	BEHIND_QUOTE, /* in a quoted field: its end, or the first of two */
	BEHIND_CR,
	BROKEN,
};

void lk_csv_init(struct lk_csv *csv, size_t record_max)
{
	*csv = (struct lk_csv) { .line = 1, .first_line = 1 };
	lk_buf_init(&csv->text, record_max);
}

void lk_csv_fini(struct lk_csv *csv)
{
	lk_buf_fini(&csv->text);
}

static enum state fail(struct lk_csv *csv, const char *why)
{
	csv->why = why;
	return BROKEN;
}

/* The field that is being read gets the next character. */
static enum state add(struct lk_csv *csv, uint8_t c, enum state next)
{
	if (c == '\0')
		return fail(csv, "has a NUL");
	lk_buf_u8(&csv->text, c);
	return csv->text.failed ? fail(csv, "the record is too long") : next;
}

static enum state begin_field(struct lk_csv *csv)
{
	if (csv->n_fields == LK_CSV_FIELDS_MAX)
		return fail(csv, "the record has too many fields");
	csv->at[csv->n_fields++] = csv->text.n;
	return IN_PLAIN;
}

static enum state end_field(struct lk_csv *csv, enum state next)
{
	lk_buf_u8(&csv->text, '\0');
	return csv->text.failed ? fail(csv, "the record is too long") : next;
}

/* Outside of quotes: of a plain field, or behind a quoted one. */
static enum state take_plain(struct lk_csv *csv, uint8_t c, bool is_quoted)
{
	switch (c) {
	case ',':
		return end_field(csv, BEFORE_FIELD);
	case '\n':
		return end_field(csv, BEFORE_RECORD);
	case '\r':
		return BEHIND_CR;
	case '"':
		return fail(csv, "a quote stands inside of a field that does not begin with one");
	default:
		return is_quoted ? fail(csv, "text stands behind the closing quote")
				 : add(csv, c, IN_PLAIN);
	}
}

static enum state take(struct lk_csv *csv, uint8_t c)
{
	switch ((enum state)csv->state) {
	case BEFORE_RECORD:
	case BEFORE_FIELD:
		if (begin_field(csv) == BROKEN)
			return BROKEN;
		return c == '"' ? IN_QUOTED : take_plain(csv, c, false);
	case IN_PLAIN:
		return take_plain(csv, c, false);
	case IN_QUOTED:
		return c == '"' ? BEHIND_QUOTE : add(csv, c, IN_QUOTED);
	case BEHIND_QUOTE:
		return c == '"' ? add(csv, c, IN_QUOTED) : take_plain(csv, c, true);
	case BEHIND_CR:
		return c == '\n' ? end_field(csv, BEFORE_RECORD)
				 : fail(csv, "a carriage return ends no line");
	case BROKEN:
		break;
	}
	return BROKEN;
}

static void forget_record(struct lk_csv *csv)
{
	lk_buf_reset(&csv->text);
	csv->n_fields = 0;
	csv->first_line = csv->line;
}

enum lk_csv_step lk_csv_read(struct lk_csv *csv, struct lk_bytes *input)
{
	if (csv->state == BEFORE_RECORD)
		forget_record(csv);
	while (input->n > 0 && csv->state != BROKEN) {
		uint8_t c = *input->data++;

		input->n--;
		csv->state = (int)take(csv, c);
		csv->line += c == '\n';
		if (csv->state == BEFORE_RECORD)
			return LK_CSV_RECORD;
	}
	return csv->state == BROKEN ? LK_CSV_BROKEN : LK_CSV_MORE;
}

enum lk_csv_step lk_csv_end(struct lk_csv *csv)
{
	switch ((enum state)csv->state) {
	case BEFORE_RECORD:
		forget_record(csv);
		return LK_CSV_MORE;
	case BEFORE_FIELD:
		csv->state = (int)begin_field(csv);
		break;
	case IN_QUOTED:
		csv->state = (int)fail(csv, "a quote is never closed");
		break;
	case BEHIND_CR:
		csv->state = (int)fail(csv, "a carriage return ends no line");
		break;
	case IN_PLAIN:
	case BEHIND_QUOTE:
	case BROKEN:
		break;
	}
	if (csv->state != BROKEN)
		csv->state = (int)end_field(csv, BEFORE_RECORD);
	return csv->state == BROKEN ? LK_CSV_BROKEN : LK_CSV_RECORD;
}

const char *lk_csv_field(const struct lk_csv *csv, size_t i)
{
	return (const char *)csv->text.data + csv->at[i];
}

bool lk_csv_is_blank(const struct lk_csv *csv)
{
	return csv->n_fields == 1 && csv->text.n == 1;
}

void lk_csv_put(struct lk_buf *out, const char *text, bool is_first)
{
	bool is_quoted = text[strcspn(text, "\",\r\n")] != '\0';

	if (!is_first)
		lk_buf_u8(out, ',');
	if (is_quoted)
		lk_buf_u8(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			lk_buf_u8(out, '"');
		lk_buf_u8(out, (uint8_t)*text);
	}
	if (is_quoted)
		lk_buf_u8(out, '"');
}
