/* SPDX-License-Identifier: MIT */
/* A line of progress on standard error, for long work: how much, how fast, how long still. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lk_progress {
	const char *what; /* "lines" */
	bool is_wanted;
	bool is_shown;
	int64_t began_ms;
	int64_t shown_ms;
};

/* How far the work has come. */
struct lk_progress_state {
	uint64_t n;
	uint64_t n_refused; /* 0: they are not told of */
	uint64_t bytes;     /* of `size` */
	uint64_t size;      /* 0: nobody knows */
};

/* Silent if it is not wanted, and when standard error is no terminal. */
void lk_progress_begin(struct lk_progress *progress, const char *what, bool is_wanted);

/* Redraws the line, ten times a second at most. */
void lk_progress_show(struct lk_progress *progress, const struct lk_progress_state *state);

/* Wipes the line, so that another text can be printed. */
void lk_progress_clear(struct lk_progress *progress);
