/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "latchkey/v1/keyring.rpc.h"
#include "server/rpc/audit.h"
#include "server/rpc/messages.h"

#define NO_ROOM LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory")

static char *copy_text(struct lk_arena *arena, const char *text)
{
	return lk_arena_strndup(arena, text, strlen(text));
}

static lk_signing_key *message_new(struct lk_arena *arena, const struct lk_realm *realm,
	const struct lk_signing_key_view *view)
{
	lk_signing_key *key = lk_arena_alloc(arena, sizeof *key);

	if (key == NULL)
		return NULL;
	*key = (lk_signing_key)LK_SIGNING_KEY_INIT;
	key->id = copy_text(arena, view->kid);
	key->realm = copy_text(arena, realm->name);
	key->algorithm = copy_text(arena, lk_sign_algorithm_name(view->algorithm));
	key->created_at = lk_timestamp_new(arena, view->created_ms);
	if (view->expires_ms != 0)
		key->expires_at = lk_timestamp_new(arena, view->expires_ms);
	return arena->exhausted ? NULL : key;
}

static struct lk_status rotate(struct lk_call *call, const lk_rotate_signing_key_request *request,
	lk_rotate_signing_key_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_signing_key_view view;

	(void)request;
	LK_TRY(lk_keyring_rotate(&core, call->txn, &view));
	response->key = message_new(call->arena, core.realm, &view);
	if (response->key == NULL)
		return NO_ROOM;
	return lk_audit_on_commit(call, &(struct lk_audit) {
						.event = "signing key made",
						.kind = LK_AUDIT_OTHER,
						.id = response->key->id,
					});
}

static struct lk_status list(struct lk_call *call, const lk_list_signing_keys_request *request,
	lk_list_signing_keys_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_services *services = call->context;
	const struct lk_keyring *keyring;

	(void)request;
	response->keys = lk_arena_calloc(call->arena, LK_SIGNERS_MAX, sizeof *response->keys);
	if (response->keys == NULL)
		return NO_ROOM;
	lk_index_enter();
	keyring = lk_index_keyring(services->index, core.realm);
	for (size_t i = 0; i < keyring->n; i++) {
		const struct lk_signer *signer = &keyring->signers[i];
		struct lk_signing_key_view view = {
			.algorithm = signer->key.algorithm,
			.created_ms = signer->created_ms,
			.expires_ms = signer->expires_ms == INT64_MAX ? 0 : signer->expires_ms,
		};

		memcpy(view.kid, signer->kid, sizeof view.kid);
		response->keys[response->n_keys++] = message_new(call->arena, core.realm, &view);
	}
	lk_index_leave();
	return call->arena->exhausted ? NO_ROOM : LK_SUCCESS;
}

static struct lk_status retire(struct lk_call *call, const lk_retire_signing_key_request *request,
	lk_retire_signing_key_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);

	(void)response;
	LK_TRY(lk_keyring_retire(&core, call->txn, request->id));
	return lk_audit_on_commit(call, &(struct lk_audit) {
						.event = "signing key retired",
						.kind = LK_AUDIT_OTHER,
						.id = request->id,
					});
}

static struct lk_status get_key_set(struct lk_call *call, const lk_get_key_set_request *request,
	lk_get_key_set_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_services *services = call->context;
	const char *text = NULL;
	struct lk_status st;

	(void)request;
	lk_index_enter();
	st = lk_keyring_jwks(
		lk_index_keyring(services->index, core.realm), call->now, call->arena, &text);
	lk_index_leave();
	response->jwks = (char *)(uintptr_t)text;
	return st;
}

const struct lk_keyring_service_handlers lk_keyring_handlers = {
	.rotate_signing_key = rotate,
	.list_signing_keys = list,
	.retire_signing_key = retire,
	.get_key_set = get_key_set,
};
