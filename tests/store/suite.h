/* SPDX-License-Identifier: MIT */
/* What every driver of the store must do. */
#pragma once

#include "tests/store/words.h"

struct store_factory {
	/* A fresh, empty store. */
	struct lk_store *(*open)(void);
	/* Closes it and removes what it left behind. */
	void (*destroy)(struct lk_store *store);
	/* Forgets all changes but the last one, whose number is seq. */
	void (*trim)(struct lk_store *store, uint64_t seq);
};

/* Runs all tests; the number of failures. */
int run_store_suite(const struct store_factory *factory);

/* Does the same seeded sequence of random commits and reads on both and fails on the first
 * difference. */
void compare_stores(struct lk_store *a, struct lk_store *b, uint32_t seed, size_t n_steps);
