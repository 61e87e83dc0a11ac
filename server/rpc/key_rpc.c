/* SPDX-License-Identifier: MIT */
/* KeyService: each handler reads its request, calls the core, and writes the answer. Changes log
 * one line when their commit is through. */
#include <string.h>

#include "latchkey/v1/key.rpc.h"
#include "server/rpc/audit.h"
#include "server/rpc/messages.h"

static struct lk_status audit(
	struct lk_call *call, const char *event, const struct lk_key_view *view, bool revokes)
{
	return lk_audit_on_commit(call, &(struct lk_audit) {
						.event = event,
						.kind = LK_AUDIT_KEY,
						.id = view->id,
						.ids = &view->record.id,
						.n_ids = 1,
						.revokes = revokes,
					});
}

/* --- answers --- */

static struct lk_status answer_key(
	struct lk_call *call, const struct lk_key_view *view, lk_key **key_out)
{
	*key_out = lk_key_message_new(call->arena, view);
	if (*key_out == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory");
	return LK_SUCCESS;
}

/* The secret moves into the arena, which wipes it after the reply. */
static struct lk_status answer_secret(
	struct lk_call *call, struct lk_key_text *secret, char **secret_out)
{
	*secret_out = lk_arena_strndup(call->arena, secret->text, strlen(secret->text));
	lk_wipe(secret, sizeof *secret);
	if (*secret_out == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory");
	return LK_SUCCESS;
}

static struct lk_key_view *view_new(struct lk_call *call)
{
	return lk_arena_calloc(call->arena, 1, sizeof(struct lk_key_view));
}

#define NO_ROOM LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory")

/* --- requests --- */

/* Map entries are one message type per map, all of the same shape. */
#define READ_METADATA(call_, request_, spec_) \
	do { \
		struct lk_metadata_pair *pairs_ = \
			lk_arena_alloc((call_)->arena, (request_)->n_metadata * sizeof *pairs_); \
		if (pairs_ == NULL) \
			return NO_ROOM; \
		for (size_t i_ = 0; i_ < (request_)->n_metadata; i_++) { \
			pairs_[i_].key = (request_)->metadata[i_]->key; \
			pairs_[i_].value = (request_)->metadata[i_]->value; \
		} \
		(spec_)->metadata = pairs_; \
		(spec_)->n_metadata = (request_)->n_metadata; \
	} while (0)

static struct lk_status create_key(struct lk_call *call, const lk_create_key_request *request,
	lk_create_key_response *response)
{
	struct lk_core_call keys = lk_core_call_of(call);
	struct lk_key_view *view = view_new(call);
	struct lk_key_text secret;
	struct lk_key_spec spec = {
		.name = request->name,
		.user_id = request->user_id,
		.organization_id = request->organization_id,
		.scopes = (const char *const *)request->scopes,
		.n_scopes = request->n_scopes,
		.networks = (const char *const *)request->networks,
		.n_networks = request->n_networks,
		.realms = (const char *const *)request->realms,
		.n_realms = request->n_realms,
	};

	if (view == NULL)
		return NO_ROOM;
	READ_METADATA(call, request, &spec);
	LK_TRY(lk_timestamp_read(request->expires_at, "expires_at", &spec.expires_ms));
	LK_TRY(lk_keys_create(&keys, call->txn, &spec, view, &secret));
	LK_TRY(answer_secret(call, &secret, &response->secret));
	LK_TRY(answer_key(call, view, &response->key));
	return audit(call, "key created", view, false);
}

/* What the key is told as. */
static struct lk_status read_secret(
	const lk_import_key_request *request, struct lk_key_import *import)
{
	switch ((int)request->secret_case) {
	case LATCHKEY__V1__IMPORT_KEY_REQUEST__SECRET_PLAINTEXT:
		import->plaintext = request->plaintext;
		return LK_SUCCESS;
	case LATCHKEY__V1__IMPORT_KEY_REQUEST__SECRET_SHA256:
		import->kind = LK_IMPORT_SHA256;
		import->digest = (struct lk_bytes) { request->sha256.data, request->sha256.len };
		return LK_SUCCESS;
	case LATCHKEY__V1__IMPORT_KEY_REQUEST__SECRET_HMAC_SHA256:
		import->kind = LK_IMPORT_HMAC_SHA256;
		import->digest =
			(struct lk_bytes) { request->hmac_sha256.data, request->hmac_sha256.len };
		return LK_SUCCESS;
	default:
		break;
	}
	return LK_BAD_FIELD("plaintext", "this, sha256 or hmac_sha256 is needed");
}

static struct lk_status import_key(struct lk_call *call, const lk_import_key_request *request,
	lk_import_key_response *response)
{
	struct lk_core_call keys = lk_core_call_of(call);
	struct lk_key_view *view = view_new(call);
	struct lk_key_import import = {
		.spec = {
			.name = request->name,
			.user_id = request->user_id,
			.organization_id = request->organization_id,
			.scopes = (const char *const *)request->scopes,
			.n_scopes = request->n_scopes,
			.networks = (const char *const *)request->networks,
			.n_networks = request->n_networks,
		},
		.hint = request->hint,
		.validate_only = request->validate_only,
	};

	if (view == NULL)
		return NO_ROOM;
	if (keys.realm->index == 0)
		return LK_BAD_FIELD("realm", "service keys are made here");
	READ_METADATA(call, request, &import.spec);
	LK_TRY(lk_timestamp_read(request->expires_at, "expires_at", &import.spec.expires_ms));
	LK_TRY(read_secret(request, &import));
	LK_TRY(lk_keys_import(&keys, call->txn, &import, view));
	if (request->validate_only)
		return LK_SUCCESS;
	LK_TRY(answer_key(call, view, &response->key));
	return audit(call, "key imported", view, false);
}

static struct lk_status get_key(
	struct lk_call *call, const lk_get_key_request *request, lk_get_key_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call keys = lk_core_call_of(call);
	struct lk_key_view view;

	LK_TRY(lk_keys_get(&keys, services->store, request->id, &view));
	return answer_key(call, &view, &response->key);
}

static struct lk_status list_keys(
	struct lk_call *call, const lk_list_keys_request *request, lk_list_keys_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call keys = lk_core_call_of(call);
	const struct lk_keys_query query = {
		.page_size = request->page_size,
		.page_token = request->page_token,
		.user_id = request->user_id,
		.organization_id = request->organization_id,
		.state = (uint32_t)request->state,
	};
	struct lk_keys_page *page = lk_arena_alloc(call->arena, sizeof *page);

	if (page == NULL)
		return NO_ROOM;
	LK_TRY(lk_keys_list(&keys, services->store, &query, page));
	response->keys = lk_arena_alloc(call->arena, page->n * sizeof *response->keys);
	if (response->keys == NULL)
		return NO_ROOM;
	for (size_t i = 0; i < page->n; i++)
		LK_TRY(answer_key(call, &page->items[i], &response->keys[i]));
	response->n_keys = page->n;
	response->next_page_token = (char *)(uintptr_t)page->next_token;
	return LK_SUCCESS;
}

static const struct lk_mask_path key_paths[] = {
	{ "name", LK_KEY_FIELD_NAME },
	{ "scopes", LK_KEY_FIELD_SCOPES },
	{ "networks", LK_KEY_FIELD_NETWORKS },
	{ "expires_at", LK_KEY_FIELD_EXPIRES_AT },
	{ "enabled", LK_KEY_FIELD_ENABLED },
	{ "metadata", LK_KEY_FIELD_METADATA },
};

static struct lk_status update_key(struct lk_call *call, const lk_update_key_request *request,
	lk_update_key_response *response)
{
	struct lk_core_call keys = lk_core_call_of(call);
	struct lk_key_view *view = view_new(call);
	struct lk_key_update update = {
		.id = request->id,
		.enabled = request->enabled,
		.spec = {
			.name = request->name,
			.user_id = "",
			.organization_id = "",
			.scopes = (const char *const *)request->scopes,
			.n_scopes = request->n_scopes,
			.networks = (const char *const *)request->networks,
			.n_networks = request->n_networks,
		},
	};

	if (view == NULL)
		return NO_ROOM;
	READ_METADATA(call, request, &update.spec);
	LK_TRY(lk_mask_read(request->update_mask, key_paths, LK_COUNT(key_paths), &update.fields));
	LK_TRY(lk_timestamp_read(request->expires_at, "expires_at", &update.spec.expires_ms));
	LK_TRY(lk_keys_update(&keys, call->txn, &update, view));
	LK_TRY(answer_key(call, view, &response->key));
	return audit(call, "key updated", view, false);
}

static struct lk_status rotate_key(struct lk_call *call, const lk_rotate_key_request *request,
	lk_rotate_key_response *response)
{
	struct lk_core_call keys = lk_core_call_of(call);
	struct lk_key_rotation rotation = { .id = request->id };
	struct lk_key_view *view = view_new(call);
	struct lk_key_text secret;

	if (view == NULL)
		return NO_ROOM;
	LK_TRY(lk_duration_read(request->grace_period, "grace_period", &rotation.grace_ms));
	LK_TRY(lk_keys_rotate(&keys, call->txn, &rotation, view, &secret));
	LK_TRY(answer_secret(call, &secret, &response->secret));
	LK_TRY(answer_key(call, view, &response->key));
	return audit(call, "key rotated", view, false);
}

static struct lk_status revoke_key(struct lk_call *call, const lk_revoke_key_request *request,
	lk_revoke_key_response *response)
{
	struct lk_core_call keys = lk_core_call_of(call);
	struct lk_key_view *view = view_new(call);
	const struct lk_key_revocation revocation = {
		.id = request->id,
		.reason = (uint32_t)request->reason,
		.comment = request->comment,
	};

	if (view == NULL)
		return NO_ROOM;
	LK_TRY(lk_keys_revoke(&keys, call->txn, &revocation, view));
	LK_TRY(answer_key(call, view, &response->key));
	return audit(call, "key revoked", view, true);
}

const struct lk_key_service_handlers lk_key_handlers = {
	.create_key = create_key,
	.get_key = get_key,
	.list_keys = list_keys,
	.update_key = update_key,
	.rotate_key = rotate_key,
	.revoke_key = revoke_key,
	.import_key = import_key,
};
