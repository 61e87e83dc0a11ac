/* SPDX-License-Identifier: MIT */
/* A kept connection to an HTTP server: requests go out, answers come in and are judged. */
#pragma once

#include "bench/http_client.h"

struct addrinfo;

#define LK_HTTP_ANSWER_HEAD_MAX 8192

/* A request that is not answered yet. */
struct lk_http_pending {
	const struct lk_bench_request *request;
	uint64_t start_ns;
};

struct lk_http_connection {
	int fd;
	unsigned first;
	unsigned n_pending;
	struct lk_http_pending *pending; /* a ring of `pipeline` */
	uint8_t *out;                    /* room for as many requests */
	size_t n_out;
	size_t n_sent;
	bool is_in_body; /* the head of the first one's answer was read and judged */
	bool closes;     /* after that answer */
	uint64_t body_left;
	size_t n_in;
	uint8_t in[LK_HTTP_ANSWER_HEAD_MAX];
};

/* What the connections of a thread have in common. */
struct lk_http_shared {
	const struct lk_http_load *load;
	const struct addrinfo *address;
	struct lk_histogram *histogram;
	int epoll;
	/* After each answer: may ask again, which is sent when all answers at hand are read. */
	void (*on_answer)(struct lk_http_shared *shared, struct lk_http_connection *connection,
		uint64_t now_ns);
	uint64_t random;
	uint64_t n_pending;
	uint64_t answers;
	uint64_t wrong;
	bool has_failed; /* the round is void, and nothing more need be done */
	char problem[160];
};

/* A socket that is connected to one of the addresses; -1 when none accepts. */
int lk_http_connect(const struct addrinfo *address);

/* Connects and takes memory for the pipeline. After a failure, too, it is to be closed.
 * LK_UNAVAILABLE         the server does not accept
 * LK_RESOURCE_EXHAUSTED  memory is short */
LK_MUST_USE struct lk_status lk_http_connection_open(
	struct lk_http_shared *shared, struct lk_http_connection *connection);

/* Wipes and frees. */
void lk_http_connection_close(
	const struct lk_http_shared *shared, struct lk_http_connection *connection);

/* Chooses a request and puts it on the connection, which has room in its pipeline. */
void lk_http_connection_ask(
	struct lk_http_shared *shared, struct lk_http_connection *connection, uint64_t start_ns);

/* Sends what was asked. */
void lk_http_connection_flush(struct lk_http_shared *shared, struct lk_http_connection *connection);

/* Serves what epoll reports of it. */
void lk_http_connection_serve(struct lk_http_shared *shared, struct lk_http_connection *connection,
	uint32_t epoll_events);

/* Notes the first problem; the round is void from here on. */
void lk_http_fail(struct lk_http_shared *shared, const char *why);
