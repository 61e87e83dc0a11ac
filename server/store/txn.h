/* SPDX-License-Identifier: MIT */
/* A transaction: reads that see its own writes, and one conditional commit at the end.
 *
 * Every key that is read becomes a condition, so the commit succeeds only if nobody changed
 * what the decision rested on. Marks let one transaction hold the work of many calls: what a
 * failing call wrote is rolled back without disturbing the others. One thread at a time.
 */
#pragma once

#include "server/store/store.h"

struct lk_txn;

/* The store must outlive the transaction. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_txn_new(struct lk_store *store, struct lk_txn **txn_out);

/* NULL is allowed. */
void lk_txn_free(struct lk_txn *txn);

/* Forgets and wipes everything: the transaction can be used again. */
void lk_txn_reset(struct lk_txn *txn);

/* As lk_store_get, own writes included. The bytes live until the transaction is reset. A key is
 * read from the store once: later reads see what the first one saw.
 * LK_NOT_FOUND, LK_UNAVAILABLE, LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_txn_get(
	struct lk_txn *txn, struct lk_bytes key, struct lk_bytes *value_out);

/* As lk_store_scan, own writes included: their rows have seq 0. What is scanned does not become
 * a condition. LK_UNAVAILABLE, LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_txn_scan(struct lk_txn *txn, struct lk_bytes prefix,
	struct lk_bytes after, size_t limit, lk_store_row_fn visit, void *arg);

/* Requires that the key is absent now and at the commit. LK_ALREADY_EXISTS, and as lk_txn_get. */
LK_MUST_USE struct lk_status lk_txn_expect_absent(struct lk_txn *txn, struct lk_bytes key);

/* Writes; key and value are copied. LK_RESOURCE_EXHAUSTED when the transaction is full. */
LK_MUST_USE struct lk_status lk_txn_put(
	struct lk_txn *txn, struct lk_bytes key, struct lk_bytes value, bool logged);
LK_MUST_USE struct lk_status lk_txn_delete(struct lk_txn *txn, struct lk_bytes key, bool logged);

/* Whether something did not fit since the last reset: in a fresh transaction it may. */
bool lk_txn_is_full(const struct lk_txn *txn);

/* The number of writes so far, and the way back to it: later writes are undone, conditions
 * stay. */
size_t lk_txn_mark(const struct lk_txn *txn);
void lk_txn_rollback(struct lk_txn *txn, size_t mark);

/* Commits what is left. A transaction without writes is LK_OK with seq 0.
 * LK_ABORTED, LK_UNAVAILABLE, LK_RESOURCE_EXHAUSTED as lk_store_commit. */
LK_MUST_USE struct lk_status lk_txn_commit(struct lk_txn *txn, uint64_t *seq_out);
