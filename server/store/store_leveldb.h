/* SPDX-License-Identifier: MIT */
/* The embedded store: LevelDB in one directory, for one process.
 *
 * Every commit is synced, every read checked against its checksum, and nothing is ever repaired
 * silently: a store that is damaged, or that ends before the last commit it acknowledged, does
 * not open. The first write that fails is the last one tried: later commits are LK_UNAVAILABLE
 * until the store is opened by a new process, while reads go on.
 */
#pragma once

#include "server/store/directory.h"
#include "server/store/store.h"

struct lk_store_leveldb_options {
	const char *path;             /* outlives the store */
	bool create;                  /* when there has never been a store at this path */
	size_t change_log_max;        /* commits to keep in the change log; 0: 1,000,000 */
	lk_time_ms change_log_age_ms; /* keep them no longer than this; 0: 24 hours */
	size_t reserve_size;          /* to start with on a full disk; 0: 64 MiB, twice what an
				       * open may have to write */
	lk_time_ms (*now)(void *arg);
	lk_store_report_fn report; /* learns why; called on any thread; may be NULL */
	void *arg;                 /* of now and report */
};

/* Opens a store, reading all of it once to be sure of it: 1 to 2 s for a million rows.
 *
 * LK_FAILED_PRECONDITION  the directory is missing, not ours alone, or open elsewhere; or the
 *                         store is of a newer format
 * LK_DATA_LOSS            the store is damaged, gone or lacks commits: restore a backup
 * LK_UNAVAILABLE          it could not be read or written
 * LK_RESOURCE_EXHAUSTED   out of memory
 */
LK_MUST_USE struct lk_status lk_store_leveldb_open(
	const struct lk_store_leveldb_options *options, struct lk_store **store_out);

/* Forgets changes beyond the limits, always keeping the last one, and sets the reserve up again
 * if it had been used. For a timer, every minute or so; may run beside everything else.
 *
 * LK_UNAVAILABLE  the store could not be read or written
 */
LK_MUST_USE struct lk_status lk_store_leveldb_maintain(struct lk_store *store);
