/* SPDX-License-Identifier: MIT */
#include "proto/wire/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Enough for the requests and answers of a full frame of verifications. */
#define CHUNK_MIN ((size_t)16 * 1024)

struct lk_arena_chunk {
	struct lk_arena_chunk *older;
	size_t size;
	size_t used;
	alignas(max_align_t) uint8_t data[];
};

static unsigned long fail_countdown;
static bool fail_fired;

bool lk_alloc_fail_nth(unsigned long nth)
{
	bool fired = fail_fired;

	fail_countdown = nth;
	fail_fired = false;
	return fired;
}

static bool must_fail(void)
{
	if (fail_countdown == 0 || --fail_countdown > 0)
		return false;
	fail_fired = true;
	return true;
}

void *lk_alloc(size_t n)
{
	return must_fail() ? NULL : calloc(1, n);
}

void *lk_realloc(void *p, size_t n)
{
	return must_fail() ? NULL : realloc(p, n);
}

void lk_free(void *p)
{
	free(p);
}

void lk_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

static void *arena_alloc_cb(void *arg, size_t n)
{
	return lk_arena_alloc(arg, n);
}

static void arena_free_cb(void *arg, void *p)
{
	(void)arg;
	(void)p;
}

void lk_arena_init(struct lk_arena *arena, size_t cap)
{
	*arena = (struct lk_arena) {
		.allocator = { arena_alloc_cb, arena_free_cb, arena },
		.cap = cap,
	};
}

static struct lk_arena_chunk *add_chunk(struct lk_arena *arena, size_t n)
{
	size_t size = n > CHUNK_MIN ? n : CHUNK_MIN;
	struct lk_arena_chunk *chunk = must_fail() ? NULL : malloc(sizeof *chunk + size);

	if (chunk == NULL)
		return NULL;
	*chunk = (struct lk_arena_chunk) { .older = arena->chunk, .size = size };
	arena->chunk = chunk;
	return chunk;
}

void *lk_arena_alloc(struct lk_arena *arena, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct lk_arena_chunk *chunk = arena->chunk;
	void *p;

	if (n > arena->cap - arena->used)
		goto exhausted;
	n = (n + align - 1) / align * align;
	if (chunk == NULL || n > chunk->size - chunk->used)
		chunk = add_chunk(arena, n);
	if (chunk == NULL)
		goto exhausted;
	p = chunk->data + chunk->used;
	chunk->used += n;
	arena->used = n > arena->cap - arena->used ? arena->cap : arena->used + n;
	return p;
exhausted:
	arena->exhausted = true;
	return NULL;
}

void *lk_arena_calloc(struct lk_arena *arena, size_t count, size_t size)
{
	void *p;

	if (size > 0 && count > SIZE_MAX / size) {
		arena->exhausted = true;
		return NULL;
	}
	p = lk_arena_alloc(arena, count * size);
	if (p != NULL)
		memset(p, 0, count * size);
	return p;
}

char *lk_arena_strndup(struct lk_arena *arena, const char *text, size_t n)
{
	char *copy = lk_arena_alloc(arena, n + 1);

	if (copy != NULL) {
		if (n > 0)
			memcpy(copy, text, n);
		copy[n] = '\0';
	}
	return copy;
}

void lk_arena_reset(struct lk_arena *arena)
{
	while (arena->chunk != NULL && arena->chunk->older != NULL) {
		struct lk_arena_chunk *chunk = arena->chunk;

		arena->chunk = chunk->older;
		lk_wipe(chunk->data, chunk->used);
		free(chunk);
	}
	if (arena->chunk != NULL) {
		lk_wipe(arena->chunk->data, arena->chunk->used);
		arena->chunk->used = 0;
	}
	arena->used = 0;
	arena->exhausted = false;
}

void lk_arena_fini(struct lk_arena *arena)
{
	lk_arena_reset(arena);
	free(arena->chunk);
	arena->chunk = NULL;
}
