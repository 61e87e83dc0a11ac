/* SPDX-License-Identifier: MIT */
#include "client/cli/csv.h"

#include <stdio.h>

#include "tests/support/check.h"

#define RECORD_MAX 64

/* Appends what a step found: "a|b (line)" for a record, "! why" where it broke. */
static void tell(struct lk_buf *out, const struct lk_csv *csv, enum lk_csv_step step)
{
	if (step == LK_CSV_MORE)
		return;
	if (step == LK_CSV_BROKEN) {
		lk_buf_add(out, "!", 1);
		lk_buf_add(out, csv->why, strlen(csv->why));
		return;
	}
	for (size_t i = 0; i < csv->n_fields; i++) {
		const char *field = lk_csv_field(csv, i);

		lk_buf_add(out, i > 0 ? "|" : "", i > 0);
		lk_buf_add(out, field, strlen(field));
	}
	lk_buf_u8(out, '@');
	lk_buf_u8(out, (uint8_t)('0' + csv->first_line));
	lk_buf_u8(out, ' ');
}

/* Reads a text whose pieces are so long; the result is a text that the caller frees. */
static void read_pieces(struct lk_bytes text, size_t piece, struct lk_buf *out)
{
	enum lk_csv_step step = LK_CSV_MORE;
	struct lk_csv csv;

	lk_csv_init(&csv, RECORD_MAX);
	while (text.n > 0 && step != LK_CSV_BROKEN) {
		struct lk_bytes input = { text.data, text.n < piece ? text.n : piece };

		text.data += input.n;
		text.n -= input.n;
		while (input.n > 0 && step != LK_CSV_BROKEN) {
			step = lk_csv_read(&csv, &input);
			tell(out, &csv, step);
		}
	}
	if (step != LK_CSV_BROKEN)
		tell(out, &csv, lk_csv_end(&csv));
	lk_buf_u8(out, '\0');
	lk_csv_fini(&csv);
}

static void check_text(struct lk_bytes text, const char *expected)
{
	for (size_t piece = 1; piece <= text.n + 1; piece++) {
		struct lk_buf found;

		lk_buf_init(&found, 4096);
		read_pieces(text, piece, &found);
		CHECK(!found.failed);
		CHECK_STR((const char *)found.data, expected);
		lk_buf_fini(&found);
	}
}

TEST(a_text_has_the_same_records_however_it_is_cut)
{
	static const struct {
		const char *text;
		const char *records;
	} cases[] = {
		{ "", "" },
		{ "a", "a@1 " },
		{ "a\n", "a@1 " },
		{ "a\r\nb", "a@1 b@2 " },
		{ "a,b\nc,d\n", "a|b@1 c|d@2 " },
		{ ",\n", "|@1 " },
		{ "a,", "a|@1 " },
		{ "\n", "@1 " },
		{ "\n\na", "@1 @2 a@3 " },
		{ "\r\n", "@1 " },
		{ "\"\"", "@1 " },
		{ "\"a\"", "a@1 " },
		{ "\"a,b\",c", "a,b|c@1 " },
		{ "\"a \"\"b\"\"\"\n", "a \"b\"@1 " },
		{ "\"a\nb\",c\nd", "a\nb|c@1 d@3 " },
		{ "\"a\r\nb\"\r\nd\r\n", "a\r\nb@1 d@3 " },
		{ " a , b ", " a | b @1 " },
		{ "\"a\",\"\",\"b\"\n", "a||b@1 " },
		{ "a;b\tc'd\n", "a;b\tc'd@1 " },
		{ "\xc3\xa4,\xff\n", "\xc3\xa4|\xff@1 " },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++)
		check_text(lk_bytes_of(cases[i].text), cases[i].records);
}

