/* SPDX-License-Identifier: MIT */
/* Memory of one request: a capped bump allocator, wiped and reused.
 *
 * Also the one door to malloc for every layer, so that tests can make any allocation fail.
 * An arena belongs to one thread at a time.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "proto/wire/types.h"

/* malloc, calloc-like zeroing included, and free. NULL when memory is short or when a test says
 * so. */
void *lk_alloc(size_t n);
void *lk_realloc(void *p, size_t n);
void lk_free(void *p);

/* Overwrites memory in a way the compiler keeps. */
void lk_wipe(void *p, size_t n);

/* Test hook: the nth allocation from now on fails (1 is the next), 0 turns it off. Returns
 * whether the fault that was set before has fired. Not thread-safe against allocations. */
bool lk_alloc_fail_nth(unsigned long nth);

struct lk_arena_chunk;

struct lk_arena {
	ProtobufCAllocator allocator; /* hands out arena memory; free does nothing */
	struct lk_arena_chunk *chunk; /* the one being filled; older ones hang off it */
	size_t used;                  /* bytes handed out since the last reset */
	size_t cap;
	bool exhausted; /* some allocation did not fit since the last reset */
};

/* Takes no memory yet. The arena must not move afterwards: its allocator points at it. */
void lk_arena_init(struct lk_arena *arena, size_t cap);

/* Memory aligned for any type and not zeroed; NULL, with `exhausted` set, above the cap or when
 * memory is short. */
void *lk_arena_alloc(struct lk_arena *arena, size_t n);

/* Zeroed memory for `count` items. */
void *lk_arena_calloc(struct lk_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy; NULL as lk_arena_alloc. */
char *lk_arena_strndup(struct lk_arena *arena, const char *text, size_t n);

/* Wipes what was handed out and keeps the first chunk for reuse. */
void lk_arena_reset(struct lk_arena *arena);

/* Wipes and frees everything; the arena may be used again. */
void lk_arena_fini(struct lk_arena *arena);
