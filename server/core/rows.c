/* SPDX-License-Identifier: MIT */
#include "server/core/rows.h"

static const struct lk_bytes nothing;

struct lk_status lk_rows_put_empty(struct lk_txn *txn, const struct lk_row *row)
{
	return lk_txn_put(txn, lk_row_bytes(row), nothing, false);
}

struct peek {
	struct lk_bytes key;
	struct lk_buf *value;
};

static bool copy_value(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	const struct peek *peek = arg;

	(void)seq;
	if (key.n == peek->key.n)
		lk_buf_add(peek->value, value.data, value.n);
	return false;
}

struct lk_status lk_rows_peek(
	struct lk_txn *txn, const struct lk_row *row, struct lk_buf *value_out)
{
	struct peek peek = { lk_row_bytes(row), value_out };

	LK_TRY(lk_txn_scan(txn, peek.key, nothing, 1, copy_value, &peek));
	if (value_out->failed)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	return LK_SUCCESS;
}

struct lk_status lk_rows_move_expiry(
	struct lk_txn *txn, const struct lk_row *row, lk_time_ms from, lk_time_ms to)
{
	struct lk_row entry;

	if (from == to)
		return LK_SUCCESS;
	if (from != 0) {
		entry = lk_row_of_expiry(from, lk_row_bytes(row));
		LK_TRY(lk_txn_delete(txn, lk_row_bytes(&entry), false));
	}
	if (to == 0)
		return LK_SUCCESS;
	entry = lk_row_of_expiry(to, lk_row_bytes(row));
	return lk_rows_put_empty(txn, &entry);
}
