/* SPDX-License-Identifier: MIT */
/* A REST surface as the options of its service and methods say. Texts are never NULL: "" is what
 * is not set, as protobuf has it.
 */
#pragma once

#include "gen/plugin/options.h"
#include "gen/plugin/schema.h"

struct lk_route {
	struct lk_site site;
	const Latchkey__V1__RestRoute *rule; /* an empty one when the option is not set */
	const char *verb;                    /* "POST"; "" when there is no pattern */
	const char *path;
	unsigned status;
	const struct lk_type *request;
	const struct lk_type *response;
};

/* How a field of a request travels. */
enum lk_way {
	LK_BY_PATH,
	LK_BY_COOKIE,
	LK_BY_QUERY,
	LK_BY_BODY,
};

/* A segment of a path: between two slashes, or what is in the braces there. */
struct lk_segment {
	const char *text;
	size_t n;
	bool is_field;
};

/* Whether the service is a surface. */
bool lk_surface_is(const struct lk_schema *schema, const pb_service *service);

/* How many of the file's first n services are. */
size_t lk_surface_count(const struct lk_schema *schema, const pb_file *file, size_t n);

/* Its option; an empty one when memory is short. */
const Latchkey__V1__RestSurface *lk_surface_option(
	const struct lk_schema *schema, const pb_service *service);

/* The message and the enum of its errors among those of the file, or NULL. */
struct lk_type *lk_surface_error_message(const struct lk_schema *schema, const pb_file *file,
	const Latchkey__V1__RestSurface *option);
const pb_enum *lk_surface_error_enum(
	const pb_file *file, const Latchkey__V1__RestSurface *option, size_t *index_out);

/* The error of that name, in the arena; NULL when there is none. */
const Latchkey__V1__RestError *lk_surface_error(
	const struct lk_schema *schema, const pb_enum *errors, const char *name);

/* The n-th method of a service as a route. */
struct lk_route lk_surface_route(
	const struct lk_schema *schema, const pb_file *file, size_t service, size_t method);

enum lk_way lk_surface_way(
	const struct lk_schema *schema, const struct lk_route *route, const pb_field *field);

/* Whether the route's requests have fields that travel like that. */
bool lk_surface_has_way(
	const struct lk_schema *schema, const struct lk_route *route, enum lk_way way);

/* Whether an answer of this type has fields that are no cookies. */
bool lk_surface_has_content(const struct lk_schema *schema, const struct lk_type *response);

/* Whether the path has further segments behind a prefix without a slash at its end. */
bool lk_surface_is_below(const char *path, const char *prefix);

/* Takes the next segment off a path that begins with a slash; false at its end. */
bool lk_surface_next_segment(const char **path, struct lk_segment *segment_out);

/* Whether somebody has to be known who asks. */
bool lk_surface_needs_caller(const struct lk_route *route);

/* The field of the response that is the whole body; NULL: there is none. */
const pb_field *lk_surface_body(const struct lk_route *route);
