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

/* Where a pipe comes from. All zeros stand for ipc, whose peers are trusted: of the limits only
 * that of all pipes applies to them, and they are never condemned. */
struct lk_pipe_address {
	uint8_t host[16]; /* IPv6, or IPv4 mapped into it */
	uint16_t port;
};

/* NULL when memory is short. */
struct lk_pipes *lk_pipes_new(const struct lk_pipes_options *options);
void lk_pipes_free(struct lk_pipes *pipes);

/* Takes a pipe in; false when there are too many. The id is not 0. */
LK_MUST_USE bool lk_pipes_add(
	struct lk_pipes *pipes, uint32_t id, const struct lk_pipe_address *address);

/* Forgets a pipe. Unknown ids are allowed, here and below. */
void lk_pipes_remove(struct lk_pipes *pipes, uint32_t id);

/* A frame came in. False when it is not to be served: the pipe is condemned, perhaps because of
 * this frame. Each enter, also a false one, needs its leave. */
LK_MUST_USE bool lk_pipes_enter(struct lk_pipes *pipes, uint32_t id);

/* What a frame was, before its answer is sent: so frames of a peer that waits for answers count in
 * their order. */
void lk_pipes_judge(struct lk_pipes *pipes, uint32_t id, bool is_malformed);

/* A frame was answered, or dropped. Too many malformed ones in a row condemn the pipe. */
void lk_pipes_leave(struct lk_pipes *pipes, uint32_t id);

/* From now on nothing of this pipe is served, and its connection is to be ended. */
void lk_pipes_condemn(struct lk_pipes *pipes, uint32_t id);
void lk_pipes_condemn_all(struct lk_pipes *pipes);
bool lk_pipes_is_condemned(struct lk_pipes *pipes, uint32_t id);

/* Time passes: condemns what is overdue. Writes the addresses of up to max condemned pipes, each
 * time until they are removed, and returns how many it wrote. */
size_t lk_pipes_tick(struct lk_pipes *pipes, struct lk_pipe_address *addresses_out, size_t max);

size_t lk_pipes_count(const struct lk_pipes *pipes);

/* How many have been condemned since the start. */
size_t lk_pipes_condemned(const struct lk_pipes *pipes);
