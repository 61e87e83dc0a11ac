/* SPDX-License-Identifier: MIT */
#include "gen/plugin/surface.h"

#include <string.h>

bool lk_surface_is(const struct lk_schema *schema, const pb_service *service)
{
	return lk_options_surface(schema->arena, service) != NULL;
}

size_t lk_surface_count(const struct lk_schema *schema, const pb_file *file, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += lk_surface_is(schema, file->service[i]) ? 1 : 0;
	return found;
}

const Latchkey__V1__RestSurface *lk_surface_option(
	const struct lk_schema *schema, const pb_service *service)
{
	static const Latchkey__V1__RestSurface nothing = LATCHKEY__V1__REST_SURFACE__INIT;
	const Latchkey__V1__RestSurface *option = lk_options_surface(schema->arena, service);

	return option != NULL ? option : &nothing;
}

struct lk_type *lk_surface_error_message(const struct lk_schema *schema, const pb_file *file,
	const Latchkey__V1__RestSurface *option)
{
	struct lk_type *type =
		lk_schema_type(schema, lk_schema_name_in(schema, file, option->error_message));

	return type != NULL && type->place.file == file ? type : NULL;
}

const pb_enum *lk_surface_error_enum(
	const pb_file *file, const Latchkey__V1__RestSurface *option, size_t *index_out)
{
	for (size_t i = 0; i < file->n_enum_type; i++) {
		if (strcmp(file->enum_type[i]->name, option->error_enum) != 0)
			continue;
		*index_out = i;
		return file->enum_type[i];
	}
	return NULL;
}

const Latchkey__V1__RestError *lk_surface_error(
	const struct lk_schema *schema, const pb_enum *errors, const char *name)
{
	for (size_t i = 0; i < errors->n_value; i++)
		if (strcmp(errors->value[i]->name, name) == 0)
			return lk_options_error(schema->arena, errors->value[i]);
	return NULL;
}

/* By the number of the field that names the path. */
static const char *verb_of(const Latchkey__V1__RestRoute *rule)
{
	static const char *const verbs[] = {
		[LATCHKEY__V1__REST_ROUTE__PATTERN__NOT_SET] = "",
		[LATCHKEY__V1__REST_ROUTE__PATTERN_GET] = "GET",
		[LATCHKEY__V1__REST_ROUTE__PATTERN_POST] = "POST",
		[LATCHKEY__V1__REST_ROUTE__PATTERN_PUT] = "PUT",
		[LATCHKEY__V1__REST_ROUTE__PATTERN_PATCH] = "PATCH",
		[LATCHKEY__V1__REST_ROUTE__PATTERN_DELETE] = "DELETE",
	};

	return verbs[rule->pattern_case];
}

struct lk_route lk_surface_route(
	const struct lk_schema *schema, const pb_file *file, size_t service, size_t method)
{
	static const Latchkey__V1__RestRoute nothing = LATCHKEY__V1__REST_ROUTE__INIT;
	struct lk_route route = { .site = lk_schema_site(file, service, method) };
	const Latchkey__V1__RestRoute *rule = lk_options_route(schema->arena, route.site.method);

	route.rule = rule != NULL ? rule : &nothing;
	route.verb = verb_of(route.rule);
	/* All members of the oneof are texts in one place. */
	route.path = route.verb[0] != '\0' ? route.rule->get : "";
	route.status = route.rule->status != 0 ? route.rule->status : 200;
	route.request = lk_schema_type(schema, route.site.method->input_type);
	route.response = lk_schema_type(schema, route.site.method->output_type);
	return route;
}

bool lk_surface_next_segment(const char **path, struct lk_segment *segment_out)
{
	const char *text = *path;
	size_t n;

	if (text[0] != '/')
		return false;
	text++;
	n = strcspn(text, "/");
	*path = text + n;
	*segment_out = (struct lk_segment) { text, n, false };
	if (n >= 2 && text[0] == '{' && text[n - 1] == '}')
		*segment_out = (struct lk_segment) { text + 1, n - 2, true };
	return true;
}

bool lk_surface_is_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 && path[n] == '/';
}

static bool is_in_path(const struct lk_route *route, const pb_field *field)
{
	const char *path = route->path;
	struct lk_segment segment;

	while (lk_surface_next_segment(&path, &segment))
		if (segment.is_field && strlen(field->name) == segment.n &&
			strncmp(field->name, segment.text, segment.n) == 0)
			return true;
	return false;
}

enum lk_way lk_surface_way(
	const struct lk_schema *schema, const struct lk_route *route, const pb_field *field)
{
	if (is_in_path(route, field))
		return LK_BY_PATH;
	if (lk_options_cookie(schema->arena, field) != NULL)
		return LK_BY_COOKIE;
	if (strcmp(route->verb, "GET") == 0 || strcmp(route->verb, "DELETE") == 0)
		return LK_BY_QUERY;
	return LK_BY_BODY;
}

bool lk_surface_has_way(
	const struct lk_schema *schema, const struct lk_route *route, enum lk_way way)
{
	const pb_message *request = route->request->message;

	for (size_t i = 0; i < request->n_field; i++)
		if (lk_surface_way(schema, route, request->field[i]) == way)
			return true;
	return false;
}

bool lk_surface_has_content(const struct lk_schema *schema, const struct lk_type *response)
{
	for (size_t i = 0; i < response->message->n_field; i++)
		if (lk_options_cookie(schema->arena, response->message->field[i]) == NULL)
			return true;
	return false;
}

bool lk_surface_needs_caller(const struct lk_route *route)
{
	return route->rule->caller == LATCHKEY__V1__REST_CALLER__REST_CALLER_PRINCIPAL ||
	       route->rule->caller == LATCHKEY__V1__REST_CALLER__REST_CALLER_SESSION;
}

const pb_field *lk_surface_body(const struct lk_route *route)
{
	const pb_message *response = route->response->message;

	for (size_t i = 0; i < response->n_field; i++)
		if (strcmp(response->field[i]->name, route->rule->body) == 0)
			return response->field[i];
	return NULL;
}