TEST(what_is_no_csv_breaks_where_it_stands)
{
	static const struct {
		const char *text;
		const char *found;
	} cases[] = {
		{ "a\"b\nc", "!a quote stands inside of a field that does not begin with one" },
		{ "ok\n \"a\"\n",
			"ok@1 !a quote stands inside of a field that does not begin with one" },
		{ "\"a\"b\nc", "!text stands behind the closing quote" },
		{ "\"a\" ,b", "!text stands behind the closing quote" },
		{ "\"a", "!a quote is never closed" },
		{ "\"a\"\"", "!a quote is never closed" },
		{ "\"", "!a quote is never closed" },
		{ "a\rb\n", "!a carriage return ends no line" },
		{ "a\r\r\n", "!a carriage return ends no line" },
		{ "a\r", "!a carriage return ends no line" },
		{ "\"a\"\r,", "!a carriage return ends no line" },
	};
	static const uint8_t nul[] = { 'a', 0, 'b' };
	static const uint8_t quoted_nul[] = { '"', 0, '"' };

	for (size_t i = 0; i < LK_COUNT(cases); i++)
		check_text(lk_bytes_of(cases[i].text), cases[i].found);
	check_text((struct lk_bytes) { nul, sizeof nul }, "!has a NUL");
	check_text((struct lk_bytes) { quoted_nul, sizeof quoted_nul }, "!has a NUL");
}

TEST(a_record_is_bounded_in_bytes_and_fields)
{
	char text[RECORD_MAX + 2];
	char found[RECORD_MAX + 16];

	memset(text, 'a', sizeof text);
	snprintf(found, sizeof found, "%.*s@1 ", RECORD_MAX - 1, text);
	check_text((struct lk_bytes) { (const uint8_t *)text, RECORD_MAX - 1 }, found);
	check_text(
		(struct lk_bytes) { (const uint8_t *)text, RECORD_MAX }, "!the record is too long");
	check_text((struct lk_bytes) { (const uint8_t *)text, sizeof text },
		"!the record is too long");
	memset(text, ',', sizeof text);
	memset(found, '|', sizeof found);
	memcpy(found + LK_CSV_FIELDS_MAX - 1, "@1 ", sizeof "@1 ");
	check_text((struct lk_bytes) { (const uint8_t *)text, LK_CSV_FIELDS_MAX - 1 }, found);
	check_text((struct lk_bytes) { (const uint8_t *)text, LK_CSV_FIELDS_MAX },
		"!the record has too many fields");
}

TEST(an_empty_line_is_told_from_an_empty_field)
{
	static const struct {
		const char *text;
		bool is_blank;
	} cases[] = { { "\n", true }, { "\r\n", true }, { ",\n", false }, { " \n", false } };

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct lk_bytes input = lk_bytes_of(cases[i].text);
		struct lk_csv csv;

		lk_csv_init(&csv, RECORD_MAX);
		CHECK_EQ(lk_csv_read(&csv, &input), LK_CSV_RECORD);
		CHECK_EQ(lk_csv_is_blank(&csv), cases[i].is_blank);
		lk_csv_fini(&csv);
	}
}

TEST(what_is_written_reads_as_it_was)
{
	static const char *const fields[] = { "", "plain", " spaced ", "a,b", "say \"hi\"", "\"",
		"two\nlines", "two\r\nlines", "\r", "=1+1", "\xc3\xa4" };
	struct lk_bytes input;
	struct lk_buf out;
	struct lk_csv csv;

	lk_buf_init(&out, 4096);
	for (size_t i = 0; i < LK_COUNT(fields); i++)
		lk_csv_put(&out, fields[i], i == 0);
	lk_buf_u8(&out, '\n');
	input = (struct lk_bytes) { out.data, out.n };
	lk_csv_init(&csv, 4096);
	CHECK_EQ(lk_csv_read(&csv, &input), LK_CSV_RECORD);
	CHECK_EQ(input.n, 0);
	CHECK_EQ(csv.n_fields, LK_COUNT(fields));
	for (size_t i = 0; i < LK_COUNT(fields); i++)
		CHECK_STR(lk_csv_field(&csv, i), fields[i]);
	lk_csv_fini(&csv);
	lk_buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_text_has_the_same_records_however_it_is_cut),
		RUN(what_is_no_csv_breaks_where_it_stands),
		RUN(a_record_is_bounded_in_bytes_and_fields),
		RUN(an_empty_line_is_told_from_an_empty_field),
		RUN(what_is_written_reads_as_it_was),
	};

	return RUN_ALL(tests);
}
