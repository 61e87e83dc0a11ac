/* SPDX-License-Identifier: MIT */
#include "client/bridge/route.h"

#include <string.h>

#include "client/bridge/bytes.h"

/* Takes the next segment, with the slash in front of it, off a path; false at the end, and for what
 * does not start with a slash. */
static bool next_segment(struct lk_bytes *path, struct lk_bytes *segment_out)
{
	const uint8_t *end;
	size_t n;

	if (path->n == 0 || path->data[0] != '/')
		return false;
	end = memchr(path->data + 1, '/', path->n - 1);
	n = end != NULL ? (size_t)(end - path->data) : path->n;
	*segment_out = (struct lk_bytes) { path->data + 1, n - 1 };
	*path = (struct lk_bytes) { path->data + n, path->n - n };
	return true;
}

static bool is_capture(struct lk_bytes segment)
{
	return segment.n > 2 && segment.data[0] == '{' && segment.data[segment.n - 1] == '}';
}

/* "." or "..", also with an encoded dot: URL parsers take these segments away. */
static bool is_dots(struct lk_bytes segment)
{
	unsigned dots = 0;

	for (size_t i = 0; i < segment.n; dots++) {
		const uint8_t *at = segment.data + i;
		bool is_encoded = segment.n - i >= 3 && at[0] == '%' && at[1] == '2' &&
				  (at[2] == 'e' || at[2] == 'E');

		if (at[0] != '.' && !is_encoded)
			return false;
		i += is_encoded ? 3 : 1;
	}
	return dots == 1 || dots == 2;
}

static bool segment_fits(struct lk_bytes pattern, struct lk_bytes segment)
{
	return is_capture(pattern) ? segment.n > 0 && !is_dots(segment)
				   : lk_bytes_equal(pattern, segment);
}

static bool fits(const struct lk_rest_route *route, struct lk_bytes path)
{
	struct lk_bytes pattern = lk_bytes_of(route->path);
	struct lk_bytes wanted, segment;

	while (next_segment(&pattern, &wanted))
		if (!next_segment(&path, &segment) || !segment_fits(wanted, segment))
			return false;
	return path.n == 0;
}

const struct lk_rest_route *lk_rest_match(const struct lk_rest_surface *surface,
	struct lk_bytes path, enum lk_rest_verb verb, bool *path_known_out)
{
	*path_known_out = false;
	for (size_t i = 0; i < surface->n_routes; i++) {
		const struct lk_rest_route *route = &surface->routes[i];

		if (!fits(route, path))
			continue;
		*path_known_out = true;
		if (route->verb == verb)
			return route;
	}
	return NULL;
}

void lk_rest_allow(const struct lk_rest_surface *surface, struct lk_bytes path,
	char allow_out[LK_REST_ALLOW_ROOM])
{
	static const char *const names[] = {
		[LK_REST_GET] = "GET, HEAD, ",
		[LK_REST_POST] = "POST, ",
		[LK_REST_PUT] = "PUT, ",
		[LK_REST_PATCH] = "PATCH, ",
		[LK_REST_DELETE] = "DELETE, ",
	};
	bool is_known = false;
	char *at = allow_out;

	for (size_t verb = 0; verb < LK_COUNT(names); verb++)
		if (lk_rest_match(surface, path, (enum lk_rest_verb)verb, &is_known) != NULL)
			at = stpcpy(at, names[verb]);
	stpcpy(at, is_known ? "OPTIONS" : "");
}

bool lk_rest_capture(const struct lk_rest_route *route, struct lk_bytes path, const char *name,
	struct lk_bytes *value_out)
{
	struct lk_bytes pattern = lk_bytes_of(route->path);
	struct lk_bytes wanted, segment;

	while (next_segment(&pattern, &wanted) && next_segment(&path, &segment)) {
		if (!is_capture(wanted))
			continue;
		wanted = (struct lk_bytes) { wanted.data + 1, wanted.n - 2 };
		if (!lk_bytes_equal(wanted, lk_bytes_of(name)))
			continue;
		*value_out = segment;
		return true;
	}
	return false;
}
