/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/core/keys_priv.h"

#define SCRATCH_MAX ((size_t)512 * 1024)

struct listing {
	const struct lk_core_call *call;
	const struct lk_keys_query *query;
	struct lk_bytes user_id;
	struct lk_bytes organization_id;
	struct lk_keys_page *page;
	struct lk_arena scratch;
};

static bool matches(const struct listing *listing, const struct lk_key_record *record)
{
	if (listing->user_id.n > 0 && !lk_text_equal(record->user_id, listing->user_id))
		return false;
	if (listing->organization_id.n > 0 &&
		!lk_text_equal(record->organization_id, listing->organization_id))
		return false;
	return listing->query->state == 0 ||
	       (uint32_t)lk_keys_state(record, listing->call->now) == listing->query->state;
}

/* Judged in scratch memory, so that what is left out takes none of the call's. */
static struct lk_status visit(void *arg, struct lk_bytes value, bool *taken_out)
{
	struct listing *listing = arg;
	struct lk_keys_page *page = listing->page;
	struct lk_key_record record;

	lk_arena_reset(&listing->scratch);
	LK_TRY(lk_key_record_decode(value, &listing->scratch, &record));
	if (!matches(listing, &record))
		return LK_SUCCESS;
	LK_TRY(lk_keys_view_record(listing->call, value, &page->items[page->n]));
	page->n++;
	*taken_out = true;
	return LK_SUCCESS;
}

static struct lk_row range_of(const struct listing *listing)
{
	struct lk_bytes realm = lk_call_realm_name(listing->call);

	if (listing->user_id.n > 0)
		return lk_row_of_user_key(realm, listing->user_id, NULL);
	if (listing->organization_id.n > 0)
		return lk_row_of_organization_key(realm, listing->organization_id, NULL);
	return lk_row_of_key(realm, NULL);
}

static struct lk_status read_usage(const struct listing *listing, struct lk_store *store)
{
	struct lk_bytes realm = lk_call_realm_name(listing->call);
	struct lk_status st = LK_SUCCESS;
	struct lk_buf value;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	for (size_t i = 0; i < listing->page->n && st.code == LK_OK; i++) {
		struct lk_key_view *view = &listing->page->items[i];
		struct lk_row row = lk_row_of_usage(realm, &view->record.id);
		uint64_t seq;

		lk_buf_reset(&value);
		st = lk_store_get(store, lk_row_bytes(&row), &value, &seq);
		if (st.code == LK_OK)
			st = lk_keys_view_usage(
				listing->call, (struct lk_bytes) { value.data, value.n }, view);
		else if (st.code == LK_NOT_FOUND)
			st = LK_SUCCESS;
	}
	lk_buf_fini(&value);
	return st;
}

static struct lk_status check_query(const struct lk_keys_query *query)
{
	if (query->page_size < 0 || query->page_size > LK_KEYS_PAGE_MAX)
		return LK_BAD_FIELD("page_size", "a page has 1 to 100 keys");
	if (!lk_text_is_plain(lk_bytes_of(query->user_id), 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("user_id", "no key has such a user id");
	if (!lk_text_is_plain(lk_bytes_of(query->organization_id), 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("organization_id", "no key has such an organization id");
	if (query->state > LK_KEY_REVOKED)
		return LK_BAD_FIELD("state", "there is no such state");
	return LK_SUCCESS;
}

/* The filters that the range does not hold already. */
static size_t write_question(const struct listing *listing, uint8_t text_out[1 + LK_OWNER_ID_MAX])
{
	text_out[0] = (uint8_t)listing->query->state;
	if (listing->user_id.n == 0 || listing->organization_id.n == 0)
		return 1;
	memcpy(text_out + 1, listing->organization_id.data, listing->organization_id.n);
	return 1 + listing->organization_id.n;
}

struct lk_status lk_keys_list(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_keys_query *query, struct lk_keys_page *page_out)
{
	struct listing listing = { .call = call, .query = query, .page = page_out };
	struct lk_list list = { call, store, .row_of = lk_row_of_key, .visit = visit,
		.arg = &listing };
	uint8_t question[1 + LK_OWNER_ID_MAX];
	struct lk_status st;

	LK_TRY(check_query(query));
	LK_TRY(lk_subject_may(call, &call->realm->subject_keys_read));
	listing.user_id =
		lk_bytes_of(call->subject != NULL ? call->subject->user_id : query->user_id);
	listing.organization_id = lk_bytes_of(query->organization_id);
	list.range = range_of(&listing);
	list.question = (struct lk_bytes) { question, write_question(&listing, question) };
	list.page_token = query->page_token;
	list.page_size = query->page_size != 0 ? (size_t)query->page_size : LK_KEYS_PAGE_DEFAULT;
	*page_out = (struct lk_keys_page) { .n = 0 };
	page_out->items = lk_arena_calloc(call->arena, list.page_size, sizeof *page_out->items);
	if (page_out->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	lk_arena_init(&listing.scratch, SCRATCH_MAX);
	st = lk_list_page(&list, &page_out->next_token);
	if (st.code == LK_OK)
		st = read_usage(&listing, store);
	lk_arena_fini(&listing.scratch);
	return st;
}
