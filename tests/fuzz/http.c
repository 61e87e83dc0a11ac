/* SPDX-License-Identifier: MIT */
/* Heads of HTTP requests, one after the other on a connection, with their bodies between them.
 *
 * Invariants: the answer is the same in one piece and in small ones, from memory that moves; what
 * is refused has a status and a reason; a head that is taken lies in the input with all its places
 * in it, has CRLF as its only control bytes besides tabs, one Host at most and exactly one in
 * HTTP/1.1, no Transfer-Encoding, and a length only from one Content-Length; written anew without
 * its white space it is read as the same.
 */
#include "client/bridge/http_parse.h"
#include "tests/fuzz/fuzz.h"

/* Bytes beyond those given so far, which nobody may look at. */
#define NOT_YET '\n'

/* So many pieces are enough, where a piece could be a byte. */
#define PIECES_MAX 1024

static const struct lk_http_head none;

static void check_refusal(const struct lk_http_refusal *refusal)
{
	static const unsigned statuses[] = { 400, 411, 413, 414, 417, 431, 501, 505 };
	size_t i = 0;

	while (i < LK_COUNT(statuses) && statuses[i] != refusal->status)
		i++;
	FUZZ_CHECK(i < LK_COUNT(statuses));
	FUZZ_CHECK(refusal->why != NULL && refusal->why[0] != '\0');
}

static void check_pieces(struct lk_bytes input, enum lk_http_parsed parsed,
	const struct lk_http_head *head, const struct lk_http_refusal *refusal)
{
	static uint8_t given[LK_HTTP_HEAD_MAX];
	static struct lk_http_head slow;
	struct lk_http_refusal slow_refusal = { 0, NULL };
	enum lk_http_parsed slow_parsed = LK_HTTP_MORE;
	size_t n_max = input.n < sizeof given ? input.n : sizeof given;
	size_t step = n_max / PIECES_MAX + 1, n = 0;

	slow = none;
	memset(given, NOT_YET, n_max);
	while (slow_parsed == LK_HTTP_MORE && n < n_max) {
		size_t n_more = n_max - n < step ? n_max - n : step;

		memcpy(given + n, input.data + n, n_more);
		n += n_more;
		slow_parsed = lk_http_parse(&slow, (struct lk_bytes) { given, n }, &slow_refusal);
	}
	FUZZ_CHECK(slow_parsed == parsed && memcmp(&slow, head, sizeof slow) == 0);
	FUZZ_CHECK(slow_refusal.status == refusal->status && slow_refusal.why == refusal->why);
}

static void check_span(const struct lk_http_head *head, struct lk_http_span span)
{
	FUZZ_CHECK((size_t)span.at + span.n <= head->n);
}

static void check_places(const struct lk_http_head *head, struct lk_bytes input)
{
	size_t n_ends = 0;

	FUZZ_CHECK(head->n <= input.n && head->n <= LK_HTTP_HEAD_MAX);
	for (size_t i = 0; i < head->n; i++) {
		uint8_t c = input.data[i], next = i + 1 < head->n ? input.data[i + 1] : 0;

		FUZZ_CHECK((c >= ' ' && c != 0x7f) || c == '\t' || c == '\r' || c == '\n');
		FUZZ_CHECK((c == '\r') == (next == '\n'));
		n_ends += c == '\n';
	}
	FUZZ_CHECK(n_ends == head->n_lines + (input.data[0] == '\r' ? 3 : 2));
	check_span(head, head->method_text);
	check_span(head, head->target);
	check_span(head, head->path);
	check_span(head, head->query);
	check_span(head, head->host);
	FUZZ_CHECK(input.data[head->target.at] == '/' && head->path.at == head->target.at);
	FUZZ_CHECK(head->path.n + head->query.n <= head->target.n);
	for (size_t i = 0; i < head->n_lines; i++) {
		struct lk_bytes value = lk_http_at(input, head->lines[i].value);

		check_span(head, head->lines[i].name);
		check_span(head, head->lines[i].value);
		FUZZ_CHECK(head->lines[i].name.n > 0);
		FUZZ_CHECK(value.n == 0 || (value.data[0] > ' ' && value.data[value.n - 1] > ' '));
	}
}

