/* SPDX-License-Identifier: MIT */
#include "gen/plugin/emit.h"

#include "gen/plugin/names.h"
#include "gen/plugin/surface.h"

static void emit_handler(
	const struct lk_schema *schema, const struct lk_route *route, struct lk_buf *out)
{
	const char *args[] = { "struct lk_rest_call *call",
		lk_out_format(schema->arena, "const %s *request",
			lk_names_type(schema, route->request)) };

	lk_out_list(out,
		lk_out_format(
			schema->arena, "\tvoid (*%s)(", lk_names_member(schema, &route->site)),
		args, LK_COUNT(args), ");\n");
}

/* The head of the function that answers a route. */
static void emit_answer_head(const struct lk_schema *schema, const struct lk_route *route,
	const char *tail, struct lk_buf *out)
{
	const char *args[] = { "struct lk_rest_call *call",
		lk_out_format(schema->arena, "const %s *response",
			lk_names_type(schema, route->response)) };

	lk_out_list(out,
		lk_out_format(
			schema->arena, "void %s_answer(", lk_names_method(schema, &route->site)),
		args, LK_COUNT(args), tail);
}

void lk_emit_surface_header(
	const struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out)
{
	size_t n = file->service[index]->n_method;
	struct lk_site site = lk_schema_site(file, index, 0);
	const char *name = lk_names_service(schema, &site);

	lk_out_print(out, "\n/* --- %s --- */\n\n", lk_schema_service_name(schema, &site));
	lk_out_comment(out, lk_schema_comment((struct lk_place) { file, site.path, 2 }));
	lk_out_print(out, "extern const struct lk_rest_surface %s;\n", name);
	lk_out_print(out, "extern const char %s_openapi[];\n\n", name);
	if (n == 0)
		return;
	lk_out_print(out, "/* Rows of %s.routes. */\nenum {\n", name);
	for (size_t i = 0; i < n; i++) {
		site = lk_schema_site(file, index, i);
		lk_out_print(
			out, "\t%s,\n", lk_names_upper(schema, lk_names_method(schema, &site)));
	}
	lk_out_print(out,
		"};\n\n/* What an adapter does: each answers its call once, at once or later. */\n"
		"struct %s_handlers {\n",
		name);
	for (size_t i = 0; i < n; i++) {
		struct lk_route route = lk_surface_route(schema, file, index, i);

		emit_handler(schema, &route, out);
	}
	lk_out_print(out, "};\n\n/* What it answers with, as lk_rest_answer does. */\n");
	for (size_t i = 0; i < n; i++) {
		struct lk_route route = lk_surface_route(schema, file, index, i);

		lk_out_print(out, "\n");
		lk_out_comment(out, lk_schema_comment(lk_schema_site_place(&route.site)));
		emit_answer_head(schema, &route, ");\n", out);
	}
}

static void emit_trampoline(
	const struct lk_schema *schema, const struct lk_route *route, struct lk_buf *out)
{
	struct lk_arena *arena = schema->arena;
	const char *member = lk_names_member(schema, &route->site);
	const char *args[] = { "const void *handlers", "struct lk_rest_call *call",
		"const ProtobufCMessage *request" };
	const char *handle[] = { "call", lk_out_format(arena, "(const %s *)request",
						 lk_names_type(schema, route->request)) };

	lk_out_print(out, "\n");
	lk_out_list(out,
		lk_out_format(arena, "static void serve_%s(",
			lk_names_local_method(schema, &route->site)),
		args, LK_COUNT(args), ")\n");
	lk_out_print(out, "{\n\tconst struct %s_handlers *surface = handlers;\n\n",
		lk_names_service(schema, &route->site));
	lk_out_print(
		out, "\tif (surface->%s == NULL)\n\t\tlk_rest_not_served(call);\n\telse\n", member);
	lk_out_list(out, lk_out_format(arena, "\t\tsurface->%s(", member), handle, LK_COUNT(handle),
		");\n");
	lk_out_print(out, "}\n");
}

