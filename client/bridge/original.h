/* SPDX-License-Identifier: MIT */
/* The request that a proxy asks about. */
#pragma once

#include "client/bridge/http.h"

#define LK_ORIGINAL_PATH_MAX 2048

/* How the proxy asked, and so how it is to be answered. */
enum lk_proxy {
	LK_PROXY_NONE,  /* about no request: only who the credential stands for */
	LK_PROXY_NGINX, /* X-Original-Method and X-Original-URI: it passes on 200, 401 and 403 */
	LK_PROXY_PLAIN, /* X-Forwarded-Method and X-Forwarded-Uri: it passes on what it gets */
};

struct lk_original {
	enum lk_proxy proxy;
	enum lk_http_method method;
	char path[LK_ORIGINAL_PATH_MAX]; /* percent-decoded, without the query */
	size_t path_n;
};

/* Reads the headers of a trusted proxy. False when they are incomplete or repeated, or when the
 * path is one that two programs may understand in two ways, so that a rule for one of them would
 * let in the other: with empty segments or segments of dots, backslashes or semicolons, or an
 * escape that stands for one of these, for a slash, a percent sign or a control byte. */
bool lk_original_read(const struct lk_http_exchange *exchange, struct lk_original *original_out);

/* A target, into a path; for tests and fuzzing. */
bool lk_original_path(struct lk_bytes target, struct lk_original *original_out);
