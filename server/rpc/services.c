/* SPDX-License-Identifier: MIT */
#include "server/rpc/services.h"

#include <stdio.h>
#include <string.h>

#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/health.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/keyring.rpc.h"
#include "latchkey/v1/reflection.rpc.h"
#include "latchkey/v1/user.rpc.h"

void lk_services_bind(struct lk_services *services)
{
	const struct lk_binding bindings[LK_SERVICES_N] = {
		{ &lk_auth_service, &lk_auth_handlers, services },
		{ &lk_key_service, &lk_key_handlers, services },
		{ &lk_user_service, &lk_user_handlers, services },
		{ &lk_keyring_service, &lk_keyring_handlers, services },
		{ &lk_health_service, &lk_health_handlers, services },
		{ &lk_reflection_service, &lk_reflection_handlers, services },
	};

	memcpy(services->bindings, bindings, sizeof bindings);
}

struct lk_core_call lk_core_call_of(struct lk_call *call)
{
	struct lk_services *services = call->context;
	const struct lk_realms *realms = lk_index_realms(services->index);

	return (struct lk_core_call) {
		.realms = realms,
		.realm = lk_realms_at(realms, (unsigned)call->realm),
		.peppers = services->peppers,
		.arena = call->arena,
		.now = call->now,
		.rights = call->caller == NULL || call->caller->is_operator ? NULL
									    : &call->caller->rights,
		.subject = call->subject,
	};
}

bool lk_services_signer(const struct lk_services *services, const struct lk_realm *realm,
	struct lk_signer *signer_out)
{
	const struct lk_signer *signer;

	lk_index_enter();
	signer = lk_keyring_signer(lk_index_keyring(services->index, realm));
	if (signer != NULL)
		*signer_out = *signer;
	lk_index_leave();
	return signer != NULL;
}

static int find_scope(void *arg, const char *name)
{
	struct lk_services *services = arg;
	const struct lk_realm *realm = lk_realms_at(lk_index_realms(services->index), 0);
	int bit = lk_catalog_find(&realm->catalog, lk_bytes_of(name));

	return bit < 64 ? bit : -1;
}

static bool has_scope(
	struct lk_services *services, const struct lk_caller *caller, const char *name)
{
	int bit = find_scope(services, name);

	return bit >= 0 && (caller->rights.scopes >> bit & 1) != 0;
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
		*caller_out = (struct lk_caller) { .is_operator = true, .may_assert = true };
		return LK_SUCCESS;
	}
	if (peer->caller != NULL && credential.n == 0) {
		*caller_out = *peer->caller;
		return LK_SUCCESS;
	}
	lk_index_enter();
	st = lk_authenticate(&services->verifier, &request, &verdict);
	if (st.code == LK_OK && verdict.reason == LK_DENY_NONE) {
		*caller_out = (struct lk_caller) { .rights.scopes = verdict.entry->scopes.w[0] };
		caller_out->may_assert = has_scope(services, caller_out, "client.assert");
		lk_entry_realms(verdict.entry, caller_out->rights.realms);
		lk_id_format(LK_ID_KEY, &verdict.entry->key_id, caller_out->key_id);
	} else {
		st = LK_ERR(LK_UNAUTHENTICATED, "the service key is missing or not valid");
	}
	lk_index_leave();
	return st;
}

static int find_realm(void *arg, const char *name)
{
	struct lk_services *services = arg;
	const struct lk_realm *realm =
		lk_realms_find(lk_index_realms(services->index), lk_bytes_of(name));

	return realm != NULL ? (int)realm->index : -1;
}

static struct lk_status refuse_subject(enum lk_deny_reason reason)
{
	return (struct lk_status) { .code = LK_UNAUTHENTICATED,
		.why = lk_deny_message(reason),
		.reason = LK_SUBJECT_REFUSED };
}

/* The entry is gone when the call runs. */
static void copy_subject(const struct lk_verdict *verdict, const char *client_address,
	struct lk_subject *subject_out)
{
	*subject_out = (struct lk_subject) { .permissions = verdict->permissions };
	/* Whom the configuration lists has nothing of their own. */
	if (verdict->external != NULL) {
		subject_out->is_session = true;
		snprintf(subject_out->user_id, sizeof subject_out->user_id, "%s",
			verdict->external->user_id);
	}
	if (verdict->entry != NULL) {
		subject_out->is_session = verdict->caller == LK_CALLER_SESSION;
		subject_out->id = verdict->entry->key_id;
		snprintf(subject_out->user_id, sizeof subject_out->user_id, "%s",
			lk_entry_user_id(verdict->entry));
	}
	snprintf(subject_out->organization_id, sizeof subject_out->organization_id, "%s",
		verdict->organization_id);
	snprintf(subject_out->client_address, sizeof subject_out->client_address, "%s",
		client_address);
}

static struct lk_status find_subject(void *arg, struct lk_call *call,
	const Latchkey__V1__Subject *subject, struct lk_subject *subject_out)
{
	bool may_assert = call->caller != NULL && call->caller->may_assert;
	struct lk_services *services = arg;
	const char *address = may_assert ? subject->client_address : "";
	struct lk_bytes credential = { NULL, 0 };
	struct lk_external external;
	struct lk_auth_request request = {
		.realm = lk_realms_at(lk_index_realms(services->index), (unsigned)call->realm),
		.credentials = &credential,
		.external = &external,
		.n_credentials = subject->n_credentials,
		.client_address = lk_bytes_of(address),
		.user_agent = lk_bytes_of(may_assert ? subject->user_agent : ""),
		.now = call->now,
		.may_compute = call->may_compute,
	};
	struct lk_verdict verdict;
	struct lk_status st;

	if (call->realm < 0)
		return LK_BAD_FIELD("subject.realm", "the request has no realm");
	if (subject->n_credentials > 0)
		credential = lk_bytes_of(subject->credentials[0]->value);
	lk_index_enter();
	st = lk_authenticate(&services->verifier, &request, &verdict);
	if (st.code == LK_OK && verdict.reason != LK_DENY_NONE)
		st = refuse_subject(verdict.reason);
	if (st.code == LK_OK)
		copy_subject(&verdict, address, subject_out);
	lk_index_leave();
	call->must_compute = verdict.must_compute;
	return st;
}

struct lk_authorizer lk_services_authorizer(struct lk_services *services)
{
	return (struct lk_authorizer) {
		.arg = services,
		.authenticate = authenticate_service,
		.scope = find_scope,
		.realm = find_realm,
		.subject = find_subject,
	};
}
