/* SPDX-License-Identifier: MIT */
/* AuthService. Authenticate is the hot path: it runs in the transport's callback and must not
 * allocate but from the call's arena, nor block, nor make a system call. */
#include <string.h>

#include "latchkey/v1/auth.rpc.h"
#include "server/rpc/messages.h"
#include "server/rpc/services.h"

/* More than anybody presents at once; two are already too many. */
#define CREDENTIALS_MAX 8

/* Copies the scopes, which lie one after the other, each with its NUL. */
static char **copy_scopes(struct lk_arena *arena, const struct lk_entry *entry)
{
	char **scopes = lk_arena_alloc(arena, entry->n_scopes * sizeof *scopes);
	char *texts = lk_arena_alloc(arena, entry->scopes_n);

	if (scopes == NULL || texts == NULL)
		return NULL;
	memcpy(texts, lk_entry_scopes(entry), entry->scopes_n);
	for (size_t i = 0; i < entry->n_scopes; i++) {
		scopes[i] = texts;
		texts += strlen(texts) + 1;
	}
	return scopes;
}

/* The entry is gone when the reply is encoded, so its texts are copied. NULL: out of memory. */
static lk_principal *make_principal(struct lk_arena *arena, const struct lk_entry *entry)
{
	lk_principal *principal = lk_arena_alloc(arena, sizeof *principal);
	const char *user_id = lk_entry_user_id(entry);
	const char *organization_id = lk_entry_organization_id(entry);
	const char *name = lk_entry_name(entry);
	char *key_id = lk_arena_alloc(arena, LK_ID_TEXT_SIZE);

	if (principal == NULL || key_id == NULL)
		return NULL;
	*principal = (lk_principal)LK_PRINCIPAL_INIT;
	lk_id_format(LK_ID_KEY, &entry->key_id, key_id);
	principal->key_id = key_id;
	principal->user_id = lk_arena_strndup(arena, user_id, entry->user_id_n);
	principal->organization_id =
		lk_arena_strndup(arena, organization_id, entry->organization_id_n);
	principal->name = lk_arena_strndup(arena, name, entry->name_n);
	principal->n_scopes = entry->n_scopes;
	if (entry->n_scopes > 0)
		principal->scopes = copy_scopes(arena, entry);
	if (entry->expires_ms != INT64_MAX)
		principal->expires_at = lk_timestamp_new(arena, entry->expires_ms);
	return arena->exhausted ? NULL : principal;
}

static struct lk_status read_credentials(
	const lk_authenticate_request *request, struct lk_bytes credentials[CREDENTIALS_MAX])
{
	if (request->n_credentials > CREDENTIALS_MAX)
		return LK_BAD_FIELD("credentials", "has more than 8 entries");
	for (size_t i = 0; i < request->n_credentials; i++) {
		if (request->credentials[i]->kind != LK_CREDENTIAL_KIND_BEARER &&
			request->credentials[i]->kind != LK_CREDENTIAL_KIND_API_KEY)
			return LK_BAD_FIELD("credentials", "has an entry of an unknown kind");
		credentials[i] = lk_bytes_of(request->credentials[i]->value);
	}
	return LK_SUCCESS;
}

static struct lk_status authenticate(struct lk_call *call, const lk_authenticate_request *request,
	lk_authenticate_response *response)
{
	struct lk_services *services = call->context;
	struct lk_bytes credentials[CREDENTIALS_MAX];
	const struct lk_auth_request question = {
		.realm = lk_realms_at(lk_index_realms(services->index), (unsigned)call->realm),
		.credentials = credentials,
		.n_credentials = request->n_credentials,
		.permissions = (const char *const *)request->permissions,
		.n_permissions = request->n_permissions,
		.client_address = lk_bytes_of(request->client_address),
		.user_agent = lk_bytes_of(request->user_agent),
		.now = call->now,
	};
	struct lk_verdict verdict;
	struct lk_status st;

	LK_TRY(read_credentials(request, credentials));
	lk_index_enter();
	st = lk_authenticate(&services->verifier, &question, &verdict);
	if (st.code == LK_OK && verdict.entry != NULL) {
		response->principal = make_principal(call->arena, verdict.entry);
		if (response->principal == NULL)
			st = LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory");
	}
	lk_index_leave();
	if (st.code != LK_OK)
		return st;
	response->allowed = verdict.reason == LK_DENY_NONE;
	response->reason = (lk_deny_reason)verdict.reason;
	response->message = (char *)(uintptr_t)lk_deny_message(verdict.reason);
	return LK_SUCCESS;
}

const struct lk_auth_service_handlers lk_auth_handlers = {
	.authenticate = authenticate,
};
