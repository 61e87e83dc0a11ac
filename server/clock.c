/* SPDX-License-Identifier: MIT */
#include "server/clock.h"

#include <time.h>

lk_time_ms lk_clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (lk_time_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t lk_clock_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000 + 1;
}
