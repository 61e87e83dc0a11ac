/* SPDX-License-Identifier: MIT */
#include "bench/http_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/arena.h"

#define REQUEST_MAX 2048
#define LINE_BYTES_MAX 1024

/* --- the URL --- */

static bool copy_part(char *to, size_t room, const char *from, size_t n)
{
	if (n == 0 || n >= room)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

struct lk_status lk_bench_url_read(const char *text, struct lk_bench_url *url_out)
{
	const char *host = text + strlen("http://");
	struct lk_bench_url url = { .port = "80", .path = "/" };
	size_t n_host, n_port = 0;
	const char *path;
	bool is_good;

	if (strncmp(text, "http://", strlen("http://")) != 0)
		return LK_BAD_FIELD("--url", "must start with http://");
	if (*host == '[') {
		host++;
		n_host = strcspn(host, "]");
		path = host + n_host + (host[n_host] == ']');
	} else {
		n_host = strcspn(host, ":/");
		path = host + n_host;
	}
	is_good = copy_part(url.host, sizeof url.host, host, n_host);
	if (*path == ':') {
		n_port = strcspn(++path, "/");
		is_good = is_good && strspn(path, "0123456789") == n_port &&
			  copy_part(url.port, sizeof url.port, path, n_port);
	}
	path += n_port;
	if (*path != '\0')
		is_good = is_good && *path == '/' && strpbrk(path, " \r\n") == NULL &&
			  copy_part(url.path, sizeof url.path, path, strlen(path));
	if (!is_good)
		return LK_BAD_FIELD("--url", "is not http://host:port/path");
	*url_out = url;
	return LK_SUCCESS;
}

/* --- requests --- */

/* Bytes of the request, which may be more than there is room for. */
static size_t print_request(char text[REQUEST_MAX], const struct lk_bench_url *url, const char *uri,
	const struct lk_bench_key *key)
{
	bool is_ipv6 = strchr(url->host, ':') != NULL;

	return (size_t)snprintf(text, REQUEST_MAX,
		"GET %s HTTP/1.1\r\n"
		"Host: %s%s%s:%s\r\n"
		"X-Original-Method: GET\r\n"
		"X-Original-URI: %s\r\n"
		"%s%s%s\r\n",
		url->path, is_ipv6 ? "[" : "", url->host, is_ipv6 ? "]" : "", url->port, uri,
		key != NULL ? "X-Api-Key: " : "", key != NULL ? key->secret : "",
		key != NULL ? "\r\n" : "");
}

static struct lk_status make_request(struct lk_bench_request *request,
	const struct lk_bench_url *url, const char *uri, const struct lk_bench_key *key)
{
	char text[REQUEST_MAX];

	request->n = print_request(text, url, uri, key);
	if (request->n >= sizeof text)
		return LK_ERR(LK_INVALID_ARGUMENT, "the request is too long");
	request->text = lk_alloc(request->n);
	if (request->text == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	memcpy(request->text, text, request->n);
	lk_wipe(text, sizeof text);
	return LK_SUCCESS;
}

struct lk_status lk_bench_requests_make(struct lk_bench_requests *requests,
	const struct lk_bench_url *url, const char *uri, const struct lk_bench_keys *keys)
{
	bool has_keys = keys->n + keys->n_miss > 0;

	*requests = (struct lk_bench_requests) { .n_good = has_keys ? keys->n : 1,
		.n_bad = keys->n_miss };
	lk_pick_init(&requests->pick_good, requests->n_good > 0 ? requests->n_good : 1, false);
	lk_pick_init(&requests->pick_bad, requests->n_bad > 0 ? requests->n_bad : 1, false);
	requests->items = lk_alloc((requests->n_good + requests->n_bad) * sizeof *requests->items);
	if (requests->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	for (size_t i = 0; i < requests->n_good + requests->n_bad; i++) {
		struct lk_bench_request *request = &requests->items[i];
		const struct lk_bench_key *key = has_keys ? &keys->items[i] : NULL;

		LK_TRY(make_request(request, url, uri, key));
		request->status = i < requests->n_good ? 200 : 401;
		if (key != NULL && request->status == 200)
			snprintf(request->key_id, sizeof request->key_id, "%s", key->id);
		if (request->n > requests->longest)
			requests->longest = request->n;
	}
	return LK_SUCCESS;
}

const struct lk_bench_request *lk_bench_requests_next(
	const struct lk_bench_requests *requests, uint64_t *state)
{
	if (lk_pick_random(state) % 100 < requests->bad_percent)
		return &requests->items[requests->n_good +
					lk_pick_next(&requests->pick_bad, state)];
	return &requests->items[lk_pick_next(&requests->pick_good, state)];
}

void lk_bench_requests_fini(struct lk_bench_requests *requests)
{
	size_t n = requests->items != NULL ? requests->n_good + requests->n_bad : 0;

	for (size_t i = 0; i < n; i++) {
		if (requests->items[i].text != NULL)
			lk_wipe(requests->items[i].text, requests->items[i].n);
		lk_free(requests->items[i].text);
	}
	lk_free(requests->items);
	*requests = (struct lk_bench_requests) { 0 };
}

/* --- keys from a file --- */

static const char refused[] = "-";

/* A line is `KEY`, `KEY ID` or `KEY -`. */
static bool read_line(char *line, struct lk_bench_key *key)
{
	char *id;

	line[strcspn(line, "\r\n")] = '\0';
	id = line + strcspn(line, " ");
	if (*id == ' ')
		*id++ = '\0';
	return copy_part(key->secret, sizeof key->secret, line, strlen(line)) &&
	       (*id == '\0' || copy_part(key->id, sizeof key->id, id, strlen(id)));
}

/* Appends the keys that are to be refused, or those that are not. */
static bool read_keys(struct lk_bench_keys *keys, FILE *file, bool are_refused, size_t *n_out)
{
	char line[LINE_BYTES_MAX];
	size_t n = keys->n;
	bool is_good = true;

	rewind(file);
	while (is_good && fgets(line, sizeof line, file) != NULL) {
		struct lk_bench_key key = { 0 };

		is_good = read_line(line, &key);
		if ((strcmp(key.id, refused) == 0) == are_refused)
			keys->items[n++] = key;
	}
	lk_wipe(line, sizeof line);
	*n_out = n - keys->n;
	return is_good;
}

static size_t count_lines(FILE *file)
{
	char line[LINE_BYTES_MAX];
	size_t n = 0;

	while (fgets(line, sizeof line, file) != NULL)
		n++;
	return n;
}

struct lk_status lk_bench_keys_read(struct lk_bench_keys *keys, const char *path)
{
	FILE *file = fopen(path, "re");
	bool is_good = file != NULL;

	*keys = (struct lk_bench_keys) { 0 };
	if (is_good) {
		keys->items = lk_alloc((count_lines(file) + 1) * sizeof *keys->items);
		is_good = keys->items != NULL && read_keys(keys, file, false, &keys->n) &&
			  read_keys(keys, file, true, &keys->n_miss) && keys->n > 0;
		fclose(file);
	}
	return is_good ? LK_SUCCESS
		       : LK_BAD_FIELD("--key-file", "has no line 'KEY [ID]', or another");
}
