/* SPDX-License-Identifier: MIT */
/* An exchange whose head was really parsed, for tests of what reads one. */
#pragma once

#include <stdio.h>

#include "client/bridge/http.h"
#include "tests/support/check.h"

struct test_exchange {
	struct lk_http_exchange exchange;
	struct lk_http_head head;
	struct lk_http_peer peer;
	struct lk_arena arena;
	uint8_t bytes[LK_HTTP_HEAD_MAX];
};

/* `head` is a whole one, up to and with its empty line. */
static inline void exchange_open_bytes(struct test_exchange *test, struct lk_bytes head)
{
	struct lk_http_refusal refusal;

	*test = (struct test_exchange) { 0 };
	CHECK(head.n <= sizeof test->bytes);
	memcpy(test->bytes, head.data, head.n);
	lk_arena_init(&test->arena, (size_t)1 << 20);
	test->exchange = (struct lk_http_exchange) {
		.head = &test->head,
		.head_bytes = { test->bytes, head.n },
		.peer = &test->peer,
		.arena = &test->arena,
	};
	CHECK_EQ(lk_http_parse(&test->head, test->exchange.head_bytes, &refusal), LK_HTTP_DONE);
}

/* `GET /` with these lines, each "Name: value\r\n". */
static inline void exchange_open(struct test_exchange *test, const char *method, const char *lines)
{
	uint8_t head[LK_HTTP_HEAD_MAX];
	int n = snprintf(
		(char *)head, sizeof head, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, lines);

	CHECK(n > 0 && (size_t)n < sizeof head);
	exchange_open_bytes(test, (struct lk_bytes) { head, (size_t)n });
}

static inline void exchange_close(struct test_exchange *test)
{
	lk_arena_fini(&test->arena);
}

/* What a buffer holds is this text. */
static inline void check_buf(const struct lk_buf *buf, const char *expected)
{
	CHECK(!buf->failed);
	CHECK_EQ(buf->n, strlen(expected));
	CHECK_MEM(buf->data, expected, buf->n);
}
