/* SPDX-License-Identifier: MIT */
#include "client/bridge/http_parse.h"

#include <arpa/inet.h>

#define VERSION_LEN 8 /* "HTTP/1.1" */
#define REQUEST_LINE_MAX (LK_HTTP_METHOD_MAX + 1 + LK_HTTP_LINE_MAX + 1 + VERSION_LEN)
#define HOST_NAME_MAX_LEN 255 /* RFC 1035, section 2.3.4 */
#define PORT_MAX 65535
#define LENGTH_MAX INT64_MAX /* what an off_t of others can hold */

struct reading {
	struct lk_http_head *head;
	struct lk_bytes input;
	struct lk_http_refusal *refusal_out;
};

static const char *const method_names[] = {
	[LK_HTTP_GET] = "GET",
	[LK_HTTP_HEAD] = "HEAD",
	[LK_HTTP_POST] = "POST",
	[LK_HTTP_PUT] = "PUT",
	[LK_HTTP_PATCH] = "PATCH",
	[LK_HTTP_DELETE] = "DELETE",
	[LK_HTTP_OPTIONS] = "OPTIONS",
	[LK_HTTP_OTHER] = "",
};

const char *lk_http_method_name(enum lk_http_method method)
{
	return method_names[method];
}

static bool refuse(const struct reading *r, unsigned status, const char *why)
{
	*r->refusal_out = (struct lk_http_refusal) { status, why };
	return false;
}

/* What may stand in a line: no control bytes but the tab. Bytes from 0x80 on (obs-text of RFC
 * 9110, section 5.5) are opaque and may stand in values only; each other part has rules of its own.
 */
static bool is_text(uint8_t c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

/* Whether one of eight bytes is a control byte or a tab, all at a time. Subtracting sets the top
 * bit of a byte that was less. What it borrows may set the next one too, but only where there was
 * one.
 */
static bool has_control(const uint8_t *bytes)
{
	const uint64_t each = 0x0101010101010101;
	uint64_t text, del;

	memcpy(&text, bytes, sizeof text);
	del = text ^ each * 0x7f;
	return ((((text - each * ' ') & ~text) | ((del - each) & ~del)) & each * 0x80) != 0;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(uint8_t c)
{
	static const uint64_t bits[] = {
		0x03ff6cfa00000000, /* ! # $ % & ' * + - . 0-9 */
		0x57ffffffc7fffffe, /* A-Z ^ _ ` a-z | ~ */
	};

	return c < 128 && (bits[c >> 6] >> (c & 63) & 1) != 0;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

/* Of ASCII alone, whatever the locale. */
static uint8_t to_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

/* Without regard to case; `text` is in lower case. */
static bool is_same(struct lk_bytes bytes, const char *text)
{
	for (size_t i = 0; i < bytes.n; i++)
		if (text[i] == '\0' || to_lower(bytes.data[i]) != (uint8_t)text[i])
			return false;
	return text[bytes.n] == '\0';
}

static struct lk_http_span span(size_t at, size_t n)
{
	return (struct lk_http_span) { (uint16_t)at, (uint16_t)n };
}

static struct lk_bytes bytes_at(const struct reading *r, struct lk_http_span place)
{
	return lk_http_at(r->input, place);
}

/* Takes off what stands before the first `end`, and `end` itself; all if there is none. */
static struct lk_http_span take(const struct reading *r, struct lk_http_span *rest, char end)
{
	const uint8_t *start = r->input.data + rest->at;
	const uint8_t *found = memchr(start, end, rest->n);
	size_t n = found != NULL ? (size_t)(found - start) : rest->n;
	size_t n_gone = found != NULL ? n + 1 : n;
	struct lk_http_span taken = span(rest->at, n);

	*rest = span(rest->at + n_gone, rest->n - n_gone);
	return taken;
}

static struct lk_http_span trim(const struct reading *r, struct lk_http_span place)
{
	while (place.n > 0 && is_blank(r->input.data[place.at])) {
		place.at++;
		place.n--;
	}
	while (place.n > 0 && is_blank(r->input.data[place.at + place.n - 1]))
		place.n--;
	return place;
}

/* How many of the first bytes could be a token. */
static size_t token_length(struct lk_bytes bytes)
{
	size_t n = 0;

	while (n < bytes.n && is_token(bytes.data[n]))
		n++;
	return n;
}

static bool is_token_whole(struct lk_bytes bytes)
{
	return bytes.n > 0 && token_length(bytes) == bytes.n;
}

/* Digits and at least one; SIZE_MAX stands for whatever is larger. */
static bool read_number(struct lk_bytes text, size_t *number_out)
{
	size_t number = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (!is_digit(text.data[i]))
			return false;
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, text.data[i] - '0', &number))
			number = SIZE_MAX;
	}
	*number_out = number;
	return text.n > 0;
}