static void emit_answer(
	const struct lk_schema *schema, const struct lk_route *route, struct lk_buf *out)
{
	lk_out_print(out, "\n");
	emit_answer_head(schema, route, ")\n", out);
	lk_out_print(out, "{\n\tlk_rest_answer(call, &response->base);\n}\n");
}

static void emit_row(
	const struct lk_schema *schema, const struct lk_route *route, struct lk_buf *out)
{
	static const char *const callers[] = { "ANYBODY", "PRINCIPAL", "SESSION", "OPTIONAL" };
	const Latchkey__V1__RestRoute *rule = route->rule;
	struct lk_arena *arena = schema->arena;

	lk_out_print(
		out, "\t[%s] = {\n", lk_names_upper(schema, lk_names_method(schema, &route->site)));
	lk_out_print(out, "\t\t.verb = LK_REST_%s,\n", route->verb);
	lk_out_print(out, "\t\t.path = %s,\n", lk_out_literal(arena, route->path));
	lk_out_print(out, "\t\t.name = \"%s\",\n", route->site.method->name);
	lk_out_print(out, "\t\t.status = %u,\n", route->status);
	if (rule->body[0] != '\0')
		lk_out_print(out, "\t\t.body = %s,\n", lk_out_literal(arena, rule->body));
	if (lk_surface_has_way(schema, route, LK_BY_BODY))
		lk_out_print(out, "\t\t.has_body = true,\n");
	lk_out_print(out, "\t\t.caller = LK_REST_%s,\n", callers[rule->caller]);
	if (rule->permission[0] != '\0')
		lk_out_print(
			out, "\t\t.permission = %s,\n", lk_out_literal(arena, rule->permission));
	if (rule->organization)
		lk_out_print(out, "\t\t.needs_organization = true,\n");
	lk_out_print(out, "\t\t.request = &%s__descriptor,\n",
		lk_names_pbc_lower(schema, route->request->name));
	lk_out_print(out, "\t\t.response = &%s__descriptor,\n",
		lk_names_pbc_lower(schema, route->response->name));
	lk_out_print(
		out, "\t\t.serve = serve_%s,\n\t},\n", lk_names_local_method(schema, &route->site));
}

static void emit_routes(
	const struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out)
{
	struct lk_site site = lk_schema_site(file, index, 0);

	if (file->service[index]->n_method == 0)
		return;
	lk_out_print(out, "\nstatic const struct lk_rest_route %s_routes[] = {\n",
		lk_names_local_service(schema, &site));
	for (size_t i = 0; i < file->service[index]->n_method; i++) {
		struct lk_route route = lk_surface_route(schema, file, index, i);

		emit_row(schema, &route, out);
	}
	lk_out_print(out, "};\n");
}

/* The tables below return how many rows they have. */

static size_t emit_errors(
	const struct lk_schema *schema, const struct lk_site *site, struct lk_buf *out)
{
	const pb_file *file = site->file;
	size_t index;
	size_t n = 0;
	const pb_enum *errors =
		lk_surface_error_enum(file, lk_surface_option(schema, site->service), &index);
	const char *alias = errors == NULL ? ""
					   : lk_names_alias(schema, file,
						     lk_schema_name_in(schema, file, errors->name));

	for (size_t i = 0; errors != NULL && i < errors->n_value; i++) {
		const pb_enum_value *value = errors->value[i];
		const Latchkey__V1__RestError *error = lk_options_error(schema->arena, value);
		const char *cells[4];

		if (error == NULL)
			continue;
		if (n++ == 0)
			lk_out_print(out, "\nstatic const struct lk_rest_error %s_errors[] = {\n",
				lk_names_local_service(schema, site));
		cells[0] = lk_names_enumerator(schema, alias, errors, value->name);
		cells[1] = lk_out_format(schema->arena, "%u", error->status);
		cells[2] = lk_out_literal(schema->arena, error->code);
		cells[3] = lk_out_literal(schema->arena, error->message);
		lk_out_list(out, "\t{ ", cells, LK_COUNT(cells), " },\n");
	}
	if (n > 0)
		lk_out_print(out, "};\n");
	return n;
}

