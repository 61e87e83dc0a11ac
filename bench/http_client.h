/* SPDX-License-Identifier: MIT */
/* A load over HTTP/1.1 on connections that are kept: closed loop, or open loop with intended start
 * times. It does as little as judging every answer allows, so that it is not what is measured.
 */
#pragma once

#include "bench/histogram.h"
#include "bench/http_requests.h"

#define LK_HTTP_THREADS_MAX 16

struct lk_http_load {
	const struct lk_bench_url *url;
	const struct lk_bench_requests *requests;
	bool lets_all_in; /* the server answers every request with 200 and names nobody */
	unsigned connections;
	unsigned pipeline; /* requests under way on each connection at most */
	unsigned threads;  /* no more than connections */
	unsigned duration_ms;
	double per_second; /* open loop: requests started each second; 0: closed loop */
};

struct lk_http_load_result {
	double per_second;
	double cpu; /* that the load itself took: 1 is one core */
	uint64_t answers;
	uint64_t wrong;    /* verdicts that are not what they should be: any makes the run void */
	uint64_t failed;   /* requests that were not answered: likewise */
	char problem[160]; /* what first was wrong; "" */
};

/* Waits until the server accepts a connection. LK_UNAVAILABLE  it does not within ten seconds */
LK_MUST_USE struct lk_status lk_http_wait(const struct lk_bench_url *url);

/* Connects, runs the load and waits for every answer, for ten seconds at most. Latencies of an open
 * loop count from the intended start, so that a stalled server cannot hide its queue. A connection
 * that the server closes after an answer, saying so, is opened again; with a pipeline a reset may
 * forestall that, and counts as a failure.
 * LK_UNAVAILABLE         no connection
 * LK_RESOURCE_EXHAUSTED  memory, descriptors or threads are short
 * Otherwise LK_OK, with what went wrong counted. */
LK_MUST_USE struct lk_status lk_http_load_run(const struct lk_http_load *load,
	struct lk_histogram *histogram, struct lk_http_load_result *result_out);
