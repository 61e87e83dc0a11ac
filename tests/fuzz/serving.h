/* SPDX-License-Identifier: MIT */
/* Submits one frame to a server in this process, waits for the answer and judges it. */
#pragma once

#include "server/rpc/server.h"
#include "tests/fuzz/fuzz.h"

/* A server of these bindings and what belongs to it, for one input after the other. */
struct fuzz_served {
	struct lk_server *server;
	const struct lk_binding *bindings;
	size_t n_bindings;
};

/* Ends the process unless
 * - the frame is answered exactly once, with a reply frame of at most LK_REPLY_FRAME_MAX bytes;
 * - the answer says `malformed` exactly when the bytes are no request frame, and refuses the
 *   whole frame then;
 * - else each call has one reply, or the frame is refused as a whole;
 * - an error has a reason in UTF-8, details that are ErrorDetails and no body, and OK has
 *   neither reason nor details, but a body of the method's response type. */
void fuzz_serve(const struct fuzz_served *served, struct lk_bytes frame, bool is_operator);
