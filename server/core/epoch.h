/* SPDX-License-Identifier: MIT */
/* Epochs: when may memory that lock-free readers might still see be freed?
 *
 * Readers wrap what they do in enter and leave. A writer first makes the old object unreachable,
 * then retires it; it is freed once every reader that was inside at that moment has left. Shared
 * pointers must be stored and loaded sequentially consistent for this to hold.
 *
 * The readers' slots belong to the process. A thread takes one on its first enter and gives it
 * back when it ends; threads beyond LK_EPOCH_READERS_MAX share a counter, which is correct but
 * delays freeing while any of them is inside.
 */
#pragma once

#include <stdint.h>

#define LK_EPOCH_READERS_MAX 128
#define LK_EPOCH_RETIRED_MAX 256

/* Enter and leave nest. Neither allocates, blocks or fails. What is in between must be short: it
 * holds up freeing, and at worst the writer. */
void lk_epoch_enter(void);
void lk_epoch_leave(void);

typedef void (*lk_epoch_free_fn)(void *p);

/* One writer's retired objects, oldest first. Zero-initialised it is empty. One thread at a time.
 */
struct lk_epoch_bin {
	struct {
		void *p;
		lk_epoch_free_fn free;
		uint64_t epoch;
	} items[LK_EPOCH_RETIRED_MAX];
	unsigned first;
	unsigned n;
};

/* Frees p later, in the order of retirement. When the bin is full it waits for the readers that
 * are inside. Needs no memory. */
void lk_epoch_retire(struct lk_epoch_bin *bin, void *p, lk_epoch_free_fn free);

/* Frees what no reader can see any more, without waiting. */
void lk_epoch_collect(struct lk_epoch_bin *bin);

/* Waits for the readers that are inside and frees everything. Never inside enter and leave. */
void lk_epoch_drain(struct lk_epoch_bin *bin);
