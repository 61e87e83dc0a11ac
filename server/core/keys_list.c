/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/core/keys_priv.h"

/* What one page may cost: rows looked at, and bytes of records answered, so that the answer
 * fits into a reply frame. */
#define ROWS_MAX 1000
#define BYTES_MAX ((size_t)128 * 1024)

#define SCRATCH_MAX ((size_t)512 * 1024)

/* Of the call's arena, for records: as much again for their messages, and some to spare. Many
 * small texts take far more memory than bytes. */
#define ARENA_SHARE 3

struct token {
	struct lk_key_id after;
	struct lk_digest mac;
};
_Static_assert(
	2 * sizeof(struct token) + 1 == LK_PAGE_TOKEN_SIZE, "a token is two hex digits a byte");

struct listing {
	const struct lk_core_call *call;
	const struct lk_keys_query *query;
	struct lk_bytes user_id;
	struct lk_bytes organization_id;
	struct lk_keys_page *page;
	size_t size;
	size_t bytes;
	size_t rows;
	struct lk_key_id last; /* the last row that was looked at */
	bool more;
	struct lk_key_id *ids; /* rows of an owner, to be looked at */
	struct lk_arena scratch;
	struct lk_status st;
};

/* Binds a place to the question it belongs to. */
static void make_mac(const struct listing *listing, const struct lk_pepper *pepper,
	const struct lk_key_id *after, struct lk_digest *mac_out)
{
	struct lk_bytes parts[] = { lk_keys_realm_name(listing->call), listing->user_id,
		listing->organization_id, { after->bytes, sizeof after->bytes } };
	uint8_t text[1 + 4 * (1 + LK_OWNER_ID_MAX)];
	size_t n = 0;

	text[n++] = (uint8_t)listing->query->state;
	for (size_t i = 0; i < LK_COUNT(parts); i++) {
		text[n++] = (uint8_t)parts[i].n;
		if (parts[i].n > 0)
			memcpy(text + n, parts[i].data, parts[i].n);
		n += parts[i].n;
	}
	lk_digest_make(pepper, lk_keys_text("page token"), (struct lk_bytes) { text, n }, mac_out);
}

