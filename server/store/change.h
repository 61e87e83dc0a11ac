/* SPDX-License-Identifier: MIT */
/* One entry of the change log as bytes: the time, then the logged ops of a commit. */
#pragma once

#include "server/store/store.h"

/* Appends what is logged of the ops; the buffer is `failed` when they do not fit. */
void lk_change_write(
	struct lk_buf *buf, lk_time_ms at, const struct lk_store_op *ops, size_t n_ops);

/* Only the time. False when the bytes are not an entry. */
bool lk_change_read_time(struct lk_bytes entry, lk_time_ms *at_out);

/* Reads an entry into a change for lk_change_free; its ops' bytes are borrowed from the entry.
 *
 * LK_DATA_LOSS           the bytes are not an entry
 * LK_RESOURCE_EXHAUSTED  out of memory
 */
LK_MUST_USE struct lk_status lk_change_read(
	struct lk_bytes entry, uint64_t seq, struct lk_store_change *change_out);
void lk_change_free(struct lk_store_change *change);
