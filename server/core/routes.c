/* SPDX-License-Identifier: MIT */
#include "server/core/routes.h"

#include <stdlib.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/text.h"

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

static size_t number_of(struct lk_bytes method)
{
	size_t i = 0;

	while (i < LK_COUNT(methods) && !lk_text_equal(lk_bytes_of(methods[i]), method))
		i++;
	return i;
}

uint32_t lk_method_bit(struct lk_bytes method)
{
	return UINT32_C(1) << number_of(method);
}

bool lk_method_is_known(struct lk_bytes method)
{
	return number_of(method) < LK_COUNT(methods);
}

bool lk_words_set(struct lk_word_list *list, const char *const *words, size_t n)
{
	list->n = 0;
	if (n > LK_WORDS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t length = strnlen(words[i], LK_PLAN_MAX + 1);

		if (length == 0 || length > LK_PLAN_MAX)
			return false;
		memcpy(list->items[list->n++], words[i], length + 1);
	}
	return true;
}

bool lk_words_have(const struct lk_word_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i], word) == 0)
			return true;
	return false;
}

bool lk_route_path_is_valid(const char *path)
{
	/* RFC 3986: what may stand in a segment, without `%` and `*`. */
	size_t n = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				"/-._~!$&'()+,;=:@");

	if (path[0] != '/' || (path[n] != '\0' && strcmp(path + n, "*") != 0))
		return false;
	for (const char *slash = path; slash != NULL; slash = strchr(slash + 1, '/')) {
		size_t segment_n = strcspn(slash + 1, "/");

		if (slash[1] == '/' || (segment_n == 1 && slash[1] == '.') ||
			(segment_n == 2 && slash[1] == '.' && slash[2] == '.'))
			return false;
	}
	return true;
}

bool lk_route_covers(const struct lk_route_spec *earlier, const struct lk_route_spec *later)
{
	size_t earlier_n = strcspn(earlier->path, "*"), later_n = strcspn(later->path, "*");
	bool is_prefix = earlier->path[earlier_n] != '\0';

	return (later->methods & ~earlier->methods) == 0 && earlier_n <= later_n &&
	       strncmp(earlier->path, later->path, earlier_n) == 0 &&
	       (is_prefix || (earlier_n == later_n && later->path[later_n] == '\0'));
}

bool lk_route_asks(const struct lk_route_spec *spec)
{
	return spec->n_permissions > 0 || spec->organization || spec->n_plans > 0 ||
	       spec->n_byok > 0 || spec->on_behalf_of != LK_ON_BEHALF_NOWHERE ||
	       spec->callers != LK_CALLERS_DEFAULT;
}

static struct lk_status check(const struct lk_route_spec *spec)
{
	if (!lk_route_path_is_valid(spec->path) || spec->methods == 0)
		return LK_BAD_FIELD("routes", "a route has a path from / on, and methods");
	if ((spec->is_public || spec->is_webhook) && lk_route_asks(spec))
		return LK_BAD_FIELD(
			"routes", "what is public, or a webhook, cannot ask for anything");
	if (spec->is_webhook && (spec->is_public || spec->webhook_secret.n == 0))
		return LK_BAD_FIELD("routes", "a webhook has a secret and is not public");
	if (spec->callers == 0)
		return LK_BAD_FIELD("routes", "a route lets somebody through");
	return LK_SUCCESS;
}

static struct lk_status compile(
	const struct lk_catalog *catalog, const struct lk_route_spec *spec, struct lk_route *route)
{
	LK_TRY(check(spec));
	route->path_n = strcspn(spec->path, "*");
	route->is_prefix = spec->path[route->path_n] == '*';
	route->path = lk_alloc(route->path_n + 1);
	if (route->path == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	memcpy(route->path, spec->path, route->path_n);
	route->is_public = spec->is_public;
	if (spec->is_webhook) {
		uint8_t *secret = lk_alloc(spec->webhook_secret.n);

		if (secret == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
		memcpy(secret, spec->webhook_secret.data, spec->webhook_secret.n);
		route->webhook_secret = (struct lk_bytes) { secret, spec->webhook_secret.n };
	}
	route->needs_organization = spec->organization;
	route->methods = spec->methods;
	route->callers = spec->callers;
	for (size_t i = 0; i < spec->n_permissions; i++) {
		int bit = lk_catalog_find(catalog, lk_bytes_of(spec->permissions[i]));

		if (bit < 0)
			return LK_BAD_FIELD("routes",
				"a route asks for a permission that the realm does not have");
		lk_permset_add(&route->permissions, (unsigned)bit);
	}
	route->on_behalf_of = spec->on_behalf_of;
	if (!lk_words_set(&route->byok, spec->byok, spec->n_byok))
		return LK_BAD_FIELD("routes", "a route has at most 16 providers of 1 to 64 bytes");
	if (!lk_words_set(&route->plans, spec->plans, spec->n_plans))
		return LK_BAD_FIELD("routes", "a route has at most 16 plans of 1 to 64 bytes");
	return LK_SUCCESS;
}

struct lk_status lk_routes_new(const struct lk_catalog *catalog, const struct lk_route_spec *specs,
	size_t n, struct lk_routes **routes_out)
{
	struct lk_routes *routes;
	struct lk_status st = LK_SUCCESS;

	*routes_out = NULL;
	if (n == 0)
		return LK_SUCCESS;
	if (n > LK_ROUTES_MAX)
		return LK_BAD_FIELD("routes", "a realm has at most 256 routes");
	routes = lk_alloc(sizeof *routes + n * sizeof routes->items[0]);
	if (routes == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	for (size_t i = 0; i < n && st.code == LK_OK; i++) {
		routes->n = i + 1;
		st = compile(catalog, &specs[i], &routes->items[i]);
		routes->has_byok |= specs[i].n_byok > 0;
	}
	if (st.code == LK_OK)
		*routes_out = routes;
	else
		lk_routes_free(routes);
	return st;
}

void lk_routes_free(struct lk_routes *routes)
{
	for (size_t i = 0; routes != NULL && i < routes->n; i++) {
		uint8_t *secret = (uint8_t *)(uintptr_t)routes->items[i].webhook_secret.data;

		if (secret != NULL)
			lk_wipe(secret, routes->items[i].webhook_secret.n);
		lk_free(secret);
		lk_free(routes->items[i].path);
	}
	lk_free(routes);
}

static bool fits(const struct lk_route *route, uint32_t method, struct lk_bytes path)
{
	struct lk_bytes of_route = { (const uint8_t *)route->path, route->path_n };

	if (route->is_prefix && path.n > route->path_n)
		path.n = route->path_n;
	return (route->methods & method) != 0 && lk_text_equal(path, of_route);
}

const struct lk_route *lk_routes_find(
	const struct lk_routes *routes, struct lk_bytes method, struct lk_bytes path)
{
	uint32_t bit = lk_method_bit(method);

	for (size_t i = 0; routes != NULL && i < routes->n; i++)
		if (fits(&routes->items[i], bit, path))
			return &routes->items[i];
	return NULL;
}
