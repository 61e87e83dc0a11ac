/* SPDX-License-Identifier: MIT */
/* The parts of the HTTP engine, seen by each other.
 *
 * A loop and all that hangs off it is touched by its own thread only; what others may touch is
 * marked. A connection's life is a run of steps: each begins with an event, takes in what has
 * arrived, sends what was answered, and ends by settling what the connection waits for next
 * (http_conn.c). While a step runs, its connection is the loop's `active` one and is not freed.
 */
#pragma once

#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "client/bridge/http.h"
#include "client/bridge/http_caps.h"

/* What is read at once. Every head fits. */
#define LK_HTTP_INPUT_MAX LK_HTTP_HEAD_MAX

/* Sent to whom there is no room for; costs no memory. */
#define LK_HTTP_NO_ROOM \
	"HTTP/1.1 503 Service Unavailable\r\n" \
	"Content-Length: 0\r\n" \
	"Retry-After: 1\r\n" \
	"Connection: close\r\n\r\n"

/* What a connection waits for. All but the last have a deadline. */
enum lk_http_phase {
	LK_HTTP_IDLE, /* for the first byte of a request */
	LK_HTTP_IN_HEAD,
	LK_HTTP_IN_BODY,
	LK_HTTP_SENDING,
	LK_HTTP_LINGERING, /* all is said; for the peer to close, too */
	LK_HTTP_HANDLED,   /* for the handler */
};

#define LK_HTTP_PHASES (LK_HTTP_HANDLED + 1)

/* An exchange, and what the engine knows of it beside. */
struct lk_http_request {
	struct lk_http_exchange exchange; /* the first: what the handler has points here */
	struct lk_http_conn *conn;
	struct lk_http_loop *loop;
	enum lk_http_phase phase; /* IN_HEAD, IN_BODY or HANDLED */
	bool is_refused;
	struct lk_http_head head;
	struct lk_buf head_bytes;
	struct lk_buf body;
	struct lk_arena arena;
	STAILQ_ENTRY(lk_http_request) next; /* in the inbox, or among the spare ones */
	void (*resume)(struct lk_http_exchange *exchange, void *arg);
	void *resume_arg;
};

struct lk_http_conn {
	struct lk_http_loop *loop;
	struct event event;
	int fd;        /* -1: the client is gone, and the handler still has the request */
	short watched; /* EV_READ, EV_WRITE or 0 */
	enum lk_http_phase phase;
	lk_mono_ms deadline;
	TAILQ_ENTRY(lk_http_conn) in_phase;
	STAILQ_ENTRY(lk_http_conn) in_ready;
	struct lk_http_request *request; /* the one under way */
	struct lk_buf in;                /* arrived, and waits for its turn from `in_at` on */
	size_t in_at;
	struct lk_buf out; /* answers, left as far as `out_at` */
	size_t out_at;
	void *listener_tag;
	struct lk_http_peer peer;
	bool has_ended;     /* the peer sends no more */
	bool is_closing;    /* the last answer was given */
	bool is_broken;     /* neither side has anything to expect */
	bool phase_is_over; /* the next one starts anew, even if it is the same */
};

TAILQ_HEAD(lk_http_conns, lk_http_conn);
STAILQ_HEAD(lk_http_ready, lk_http_conn);
STAILQ_HEAD(lk_http_requests, lk_http_request);

struct lk_http_listener {
	struct lk_http_loop *loop;
	struct evconnlistener *listener;
	void *tag;
	lk_mono_ms paused_until; /* 0: it listens */
};

struct lk_http_loop {
	struct lk_http *http;
	struct event_base *base;
	pthread_t thread;
	bool has_thread;
	pthread_t self; /* the thread's own view of `thread` */
	struct event tick;
	struct event wake;
	int spare_fd; /* given up when there is no other, to turn somebody away */
	struct lk_http_listener *listeners;
	size_t n_listeners;

	lk_mono_ms now;
	int64_t date_s;
	char date[40]; /* the header line */
	lk_mono_ms trouble_at;
	const char *trouble; /* since then, and not told */

	struct lk_http_conns phases[LK_HTTP_PHASES]; /* each in the order of its deadlines */
	size_t n_conns;
	struct lk_http_conn *active;
	struct lk_http_ready ready; /* answered while another connection was active */
	struct lk_http_requests spare;
	size_t n_spare;
	size_t body_bytes; /* of all requests under way */
	bool is_draining;
	bool is_stopping;

