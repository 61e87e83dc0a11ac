/* SPDX-License-Identifier: MIT */
/* The store: an ordered map with atomic conditional batches and a gap-free change log.
 *
 * Five calls, nothing more, so that an embedded engine and a distributed one can both stand
 * behind them. Nothing above may assume that this process is the only writer. Keys are ordered
 * as unsigned bytes. Every commit has a sequence number, one more than the commit before it;
 * every value carries the number of the commit that wrote it.
 *
 * All calls are thread-safe. They may block on a disk or a network: never call them from a
 * transport's callback.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/buf.h"
#include "proto/wire/status.h"

#define LK_STORE_KEY_MAX 512
#define LK_STORE_VALUE_MAX ((size_t)64 * 1024)
#define LK_STORE_BATCH_OPS_MAX 16384
#define LK_STORE_BATCH_BYTES_MAX ((size_t)8 * 1024 * 1024) /* keys and values of all ops */

/* Holds when the key's value has exactly this sequence number; 0: when the key is absent. */
struct lk_store_condition {
	struct lk_bytes key;
	uint64_t seq;
};

enum lk_store_op_kind { LK_STORE_PUT, LK_STORE_DELETE };

struct lk_store_op {
	enum lk_store_op_kind kind;
	bool logged; /* it appears in the change log, with its value */
	struct lk_bytes key;
	struct lk_bytes value; /* of a put */
};

/* What a commit did to logged keys; n_ops may be 0. */
struct lk_store_change {
	uint64_t seq;
	lk_time_ms at; /* when it was committed; 0 from a driver without a clock */
	const struct lk_store_op *ops;
	size_t n_ops;
};

/* Called for each row or change in order; bytes are borrowed for the call. Returns false to
 * stop early. Must not call the store. */
typedef bool (*lk_store_row_fn)(
	void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq);
typedef bool (*lk_store_change_fn)(void *arg, const struct lk_store_change *change);

struct lk_store;

struct lk_store_ops {
	struct lk_status (*get)(struct lk_store *store, struct lk_bytes key,
		struct lk_buf *value_out, uint64_t *seq_out);
	struct lk_status (*scan)(struct lk_store *store, struct lk_bytes prefix,
		struct lk_bytes after, size_t limit, lk_store_row_fn visit, void *arg);
	struct lk_status (*commit)(struct lk_store *store,
		const struct lk_store_condition *conditions, size_t n_conditions,
		const struct lk_store_op *ops, size_t n_ops, uint64_t *seq_out);
	struct lk_status (*changes)(struct lk_store *store, uint64_t after_seq, size_t limit,
		lk_store_change_fn visit, void *arg);
	struct lk_status (*wait)(struct lk_store *store, uint64_t seq, uint32_t timeout_ms);
	void (*close)(struct lk_store *store);
};

/* First member of every driver. */
struct lk_store {
	const struct lk_store_ops *ops;
};

/* For drivers: sets the ops, of which none may be missing. What reaches them is within the
 * limits above; the calls below answer LK_INVALID_ARGUMENT for anything else. */
void lk_store_init(struct lk_store *store, const struct lk_store_ops *ops);

/* The order of keys: below, equal to or above 0. Not for secrets. */
int lk_store_compare(struct lk_bytes a, struct lk_bytes b);

bool lk_store_has_prefix(struct lk_bytes key, struct lk_bytes prefix);

/* The value of a key, appended to an empty buffer, and its sequence number.
 *
 * LK_NOT_FOUND           no such key
 * LK_UNAVAILABLE         the store could not be read
 * LK_RESOURCE_EXHAUSTED  the buffer does not take it
 */
LK_MUST_USE struct lk_status lk_store_get(
	struct lk_store *store, struct lk_bytes key, struct lk_buf *value_out, uint64_t *seq_out);

/* Visits up to limit keys that start with prefix (empty: all) and are greater than `after`
 * (empty: from the first), from one moment's view of the store.
 *
 * LK_UNAVAILABLE  the store could not be read; rows already visited stand
 */
LK_MUST_USE struct lk_status lk_store_scan(struct lk_store *store, struct lk_bytes prefix,
	struct lk_bytes after, size_t limit, lk_store_row_fn visit, void *arg);

/* Applies all ops, in order, if all conditions hold; durable when it returns LK_OK.
 *
 * LK_ABORTED             a condition does not hold; nothing changed
 * LK_RESOURCE_EXHAUSTED  memory is short, or a condition could not be read; nothing changed
 * LK_UNAVAILABLE         the write failed. Whether it took effect is unknown; the store takes
 *                        no more writes until it is opened anew
 */
LK_MUST_USE struct lk_status lk_store_commit(struct lk_store *store,
	const struct lk_store_condition *conditions, size_t n_conditions,
	const struct lk_store_op *ops, size_t n_ops, uint64_t *seq_out);

/* Visits up to limit commits after after_seq, without a gap.
 *
 * LK_OUT_OF_RANGE  the log no longer reaches back that far, or the store has never got to
 *                  after_seq (a backup was restored): scan anew
 * LK_UNAVAILABLE   the store could not be read; changes already visited stand
 */
LK_MUST_USE struct lk_status lk_store_changes(struct lk_store *store, uint64_t after_seq,
	size_t limit, lk_store_change_fn visit, void *arg);

/* Returns once a commit with at least this number exists, at once if it does already.
 *
 * LK_DEADLINE_EXCEEDED  not within the timeout
 */
LK_MUST_USE struct lk_status lk_store_wait(
	struct lk_store *store, uint64_t seq, uint32_t timeout_ms);

/* Frees the store. NULL is allowed. */
void lk_store_close(struct lk_store *store);
