/* SPDX-License-Identifier: MIT */
/* A target with keys on it and an open channel: what every verification load needs. */
#pragma once

#include "bench/load.h"
#include "bench/options.h"

struct lk_session {
	struct lk_target target;
	struct lk_bench_keys keys;
	struct lk_pick pick;
	struct lk_pick pick_miss;
};

/* Starts or finds the target and makes the keys. Mistakes are told on standard error. */
LK_MUST_USE bool lk_session_begin(
	struct lk_session *session, const struct lk_bench_options *options);

/* Revokes the keys where the server goes on living, and cleans up. */
void lk_session_end(struct lk_session *session);

/* A channel to one of the target's URLs, with its service key. NULL after a message. */
struct lk_channel *lk_session_open(const struct lk_session *session, const char *url);

/* One round. False, after a message, when a verdict was wrong or a call failed. */
LK_MUST_USE bool lk_session_round(const struct lk_session *session, struct lk_channel *channel,
	const struct lk_load *shape, struct lk_histogram *histogram, double *per_second_out);

/* Whether the status is LK_OK; tells on standard error when it is not. */
bool lk_session_told(struct lk_status status, const char *what);

/* The middle of n values, which are sorted on the way. */
double lk_median(double *values, unsigned n);