	/* Of any thread, under the mutex. */
	pthread_mutex_t mutex;
	int wake_fd;
	struct lk_http_requests inbox; /* to be resumed */
	bool must_drain;
	bool must_stop;

	/* Written by the loop, read by any thread. */
	atomic_ulong accepted, turned_away, requests, refused, by_class[6];

	struct lk_buf output; /* of the active connection, unless it has an `out` */
	uint8_t input[LK_HTTP_INPUT_MAX];
};

struct lk_http {
	struct lk_http_options options;
	uint32_t phase_ms[LK_HTTP_PHASES];
	struct lk_http_caps *caps;
	struct lk_http_loop *loops[LK_HTTP_LOOPS_MAX];
	unsigned n_loops;
	uint16_t ports[LK_HTTP_ADDRESSES_MAX];
};

static inline void lk_http_add(atomic_ulong *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- http_loop.c --- */

struct lk_http_loop *lk_http_loop_new(struct lk_http *http);
LK_MUST_USE bool lk_http_loop_start(struct lk_http_loop *loop);
void lk_http_loop_free(struct lk_http_loop *loop); /* its thread has ended, or never began */

/* From any thread. */
void lk_http_loop_drain(struct lk_http_loop *loop);
void lk_http_loop_stop(struct lk_http_loop *loop);

/* Reads the clock into `now`. */
void lk_http_loop_look_up(struct lk_http_loop *loop);

/* Tells the owner, at most once a second. */
void lk_http_loop_report(struct lk_http_loop *loop, const char *what);

/* When a connection was freed: the loop may be waiting for that. */
void lk_http_loop_lost_one(struct lk_http_loop *loop);

/* --- http_listen.c --- */

/* Opens the address with this index in a loop that does not run. The first loop to do so takes the
 * address, and the others share it. */
LK_MUST_USE struct lk_status lk_http_listen(struct lk_http_loop *loop, size_t index, bool is_first);

/* Takes the spare descriptor if there is one to be had. */
void lk_http_listen_keep_spare(struct lk_http_loop *loop);

/* Listens again where a pause is over. */
void lk_http_listen_tick(struct lk_http_loop *loop);

/* Takes in those who wait already, if asked to, and closes. */
void lk_http_listen_end(struct lk_http_loop *loop, bool takes_waiting);

/* --- http_conn.c --- */

/* Takes the socket over; false: there is no room. */
LK_MUST_USE bool lk_http_conn_open(
	struct lk_http_listener *listener, int fd, const struct sockaddr_storage *address);

/* Runs a step, and then those that have become possible by it. */
void lk_http_conn_run(struct lk_http_conn *conn, void (*step)(struct lk_http_conn *conn));

/* Steps: takes in what is in the socket; goes on with what had arrived before. */
void lk_http_conn_read(struct lk_http_conn *conn);
void lk_http_conn_go_on(struct lk_http_conn *conn);

/* Closes at once. Outside of steps only. The connection is gone unless the handler has its request,
 * and with it otherwise. */
void lk_http_conn_drop(struct lk_http_conn *conn);

/* Likewise, and has the kernel forget what it could not send. */
void lk_http_conn_reset(struct lk_http_conn *conn);

/* The buffer that the next answer belongs in. */
struct lk_buf *lk_http_conn_output(struct lk_http_conn *conn);

/* --- http_request.c --- */

struct lk_http_request *lk_http_request_begin(struct lk_http_conn *conn);
void lk_http_request_end(struct lk_http_request *request);
void lk_http_request_free_spare(struct lk_http_loop *loop);

/* Takes in bytes, not beyond its end; once complete, it is handled. The request may be gone. */
void lk_http_request_take(struct lk_http_request *request, struct lk_bytes *input);

/* Has it answered with an error, as the last one of its connection. The request is gone. */
void lk_http_request_refuse(struct lk_http_request *request, unsigned status, const char *why);

/* --- http_deadline.c --- */

/* Enters a phase, at its beginning. */
void lk_http_phase_enter(struct lk_http_conn *conn, enum lk_http_phase phase);

/* Ends what is overdue. */
void lk_http_deadline_tick(struct lk_http_loop *loop);

/* --- http_answer.c --- */

/* How an answer is to be written. */
struct lk_http_manner {
	const char *date; /* a header line */
	bool is_to_head;
	bool closes;
};

void lk_http_answer_write(
	struct lk_buf *out, const struct lk_http_answer *answer, struct lk_http_manner manner);
