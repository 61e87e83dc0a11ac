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
	LK_PROXY_ENVOY, /* the request itself, its path behind LK_VERIFY_PATH: likewise */
};

#define LK_VERIFY_PATH "/_latchkey/verify"

/* Whether a request is a question of a proxy, or of whoever asks by hand. */
bool lk_original_is_asked(const struct lk_http_exchange *exchange);

struct lk_original {
	enum lk_proxy proxy;
	enum lk_http_method method;
	char path[LK_ORIGINAL_PATH_MAX + 1]; /* percent-decoded, without the query */
	size_t path_n;
};

/* Reads what a proxy tells. False when headers are incomplete or repeated, and when a proxy tells
 * in two ways: the client may have sent what its proxy does not. Also when two programs may
 * understand the request in two ways, so that a rule for one of them would let in the other: a
 * method with lower case; a path with empty segments or segments of dots, with backslashes,
 * semicolons or `#`, with an escape that stands for one of these, for a slash, a question mark, a
 * percent sign or a control byte, or one that is no UTF-8. */
bool lk_original_read(const struct lk_http_exchange *exchange, struct lk_original *original_out);

/* A target, into a path; for tests and fuzzing. */
bool lk_original_path(struct lk_bytes target, struct lk_original *original_out);
