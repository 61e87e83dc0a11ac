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
LK_MUST_USE struct lk_status lk_lanes_start(const struct lk_lane_size sizes[LK_LANES],
	lk_lane_run_fn run, uint64_t (*mono_us)(void), struct lk_lanes **lanes_out);

/* Queues a frame; false when the lane is full. Thread-safe, never blocks. */
LK_MUST_USE bool lk_lanes_push(struct lk_lanes *lanes, enum lk_lane lane, struct lk_work *work);

/* When to come again to a full lane: an estimate of how long what is queued will take, from how
 * long frames of the lane took lately. Thread-safe. */
uint32_t lk_lanes_delay_ms(struct lk_lanes *lanes, enum lk_lane lane);

/* The arithmetic of it. Before the first frame one is taken to need LK_LANE_MEAN_US; each that is
 * done moves the mean by an eighth of the way. n frames are shared by the workers, and what comes
 * out is kept between LK_LANE_DELAY_MIN_MS and LK_LANE_DELAY_MAX_MS. */
#define LK_LANE_MEAN_US 100000
#define LK_LANE_DELAY_MIN_MS 50
#define LK_LANE_DELAY_MAX_MS 10000
uint64_t lk_lane_mean_us(uint64_t mean_us, uint64_t took_us);
uint32_t lk_lane_delay_ms(size_t n, size_t workers, uint64_t mean_us);

/* Runs what is queued, then ends the threads and frees. NULL is allowed. */
void lk_lanes_stop(struct lk_lanes *lanes);
