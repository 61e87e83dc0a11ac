/* SPDX-License-Identifier: MIT */
/* What the files of client/channel share.
 *
 * A batcher is a channel that packs calls into frames; a transport carries frames. Each lane has
 * a queue of calls and a window of slots, one slot per frame in flight, under a lock of its own.
 * A call belongs to exactly one place at a time - the lane's queue, its list of calls that wait
 * for another try, a slot in flight, or the thread that completes it - and whoever takes it out
 * of its place under the lane's lock completes it. That is why each completion runs once.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "client/channel/channel.h"

#define LK_MONO_NEVER INT64_MAX

struct lk_batcher;
struct lk_batch_lane;

/* A call that has not been answered. */
struct lk_batch_call {
	struct lk_batch_call *next;
	const struct lk_method *method;
	struct lk_completion completion;
	lk_mono_ms made_at;
	lk_mono_ms deadline;
	lk_mono_ms rest_until; /* of a call that waits for another try */
	unsigned attempts;     /* frames it was sent in */
	unsigned attempts_max;
	struct lk_status fate; /* while it is taken out to be completed */
	struct lk_buf packed;  /* as lk_frame_put_call wrote it, after a head of its own */
	size_t head_n;         /* bytes of that head; 0: it has none and shares the lane's */
};

/* Room for one frame in flight. */
struct lk_slot {
	struct lk_batch_lane *lane;
	struct lk_slot *next; /* in the lane's list of free slots */
	void *place;          /* the transport's own */
	bool is_flying;       /* the timer may take late calls out */
	unsigned n_calls;
	struct lk_batch_call *calls[LK_FRAME_CALLS_MAX]; /* by call id; NULL: taken out */
	struct lk_arena scratch;
};

struct lk_batch_lane {
	struct lk_batcher *batcher;
	pthread_mutex_t mutex; /* over all that follows */
	pthread_cond_t quiet;  /* n_users fell to 0 */
	bool is_closed;
	unsigned window;    /* frames in flight at most */
	unsigned calls_max; /* in a frame */
	unsigned n_users;   /* frames in flight, and threads that will touch this lane again */
	struct lk_batch_call *waiting;
	struct lk_batch_call **waiting_end;
	struct lk_batch_call *resting; /* until their next try */
	size_t n_live;                 /* waiting, resting and in flight */
	struct lk_slot *slots;
	struct lk_slot *free_slots;
	struct lk_buf head; /* of every request frame of this lane */
	struct lk_batch_call *pool;
	unsigned n_pool;
	struct lk_channel_counters counters;
};

/* Wakes at the earliest deadline. There is no timer per call: the thread looks through all calls
 * when the earliest deadline it knew has come, so with equal timeouts that is once a timeout. */
struct lk_alarm {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	_Atomic lk_mono_ms wake_at; /* written under the mutex */
	bool is_stopping;
};

/* Carries frames. For every `send` it calls lk_slot_answered or lk_slot_failed exactly once. */
struct lk_transport {
	/* Room for a frame of n bytes; NULL when memory is short. Under the lane's lock. */
	uint8_t *(*reserve)(struct lk_slot *slot, size_t n);
	/* Sends what was written to the room. The slot may be reused before it returns. */
	void (*send)(struct lk_slot *slot);
	/* Hurries a frame in flight to its end; may come too early to have an effect. Under the
	 * lane's lock, so that the slot cannot be reused meanwhile. */
	void (*cancel)(struct lk_slot *slot);
	/* Frees everything, also after an open that failed half-way; no frame is in flight. */
	void (*close)(struct lk_batcher *batcher);
};

struct lk_batcher {
	struct lk_channel base;
	const struct lk_transport *transport;
	void *wire; /* the transport's own */
	unsigned window;
	size_t pending_max;
	uint32_t connect_timeout_ms;
	struct lk_batch_lane lanes[LK_LANES]; /* the first is not used */
	struct lk_alarm alarm;
	_Atomic unsigned n_connections;
	_Atomic uint64_t n_connects;
	_Atomic lk_mono_ms disconnected_at;
};

struct lk_batcher_options {
	const struct lk_transport *transport;
	struct lk_bytes credential;
	unsigned window;
	size_t pending_max;
	uint32_t connect_timeout_ms;
};

