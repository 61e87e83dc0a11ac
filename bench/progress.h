/* SPDX-License-Identifier: MIT */
/* A line of progress on standard error, for long work; silent when that is not a terminal. */
#pragma once

#include <stdint.h>

/* Redraws the line; `of` 0 stands for an unknown end. */
void lk_progress_show(const char *what, uint64_t done, uint64_t of);

/* Wipes the line. */
void lk_progress_end(void);
