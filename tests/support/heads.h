/* SPDX-License-Identifier: MIT */
/* Heads of requests, and what the parser makes of them. Each input is read in one piece and byte by
 * byte, from memory of its exact size, and both must come to the same.
 */
#pragma once

#include "client/bridge/http_parse.h"
#include "tests/support/check.h"

#define DONE 0
#define MORE 1 /* no status of a refusal */

#define INPUT(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define END "\r\n"

struct row {
	struct lk_bytes input;
	unsigned status;
};

extern struct lk_http_head head; /* of the last input */

/* DONE, MORE, or the status of the refusal. */
unsigned status_of(struct lk_bytes input);

/* A text of `before`, n times `fill`, and `after`; the next call overwrites it. */
struct lk_bytes filled(const char *before, char fill, size_t n, const char *after);

#define CHECK_ROWS(rows) check_rows(rows, LK_COUNT(rows))
void check_rows(const struct row *rows, size_t n);