static void check_framing(const struct lk_http_head *head, struct lk_bytes input)
{
	struct lk_bytes value = { NULL, 0 };
	size_t n_hosts = lk_http_find(head, input, "host", &value);
	size_t n_lengths = lk_http_find(head, input, "content-length", &value);
	char text[LK_HTTP_LINE_MAX + 1] = "";

	FUZZ_CHECK(n_hosts == 1 || (n_hosts == 0 && head->minor == 0));
	FUZZ_CHECK(head->minor == 1 || !head->keeps_alive);
	FUZZ_CHECK(n_lengths == (head->has_length ? 1 : 0));
	FUZZ_CHECK(head->has_length || head->length == 0);
	if (head->has_length) {
		memcpy(text, value.data, value.n);
		FUZZ_CHECK(strspn(text, "0123456789") == value.n && value.n > 0);
		FUZZ_CHECK(head->length == strtoull(text, NULL, 10));
	}
	FUZZ_CHECK(lk_http_find(head, input, "transfer-encoding", &value) == 0);
}

struct text {
	uint8_t bytes[LK_HTTP_HEAD_MAX];
	size_t n;
};

static void add(struct text *text, struct lk_bytes bytes)
{
	FUZZ_CHECK(bytes.n <= sizeof text->bytes - text->n);
	memcpy(text->bytes + text->n, bytes.data, bytes.n);
	text->n += bytes.n;
}

static void write_head(struct text *text, const struct lk_http_head *head, struct lk_bytes input)
{
	text->n = 0;
	add(text, lk_http_at(input, head->method_text));
	add(text, fuzz_text(" "));
	add(text, lk_http_at(input, head->target));
	add(text, fuzz_text(head->minor == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n"));
	for (size_t i = 0; i < head->n_lines; i++) {
		add(text, lk_http_at(input, head->lines[i].name));
		add(text, fuzz_text(":"));
		add(text, lk_http_at(input, head->lines[i].value));
		add(text, fuzz_text("\r\n"));
	}
	add(text, fuzz_text("\r\n"));
}

static void check_again(const struct lk_http_head *head, struct lk_bytes input)
{
	static struct text text, second;
	static struct lk_http_head again;
	struct lk_http_refusal refusal;
	struct lk_bytes written;

	write_head(&text, head, input);
	written = (struct lk_bytes) { text.bytes, text.n };
	again = none;
	FUZZ_CHECK(lk_http_parse(&again, written, &refusal) == LK_HTTP_DONE && again.n == text.n);
	FUZZ_CHECK(again.method == head->method && again.minor == head->minor);
	FUZZ_CHECK(again.keeps_alive == head->keeps_alive);
	FUZZ_CHECK(again.expects_continue == head->expects_continue);
	FUZZ_CHECK(again.has_length == head->has_length && again.length == head->length);
	FUZZ_CHECK(fuzz_same(lk_http_at(written, again.path), lk_http_at(input, head->path)));
	FUZZ_CHECK(fuzz_same(lk_http_at(written, again.query), lk_http_at(input, head->query)));
	FUZZ_CHECK(fuzz_same(lk_http_at(written, again.host), lk_http_at(input, head->host)));
	write_head(&second, &again, written);
	FUZZ_CHECK(fuzz_same(written, (struct lk_bytes) { second.bytes, second.n }));
}

/* Returns how many bytes the request takes; 0 when there is nothing more to read. */
static size_t check_request(struct lk_bytes input)
{
	static struct lk_http_head head;
	struct lk_http_refusal refusal = { 0, NULL };
	enum lk_http_parsed parsed;

	head = none;
	parsed = lk_http_parse(&head, input, &refusal);
	check_pieces(input, parsed, &head, &refusal);
	if (parsed == LK_HTTP_REFUSED)
		check_refusal(&refusal);
	if (parsed == LK_HTTP_MORE)
		FUZZ_CHECK(input.n < LK_HTTP_HEAD_MAX && refusal.status == 0);
	if (parsed != LK_HTTP_DONE)
		return 0;
	check_places(&head, input);
	check_framing(&head, input);
	check_again(&head, input);
	return head.length < input.n - head.n ? head.n + head.length : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes rest = { data, n };
	size_t n_taken;

	while (rest.n > 0 && (n_taken = check_request(rest)) > 0) {
		rest.data += n_taken;
		rest.n -= n_taken;
	}
	return 0;
}
