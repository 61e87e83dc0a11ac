/* SPDX-License-Identifier: MIT */
/* What a route answers. */
#include <string.h>

#include "gen/plugin/openapi.h"

/* --- success --- */

static const char *reason_of(unsigned status)
{
	return status == 200   ? "OK"
	       : status == 201 ? "Created"
	       : status == 202 ? "Accepted"
	       : status == 204 ? "No content"
			       : "Success";
}

/* The cookies that an answer may set; "" when there are none. */
static const char *cookies_of(const struct lk_openapi *api, const struct lk_type *response)
{
	struct lk_arena *arena = api->schema->arena;
	const char *text = "";

	for (size_t i = 0; i < response->message->n_field; i++) {
		const Latchkey__V1__RestCookie *cookie =
			lk_options_cookie(arena, response->message->field[i]);

		if (cookie != NULL)
			text = lk_out_format(arena, "%s%s`%s`, with the path `%s`", text,
				text[0] != '\0' ? "; " : "", cookie->name, cookie->path);
	}
	return text;
}

static void write_content(struct lk_openapi *api, const struct lk_type *type)
{
	lk_doc_open(&api->doc, "content", '{');
	lk_doc_open(&api->doc, "application/json", '{');
	lk_openapi_message(api, type);
	lk_doc_close(&api->doc, '}');
	lk_doc_close(&api->doc, '}');
}

static void write_success_content(struct lk_openapi *api, const struct lk_route *route)
{
	const pb_field *body = lk_surface_body(route);

	if (body == NULL) {
		write_content(api, route->response);
		return;
	}
	lk_doc_open(&api->doc, "content", '{');
	lk_doc_open(&api->doc, "application/json", '{');
	lk_openapi_parameter(api, body);
	lk_doc_close(&api->doc, '}');
	lk_doc_close(&api->doc, '}');
}

static void write_success(struct lk_openapi *api, const struct lk_route *route)
{
	const char *cookies = cookies_of(api, route->response);

	lk_doc_open(&api->doc, lk_out_format(api->schema->arena, "%u", route->status), '{');
	lk_openapi_describe(api, reason_of(route->status));
	if (cookies[0] != '\0') {
		lk_doc_open(&api->doc, "headers", '{');
		lk_doc_open(&api->doc, "Set-Cookie", '{');
		lk_openapi_describe(api, cookies);
		lk_doc_open(&api->doc, "schema", '{');
		lk_doc_text(&api->doc, "type", "string");
		lk_doc_close(&api->doc, '}');
		lk_doc_close(&api->doc, '}');
		lk_doc_close(&api->doc, '}');
	}
	if (route->status != 204)
		write_success_content(api, route);
	lk_doc_close(&api->doc, '}');
}

/* --- errors --- */

static bool lists(const struct lk_route *route, const char *error)
{
	for (size_t i = 0; i < route->rule->n_errors; i++)
		if (strcmp(route->rule->errors[i], error) == 0)
			return true;
	return false;
}

/* A cookie may be refused: a page may have sent it that may not. */
static bool takes_cookie(const struct lk_openapi *api, const struct lk_route *route)
{
	return lk_surface_has_way(api->schema, route, LK_BY_COOKIE) ||
	       (api->option->session_cookie[0] != '\0' &&
		       route->rule->caller == LATCHKEY__V1__REST_CALLER__REST_CALLER_OPTIONAL);
}

/* An error that a route lists is one of those routes alone. Any other may come from all routes
 * that can get into the case that its status stands for. */
static bool may_answer(const struct lk_openapi *api, const struct lk_route *route,
	const pb_enum_value *value, unsigned status)
{
	if (lists(route, value->name))
		return true;
	for (size_t i = 0; i < api->file->service[api->index]->n_method; i++) {
		struct lk_route other = lk_surface_route(api->schema, api->file, api->index, i);

		if (lists(&other, value->name))
			return false;
	}
	switch (status) {
	case 400:
	case 429:
	case 500:
	case 503:
		return true;
	case 401:
		return lk_surface_needs_caller(route);
	case 403:
		return lk_surface_needs_caller(route) || takes_cookie(api, route);
	case 413:
	case 415:
		return lk_surface_has_way(api->schema, route, LK_BY_BODY);
	default:
		return false;
	}
}

/* The route's errors with that status as Markdown: one, or a list; "" when there are none. */
static const char *errors_of(
	const struct lk_openapi *api, const struct lk_route *route, unsigned status)
{
	struct lk_arena *arena = api->schema->arena;
	size_t index;
	const pb_enum *errors = lk_surface_error_enum(api->file, api->option, &index);
	const char *text = "";
	size_t n = 0;

	for (size_t i = 0; errors != NULL && i < errors->n_value; i++) {
		const Latchkey__V1__RestError *error = lk_options_error(arena, errors->value[i]);

		if (error == NULL || error->status != status ||
			!may_answer(api, route, errors->value[i], status))
			continue;
		if (n++ > 0)
			text = lk_out_format(arena, "%s\n- ", text);
		if (error->code[0] != '\0')
			text = lk_out_format(arena, "%s`%s` ", text, error->code);
		text = lk_out_format(arena, "%s%s", text, error->message);
	}
	return n > 1 ? lk_out_format(arena, "- %s", text) : text;
}

void lk_openapi_responses(struct lk_openapi *api, const struct lk_route *route)
{
	const struct lk_type *message =
		lk_surface_error_message(api->schema, api->file, api->option);

	lk_doc_open(&api->doc, "responses", '{');
	write_success(api, route);
	for (unsigned status = 400; message != NULL && status < 600; status++) {
		const char *errors = errors_of(api, route, status);

		if (errors[0] == '\0')
			continue;
		lk_doc_open(&api->doc, lk_out_format(api->schema->arena, "%u", status), '{');
		lk_openapi_describe(api, errors);
		write_content(api, message);
		lk_doc_close(&api->doc, '}');
	}
	lk_doc_close(&api->doc, '}');
}