/* --- The request line --- */

static bool is_method(struct lk_bytes name, enum lk_http_method method)
{
	return name.n == strlen(method_names[method]) &&
	       memcmp(name.data, method_names[method], name.n) == 0;
}

static bool read_method(const struct reading *r, struct lk_http_span text)
{
	struct lk_bytes name = bytes_at(r, text);
	enum lk_http_method method = LK_HTTP_GET;
	size_t n = 0;

	/* Methods are told apart by case, and no registered one has lower case. */
	while (n < name.n && is_token(name.data[n]) && !is_lower(name.data[n]))
		n++;
	if (n == 0 || n < name.n)
		return refuse(r, 400, "the method is malformed");
	/* What follows a CONNECT is no HTTP. */
	if (n > LK_HTTP_METHOD_MAX || is_same(name, "connect"))
		return refuse(r, 501, "the method is not implemented");
	while (method < LK_HTTP_OTHER && !is_method(name, method))
		method++;
	r->head->method = method;
	r->head->method_text = text;
	return true;
}

static bool read_version(const struct reading *r, struct lk_bytes text)
{
	const uint8_t *c = text.data;

	if (text.n != VERSION_LEN || memcmp(c, "HTTP/", 5) != 0 || !is_digit(c[5]) || c[6] != '.' ||
		!is_digit(c[7]))
		return refuse(r, 400, "the request line does not end in an HTTP version");
	if (c[5] != '1' || c[7] > '1')
		return refuse(r, 505, "the HTTP version is neither 1.0 nor 1.1");
	r->head->minor = (unsigned)(c[7] - '0');
	/* HTTP/1.0 closes, `keep-alive` or not: what a proxy of its time passes on blindly is no
	 * reason to wait (RFC 9112, section 9.3). */
	r->head->keeps_alive = r->head->minor == 1;
	return true;
}

/* At a `%`: two hexadecimal digits follow, and they do not make a NUL, which ends a path for some
 * readers and not for others. */
static bool is_escape(struct lk_bytes text, size_t at)
{
	const uint8_t *c = text.data + at;

	return text.n - at >= 3 && is_hex(c[1]) && is_hex(c[2]) && !(c[1] == '0' && c[2] == '0');
}

