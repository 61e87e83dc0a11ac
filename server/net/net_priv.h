/* SPDX-License-Identifier: MIT */
/* The parts of the listeners, seen by each other. */
#pragma once

#include <dirent.h>
#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/net/listener.h"
#include "server/net/pipes.h"

struct lk_endpoint;

/* One frame after the other: receive, submit, send. */
struct lk_context {
	struct lk_endpoint *endpoint;
	struct lk_work *work;
	nng_ctx ctx;
	nng_aio *aio;
	nng_msg *msg; /* the request, then its answer; ours while the server has the frame */
	nng_pipe pipe;
	bool is_sending;
};

struct lk_endpoint {
	struct lk_net *net;
	char *url;
	bool is_ipc;
	bool is_operator;
	uint16_t port;
	int lock; /* of the ipc path; -1: none */
	nng_socket socket;
	bool has_socket;
	nng_listener listener;
	struct lk_context *contexts;
	size_t n_contexts; /* those that were opened */
	atomic_size_t n_live;
	atomic_size_t n_busy; /* from receiving a frame until its answer has left */

	/* Of the self-check. */
	unsigned failures; /* in a row */
	unsigned ticks_since_made;
	atomic_bool is_healthy;
};

struct lk_net {
	struct lk_net_options options;
	uint8_t *probe; /* options.probe points at it */
	struct lk_pipes *pipes;
	struct lk_endpoint *endpoints;
	size_t n_endpoints;
	atomic_bool is_closing; /* nobody may connect any more */
	atomic_uint probe_port; /* our own connection's; exempt from the caps */

	/* Of /proc/self/fd. Open from the start: when connections have taken every descriptor, this
	 * is what ends the idle ones. */
	DIR *descriptors;

	pthread_t watcher;
	bool has_watcher;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool is_stopping;

	/* Pipes that nng made and freed. */
	atomic_ulong pipes_made, pipes_freed;
	unsigned long freed_before; /* the watcher's own, like the next */
	unsigned stuck_ticks;
	atomic_bool is_stuck;

	atomic_ulong pipes_accepted, pipes_refused;
	atomic_ulong frames, frames_malformed;
	atomic_ulong checks_failed, listeners_recreated;
};

/* --- context.c --- */

/* Opens the endpoint's contexts and starts to receive. */
LK_MUST_USE struct lk_status lk_contexts_open(struct lk_endpoint *endpoint);

/* After the socket was closed: waits for the last frame and frees. */
void lk_contexts_close(struct lk_endpoint *endpoint);

/* --- endpoint.c --- */

/* Binds and serves. What was taken is given back by lk_endpoint_close, also after an error. */
LK_MUST_USE struct lk_status lk_endpoint_open(
	struct lk_endpoint *endpoint, struct lk_net *net, const struct lk_net_address *address);
void lk_endpoint_close(struct lk_endpoint *endpoint);

/* Closes the listener, with its pipes, and makes it anew. */
LK_MUST_USE struct lk_status lk_endpoint_recreate(struct lk_endpoint *endpoint);

/* --- watcher.c --- */

/* Starts the thread that looks for idle pipes and calls every listener. */
LK_MUST_USE struct lk_status lk_watcher_start(struct lk_net *net);
void lk_watcher_stop(struct lk_net *net);

/* --- hangup.c --- */

/* Ends the tcp connections of condemned pipes, by the hand of their sockets.
 *
 * nng_pipe_close would be the remote kill switch of the process: when it meets a pipe in the
 * middle of a message, nng 1.5.2 forgets the receive that is under way, and the one thread that
 * frees pipes waits for it for ever. After a shutdown of the reading side nng finds the end of
 * the stream by itself, between two reads. */
void lk_hang_up(const struct lk_net *net, const struct lk_pipe_address *addresses, size_t n);

/* --- probe.c --- */

enum lk_probe_result {
	LK_PROBE_ANSWERED,
	LK_PROBE_FAILED,
	LK_PROBE_UNDECIDED, /* it could not be made, for want of a descriptor for example */
};

/* Calls an endpoint over a plain socket, as a stranger would, and waits for any answer. */
enum lk_probe_result lk_probe(struct lk_endpoint *endpoint, uint32_t timeout_ms);

/* --- address.c --- */

/* Splits a tcp URL into host and port; false for any other. */
LK_MUST_USE bool lk_tcp_split(const char *url, char host[64], uint16_t *port_out);

/* Whether only this machine can reach the host. */
bool lk_host_is_loopback(const char *host);

/* The path of an ipc URL; NULL for any other. */
const char *lk_ipc_path(const char *url);

/* Creates the directory of a socket if need be, checks that it is ours and closed to others, and
 * takes the lock beside the socket, so that nobody else tries to listen there.
 *
 * LK_FAILED_PRECONDITION  the directory is missing, or open to others
 * LK_ALREADY_EXISTS       another process has the lock */
LK_MUST_USE struct lk_status lk_ipc_lock(const char *path, int *lock_out);
