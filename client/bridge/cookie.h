/* SPDX-License-Identifier: MIT */
/* Cookies (RFC 6265): found in a Cookie header, written as Set-Cookie lines. */
#pragma once

#include <stdbool.h>

#include "proto/wire/buf.h"
#include "proto/wire/status.h"

/* Bytes of a value: browsers keep no more of a cookie altogether. */
#define LK_COOKIE_VALUE_MAX 4096

/* What browsers take over https alone (RFC 6265bis, section 4.1.3). */
#define LK_COOKIE_SECURE_PREFIX "__Secure-"

/* The value of a cookie in the value of a Cookie header; names are compared with regard to case,
 * quotes around a value are not part of it.
 *
 * It is empty when the cookie is not there, and also when it is none that a server may set: longer
 * than LK_COOKIE_VALUE_MAX, or with bytes that are not allowed. A page cannot take away a cookie
 * that it cannot see, so whoever has such a one is asked to sign in, not turned away for good.
 *
 * LK_INVALID_ARGUMENT  the cookie is there with two different values, of which one may have been
 * put there by somebody else; the status's field is its name
 */
LK_MUST_USE struct lk_status lk_cookie_find(
	struct lk_bytes header, const char *name, struct lk_bytes *value_out);

/* A cookie to be set. */
struct lk_cookie {
	const char *name;
	const char *path;
	const char *value; /* empty: the cookie is deleted */
	int64_t life_s;    /* negative: until the browser is closed */
	bool is_session;   /* a session token's: over https named LK_COOKIE_SECURE_PREFIX and the
			    * name, and for pages of other sites, too (SameSite=None) */
};

struct lk_cookie_policy {
	bool secure; /* the client speaks https */
};

/* Appends a line `Set-Cookie: ...`, HttpOnly and, if nothing else is said,
 * SameSite=Lax.
 *
 * LK_INVALID_ARGUMENT    the value cannot be one of a cookie; nothing is appended
 * LK_RESOURCE_EXHAUSTED  the line does not fit into the buffer
 */
LK_MUST_USE struct lk_status lk_cookie_add(
	const struct lk_cookie *cookie, const struct lk_cookie_policy *policy, struct lk_buf *out);
