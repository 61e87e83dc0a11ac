/* SPDX-License-Identifier: MIT */
/* The subject of a call: the end user for whom a service calls, proven by their own credential.
 *
 * A copy of what the decision found, so that it may outlive the index's entry.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/network.h"
#include "server/core/permset.h"
#include "server/store/layout.h"

struct lk_subject {
	bool is_session;                           /* else an API key */
	struct lk_key_id id;                       /* of the session or of the key */
	char user_id[LK_OWNER_ID_MAX + 1];         /* "": the key has none */
	char organization_id[LK_OWNER_ID_MAX + 1]; /* "": none */
	struct lk_permset permissions;             /* what the credential allows now */
	char client_address[LK_ADDRESS_TEXT_SIZE]; /* "": unknown, or not for the caller to say */
};
