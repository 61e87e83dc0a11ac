/* SPDX-License-Identifier: MIT */
/* What generated stubs and tables are made of, and how a stub makes its call.
 *
 * protoc-gen-latchkey writes tables of these types; client channels and the server's dispatch
 * read them. A method is a number, a lane, a scope and two message types; nothing here knows a
 * transport.
 */
#pragma once

#include "proto/wire/frame.h"
#include "proto/wire/message.h"

/* Changes when generated code has to be generated anew. */
#define LK_RPC_ABI 2

/* A call without a timeout of its own gets this one. */
#define LK_TIMEOUT_MS_DEFAULT 10000

/* google.protobuf.MethodOptions.IdempotencyLevel */
enum lk_idempotency {
	LK_IDEMPOTENCY_UNKNOWN = 0, /* may change something each time: never retried blindly */
	LK_NO_SIDE_EFFECTS = 1,
	LK_IDEMPOTENT = 2,
};

#define LK_NO_REALM SIZE_MAX

struct lk_call;

/* Calls the handler of one method; generated. `handlers` is the service's struct of handlers,
 * request and response are of the method's types. */
typedef struct lk_status (*lk_serve_fn)(const void *handlers, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage *response);

struct lk_method {
	uint16_t number;
	enum lk_lane lane;
	enum lk_idempotency idempotency;
	const char *name;    /* "CreateKey" */
	const char *service; /* "latchkey.v1.KeyService" */
	const char *scope;   /* that the calling service needs; NULL: none */
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
	size_t realm_offset; /* of the request's `string realm`, or LK_NO_REALM */
	lk_serve_fn serve;
	bool takes_subject; /* may be called for an end user */
};

/* A call that changes something, and so has an idempotency key. */
static inline bool lk_method_changes(const struct lk_method *method)
{
	return method->idempotency != LK_NO_SIDE_EFFECTS && method->lane != LK_LANE_FAST;
}

/* A field that holds a secret: left out of logs, wiped after use. */
struct lk_secret_field {
	const ProtobufCMessageDescriptor *message;
	uint32_t number; /* of the field in it */
};

struct lk_service {
	const char *name; /* "latchkey.v1.KeyService" */
	const struct lk_method *methods;
	size_t n_methods;
	const struct lk_secret_field *secrets; /* of all that its methods carry, however deep */
	size_t n_secrets;
};

/* What a generated lk_serve_fn answers for a handler that is NULL. */
#define LK_NOT_SERVED LK_ERR(LK_UNIMPLEMENTED, "this server does not implement the method")

/* --- the calling side --- */

struct lk_call_options {
	uint32_t timeout_ms;             /* 0: LK_TIMEOUT_MS_DEFAULT */
	struct lk_bytes idempotency_key; /* 16 to 64 bytes, or empty: the channel makes one for
					  * methods that change something */
	const char *traceparent;         /* W3C Trace Context, or NULL */
	struct lk_bytes subject;         /* a packed latchkey.v1.Subject, or empty */
	struct lk_bytes credential;      /* of this call; empty: the channel's */
	unsigned attempts_max;           /* 1: it is not tried again; 0: LK_ATTEMPTS_MAX */
};

/* Any function; cast back to what it was before it is called. */
typedef void (*lk_any_fn)(void);

/* Hands a result to a typed callback; generated. The response is NULL unless status is OK. */
typedef void (*lk_deliver_fn)(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response);

/* What becomes of a call's result. */
struct lk_completion {
	lk_deliver_fn deliver;
	lk_any_fn done;
	void *arg;
	struct lk_arena *arena; /* where the response goes; NULL: the channel's own scratch,
				 * gone when the callback returns */
};

struct lk_channel;

/* A channel's implementation. `call` never blocks on the network, copies what it needs of
 * its arguments before it returns, and sees to it that lk_completion_run is called exactly
 * once, on any thread, possibly before it returns. Thread-safe. */
struct lk_channel_ops {
	void (*call)(struct lk_channel *channel, const struct lk_method *method,
		const struct lk_call_options *options, const ProtobufCMessage *request,
		const struct lk_completion *completion);
	void (*close)(struct lk_channel *channel);
};

/* First member of every channel. */
struct lk_channel {
	const struct lk_channel_ops *ops;
};

/* Fails what is outstanding with LK_CANCELLED and frees the channel. NULL is allowed. */
void lk_channel_close(struct lk_channel *channel);

/* Makes a call and waits for it. options may be NULL. The response lives in the arena, and so
 * does the status's text. Any code; LK_DEADLINE_EXCEEDED after the timeout at the latest.
 * Must not be called from a channel's callback. */
LK_MUST_USE struct lk_status lk_rpc_call(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	struct lk_arena *arena, ProtobufCMessage **response_out);

/* Makes a call and returns at once; `done` runs exactly once, with a response that is gone when
 * it returns. It must not block. */
void lk_rpc_call_async(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	lk_deliver_fn deliver, lk_any_fn done, void *arg);

/* For channels: unpacks the body where the completion wants it and delivers. */
void lk_completion_run(const struct lk_completion *completion, const struct lk_method *method,
	struct lk_status status, struct lk_bytes body, struct lk_arena *scratch);

/* --- between a channel and a server in one process --- */

/* Takes the reply to a frame; its bytes are gone when this returns. Must not block. */
typedef void (*lk_reply_fn)(void *arg, struct lk_bytes reply);

/* Hands a request frame to a server. The frame's bytes stay valid until `done` has run, which
 * happens exactly once, on any thread, possibly before this returns. Never blocks. */
typedef void (*lk_submit_fn)(
	void *submit_arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg);

/* --- the answering side --- */

/* Who calls, for whom, and the transaction of a change; the server defines them. */
struct lk_caller;
struct lk_subject;
struct lk_server;
struct lk_txn;

/* One call being answered. Handlers allocate from the arena, which is reset after the reply. */
struct lk_call {
	struct lk_arena *arena;
	const struct lk_method *method;
	const struct lk_caller *caller; /* NULL: a caller without a credential */
	void *context;                  /* of the binding */
	struct lk_txn *txn;             /* NULL outside the WRITE lane, or without a store */
	int realm;                      /* index of the request's realm; -1: it has none */
	const char *realm_name;         /* "" when it has none; indexes do not outlive a process */
	lk_time_ms now;                 /* when the call came in */
	lk_mono_ms deadline;
	struct lk_bytes body;             /* the request as it came */
	struct lk_bytes idempotency_key;  /* empty: none was sent */
	struct lk_bytes packed_subject;   /* a latchkey.v1.Subject as it came, or empty */
	const char *traceparent;          /* "" when none was sent */
	const struct lk_subject *subject; /* for whom the service calls; NULL: nobody */

	/* A signature may be verified here and now. Where it may not, a handler that has to sets
	 * must_compute and returns any error: the call is served again where it may. */
	bool may_compute;
	bool must_compute;

	/* A WRITE handler that returns LK_OK may set these: called once with the outcome of the
	 * commit, before the reply leaves, on the committer's thread. */
	void (*on_commit)(void *arg, struct lk_status outcome);
	void *on_commit_arg;

	/* A WRITE handler that returns LK_OK may set this to an error: what it wrote is committed,
	 * and then the caller is told the error. */
	struct lk_status answer;

	/* The runtime's own. */
	struct lk_server *server;
	ProtobufCMessage *replay; /* the recorded answer, in the place of a new one */
};

/* A service and the handlers that serve it. */
struct lk_binding {
	const struct lk_service *service;
	const void *handlers; /* the generated struct; a NULL member answers UNIMPLEMENTED */
	void *context;        /* found again in lk_call.context */
};
