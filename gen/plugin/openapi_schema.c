/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "gen/plugin/openapi.h"

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

/* How a type is written in JSON: its type there, and one keyword more or none. */
struct form {
	const char *type;
	const char *keyword;
	const char *value;
};

/* The scalars. 64-bit integers are texts, as ProtoJSON has them. */
static const struct form scalars[] = {
	[TYPE(DOUBLE)] = { "number", "format", "double" },
	[TYPE(FLOAT)] = { "number", "format", "float" },
	[TYPE(INT64)] = { "string", "format", "int64" },
	[TYPE(UINT64)] = { "string", "format", "uint64" },
	[TYPE(INT32)] = { "integer", "format", "int32" },
	[TYPE(FIXED64)] = { "string", "format", "uint64" },
	[TYPE(FIXED32)] = { "integer", "format", "uint32" },
	[TYPE(BOOL)] = { "boolean", NULL, NULL },
	[TYPE(STRING)] = { "string", NULL, NULL },
	[TYPE(BYTES)] = { "string", "contentEncoding", "base64" },
	[TYPE(UINT32)] = { "integer", "format", "uint32" },
	[TYPE(ENUM)] = { "string", NULL, NULL },
	[TYPE(SFIXED32)] = { "integer", "format", "int32" },
	[TYPE(SFIXED64)] = { "string", "format", "int64" },
	[TYPE(SINT32)] = { "integer", "format", "int32" },
	[TYPE(SINT64)] = { "string", "format", "int64" },
};

/* The form of a message that is written as a text, or NULL. */
static const struct form *short_form(const struct lk_type *type)
{
	static const struct {
		const char *name;
		struct form form;
	} all[] = {
		{ "google.protobuf.Timestamp", { "string", "format", "date-time" } },
		{ "google.protobuf.Duration", { "string", NULL, NULL } },
		{ "google.protobuf.FieldMask", { "string", NULL, NULL } },
	};

	for (size_t i = 0; i < LK_COUNT(all); i++)
		if (strcmp(type->name, all[i].name) == 0)
			return &all[i].form;
	return NULL;
}

static bool is_map_entry(const struct lk_type *type)
{
	return type->message->options != NULL && type->message->options->map_entry;
}

/* --- what is reached --- */

static void mark(struct lk_openapi *api, struct lk_type *type, bool is_answered)
{
	bool *is_marked = is_answered ? &type->is_answered : &type->is_sent;

	if (*is_marked || short_form(type) != NULL)
		return;
	*is_marked = true;
	for (size_t i = 0; i < type->message->n_field; i++) {
		const pb_field *field = type->message->field[i];
		struct lk_type *inner = lk_schema_field_type(api->schema, field);

		if (inner != NULL && lk_options_cookie(api->schema->arena, field) == NULL)
			mark(api, inner, is_answered);
	}
}

/* A body that is a part of its message has a schema without a name. */
static bool is_whole(const struct lk_openapi *api, const struct lk_route *route)
{
	return !lk_surface_has_way(api->schema, route, LK_BY_PATH);
}

static void mark_request(struct lk_openapi *api, const struct lk_route *route)
{
	if (is_whole(api, route)) {
		mark(api, lk_schema_type(api->schema, route->request->name), false);
		return;
	}
	for (size_t i = 0; i < route->request->message->n_field; i++) {
		struct lk_type *inner =
			lk_schema_field_type(api->schema, route->request->message->field[i]);

		if (inner != NULL)
			mark(api, inner, false);
	}
}

static void mark_response(struct lk_openapi *api, const struct lk_route *route)
{
	const pb_field *body = lk_surface_body(route);
	struct lk_type *type = body != NULL ? lk_schema_field_type(api->schema, body)
					    : lk_schema_type(api->schema, route->response->name);

	if (type != NULL)
		mark(api, type, true);
}

void lk_openapi_mark(struct lk_openapi *api)
{
	struct lk_type *error = lk_surface_error_message(api->schema, api->file, api->option);

	for (size_t i = 0; i < api->schema->n_types; i++) {
		api->schema->types[i].is_sent = false;
		api->schema->types[i].is_answered = false;
	}
	for (size_t i = 0; i < api->file->service[api->index]->n_method; i++) {
		struct lk_route route = lk_surface_route(api->schema, api->file, api->index, i);

		if (lk_surface_has_way(api->schema, &route, LK_BY_BODY))
			mark_request(api, &route);
		if (route.status != 204)
			mark_response(api, &route);
	}
	if (error != NULL)
		mark(api, error, true);
}

/* --- what it looks like --- */

/* "Key", or "other.v1.Key" of another package. */
static const char *name_of(const struct lk_openapi *api, const struct lk_type *type)
{
	const char *inside = lk_schema_name_in(api->schema, api->file, "");
	size_t n = strlen(inside);

	return strncmp(type->name, inside, n) == 0 ? type->name + n : type->name;
}

static void write_reference(struct lk_openapi *api, const struct lk_type *type)
{
	lk_doc_text(&api->doc, "$ref",
		lk_out_format(api->schema->arena, "#/components/schemas/%s", name_of(api, type)));
}

/* The type `type`, or null. */
static void write_form(struct lk_openapi *api, const struct form *form, bool is_nullable)
{
	if (is_nullable) {
		lk_doc_open(&api->doc, "type", '[');
		lk_doc_text(&api->doc, NULL, form->type);
		lk_doc_text(&api->doc, NULL, "null");
		lk_doc_close(&api->doc, ']');
	} else {
		lk_doc_text(&api->doc, "type", form->type);
	}
	if (form->keyword != NULL)
		lk_doc_text(&api->doc, form->keyword, form->value);
}