static void write_token(const struct listing *listing, char text_out[LK_PAGE_TOKEN_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	struct token token = { .after = listing->last };
	uint8_t bytes[sizeof token];

	make_mac(listing, &listing->call->peppers->items[0], &token.after, &token.mac);
	memcpy(bytes, &token, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		text_out[2 * i] = digits[bytes[i] >> 4];
		text_out[2 * i + 1] = digits[bytes[i] & 15];
	}
	text_out[2 * sizeof bytes] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct lk_status read_token(
	const struct listing *listing, const char *text, struct lk_key_id *after_out)
{
	const struct lk_status bad =
		LK_BAD_FIELD("page_token", "the page token is not one of this list");
	uint8_t bytes[sizeof(struct token)];
	struct token token;

	if (strlen(text) != LK_PAGE_TOKEN_SIZE - 1)
		return bad;
	for (size_t i = 0; i < sizeof bytes; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return bad;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(&token, bytes, sizeof token);
	for (size_t i = 0; i < listing->call->peppers->n; i++) {
		struct lk_digest mac;

		make_mac(listing, &listing->call->peppers->items[i], &token.after, &mac);
		if (lk_digest_equal(&mac, &token.mac)) {
			*after_out = token.after;
			return LK_SUCCESS;
		}
	}
	return bad;
}

static bool same_text(struct lk_bytes a, struct lk_bytes b)
{
	return a.n == b.n && strncmp((const char *)a.data, (const char *)b.data, a.n) == 0;
}

static bool matches(const struct listing *listing, const struct lk_key_record *record)
{
	if (listing->user_id.n > 0 && !same_text(record->user_id, listing->user_id))
		return false;
	if (listing->organization_id.n > 0 &&
		!same_text(record->organization_id, listing->organization_id))
		return false;
	return listing->query->state == 0 ||
	       (uint32_t)lk_keys_state(record, listing->call->now) == listing->query->state;
}

static bool is_full(const struct listing *listing)
{
	const struct lk_arena *arena = listing->call->arena;

	return listing->page->n == listing->size || listing->bytes >= BYTES_MAX ||
	       (listing->page->n > 0 && arena->used >= arena->cap / ARENA_SHARE);
}

/* Takes a key into the page if it belongs there. False when the page is full or on an error. */
static bool consider(struct listing *listing, const struct lk_key_id *id, struct lk_bytes value)
{
	struct lk_keys_page *page = listing->page;
	struct lk_key_record record;

	if (is_full(listing)) {
		listing->more = true;
		return false;
	}
	listing->last = *id;
	lk_arena_reset(&listing->scratch);
	listing->st = lk_key_record_decode(value, &listing->scratch, &record);
	if (listing->st.code == LK_DATA_LOSS) {
		listing->st = LK_SUCCESS;
		return true;
	}
	if (listing->st.code != LK_OK)
		return false;
	if (!matches(listing, &record))
		return true;
	listing->st = lk_keys_view_record(listing->call, value, &page->items[page->n]);
	if (listing->st.code != LK_OK)
		return false;
	page->n++;
	listing->bytes += value.n;
	return true;
}

static bool visit_key(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct listing *listing = arg;
	struct lk_bytes realm;
	struct lk_key_id id;

	(void)seq;
	listing->rows++;
	return !lk_row_read_key(key, &realm, &id) || consider(listing, &id, value);
}

static bool visit_owned(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct listing *listing = arg;

	(void)value;
	(void)seq;
	if (lk_row_read_owned_key(key, &listing->ids[listing->rows]))
		listing->rows++;
	return true;
}

/* The keys whose ids a scan of an owner's rows has found. */
static struct lk_status read_owned(struct listing *listing, struct lk_store *store)
{
	struct lk_status st = LK_SUCCESS;
	bool go_on = true;
	struct lk_buf value;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	for (size_t i = 0; i < listing->rows && go_on; i++) {
		struct lk_row row =
			lk_row_of_key(lk_keys_realm_name(listing->call), &listing->ids[i]);
		uint64_t seq;

		lk_buf_reset(&value);
		st = lk_store_get(store, lk_row_bytes(&row), &value, &seq);
		if (st.code == LK_OK)
			go_on = consider(listing, &listing->ids[i],
				(struct lk_bytes) { value.data, value.n });
		else if (st.code == LK_NOT_FOUND) /* purged since the scan */
			listing->last = listing->ids[i];
		else
			break;
		st = listing->st;
		go_on = go_on && st.code == LK_OK;
	}
	lk_buf_fini(&value);
	return st;
}

static struct lk_row row_in_range(const struct listing *listing, const struct lk_key_id *id)
{
	struct lk_bytes realm = lk_keys_realm_name(listing->call);

	if (listing->user_id.n > 0)
		return lk_row_of_user_key(realm, listing->user_id, id);
	if (listing->organization_id.n > 0)
		return lk_row_of_organization_key(realm, listing->organization_id, id);
	return lk_row_of_key(realm, id);
}

static struct lk_status read_rows(struct listing *listing, struct lk_store *store)
{
	bool owned = listing->user_id.n > 0 || listing->organization_id.n > 0;
	struct lk_bytes after = { NULL, 0 };
	struct lk_row range = row_in_range(listing, NULL);
	struct lk_row after_row;

	if (listing->query->page_token[0] != '\0') {
		LK_TRY(read_token(listing, listing->query->page_token, &listing->last));
		after_row = row_in_range(listing, &listing->last);
		after = lk_row_bytes(&after_row);
	}
	if (owned)
		listing->ids =
			lk_arena_calloc(listing->call->arena, ROWS_MAX, sizeof *listing->ids);
	if (owned && listing->ids == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	LK_TRY(lk_store_scan(store, lk_row_bytes(&range), after, ROWS_MAX,
		owned ? visit_owned : visit_key, listing));
	LK_TRY(owned ? read_owned(listing, store) : listing->st);
	if (listing->rows == ROWS_MAX)
		listing->more = true;
	return LK_SUCCESS;
}

static struct lk_status read_usage(const struct listing *listing, struct lk_store *store)
{
	struct lk_bytes realm = lk_keys_realm_name(listing->call);
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
	if (!lk_keys_is_plain(lk_keys_text(query->user_id), 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("user_id", "no key has such a user id");
	if (!lk_keys_is_plain(lk_keys_text(query->organization_id), 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("organization_id", "no key has such an organization id");
	if (query->state > LK_KEY_REVOKED)
		return LK_BAD_FIELD("state", "there is no such state");
	return LK_SUCCESS;
}

struct lk_status lk_keys_list(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_keys_query *query, struct lk_keys_page *page_out)
{
	size_t size = query->page_size != 0 ? (size_t)query->page_size : LK_KEYS_PAGE_DEFAULT;
	struct lk_keys_page page = { .n = 0 };
	struct listing listing = { .call = call, .query = query, .page = &page, .size = size };
	struct lk_status st;

	LK_TRY(check_query(query));
	listing.user_id = lk_keys_text(query->user_id);
	listing.organization_id = lk_keys_text(query->organization_id);
	page.items = lk_arena_calloc(call->arena, size, sizeof *page.items);
	if (page.items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	lk_arena_init(&listing.scratch, SCRATCH_MAX);
	st = read_rows(&listing, store);
	if (st.code == LK_OK)
		st = read_usage(&listing, store);
	if (st.code == LK_OK) {
		if (listing.more)
			write_token(&listing, page.next_token);
		*page_out = page;
	}
	lk_arena_fini(&listing.scratch);
	return st;
}
