/* SPDX-License-Identifier: MIT */
#include "bench/pick.h"

#include <math.h>

/* Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994. */
#define THETA 0.99

static double zeta(uint64_t n)
{
	double sum = 0;

	for (uint64_t i = 1; i <= n; i++)
		sum += 1 / pow((double)i, THETA);
	return sum;
}

void lk_pick_init(struct lk_pick *pick, uint64_t n, bool is_zipf)
{
	*pick = (struct lk_pick) { .n = n, .is_zipf = is_zipf && n > 2 };
	if (!pick->is_zipf)
		return;
	pick->zeta_n = zeta(n);
	pick->eta = (1 - pow(2.0 / (double)n, 1 - THETA)) / (1 - zeta(2) / pick->zeta_n);
}

uint64_t lk_pick_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t lk_pick_next(const struct lk_pick *pick, uint64_t *state)
{
	uint64_t bits = lk_pick_random(state);
	uint64_t rank;
	double u;

	if (!pick->is_zipf)
		return bits % pick->n;
	u = (double)(bits >> 11) * 0x1p-53;
	if (u * pick->zeta_n < 1)
		rank = 0;
	else if (u * pick->zeta_n < 1 + pow(0.5, THETA))
		rank = 1;
	else
		rank = (uint64_t)((double)pick->n *
				  pow(pick->eta * u - pick->eta + 1, 1 / (1 - THETA)));
	return rank < pick->n ? rank : pick->n - 1;
}
