/* SPDX-License-Identifier: MIT */
/* The head of an HTTP/1.1 answer, read as far as a load needs it. */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

struct lk_bench_answer {
	size_t head_n; /* bytes up to the body */
	unsigned status;
	uint64_t body_n;
	struct lk_bytes key_id; /* of X-Latchkey-Key, in the bytes that were read; n 0: none */
	bool closes;            /* the connection, afterwards */
};

enum lk_bench_answer_state {
	LK_BENCH_ANSWER_READ,
	LK_BENCH_ANSWER_SHORT, /* more bytes are needed */
	LK_BENCH_ANSWER_BAD,   /* not HTTP/1.1, or its end cannot be told: no Content-Length */
};

/* Reads the head at the beginning of the bytes; the answer is good with _READ only. */
enum lk_bench_answer_state lk_bench_answer_read(
	struct lk_bytes bytes, struct lk_bench_answer *answer_out);
