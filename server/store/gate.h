/* SPDX-License-Identifier: MIT */
/* The gate: where drivers publish their last sequence number and readers wait for the next.
 * All calls but init and fini are thread-safe.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "proto/wire/status.h"

struct lk_gate {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	uint64_t seq;
};

void lk_gate_init(struct lk_gate *gate);
void lk_gate_fini(struct lk_gate *gate);

/* Lets everybody through who waits for seq or less. It never goes back. */
void lk_gate_publish(struct lk_gate *gate, uint64_t seq);

uint64_t lk_gate_seq(struct lk_gate *gate);

/* LK_DEADLINE_EXCEEDED when seq is not reached within the timeout. */
LK_MUST_USE struct lk_status lk_gate_wait(struct lk_gate *gate, uint64_t seq, uint32_t timeout_ms);
