/* SPDX-License-Identifier: MIT */
#include "proto/wire/arena.h"
#include "server/core/rows.h"
#include "server/core/text.h"
#include "server/core/users.h"

struct listing {
	const struct lk_core_call *call;
	struct lk_users_page *page;
};

static struct lk_status visit(void *arg, struct lk_bytes value, bool *taken_out)
{
	const struct listing *listing = arg;
	struct lk_user_view *view = &listing->page->items[listing->page->n];

	LK_TRY(lk_user_record_decode(value, listing->call->arena, &view->record));
	lk_id_format(LK_ID_USER, &view->record.id, view->id);
	listing->page->n++;
	*taken_out = true;
	return LK_SUCCESS;
}

struct lk_status lk_users_list(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_users_query *query, struct lk_users_page *page_out)
{
	struct listing listing = { call, page_out };
	struct lk_bytes realm = lk_call_realm_name(call);
	struct lk_bytes organization_id = lk_bytes_of(query->organization_id);
	struct lk_list list = {
		.call = call,
		.store = store,
		.row_of = lk_row_of_user,
		.page_token = query->page_token,
		.visit = visit,
		.arg = &listing,
	};

	if (query->page_size < 0 || query->page_size > LK_USERS_PAGE_MAX)
		return LK_BAD_FIELD("page_size", "a page has 1 to 100 users");
	if (!lk_text_is_plain(organization_id, 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("organization_id", "no user has such an organization id");
	list.page_size = query->page_size != 0 ? (size_t)query->page_size : LK_USERS_PAGE_DEFAULT;
	list.range = organization_id.n > 0 ? lk_row_of_member(realm, organization_id, NULL)
					   : lk_row_of_user(realm, NULL);
	*page_out = (struct lk_users_page) { .n = 0 };
	page_out->items = lk_arena_calloc(call->arena, list.page_size, sizeof *page_out->items);
	if (page_out->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	return lk_list_page(&list, &page_out->next_token);
}
