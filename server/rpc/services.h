/* SPDX-License-Identifier: MIT */
/* The services of latchkey.v1: messages in, core calls, messages out; no logic of their own. */
#pragma once

#include "server/core/decision.h"
#include "server/core/keys.h"
#include "server/rpc/server.h"

#define LK_SERVICES_N 4

/* What the handlers work on; outlives the server. */
struct lk_services {
	struct lk_verifier verifier;
	struct lk_index *index;
	struct lk_store *store;
	struct lk_committer *committer;
	const struct lk_peppers *peppers;
	struct lk_server *server;       /* set once it exists, before it is given frames */
	struct lk_bytes descriptor_set; /* of every service, for reflection */
	struct lk_binding bindings[LK_SERVICES_N];
};

/* Fills in the bindings, their context the services themselves. */
void lk_services_bind(struct lk_services *services);

/* Who may call: the operator over its socket, and service keys of the realm `latchkey`. */
struct lk_authorizer lk_services_authorizer(struct lk_services *services);

extern const struct lk_auth_service_handlers lk_auth_handlers;
extern const struct lk_key_service_handlers lk_key_handlers;
extern const struct lk_health_service_handlers lk_health_handlers;
extern const struct lk_reflection_service_handlers lk_reflection_handlers;
