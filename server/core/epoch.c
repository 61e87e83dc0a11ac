/* SPDX-License-Identifier: MIT */
/* The argument, in C11's total order of sequentially consistent operations: a reader publishes
 * its epoch and then loads a shared pointer; a writer stores the pointer and then looks at the
 * epochs. If the writer does not see the reader's epoch, its look came first, so its store came
 * before the reader's load, and the reader can only have found the new object. A reader that
 * published a later epoch than the object's was begun after the pointer changed. Fences would
 * do the same, but thread sanitizers do not understand them.
 */
#include "server/core/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define CACHE_LINE 64

/* A reader's place; alone on its cache line, since it is written twice a frame. */
struct reader {
	alignas(CACHE_LINE) _Atomic uint64_t epoch; /* 0: not inside */
	atomic_bool taken;
};

static struct reader readers[LK_EPOCH_READERS_MAX];
static _Atomic uint64_t current_epoch = 1;
static alignas(CACHE_LINE) _Atomic uint64_t n_crowded; /* inside, without a place of their own */

static pthread_once_t exit_hook_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_hook;
static bool has_exit_hook;

static _Thread_local struct reader *own;
static _Thread_local unsigned depth;

static void release_reader(void *p)
{
	struct reader *reader = p;

	own = NULL;
	atomic_store(&reader->taken, false);
}

static void make_exit_hook(void)
{
	has_exit_hook = pthread_key_create(&exit_hook, release_reader) == 0;
}

/* NULL: all places are taken, or it could not be given back when the thread ends. */
static struct reader *take_reader(void)
{
	pthread_once(&exit_hook_once, make_exit_hook);
	if (!has_exit_hook)
		return NULL;
	for (size_t i = 0; i < LK_EPOCH_READERS_MAX; i++) {
		bool taken = false;

		if (!atomic_compare_exchange_strong(&readers[i].taken, &taken, true))
			continue;
		if (pthread_setspecific(exit_hook, &readers[i]) == 0)
			return &readers[i];
		atomic_store(&readers[i].taken, false);
		break;
	}
	return NULL;
}

void lk_epoch_enter(void)
{
	if (depth++ > 0)
		return;
	if (own == NULL)
		own = take_reader();
	if (own != NULL)
		atomic_store(&own->epoch, atomic_load(&current_epoch));
	else
		atomic_fetch_add(&n_crowded, 1);
}

void lk_epoch_leave(void)
{
	assert(depth > 0);
	if (--depth > 0)
		return;
	if (own != NULL)
		atomic_store_explicit(&own->epoch, 0, memory_order_release);
	else
		atomic_fetch_sub(&n_crowded, 1);
}

/* Objects retired in epochs before this one are out of every reader's sight. */
static uint64_t find_safe_epoch(void)
{
	uint64_t safe = atomic_load(&current_epoch);

	if (atomic_load(&n_crowded) > 0)
		return 0;
	for (size_t i = 0; i < LK_EPOCH_READERS_MAX; i++) {
		uint64_t epoch = atomic_load(&readers[i].epoch);

		if (epoch != 0 && epoch < safe)
			safe = epoch;
	}
	return safe;
}

static void free_before(struct lk_epoch_bin *bin, uint64_t safe)
{
	while (bin->n > 0 && bin->items[bin->first].epoch < safe) {
		unsigned i = bin->first;

		bin->first = (bin->first + 1) % LK_EPOCH_RETIRED_MAX;
		bin->n--;
		bin->items[i].free(bin->items[i].p);
	}
}

void lk_epoch_collect(struct lk_epoch_bin *bin)
{
	if (bin->n > 0)
		free_before(bin, find_safe_epoch());
}

void lk_epoch_drain(struct lk_epoch_bin *bin)
{
	assert(depth == 0); /* it would wait for itself */
	lk_epoch_collect(bin);
	while (bin->n > 0) {
		sched_yield();
		lk_epoch_collect(bin);
	}
}

void lk_epoch_retire(struct lk_epoch_bin *bin, void *p, lk_epoch_free_fn free)
{
	unsigned i;

	if (bin->n == LK_EPOCH_RETIRED_MAX)
		lk_epoch_drain(bin);
	i = (bin->first + bin->n++) % LK_EPOCH_RETIRED_MAX;
	bin->items[i].p = p;
	bin->items[i].free = free;
	bin->items[i].epoch = atomic_fetch_add(&current_epoch, 1);
}
