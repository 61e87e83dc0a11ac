/* SPDX-License-Identifier: MIT */
#include "gen/plugin/openapi.h"

#include <string.h>

#include "gen/plugin/emit.h"
#include "gen/plugin/names.h"

/* --- texts --- */

/* Copies a line without the blank after the slashes and without blanks at its end. */
static char *copy_line(char *to, const char *line, size_t n)
{
	if (n > 0 && line[0] == ' ') {
		line++;
		n--;
	}
	while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL)
		n--;
	memcpy(to, line, n);
	return to + n;
}

const char *lk_openapi_comment(const struct lk_openapi *api, struct lk_place place)
{
	const char *comment = lk_schema_comment(place);
	char *text = lk_arena_alloc(api->schema->arena, strlen(comment) + 1);
	char *at = text;

	if (text == NULL)
		return "";
	while (*comment != '\0') {
		size_t n = strcspn(comment, "\n");

		at = copy_line(at, comment, n);
		comment += n;
		if (*comment == '\n')
			*at++ = *comment++;
	}
	while (at > text && at[-1] == '\n')
		at--;
	*at = '\0';
	return text + strspn(text, "\n");
}

void lk_openapi_describe(struct lk_openapi *api, const char *text)
{
	if (text[0] != '\0')
		lk_doc_text(&api->doc, "description", text);
}

const char *lk_openapi_name(const struct lk_openapi *api, const char *field)
{
	return api->option->proto_names ? field : lk_names_json(api->schema, field);
}

/* The length of the first sentence, its full stop included. */
static size_t sentence_length(const char *text)
{
	size_t n = 0;

	while (text[n] != '\0' &&
		!(text[n] == '.' && (text[n + 1] == '\0' || strchr(" \n", text[n + 1]) != NULL)))
		n++;
	return text[n] == '.' ? n + 1 : n;
}

/* The first sentence of the method's comment, and the rest with what the caller needs. */
static void write_texts(struct lk_openapi *api, const struct lk_route *route)
{
	struct lk_arena *arena = api->schema->arena;
	const Latchkey__V1__RestRoute *rule = route->rule;
	const char *comment = lk_openapi_comment(api, lk_schema_site_place(&route->site));
	size_t n = sentence_length(comment);
	const char *rest = comment + n + strspn(comment + n, " \n");
	const char *needs = "";
	char *summary = lk_arena_strndup(arena, comment, n);

	for (char *at = summary; at != NULL && *at != '\0'; at++)
		if (*at == '\n')
			*at = ' ';
	if (summary != NULL && n > 0 && summary[n - 1] == '.')
		summary[n - 1] = '\0';
	if (rule->permission[0] != '\0')
		needs = lk_out_format(arena, "Needs the permission `%s`.", rule->permission);
	if (rule->organization)
		needs = lk_out_format(arena, "%s%sThe caller has to belong to an organization.",
			needs, needs[0] != '\0' ? " " : "");
	lk_doc_text(&api->doc, "summary",
		summary != NULL && summary[0] != '\0' ? summary : route->site.method->name);
	lk_openapi_describe(api, lk_out_format(arena, "%s%s%s", rest,
					 rest[0] != '\0' && needs[0] != '\0' ? "\n\n" : "", needs));
}

/* --- operations --- */

/* The first segment of the path below the root. */
static void write_tags(struct lk_openapi *api, const struct lk_route *route)
{
	const char *path = route->path;
	struct lk_segment segment;

	if (lk_surface_is_below(path, api->option->root))
		path += strlen(api->option->root);
	if (!lk_surface_next_segment(&path, &segment))
		return;
	lk_doc_open(&api->doc, "tags", '[');
	lk_doc_text(&api->doc, NULL,
		lk_out_format(api->schema->arena, "%.*s", (int)segment.n, segment.text));
	lk_doc_close(&api->doc, ']');
}

static void write_scheme_name(struct lk_openapi *api, const char *scheme)
{
	lk_doc_open(&api->doc, NULL, '{');
	lk_doc_open(&api->doc, scheme, '[');
	lk_doc_close(&api->doc, ']');
	lk_doc_close(&api->doc, '}');
}

static void write_security(struct lk_openapi *api, const struct lk_route *route)
{
	int caller = (int)route->rule->caller;

	lk_doc_open(&api->doc, "security", '[');
	if (lk_surface_needs_caller(route)) {
		write_scheme_name(api, "bearer");
		if (api->option->session_cookie[0] != '\0')
			write_scheme_name(api, "cookie");
	}
	if (caller == LATCHKEY__V1__REST_CALLER__REST_CALLER_PRINCIPAL &&
		api->option->key_header[0] != '\0')
		write_scheme_name(api, "key");
	lk_doc_close(&api->doc, ']');
}

