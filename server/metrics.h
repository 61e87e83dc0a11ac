/* SPDX-License-Identifier: MIT */
/* What the daemon tells Prometheus beside what the bridge counts; latchkeyd(8) has the list. */
#pragma once

#include <stdatomic.h>

#include "server/rpc/services.h"

/* Above the number of any method. */
#define LK_METRICS_METHODS 512

/* Zeroed at first. */
struct lk_metrics {
	/* Finished calls, by the number of their method (0: no such method) and whether they
	 * failed. */
	_Atomic uint64_t calls[LK_METRICS_METHODS][2];

	/* What was seen last. */
	_Atomic uint64_t keys, sessions, index_bytes, unreadable, commits;
	atomic_bool is_behind, is_writable;
};

/* Thread-safe, never blocks. */
void lk_metrics_count(struct lk_metrics *metrics, const struct lk_call_outcome *outcome);

/* Looks at index and committer. Waits for whoever changes the index: not for loops. */
void lk_metrics_observe(struct lk_metrics *metrics, const struct lk_services *services);

/* Adds lines in the text format of Prometheus. Thread-safe, never blocks. */
void lk_metrics_print(
	const struct lk_metrics *metrics, const struct lk_services *services, struct lk_buf *out);
