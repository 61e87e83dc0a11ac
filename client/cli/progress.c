/* SPDX-License-Identifier: MIT */
#include "client/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS 100
#define BAR "####################"
#define BAR_WIDTH ((int)sizeof BAR - 1)

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void lk_progress_begin(struct lk_progress *progress, const char *what, bool is_wanted)
{
	*progress = (struct lk_progress) {
		.what = what,
		.is_wanted = is_wanted && isatty(STDERR_FILENO) != 0,
		.began_ms = now_ms(),
	};
}

static void draw_rest(const struct lk_progress_state *state, uint64_t took_ms)
{
	double part = (double)state->bytes / (double)state->size;
	double left_s = part > 0 ? (double)took_ms / 1000 * (1 - part) / part : 0;
	int filled = part >= 1 ? BAR_WIDTH : (int)(part * BAR_WIDTH);

	fprintf(stderr, " [%.*s%*s] %.0f%%, %.0f s left", filled, BAR, BAR_WIDTH - filled, "",
		part * 100, left_s);
}

void lk_progress_show(struct lk_progress *progress, const struct lk_progress_state *state)
{
	int64_t now = progress->is_wanted ? now_ms() : 0;
	uint64_t took_ms = (uint64_t)(now - progress->began_ms);

	if (!progress->is_wanted || now - progress->shown_ms < EVERY_MS || took_ms == 0)
		return;
	progress->shown_ms = now;
	progress->is_shown = true;
	fprintf(stderr, "\r\033[K%" PRIu64 " %s, %" PRIu64 " a second", state->n, progress->what,
		state->n * 1000 / took_ms);
	if (state->n_refused > 0)
		fprintf(stderr, ", %" PRIu64 " refused", state->n_refused);
	if (state->size > 0)
		draw_rest(state, took_ms);
	fflush(stderr);
}

void lk_progress_clear(struct lk_progress *progress)
{
	if (progress->is_shown)
		fputs("\r\033[K", stderr);
	progress->is_shown = false;
}