static void write_parameter(struct lk_openapi *api, const struct lk_route *route, size_t index)
{
	const pb_field *field = route->request->message->field[index];
	const Latchkey__V1__RestCookie *cookie = lk_options_cookie(api->schema->arena, field);
	enum lk_way way = lk_surface_way(api->schema, route, field);

	lk_doc_open(&api->doc, NULL, '{');
	lk_doc_text(&api->doc, "name",
		cookie != NULL ? cookie->name : lk_openapi_name(api, field->name));
	lk_doc_text(&api->doc, "in",
		way == LK_BY_PATH     ? "path"
		: way == LK_BY_COOKIE ? "cookie"
				      : "query");
	if (way == LK_BY_PATH)
		lk_doc_bool(&api->doc, "required", true);
	lk_openapi_describe(
		api, lk_openapi_comment(api, lk_schema_place_in(api->schema, route->request->place,
						     LK_PATH_MESSAGE_FIELD, index)));
	lk_openapi_parameter(api, field);
	lk_doc_close(&api->doc, '}');
}

static void write_parameters(struct lk_openapi *api, const struct lk_route *route)
{
	const pb_message *request = route->request->message;
	bool is_open = false;

	for (size_t i = 0; i < request->n_field; i++) {
		if (lk_surface_way(api->schema, route, request->field[i]) == LK_BY_BODY)
			continue;
		if (!is_open)
			lk_doc_open(&api->doc, "parameters", '[');
		is_open = true;
		write_parameter(api, route, i);
	}
	if (is_open)
		lk_doc_close(&api->doc, ']');
}

static void write_request_body(struct lk_openapi *api, const struct lk_route *route)
{
	lk_doc_open(&api->doc, "requestBody", '{');
	lk_doc_bool(&api->doc, "required", true);
	lk_doc_open(&api->doc, "content", '{');
	lk_doc_open(&api->doc, "application/json", '{');
	lk_openapi_request(api, route);
	lk_doc_close(&api->doc, '}');
	lk_doc_close(&api->doc, '}');
	lk_doc_close(&api->doc, '}');
}

static void write_operation(struct lk_openapi *api, const struct lk_route *route)
{
	char *verb = lk_arena_strndup(api->schema->arena, route->verb, strlen(route->verb));

	for (char *at = verb; at != NULL && *at != '\0'; at++)
		*at = (char)(*at - 'A' + 'a');
	lk_doc_open(&api->doc, verb != NULL ? verb : "", '{');
	lk_doc_text(&api->doc, "operationId", route->site.method->name);
	write_tags(api, route);
	write_texts(api, route);
	write_security(api, route);
	write_parameters(api, route);
	if (lk_surface_has_way(api->schema, route, LK_BY_BODY))
		write_request_body(api, route);
	lk_openapi_responses(api, route);
	lk_doc_close(&api->doc, '}');
}

/* --- the document --- */

/* The path behind the server, with the names that its fields have in JSON. */
static const char *json_path(const struct lk_openapi *api, const char *path)
{
	struct lk_arena *arena = api->schema->arena;
	const char *text = "";
	struct lk_segment segment;

	path += strlen(api->option->server);
	while (lk_surface_next_segment(&path, &segment)) {
		const char *name = lk_out_format(arena, "%.*s", (int)segment.n, segment.text);

		text = segment.is_field
			       ? lk_out_format(arena, "%s/{%s}", text, lk_openapi_name(api, name))
			       : lk_out_format(arena, "%s/%s", text, name);
	}
	return text;
}

/* The first route that has this path. */
static size_t first_at(const struct lk_openapi *api, const char *path)
{
	size_t i = 0;

	while (strcmp(lk_surface_route(api->schema, api->file, api->index, i).path, path) != 0)
		i++;
	return i;
}

/* Each path once, with all its verbs. */
static void write_paths(struct lk_openapi *api)
{
	size_t n = api->file->service[api->index]->n_method;

	lk_doc_open(&api->doc, "paths", '{');
	for (size_t i = 0; i < n; i++) {
		const char *path = lk_surface_route(api->schema, api->file, api->index, i).path;

		if (first_at(api, path) < i)
			continue;
		lk_doc_open(&api->doc, json_path(api, path), '{');
		for (size_t k = i; k < n; k++) {
			struct lk_route route =
				lk_surface_route(api->schema, api->file, api->index, k);

			if (strcmp(route.path, path) == 0)
				write_operation(api, &route);
		}
		lk_doc_close(&api->doc, '}');
	}
	lk_doc_close(&api->doc, '}');
}

