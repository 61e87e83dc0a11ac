/* SPDX-License-Identifier: MIT */
/* A server for tests of channels: decodes frames and answers as a test wants. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <nng/nng.h>

#include "proto/wire/frame.h"

#define RESPONDER_SEATS 32

enum verdict {
	REPLY,
	PARK,   /* keep the request until responder_release */
	IGNORE, /* never answer */
	/* Close the connection. Only for one frame at a time: in nng 1.5.2 the thread that reaps
	 * closed pipes hangs for ever when a rep socket closes one that has sent several. */
	HANG_UP,
};

struct request {
	struct lk_frame_head head;
	struct lk_frame_call calls[LK_FRAME_CALLS_MAX];
};

struct responder;

/* Writes the reply frame. Runs on several threads at once. */
typedef enum verdict (*behave_fn)(
	struct responder *responder, const struct request *request, struct lk_buf *reply);

struct seat {
	struct responder *responder;
	nng_ctx ctx;
	nng_aio *aio;
	nng_msg *parked;
	bool is_replying;
};

struct responder {
	_Atomic behave_fn behave;
	char url[128];
	nng_socket socket;
	struct seat seats[RESPONDER_SEATS];
	pthread_mutex_t mutex; /* over `parked` and what tests keep here */
	pthread_cond_t changed;
	_Atomic unsigned n_frames;
	_Atomic unsigned n_calls;
	_Atomic unsigned largest; /* calls in one frame */
	_Atomic unsigned n_parked;
	_Atomic uint32_t last_remaining_ms;
	struct lk_bytes last_metadata; /* into `last` */
	struct lk_bytes last_subject;
	struct lk_bytes last_credential;
	uint8_t last[LK_REQUEST_FRAME_MAX];
};

/* Listens on responder->url; tcp://127.0.0.1:0 becomes the real port. */
void responder_start(struct responder *responder, behave_fn behave);
void responder_stop(struct responder *responder);

/* Waits until n requests are parked. */
void responder_await_parked(struct responder *responder, unsigned n);

/* Answers what is parked, as answer_echo does. */
void responder_release(struct responder *responder);

/* What a responder does with the bytes of a frame, for in-process channels as well. */
enum verdict responder_answer(
	struct responder *responder, struct lk_bytes frame, struct lk_buf *reply);

/* --- behaviours --- */

enum verdict answer_echo(struct responder *, const struct request *, struct lk_buf *reply);
enum verdict answer_backwards(struct responder *, const struct request *, struct lk_buf *reply);
enum verdict answer_park(struct responder *, const struct request *, struct lk_buf *reply);

/* Adds one reply. */
void put_reply(struct lk_buf *reply, uint32_t id, enum lk_code code, const char *why);
void put_reply_with(struct lk_buf *reply, struct lk_frame_reply head, struct lk_bytes body);
