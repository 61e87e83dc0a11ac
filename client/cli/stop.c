/* SPDX-License-Identifier: MIT */
#include "client/cli/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t is_requested;

static void note(int number)
{
	(void)number;
	is_requested = 1;
}

void lk_stop_catch(void)
{
	const struct sigaction action = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool lk_stop_requested(void)
{
	return is_requested != 0;
}