static void write_info(struct lk_openapi *api)
{
	struct lk_place place = lk_schema_place_in(api->schema,
		(struct lk_place) { .file = api->file }, LK_PATH_FILE_SERVICE, api->index);
	const char *licence = lk_schema_licence(api->schema, api->file);

	lk_doc_open(&api->doc, "info", '{');
	lk_doc_text(&api->doc, "title", api->option->title);
	lk_doc_text(&api->doc, "version", "1.0.0");
	lk_openapi_describe(api, lk_openapi_comment(api, place));
	if (licence[0] != '\0') {
		lk_doc_open(&api->doc, "license", '{');
		lk_doc_text(&api->doc, "name", licence);
		lk_doc_text(&api->doc, "identifier", licence);
		lk_doc_close(&api->doc, '}');
	}
	lk_doc_close(&api->doc, '}');
}

static void write_servers(struct lk_openapi *api)
{
	const char *server = api->option->server;

	lk_doc_open(&api->doc, "servers", '[');
	lk_doc_open(&api->doc, NULL, '{');
	lk_doc_text(&api->doc, "url", server[0] != '\0' ? server : "/");
	lk_doc_close(&api->doc, '}');
	lk_doc_close(&api->doc, ']');
}

static void write_key_in(struct lk_openapi *api, const char *where, const char *name)
{
	lk_doc_text(&api->doc, "type", "apiKey");
	lk_doc_text(&api->doc, "in", where);
	lk_doc_text(&api->doc, "name", name);
}

static void write_schemes(struct lk_openapi *api)
{
	lk_doc_open(&api->doc, "securitySchemes", '{');
	lk_doc_open(&api->doc, "bearer", '{');
	if (api->option->bearer_as_key) {
		write_key_in(api, "header", "Authorization");
		lk_openapi_describe(api, "`Bearer`, a space and the token.");
	} else {
		lk_doc_text(&api->doc, "type", "http");
		lk_doc_text(&api->doc, "scheme", "bearer");
	}
	lk_doc_close(&api->doc, '}');
	if (api->option->key_header[0] != '\0') {
		lk_doc_open(&api->doc, "key", '{');
		write_key_in(api, "header", api->option->key_header);
		lk_doc_close(&api->doc, '}');
	}
	if (api->option->session_cookie[0] != '\0') {
		lk_doc_open(&api->doc, "cookie", '{');
		write_key_in(api, "cookie", api->option->session_cookie);
		lk_doc_close(&api->doc, '}');
	}
	lk_doc_close(&api->doc, '}');
}

void lk_emit_openapi(
	struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out)
{
	struct lk_openapi api = {
		.schema = schema,
		.file = file,
		.index = index,
		.option = lk_surface_option(schema, file->service[index]),
		.doc = { .out = out, .is_empty = true },
	};

	lk_openapi_mark(&api);
	lk_doc_open(&api.doc, NULL, '{');
	lk_doc_text(&api.doc, "openapi", "3.1.0");
	write_info(&api);
	write_servers(&api);
	write_paths(&api);
	/* Nothing refers to them where there are no routes. */
	if (file->service[index]->n_method > 0) {
		lk_doc_open(&api.doc, "components", '{');
		write_schemes(&api);
		lk_openapi_schemas(&api);
		lk_doc_close(&api.doc, '}');
	}
	lk_doc_close(&api.doc, '}');
}

void lk_emit_openapi_source(const struct lk_schema *schema, const pb_file *file, size_t index,
	const char *document, struct lk_buf *out)
{
	struct lk_site site = lk_schema_site(file, index, 0);

	lk_emit_banner(schema, file, out);
	lk_out_print(out, "#include \"%s.rpc.h\"\n\n", lk_names_stem(schema, file));
	lk_out_print(out, "/* Longer than C11 asks a compiler to take. */\n"
			  "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n");
	lk_out_print(out, "const char %s_openapi[] =", lk_names_service(schema, &site));
	while (*document != '\0') {
		size_t n = strcspn(document, "\n") + 1;

		lk_out_print(out, "\n\t%s",
			lk_out_literal(schema->arena,
				lk_out_format(schema->arena, "%.*s", (int)n, document)));
		document += n;
	}
	lk_out_print(out, ";\n");
}
