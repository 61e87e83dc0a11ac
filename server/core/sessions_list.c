/* SPDX-License-Identifier: MIT */

#include "proto/wire/arena.h"
#include "server/core/sessions_priv.h"

struct listing {
	const struct lk_core_call *call;
	struct lk_store *store;
	struct lk_sessions_page *page;
};

/* When and from where it was used last. Nothing is decided by it, so what cannot be read is left
 * out. */
static void add_usage(const struct listing *listing, struct lk_session_view *view)
{
	const struct lk_core_call *call = listing->call;
	struct lk_row row = lk_row_of_usage(lk_call_realm_name(call), &view->record.id);
	struct lk_usage_record usage = { .n_uses = 0 };
	struct lk_buf value;
	uint64_t seq;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	if (lk_store_get(listing->store, lk_row_bytes(&row), &value, &seq).code == LK_OK &&
		lk_usage_record_decode(
			(struct lk_bytes) { value.data, value.n }, call->arena, &usage)
				.code == LK_OK &&
		usage.n_uses > 0) {
		view->last_seen_ms = usage.uses[0].at_ms;
		view->last_client_address = usage.uses[0].client_address;
	}
	lk_buf_fini(&value);
}

static struct lk_status visit(void *arg, struct lk_bytes value, bool *taken_out)
{
	const struct listing *listing = arg;
	struct lk_session_view *view = &listing->page->items[listing->page->n];
	struct lk_session_record record;

	LK_TRY(lk_session_record_decode(value, listing->call->arena, &record));
	if (record.ended_ms != 0 || listing->call->now >= record.expires_ms)
		return LK_SUCCESS;
	lk_session_view(listing->call, &record, view);
	add_usage(listing, view);
	listing->page->n++;
	*taken_out = true;
	return LK_SUCCESS;
}

struct lk_status lk_sessions_list(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_sessions_query *query, struct lk_sessions_page *page_out)
{
	struct listing listing = { call, store, page_out };
	struct lk_list list = {
		.call = call,
		.store = store,
		.row_of = lk_row_of_session,
		.page_token = query->page_token,
		.visit = visit,
		.arg = &listing,
	};
	struct lk_user_view user;

	if (query->page_size < 0 || query->page_size > LK_SESSIONS_PAGE_MAX)
		return LK_BAD_FIELD("page_size", "a page has 1 to 100 sessions");
	LK_TRY(lk_users_get(call, store, query->user_id, "", &user));
	list.page_size =
		query->page_size != 0 ? (size_t)query->page_size : LK_SESSIONS_PAGE_DEFAULT;
	list.range = lk_row_of_user_session(lk_call_realm_name(call), &user.record.id, NULL);
	*page_out = (struct lk_sessions_page) { .n = 0 };
	page_out->items = lk_arena_calloc(call->arena, list.page_size, sizeof *page_out->items);
	if (page_out->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	return lk_list_page(&list, &page_out->next_token);
}
