/* SPDX-License-Identifier: MIT */
#include "proto/wire/rpc.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* Moves the status's text into the arena that outlives the callback. */
static void keep_text(struct lk_arena *arena, const char **text)
{
	if (*text != NULL)
		*text = lk_arena_strndup(arena, *text, strlen(*text));
}

void lk_completion_run(const struct lk_completion *completion, const struct lk_method *method,
	struct lk_status status, struct lk_bytes body, struct lk_arena *scratch)
{
	struct lk_arena *arena = completion->arena != NULL ? completion->arena : scratch;
	ProtobufCMessage *response = NULL;

	if (status.code == LK_OK) {
		status = lk_message_unpack(method->response, body, arena, &response);
		if (status.code == LK_INVALID_ARGUMENT)
			status = LK_ERR(LK_INTERNAL, "the server's answer is malformed");
	} else if (completion->arena != NULL) {
		keep_text(arena, &status.why);
		keep_text(arena, &status.field);
		if (status.why == NULL)
			status.why = "the error text needs too much memory";
	}
	completion->deliver(completion->done, completion->arg, status, response);
}

void lk_rpc_call_async(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	lk_deliver_fn deliver, lk_any_fn done, void *arg)
{
	struct lk_completion completion = { .deliver = deliver, .done = done, .arg = arg };
	static const struct lk_call_options defaults;

	assert(request->descriptor == method->request);
	channel->ops->call(
		channel, method, options != NULL ? options : &defaults, request, &completion);
}

struct waiter {
	pthread_mutex_t mutex;
	pthread_cond_t ready;
	bool is_done;
	struct lk_status status;
	const ProtobufCMessage *response;
};

static void wake(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	struct waiter *waiter = arg;

	(void)done;
	pthread_mutex_lock(&waiter->mutex);
	waiter->status = status;
	waiter->response = response;
	waiter->is_done = true;
	pthread_cond_signal(&waiter->ready);
	pthread_mutex_unlock(&waiter->mutex);
}

struct lk_status lk_rpc_call(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	struct lk_arena *arena, ProtobufCMessage **response_out)
{
	struct waiter waiter = { .mutex = PTHREAD_MUTEX_INITIALIZER,
		.ready = PTHREAD_COND_INITIALIZER };
	struct lk_completion completion = { .deliver = wake, .arg = &waiter, .arena = arena };
	static const struct lk_call_options defaults;

	assert(request->descriptor == method->request);
	channel->ops->call(
		channel, method, options != NULL ? options : &defaults, request, &completion);
	/* The channel keeps the deadline, so this wait ends. */
	pthread_mutex_lock(&waiter.mutex);
	while (!waiter.is_done)
		pthread_cond_wait(&waiter.ready, &waiter.mutex);
	pthread_mutex_unlock(&waiter.mutex);
	pthread_mutex_destroy(&waiter.mutex);
	pthread_cond_destroy(&waiter.ready);
	if (waiter.status.code == LK_OK)
		*response_out = (ProtobufCMessage *)(uintptr_t)waiter.response;
	return waiter.status;
}

void lk_channel_close(struct lk_channel *channel)
{
	if (channel != NULL)
		channel->ops->close(channel);
}
