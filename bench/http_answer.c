/* SPDX-License-Identifier: MIT */
#include "bench/http_answer.h"

#include <strings.h>

#define STATUS_LINE_MIN 12 /* "HTTP/1.1 200" */
#define LENGTH_DIGITS_MAX 15

struct reader {
	struct lk_bench_answer answer;
	bool has_length;
	bool is_bad;
};

/* Digits of a status or a length; false when there are others, none or too many. */
static bool read_number(struct lk_bytes text, uint64_t *number_out)
{
	uint64_t number = 0;

	if (text.n == 0 || text.n > LENGTH_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text.data[i] - '0');
	}
	*number_out = number;
	return true;
}

/* `name` ends with its colon. */
static bool is_header(struct lk_bytes line, struct lk_bytes name, struct lk_bytes *value_out)
{
	if (line.n < name.n ||
		strncasecmp((const char *)line.data, (const char *)name.data, name.n) != 0)
		return false;
	line.data += name.n;
	line.n -= name.n;
	while (line.n > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
		line.data++;
		line.n--;
	}
	*value_out = line;
	return true;
}

static void read_header(struct reader *reader, struct lk_bytes line)
{
	struct lk_bytes value;

	/* Most lines are nobody's business; one look at the first letter tells. */
	switch (line.data[0] | 0x20) {
	case 'c':
		if (is_header(line, lk_bytes_of("Content-Length:"), &value)) {
			reader->has_length = true;
			reader->is_bad |= !read_number(value, &reader->answer.body_n);
		} else if (is_header(line, lk_bytes_of("Connection:"), &value)) {
			reader->answer.closes =
				value.n == 5 &&
				strncasecmp((const char *)value.data, "close", 5) == 0;
		}
		break;
	case 't':
		reader->is_bad |= is_header(line, lk_bytes_of("Transfer-Encoding:"), &value);
		break;
	case 'x':
		if (is_header(line, lk_bytes_of("X-Latchkey-Key:"), &value))
			reader->answer.key_id = value;
		break;
	default:
		break;
	}
}

static void read_status(struct reader *reader, struct lk_bytes line)
{
	uint64_t status = 0;

	if (line.n < STATUS_LINE_MIN || memcmp(line.data, "HTTP/1.1 ", 9) != 0 ||
		!read_number((struct lk_bytes) { line.data + 9, 3 }, &status))
		reader->is_bad = true;
	reader->answer.status = (unsigned)status;
}

/* Takes a line off the beginning of the bytes, without its CRLF; false when it has no end yet. */
static bool take_line(struct lk_bytes *bytes, struct lk_bytes *line_out)
{
	const uint8_t *end = bytes->n > 0 ? memchr(bytes->data, '\n', bytes->n) : NULL;
	struct lk_bytes line = { bytes->data, 0 };

	if (end == NULL)
		return false;
	line.n = (size_t)(end - line.data);
	bytes->data += line.n + 1;
	bytes->n -= line.n + 1;
	if (line.n > 0 && line.data[line.n - 1] == '\r')
		line.n--;
	*line_out = line;
	return true;
}

enum lk_bench_answer_state lk_bench_answer_read(
	struct lk_bytes bytes, struct lk_bench_answer *answer_out)
{
	struct reader reader = { 0 };
	struct lk_bytes left = bytes, line;

	if (!take_line(&left, &line))
		return LK_BENCH_ANSWER_SHORT;
	read_status(&reader, line);
	while (line.n > 0 && !reader.is_bad) {
		if (!take_line(&left, &line))
			return LK_BENCH_ANSWER_SHORT;
		if (line.n > 0)
			read_header(&reader, line);
	}
	if (reader.is_bad || (!reader.has_length && reader.answer.status != 204))
		return LK_BENCH_ANSWER_BAD;
	reader.answer.head_n = (size_t)(left.data - bytes.data);
	*answer_out = reader.answer;
	return LK_BENCH_ANSWER_READ;
}
