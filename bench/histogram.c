/* SPDX-License-Identifier: MIT */
#include "bench/histogram.h"

#include <stdatomic.h>

#define STEP_BITS 5
#define STEPS (1u << STEP_BITS)

void lk_histogram_reset(struct lk_histogram *histogram)
{
	for (unsigned i = 0; i < LK_HISTOGRAM_BUCKETS; i++)
		atomic_store_explicit(&histogram->counts[i], 0, memory_order_relaxed);
}

static unsigned bucket_of(uint64_t ns)
{
	unsigned power;

	if (ns < STEPS)
		return (unsigned)ns;
	power = 63u - (unsigned)__builtin_clzll(ns);
	return (power - STEP_BITS + 1) * STEPS + (unsigned)(ns >> (power - STEP_BITS)) % STEPS;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * STEPS)
		return bucket;
	shift = bucket / STEPS - 1;
	return ((uint64_t)(STEPS + bucket % STEPS) << shift) + (UINT64_C(1) << shift) / 2;
}

void lk_histogram_add(struct lk_histogram *histogram, uint64_t ns)
{
	atomic_fetch_add_explicit(&histogram->counts[bucket_of(ns)], 1, memory_order_relaxed);
}

uint64_t lk_histogram_count(const struct lk_histogram *histogram)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < LK_HISTOGRAM_BUCKETS; i++)
		n += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
	return n;
}

uint64_t lk_histogram_quantile(const struct lk_histogram *histogram, double fraction)
{
	uint64_t n = lk_histogram_count(histogram);
	uint64_t rank = (uint64_t)(fraction * (double)n);
	uint64_t below = 0;

	if (n == 0)
		return 0;
	if (rank >= n)
		rank = n - 1;
	for (unsigned i = 0; i < LK_HISTOGRAM_BUCKETS; i++) {
		below += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
		if (below > rank)
			return value_of(i);
	}
	return 0;
}
