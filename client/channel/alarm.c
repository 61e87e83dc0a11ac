/* SPDX-License-Identifier: MIT */
#include "client/channel/channel_priv.h"

static void sleep_until(struct lk_alarm *alarm, lk_mono_ms at)
{
	struct timespec when = lk_mono_timespec(at);

	if (at == LK_MONO_NEVER)
		pthread_cond_wait(&alarm->changed, &alarm->mutex);
	else
		pthread_cond_timedwait(&alarm->changed, &alarm->mutex, &when);
}

static lk_mono_ms look_through(struct lk_batcher *batcher, lk_mono_ms now)
{
	lk_mono_ms next = LK_MONO_NEVER;
	struct lk_cork cork;

	lk_cork_push(&cork, batcher);
	for (int i = LK_LANE_FAST; i < LK_LANES; i++) {
		lk_mono_ms at = lk_lane_expire(&batcher->lanes[i], now);

		next = at < next ? at : next;
	}
	lk_cork_pop(&cork);
	return next;
}

static void *run(void *arg)
{
	struct lk_batcher *batcher = arg;
	struct lk_alarm *alarm = &batcher->alarm;

	pthread_mutex_lock(&alarm->mutex);
	while (!alarm->is_stopping) {
		lk_mono_ms now = lk_mono_now();
		lk_mono_ms next;

		if (now < alarm->wake_at) {
			sleep_until(alarm, alarm->wake_at);
			continue;
		}
		/* Calls made while we look see "never" and set the alarm themselves. */
		alarm->wake_at = LK_MONO_NEVER;
		pthread_mutex_unlock(&alarm->mutex);
		next = look_through(batcher, now);
		pthread_mutex_lock(&alarm->mutex);
		if (next < alarm->wake_at)
			alarm->wake_at = next;
	}
	pthread_mutex_unlock(&alarm->mutex);
	return NULL;
}

void lk_alarm_init(struct lk_batcher *batcher)
{
	struct lk_alarm *alarm = &batcher->alarm;

	lk_cond_init(&alarm->changed);
	pthread_mutex_init(&alarm->mutex, NULL);
	alarm->wake_at = LK_MONO_NEVER;
}

bool lk_alarm_start(struct lk_batcher *batcher)
{
	return pthread_create(&batcher->alarm.thread, NULL, run, batcher) == 0;
}

void lk_alarm_fini(struct lk_batcher *batcher)
{
	pthread_cond_destroy(&batcher->alarm.changed);
	pthread_mutex_destroy(&batcher->alarm.mutex);
}

void lk_alarm_stop(struct lk_batcher *batcher)
{
	struct lk_alarm *alarm = &batcher->alarm;

	pthread_mutex_lock(&alarm->mutex);
	alarm->is_stopping = true;
	pthread_cond_signal(&alarm->changed);
	pthread_mutex_unlock(&alarm->mutex);
	pthread_join(alarm->thread, NULL);
}

void lk_alarm_set(struct lk_batcher *batcher, lk_mono_ms at)
{
	struct lk_alarm *alarm = &batcher->alarm;

	/* The steady path ends here: an earlier alarm is set already. */
	if (at >= atomic_load_explicit(&alarm->wake_at, memory_order_relaxed))
		return;
	pthread_mutex_lock(&alarm->mutex);
	if (at < alarm->wake_at) {
		alarm->wake_at = at;
		pthread_cond_signal(&alarm->changed);
	}
	pthread_mutex_unlock(&alarm->mutex);
}
