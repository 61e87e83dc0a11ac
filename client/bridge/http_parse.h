/* SPDX-License-Identifier: MIT */
/* The head of an HTTP/1.1 request, read strictly (RFC 9112, RFC 9110).
 *
 * The outer wall of the service: what is not exactly a request is refused, and with it the
 * connection, so that no two readers can disagree about where a request ends. There is one
 * reading of every byte or none: CRLF ends a line and nothing else does, names are tokens, values
 * hold no control bytes, no line is folded, Content-Length is digits and comes once,
 * Transfer-Encoding is refused whatever it says (411: the sender has to tell the length), Host
 * comes exactly once, and a target is a path in origin-form. Nothing is allocated, copied or
 * decoded. The answer is the same however the input is cut, and so is the time it takes.
 *
 * Where the RFCs leave a choice:
 * - One empty line may come before the request line, and counts as part of the head.
 * - Bytes from 0x80 on may stand in values, not in Host and not in targets.
 * - Hosts are names of letters, digits, `-` and `_`, IPv4, or IPv6 in brackets; no `%`, no `!`.
 * - Targets are visible ASCII without `#`; each `%` is an escape, and none is `%00`.
 * - Methods are tokens without lower case. CONNECT is refused: what follows it is no HTTP.
 * - A length may come with every method. The caller must read that many bytes, or close: they are
 *   never the next request.
 * - HTTP/1.0 closes, even if it says keep-alive.
 * - Authorization, Content-Type, Cookie and Expect come once at most, as Content-Length does.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

#define LK_HTTP_HEAD_MAX 16384  /* all of a head */
#define LK_HTTP_LINE_MAX 8192   /* one header line; the target */
#define LK_HTTP_HEADERS_MAX 100 /* lines */
#define LK_HTTP_METHOD_MAX 32   /* bytes of its name */

enum lk_http_method {
	LK_HTTP_GET,
	LK_HTTP_HEAD,
	LK_HTTP_POST,
	LK_HTTP_PUT,
	LK_HTTP_PATCH,
	LK_HTTP_DELETE,
	LK_HTTP_OPTIONS,
	LK_HTTP_OTHER, /* a token that is no method of ours, such as TRACE: 405 or 501 */
};

/* The name of a method; "" for LK_HTTP_OTHER. */
const char *lk_http_method_name(enum lk_http_method method);

/* Places in the head, which is shorter than 64 KiB: the memory under it may move. */
struct lk_http_span {
	uint16_t at;
	uint16_t n;
};

struct lk_http_line {
	struct lk_http_span name;
	struct lk_http_span value; /* without white space around it */
};

/* A head, complete or on the way. Zero it before the first byte. */
struct lk_http_head {
	enum lk_http_method method;
	struct lk_http_span method_text;
	struct lk_http_span target; /* as sent: path and query */
	struct lk_http_span path;   /* up to `?` */
	struct lk_http_span query;  /* after it; empty: none */
	struct lk_http_span host;   /* without its port; empty: none, in HTTP/1.0 */
	unsigned minor;             /* of HTTP/1.x: 0 or 1 */
	bool keeps_alive;           /* the connection stays after the answer */
	bool expects_continue;      /* the sender holds the body back until it hears 100 */
	bool has_length;
	size_t length; /* of the body; 0 without Content-Length */
	struct lk_http_line lines[LK_HTTP_HEADERS_MAX];
	size_t n_lines;
	size_t n; /* bytes of the head, once it is complete */

	/* How far it has been read. */
	size_t scanned;
	size_t line_at;
	bool has_request_line;
	unsigned seen; /* bits of the headers that the parser knows */
};

enum lk_http_parsed {
	LK_HTTP_MORE, /* not complete */
	LK_HTTP_DONE,
	LK_HTTP_REFUSED, /* answer with `status` and close: what follows cannot be trusted */
};

/* Why a head was refused; `why` is one public sentence that quotes nothing. */
struct lk_http_refusal {
	unsigned status; /* 400, 411, 413, 414, 417, 431, 501 or 505 */
	const char *why;
};

/* Reads on. `input` begins with the head's first byte at each call and only grows; what follows
 * the head is not looked at. Once it is complete or refused, the head is not read on. */
enum lk_http_parsed lk_http_parse(
	struct lk_http_head *head, struct lk_bytes input, struct lk_http_refusal *refusal_out);

/* The bytes of a span. */
static inline struct lk_bytes lk_http_at(struct lk_bytes input, struct lk_http_span span)
{
	return (struct lk_bytes) { input.data + span.at, span.n };
}

/* The value of the header of this name (in lower case): how many lines have it, and the first one.
 * Names are compared without regard to case. */
size_t lk_http_find(const struct lk_http_head *head, struct lk_bytes input, const char *name,
	struct lk_bytes *value_out);
