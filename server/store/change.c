/* SPDX-License-Identifier: MIT */
#include "server/store/change.h"

#include "proto/wire/arena.h"

/* The least that one op takes: its kind and two lengths. */
#define OP_SIZE_MIN 7

static size_t count_logged(const struct lk_store_op *ops, size_t n_ops)
{
	size_t n = 0;

	for (size_t i = 0; i < n_ops; i++)
		n += ops[i].logged;
	return n;
}

void lk_change_write(struct lk_buf *buf, lk_time_ms at, const struct lk_store_op *ops, size_t n_ops)
{
	lk_buf_u64(buf, (uint64_t)at);
	lk_buf_u32(buf, (uint32_t)count_logged(ops, n_ops));
	for (size_t i = 0; i < n_ops; i++) {
		if (!ops[i].logged)
			continue;
		lk_buf_u8(buf, ops[i].kind == LK_STORE_PUT ? 1 : 2);
		lk_buf_u16(buf, (uint16_t)ops[i].key.n);
		lk_buf_add(buf, ops[i].key.data, ops[i].key.n);
		lk_buf_u32(buf, (uint32_t)ops[i].value.n);
		lk_buf_add(buf, ops[i].value.data, ops[i].value.n);
	}
}

bool lk_change_read_time(struct lk_bytes entry, lk_time_ms *at_out)
{
	struct lk_cursor cursor = lk_cursor_over(entry);

	*at_out = (lk_time_ms)lk_cursor_u64(&cursor);
	return !cursor.failed;
}

static bool read_op(struct lk_cursor *cursor, struct lk_store_op *op_out)
{
	uint8_t kind = lk_cursor_u8(cursor);

	op_out->kind = kind == 1 ? LK_STORE_PUT : LK_STORE_DELETE;
	op_out->logged = true;
	op_out->key = lk_cursor_take(cursor, lk_cursor_u16(cursor));
	op_out->value = lk_cursor_take(cursor, lk_cursor_u32(cursor));
	return !cursor->failed && (kind == 1 || kind == 2);
}

struct lk_status lk_change_read(
	struct lk_bytes entry, uint64_t seq, struct lk_store_change *change_out)
{
	struct lk_cursor cursor = lk_cursor_over(entry);
	lk_time_ms at = (lk_time_ms)lk_cursor_u64(&cursor);
	size_t n = lk_cursor_u32(&cursor);
	struct lk_store_op *ops;
	bool ok = true;

	if (cursor.failed || n > (size_t)(cursor.end - cursor.at) / OP_SIZE_MIN)
		return LK_ERR(LK_DATA_LOSS, "an entry of the change log is damaged");
	ops = lk_alloc((n + 1) * sizeof *ops);
	if (ops == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	for (size_t i = 0; ok && i < n; i++)
		ok = read_op(&cursor, &ops[i]);
	if (!ok || !lk_cursor_clean_end(&cursor)) {
		lk_free(ops);
		return LK_ERR(LK_DATA_LOSS, "an entry of the change log is damaged");
	}
	*change_out = (struct lk_store_change) { seq, at, ops, n };
	return LK_SUCCESS;
}

void lk_change_free(struct lk_store_change *change)
{
	union {
		const struct lk_store_op *in;
		void *out;
	} ops = { .in = change->ops };

	lk_free(ops.out);
	change->ops = NULL;
}
