/* SPDX-License-Identifier: MIT */
#include "client/bridge/original.h"

#include <string.h>

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
		return byte > ' ' && byte < 0x7f && byte != '\\' && byte != ';' ? byte : -1;
	if (target.n - *at < 2)
		return -1;
	high = digit_of(target.data[*at]);
	low = digit_of(target.data[*at + 1]);
	*at += 2;
	if (high < 0 || low < 0)
		return -1;
	byte = (uint8_t)(high << 4 | low);
	return byte < ' ' || byte == 0x7f || strchr("/\\.;%", byte) != NULL ? -1 : byte;
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
	return !is_ambiguous(original->path + segment, original->path_n - segment, true);
}

static enum lk_http_method method_of(struct lk_bytes name)
{
	for (int method = LK_HTTP_GET; method < LK_HTTP_OTHER; method++) {
		struct lk_bytes known =
			lk_bytes_of(lk_http_method_name((enum lk_http_method)method));

		if (known.n == name.n && memcmp(known.data, name.data, name.n) == 0)
			return (enum lk_http_method)method;
	}
	return LK_HTTP_OTHER;
}

bool lk_original_read(const struct lk_http_exchange *exchange, struct lk_original *original)
{
	struct lk_bytes method, uri;
	size_t n_uris = lk_http_header(exchange, "x-original-uri", &uri);

	original->proxy = LK_PROXY_NONE;
	if (n_uris > 0) {
		original->proxy = LK_PROXY_NGINX;
		if (lk_http_header(exchange, "x-original-method", &method) != 1)
			return false;
	} else {
		n_uris = lk_http_header(exchange, "x-forwarded-uri", &uri);
		if (n_uris == 0)
			return true;
		original->proxy = LK_PROXY_PLAIN;
		if (lk_http_header(exchange, "x-forwarded-method", &method) != 1)
			return false;
	}
	original->method = method_of(method);
	return n_uris == 1 && lk_original_path(uri, original);
}
