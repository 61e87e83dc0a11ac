/* SPDX-License-Identifier: MIT */
#include "bench/progress.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 30

void lk_progress_show(const char *what, uint64_t done, uint64_t of)
{
	static const char bar[] = "##############################";
	int filled;

	if (!isatty(STDERR_FILENO))
		return;
	if (of == 0) {
		fprintf(stderr, "\r\033[K%s", what);
	} else {
		filled = (int)(done >= of ? BAR_WIDTH : BAR_WIDTH * done / of);
		fprintf(stderr, "\r\033[K%s [%.*s%*s] %llu of %llu", what, filled, bar,
			BAR_WIDTH - filled, "", (unsigned long long)done, (unsigned long long)of);
	}
	fflush(stderr);
}

void lk_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}
