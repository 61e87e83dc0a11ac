/* SPDX-License-Identifier: MIT */
/* The reader of CSV.
 *
 * Input: the text. Invariants: it has the same records and breaks at the same place when it comes
 * byte by byte; lines are counted; a record that is written reads as the same record.
 */
#include "client/cli/csv.h"
#include "tests/fuzz/fuzz.h"

#define RECORD_MAX 512

static void check_same(const struct lk_csv *a, const struct lk_csv *b)
{
	FUZZ_CHECK(a->n_fields == b->n_fields && a->n_fields > 0);
	for (size_t i = 0; i < a->n_fields; i++)
		FUZZ_CHECK(strcmp(lk_csv_field(a, i), lk_csv_field(b, i)) == 0);
}

static void check_written(const struct lk_csv *csv)
{
	struct lk_bytes input;
	struct lk_csv again;
	struct lk_buf out;

	lk_buf_init(&out, 4 * RECORD_MAX);
	for (size_t i = 0; i < csv->n_fields; i++)
		lk_csv_put(&out, lk_csv_field(csv, i), i == 0);
	lk_buf_u8(&out, '\n');
	FUZZ_CHECK(!out.failed);
	input = (struct lk_bytes) { out.data, out.n };
	lk_csv_init(&again, RECORD_MAX);
	FUZZ_CHECK(lk_csv_read(&again, &input) == LK_CSV_RECORD && input.n == 0);
	check_same(csv, &again);
	lk_csv_fini(&again);
	lk_buf_fini(&out);
}

/* The next step of a reader that is given one byte at a time. */
static enum lk_csv_step step_by_byte(struct lk_csv *csv, struct lk_bytes *input)
{
	enum lk_csv_step step = LK_CSV_MORE;

	while (input->n > 0 && step == LK_CSV_MORE) {
		struct lk_bytes one = { input->data, 1 };

		step = lk_csv_read(csv, &one);
		FUZZ_CHECK(one.n == 0);
		input->data++;
		input->n--;
	}
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes whole = { data, n }, bytes = { data, n };
	enum lk_csv_step step = LK_CSV_RECORD;
	struct lk_csv a, b;

	lk_csv_init(&a, RECORD_MAX);
	lk_csv_init(&b, RECORD_MAX);
	while (step == LK_CSV_RECORD) {
		bool is_over = whole.n == 0;

		step = is_over ? lk_csv_end(&a) : lk_csv_read(&a, &whole);
		FUZZ_CHECK(step == (is_over ? lk_csv_end(&b) : step_by_byte(&b, &bytes)));
		FUZZ_CHECK(whole.n == bytes.n && a.line == b.line && a.first_line <= a.line);
		if (step == LK_CSV_RECORD) {
			check_same(&a, &b);
			check_written(&a);
		}
		/* The rest of the text is the beginning of a last record. */
		if (step == LK_CSV_MORE && !is_over)
			step = LK_CSV_RECORD;
	}
	FUZZ_CHECK(step != LK_CSV_BROKEN || a.why == b.why);
	lk_csv_fini(&a);
	lk_csv_fini(&b);
	return 0;
}
