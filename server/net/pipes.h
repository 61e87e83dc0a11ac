/* SPDX-License-Identifier: MIT */
/* The connections of all listeners: how many, from where, and how they behave.
 *
 * Knows no nng; a pipe is its id. Connecting and leaving take a lock, frames take none. Time is
 * counted in ticks, so that a frame need not ask the clock. All calls are thread-safe.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

/* Frames in a row that were none, until a pipe is closed. */
#define LK_PIPE_MALFORMED_MAX 3

struct lk_pipes;

struct lk_pipes_options {
	size_t max;
	size_t per_address_max;
	size_t frames_max;     /* under way, of one pipe */
	unsigned silent_ticks; /* until the first frame */
	unsigned idle_ticks;   /* since the last frame */
};

/* A remote address; all zeros stands for ipc, where neither the limit per address nor those of
 * silence and idleness apply. */
struct lk_pipe_address {
	uint8_t bytes[16];
};

/* NULL when memory is short. */
struct lk_pipes *lk_pipes_new(const struct lk_pipes_options *options);
void lk_pipes_free(struct lk_pipes *pipes);

/* Takes a pipe in; false when there are too many. The id is not 0. */
LK_MUST_USE bool lk_pipes_add(
	struct lk_pipes *pipes, uint32_t id, const struct lk_pipe_address *address);

/* Forgets a pipe. Unknown ids are allowed, here and below. */
void lk_pipes_remove(struct lk_pipes *pipes, uint32_t id);

/* A frame came in, or was answered. False when the pipe has to be closed: too many frames under
 * way, or too many that were none. Each enter, also a false one, needs its leave. */
LK_MUST_USE bool lk_pipes_enter(struct lk_pipes *pipes, uint32_t id);
LK_MUST_USE bool lk_pipes_leave(struct lk_pipes *pipes, uint32_t id, bool was_malformed);

/* Time passes: one tick. Returns how many pipes are overdue and writes up to max of their ids. */
size_t lk_pipes_tick(struct lk_pipes *pipes, uint32_t *ids_out, size_t max);

size_t lk_pipes_count(const struct lk_pipes *pipes);
