/* SPDX-License-Identifier: MIT */
/* Long work that is told to stop. */
#pragma once

#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM is noted; the second ends the program as
 * ever. */
void lk_stop_catch(void);

/* Whether there was one. */
bool lk_stop_requested(void);
