/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/rows.h"

/* What one page may cost: rows looked at, and bytes of records answered, so that the answer
 * fits into a reply frame. */
#define ROWS_MAX 1000
#define BYTES_MAX ((size_t)128 * 1024)
#define IDS_AT_ONCE 128

/* Of the call's arena, for records: as much again for their messages, and some to spare. Many
 * small texts take far more memory than bytes. */
#define ARENA_SHARE 3

struct token {
	struct lk_key_id after;
	struct lk_digest mac;
};
_Static_assert(
	2 * sizeof(struct token) + 1 == LK_PAGE_TOKEN_SIZE, "a token is two hex digits a byte");

static struct lk_status arena_full(void)
{
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
}

/* Binds a place to the question it belongs to. */
static struct lk_status make_mac(const struct lk_list *list, const struct lk_pepper *pepper,
	const struct lk_key_id *after, struct lk_digest *mac_out)
{
	size_t n = list->range.n + list->question.n + 1 + sizeof after->bytes;
	uint8_t *text = lk_arena_alloc(list->call->arena, n);
	uint8_t *at = text;

	if (text == NULL)
		return arena_full();
	*at++ = (uint8_t)list->question.n;
	memcpy(at, list->range.data, list->range.n);
	at += list->range.n;
	if (list->question.n > 0)
		memcpy(at, list->question.data, list->question.n);
	at += list->question.n;
	memcpy(at, after->bytes, sizeof after->bytes);
	lk_digest_make(pepper, lk_bytes_of("page token"), (struct lk_bytes) { text, n }, mac_out);
	return LK_SUCCESS;
}

static struct lk_status write_token(
	const struct lk_list *list, const struct lk_key_id *last, const char **text_out)
{
	static const char digits[] = "0123456789abcdef";
	struct token token = { .after = *last };
	uint8_t bytes[sizeof token];
	char *text = lk_arena_alloc(list->call->arena, LK_PAGE_TOKEN_SIZE);

	if (text == NULL)
		return arena_full();
	LK_TRY(make_mac(list, &list->call->peppers->items[0], &token.after, &token.mac));
	memcpy(bytes, &token, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * sizeof bytes] = '\0';
	*text_out = text;
	return LK_SUCCESS;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct lk_status read_token(const struct lk_list *list, struct lk_key_id *after_out)
{
	const struct lk_status bad =
		LK_BAD_FIELD("page_token", "the page token is not one of this list");
	const char *text = list->page_token;
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
	for (size_t i = 0; i < list->call->peppers->n; i++) {
		struct lk_digest mac;

		LK_TRY(make_mac(list, &list->call->peppers->items[i], &token.after, &mac));
		if (lk_digest_equal(&mac, &token.mac)) {
			*after_out = token.after;
			return LK_SUCCESS;
		}
	}
	return bad;
}

/* --- rows --- */

struct walk {
	const struct lk_list *list;
	struct lk_key_id last; /* the last row that was looked at */
	bool has_last;
	bool is_full;
	size_t taken;
	size_t rows;
	size_t bytes;
	struct lk_key_id ids[IDS_AT_ONCE]; /* to be looked at */
	size_t n_ids;
};

static bool collect(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct walk *walk = arg;
	struct lk_key_id *id = &walk->ids[walk->n_ids];

	(void)value;
	(void)seq;
	if (key.n < sizeof id->bytes)
		return true;
	memcpy(id->bytes, key.data + key.n - sizeof id->bytes, sizeof id->bytes);
	walk->n_ids++;
	return true;
}

static bool is_full(const struct walk *walk)
{
	const struct lk_arena *arena = walk->list->call->arena;

	return walk->taken == walk->list->page_size || walk->bytes >= BYTES_MAX ||
	       (walk->taken > 0 && arena->used >= arena->cap / ARENA_SHARE);
}

/* A record that was deleted since the scan, or is damaged, is left out. */
static struct lk_status consider(
	struct walk *walk, const struct lk_key_id *id, struct lk_buf *value)
{
	const struct lk_list *list = walk->list;
	struct lk_row row = list->row_of(lk_call_realm_name(list->call), id);
	bool taken = false;
	struct lk_status st;
	uint64_t seq;

	lk_buf_reset(value);
	st = lk_store_get(list->store, lk_row_bytes(&row), value, &seq);
	if (st.code == LK_OK)
		st = list->visit(list->arg, (struct lk_bytes) { value->data, value->n }, &taken);
	if (st.code != LK_OK && st.code != LK_NOT_FOUND && st.code != LK_DATA_LOSS)
		return st;
	walk->last = *id;
	walk->has_last = true;
	walk->rows++;
	if (taken) {
		walk->taken++;
		walk->bytes += value->n;
	}
	return LK_SUCCESS;
}

static struct lk_status scan_ids(struct walk *walk)
{
	struct lk_row after = walk->list->range;
	struct lk_bytes from = { NULL, 0 };

	if (walk->has_last) {
		memcpy(after.data + after.n, walk->last.bytes, sizeof walk->last.bytes);
		after.n += sizeof walk->last.bytes;
		from = lk_row_bytes(&after);
	}
	walk->n_ids = 0;
	return lk_store_scan(walk->list->store, lk_row_bytes(&walk->list->range), from, IDS_AT_ONCE,
		collect, walk);
}

/* True in more_out when there may be rows after the last one. */
static struct lk_status walk_rows(struct walk *walk, struct lk_buf *value, bool *more_out)
{
	for (;;) {
		LK_TRY(scan_ids(walk));
		for (size_t i = 0; i < walk->n_ids; i++) {
			*more_out = true;
			if (is_full(walk) || walk->rows == ROWS_MAX)
				return LK_SUCCESS;
			LK_TRY(consider(walk, &walk->ids[i], value));
		}
		*more_out = walk->n_ids == IDS_AT_ONCE;
		if (!*more_out)
			return LK_SUCCESS;
	}
}

struct lk_status lk_list_page(const struct lk_list *list, const char **next_token_out)
{
	struct walk walk = { .list = list };
	bool more = false;
	struct lk_buf value;
	struct lk_status st;

	*next_token_out = "";
	if (list->page_token[0] != '\0') {
		LK_TRY(read_token(list, &walk.last));
		walk.has_last = true;
	}
	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = walk_rows(&walk, &value, &more);
	lk_buf_fini(&value);
	if (st.code == LK_OK && more)
		st = write_token(list, &walk.last, next_token_out);
	return st;
}
