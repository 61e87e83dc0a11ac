/* SPDX-License-Identifier: MIT */
/* The requests of a load over HTTP, made beforehand, and what must come back for each. */
#pragma once

#include "bench/keys.h"
#include "bench/pick.h"

/* http://host:port/path, taken apart. */
struct lk_bench_url {
	char host[256];
	char port[6];
	char path[512]; /* with its query */
};

/* LK_INVALID_ARGUMENT  it is of another form */
LK_MUST_USE struct lk_status lk_bench_url_read(const char *text, struct lk_bench_url *url_out);

struct lk_bench_request {
	char *text;
	size_t n;
	unsigned status; /* 200, or 401, and then nobody may be named */
	char key_id[32]; /* what X-Latchkey-Key says with the 200; "" is not looked at */
};

struct lk_bench_requests {
	struct lk_bench_request *items; /* the good ones, then the bad ones */
	size_t n_good;
	size_t n_bad;
	unsigned bad_percent; /* of what is asked */
	struct lk_pick pick_good;
	struct lk_pick pick_bad;
	size_t longest; /* bytes of the longest */
};

/* One request per key, of which the last n_miss are bad: GET of the URL's path with the key as
 * X-Api-Key, to ask about GET of `uri`. Without any key, one request without that header. Until the
 * caller says otherwise, all are chosen uniformly and no bad ones.
 * LK_INVALID_ARGUMENT    a request becomes too long
 * LK_RESOURCE_EXHAUSTED  memory is short */
LK_MUST_USE struct lk_status lk_bench_requests_make(struct lk_bench_requests *requests,
	const struct lk_bench_url *url, const char *uri, const struct lk_bench_keys *keys);

/* Chooses the next one; `state` as in lk_pick_next. */
const struct lk_bench_request *lk_bench_requests_next(
	const struct lk_bench_requests *requests, uint64_t *state);

/* Wipes and frees. */
void lk_bench_requests_fini(struct lk_bench_requests *requests);

/* Reads keys from a file with a line for each: `KEY ID`, which X-Latchkey-Key must name; `KEY`,
 * which must be let in; `KEY -`, which must be refused.
 * LK_INVALID_ARGUMENT  it cannot be read, or has a line of another form, or no line */
LK_MUST_USE struct lk_status lk_bench_keys_read(struct lk_bench_keys *keys, const char *path);
