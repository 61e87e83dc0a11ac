/* SPDX-License-Identifier: MIT */
/* A verification load on one channel: closed loop, or open loop with intended start times. */
#pragma once

#include "bench/histogram.h"
#include "bench/keys.h"
#include "bench/pick.h"

struct lk_load {
	struct lk_channel *channel;
	const char *realm;
	const struct lk_bench_keys *keys;
	const struct lk_pick *pick;
	const struct lk_pick *pick_miss;
	unsigned miss_percent;
	bool once; /* closed loop: each key once, in order, however long it takes */
	unsigned in_flight;
	unsigned duration_ms;
	double per_second; /* open loop: calls started each second; 0: closed loop */
};

struct lk_load_result {
	double per_second;
	uint64_t answers;
	uint64_t wrong;  /* verdicts that are not what they should be: any makes the run void */
	uint64_t failed; /* calls that ended with an error status */
};

/* Runs the load and waits for every answer. Latencies of an open loop count from the intended
 * start, so that a stalled server cannot hide its queue.
 * LK_RESOURCE_EXHAUSTED when memory is short; otherwise LK_OK, with what went wrong counted. */
LK_MUST_USE struct lk_status lk_load_run(const struct lk_load *load, struct lk_histogram *histogram,
	struct lk_load_result *result_out);
