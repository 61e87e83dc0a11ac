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
