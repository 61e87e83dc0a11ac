/* SPDX-License-Identifier: MIT */
/* Listeners: nng REP sockets in front of a server.
 *
 * One socket per address, each with a fixed number of contexts; each context owns one lk_work.
 * Connections are counted, capped, watched for silence and for garbage; each listener is called
 * once a second by a self-check. nng 1.5.2 needs the sendmsg of sendmsg.c in the executable.
 */
#pragma once

#include "server/rpc/server.h"

/* Frames above it are refused by nng before any memory is taken. */
#define LK_NET_MESSAGE_MAX ((size_t)64 * 1024)

struct lk_net;

struct lk_net_address {
	/* "tcp://127.0.0.1:8070" or "ipc:///run/latchkey/rpc.sock". The directory of an ipc socket
	 * is created if need be; it must be ours and closed to others (0700). */
	const char *url;
	bool is_operator;  /* callers have operator rights; ipc only */
	bool plaintext_ok; /* tcp may be bound beyond the loopback */
};

struct lk_net_options {
	struct lk_server *server;
	const struct lk_net_address *addresses;
	size_t n_addresses;
	size_t contexts; /* frames under way per address; 0: 256. More than
			  * lk_server_slow_frames_max */

	/* Connections. 0 stands for the value in brackets. */
	size_t pipes_max;             /* of all addresses (4096) */
	size_t pipes_per_address_max; /* of one remote address; ipc is exempt (64) */
	size_t frames_per_pipe_max;   /* under way; a pipe above it is closed (half of contexts) */
	uint32_t reply_timeout_ms;    /* for a peer that does not read (1000) */
	uint32_t silent_ms;           /* tcp: from connecting to the first frame (60,000) */
	uint32_t idle_ms;             /* tcp: since the last frame (3,600,000) */

	/* The self-check calls each listener with this request frame; whatever answers it will do.
	 * Empty: no self-check. After three failures in a row a listener is made anew, which cuts
	 * off its connections, so at most every 10 intervals. */
	struct lk_bytes probe;
	uint32_t interval_ms; /* between two checks, and between two looks for idle pipes (1000) */

	/* Called when a check fails and when a listener is made anew, on a thread of its own. May
	 * be NULL. */
	void (*on_trouble)(void *arg, const char *url, const char *what);
	void *arg;
};

/* Counters since the start, but `pipes`, which is of now. */
struct lk_net_stats {
	uint64_t pipes;
	uint64_t pipes_accepted;
	uint64_t pipes_refused; /* above a cap, or of a foreign uid */
	uint64_t pipes_ended;   /* silent, idle, flooding, malformed or not reading; tcp only */
	uint64_t frames;
	uint64_t frames_malformed;
	uint64_t checks_failed;
	uint64_t listeners_recreated;
};

/* Binds every address and starts to serve. What the options point at is not needed any more when
 * this returns, but for the server and `arg`.
 *
 * LK_INVALID_ARGUMENT     an address of another scheme; plaintext beyond the loopback; operator
 *                         rights over tcp; too few contexts
 * LK_FAILED_PRECONDITION  an nng before 1.5.2; an ipc directory that others can enter; a
 *                         receive limit that does not hold
 * LK_ALREADY_EXISTS       another process serves this address
 * LK_UNAVAILABLE          the address cannot be bound
 * LK_RESOURCE_EXHAUSTED   no memory */
LK_MUST_USE struct lk_status lk_net_start(
	const struct lk_net_options *options, struct lk_net **net_out);

/* Stops listening and closes everything. The server should have been drained, so that nothing is
 * cut off; frames still in a lane are waited for. NULL is allowed. */
void lk_net_stop(struct lk_net *net);

/* For the end of the process, once the server was drained: removes the ipc sockets' names and
 * leaves the rest to the kernel. NULL is allowed. */
void lk_net_abandon(struct lk_net *net);

/* Thread-safe. */
struct lk_net_stats lk_net_stats(const struct lk_net *net);

/* The port of a tcp address, also when its URL asked for any (port 0). 0 for ipc. */
uint16_t lk_net_port(const struct lk_net *net, size_t address);

/* False while the last self-check of some listener has failed, and from the moment that nng was
 * seen to free no connections any more. Thread-safe. */
bool lk_net_is_healthy(const struct lk_net *net);