static void write_enum(struct lk_openapi *api, const char *name)
{
	const pb_enum *e = lk_schema_enum(api->schema, name);

	lk_doc_open(&api->doc, "enum", '[');
	for (size_t i = 0; e != NULL && i < e->n_value; i++)
		lk_doc_text(&api->doc, NULL, e->value[i]->name);
	lk_doc_close(&api->doc, ']');
}

/* Members of a schema: of a field's value, or of one of its values. */
static void write_value(struct lk_openapi *api, const pb_field *field, bool is_nullable)
{
	const struct lk_type *type = lk_schema_field_type(api->schema, field);

	if (type == NULL) {
		struct form form = scalars[field->type];

		if (field->type == TYPE(STRING) && lk_options_is_secret(field))
			form = (struct form) { "string", "format", "password" };
		write_form(api, &form, false);
		if (field->type == TYPE(ENUM))
			write_enum(api, field->type_name);
	} else if (short_form(type) != NULL) {
		write_form(api, short_form(type), is_nullable);
	} else if (is_nullable) {
		lk_doc_open(&api->doc, "oneOf", '[');
		lk_doc_open(&api->doc, NULL, '{');
		write_reference(api, type);
		lk_doc_close(&api->doc, '}');
		lk_doc_open(&api->doc, NULL, '{');
		lk_doc_text(&api->doc, "type", "null");
		lk_doc_close(&api->doc, '}');
		lk_doc_close(&api->doc, ']');
	} else {
		write_reference(api, type);
	}
}

/* Members of the schema of a field. */
static void write_field(struct lk_openapi *api, const pb_field *field)
{
	const struct lk_type *type = lk_schema_field_type(api->schema, field);

	if (type != NULL && is_map_entry(type)) {
		lk_doc_text(&api->doc, "type", "object");
		lk_doc_open(&api->doc, "additionalProperties", '{');
		write_value(api, type->message->field[1], false);
		lk_doc_close(&api->doc, '}');
	} else if (lk_schema_is_repeated(field)) {
		lk_doc_text(&api->doc, "type", "array");
		lk_doc_open(&api->doc, "items", '{');
		write_value(api, field, false);
		lk_doc_close(&api->doc, '}');
	} else {
		/* A member of a oneof that is not set is not there. */
		write_value(api, field, !field->has_oneof_index);
	}
}

void lk_openapi_parameter(struct lk_openapi *api, const pb_field *field)
{
	lk_doc_open(&api->doc, "schema", '{');
	write_field(api, field);
	lk_doc_close(&api->doc, '}');
}

/* Whether a field is part of a body: of the route's requests, or of any message when `route` is
 * NULL. */
static bool is_in_body(
	const struct lk_openapi *api, const struct lk_route *route, const pb_field *field)
{
	if (route != NULL)
		return lk_surface_way(api->schema, route, field) == LK_BY_BODY;
	return lk_options_cookie(api->schema->arena, field) == NULL;
}

/* The names of all members that are always there. */
static void write_required(
	struct lk_openapi *api, const struct lk_type *type, const struct lk_route *route)
{
	bool is_open = false;

	for (size_t i = 0; i < type->message->n_field; i++) {
		const pb_field *field = type->message->field[i];

		if (field->has_oneof_index || !is_in_body(api, route, field))
			continue;
		if (!is_open)
			lk_doc_open(&api->doc, "required", '[');
		is_open = true;
		lk_doc_text(&api->doc, NULL, lk_openapi_name(api, field->name));
	}
	if (is_open)
		lk_doc_close(&api->doc, ']');
}

/* Members of the schema of a message, or of the body that is a part of one. */
static void write_object(
	struct lk_openapi *api, const struct lk_type *type, const struct lk_route *route)
{
	lk_openapi_describe(api, lk_openapi_comment(api, type->place));
	lk_doc_text(&api->doc, "type", "object");
	if (type->is_answered)
		write_required(api, type, route);
	lk_doc_open(&api->doc, "properties", '{');
	for (size_t i = 0; i < type->message->n_field; i++) {
		const pb_field *field = type->message->field[i];

		if (!is_in_body(api, route, field))
			continue;
		lk_doc_open(&api->doc, lk_openapi_name(api, field->name), '{');
		lk_openapi_describe(
			api, lk_openapi_comment(api, lk_schema_place_in(api->schema, type->place,
							     LK_PATH_MESSAGE_FIELD, i)));
		write_field(api, field);
		lk_doc_close(&api->doc, '}');
	}
	lk_doc_close(&api->doc, '}');
}

void lk_openapi_message(struct lk_openapi *api, const struct lk_type *type)
{
	lk_doc_open(&api->doc, "schema", '{');
	write_reference(api, type);
	lk_doc_close(&api->doc, '}');
}

void lk_openapi_request(struct lk_openapi *api, const struct lk_route *route)
{
	if (is_whole(api, route)) {
		lk_openapi_message(api, route->request);
		return;
	}
	lk_doc_open(&api->doc, "schema", '{');
	write_object(api, route->request, route);
	lk_doc_close(&api->doc, '}');
}

void lk_openapi_schemas(struct lk_openapi *api)
{
	lk_doc_open(&api->doc, "schemas", '{');
	for (size_t i = 0; i < api->schema->n_types; i++) {
		const struct lk_type *type = &api->schema->types[i];

		if ((!type->is_sent && !type->is_answered) || is_map_entry(type))
			continue;
		lk_doc_open(&api->doc, name_of(api, type), '{');
		write_object(api, type, NULL);
		lk_doc_close(&api->doc, '}');
	}
	lk_doc_close(&api->doc, '}');
}