/* Of the types that lk_emit_secrets has marked as reached. */
static size_t emit_cookies(
	const struct lk_schema *schema, const struct lk_site *site, struct lk_buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < schema->n_types; i++) {
		const struct lk_type *type = &schema->types[i];

		for (size_t f = 0; type->is_reached && f < type->message->n_field; f++) {
			const pb_field *field = type->message->field[f];
			const Latchkey__V1__RestCookie *cookie =
				lk_options_cookie(schema->arena, field);
			const char *cells[4];

			if (cookie == NULL)
				continue;
			if (n++ == 0)
				lk_out_print(out,
					"\nstatic const struct lk_rest_cookie %s_cookies[] = {\n",
					lk_names_local_service(schema, site));
			cells[0] = lk_out_format(schema->arena, "&%s__descriptor",
				lk_names_pbc_lower(schema, type->name));
			cells[1] = lk_out_format(schema->arena, "%d", field->number);
			cells[2] = lk_out_literal(schema->arena, cookie->name);
			cells[3] = lk_out_literal(schema->arena, cookie->path);
			lk_out_list(out, "\t{ ", cells, LK_COUNT(cells), " },\n");
		}
	}
	if (n > 0)
		lk_out_print(out, "};\n");
	return n;
}

static void emit_table_member(const char *local, const char *table, size_t n, struct lk_buf *out)
{
	if (n > 0)
		lk_out_print(out, "\t.%s = %s_%s,\n\t.n_%s = LK_COUNT(%s_%s),\n", table, local,
			table, table, local, table);
}

void lk_emit_surface_source(
	struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out)
{
	static const char *const times[] = { "CANONICAL", "SECONDS", "MILLIS" };
	size_t n = file->service[index]->n_method;
	struct lk_site site = lk_schema_site(file, index, 0);
	const Latchkey__V1__RestSurface *option = lk_surface_option(schema, site.service);
	const char *local = lk_names_local_service(schema, &site);
	size_t n_secrets, n_cookies, n_errors;

	for (size_t i = 0; i < n; i++) {
		struct lk_route route = lk_surface_route(schema, file, index, i);

		emit_trampoline(schema, &route, out);
		emit_answer(schema, &route, out);
	}
	emit_routes(schema, file, index, out);
	n_errors = emit_errors(schema, &site, out);
	n_secrets = lk_emit_secrets(schema, &site, out);
	n_cookies = emit_cookies(schema, &site, out);
	lk_out_print(
		out, "\nconst struct lk_rest_surface %s = {\n", lk_names_service(schema, &site));
	lk_out_print(out, "\t.name = \"%s\",\n", lk_names_prefix(schema, file));
	lk_out_print(out, "\t.root = %s,\n", lk_out_literal(schema->arena, option->root));
	lk_out_print(out, "\t.times = LK_REST_TIMES_%s,\n", times[option->times]);
	if (option->proto_names)
		lk_out_print(out, "\t.proto_names = true,\n");
	if (option->session_cookie[0] != '\0')
		lk_out_print(out, "\t.session_cookie = %s,\n",
			lk_out_literal(schema->arena, option->session_cookie));
	if (option->key_header[0] != '\0')
		lk_out_print(out, "\t.key_header = %s,\n",
			lk_out_literal(schema->arena, option->key_header));
	lk_out_print(out, "\t.openapi = %s_openapi,\n", lk_names_service(schema, &site));
	emit_table_member(local, "routes", n, out);
	emit_table_member(local, "errors", n_errors, out);
	emit_table_member(local, "cookies", n_cookies, out);
	emit_table_member(local, "secrets", n_secrets, out);
	lk_out_print(out, "};\n");
}
