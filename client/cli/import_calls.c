/* SPDX-License-Identifier: MIT */
#include "client/cli/import_calls.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

/* A line, what is made of it, and the texts of errors about it. */
#define LINE_ARENA_MAX ((size_t)1 << 20)

struct lk_status lk_import_calls_init(struct lk_import_calls *calls, size_t n)
{
	pthread_condattr_t attributes;

	if (getrandom(calls->run, sizeof calls->run, 0) != (ssize_t)sizeof calls->run)
		return LK_ERR(LK_INTERNAL, "there are no random bytes");
	calls->all = lk_alloc(n * sizeof *calls->all);
	if (calls->all == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	memset(calls->all, 0, n * sizeof *calls->all);
	calls->n_all = n;
	for (size_t i = 0; i < n; i++) {
		calls->all[i].calls = calls;
		lk_arena_init(&calls->all[i].arena, LINE_ARENA_MAX);
		calls->all[i].next = calls->free;
		calls->free = &calls->all[i];
	}
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&calls->mutex, NULL);
	pthread_cond_init(&calls->ready, &attributes);
	pthread_condattr_destroy(&attributes);
	return LK_SUCCESS;
}

void lk_import_calls_fini(struct lk_import_calls *calls)
{
	if (calls->all == NULL)
		return;
	for (size_t i = 0; i < calls->n_all; i++)
		lk_arena_fini(&calls->all[i].arena);
	lk_free(calls->all);
	pthread_cond_destroy(&calls->ready);
	pthread_mutex_destroy(&calls->mutex);
}

struct lk_import_call *lk_import_calls_take(struct lk_import_calls *calls)
{
	struct lk_import_call *call = calls->free;

	if (call == NULL)
		return NULL;
	calls->free = call->next;
	call->n_sent = 0;
	call->name = "";
	return call;
}

void lk_import_calls_give_back(struct lk_import_call *call)
{
	lk_arena_reset(&call->arena);
	call->next = call->calls->free;
	call->calls->free = call;
}

void lk_import_call_back(struct lk_import_call *call, struct lk_status status)
{
	struct lk_import_calls *calls = call->calls;

	/* The texts are gone when this returns. */
	call->status = status;
	snprintf(call->why, sizeof call->why, "%s", status.why != NULL ? status.why : "");
	snprintf(call->field, sizeof call->field, "%s", status.field != NULL ? status.field : "");
	call->status.why = status.why != NULL ? call->why : NULL;
	call->status.field = status.field != NULL ? call->field : NULL;
	pthread_mutex_lock(&calls->mutex);
	call->next = calls->back;
	calls->back = call;
	pthread_cond_signal(&calls->ready);
	pthread_mutex_unlock(&calls->mutex);
}

void lk_import_calls_send(struct lk_import_call *call)
{
	struct lk_import_calls *calls = call->calls;
	struct lk_call_options options = calls->options;
	uint8_t key[sizeof calls->run + sizeof call->line];

	memcpy(key, calls->run, sizeof calls->run);
	memcpy(key + sizeof calls->run, &call->line, sizeof call->line);
	options.idempotency_key = (struct lk_bytes) { key, sizeof key };
	call->n_sent++;
	calls->n_away++;
	calls->send(call, &options);
}

static struct timespec after(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

struct lk_import_call *lk_import_calls_wait(struct lk_import_calls *calls, unsigned ms)
{
	struct timespec until = after(ms);
	struct lk_import_call *call;
	int failed = 0;

	pthread_mutex_lock(&calls->mutex);
	while (calls->back == NULL && ms > 0 && failed != ETIMEDOUT)
		failed = pthread_cond_timedwait(&calls->ready, &calls->mutex, &until);
	call = calls->back;
	if (call != NULL) {
		calls->back = call->next;
		calls->n_away--;
	}
	pthread_mutex_unlock(&calls->mutex);
	return call;
}
