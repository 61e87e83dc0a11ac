/* SPDX-License-Identifier: MIT */
#include "server/core/keys_priv.h"

struct lk_status lk_keys_not_found(void)
{
	return LK_ERR(LK_NOT_FOUND, "there is no such key");
}

/* In the order in which a verification asks, so that a list tells what a caller is told. */
enum lk_key_state lk_keys_state(const struct lk_key_record *record, lk_time_ms now)
{
	if (record->revoked_ms != 0)
		return LK_KEY_REVOKED;
	if (!record->enabled)
		return LK_KEY_DISABLED;
	if (record->expires_ms != 0 && now >= record->expires_ms)
		return LK_KEY_EXPIRED;
	return LK_KEY_ACTIVE;
}

struct lk_status lk_keys_view_record(
	const struct lk_core_call *call, struct lk_bytes value, struct lk_key_view *view_out)
{
	*view_out = (struct lk_key_view) { 0 };
	LK_TRY(lk_key_record_decode(value, call->arena, &view_out->record));
	lk_id_format(LK_ID_KEY, &view_out->record.id, view_out->id);
	view_out->state = lk_keys_state(&view_out->record, call->now);
	return LK_SUCCESS;
}

struct lk_status lk_keys_view_usage(
	const struct lk_core_call *call, struct lk_bytes value, struct lk_key_view *view)
{
	struct lk_usage_record *usage = lk_arena_calloc(call->arena, 1, sizeof *usage);
	struct lk_status st;

	if (usage == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	st = lk_usage_record_decode(value, call->arena, usage);
	if (st.code == LK_DATA_LOSS)
		return LK_SUCCESS;
	for (size_t i = 0; i < usage->n_uses && st.code == LK_OK; i++) {
		const struct lk_secret_use *use = &usage->uses[i];

		if (use->secret == view->record.current.number)
			view->current_use = use;
		else if (view->record.has_previous && use->secret == view->record.previous.number)
			view->previous_use = use;
	}
	return st;
}
