/* SPDX-License-Identifier: MIT */
/* Frames from this process: what a channel submits without a socket.
 *
 * The caller is whoever its credential says, as over tcp. Being in the process gives no rights but
 * those that the server's owner hands out with `caller`, to calls without a credential.
 */
#pragma once

#include "server/rpc/server.h"

struct lk_local;

/* frames_max: under way at the same time; more are refused with LK_RESOURCE_EXHAUSTED. `caller` is
 * copied; NULL: calls without a credential are nobody's. */
LK_MUST_USE struct lk_status lk_local_new(struct lk_server *server, const struct lk_caller *caller,
	size_t frames_max, struct lk_local **local_out);

/* When nothing is under way. NULL is allowed. */
void lk_local_free(struct lk_local *local);

/* Hands over a frame, whose bytes stay valid until `done` has run: exactly once, on any thread,
 * possibly before this returns. `local` is a struct lk_local. Thread-safe, never blocks. */
void lk_local_submit(void *local, struct lk_bytes frame,
	void (*done)(void *arg, struct lk_bytes reply), void *done_arg);
