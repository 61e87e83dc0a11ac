/* SPDX-License-Identifier: MIT */
/* What the bridge makes of a request's head before it asks the server.
 *
 * Input: a byte that chooses the site and the failure, and a head. Invariants: the path of an
 * original request is one that has a single reading; a credential is visible ASCII; whatever is
 * written for an answer is whole lines "Name: value" without control bytes but tabs; only a listed
 * origin is granted credentials, and none but the one that asks is granted anything.
 */
#include "client/bridge/cors.h"
#include "client/bridge/headers.h"
#include "client/bridge/original.h"
#include "client/bridge/refusal.h"
#include "proto/wire/utf8.h"
#include "tests/fuzz/fuzz.h"

#define LISTED "https://app.example.org"

/* Of adapters.c. */
extern const struct lk_adapter lk_incrm;

static const char *origins[] = { LISTED };
static const struct lk_bridge_realm realm = {
	.name = "crm",
	.key_prefix = "crm_",
	.origins = origins,
	.n_origins = LK_COUNT(origins),
};
static const struct lk_site sites[] = {
	{ .realm = &realm, .key_header = "x-api-key", .adapter = &lk_incrm },
	{ .realm = &realm, .key_header = "x-api-key" },
	{ .realm = &realm },
};

static bool is_dots(const uint8_t *segment, size_t n)
{
	return (n == 1 || n == 2) && segment[0] == '.' && segment[n - 1] == '.';
}

static void check_path(struct lk_bytes path)
{
	FUZZ_CHECK(path.n > 0 && path.n <= LK_ORIGINAL_PATH_MAX && path.data[0] == '/');
	FUZZ_CHECK(lk_utf8_valid(path));
	for (size_t i = 0; i < path.n; i++)
		FUZZ_CHECK(path.data[i] >= ' ' && memchr("\\;%?#\177", path.data[i], 6) == NULL);
	for (size_t at = 1, end; at <= path.n; at = end + 1) {
		for (end = at; end < path.n && path.data[end] != '/'; end++)
			continue;
		FUZZ_CHECK(end > at || end == path.n);
		FUZZ_CHECK(!is_dots(path.data + at, end - at));
	}
}

static void check_original(const struct lk_http_exchange *exchange)
{
	struct lk_original original;
	struct lk_bytes path;

	if (!lk_original_read(exchange, &original) || original.proxy == LK_PROXY_NONE)
		return;
	FUZZ_CHECK(original.method <= LK_HTTP_OTHER);
	path = (struct lk_bytes) { (const uint8_t *)original.path, original.path_n };
	check_path(path);
}

static void check_presented(const struct lk_site *site, const struct lk_http_exchange *exchange)
{
	struct lk_presented presented;

	FUZZ_OK(lk_present(site, exchange, false, &presented));
	FUZZ_CHECK(presented.n == 1 || presented.value[0] == '\0');
	for (const char *c = presented.value; *c != '\0'; c++)
		FUZZ_CHECK(*c > ' ' && *c <= '~');
}

/* Whole lines; returns how many. */
static size_t check_lines(struct lk_bytes lines)
{
	size_t n = 0;

	for (; lines.n > 0; n++) {
		const uint8_t *end = memchr(lines.data, '\r', lines.n);
		const uint8_t *colon = memchr(lines.data, ':', lines.n);
		size_t line_n = (size_t)(end - lines.data);

		FUZZ_CHECK(end != NULL && line_n + 1 < lines.n && end[1] == '\n');
		FUZZ_CHECK(colon != NULL && colon > lines.data && colon < end && colon[1] == ' ');
		for (size_t i = 0; i < line_n; i++)
			FUZZ_CHECK((lines.data[i] >= ' ' && lines.data[i] != 0x7f) ||
				   lines.data[i] == '\t');
		lines.data += line_n + 2;
		lines.n -= line_n + 2;
	}
	return n;
}

static bool holds(struct lk_bytes lines, const char *text)
{
	return lines.n > 0 && memmem(lines.data, lines.n, text, strlen(text)) != NULL;
}

static void check_grant(const struct lk_http_exchange *exchange, struct lk_bytes lines)
{
	struct lk_bytes origin;
	size_t n_origins = lk_http_header(exchange, "origin", &origin);

	check_lines(lines);
	if (holds(lines, "\nAccess-Control-Allow-Origin: "))
		FUZZ_CHECK(n_origins == 1);
	if (holds(lines, "\nAccess-Control-Allow-Credentials: "))
		FUZZ_CHECK(n_origins == 1 && fuzz_same(origin, fuzz_text(LISTED)));
}

static void check_cors(
	const struct lk_site *site, const struct lk_http_exchange *exchange, bool is_key)
{
	struct lk_buf lines;

	lk_buf_init(&lines, (size_t)64 * 1024);
	if (lk_cors_is_preflight(exchange))
		lk_cors_put_preflight(site, exchange, "GET, HEAD, OPTIONS", &lines);
	else
		lk_cors_put(site, exchange, is_key, &lines);
	FUZZ_CHECK(!lines.failed);
	check_grant(exchange, (struct lk_bytes) { lines.data, lines.n });
	lk_buf_fini(&lines);
}

static void check_refusal(const struct lk_site *site, const struct lk_http_exchange *exchange,
	struct lk_failure failure)
{
	struct lk_buf lines;
	struct lk_refusal refusal;

	lk_buf_init(&lines, 4096);
	refusal = lk_refuse(site, &failure, exchange->arena, &lines);
	FUZZ_CHECK(refusal.status >= 400 && refusal.status < 600 && !lines.failed);
	lk_put_header_bytes(&lines, "X-Latchkey-Body", refusal.body);
	check_lines((struct lk_bytes) { lines.data, lines.n });
	lk_buf_fini(&lines);
}

/* A value that a client chose, in a line of ours. */
static void check_header(struct lk_bytes value)
{
	struct lk_buf lines;

	lk_buf_init(&lines, (size_t)64 * 1024);
	lk_put_text(&lines, "X-Latchkey-User: ");
	lk_put_value(&lines, value);
	lk_put_text(&lines, "\r\n");
	FUZZ_CHECK(!lines.failed);
	FUZZ_CHECK(check_lines((struct lk_bytes) { lines.data, lines.n }) == 1);
	FUZZ_CHECK(memchr(lines.data, ',', lines.n) == NULL);
	lk_buf_fini(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes input = { data, n };
	unsigned choice = fuzz_choice(&input, 256);
	const struct lk_site *site = &sites[choice % LK_COUNT(sites)];
	struct lk_http_head head = { 0 };
	struct lk_http_refusal refusal;
	struct lk_arena arena;
	struct lk_http_exchange exchange = { .head = &head, .head_bytes = input, .arena = &arena };

	check_header(input.n < 4096 ? input : (struct lk_bytes) { input.data, 4096 });
	if (lk_http_parse(&head, input, &refusal) != LK_HTTP_DONE)
		return 0;
	lk_arena_init(&arena, (size_t)1 << 20);
	check_original(&exchange);
	check_presented(site, &exchange);
	check_cors(site, &exchange, choice % 2 == 0);
	check_refusal(site, &exchange,
		(struct lk_failure) { .fault = (enum lk_fault)(choice % (LK_FAULT_HTTP + 1)),
			.reason = (lk_deny_reason)(choice / 8),
			.is_key = choice % 2 == 0,
			.http = 400 + choice % 200,
			.status = LK_BAD_FIELD("a_field", "it is wrong") });
	lk_arena_fini(&arena);
	return 0;
}
