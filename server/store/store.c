/* SPDX-License-Identifier: MIT */
#include "server/store/store.h"

#include <assert.h>
#include <string.h>

void lk_store_init(struct lk_store *store, const struct lk_store_ops *ops)
{
	assert(ops->get != NULL && ops->scan != NULL && ops->commit != NULL);
	assert(ops->changes != NULL && ops->wait != NULL && ops->close != NULL);
	store->ops = ops;
}

int lk_store_compare(struct lk_bytes a, struct lk_bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.data, b.data, n) : 0;

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

bool lk_store_has_prefix(struct lk_bytes key, struct lk_bytes prefix)
{
	return key.n >= prefix.n && (prefix.n == 0 || memcmp(key.data, prefix.data, prefix.n) == 0);
}

static bool is_key(struct lk_bytes key)
{
	return key.n > 0 && key.n <= LK_STORE_KEY_MAX;
}

struct lk_status lk_store_get(
	struct lk_store *store, struct lk_bytes key, struct lk_buf *value_out, uint64_t *seq_out)
{
	assert(value_out->n == 0);
	if (!is_key(key))
		return LK_ERR(LK_INVALID_ARGUMENT, "a key of the store has 1 to 512 bytes");
	return store->ops->get(store, key, value_out, seq_out);
}

struct lk_status lk_store_scan(struct lk_store *store, struct lk_bytes prefix,
	struct lk_bytes after, size_t limit, lk_store_row_fn visit, void *arg)
{
	if (prefix.n > LK_STORE_KEY_MAX || after.n > LK_STORE_KEY_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "a key of the store has 1 to 512 bytes");
	if (limit == 0)
		return LK_SUCCESS;
	return store->ops->scan(store, prefix, after, limit, visit, arg);
}

static struct lk_status check_ops(const struct lk_store_op *ops, size_t n_ops)
{
	size_t n_bytes = 0;

	if (n_ops > LK_STORE_BATCH_OPS_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "too many changes in one commit");
	for (size_t i = 0; i < n_ops; i++) {
		if (!is_key(ops[i].key))
			return LK_ERR(LK_INVALID_ARGUMENT, "a key of the store has 1 to 512 bytes");
		if (ops[i].value.n > LK_STORE_VALUE_MAX)
			return LK_ERR(LK_INVALID_ARGUMENT, "a value of the store is too large");
		n_bytes += ops[i].key.n + ops[i].value.n;
	}
	if (n_bytes > LK_STORE_BATCH_BYTES_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "too many bytes in one commit");
	return LK_SUCCESS;
}

struct lk_status lk_store_commit(struct lk_store *store,
	const struct lk_store_condition *conditions, size_t n_conditions,
	const struct lk_store_op *ops, size_t n_ops, uint64_t *seq_out)
{
	for (size_t i = 0; i < n_conditions; i++) {
		if (!is_key(conditions[i].key))
			return LK_ERR(LK_INVALID_ARGUMENT, "a key of the store has 1 to 512 bytes");
	}
	LK_TRY(check_ops(ops, n_ops));
	return store->ops->commit(store, conditions, n_conditions, ops, n_ops, seq_out);
}

struct lk_status lk_store_changes(struct lk_store *store, uint64_t after_seq, size_t limit,
	lk_store_change_fn visit, void *arg)
{
	return store->ops->changes(store, after_seq, limit, visit, arg);
}

struct lk_status lk_store_wait(struct lk_store *store, uint64_t seq, uint32_t timeout_ms)
{
	return store->ops->wait(store, seq, timeout_ms);
}

void lk_store_close(struct lk_store *store)
{
	if (store != NULL)
		store->ops->close(store);
}
