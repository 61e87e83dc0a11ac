/* SPDX-License-Identifier: MIT */
#include "server/rpc/services.h"

#include <string.h>

#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/health.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/reflection.rpc.h"

void lk_services_bind(struct lk_services *services)
{
	const struct lk_binding bindings[LK_SERVICES_N] = {
		{ &lk_auth_service, &lk_auth_handlers, services },
		{ &lk_key_service, &lk_key_handlers, services },
		{ &lk_health_service, &lk_health_handlers, services },
		{ &lk_reflection_service, &lk_reflection_handlers, services },
	};

	memcpy(services->bindings, bindings, sizeof bindings);
}

static struct lk_status authenticate_service(void *arg, const struct lk_peer *peer,
	struct lk_bytes credential, lk_time_ms now, struct lk_caller *caller_out)
{
	struct lk_services *services = arg;
	const struct lk_auth_request request = {
		.realm = lk_realms_at(lk_index_realms(services->index), 0),
		.credentials = &credential,
		.n_credentials = credential.n > 0 ? 1 : 0,
		.now = now,
	};
	struct lk_verdict verdict;
	struct lk_status st;

	if (peer->is_operator && credential.n == 0) {
		*caller_out = (struct lk_caller) { .is_operator = true };
		return LK_SUCCESS;
	}
	lk_index_enter();
	st = lk_authenticate(&services->verifier, &request, &verdict);
	if (st.code == LK_OK && verdict.reason == LK_DENY_NONE) {
		*caller_out = (struct lk_caller) { .rights.scopes = verdict.entry->scopes.w[0] };
		lk_entry_realms(verdict.entry, caller_out->rights.realms);
		lk_id_format(LK_ID_KEY, &verdict.entry->key_id, caller_out->key_id);
	} else {
		st = LK_ERR(LK_UNAUTHENTICATED, "the service key is missing or not valid");
	}
	lk_index_leave();
	return st;
}

static int find_scope(void *arg, const char *name)
{
	struct lk_services *services = arg;
	const struct lk_realm *realm = lk_realms_at(lk_index_realms(services->index), 0);
	int bit = lk_catalog_find(&realm->catalog, lk_bytes_of(name));

	return bit < 64 ? bit : -1;
}

static int find_realm(void *arg, const char *name)
{
	struct lk_services *services = arg;
	const struct lk_realm *realm =
		lk_realms_find(lk_index_realms(services->index), lk_bytes_of(name));

	return realm != NULL ? (int)realm->index : -1;
}

struct lk_authorizer lk_services_authorizer(struct lk_services *services)
{
	return (struct lk_authorizer) {
		.arg = services,
		.authenticate = authenticate_service,
		.scope = find_scope,
		.realm = find_realm,
	};
}
