/* SPDX-License-Identifier: MIT */
/* The services of latchkey.v1: messages in, core calls, messages out; no logic of their own. */
#pragma once

#include "server/core/decision.h"
#include "server/core/guesses.h"
#include "server/core/keys.h"
#include "server/rpc/server.h"

#define LK_SERVICES_N 6

/* What the handlers work on; outlives the server. */
struct lk_services {
	struct lk_verifier verifier;
	struct lk_index *index;
	struct lk_store *store;
	struct lk_committer *committer;
	const struct lk_peppers *peppers;
	struct lk_guesses *guesses;
	struct lk_server *server;       /* set once it exists, before it is given frames */
	struct lk_bytes descriptor_set; /* of every service, for reflection */
	struct lk_binding bindings[LK_SERVICES_N];
};

/* Fills in the bindings, their context the services themselves. */
void lk_services_bind(struct lk_services *services);

/* Who may call: the operator over its socket, and service keys of the realm `latchkey`. */
struct lk_authorizer lk_services_authorizer(struct lk_services *services);

/* What the core needs to know of a call. */
struct lk_core_call lk_core_call_of(struct lk_call *call);

/* The key that signs the realm's tokens; false: there is none. A secret: wipe it. */
bool lk_services_signer(const struct lk_services *services, const struct lk_realm *realm,
	struct lk_signer *signer_out);

extern const struct lk_auth_service_handlers lk_auth_handlers;
extern const struct lk_key_service_handlers lk_key_handlers;
extern const struct lk_user_service_handlers lk_user_handlers;
extern const struct lk_keyring_service_handlers lk_keyring_handlers;
extern const struct lk_health_service_handlers lk_health_handlers;
extern const struct lk_reflection_service_handlers lk_reflection_handlers;
