/* SPDX-License-Identifier: MIT */
#include "server/rpc/lanes.h"

#include <pthread.h>
#include <sys/resource.h>

#include "server/rpc/rpc_priv.h"

struct lane {
	pthread_mutex_t mutex;
	pthread_cond_t ready;
	struct lk_work *first;
	struct lk_work **last; /* where the next one is hung */
	size_t n_queued;
	size_t queue_max;
	uint64_t mean_us; /* that a frame takes */
	bool is_stopping;
	int nice;
	lk_lane_run_fn run;
	uint64_t (*mono_us)(void);
	pthread_t *threads;
	size_t n_threads;
};

struct lk_lanes {
	struct lane lanes[LK_LANES];
};

uint64_t lk_lane_mean_us(uint64_t mean_us, uint64_t took_us)
{
	/* Longer is as long: a clock that jumped, or a machine that slept, is soon forgotten. */
	const uint64_t most_us = (uint64_t)LK_LANE_DELAY_MAX_MS * 1000;

	took_us = took_us < most_us ? took_us : most_us;
	return mean_us - mean_us / 8 + took_us / 8;
}

uint32_t lk_lane_delay_ms(size_t n, size_t workers, uint64_t mean_us)
{
	uint64_t ms = (n * mean_us / workers + 999) / 1000;

	if (ms < LK_LANE_DELAY_MIN_MS)
		return LK_LANE_DELAY_MIN_MS;
	return ms < LK_LANE_DELAY_MAX_MS ? (uint32_t)ms : LK_LANE_DELAY_MAX_MS;
}

/* The next frame, or NULL when the lane is stopping and empty. */
static struct lk_work *take(struct lane *lane)
{
	struct lk_work *work;

	pthread_mutex_lock(&lane->mutex);
	while (lane->first == NULL && !lane->is_stopping)
		pthread_cond_wait(&lane->ready, &lane->mutex);
	work = lane->first;
	if (work != NULL) {
		lane->first = work->next;
		if (lane->first == NULL)
			lane->last = &lane->first;
		lane->n_queued--;
	}
	pthread_mutex_unlock(&lane->mutex);
	return work;
}

static void note(struct lane *lane, uint64_t took_us)
{
	pthread_mutex_lock(&lane->mutex);
	lane->mean_us = lk_lane_mean_us(lane->mean_us, took_us);
	pthread_mutex_unlock(&lane->mutex);
}

static void *work_on(void *arg)
{
	struct lane *lane = arg;
	struct lk_work *work;

	/* On Linux this is the thread's own. Without it the work is done all the same. */
	if (lane->nice > 0)
		(void)setpriority(PRIO_PROCESS, 0, lane->nice);
	while ((work = take(lane)) != NULL) {
		uint64_t began_us = lane->mono_us();

		lane->run(work);
		note(lane, lane->mono_us() - began_us);
	}
	return NULL;
}

/* What to run and by which clock is set. */
static bool start_lane(struct lane *lane, struct lk_lane_size size)
{
	lane->last = &lane->first;
	lane->queue_max = size.queue;
	lane->nice = size.nice;
	lane->mean_us = LK_LANE_MEAN_US;
	pthread_mutex_init(&lane->mutex, NULL);
	pthread_cond_init(&lane->ready, NULL);
	if (size.workers == 0)
		return true;
	lane->threads = lk_alloc(size.workers * sizeof *lane->threads);
	if (lane->threads == NULL)
		return false;
	for (unsigned i = 0; i < size.workers; i++) {
		if (pthread_create(&lane->threads[i], NULL, work_on, lane) != 0)
			return false;
		lane->n_threads++;
	}
	return true;
}

static void stop_lane(struct lane *lane)
{
	pthread_mutex_lock(&lane->mutex);
	lane->is_stopping = true;
	pthread_cond_broadcast(&lane->ready);
	pthread_mutex_unlock(&lane->mutex);
	for (size_t i = 0; i < lane->n_threads; i++)
		pthread_join(lane->threads[i], NULL);
	lk_free(lane->threads);
	pthread_cond_destroy(&lane->ready);
	pthread_mutex_destroy(&lane->mutex);
}

struct lk_status lk_lanes_start(const struct lk_lane_size sizes[LK_LANES], lk_lane_run_fn run,
	uint64_t (*mono_us)(void), struct lk_lanes **lanes_out)
{
	struct lk_lanes *lanes = lk_alloc(sizeof *lanes);
	bool started = true;

	if (lanes == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the lanes");
	/* All are initialised, also after a failure, so that all can be stopped. */
	for (size_t i = 0; i < LK_LANES; i++) {
		lanes->lanes[i].run = run;
		lanes->lanes[i].mono_us = mono_us;
		started = start_lane(&lanes->lanes[i], sizes[i]) && started;
	}
	if (!started) {
		lk_lanes_stop(lanes);
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no threads for the lanes");
	}
	*lanes_out = lanes;
	return LK_SUCCESS;
}

bool lk_lanes_push(struct lk_lanes *lanes, enum lk_lane which, struct lk_work *work)
{
	struct lane *lane = &lanes->lanes[which];
	bool has_room;

	pthread_mutex_lock(&lane->mutex);
	has_room = lane->n_queued < lane->queue_max;
	if (has_room) {
		work->next = NULL;
		*lane->last = work;
		lane->last = &work->next;
		lane->n_queued++;
		pthread_cond_signal(&lane->ready);
	}
	pthread_mutex_unlock(&lane->mutex);
	return has_room;
}

uint32_t lk_lanes_delay_ms(struct lk_lanes *lanes, enum lk_lane which)
{
	struct lane *lane = &lanes->lanes[which];
	uint32_t delay_ms;

	pthread_mutex_lock(&lane->mutex);
	delay_ms = lk_lane_delay_ms(lane->n_queued, lane->n_threads, lane->mean_us);
	pthread_mutex_unlock(&lane->mutex);
	return delay_ms;
}

void lk_lanes_stop(struct lk_lanes *lanes)
{
	if (lanes == NULL)
		return;
	for (size_t i = 0; i < LK_LANES; i++)
		stop_lane(&lanes->lanes[i]);
	lk_free(lanes);
}
