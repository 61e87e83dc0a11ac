/* SPDX-License-Identifier: MIT */
#include "server/store/sweeper.h"

#include "proto/wire/arena.h"
#include "server/store/layout.h"

#define ENTRIES_MAX_DEFAULT 100000

/* Entries of one commit: few enough that other jobs hardly wait. */
#define BATCH_MAX 256

/* Due entries, read without a transaction and settled in one. */
struct batch {
	const struct lk_sweeper *sweeper;
	lk_time_ms now;
	size_t room;
	size_t n;
	size_t n_failed;
	struct lk_row entries[BATCH_MAX];
};

static bool add_if_due(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct batch *batch = arg;
	struct lk_bytes row;
	lk_time_ms due;

	(void)value;
	(void)seq;
	if (!lk_row_read_expiry(key, &due, &row) || due > batch->now)
		return false;
	batch->entries[batch->n++] = lk_row_from(key);
	return batch->n < batch->room;
}

static struct lk_status settle(const struct batch *batch, struct lk_txn *txn, struct lk_bytes entry)
{
	const struct lk_sweeper *sweeper = batch->sweeper;
	struct lk_bytes row;
	lk_time_ms due;

	if (!lk_row_read_expiry(entry, &due, &row))
		return LK_ERR(LK_INTERNAL, "not an expiry entry");
	if (sweeper->sweep != NULL)
		LK_TRY(sweeper->sweep(sweeper->arg, txn, row, batch->now));
	else
		LK_TRY(lk_txn_delete(txn, row, true));
	return lk_txn_delete(txn, entry, false);
}

static struct lk_status settle_batch(void *arg, struct lk_txn *txn)
{
	struct batch *batch = arg;

	batch->n_failed = 0;
	for (size_t i = 0; i < batch->n; i++) {
		size_t mark = lk_txn_mark(txn);
		struct lk_status st = settle(batch, txn, lk_row_bytes(&batch->entries[i]));

		if (st.code == LK_OK)
			continue;
		/* One bad record must not keep the others for ever. */
		lk_txn_rollback(txn, mark);
		batch->n_failed++;
		if (lk_txn_is_full(txn))
			return st;
	}
	return LK_SUCCESS;
}

static struct lk_status sweep_batches(
	struct batch *batch, size_t left, struct lk_sweep_counts *counts)
{
	struct lk_row prefix = lk_row_of_expiries();
	struct lk_row last = { .n = 0 };

	while (left > 0) {
		batch->n = 0;
		batch->room = left < BATCH_MAX ? left : BATCH_MAX;
		LK_TRY(lk_store_scan(batch->sweeper->store, lk_row_bytes(&prefix),
			lk_row_bytes(&last), batch->room, add_if_due, batch));
		if (batch->n == 0)
			break;
		LK_TRY(lk_committer_run(batch->sweeper->committer, settle_batch, batch));
		counts->settled += batch->n - batch->n_failed;
		counts->failed += batch->n_failed;
		last = batch->entries[batch->n - 1];
		left -= batch->n;
	}
	return LK_SUCCESS;
}

struct lk_status lk_sweeper_run(
	const struct lk_sweeper *sweeper, lk_time_ms now, struct lk_sweep_counts *counts_out)
{
	size_t left = sweeper->entries_max > 0 ? sweeper->entries_max : ENTRIES_MAX_DEFAULT;
	struct batch *batch = lk_alloc(sizeof *batch);
	struct lk_status st;

	*counts_out = (struct lk_sweep_counts) { 0 };
	if (batch == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	batch->sweeper = sweeper;
	batch->now = now;
	st = sweep_batches(batch, left, counts_out);
	lk_free(batch);
	return st;
}
