/* SPDX-License-Identifier: MIT */
/* The calls of an import: a fixed number of them under way at the same time, each for one line and
 * with memory of its own. All functions are for one thread; answers come in on others.
 */
#pragma once

#include <pthread.h>

#include "client/channel/channel.h"

#define LK_IMPORT_CALLS_MAX 256

struct lk_import_call {
	struct lk_import_calls *calls;
	struct lk_import_call *next;
	struct lk_arena arena; /* of the line; empty when it is taken */
	uint32_t line;
	const char *name; /* of what the line is about */
	const ProtobufCMessage *request;
	unsigned n_sent;

	/* Once it is back. The texts are cut to this room. */
	struct lk_status status;
	char why[160];
	char field[64];
};

struct lk_import_calls {
	struct lk_channel *channel;
	struct lk_call_options options;
	/* Makes the call of a line; its answer comes to lk_import_call_back. */
	void (*send)(struct lk_import_call *call, const struct lk_call_options *options);
	uint8_t run[16]; /* random: what an idempotency key begins with */

	struct lk_import_call *all;
	size_t n_all;
	struct lk_import_call *free;
	size_t n_away;

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t ready;
	struct lk_import_call *back;
};

/* `channel`, `options` and `send` are set before. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_import_calls_init(struct lk_import_calls *calls, size_t n);

/* Nothing may be under way any more. */
void lk_import_calls_fini(struct lk_import_calls *calls);

/* One to fill and send, or to give back; NULL when all are under way. */
struct lk_import_call *lk_import_calls_take(struct lk_import_calls *calls);

/* Makes the call, for the first time or again, with an idempotency key of the line: however often,
 * it has one effect. */
void lk_import_calls_send(struct lk_import_call *call);

/* From `send`, on any thread. */
void lk_import_call_back(struct lk_import_call *call, struct lk_status status);

/* One that is back, to be sent again or given back; NULL when none came within the time. */
struct lk_import_call *lk_import_calls_wait(struct lk_import_calls *calls, unsigned ms);

/* Wipes its memory. */
void lk_import_calls_give_back(struct lk_import_call *call);
