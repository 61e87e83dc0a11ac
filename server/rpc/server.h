/* SPDX-License-Identifier: MIT */
/* The server runtime: takes request frames from any transport and answers each of them.
 *
 * It knows no service. Bindings say which methods exist, an authorizer says who calls and for whom,
 * and lanes say where a method runs: FAST in the thread that submits, CRYPTO, READ and HASH on
 * bounded pools, WRITE on the committer. What needs a signature to be verified first goes through
 * the pool of CRYPTO, whatever its lane. Every frame is answered exactly once, also when it is
 * refused.
 */
#pragma once

#include "proto/wire/rpc.h"
#include "server/crypto/crypto.h"
#include "server/rpc/caller.h"
#include "server/store/committer.h"

struct lk_server;

/* A lane with a pool of its own. */
struct lk_lane_size {
	unsigned workers; /* 0: 1 */
	unsigned queue;   /* frames that wait at most; 0: 32 */
	int nice;         /* of its threads: 0 to 19, the least urgent */
};

/* What an observer sees of a finished call. */
struct lk_call_outcome {
	const struct lk_method *method; /* NULL: no such method */
	const struct lk_caller *caller; /* NULL: unknown, or without a credential */
	const char *traceparent;        /* "" when none was sent */
	struct lk_status status;
	uint64_t duration_us; /* since the frame came in */
};

struct lk_server_options {
	const struct lk_binding *bindings; /* they and what they point at outlive the server */
	size_t n_bindings;

	/* NULL: everyone may call; then no method may name a scope. */
	const struct lk_authorizer *authorizer;

	/* NULL: the WRITE lane is a pool of one worker and its calls have no transaction. */
	struct lk_committer *committer;

	/* By lane. FAST is not looked at; of WRITE with a committer only `queue` is: how many
	 * frames may be under way. */
	struct lk_lane_size lanes[LK_LANES];

	/* Under which the answers of calls with an idempotency key are recorded. NULL: they are
	 * not. */
	const struct lk_peppers *peppers;

	size_t arena_max; /* memory of one call; 0: 1 MiB */

	lk_time_ms (*now)(void);   /* the wall clock */
	uint64_t (*mono_us)(void); /* the monotonic clock, in microseconds */

	/* Called once for each call, before the reply leaves, on the thread that ran it, and once,
	 * without a method, for a frame that was refused as a whole. Must not block. May be NULL.
	 */
	void (*on_call)(void *arg, const struct lk_call_outcome *outcome);
	void *arg;
};

/* LK_INVALID_ARGUMENT    two methods with one number
 * LK_FAILED_PRECONDITION a scope that the authorizer does not know
 * LK_RESOURCE_EXHAUSTED  no memory or no threads */
LK_MUST_USE struct lk_status lk_server_new(
	const struct lk_server_options *options, struct lk_server **server_out);

/* From now on every new frame is refused with LK_UNAVAILABLE. Waits until those under way are
 * answered, at most timeout_ms; returns whether all are. */
bool lk_server_drain(struct lk_server *server, uint32_t timeout_ms);

/* Drains without a limit (what still waits in a queue is refused), ends the threads and frees.
 * The committer must be alive until then. NULL is allowed. */
void lk_server_free(struct lk_server *server);

bool lk_server_is_draining(const struct lk_server *server);

/* Frames that slow lanes can hold at the same time: queued, running and being committed. A
 * transport needs more works than that, or FAST calls wait for slow ones. */
size_t lk_server_slow_frames_max(const struct lk_server *server);

/* --- for handlers --- */

/* Runs a change through the committer and waits for its commit: for handlers of lanes with a pool,
 * whose WRITE part this is. `run` fills in the response and may run more than once. The call's
 * idempotency key applies: when an answer was recorded under it, `run` is not called and that
 * answer is sent. Codes as lk_committer_run and as `run`. */
LK_MUST_USE struct lk_status lk_call_commit(struct lk_call *call,
	struct lk_status (*run)(void *arg, struct lk_txn *txn), void *arg,
	const ProtobufCMessage *response);

/* Whether the call has come before, for a handler that would judge it by what its own change has
 * altered since: sets call->replay, and the handler returns LK_OK at once. Waits for the
 * committer. Codes as lk_committer_run, and LK_ALREADY_EXISTS: the key was another request's. */
LK_MUST_USE struct lk_status lk_call_recall(struct lk_call *call);

/* --- frames --- */

/* The memory of one frame. The transport owns it, submits one frame at a time with it, and uses
 * it again; so answering a FAST frame takes no memory. */
struct lk_work;

/* Called exactly once per submitted frame, on any thread and possibly before lk_server_submit
 * returns. The reply stays valid until the work is submitted or wiped again. `is_malformed` says
 * that the frame was none: whoever sent it does not speak the protocol. Must not block. */
typedef void (*lk_answer_fn)(void *arg, struct lk_bytes reply, bool is_malformed);

/* NULL when memory is short. */
struct lk_work *lk_work_new(lk_answer_fn answer, void *arg);

/* Wipes what the last frame left. */
void lk_work_wipe(struct lk_work *work);

/* Not while a frame is under way. NULL is allowed. */
void lk_work_free(struct lk_work *work);

/* Hands a request frame to the server. Its bytes are borrowed until `answer` is called. Never
 * blocks; thread-safe. FAST frames are answered before it returns. */
void lk_server_submit(struct lk_server *server, struct lk_work *work, struct lk_bytes frame,
	const struct lk_peer *peer);
