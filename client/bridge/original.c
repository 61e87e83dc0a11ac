/* SPDX-License-Identifier: MIT */
#include "client/bridge/original.h"

#include <string.h>

#include "proto/wire/utf8.h"

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at `*at`, decoded, or -1 for what may be understood in two ways. */
static int take_byte(struct lk_bytes target, size_t *at)
{
	uint8_t byte = target.data[(*at)++];
	int high, low;

	if (byte != '%')
		return byte > ' ' && byte < 0x7f && strchr("\\;#", byte) == NULL ? byte : -1;
	if (target.n - *at < 2)
		return -1;
	high = digit_of(target.data[*at]);
	low = digit_of(target.data[*at + 1]);
	*at += 2;
	if (high < 0 || low < 0)
		return -1;
	byte = (uint8_t)(high << 4 | low);
	return byte < ' ' || byte == 0x7f || strchr("/\\.;%?#", byte) != NULL ? -1 : byte;
}

/* A segment that a path may not have: empty inside of it, or dots. */
static bool is_ambiguous(const char *segment, size_t n, bool is_last)
{
	return (n == 0 && !is_last) || (n == 1 && segment[0] == '.') ||
	       (n == 2 && segment[0] == '.' && segment[1] == '.');
}

bool lk_original_path(struct lk_bytes target, struct lk_original *original)
{
	size_t segment = 1, at = 0;

	original->path_n = 0;
	if (target.n == 0 || target.data[0] != '/')
		return false;
	while (at < target.n && target.data[at] != '?') {
		int byte = take_byte(target, &at);

		if (byte < 0 || original->path_n == LK_ORIGINAL_PATH_MAX)
			return false;
		if (byte == '/' && original->path_n > 0) {
			if (is_ambiguous(
				    original->path + segment, original->path_n - segment, false))
				return false;
			segment = original->path_n + 1;
		}
		original->path[original->path_n++] = (char)byte;
	}
	original->path[original->path_n] = '\0';
	/* Overlong forms of slashes and dots are no UTF-8. */
	return !is_ambiguous(original->path + segment, original->path_n - segment, true) &&
	       lk_utf8_valid((struct lk_bytes) { (uint8_t *)original->path, original->path_n });
}

/* False for what some programs read as another method, in upper case. */
static bool read_method(struct lk_bytes name, enum lk_http_method *method_out)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.data[i] >= 'a' && name.data[i] <= 'z')
			return false;
	*method_out = LK_HTTP_OTHER;
	for (int method = LK_HTTP_GET; method < LK_HTTP_OTHER; method++) {
		struct lk_bytes known =
			lk_bytes_of(lk_http_method_name((enum lk_http_method)method));

		if (known.n == name.n && memcmp(known.data, name.data, name.n) == 0)
			*method_out = (enum lk_http_method)method;
	}
	return name.n > 0;
}

/* The two headers of a proxy. */
struct pair {
	struct lk_bytes method, uri;
	size_t n_methods, n_uris;
};

static struct pair find_pair(
	const struct lk_http_exchange *exchange, const char *method, const char *uri)
{
	struct pair pair;

	pair.n_methods = lk_http_header(exchange, method, &pair.method);
	pair.n_uris = lk_http_header(exchange, uri, &pair.uri);
	return pair;
}

bool lk_original_is_asked(const struct lk_http_exchange *exchange)
{
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);
	size_t n = strlen(LK_VERIFY_PATH);

	return path.n >= n && memcmp(path.data, LK_VERIFY_PATH, n) == 0 &&
	       (path.n == n || path.data[n] == '/');
}

/* What stands behind LK_VERIFY_PATH in the target, query included; empty: nothing. */
static struct lk_bytes behind_path(const struct lk_http_exchange *exchange)
{
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);
	size_t n = strlen(LK_VERIFY_PATH);

	if (path.n <= n || !lk_original_is_asked(exchange))
		return (struct lk_bytes) { NULL, 0 };
	return (struct lk_bytes) { path.data + n, path.n - n };
}

/* Envoy sends the method and the path as they came. */
static bool read_envoy(
	const struct lk_http_exchange *exchange, struct lk_bytes path, struct lk_original *original)
{
	original->proxy = LK_PROXY_ENVOY;
	original->method = exchange->head->method;
	return lk_original_path(path, original);
}

bool lk_original_read(const struct lk_http_exchange *exchange, struct lk_original *original)
{
	struct pair nginx = find_pair(exchange, "x-original-method", "x-original-uri");
	struct pair plain = find_pair(exchange, "x-forwarded-method", "x-forwarded-uri");
	struct lk_bytes path = behind_path(exchange);
	bool is_nginx = nginx.n_methods + nginx.n_uris > 0;
	bool is_plain = plain.n_methods + plain.n_uris > 0;
	const struct pair *pair = is_nginx ? &nginx : &plain;

	original->proxy = is_nginx ? LK_PROXY_NGINX : is_plain ? LK_PROXY_PLAIN : LK_PROXY_NONE;
	/* Proxies pass on what a client sends beside what they tell themselves. */
	if (is_nginx + is_plain + (path.n > 0) > 1)
		return false;
	if (path.n > 0)
		return read_envoy(exchange, path, original);
	if (!is_nginx && !is_plain)
		return true;
	return pair->n_methods == 1 && pair->n_uris == 1 &&
	       read_method(pair->method, &original->method) &&
	       lk_original_path(pair->uri, original);
}
