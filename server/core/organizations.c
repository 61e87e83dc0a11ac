/* SPDX-License-Identifier: MIT */
#include "server/core/rows.h"
#include "server/core/text.h"
#include "server/core/users.h"

static struct lk_status check_id(const char *id)
{
	if (!lk_text_is_plain(lk_bytes_of(id), 1, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("id",
			"an organization id is 1 to 128 bytes of UTF-8 without control characters");
	return LK_SUCCESS;
}

struct lk_status lk_organizations_set(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_organization_change *change, struct lk_organization_record *record_out)
{
	struct lk_organization_record record = { .enabled = true, .created_ms = call->now };
	struct lk_bytes realm = lk_call_realm_name(call);
	struct lk_bytes value;
	struct lk_status st;
	struct lk_row row;

	if (call->realm->index == 0)
		return LK_BAD_FIELD("realm", "the realm latchkey has no organizations");
	LK_TRY(check_id(change->id));
	row = lk_row_of_organization(realm, lk_bytes_of(change->id));
	st = lk_txn_get(txn, lk_row_bytes(&row), &value);
	if (st.code == LK_OK)
		st = lk_organization_record_decode(value, call->arena, &record);
	if (st.code != LK_OK && st.code != LK_NOT_FOUND)
		return st;
	record.id = lk_bytes_of(change->id);
	record.realm = realm;
	if ((change->fields & LK_ORGANIZATION_FIELD_PLAN) != 0)
		record.plan = lk_bytes_of(change->plan);
	if (!lk_text_is_plain(record.plan, 0, LK_PLAN_MAX))
		return LK_BAD_FIELD(
			"plan", "a plan is at most 64 bytes of UTF-8 without control characters");
	if ((change->fields & LK_ORGANIZATION_FIELD_ENABLED) != 0)
		record.enabled = change->enabled;
	LK_TRY(lk_organization_record_encode(&record, call->arena, &value));
	LK_TRY(lk_txn_put(txn, lk_row_bytes(&row), value, true));
	return lk_organization_record_decode(value, call->arena, record_out);
}

struct lk_status lk_organizations_get(const struct lk_core_call *call, struct lk_store *store,
	const char *id, struct lk_organization_record *record_out)
{
	struct lk_status st;
	struct lk_buf value;
	struct lk_row row;
	uint64_t seq;

	LK_TRY(check_id(id));
	row = lk_row_of_organization(lk_call_realm_name(call), lk_bytes_of(id));
	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = lk_store_get(store, lk_row_bytes(&row), &value, &seq);
	if (st.code == LK_NOT_FOUND)
		st = LK_ERR(LK_NOT_FOUND, "there is no such organization");
	if (st.code == LK_OK)
		st = lk_organization_record_decode(
			(struct lk_bytes) { value.data, value.n }, call->arena, record_out);
	lk_buf_fini(&value);
	return st;
}

struct listing {
	const struct lk_core_call *call;
	struct lk_organizations_page *page;
	size_t room;
	bool has_more;
	struct lk_status status;
};

static bool visit(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct listing *listing = arg;
	struct lk_organizations_page *page = listing->page;

	(void)key;
	(void)seq;
	listing->has_more = page->n == listing->room;
	if (listing->has_more)
		return false;
	listing->status =
		lk_organization_record_decode(value, listing->call->arena, &page->items[page->n]);
	page->n += listing->status.code == LK_OK;
	return listing->status.code == LK_OK;
}

/* The token of a page is the last id of the one before: it gives away nothing that was not told. */
struct lk_status lk_organizations_list(const struct lk_core_call *call, struct lk_store *store,
	int32_t page_size, const char *page_token, struct lk_organizations_page *page_out)
{
	struct lk_bytes realm = lk_call_realm_name(call), token = lk_bytes_of(page_token);
	struct lk_row range = lk_row_of_realm_organizations(realm), after = range;
	struct listing listing = { .call = call,
		.page = page_out,
		.room = page_size != 0 ? (size_t)page_size : LK_USERS_PAGE_DEFAULT,
		.status = LK_SUCCESS };

	if (page_size < 0 || page_size > LK_USERS_PAGE_MAX)
		return LK_BAD_FIELD("page_size", "a page has 1 to 100 organizations");
	if (!lk_text_is_plain(token, 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("page_token", "this is no token of a page");
	if (token.n > 0)
		after = lk_row_of_organization(realm, token);
	*page_out = (struct lk_organizations_page) { .next_token = "" };
	page_out->items = lk_arena_calloc(call->arena, listing.room, sizeof *page_out->items);
	if (page_out->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	LK_TRY(lk_store_scan(store, lk_row_bytes(&range), lk_row_bytes(&after), listing.room + 1,
		visit, &listing));
	if (listing.status.code == LK_OK && listing.has_more)
		page_out->next_token = lk_arena_strndup(call->arena,
			(const char *)page_out->items[page_out->n - 1].id.data,
			page_out->items[page_out->n - 1].id.n);
	return listing.status;
}
