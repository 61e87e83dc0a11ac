/* SPDX-License-Identifier: MIT */
/* KeyService: each handler reads its request, calls the core, and writes the answer. Changes log
 * one line when their commit is through. */
#include <string.h>

#include "latchkey/v1/key.rpc.h"
#include "server/log.h"
#include "server/rpc/messages.h"
#include "server/rpc/services.h"

static struct lk_core_call call_of(struct lk_call *call)
{
	struct lk_services *services = call->context;
	const struct lk_realms *realms = lk_index_realms(services->index);

	return (struct lk_core_call) {
		.realms = realms,
		.realm = lk_realms_at(realms, (unsigned)call->realm),
		.peppers = services->peppers,
		.arena = call->arena,
		.now = call->now,
		.rights = call->caller->is_operator ? NULL : &call->caller->rights,
	};
}

/* --- the log of changes --- */

struct audit {
	struct lk_services *services;
	const char *event;
	const char *realm;
	const char *caller;
	struct lk_key_view *view;
};

/* A change that the index could not read back, of scopes, of a secret or of being enabled, must
 * not leave the key as good as it was. */
static void log_change(void *arg, struct lk_status outcome)
{
	const struct audit *audit = arg;
	struct lk_index *index = audit->services->index;

	if (outcome.code == LK_OK && lk_index_is_behind(index))
		lk_index_deny(index, &audit->view->record.id, LK_ENTRY_DENIED_AS_STALE);
	lk_log(outcome.code == LK_OK ? LK_LOG_INFO : LK_LOG_ERROR, audit->event,
		LK_LOG_TEXT("realm", audit->realm), LK_LOG_TEXT("key", audit->view->id),
		LK_LOG_TEXT("caller", audit->caller),
		LK_LOG_TEXT("outcome", lk_code_name(outcome.code)));
}

/* A revocation whose write failed, or that the index could not read back, is denied by the index
 * all the same: whoever asked for it must never see the key pass again. */
static void log_revocation(void *arg, struct lk_status outcome)
{
	const struct audit *audit = arg;

	if (outcome.code != LK_OK || lk_index_is_behind(audit->services->index))
		lk_index_deny(audit->services->index, &audit->view->record.id,
			LK_ENTRY_DENIED_AS_REVOKED);
	log_change(arg, outcome);
}

static struct lk_status log_on_commit(struct lk_call *call, const char *event,
	void (*on_commit)(void *arg, struct lk_status outcome), struct lk_key_view *view)
{
	struct lk_core_call keys = call_of(call);
	struct audit *audit = lk_arena_alloc(call->arena, sizeof *audit);

	if (audit == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory");
	*audit = (struct audit) {
		.services = call->context,
		.event = event,
		.realm = keys.realm->name,
		.caller = call->caller->is_operator ? "operator" : call->caller->key_id,
		.view = view,
	};
	call->on_commit = on_commit;
	call->on_commit_arg = audit;
	return LK_SUCCESS;
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
	struct lk_core_call keys = call_of(call);
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
	return log_on_commit(call, "key created", log_change, view);
}

static struct lk_status get_key(
	struct lk_call *call, const lk_get_key_request *request, lk_get_key_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call keys = call_of(call);
	struct lk_key_view view;

	LK_TRY(lk_keys_get(&keys, services->store, request->id, &view));
	return answer_key(call, &view, &response->key);
}

static struct lk_status list_keys(
	struct lk_call *call, const lk_list_keys_request *request, lk_list_keys_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call keys = call_of(call);
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

static struct lk_status read_mask(const Google__Protobuf__FieldMask *mask, unsigned *fields_out)
{
	static const struct {
		const char *path;
		enum lk_key_field field;
	} paths[] = {
		{ "name", LK_KEY_FIELD_NAME },
		{ "scopes", LK_KEY_FIELD_SCOPES },
		{ "networks", LK_KEY_FIELD_NETWORKS },
		{ "expires_at", LK_KEY_FIELD_EXPIRES_AT },
		{ "enabled", LK_KEY_FIELD_ENABLED },
		{ "metadata", LK_KEY_FIELD_METADATA },
	};

	*fields_out = 0;
	if (mask == NULL || mask->n_paths == 0)
		return LK_BAD_FIELD("update_mask", "names no field");
	for (size_t i = 0; i < mask->n_paths; i++) {
		size_t p = 0;

		while (p < LK_COUNT(paths) && strcmp(mask->paths[i], paths[p].path) != 0)
			p++;
		if (p == LK_COUNT(paths))
			return LK_BAD_FIELD("update_mask", "names a field that cannot be changed");
		*fields_out |= paths[p].field;
	}
	return LK_SUCCESS;
}

static struct lk_status update_key(struct lk_call *call, const lk_update_key_request *request,
	lk_update_key_response *response)
{
	struct lk_core_call keys = call_of(call);
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
	LK_TRY(read_mask(request->update_mask, &update.fields));
	LK_TRY(lk_timestamp_read(request->expires_at, "expires_at", &update.spec.expires_ms));
	LK_TRY(lk_keys_update(&keys, call->txn, &update, view));
	LK_TRY(answer_key(call, view, &response->key));
	return log_on_commit(call, "key updated", log_change, view);
}

static struct lk_status rotate_key(struct lk_call *call, const lk_rotate_key_request *request,
	lk_rotate_key_response *response)
{
	struct lk_core_call keys = call_of(call);
	struct lk_key_rotation rotation = { .id = request->id };
	struct lk_key_view *view = view_new(call);
	struct lk_key_text secret;

	if (view == NULL)
		return NO_ROOM;
	LK_TRY(lk_duration_read(request->grace_period, "grace_period", &rotation.grace_ms));
	LK_TRY(lk_keys_rotate(&keys, call->txn, &rotation, view, &secret));
	LK_TRY(answer_secret(call, &secret, &response->secret));
	LK_TRY(answer_key(call, view, &response->key));
	return log_on_commit(call, "key rotated", log_change, view);
}

static struct lk_status revoke_key(struct lk_call *call, const lk_revoke_key_request *request,
	lk_revoke_key_response *response)
{
	struct lk_core_call keys = call_of(call);
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
	return log_on_commit(call, "key revoked", log_revocation, view);
}

const struct lk_key_service_handlers lk_key_handlers = {
	.create_key = create_key,
	.get_key = get_key,
	.list_keys = list_keys,
	.update_key = update_key,
	.rotate_key = rotate_key,
	.revoke_key = revoke_key,
};
