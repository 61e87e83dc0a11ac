/* SPDX-License-Identifier: MIT */
#include "server/rpc/direct.h"

#include "server/rpc/rpc_priv.h"

struct direct {
	struct lk_channel base;
	struct lk_server *server;
	struct lk_caller caller;
	struct lk_channel *rest;
};

/* What can be answered here. Refusals are left to the channel behind, which tells them alike. */
static const struct lk_entry *find_here(const struct direct *direct, const struct lk_method *method,
	const struct lk_call_options *options, const struct lk_completion *completion)
{
	const struct lk_entry *entry;

	if (method->lane != LK_LANE_FAST || completion->arena == NULL || options->subject.n > 0 ||
		options->credential.n > 0 || options->idempotency_key.n > 0 ||
		options->traceparent != NULL || lk_server_is_draining(direct->server))
		return NULL;
	entry = lk_server_find(direct->server, method->number);
	if (entry == NULL || (direct->caller.rights.scopes & entry->scope) != entry->scope)
		return NULL;
	return entry;
}

static void observe(const struct lk_call *call, struct lk_status status, uint64_t arrived_us)
{
	const struct lk_server_options *options = &call->server->options;

	if (options->on_call != NULL)
		options->on_call(
			options->arg, &(struct lk_call_outcome) {
					      .method = call->method,
					      .caller = call->caller,
					      .traceparent = "",
					      .status = status,
					      .duration_us = options->mono_us() - arrived_us,
				      });
}

/* False when the call has to verify a signature first: it has not run. */
static bool answer(struct direct *direct, const struct lk_entry *entry,
	const ProtobufCMessage *request, const struct lk_completion *completion)
{
	const struct lk_server_options *server = &direct->server->options;
	uint64_t arrived_us = server->mono_us();
	ProtobufCMessage *response = NULL;
	struct lk_status status;
	struct lk_call call = {
		.arena = completion->arena,
		.method = entry->method,
		.caller = &direct->caller,
		.context = entry->binding->context,
		.realm = -1,
		.realm_name = "",
		.server = direct->server,
		.now = server->now(),
		.traceparent = "",
	};

	status = lk_intercept_before(direct->server, &call, request);
	if (status.code == LK_OK)
		status = lk_dispatch_serve(entry, &call, request, &response);
	if (call.must_compute)
		return false;
	observe(&call, status, arrived_us);
	completion->deliver(
		completion->done, completion->arg, status, status.code == LK_OK ? response : NULL);
	return true;
}

static void call_direct(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	const struct lk_completion *completion)
{
	struct direct *direct = (struct direct *)channel;
	const struct lk_entry *entry = find_here(direct, method, options, completion);

	if (entry == NULL || !answer(direct, entry, request, completion))
		direct->rest->ops->call(direct->rest, method, options, request, completion);
}

static void close_direct(struct lk_channel *channel)
{
	struct direct *direct = (struct direct *)channel;

	lk_channel_close(direct->rest);
	lk_free(direct);
}

struct lk_status lk_direct_open(struct lk_server *server, const struct lk_caller *caller,
	struct lk_channel *rest, struct lk_channel **channel_out)
{
	static const struct lk_channel_ops ops = { .call = call_direct, .close = close_direct };
	struct direct *direct = lk_alloc(sizeof *direct);

	if (direct == NULL) {
		lk_channel_close(rest);
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for a channel");
	}
	direct->base.ops = &ops;
	direct->server = server;
	direct->caller = *caller;
	direct->rest = rest;
	*channel_out = &direct->base;
	return LK_SUCCESS;
}
