/* SPDX-License-Identifier: MIT */
/* What every call of the core needs to know beside its own arguments. */
#pragma once

#include "server/core/realm.h"
#include "server/core/subject.h"
#include "server/crypto/crypto.h"

struct lk_core_call {
	const struct lk_realms *realms;
	const struct lk_realm *realm; /* of the call, one of `realms` */
	const struct lk_peppers *peppers;
	struct lk_arena *arena; /* answers live in it */
	lk_time_ms now;
	/* Of the calling service, which in the realm `latchkey` may not give more than it has, nor
	 * get hold of a key that has more. NULL: the operator. */
	const struct lk_service_rights *rights;
	/* For whom the service calls: the call concerns only what is theirs. NULL: nobody. */
	const struct lk_subject *subject;
};

static inline struct lk_bytes lk_call_realm_name(const struct lk_core_call *call)
{
	return lk_bytes_of(call->realm->name);
}

/* Whether the subject of a call, if it has one, may have keys, sessions and the like managed for
 * them: with a session, not with a key, and with these permissions. LK_PERMISSION_DENIED. */
LK_MUST_USE struct lk_status lk_subject_may(
	const struct lk_core_call *call, const struct lk_permset *wanted);

/* The user that the subject is. LK_PERMISSION_DENIED as lk_subject_may. */
LK_MUST_USE struct lk_status lk_subject_user(
	const struct lk_core_call *call, struct lk_key_id *user_id_out);