static bool read_target(const struct reading *r, struct lk_http_span place)
{
	struct lk_bytes target = bytes_at(r, place);

	if (target.n == 0 || target.data[0] != '/')
		return refuse(r, 400, "the target is not a path in origin-form");
	for (size_t i = 0; i < target.n; i++) {
		uint8_t c = target.data[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return refuse(r, 400, "the target holds a byte that must be escaped");
		if (c == '%' && !is_escape(target, i))
			return refuse(r, 400, "the target holds a malformed escape");
	}
	r->head->target = place;
	r->head->path = take(r, &place, '?');
	r->head->query = place;
	return true;
}

static bool read_request_line(const struct reading *r, struct lk_http_span line)
{
	struct lk_http_span method = take(r, &line, ' ');
	struct lk_http_span target = take(r, &line, ' ');

	if (!read_method(r, method))
		return false;
	if (target.n > LK_HTTP_LINE_MAX)
		return refuse(r, 414, "the target is too long");
	if (!read_version(r, bytes_at(r, line)) || !read_target(r, target))
		return false;
	r->head->has_request_line = true;
	return true;
}

/* --- Headers that the framing rests on --- */

/* How many of the first bytes are an IPv6 address in brackets. */
static size_t literal_length(struct lk_bytes text)
{
	const uint8_t *end = memchr(text.data, ']', text.n);
	char literal[INET6_ADDRSTRLEN] = "";
	size_t n = end != NULL ? (size_t)(end - text.data) - 1 : sizeof literal;
	uint8_t address[16];

	if (n >= sizeof literal)
		return 0;
	memcpy(literal, text.data + 1, n);
	return inet_pton(AF_INET6, literal, address) == 1 ? n + 2 : 0;
}

/* How many of the first bytes are a host: labels, which an IPv4 address is too, or IPv6. */
static size_t host_length(struct lk_bytes text)
{
	size_t n = 0;

	if (text.n > 0 && text.data[0] == '[')
		return literal_length(text);
	for (; n < text.n && text.data[n] != ':'; n++) {
		uint8_t c = text.data[n];
		bool ends_label = c == '.' && n > 0 && text.data[n - 1] != '.';

		if (!ends_label && !is_digit(c) && !is_lower(to_lower(c)) && c != '-' && c != '_')
			return 0;
	}
	return n <= HOST_NAME_MAX_LEN ? n : 0;
}

/* Nothing, or a colon and a number. */
static bool is_port(struct lk_bytes text)
{
	size_t port;

	if (text.n == 0)
		return true;
	return text.data[0] == ':' &&
	       read_number((struct lk_bytes) { text.data + 1, text.n - 1 }, &port) &&
	       port <= PORT_MAX;
}

static bool read_host(const struct reading *r, struct lk_http_span value)
{
	struct lk_bytes text = bytes_at(r, value);
	size_t n = host_length(text);

	if (n == 0 || !is_port((struct lk_bytes) { text.data + n, text.n - n }))
		return refuse(r, 400, "Host is neither a host nor a host and port");
	r->head->host = span(value.at, n);
	return true;
}

static bool read_length(const struct reading *r, struct lk_http_span value)
{
	if (!read_number(bytes_at(r, value), &r->head->length))
		return refuse(r, 400, "Content-Length is not a number");
	if (r->head->length > LENGTH_MAX)
		return refuse(r, 413, "the body is too long");
	r->head->has_length = true;
	return true;
}

static bool read_connection(const struct reading *r, struct lk_http_span value)
{
	while (value.n > 0) {
		struct lk_bytes option = bytes_at(r, trim(r, take(r, &value, ',')));

		if (option.n > 0 && !is_token_whole(option))
			return refuse(r, 400, "Connection is not a list of tokens");
		if (is_same(option, "close"))
			r->head->keeps_alive = false;
	}
	return true;
}

static bool read_expect(const struct reading *r, struct lk_http_span value)
{
	if (!is_same(bytes_at(r, value), "100-continue"))
		return refuse(r, 417, "the only expectation known is 100-continue");
	r->head->expects_continue = true;
	return true;
}

enum known { HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, EXPECT };

/* Of a second Authorization, Content-Type or Cookie some readers see the first and others the last.
 * Transfer-Encoding is judged at the end, when it is known whether there is a length too. */
static const struct {
	const char *name;
	bool (*read)(const struct reading *r, struct lk_http_span value);
	bool repeats;
} known[] = {
	[HOST] = { "host", read_host, false },
	[CONTENT_LENGTH] = { "content-length", read_length, false },
	[TRANSFER_ENCODING] = { "transfer-encoding", NULL, false },
	[CONNECTION] = { "connection", read_connection, true },
	[EXPECT] = { "expect", read_expect, false },
	{ "authorization", NULL, false },
	{ "content-type", NULL, false },
	{ "cookie", NULL, false },
};

static bool has(const struct reading *r, enum known header)
{
	return (r->head->seen & 1u << header) != 0;
}

static bool read_known(const struct reading *r, const struct lk_http_line *line)
{
	struct lk_bytes name = bytes_at(r, line->name);
	size_t i = 0;

	while (i < LK_COUNT(known) && !is_same(name, known[i].name))
		i++;
	if (i == LK_COUNT(known))
		return true;
	if (has(r, (enum known)i) && !known[i].repeats)
		return refuse(r, 400, "a header that may come once comes twice");
	r->head->seen |= 1u << i;
	return known[i].read == NULL || known[i].read(r, line->value);
}

static bool read_header(const struct reading *r, struct lk_http_span line)
{
	struct lk_http_head *head = r->head;
	size_t n_name = token_length(bytes_at(r, line));
	struct lk_http_line *next;

	if (head->n_lines == LK_HTTP_HEADERS_MAX)
		return refuse(r, 431, "there are too many headers");
	if (is_blank(r->input.data[line.at]))
		return refuse(r, 400, "a header line begins with white space");
	if (n_name == 0 || n_name == line.n || r->input.data[line.at + n_name] != ':')
		return refuse(r, 400, "a header line does not begin with a name and a colon");
	next = &head->lines[head->n_lines++];
	next->name = span(line.at, n_name);
	next->value = trim(r, span(line.at + n_name + 1, line.n - n_name - 1));
	return read_known(r, next);
}

/* --- The whole --- */

/* No body comes in chunks. Who sends one learns how to do it right (411), unless it is unclear how
 * others would read it. */
static bool refuse_coding(const struct reading *r)
{
	struct lk_bytes coding;

	if (has(r, CONTENT_LENGTH))
		return refuse(r, 400, "Transfer-Encoding and Content-Length exclude each other");
	if (r->head->minor == 0)
		return refuse(r, 400, "HTTP/1.0 knows no Transfer-Encoding");
	lk_http_find(r->head, r->input, known[TRANSFER_ENCODING].name, &coding);
	if (is_same(coding, "chunked"))
		return refuse(r, 411, "the body needs a Content-Length");
	if (is_token_whole(coding))
		return refuse(r, 501, "the transfer coding is not implemented");
	return refuse(r, 400, "Transfer-Encoding is not one coding");
}

static bool finish(const struct reading *r)
{
	struct lk_http_head *head = r->head;

	if (has(r, TRANSFER_ENCODING))
		return refuse_coding(r);
	if (head->minor == 1 && !has(r, HOST))
		return refuse(r, 400, "Host is missing");
	/* Nobody waits to send nothing, and HTTP/1.0 waits for nothing (RFC 9110, 10.1.1). */
	if (head->minor == 0 || head->length == 0)
		head->expects_continue = false;
	head->n = head->scanned;
	return true;
}

static bool read_line(const struct reading *r, struct lk_http_span line)
{
	/* One empty line may come before a request (RFC 9112, section 2.2). */
	if (line.n == 0 && line.at == 0)
		return true;
	return r->head->has_request_line ? read_header(r, line) : read_request_line(r, line);
}

/* A request line that is longer than any good one is read as far as that: one byte more than its
 * parts may have together, so that one of them is found to be wrong. */
static void refuse_long(const struct reading *r, struct lk_http_span line)
{
	if (r->head->has_request_line)
		refuse(r, 431, "a header line is too long");
	else
		(void)read_request_line(r, line);
}

/* Reads on to the end of a line, which is then behind `scanned`. */
static enum lk_http_parsed find_end(
	const struct reading *r, size_t n, struct lk_http_span *line_out)
{
	struct lk_http_head *head = r->head;
	size_t max = head->has_request_line ? LK_HTTP_LINE_MAX : REQUEST_LINE_MAX;
	size_t limit = head->line_at + max, at = head->scanned;
	size_t end = n < limit ? n : limit;

	while (at + 8 <= end && !has_control(r->input.data + at))
		at += 8;
	while (at < end && is_text(r->input.data[at]))
		at++;
	head->scanned = at;
	if (at == n)
		return LK_HTTP_MORE;
	*line_out = span(head->line_at, at - head->line_at);
	if (r->input.data[at] != '\r') {
		if (at == limit)
			refuse_long(r, span(head->line_at, max + 1));
		else
			refuse(r, 400, "a line holds a control byte, or ends without CR");
		return LK_HTTP_REFUSED;
	}
	if (at + 1 == n)
		return LK_HTTP_MORE;
	if (r->input.data[at + 1] != '\n') {
		refuse(r, 400, "a CR is not followed by LF");
		return LK_HTTP_REFUSED;
	}
	head->scanned = head->line_at = at + 2;
	return LK_HTTP_DONE;
}

enum lk_http_parsed lk_http_parse(
	struct lk_http_head *head, struct lk_bytes input, struct lk_http_refusal *refusal_out)
{
	const struct reading r = { head, input, refusal_out };
	size_t n = input.n < LK_HTTP_HEAD_MAX ? input.n : LK_HTTP_HEAD_MAX;
	enum lk_http_parsed found;
	struct lk_http_span line;

	while ((found = find_end(&r, n, &line)) == LK_HTTP_DONE) {
		if (line.n == 0 && head->has_request_line)
			return finish(&r) ? LK_HTTP_DONE : LK_HTTP_REFUSED;
		if (!read_line(&r, line))
			return LK_HTTP_REFUSED;
	}
	if (found == LK_HTTP_MORE && n == LK_HTTP_HEAD_MAX) {
		refuse(&r, 431, "the head is too long");
		return LK_HTTP_REFUSED;
	}
	return found;
}

size_t lk_http_find(const struct lk_http_head *head, struct lk_bytes input, const char *name,
	struct lk_bytes *value_out)
{
	size_t n = 0;

	for (size_t i = 0; i < head->n_lines; i++) {
		if (!is_same(lk_http_at(input, head->lines[i].name), name))
			continue;
		if (n++ == 0)
			*value_out = lk_http_at(input, head->lines[i].value);
	}
	return n;
}
