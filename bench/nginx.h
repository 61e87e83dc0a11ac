/* SPDX-License-Identifier: MIT */
/* The rival of verification over HTTP: Debian's nginx, which answers every request with an empty
 * 200 and does nothing else.
 */
#pragma once

#include <sys/types.h>

#include "proto/wire/status.h"

struct lk_nginx {
	char directory[64]; /* its prefix, deleted at the end */
	unsigned port;      /* of 127.0.0.1 */
	pid_t pid;
};

/* Starts it on the servers' CPUs, with one worker for each.
 * LK_UNAVAILABLE  it is not installed, or does not start; its log has been shown */
LK_MUST_USE struct lk_status lk_nginx_start(struct lk_nginx *nginx);

/* Ends it and deletes its directory. */
void lk_nginx_stop(struct lk_nginx *nginx);
