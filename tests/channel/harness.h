/* SPDX-License-Identifier: MIT */
/* Methods, calls and tallies for tests of channels. The methods answer what they were asked, so
 * that a test sees whether an answer belongs to its call. */
#pragma once

#include "client/channel/channel.h"
#include "latchkey/v1/health.pb-c.h"
#include "tests/channel/responder.h"

extern const struct lk_method method_read;   /* no side effects, lane READ */
extern const struct lk_method method_verify; /* idempotent, lane FAST */
extern const struct lk_method method_write;  /* not idempotent, lane WRITE */

/* A responder and a channel to it. */
struct rig {
	struct responder responder;
	struct lk_channel *channel;
	struct lk_arena arena;
};

/* A URL that nobody listens on yet. */
void rig_url(struct responder *responder);
void rig_open(struct rig *rig, behave_fn behave);
void rig_open_with(struct rig *rig, behave_fn behave, struct lk_channel_options options);
void rig_close(struct rig *rig);

/* Makes a call with this text and this timeout and waits. */
struct lk_status ask(
	struct rig *rig, const struct lk_method *method, const char *text, uint32_t timeout_ms);

struct lk_status ask_with(struct rig *rig, const struct lk_method *method, const char *text,
	const struct lk_call_options *options);

/* The text of the last answer to `ask`. */
const char *answer_text(void);

/* How calls ended. */
struct tally {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned n;
	unsigned codes[17];
	_Atomic unsigned *seen; /* how often the call with this number was answered, or NULL */
};

void tally_init(struct tally *tally);

/* Counts a result; an lk_deliver_fn whose arg is the tally. */
void tally_deliver(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response);

/* Makes a call whose text is the number. */
void ask_async(struct lk_channel *channel, const struct lk_method *method, unsigned number,
	uint32_t timeout_ms, struct tally *tally);

/* Waits until n calls have ended. */
void tally_await(struct tally *tally, unsigned n);