static inline lk_mono_ms lk_mono_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (lk_mono_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A condition that waits on the clock of lk_mono_now. */
static inline void lk_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* The moment as the clock's own type. */
static inline struct timespec lk_mono_timespec(lk_mono_ms at)
{
	return (struct timespec) { .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 };
}

/* --- batcher.c --- */

/* A channel with no connection yet: the transport's open fills `wire`, and calls
 * lk_channel_close when that fails. Codes as lk_channel_open. */
LK_MUST_USE struct lk_status lk_batcher_new(
	const struct lk_batcher_options *options, struct lk_batcher **batcher_out);

/* Frames in flight at most, of all lanes together. */
size_t lk_batcher_slots(const struct lk_batcher *batcher);

/* The transport gained or lost a connection. */
void lk_batcher_connected(struct lk_batcher *batcher);
void lk_batcher_disconnected(struct lk_batcher *batcher);

/* --- lane.c --- */

/* False when memory is short; lk_lane_fini is due all the same. */
bool lk_lane_init(struct lk_batch_lane *lane, struct lk_batcher *batcher, enum lk_lane number,
	struct lk_bytes credential);
void lk_lane_fini(struct lk_batch_lane *lane);

/* An empty call out of the pool. LK_RESOURCE_EXHAUSTED, LK_CANCELLED. */
LK_MUST_USE struct lk_status lk_lane_new_call(
	struct lk_batch_lane *lane, struct lk_batch_call **call_out);

/* Queues a call. False when the lane is closed. */
bool lk_lane_put(struct lk_batch_lane *lane, struct lk_batch_call *call);

/* Puts a call aside for another try at rest_until. False when the lane is closed. */
bool lk_lane_rest(struct lk_batch_lane *lane, struct lk_batch_call *call);

/* Sends frames as long as there are free slots and waiting calls. */
void lk_lane_flush(struct lk_batch_lane *lane);

/* Wipes a chain of completed calls and pools them. */
void lk_lane_recycle(struct lk_batch_lane *lane, struct lk_batch_call *chain);

/* Completes what is late and queues what has rested; returns when to come again. */
lk_mono_ms lk_lane_expire(struct lk_batch_lane *lane, lk_mono_ms now);

/* Closes the lane and cancels all its calls. */
void lk_lane_cancel(struct lk_batch_lane *lane);

/* Waits until no thread and no frame uses the closed lane; from `until` on frames in flight are
 * cancelled. */
void lk_lane_drain(struct lk_batch_lane *lane, lk_mono_ms until);

/* --- cork.c --- */

/* Keeps the calls that a thread makes on a batcher together until lk_cork_pop sends them. Also
 * keeps answers that arrive within a send from nesting without end. */
struct lk_cork {
	struct lk_batcher *batcher;
	struct lk_batch_lane *home; /* that counts this thread as a user, or NULL */
	struct lk_cork *outer;
	unsigned dirty; /* bit n: lane n has to be flushed */
};

/* True when this thread has the batcher corked already. */
bool lk_cork_is_in(const struct lk_batcher *batcher);
void lk_cork_push(struct lk_cork *cork, struct lk_batcher *batcher);
void lk_cork_mark(struct lk_batch_lane *lane);
/* Flushes, unless an outer cork will. Nothing of the batcher may be touched afterwards. */
void lk_cork_pop(struct lk_cork *cork);

/* --- answer.c --- */

/* A frame's reply has come; the bytes are borrowed. Runs the completions. */
void lk_slot_answered(struct lk_slot *slot, struct lk_bytes reply);

/* A frame ended without a reply. */
void lk_slot_failed(struct lk_slot *slot, struct lk_status status);

/* --- alarm.c --- */

void lk_alarm_init(struct lk_batcher *batcher);
/* False when threads are short. */
bool lk_alarm_start(struct lk_batcher *batcher);
void lk_alarm_stop(struct lk_batcher *batcher);
void lk_alarm_fini(struct lk_batcher *batcher);

/* Sees to it that the lanes are looked through at `at` or before. */
void lk_alarm_set(struct lk_batcher *batcher, lk_mono_ms at);
