/* SPDX-License-Identifier: MIT */
/* The only place that reads the time; everything else gets it as an argument. */
#pragma once

#include "proto/wire/types.h"

/* Wall clock. */
lk_time_ms lk_clock_now(void);

/* Monotonic clock in microseconds, for deadlines and intervals. Never 0. */
uint64_t lk_clock_mono_us(void);
