/* SPDX-License-Identifier: MIT */
/* Which key a call uses: uniform, or Zipf with exponent 0.99 as YCSB has it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lk_pick {
	uint64_t n; /* of items, at least 1 */
	bool is_zipf;
	double zeta_n, eta; /* of the Zipf distribution */
};

/* Costs O(n) for Zipf. */
void lk_pick_init(struct lk_pick *pick, uint64_t n, bool is_zipf);

/* An index below n. `state` is the caller's random state, any number to begin with. */
uint64_t lk_pick_next(const struct lk_pick *pick, uint64_t *state);

/* 64 random bits (splitmix64): fast, and good for nothing secret. */
uint64_t lk_pick_random(uint64_t *state);
