/* SPDX-License-Identifier: MIT */
/* The methods of a surface. */
#include <string.h>

#include "gen/plugin/check.h"
#include "gen/plugin/surface.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* What RFC 3986 never encodes: one path has one spelling. */
#define SEGMENT_CHARS NAME_CHARS "-._~"

static struct lk_place option_place(const struct lk_schema *schema, const struct lk_route *route)
{
	return lk_schema_place_in(
		schema, lk_schema_site_place(&route->site), LK_PATH_METHOD_OPTIONS, LK_OPTION_REST);
}

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

static bool is_text_or_integer(const pb_field *field)
{
	static const bool fits[] = { [TYPE(STRING)] = true,
		[TYPE(INT32)] = true,
		[TYPE(INT64)] = true,
		[TYPE(UINT32)] = true,
		[TYPE(UINT64)] = true,
		[TYPE(SINT32)] = true,
		[TYPE(SINT64)] = true,
		[TYPE(FIXED32)] = true,
		[TYPE(FIXED64)] = true,
		[TYPE(SFIXED32)] = true,
		[TYPE(SFIXED64)] = true };

	return (size_t)field->type < LK_COUNT(fits) && fits[field->type];
}

/* A field that the path names; `rest` is the path behind it. */
static void check_path_field(struct lk_schema *schema, const struct lk_route *route,
	const struct lk_segment *named, const char *rest)
{
	const char *method = route->site.method->name;
	const char *name = lk_out_format(schema->arena, "%.*s", (int)named->n, named->text);
	struct lk_place place = option_place(schema, route);
	struct lk_segment other;
	size_t index;
	const pb_field *field = lk_schema_field(route->request, name, &index);

	while (lk_surface_next_segment(&rest, &other))
		if (other.is_field && other.n == named->n &&
			strncmp(other.text, named->text, other.n) == 0)
			lk_schema_fail(schema, place, "the path of method %s names %s twice",
				method, name);
	if (field == NULL)
		lk_schema_fail(schema, place,
			"the path of method %s names %s, which is no field of %s", method, name,
			route->request->name);
	else if (!is_text_or_integer(field) || lk_schema_is_repeated(field) ||
		 field->has_oneof_index)
		lk_schema_fail(schema, place,
			"the path of method %s names %s, which must be a string or an integer: "
			"not repeated, not in a oneof",
			method, name);
	else if (lk_options_cookie(schema->arena, field) != NULL)
		lk_schema_fail(schema, place, "the path of method %s names %s, which is a cookie",
			method, name);
}

static bool is_well_formed(const struct lk_segment *segment)
{
	if (segment->is_field)
		return segment->n > 0 && strspn(segment->text, NAME_CHARS "_") == segment->n;
	if (strspn(segment->text, SEGMENT_CHARS) != segment->n)
		return false;
	/* Dots alone would be taken away by whoever makes the path shorter. */
	return segment->n > strspn(segment->text, ".") || segment->n > 2;
}

static void check_path(struct lk_schema *schema, const struct lk_route *route)
{
	const char *server = lk_surface_option(schema, route->site.service)->server;
	const char *path = route->path;
	bool is_path = path[0] == '/';
	struct lk_segment segment;

	while (lk_surface_next_segment(&path, &segment)) {
		is_path = is_path && is_well_formed(&segment);
		if (is_path && segment.is_field)
			check_path_field(schema, route, &segment, path);
	}
	if (!is_path)
		lk_schema_fail(schema, option_place(schema, route),
			"the path of method %s must be segments such as /keys or /{id}, with "
			"letters, digits and '-', '.', '_', '~'",
			route->site.method->name);
	else if (!lk_surface_is_below(route->path, server))
		lk_schema_fail(schema, option_place(schema, route),
			"the path of method %s must be below the surface's server %s",
			route->site.method->name, server);
}

static void check_query(struct lk_schema *schema, const struct lk_route *route)
{
	const pb_message *request = route->request->message;

	for (size_t i = 0; i < request->n_field; i++) {
		const pb_field *field = request->field[i];

		if (lk_surface_way(schema, route, field) == LK_BY_QUERY &&
			lk_schema_field_type(schema, field) != NULL)
			lk_schema_fail(schema,
				lk_schema_place_in(
					schema, route->request->place, LK_PATH_MESSAGE_FIELD, i),
				"field %s of request %s is a message, which the query of method %s "
				"cannot carry",
				field->name, route->request->name, route->site.method->name);
	}
}

