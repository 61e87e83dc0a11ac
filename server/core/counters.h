/* SPDX-License-Identifier: MIT */
/* Counters that empty evenly: so many in so long.
 *
 * Each is one moment, when it will be empty again (the generic cell rate algorithm). One more moves
 * it forward by its share of the window, and is refused if that took it further ahead than the
 * whole window. So it needs no timer and no history. Counters live in a table of fixed size; where
 * that is full, the emptiest gives way. Durable ones are written behind, at most a second later,
 * outside the change log. Thread-safe; only flush and load block.
 */
#pragma once

#include "server/store/committer.h"
#include "server/store/layout.h"

#define LK_COUNTER_TAG_SIZE 16

/* What a counter is kept under, here and in the store: what it counts, and the group it is of, so
 * that all of a group can be found. Zeros: of none. Digests, which reveal nothing. */
struct lk_counter_name {
	uint8_t tag[LK_COUNTER_TAG_SIZE];
	uint8_t group[LK_COUNTER_TAG_SIZE];
};
_Static_assert(sizeof(struct lk_counter_name) == LK_ROW_DIGEST_SIZE, "a name is the key of a row");

struct lk_counter_rule {
	uint32_t max; /* in a window; at least 1 */
	lk_time_ms window_ms;
	bool is_durable; /* it outlives the process */
};

/* How far a counter is. */
struct lk_counter_level {
	uint32_t remaining;
	lk_time_ms reset_ms; /* until it is empty */
	lk_time_ms wait_ms;  /* until one more fits; 0: now */
};

struct lk_counters;

/* `row` is the kind of row that durable counters have; of NULL, the range of all.
 * LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_counters_new(
	struct lk_row (*row)(const uint8_t *), struct lk_counters **counters_out);
void lk_counters_free(struct lk_counters *counters);

/* Looks without counting. */
void lk_counter_look(struct lk_counters *counters, const struct lk_counter_rule *rule,
	const struct lk_counter_name *name, lk_time_ms now, struct lk_counter_level *level_out);

/* Counts one more, if it fits: false otherwise. Either way `level_out` says how far it is now. */
bool lk_counter_add(struct lk_counters *counters, const struct lk_counter_rule *rule,
	const struct lk_counter_name *name, lk_time_ms now, struct lk_counter_level *level_out);

/* One less. */
void lk_counter_take_back(struct lk_counters *counters, const struct lk_counter_rule *rule,
	const struct lk_counter_name *name);

/* Empties the counters of a group, and the one of a name. NULL: none. */
void lk_counters_forget(struct lk_counters *counters, const uint8_t group[LK_COUNTER_TAG_SIZE],
	const struct lk_counter_name *name);

/* Reads what was written before. Once, at the start. */
LK_MUST_USE struct lk_status lk_counters_load(struct lk_counters *counters, struct lk_store *store);

/* Writes what changed since the last time, and deletes what is empty again. Codes of
 * lk_committer_run; what could not be written is tried again. One thread at a time. */
LK_MUST_USE struct lk_status lk_counters_flush(
	struct lk_counters *counters, struct lk_committer *committer, lk_time_ms now);
