/* SPDX-License-Identifier: MIT */
#include "tests/store/words.h"

#include <stdio.h>

#include "tests/support/check.h"

struct lk_bytes bytes_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

uint64_t commit_ops(struct lk_store *store, const struct lk_store_op *ops, size_t n)
{
	uint64_t seq = 0;

	CHECK_OK(lk_store_commit(store, NULL, 0, ops, n, &seq));
	return seq;
}

struct lk_store_op op_put(const char *key, const char *value, bool logged)
{
	return (struct lk_store_op) { LK_STORE_PUT, logged, bytes_of(key), bytes_of(value) };
}

struct lk_store_op op_delete(const char *key, bool logged)
{
	return (struct lk_store_op) {
		.kind = LK_STORE_DELETE, .logged = logged, .key = bytes_of(key)
	};
}

uint64_t put(struct lk_store *store, const char *key, const char *value)
{
	struct lk_store_op op = op_put(key, value, false);

	return commit_ops(store, &op, 1);
}

uint64_t put_logged(struct lk_store *store, const char *key, const char *value)
{
	struct lk_store_op op = op_put(key, value, true);

	return commit_ops(store, &op, 1);
}

uint64_t delete_key(struct lk_store *store, const char *key)
{
	struct lk_store_op op = op_delete(key, false);

	return commit_ops(store, &op, 1);
}

void check_value(struct lk_store *store, const char *key, const char *expected)
{
	struct lk_buf value;
	uint64_t seq;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	if (expected == NULL) {
		CHECK_CODE(lk_store_get(store, bytes_of(key), &value, &seq), LK_NOT_FOUND);
		return;
	}
	CHECK_OK(lk_store_get(store, bytes_of(key), &value, &seq));
	CHECK_EQ(value.n, strlen(expected));
	if (value.n > 0)
		CHECK_MEM(value.data, expected, value.n);
	lk_buf_fini(&value);
}

uint64_t seq_of(struct lk_store *store, const char *key)
{
	struct lk_buf value;
	uint64_t seq = 0;
	struct lk_status st;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = lk_store_get(store, bytes_of(key), &value, &seq);
	CHECK(st.code == LK_OK || st.code == LK_NOT_FOUND);
	lk_buf_fini(&value);
	return seq;
}

static void list_word(struct listing *listing, struct lk_bytes word, char end)
{
	for (size_t i = 0; i < word.n; i++) {
		char hex[8];

		if (word.data[i] > 0x20 && word.data[i] < 0x7f)
			snprintf(hex, sizeof hex, "%c", word.data[i]);
		else
			snprintf(hex, sizeof hex, "\\%02x", word.data[i]);
		lk_buf_add(&listing->text, hex, strlen(hex));
	}
	lk_buf_u8(&listing->text, (uint8_t)end);
}

static void list_number(struct listing *listing, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof text, "%llu ", (unsigned long long)n);
	lk_buf_add(&listing->text, text, strlen(text));
}

bool list_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct listing *listing = arg;

	list_word(listing, key, '=');
	list_word(listing, value, '@');
	list_number(listing, seq);
	return ++listing->n != listing->stop_after;
}

bool list_change(void *arg, const struct lk_store_change *change)
{
	struct listing *listing = arg;

	list_number(listing, change->seq);
	for (size_t i = 0; i < change->n_ops; i++) {
		const struct lk_store_op *op = &change->ops[i];

		CHECK(op->logged);
		list_word(listing, op->key, op->kind == LK_STORE_PUT ? '=' : '-');
		list_word(listing, op->value, ' ');
	}
	return ++listing->n != listing->stop_after;
}

void start_listing(struct listing *listing)
{
	*listing = (struct listing) { 0 };
	lk_buf_init(&listing->text, (size_t)64 * 1024 * 1024);
}

void check_listing(struct listing *listing, const char *expected)
{
	lk_buf_u8(&listing->text, 0);
	CHECK(!listing->text.failed);
	CHECK_STR((const char *)listing->text.data, expected);
	lk_buf_fini(&listing->text);
}
