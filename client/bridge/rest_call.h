/* SPDX-License-Identifier: MIT */
/* What an adapter sees of the bridge: calls to answer, and the service behind them.
 *
 * An adapter is one documented system: a handler for each route of its surface, which turns the
 * route's message into a call of the core services and the answer back; and what the system says
 * when something is refused. All of it runs in the loop of the request and must not block.
 */
#pragma once

#include "client/bridge/http.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "proto/wire/rest.h"

/* Why a request is refused. */
enum lk_fault {
	LK_FAULT_DENIED,       /* the credential: see `reason` */
	LK_FAULT_KEY,          /* an API key where a person has to be signed in */
	LK_FAULT_ORGANIZATION, /* the caller belongs to no organisation */
	LK_FAULT_ORIGIN,       /* a cookie, sent by a page that may not send it */
	LK_FAULT_ROUTE,        /* no rule lets anybody through here */
	LK_FAULT_CALL,         /* the service answered `status` */
	LK_FAULT_HTTP,         /* the request itself: `http` */
};

struct lk_failure {
	enum lk_fault fault;
	lk_deny_reason reason;
	bool is_key;             /* the credential is an API key */
	struct lk_status status; /* of a call; its `field` is the core's */
	unsigned http;           /* of a request: 400, 404, 405, 408, 413, 415 ... */
	const char *why;         /* of a request: a sentence, which may name a member; or NULL */
	const char *field;       /* of a request: what is wrong in it, as its client knows it */
	uint32_t retry_ms;       /* of 429: when to come again; 0: that is not known */
};

struct lk_adapter {
	const struct lk_rest_surface *surface;
	const void *handlers; /* the generated struct */
	/* The error of the surface (its number) that tells of a failure. */
	int (*error_for)(const struct lk_failure *failure);
	/* The surface's error message. `why` says more than the error's own message, or is NULL;
	 * `field` is the header or member that is wrong, or NULL. NULL when memory is short. */
	const ProtobufCMessage *(*error_message)(struct lk_arena *arena,
		const struct lk_rest_error *error, const char *why, const char *field);
};

/* A text for a field of protobuf-c, which wants one that is not const; nobody writes to it. */
static inline char *lk_rest_text(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* Memory of the call; gone after the answer. Not to be used while lk_rest_call_service is under
 * way. */
struct lk_arena *lk_rest_arena(struct lk_rest_call *call);

const char *lk_rest_realm(const struct lk_rest_call *call);

/* The credential as presented; "" on a route for anybody. */
const char *lk_rest_credential(const struct lk_rest_call *call);

/* "" when they are not known. */
const char *lk_rest_client_address(const struct lk_rest_call *call);
const char *lk_rest_user_agent(const struct lk_rest_call *call);

/* On a route for anybody that is told who is signed in. */
bool lk_rest_is_signed_in(const struct lk_rest_call *call);

/* What an adapter keeps between two calls of the service; NULL at first. */
void lk_rest_set_state(struct lk_rest_call *call, void *state);
void *lk_rest_state(const struct lk_rest_call *call);

lk_time_ms lk_rest_now(const struct lk_rest_call *call);

/* What happens when the service has answered. The response is NULL unless status is OK; both last
 * as long as the call. */
typedef void (*lk_rest_next_fn)(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *response);

/* Calls a method, for the caller as subject where the method takes one, and goes on with `next`.
 * The last thing that a step does. */
void lk_rest_call_service(struct lk_rest_call *call, const struct lk_method *method,
	const ProtobufCMessage *request, lk_rest_next_fn next);

/* The service's SignIn, RefreshToken, and SignOut of the session whose token was presented; for the
 * client that asks (rest_people.c). */
void lk_rest_sign_in(struct lk_rest_call *call, char *email, char *password, lk_rest_next_fn next);
void lk_rest_refresh(struct lk_rest_call *call, char *refresh_token, lk_rest_next_fn next);
void lk_rest_sign_out(struct lk_rest_call *call, lk_rest_next_fn next);

/* GetKey of the caller's key `id`; RevokeKey of it, if it was not revoked before; and ListKeys of
 * all that the caller has and that is not revoked, as one response. The latter two take the state
 * of the call (rest_keys.c). */
void lk_rest_get_key(struct lk_rest_call *call, char *id, lk_rest_next_fn next);
void lk_rest_revoke_key(struct lk_rest_call *call, char *id, lk_rest_next_fn next);
void lk_rest_list_keys(struct lk_rest_call *call, lk_rest_next_fn next);

/* The key of GetKey's answer; NULL when the call was answered, and is gone: there is no such key,
 * or it was revoked. */
lk_key *lk_rest_got_key(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message);

/* The HTTP status of a failure, where nothing says otherwise (rest_error.c). */
unsigned lk_failure_status(const struct lk_failure *failure);

/* A surface's first error with that status; where it has none, with 400 or 500; 0: not that either.
 */
int lk_rest_error_with(const struct lk_rest_surface *surface, unsigned status);
int lk_rest_error_of(const struct lk_rest_surface *surface, const struct lk_failure *failure);

/* Adds `Location`: the path of the request, and `id` as a further segment. */
void lk_rest_add_location(struct lk_rest_call *call, const char *id);

/* Answers with the error that the adapter has for it. */
void lk_rest_fail(struct lk_rest_call *call, const struct lk_failure *failure);

/* LK_FAULT_CALL. */
void lk_rest_fail_status(struct lk_rest_call *call, struct lk_status status);

/* LK_FAULT_HTTP. */
void lk_rest_fail_http(struct lk_rest_call *call, unsigned http, const char *why);
