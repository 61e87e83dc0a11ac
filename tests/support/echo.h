/* SPDX-License-Identifier: MIT */
/* A service written by hand, with a method in every lane, and frames for it.
 *
 * Every method but Check takes a GetKeyRequest (realm and id) and answers the id, unless the id
 * is one of:
 *   "field"  INVALID_ARGUMENT about the field `id`
 *   "retry"  UNAVAILABLE, to be tried again in 1500 ms
 *   "reason" RESOURCE_EXHAUSTED about the field `id`, reason TOO_MANY_ATTEMPTS, in 86,399,999 ms
 *   "large"  an answer of 300,000 bytes
 *   "half"   an answer of 150,000 bytes
 *   "#N"     an answer of about N bytes
 *   "key"    the idempotency key and the traceparent
 *   "wait"   waits until the gate opens, then answers
 */
#pragma once

#include "server/rpc/server.h"

enum {
	ECHO_CHECK = 1, /* FAST, HealthCheckRequest, no scope, no realm */
	ECHO_FAST = 100,
	ECHO_WRITE = 200,
	ECHO_READ = 201,
	ECHO_CRYPTO = 300,
	ECHO_HASH = 301,
};

extern const struct lk_binding echo_binding;

/* The credential "good" has the scope "echo" and the realm "one" of "one" and "two"; "bare" has
 * neither. An operator peer is the operator. */
extern const struct lk_authorizer echo_authorizer;

/* The gate of "wait": closed, opened, and how many have arrived since it was closed. */
void echo_close_gate(void);
void echo_open_gate(void);
void echo_await_arrivals(unsigned n);
unsigned echo_runs(void); /* of all methods since the process started */

/* The clocks of tests: real, plus what echo_advance added. */
lk_time_ms echo_now(void);
uint64_t echo_mono_us(void);
void echo_advance(uint64_t us);

/* Options with the binding, the authorizer and the clocks. */
struct lk_server_options echo_options(void);

/* --- frames --- */

struct echo_call {
	uint16_t method;
	uint32_t id;
	const char *realm;
	const char *text;
	uint32_t remaining_ms;
	struct lk_bytes metadata;
	struct lk_bytes subject;
};

/* Calls by position; ECHO_CALL_WITH takes further fields by name. */
#define ECHO_CALL(method_, id_, realm_, text_) \
	((struct echo_call) { \
		.method = (method_), .id = (id_), .realm = (realm_), .text = (text_) })
#define ECHO_CALL_WITH(method_, id_, realm_, text_, ...) \
	((struct echo_call) { .method = (method_), \
		.id = (id_), \
		.realm = (realm_), \
		.text = (text_), \
		__VA_ARGS__ })

/* A request frame in `frame`, which was initialised. The lane is that of the frame. */
void echo_put_frame(struct lk_buf *frame, enum lk_lane lane, const char *credential,
	const struct echo_call *calls, size_t n);

/* A reply frame, read. */
struct echo_reply {
	uint32_t id;
	enum lk_code code;
	char why[256];
	char field[64];
	uint32_t retry_ms;
	enum lk_error_reason reason;
	char text[256]; /* of an OK answer, cut */
	size_t n_body;
};

struct echo_replies {
	size_t n;
	struct echo_reply replies[LK_FRAME_CALLS_MAX];
};

/* Fails the test when it is not a reply frame. */
void echo_read_replies(struct lk_bytes frame, struct echo_replies *replies_out);

/* --- a transport without a network --- */

struct echo_wire;

struct echo_wire *echo_wire_new(struct lk_server *server);
void echo_wire_free(struct echo_wire *wire);

/* Submits a frame, whose bytes stay where they are; echo_wait takes its answer. */
void echo_submit(struct echo_wire *wire, struct lk_bytes frame, bool is_operator);
void echo_wait(struct echo_wire *wire, struct echo_replies *replies_out);
bool echo_was_malformed(const struct echo_wire *wire);

/* --- one server, one frame at a time --- */

struct echo_fixture {
	struct lk_server *server;
	struct echo_wire *wire;
	struct lk_buf frame;
	struct echo_replies replies;
};

void echo_open(struct echo_fixture *f);
void echo_open_with(struct echo_fixture *f, const struct lk_server_options *options);
void echo_close(struct echo_fixture *f);

struct lk_bytes echo_bytes(const struct lk_buf *buf);

/* Submits the frame and waits for its replies. */
void echo_exchange(struct echo_fixture *f);

/* A frame of one call; echo_call is in lane FAST with the credential "good". */
void echo_call_as(
	struct echo_fixture *f, const char *credential, enum lk_lane lane, struct echo_call call);
void echo_call(struct echo_fixture *f, struct echo_call call);

void echo_check_reply(
	const struct echo_fixture *f, size_t at, uint32_t id, enum lk_code code, const char *why);
void echo_check_refused(const struct echo_fixture *f, enum lk_code code, const char *why);
