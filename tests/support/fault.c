/* SPDX-License-Identifier: MIT */
#include "tests/support/fault.h"

#include <stdatomic.h>

#include "proto/wire/arena.h"

struct fault_store {
	struct lk_store base;
	struct lk_store *inner;
	atomic_ulong countdown;
	atomic_bool fired;
	atomic_bool is_poisoned; /* a commit has failed, and so do all after it */
	atomic_ulong aborts;
	atomic_ulong commits;
};

static struct fault_store *fault_of(struct lk_store *store)
{
	return (struct fault_store *)store;
}

static bool take_one(atomic_ulong *n)
{
	unsigned long left = atomic_load(n);

	while (left > 0 && !atomic_compare_exchange_weak(n, &left, left - 1))
		continue;
	return left > 0;
}

static struct lk_status maybe_fail(struct fault_store *self)
{
	if (!take_one(&self->countdown) || atomic_load(&self->countdown) > 0)
		return LK_SUCCESS;
	atomic_store(&self->fired, true);
	return LK_ERR(LK_UNAVAILABLE, "a fault of the test");
}

static struct lk_status get(
	struct lk_store *store, struct lk_bytes key, struct lk_buf *value_out, uint64_t *seq_out)
{
	LK_TRY(maybe_fail(fault_of(store)));
	return lk_store_get(fault_of(store)->inner, key, value_out, seq_out);
}

static struct lk_status scan(struct lk_store *store, struct lk_bytes prefix, struct lk_bytes after,
	size_t limit, lk_store_row_fn visit, void *arg)
{
	LK_TRY(maybe_fail(fault_of(store)));
	return lk_store_scan(fault_of(store)->inner, prefix, after, limit, visit, arg);
}

static struct lk_status commit(struct lk_store *store, const struct lk_store_condition *conditions,
	size_t n_conditions, const struct lk_store_op *ops, size_t n_ops, uint64_t *seq_out)
{
	struct fault_store *self = fault_of(store);

	if (maybe_fail(self).code != LK_OK)
		atomic_store(&self->is_poisoned, true);
	if (atomic_load(&self->is_poisoned))
		return LK_ERR(LK_UNAVAILABLE, "a fault of the test");
	if (take_one(&self->aborts))
		return LK_ERR(LK_ABORTED, "a fault of the test");
	atomic_fetch_add(&self->commits, 1);
	return lk_store_commit(self->inner, conditions, n_conditions, ops, n_ops, seq_out);
}

static struct lk_status changes(struct lk_store *store, uint64_t after_seq, size_t limit,
	lk_store_change_fn visit, void *arg)
{
	LK_TRY(maybe_fail(fault_of(store)));
	return lk_store_changes(fault_of(store)->inner, after_seq, limit, visit, arg);
}

static struct lk_status wait(struct lk_store *store, uint64_t seq, uint32_t timeout_ms)
{
	LK_TRY(maybe_fail(fault_of(store)));
	return lk_store_wait(fault_of(store)->inner, seq, timeout_ms);
}

static void close_fault(struct lk_store *store)
{
	lk_store_close(fault_of(store)->inner);
	lk_free(store);
}

struct lk_store *fault_store_new(struct lk_store *inner)
{
	static const struct lk_store_ops ops = { get, scan, commit, changes, wait, close_fault };
	struct fault_store *self = lk_alloc(sizeof *self);

	if (self == NULL)
		return NULL;
	lk_store_init(&self->base, &ops);
	self->inner = inner;
	return &self->base;
}

bool fault_store_fail_nth(struct lk_store *store, unsigned long nth)
{
	bool fired = atomic_exchange(&fault_of(store)->fired, false);

	atomic_store(&fault_of(store)->countdown, nth);
	atomic_store(&fault_of(store)->is_poisoned, false);
	return fired;
}

void fault_store_abort_commits(struct lk_store *store, unsigned long n)
{
	atomic_store(&fault_of(store)->aborts, n);
}

unsigned long fault_store_commits(struct lk_store *store)
{
	return atomic_load(&fault_of(store)->commits);
}
