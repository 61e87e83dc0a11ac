/* SPDX-License-Identifier: MIT */
/* Who calls: the service behind a frame, and what it may ask for. */
#pragma once

#include <stdbool.h>

#include "proto/wire/rpc.h"
#include "server/core/subject.h"
#include "server/core/realm.h"
#include "latchkey/v1/common.pb-c.h"

/* Resolved once per frame and copied into it, so that slow lanes need no lock. */
struct lk_caller {
	bool is_operator; /* came in over the operator socket: every scope, every realm */
	/* Of a service; bits as lk_authorizer.scope and lk_authorizer.realm number them. */
	struct lk_service_rights rights;
	bool may_assert; /* what it says of an end user's address and user agent is believed */
	char key_id[32]; /* of the service key; "" for the operator */
};

/* Where a frame came from. */
struct lk_peer {
	bool is_operator; /* the operator socket, peer uid checked */
	uint64_t id;      /* of the connection, for logs */
	/* Who calls without a credential: a part of this process. NULL: nobody does. */
	const struct lk_caller *caller;
};

/* How a server learns who calls. All calls are thread-safe and never block. */
struct lk_authorizer {
	void *arg;
	/* LK_UNAUTHENTICATED for a credential that is missing, unknown, expired or revoked; one
	 * text for all of these. */
	struct lk_status (*authenticate)(void *arg, const struct lk_peer *peer,
		struct lk_bytes credential, lk_time_ms now, struct lk_caller *caller_out);
	/* The bit of a scope that the schema names, or -1. Asked once per method at start. */
	int (*scope)(void *arg, const char *name);
	/* Judges the credentials of an end user for whom a service calls, in the realm of the call.
	 * LK_UNAUTHENTICATED, reason SUBJECT_REFUSED. Where it would have to verify a signature and
	 * may not, it sets call->must_compute. NULL: no call has a subject. */
	struct lk_status (*subject)(void *arg, struct lk_call *call,
		const Latchkey__V1__Subject *subject, struct lk_subject *subject_out);
	/* The index of a realm, or -1 for one that is unknown or closed. */
	int (*realm)(void *arg, const char *name);
};
