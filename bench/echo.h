/* SPDX-License-Identifier: MIT */
/* Raw nng request/reply echo: what the transport costs by itself, for comparison. */
#pragma once

#include "bench/histogram.h"
#include "proto/wire/status.h"

/* Serves echo on the URL until the process is killed. Writes one byte to standard output when
 * it listens. Returns only on an error, with an exit code. */
int lk_echo_serve(const char *url);

struct lk_echo_load {
	const char *url;
	unsigned in_flight;
	size_t message_bytes;
	unsigned duration_ms;
};

/* Runs a closed loop: every answer is checked and sends the next message.
 * LK_UNAVAILABLE  no connection, or a wrong answer */
LK_MUST_USE struct lk_status lk_echo_run(
	const struct lk_echo_load *load, struct lk_histogram *histogram, double *per_second_out);
