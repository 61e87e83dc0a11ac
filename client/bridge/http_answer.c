/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "client/bridge/http_priv.h"

#define PUT(out, text) lk_buf_add(out, text, sizeof(text) - 1)

/* RFC 9110, section 15, and RFC 6585. */
static const char *const reasons[600] = {
	[200] = "OK",
	[201] = "Created",
	[202] = "Accepted",
	[204] = "No Content",
	[206] = "Partial Content",
	[301] = "Moved Permanently",
	[302] = "Found",
	[303] = "See Other",
	[304] = "Not Modified",
	[307] = "Temporary Redirect",
	[308] = "Permanent Redirect",
	[400] = "Bad Request",
	[401] = "Unauthorized",
	[402] = "Payment Required",
	[403] = "Forbidden",
	[404] = "Not Found",
	[405] = "Method Not Allowed",
	[406] = "Not Acceptable",
	[408] = "Request Timeout",
	[409] = "Conflict",
	[410] = "Gone",
	[411] = "Length Required",
	[412] = "Precondition Failed",
	[413] = "Content Too Large",
	[414] = "URI Too Long",
	[415] = "Unsupported Media Type",
	[417] = "Expectation Failed",
	[422] = "Unprocessable Content",
	[423] = "Locked",
	[428] = "Precondition Required",
	[429] = "Too Many Requests",
	[431] = "Request Header Fields Too Large",
	[500] = "Internal Server Error",
	[501] = "Not Implemented",
	[502] = "Bad Gateway",
	[503] = "Service Unavailable",
	[504] = "Gateway Timeout",
	[505] = "HTTP Version Not Supported",
};

static void put_text(struct lk_buf *out, const char *text)
{
	lk_buf_add(out, text, strlen(text));
}

static void put_number(struct lk_buf *out, size_t number)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	lk_buf_add(out, digits + at, sizeof digits - at);
}

static bool is_whole_lines(struct lk_bytes headers)
{
	return headers.n == 0 || (headers.n > 2 && headers.data[headers.n - 2] == '\r' &&
					 headers.data[headers.n - 1] == '\n');
}

void lk_http_answer_write(
	struct lk_buf *out, const struct lk_http_answer *answer, struct lk_http_manner manner)
{
	bool has_content = answer->status != 204 && answer->status != 304;

	assert(answer->status >= 200 && answer->status < LK_COUNT(reasons));
	assert(is_whole_lines(answer->headers));
	PUT(out, "HTTP/1.1 ");
	put_number(out, answer->status);
	PUT(out, " ");
	if (reasons[answer->status] != NULL)
		put_text(out, reasons[answer->status]);
	PUT(out, "\r\n");
	put_text(out, manner.date);
	if (answer->content_type != NULL) {
		PUT(out, "Content-Type: ");
		put_text(out, answer->content_type);
		PUT(out, "\r\n");
	}
	if (has_content) {
		PUT(out, "Content-Length: ");
		put_number(out, answer->body.n);
		PUT(out, "\r\n");
	}
	PUT(out, "X-Content-Type-Options: nosniff\r\n");
	if (manner.closes)
		PUT(out, "Connection: close\r\n");
	lk_buf_add(out, answer->headers.data, answer->headers.n);
	PUT(out, "\r\n");
	if (has_content && !manner.is_to_head)
		lk_buf_add(out, answer->body.data, answer->body.n);
}
