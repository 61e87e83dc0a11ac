/* SPDX-License-Identifier: MIT */
/* The sweeper: deletes what is over.
 *
 * Whoever writes a record that ends also writes an expiry entry (lk_row_of_expiry) that names
 * its row. The sweeper reads the entries that are due and settles each in a commit.
 */
#pragma once

#include "server/store/committer.h"

/* Settles one due entry through the transaction: deletes the row, and what belongs to it, if it
 * is really over at `now`; leaves it alone if it is gone, or if its end has moved, for then
 * there is a later entry. An error keeps the entry for the next sweep. May run more than once. */
typedef struct lk_status (*lk_sweep_fn)(
	void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now);

struct lk_sweeper {
	struct lk_store *store;
	struct lk_committer *committer;
	lk_sweep_fn sweep; /* NULL: a due entry is right, its row is deleted */
	void *arg;
	size_t entries_max; /* of one call; 0: 100,000 */
};

struct lk_sweep_counts {
	size_t settled; /* entries that are gone now */
	size_t failed;  /* entries whose sweep failed: they stay */
};

/* Settles the entries that are due at `now`, in commits of bounded size; other jobs run in
 * between. Blocks. The counts stand whatever the status.
 *
 * LK_UNAVAILABLE         the store could not be read or written
 * LK_RESOURCE_EXHAUSTED  the committer is busy, or memory is short: go on later
 * LK_ABORTED             others kept changing the rows: go on later
 */
LK_MUST_USE struct lk_status lk_sweeper_run(
	const struct lk_sweeper *sweeper, lk_time_ms now, struct lk_sweep_counts *counts_out);
