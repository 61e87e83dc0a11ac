/* SPDX-License-Identifier: MIT */
#include "server/rpc/rpc_priv.h"

struct interceptor {
	struct lk_status (*before)(
		struct lk_server *server, struct lk_call *call, const ProtobufCMessage *request);
	void (*after)(
		const struct lk_work *work, const struct lk_slot *slot, const char *traceparent);
};

/* A FAST call never waited; for the others the deadline may have passed in the queue or while
 * earlier calls of the frame ran. */
static struct lk_status refuse_late(
	struct lk_server *server, struct lk_call *call, const ProtobufCMessage *request)
{
	(void)request;
	if (call->method->lane == LK_LANE_FAST ||
		(lk_mono_ms)(server->options.mono_us() / 1000) < call->deadline)
		return LK_SUCCESS;
	return LK_ERR(LK_DEADLINE_EXCEEDED, "the deadline passed before the call could run");
}

static bool may_act_in(const struct lk_caller *caller, int realm)
{
	return caller != NULL && realm >= 0 && realm < LK_REALMS_MAX &&
	       (caller->rights.realms[realm / 64] >> (realm % 64) & 1) != 0;
}

/* A service learns nothing about realms that it may not act in, not even whether they exist. */
static struct lk_status resolve_realm(
	struct lk_server *server, struct lk_call *call, const ProtobufCMessage *request)
{
	const struct lk_authorizer *authorizer = server->options.authorizer;
	size_t offset = call->method->realm_offset;
	const char *name;

	if (offset == LK_NO_REALM || authorizer == NULL)
		return LK_SUCCESS;
	name = *(const char *const *)(const void *)((const char *)request + offset);
	if (name[0] == '\0')
		return LK_BAD_FIELD("realm", "must not be empty");
	call->realm = authorizer->realm(authorizer->arg, name);
	call->realm_name = name;
	/* What needs no scope is for everybody. */
	if (call->method->scope == NULL || (call->caller != NULL && call->caller->is_operator))
		return call->realm >= 0 ? LK_SUCCESS
					: LK_ERR(LK_NOT_FOUND, "there is no such realm");
	if (!may_act_in(call->caller, call->realm))
		return LK_ERR(
			LK_PERMISSION_DENIED, "the calling service may not act in this realm");
	return LK_SUCCESS;
}

/* A call for an end user is the end user's and the service's: both were asked. */
static struct lk_status resolve_subject(
	struct lk_server *server, struct lk_call *call, const ProtobufCMessage *request)
{
	const struct lk_authorizer *authorizer = server->options.authorizer;
	const Latchkey__V1__Subject *packed;
	struct lk_subject *subject;
	ProtobufCMessage *message;

	(void)request;
	if (call->packed_subject.n == 0)
		return LK_SUCCESS;
	if (!call->method->takes_subject || authorizer == NULL || authorizer->subject == NULL)
		return LK_ERR(LK_PERMISSION_DENIED, "the method is not called for an end user");
	LK_TRY(lk_message_unpack(
		&latchkey__v1__subject__descriptor, call->packed_subject, call->arena, &message));
	packed = (const Latchkey__V1__Subject *)message;
	if (authorizer->realm(authorizer->arg, packed->realm) != call->realm)
		return LK_BAD_FIELD("subject.realm", "must be the realm of the request");
	subject = lk_arena_calloc(call->arena, 1, sizeof *subject);
	if (subject == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory");
	LK_TRY(authorizer->subject(authorizer->arg, call, packed, subject));
	call->subject = subject;
	return LK_SUCCESS;
}

static void observe(const struct lk_work *work, const struct lk_slot *slot, const char *traceparent)
{
	const struct lk_server_options *options = &work->server->options;

	if (options->on_call == NULL)
		return;
	options->on_call(
		options->arg, &(struct lk_call_outcome) {
				      .method = slot->entry != NULL ? slot->entry->method : NULL,
				      .caller = work->identity.code == LK_OK ? &work->caller : NULL,
				      .traceparent = traceparent,
				      .status = slot->status,
				      .duration_us = options->mono_us() - work->arrived_us,
			      });
}

/* Around every call, in this order. */
static const struct interceptor interceptors[] = {
	{ .after = observe },
	{ .before = refuse_late },
	{ .before = resolve_realm },
	{ .before = resolve_subject },
};

struct lk_status lk_intercept_before(
	struct lk_server *server, struct lk_call *call, const ProtobufCMessage *request)
{
	for (size_t i = 0; i < LK_COUNT(interceptors); i++)
		if (interceptors[i].before != NULL)
			LK_TRY(interceptors[i].before(server, call, request));
	return LK_SUCCESS;
}

void lk_intercept_after(
	const struct lk_work *work, const struct lk_slot *slot, const char *traceparent)
{
	for (size_t i = LK_COUNT(interceptors); i-- > 0;)
		if (interceptors[i].after != NULL)
			interceptors[i].after(work, slot, traceparent);
}
