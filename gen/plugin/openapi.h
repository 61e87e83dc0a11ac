/* SPDX-License-Identifier: MIT */
/* The OpenAPI document of a surface while it is being written. */
#pragma once

#include "gen/plugin/doc.h"
#include "gen/plugin/surface.h"

struct lk_openapi {
	struct lk_schema *schema;
	const pb_file *file;
	size_t index; /* of the service */
	const Latchkey__V1__RestSurface *option;
	struct lk_doc doc;
};

/* Marks the messages that bodies hold: is_sent, is_answered. */
void lk_openapi_mark(struct lk_openapi *api);

/* The member `schemas`: all messages that are marked. */
void lk_openapi_schemas(struct lk_openapi *api);

/* The member `schema` of a message without its cookies, of the body of a request, and of a field
 * that is no message. */
void lk_openapi_message(struct lk_openapi *api, const struct lk_type *type);
void lk_openapi_request(struct lk_openapi *api, const struct lk_route *route);
void lk_openapi_parameter(struct lk_openapi *api, const pb_field *field);

/* The member `responses` of a route. */
void lk_openapi_responses(struct lk_openapi *api, const struct lk_route *route);

/* What the surface calls a field. */
const char *lk_openapi_name(const struct lk_openapi *api, const char *field);

/* The comment at a place as Markdown, "" when there is none. */
const char *lk_openapi_comment(const struct lk_openapi *api, struct lk_place place);

/* The member `description`, unless the text is empty. */
void lk_openapi_describe(struct lk_openapi *api, const char *text);
