/* SPDX-License-Identifier: MIT */
/* A channel within the process that answers FAST calls as a function call: no frame is written or
 * read, and the answer is made where the caller wants it. Rights and realms are judged as for a
 * frame; whatever is not an ordinary FAST call goes to the channel behind it, and so does one that
 * has a credential of its own, or has to verify a signature first.
 */
#pragma once

#include "server/rpc/server.h"

/* Who calls is `caller`, copied; `rest` is another channel of the same caller, owned from now on,
 * also after a failure. The server outlives the channel's last call. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_direct_open(struct lk_server *server,
	const struct lk_caller *caller, struct lk_channel *rest, struct lk_channel **channel_out);
