/* SPDX-License-Identifier: MIT */
#include "tests/channel/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ECHO(number_, lane_, idempotency_) \
	{ \
		.number = (number_), .lane = (lane_), .idempotency = (idempotency_), \
		.name = "Echo", .service = "latchkey.test.EchoService", \
		.request = &latchkey__v1__health_check_request__descriptor, \
		.response = &latchkey__v1__health_check_request__descriptor, \
		.realm_offset = LK_NO_REALM \
	}

const struct lk_method method_read = ECHO(1, LK_LANE_READ, LK_NO_SIDE_EFFECTS);
const struct lk_method method_verify = ECHO(2, LK_LANE_FAST, LK_IDEMPOTENT);
const struct lk_method method_write = ECHO(3, LK_LANE_WRITE, LK_IDEMPOTENCY_UNKNOWN);

static _Thread_local char last_answer[256];

const char *answer_text(void)
{
	return last_answer;
}

void rig_url(struct responder *responder)
{
	static _Atomic unsigned n;

	snprintf(responder->url, sizeof responder->url, "ipc://channel-%d-%u.sock", (int)getpid(),
		n++);
}

void rig_open_with(struct rig *rig, behave_fn behave, struct lk_channel_options options)
{
	struct lk_status status;

	memset(rig, 0, sizeof *rig);
	lk_arena_init(&rig->arena, 65536);
	rig_url(&rig->responder);
	responder_start(&rig->responder, behave);
	options.url = rig->responder.url;
	status = lk_channel_open(&options, &rig->channel);
	if (status.code != LK_OK)
		abort();
}

void rig_open(struct rig *rig, behave_fn behave)
{
	rig_open_with(rig, behave, (struct lk_channel_options) { .window = 0 });
}

void rig_close(struct rig *rig)
{
	lk_channel_close(rig->channel);
	responder_stop(&rig->responder);
	lk_arena_fini(&rig->arena);
	if (strncmp(rig->responder.url, "ipc://", 6) == 0)
		unlink(rig->responder.url + 6);
}

struct lk_status ask(
	struct rig *rig, const struct lk_method *method, const char *text, uint32_t timeout_ms)
{
	struct lk_call_options options = { .timeout_ms = timeout_ms };

	return ask_with(rig, method, text, &options);
}

struct lk_status ask_with(struct rig *rig, const struct lk_method *method, const char *text,
	const struct lk_call_options *options)
{
	Latchkey__V1__HealthCheckRequest request;
	ProtobufCMessage *response;
	struct lk_status status;

	latchkey__v1__health_check_request__init(&request);
	request.service = (char *)(uintptr_t)text;
	status = lk_rpc_call(rig->channel, method, options, &request.base, &rig->arena, &response);
	last_answer[0] = '\0';
	if (status.code == LK_OK)
		snprintf(last_answer, sizeof last_answer, "%s",
			((const Latchkey__V1__HealthCheckRequest *)response)->service);
	return status;
}

void tally_init(struct tally *tally)
{
	memset(tally, 0, sizeof *tally);
	pthread_mutex_init(&tally->mutex, NULL);
	pthread_cond_init(&tally->changed, NULL);
}

void tally_deliver(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	struct tally *tally = arg;

	(void)done;
	if (tally->seen != NULL && response != NULL)
		tally->seen[strtoul(
			((const Latchkey__V1__HealthCheckRequest *)response)->service, NULL, 10)]++;
	pthread_mutex_lock(&tally->mutex);
	tally->n++;
	tally->codes[status.code]++;
	pthread_cond_broadcast(&tally->changed);
	pthread_mutex_unlock(&tally->mutex);
}

void ask_async(struct lk_channel *channel, const struct lk_method *method, unsigned number,
	uint32_t timeout_ms, struct tally *tally)
{
	Latchkey__V1__HealthCheckRequest request;
	struct lk_call_options options = { .timeout_ms = timeout_ms };
	char text[16];

	latchkey__v1__health_check_request__init(&request);
	snprintf(text, sizeof text, "%u", number);
	request.service = text;
	lk_rpc_call_async(channel, method, &options, &request.base, tally_deliver, NULL, tally);
}

void tally_await(struct tally *tally, unsigned n)
{
	pthread_mutex_lock(&tally->mutex);
	while (tally->n < n)
		pthread_cond_wait(&tally->changed, &tally->mutex);
	pthread_mutex_unlock(&tally->mutex);
}
