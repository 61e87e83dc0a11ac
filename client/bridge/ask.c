/* SPDX-License-Identifier: MIT */
#include "client/bridge/bridge_priv.h"

static void go_on(struct lk_http_exchange *exchange, void *arg)
{
	struct lk_ask *ask = arg;

	(void)exchange;
	ask->next(ask->arg, ask->status, ask->response);
}

static void deliver(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	struct lk_ask *ask = arg;

	(void)done;
	ask->status = status;
	ask->response = response;
	lk_http_resume(ask->exchange, go_on, ask);
}

void lk_ask_with(struct lk_ask *ask, const struct lk_method *method,
	const ProtobufCMessage *request, const struct lk_call_options *options)
{
	struct lk_channel *channel = ask->bridge->options.channel;
	const struct lk_completion completion = {
		.deliver = deliver, .arg = ask, .arena = ask->exchange->arena
	};

	channel->ops->call(channel, method, options, request, &completion);
}

void lk_ask(struct lk_ask *ask, const struct lk_method *method, const ProtobufCMessage *request,
	struct lk_bytes subject)
{
	const struct lk_call_options options = { .timeout_ms = LK_BRIDGE_TIMEOUT_MS,
		.subject = subject };

	lk_ask_with(ask, method, request, &options);
}
