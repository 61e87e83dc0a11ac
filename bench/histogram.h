/* SPDX-License-Identifier: MIT */
/* Latencies: a log-linear histogram that many threads fill without a lock.
 *
 * Each power of two is cut into 32 steps, so a value is known to about 3 %.
 */
#pragma once

#include <stdint.h>

#define LK_HISTOGRAM_BUCKETS (64 * 32)

struct lk_histogram {
	_Atomic uint64_t counts[LK_HISTOGRAM_BUCKETS];
};

void lk_histogram_reset(struct lk_histogram *histogram);
void lk_histogram_add(struct lk_histogram *histogram, uint64_t ns);
uint64_t lk_histogram_count(const struct lk_histogram *histogram);

/* The value below which `fraction` (0 to 1) of all values lie, in nanoseconds; 0 when empty. */
uint64_t lk_histogram_quantile(const struct lk_histogram *histogram, double fraction);
