/* SPDX-License-Identifier: MIT */
/* What the files of index.h share: the set of all that the index holds, and how a row of the store
 * gets into it. */
#pragma once

#include "server/core/entries.h"
#include "server/core/index.h"

/* Everything in force, or everything that a scan builds. One writer. */
struct lk_index_set {
	struct lk_entries entries;
	struct lk_owners owners;
	_Atomic(struct lk_keyring *) keyrings[LK_REALMS_MAX]; /* by realm; NULL: empty */
	struct lk_epoch_bin *retired;                         /* NULL: there are no readers */
	size_t n_unreadable; /* records that could not be read and are denied */
};

/* What rows are compiled with. */
struct lk_index_context {
	const struct lk_realms *realms;
	const struct lk_peppers *peppers;
	struct lk_arena *arena; /* of the record being read; reset for each */
};

/* Must not move afterwards. False: short of memory. */
bool lk_index_set_init(struct lk_index_set *set, struct lk_epoch_bin *retired);

/* No reader may be inside. */
void lk_index_set_fini(struct lk_index_set *set);

/* Moves another set in, which is empty of memory afterwards; what it replaces is retired. Denials
 * because of changes that could not be written carry over. */
void lk_index_set_replace(struct lk_index_set *set, struct lk_index_set *take);

/* One row as it is now; `value.data` is NULL for a row that is gone. Rows that the index has no use
 * for are skipped. LK_RESOURCE_EXHAUSTED: short of memory, nothing changed. */
LK_MUST_USE struct lk_status lk_index_apply(const struct lk_index_context *context,
	struct lk_index_set *set, struct lk_bytes row, struct lk_bytes value);

/* Denies whatever rests on a row whose present state is not known. */
void lk_index_deny_row(
	const struct lk_index_context *context, struct lk_index_set *set, struct lk_bytes row);
