/* SPDX-License-Identifier: MIT */
/* The parts of the server runtime, seen by each other.
 *
 * A frame goes through: lk_dispatch_read (is it a frame?), lk_dispatch_admit (may these calls
 * run?), its lane, lk_dispatch_run or lk_write_begin (run them), lk_reply_put (answer each), and
 * lk_work_finish.
 */
#pragma once

#include <stdatomic.h>

#include "server/rpc/lanes.h"
#include "server/rpc/server.h"

/* What every reply of an error is certain to find room for. */
#define LK_ERROR_REPLY_MAX 512

/* Told to those who are refused because there is too much to do; for HASH it is estimated. */
#define LK_RETRY_FULL_MS 50
#define LK_RETRY_DRAINING_MS 1000

/* A method that this server has. */
struct lk_entry {
	const struct lk_method *method;
	const struct lk_binding *binding;
	uint64_t scope; /* the bit that the caller needs; 0: none */
};

/* One call of a frame. */
struct lk_slot {
	struct lk_frame_call frame;
	const struct lk_entry *entry; /* NULL: no such method */
	struct lk_status status;      /* OK until something refuses the call */
};

struct lk_work {
	lk_answer_fn answer;
	void *arg;
	struct lk_work *next; /* of a lane's queue */
	struct lk_server *server;
	struct lk_bytes frame;
	struct lk_bytes credential; /* of the frame */
	struct lk_peer peer;
	struct lk_caller caller;
	struct lk_status identity; /* OK: the caller is known */
	enum lk_lane lane;
	uint64_t arrived_us;
	lk_time_ms now;
	struct lk_arena arena;
	struct lk_buf reply;
	bool is_malformed;
	struct lk_write_call *writes; /* in the arena */
	atomic_size_t pending; /* calls the committer still has, and one for lk_write_begin */
	bool may_compute;      /* signatures may be verified here */
	size_t next_slot;      /* that runs next */
	size_t n_slots;
	struct lk_slot slots[LK_FRAME_CALLS_MAX];
};

struct lk_server {
	struct lk_server_options options;
	struct lk_lanes *lanes;
	struct lk_entry *entries;
	size_t n_entries;
	uint16_t *by_number; /* index into entries, plus one; 0: no such method */
	size_t n_numbers;
	size_t slow_frames_max;
	atomic_size_t under_way; /* frames submitted and not yet answered */
	atomic_size_t writes_under_way;
	atomic_bool is_draining;
	atomic_bool is_stopping; /* even what is queued is refused */
};

/* --- server.c --- */

const struct lk_entry *lk_server_find(const struct lk_server *server, uint16_t number);

/* Replaces whatever the reply holds by one refusal of the whole frame, and finishes. */
void lk_work_refuse(struct lk_work *work, struct lk_status status);

/* Hands a frame to the pool of CRYPTO, where it goes on. False when that is full. */
LK_MUST_USE bool lk_work_compute(struct lk_work *work);

/* Told to a call when it is. */
struct lk_status lk_crypto_full(void);

/* Answers. The work belongs to the transport again and must not be touched any more. */
void lk_work_finish(struct lk_work *work);

/* --- dispatch.c --- */

/* Decodes the frame into slots. Any error refuses the frame as a whole. */
LK_MUST_USE struct lk_status lk_dispatch_read(struct lk_work *work);

/* Learns who calls, and refuses, in their slots, the calls that may not run. Returns how many
 * are left. */
size_t lk_dispatch_admit(struct lk_work *work);

/* Unpacks an admitted call and asks the interceptors; call and request live in the arena. */
LK_MUST_USE struct lk_status lk_dispatch_prepare(struct lk_work *work, const struct lk_slot *slot,
	struct lk_call *call_out, ProtobufCMessage **request_out);

/* Has the handler answer a prepared call. */
LK_MUST_USE struct lk_status lk_dispatch_serve(const struct lk_entry *entry, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage **response_out);

/* Writes the reply of a call and tells the observers. */
void lk_dispatch_reply(struct lk_work *work, struct lk_slot *slot, const ProtobufCMessage *response,
	const char *traceparent);

/* Runs the calls one after the other, each with the whole arena, and finishes the frame; or hands
 * it on to the pool of CRYPTO when a call has to compute and may not. */
void lk_dispatch_run(struct lk_work *work);

/* --- interceptors.c --- */

/* Before the handler: the first refusal ends the call. */
LK_MUST_USE struct lk_status lk_intercept_before(
	struct lk_server *server, struct lk_call *call, const ProtobufCMessage *request);

/* After every call, however it ended. */
void lk_intercept_after(
	const struct lk_work *work, const struct lk_slot *slot, const char *traceparent);

/* --- reply.c --- */

/* Makes sure that n replies of errors fit, so that nothing can fail once calls have run. */
LK_MUST_USE struct lk_status lk_reply_begin(struct lk_buf *reply, size_t n);

/* Writes the reply of one call; `later` calls of the frame are still to come. An answer that
 * does not fit becomes LK_RESOURCE_EXHAUSTED, which is returned. */
struct lk_status lk_reply_put(struct lk_buf *reply, uint32_t id, struct lk_status status,
	const ProtobufCMessage *response, size_t later);

/* --- idempotency.c --- */

/* The answer that was recorded for the call's idempotency key, in the call's arena; NULL: none was,
 * and the effect of the transaction will be the first. Caller and subject are authorised already.
 *
 * LK_ALREADY_EXISTS  reason IDEMPOTENCY_KEY_REUSED: for another request
 */
LK_MUST_USE struct lk_status lk_answer_recall(
	struct lk_call *call, struct lk_txn *txn, ProtobufCMessage **replay_out);

/* Records the answer with the effect. LK_RESOURCE_EXHAUSTED: it does not fit into a record. */
LK_MUST_USE struct lk_status lk_answer_record(
	struct lk_call *call, struct lk_txn *txn, const ProtobufCMessage *response);

/* --- write.c --- */

/* Hands the admitted calls to the committer; the last of them finishes the frame. False, with the
 * frame as it was, when a call has to compute first and may not here. */
LK_MUST_USE bool lk_write_begin(struct lk_work *work);
