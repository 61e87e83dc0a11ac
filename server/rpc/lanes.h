/* SPDX-License-Identifier: MIT */
/* Lanes: for each kind of slow work a bounded queue of frames and a few threads, so that one
 * kind never delays another and none ever grows without a bound.
 */
#pragma once

#include "server/rpc/server.h"

struct lk_lanes;

/* Runs a frame and finishes it. */
typedef void (*lk_lane_run_fn)(struct lk_work *work);

/* Starts the threads; a lane with 0 workers has no pool. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_lanes_start(
	const struct lk_lane_size sizes[LK_LANES], lk_lane_run_fn run, struct lk_lanes **lanes_out);

/* Queues a frame; false when the lane is full. Thread-safe, never blocks. */
LK_MUST_USE bool lk_lanes_push(struct lk_lanes *lanes, enum lk_lane lane, struct lk_work *work);

/* Runs what is queued, then ends the threads and frees. NULL is allowed. */
void lk_lanes_stop(struct lk_lanes *lanes);
