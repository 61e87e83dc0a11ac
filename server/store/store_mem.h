/* SPDX-License-Identifier: MIT */
/* The store in memory: the reference for what the calls of store.h mean, and what tests use. */
#pragma once

#include "server/store/store.h"

/* An empty store without a clock: its changes are committed `at` 0. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_store_mem_open(struct lk_store **store_out);

/* Forgets the changes up to and including seq. */
void lk_store_mem_trim(struct lk_store *store, uint64_t seq);
