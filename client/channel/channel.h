/* SPDX-License-Identifier: MIT */
/* Channels: how stubs reach a server, over nng or inside one process.
 *
 * Calls of one lane share frames. The first call is sent at once; while a window of frames is in
 * flight, further calls collect, and each reply releases the next frame. One caller sees no
 * added delay, a thousand concurrent callers pay the transport once per frame.
 *
 * Every call has a deadline, and waiting in the channel counts. A call is tried again, at most
 * LK_ATTEMPTS_MAX times and within its deadline, when the connection was lost or the server was
 * UNAVAILABLE, or RESOURCE_EXHAUSTED with a delay. What changes something carries an idempotency
 * key, the same at each try, so that it happens once; after its first try it ends five minutes
 * after it was made at the latest, while the server still knows it.
 *
 * Statuses that come from the channel itself:
 *
 * LK_INVALID_ARGUMENT    the request exceeds 60 KiB, or an option is out of its range
 * LK_DEADLINE_EXCEEDED   no connection, or no answer, before the deadline
 * LK_UNAVAILABLE         no connection within connect_timeout_ms, or it was lost after sending:
 *                        whether the call took effect is unknown
 * LK_RESOURCE_EXHAUSTED  pending_max calls are outstanding, or memory is short
 * LK_INTERNAL            the server's answer is malformed
 * LK_CANCELLED           the channel was closed
 *
 * A call may have a credential of its own (lk_call_options). It travels alone in its frame, and
 * takes its turn with the others.
 *
 * A channel is thread-safe. Completions run on the transport's threads, on the channel's timer
 * thread or on the thread that makes a call, never under a lock; they must not block and must
 * not close the channel. Calls that they make leave together, when the last of them returned.
 */
#pragma once

#include "proto/wire/rpc.h"

#define LK_WINDOW_DEFAULT 4
#define LK_WINDOW_MAX 64
#define LK_PENDING_MAX_DEFAULT 65536
#define LK_ATTEMPTS_MAX 5

struct lk_channel_options {
	const char *url;             /* tcp://HOST:PORT, ipc://PATH */
	struct lk_bytes credential;  /* the service key, or empty; copied, wiped at close */
	unsigned window;             /* frames in flight per lane; 0: LK_WINDOW_DEFAULT */
	size_t pending_max;          /* calls outstanding per lane; 0: LK_PENDING_MAX_DEFAULT */
	uint32_t connect_timeout_ms; /* a call fails when there is no connection for so long;
				      * 0: it waits until its deadline */
};

/* Opens a channel and connects in the background; a lost connection is made again. Closing it
 * cancels all calls at once and then waits, at most 250 ms, for answers on their way, because
 * nng 1.5.2 does not bear a connection that closes while a message comes in.
 *
 * LK_INVALID_ARGUMENT    a URL of another form, a credential above 512 bytes, a large window
 * LK_RESOURCE_EXHAUSTED  memory or threads are short
 */
LK_MUST_USE struct lk_status lk_channel_open(
	const struct lk_channel_options *options, struct lk_channel **channel_out);

struct lk_inproc_options {
	lk_submit_fn submit; /* the server's; must answer every frame, also when it stops */
	void *submit_arg;
	struct lk_bytes credential;
	unsigned window;
	size_t pending_max;
};

/* Opens a channel to a server in this process: the same frames, handed over as a function call.
 * Closing waits for the answers of what was submitted. Codes as lk_channel_open. */
LK_MUST_USE struct lk_status lk_channel_open_inproc(
	const struct lk_inproc_options *options, struct lk_channel **channel_out);

/* What a channel has done since it was opened. */
struct lk_channel_counters {
	uint64_t calls;    /* made by callers */
	uint64_t sent;     /* calls in frames, tries again included */
	uint64_t frames;   /* sent */
	uint64_t retries;  /* calls put aside for another try */
	uint64_t connects; /* connections made */
};

/* Takes the locks of all lanes in turn. Only for channels opened by the functions above. */
void lk_channel_count(struct lk_channel *channel, struct lk_channel_counters *counters_out);
