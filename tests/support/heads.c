/* SPDX-License-Identifier: MIT */
#include "tests/support/heads.h"

#include <stdlib.h>

struct lk_http_head head;

static enum lk_http_parsed parse_copy(struct lk_http_head *into, struct lk_bytes input, size_t n,
	struct lk_http_refusal *refusal_out)
{
	uint8_t *copy = malloc(n);
	enum lk_http_parsed parsed;

	CHECK(copy != NULL);
	memcpy(copy, input.data, n);
	parsed = lk_http_parse(into, (struct lk_bytes) { copy, n }, refusal_out);
	free(copy);
	return parsed;
}

unsigned status_of(struct lk_bytes input)
{
	static struct lk_http_head slow;
	struct lk_http_refusal refusal = { 0, "" }, slow_refusal = { 0, "" };
	enum lk_http_parsed parsed, slow_parsed = LK_HTTP_MORE;
	size_t n = 0;

	memset(&head, 0, sizeof head);
	memset(&slow, 0, sizeof slow);
	parsed = parse_copy(&head, input, input.n, &refusal);
	while (slow_parsed == LK_HTTP_MORE && n < input.n)
		slow_parsed = parse_copy(&slow, input, ++n, &slow_refusal);
	CHECK_EQ(slow_parsed, parsed);
	CHECK_EQ(slow_refusal.status, refusal.status);
	CHECK_STR(slow_refusal.why, refusal.why);
	CHECK_MEM(&slow, &head, sizeof head);
	CHECK((parsed == LK_HTTP_REFUSED) == (refusal.status >= 400));
	if (parsed == LK_HTTP_DONE)
		CHECK_EQ(head.n, n);
	return parsed == LK_HTTP_REFUSED ? refusal.status : parsed == LK_HTTP_MORE ? MORE : DONE;
}

void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned status = status_of(rows[i].input);

		if (status != rows[i].status)
			print_error("%.200s\n", (const char *)rows[i].input.data);
		CHECK_EQ(status, rows[i].status);
	}
}

struct lk_bytes filled(const char *before, char fill, size_t n, const char *after)
{
	static char text[4 * LK_HTTP_HEAD_MAX];
	char *end = stpcpy(text, before);

	CHECK(strlen(before) + n + strlen(after) < sizeof text);
	memset(end, fill, n);
	end = stpcpy(end + n, after);
	return (struct lk_bytes) { (const uint8_t *)text, (size_t)(end - text) };
}
