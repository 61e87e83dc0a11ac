/* SPDX-License-Identifier: MIT */
/* The HTTP/1.1 engine: listeners, connections and their limits. It knows no routes.
 *
 * One event loop per thread, each with listeners of its own on the same addresses (SO_REUSEPORT).
 * A connection belongs to one loop for its life, and so do its exchanges: a request and the answer
 * to it. The handler runs in the loop and must not block; it answers at once or later, from the
 * loop all the same (lk_http_resume). Requests of a connection are answered one after the other
 * in their order.
 *
 * Limits: connections in total and per address (an IPv6 address counts by its /64), the size of
 * head and body, and an absolute deadline for each phase, which no dribble of bytes extends. What
 * is refused is answered through `refuse` and the connection closes. Memory of a connection that
 * waits is a few hundred bytes; buffers are there while a request is.
 */
#pragma once

#include "client/bridge/http_parse.h"
#include "proto/wire/arena.h"
#include "proto/wire/buf.h"
#include "proto/wire/status.h"

#define LK_HTTP_ADDRESSES_MAX 64
#define LK_HTTP_LOOPS_MAX 64

struct lk_http;

/* The peer of a connection, as the socket has it. */
struct lk_http_peer {
	uint8_t address[16]; /* IPv6; IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
	char text[46]; /* "192.0.2.1", "2001:db8::1" */
};

/* A request and the answer to it. */
struct lk_http_exchange {
	const struct lk_http_head *head;
	struct lk_bytes head_bytes; /* under the head's spans */
	struct lk_bytes body;
	const struct lk_http_peer *peer;
	void *listener_tag;     /* of the address it came in on */
	struct lk_arena *arena; /* its memory; gone after the answer */
	void *state;            /* the handler's own; NULL at first */
};

/* The value of a header (lk_http_find). */
static inline size_t lk_http_header(
	const struct lk_http_exchange *exchange, const char *name, struct lk_bytes *value_out)
{
	return lk_http_find(exchange->head, exchange->head_bytes, name, value_out);
}

/* An answer. The engine adds Date, Content-Length, Connection where it closes, and
 * `X-Content-Type-Options: nosniff`; to a HEAD it sends no body, and with 204 and 304 neither
 * body nor length. */
struct lk_http_answer {
	unsigned status;
	struct lk_bytes headers; /* lines "Name: value\r\n", of the handler's making */
	struct lk_bytes body;
	const char *content_type; /* NULL: none */
	bool close;               /* the connection, afterwards */
};

struct lk_http_address {
	const char *text; /* "127.0.0.1:8080", "[::1]:8080", "*:8080" */
	void *tag;
};

struct lk_http_options {
	const struct lk_http_address *addresses;
	size_t n_addresses;
	unsigned loops;                       /* 0: one per core */
	uint32_t connections_max;             /* 0: 16384 */
	uint32_t connections_per_address_max; /* 0: no limit; loopback is exempt */
	uint32_t head_ms;                     /* from its first byte to its last; 0: 5000 */
	uint32_t body_ms;                     /* likewise; 0: 10000 */
	uint32_t idle_ms;                     /* between requests, and before the first; 0: 60000 */
	uint32_t send_ms;                     /* until an answer has left; 0: 10000 */
	size_t arena_max;                     /* memory of an exchange beside its body; 0: 1 MiB */

	/* When a head that announces a body is complete: how long that may be. What is longer is
	 * refused with 413 before it is read. A body that is read is handed over whatever the
	 * method; it is never the next request. */
	size_t (*body_max)(void *arg, const struct lk_http_exchange *exchange);
	/* When a request is complete. Must see to it that lk_http_send is called exactly once. */
	void (*handle)(void *arg, struct lk_http_exchange *exchange);
	/* Answers what the engine refuses (400, 408, 411, 413, 414, 417, 431, 501, 505, and 503
	 * when memory is short), before it returns; the connection is closed afterwards. The head
	 * may be incomplete: `exchange->head` has only what was read of it. */
	void (*refuse)(
		void *arg, struct lk_http_exchange *exchange, unsigned status, const char *why);
	/* In the loop, when something is worth a line in the log, once a second at most; may be
	 * NULL. */
	void (*on_trouble)(void *arg, const char *what);
	void *arg;
};

/* Binds all addresses and starts the loops.
 *
 * LK_INVALID_ARGUMENT    an address of another form; `field` is its text
 * LK_UNAVAILABLE         an address cannot be bound, or another process serves it; likewise
 * LK_RESOURCE_EXHAUSTED  memory, descriptors or threads are short
 */
LK_MUST_USE struct lk_status lk_http_start(
	const struct lk_http_options *options, struct lk_http **http_out);

/* Answers, in the exchange's loop, once per exchange; copies what it needs. The exchange is gone
 * when it returns. A client that has left meanwhile is no error. An answer of more than 64 MiB
 * closes the connection instead. */
void lk_http_send(struct lk_http_exchange *exchange, const struct lk_http_answer *answer);

/* Runs `resume` with the exchange in its loop: at once when called there, else as soon as the loop
 * comes round. From any thread; at most once at a time per exchange. */
void lk_http_resume(struct lk_http_exchange *exchange,
	void (*resume)(struct lk_http_exchange *exchange, void *arg), void *arg);

/* Stops listening, answers what is under way with `Connection: close`, and closes what is idle.
 * Waits for at most timeout_ms; returns whether all connections are gone. */
bool lk_http_drain(struct lk_http *http, uint32_t timeout_ms);

/* Closes what is left, ends the loops and frees; not from a loop. Exchanges that were not answered
 * are answered by the handler's lk_http_send before this returns: whoever owes the answer must
 * still be alive. NULL is allowed. */
void lk_http_stop(struct lk_http *http);

/* What has happened since the start. */
struct lk_http_counters {
	uint64_t connections; /* accepted, and not turned away */
	uint64_t open;        /* now */
	uint64_t turned_away; /* over a limit of connections */
	uint64_t requests;    /* complete ones */
	uint64_t refused;     /* malformed, late or too large */
	uint64_t by_class[6]; /* answers by the first digit of their status */
};

void lk_http_count(const struct lk_http *http, struct lk_http_counters *counters_out);

/* The port that an address was bound to; for tests, which bind to port 0. */
uint16_t lk_http_port(const struct lk_http *http, size_t address);
