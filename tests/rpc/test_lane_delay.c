/* SPDX-License-Identifier: MIT */
/* When a full lane tells those whom it refuses to come again. */
#include <pthread.h>
#include <stdatomic.h>

#include "proto/wire/arena.h"
#include "server/rpc/lanes.h"
#include "tests/support/check.h"

TEST(a_delay_is_what_the_queue_takes_its_workers_within_bounds)
{
	static const struct {
		size_t n, workers;
		uint64_t mean_us;
		uint32_t ms;
	} cases[] = {
		{ 32, 1, 60000, 1920 },
		{ 32, 2, 60000, 960 },
		{ 33, 4, 60000, 495 },
		{ 2, 1, 25001, 51 }, /* rounded up */
		{ 2, 1, 25000, 50 },
		{ 1, 1, 1, 50 },
		{ 0, 1, 60000, 50 },
		{ 32, 1, 0, 50 },
		{ 100, 1, 99990, 9999 },
		{ 100, 1, 100000, 10000 },
		{ 101, 1, 100000, 10000 },
		{ UINT32_MAX, 1, 10000000, 10000 },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++)
		CHECK_EQ(lk_lane_delay_ms(cases[i].n, cases[i].workers, cases[i].mean_us),
			cases[i].ms);
}

TEST(the_mean_follows_what_frames_take_and_outlives_a_clock_that_jumps)
{
	uint64_t mean_us = LK_LANE_MEAN_US;

	CHECK_EQ(lk_lane_mean_us(100000, 100000), 100000);
	CHECK_EQ(lk_lane_mean_us(100000, 20000), 90000);
	CHECK_EQ(lk_lane_mean_us(100000, 180000), 110000);
	CHECK_EQ(lk_lane_mean_us(0, 0), 0);
	for (int i = 0; i < 40; i++)
		mean_us = lk_lane_mean_us(mean_us, 800000);
	CHECK(mean_us > 790000 && mean_us <= 800000);
	mean_us = lk_lane_mean_us(mean_us, UINT64_MAX);
	CHECK(mean_us < 2000000);
	for (int i = 0; i < 40; i++)
		mean_us = lk_lane_mean_us(mean_us, 40000);
	CHECK(mean_us >= 40000 && mean_us < 50000);
}

static atomic_ulong clock_us;

static uint64_t read_clock(void)
{
	return atomic_load(&clock_us);
}

static pthread_barrier_t barrier;

/* A frame takes 900 ms, then the test has a look. */
static void take_time(struct lk_work *work)
{
	(void)work;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	atomic_fetch_add(&clock_us, 900000);
}

TEST(a_lane_learns_from_each_frame_how_long_its_queue_takes)
{
	/* A mean that moves from 100 ms by an eighth of the way to 900 each time. */
	static const uint32_t means_ms[] = { 100, 200, 288, 365 };
	const struct lk_lane_size sizes[LK_LANES] = { [LK_LANE_HASH] = {
							      .workers = 1, .queue = 8 } };
	struct lk_work *works[LK_COUNT(means_ms) + 1];
	struct lk_lanes *lanes;

	pthread_barrier_init(&barrier, NULL, 2);
	CHECK_OK(lk_lanes_start(sizes, take_time, read_clock, &lanes));
	for (size_t i = 0; i < LK_COUNT(works); i++) {
		works[i] = lk_work_new(NULL, NULL);
		CHECK(works[i] != NULL && lk_lanes_push(lanes, LK_LANE_HASH, works[i]));
	}
	for (size_t i = 0; i < LK_COUNT(means_ms); i++) {
		uint32_t n = (uint32_t)(LK_COUNT(means_ms) - i);
		uint32_t ms;

		pthread_barrier_wait(&barrier);
		ms = lk_lanes_delay_ms(lanes, LK_LANE_HASH);
		CHECK(ms > n * (means_ms[i] - 1) && ms <= n * means_ms[i]);
		pthread_barrier_wait(&barrier);
	}
	pthread_barrier_wait(&barrier);
	CHECK_EQ(lk_lanes_delay_ms(lanes, LK_LANE_HASH), LK_LANE_DELAY_MIN_MS);
	pthread_barrier_wait(&barrier);
	lk_lanes_stop(lanes);
	for (size_t i = 0; i < LK_COUNT(works); i++)
		lk_work_free(works[i]);
	pthread_barrier_destroy(&barrier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_delay_is_what_the_queue_takes_its_workers_within_bounds),
		RUN(the_mean_follows_what_frames_take_and_outlives_a_clock_that_jumps),
		RUN(a_lane_learns_from_each_frame_how_long_its_queue_takes),
	};

	return RUN_ALL(tests);
}