static void check_status(struct lk_schema *schema, const struct lk_route *route)
{
	struct lk_place place = option_place(schema, route);
	const char *method = route->site.method->name;

	if (route->status < 200 || route->status > 299)
		lk_schema_fail(schema, place, "method %s needs a status from 200 to 299", method);
	if (route->rule->body[0] != '\0' && lk_surface_body(route) == NULL)
		lk_schema_fail(schema, place,
			"the body of method %s is %s, which is no field of %s", method,
			route->rule->body, route->response->name);
	if (route->status == 204 && lk_surface_has_content(schema, route->response))
		lk_schema_fail(schema, place,
			"method %s has status 204, but %s has fields that would be in a body",
			method, route->response->name);
}

/* What only somebody can have. */
static void check_no_caller(struct lk_schema *schema, const struct lk_route *route)
{
	const Latchkey__V1__RestRoute *rule = route->rule;
	struct lk_place place = option_place(schema, route);
	const char *method = route->site.method->name;

	if (rule->permission[0] != '\0')
		lk_schema_fail(
			schema, place, "method %s needs a permission, but no caller", method);
	if (rule->organization)
		lk_schema_fail(
			schema, place, "method %s needs an organization, but no caller", method);
}

static void check_caller(struct lk_schema *schema, const struct lk_route *route)
{
	const Latchkey__V1__RestRoute *rule = route->rule;
	struct lk_place place = option_place(schema, route);
	const char *method = route->site.method->name;

	if (protobuf_c_enum_descriptor_get_value(
		    &latchkey__v1__rest_caller__descriptor, (int)rule->caller) == NULL)
		lk_schema_fail(schema, place, "method %s has a caller that does not exist", method);
	else if (!lk_surface_needs_caller(route))
		check_no_caller(schema, route);
}

static void check_errors(struct lk_schema *schema, const struct lk_route *route)
{
	const Latchkey__V1__RestSurface *option = lk_surface_option(schema, route->site.service);
	size_t index;
	const pb_enum *errors = lk_surface_error_enum(route->site.file, option, &index);

	for (size_t i = 0; errors != NULL && i < route->rule->n_errors; i++)
		if (lk_surface_error(schema, errors, route->rule->errors[i]) == NULL)
			lk_schema_fail(schema, option_place(schema, route),
				"method %s may answer %s, which is no error of %s",
				route->site.method->name, route->rule->errors[i], errors->name);
}

static void check_route(struct lk_schema *schema, const struct lk_route *route)
{
	struct lk_place place = option_place(schema, route);
	const char *method = route->site.method->name;

	if (lk_options_route(schema->arena, route->site.method) == NULL) {
		lk_schema_fail(schema, place, "method %s has no option (latchkey.v1.rest)", method);
		return;
	}
	if (route->verb[0] == '\0')
		lk_schema_fail(schema, place,
			"method %s needs a path: get, post, put, patch or delete", method);
	else
		check_path(schema, route);
	check_query(schema, route);
	check_status(schema, route);
	check_caller(schema, route);
	check_errors(schema, route);
}

/* Whether there are paths that fit both. */
static bool meet(const char *one, const char *other)
{
	struct lk_segment a, b;

	while (lk_surface_next_segment(&one, &a)) {
		if (!lk_surface_next_segment(&other, &b))
			return false;
		if (!a.is_field && !b.is_field && (a.n != b.n || strncmp(a.text, b.text, a.n) != 0))
			return false;
	}
	return !lk_surface_next_segment(&other, &b);
}

static void report_rivals(
	struct lk_schema *schema, const struct lk_route *route, const struct lk_route *other)
{
	const char *method = route->site.method->name;

	if (strcmp(route->path, other->path) != 0)
		lk_schema_fail(schema, option_place(schema, route),
			"path %s of method %s can be path %s of method %s, which is written "
			"differently",
			route->path, method, other->path, other->site.method->name);
	else
		lk_schema_fail(schema, option_place(schema, route),
			"%s %s of method %s is already method %s", route->verb, route->path, method,
			other->site.method->name);
}

/* Whether a request may fit both. Verbs do not part two patterns: a path has one, and routing needs
 * no order. */
static bool are_rivals(const struct lk_route *a, const struct lk_route *b)
{
	if (a->path[0] != '/' || b->path[0] != '/' || !meet(a->path, b->path))
		return false;
	return strcmp(a->path, b->path) != 0 || strcmp(a->verb, b->verb) == 0;
}

void lk_check_routes(struct lk_schema *schema, const pb_file *file, size_t index)
{
	for (size_t i = 0; i < file->service[index]->n_method; i++) {
		struct lk_route route = lk_surface_route(schema, file, index, i);
		bool is_apart = true;

		check_route(schema, &route);
		for (size_t k = 0; is_apart && k < i; k++) {
			struct lk_route earlier = lk_surface_route(schema, file, index, k);

			is_apart = !are_rivals(&route, &earlier);
			if (!is_apart)
				report_rivals(schema, &route, &earlier);
		}
	}
}
