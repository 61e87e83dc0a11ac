/* SPDX-License-Identifier: MIT */
/* A service whose methods leave a row in the store each time they run and answer with a secret that
 * is never the same twice, with callers and end users for it, and clocks that stand still.
 */
#pragma once

#include "tests/support/check.h"
#include "tests/support/echo.h"
#include "tests/support/fault.h"

enum {
	ONCE_PUT = 10,   /* WRITE */
	ONCE_OTHER = 11, /* WRITE, the same */
	ONCE_HASH = 12,  /* HASH; the row is written through lk_call_commit */
	ONCE_READ = 13,  /* READ, without side effects; leaves no row */
};

/* A server of the service over a store, with one committer, and a wire to it. */
struct once {
	struct lk_store *store; /* a fault_store, which stays open */
	struct lk_peppers peppers;
	struct lk_committer *committer;
	struct lk_server *server;
	struct echo_wire *wire;
	struct lk_buf frame;
	struct echo_replies replies;
};

/* The moment, for all servers; set to the same one by once_open. */
void once_set_now(lk_time_ms now);
lk_time_ms once_now(void);

/* How the methods go about it; for all servers, and set back by once_open. */
enum once_mood {
	ONCE_WELL,
	ONCE_FAILS, /* LK_FAILED_PRECONDITION, after the row was put */
	ONCE_FULL,  /* LK_RESOURCE_EXHAUSTED, likewise */
	ONCE_TELLS, /* the row is committed, and the caller told LK_UNAUTHENTICATED */
};
void once_set_mood(enum once_mood mood);

/* Called by the next handler that runs, before it does anything; NULL: nothing is. */
void once_set_meanwhile(void (*meanwhile)(void *arg), void *arg);

/* What the authorizer refuses; nothing after once_open. */
struct once_refusals {
	bool caller;  /* LK_UNAUTHENTICATED */
	bool scope;   /* LK_PERMISSION_DENIED */
	bool realm;   /* likewise */
	bool subject; /* LK_UNAUTHENTICATED, reason SUBJECT_REFUSED */
};
void once_refuse(struct once_refusals refusals);

/* Takes over the store. The peppers have the ids n to 1, each always the same. */
void once_open(struct once *once, struct lk_store *store, unsigned n_peppers);
void once_open_mem(struct once *once);

/* Server, committer and wire over the store that is there, and their end without the store's. */
void once_start(struct once *once, unsigned n_peppers);
void once_stop(struct once *once);
void once_close(struct once *once);

struct once_call {
	uint16_t method;
	const char *caller; /* a name; NULL: the operator */
	const char *realm;  /* "one" or "two" */
	const char *text;
	struct lk_bytes key;
	const char *subject; /* NULL, or a user, a credential, and `s` or `k`: "als" */
};

/* A call of ONCE_PUT by "alice" in realm "one" with a key of 16 bytes. */
struct once_call once_call(void);

/* Asks and waits. The frame is made by once_put_frame, to be submitted to another wire. */
const struct echo_reply *once_ask(struct once *once, const struct once_call *call);
void once_put_frame(struct lk_buf *frame, const struct once_call *call);

/* How many rows begin like this: "effect/", "id/", "expiry/". */
size_t once_count(struct once *once, const char *prefix);
#define EFFECTS(once) once_count((once), "effect/")
#define ANSWERS(once) once_count((once), "id/")
