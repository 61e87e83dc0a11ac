/* SPDX-License-Identifier: MIT */
#include "gen/plugin/schema.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERRORS_MAX ((size_t)1024 * 1024)

static size_t count_types(pb_message *const messages[], size_t n)
{
	size_t total = n;

	for (size_t i = 0; i < n; i++)
		total += count_types(messages[i]->nested_type, messages[i]->n_nested_type);
	return total;
}

struct lk_place lk_schema_place_in(
	const struct lk_schema *schema, struct lk_place outer, int32_t number, size_t index)
{
	int32_t *path = lk_arena_calloc(schema->arena, outer.n_path + 2, sizeof *path);

	if (path == NULL)
		return outer;
	if (outer.n_path > 0)
		memcpy(path, outer.path, outer.n_path * sizeof *path);
	path[outer.n_path] = number;
	path[outer.n_path + 1] = (int32_t)index;
	return (struct lk_place) { outer.file, path, outer.n_path + 2 };
}

/* Adds the messages of one scope, each followed by those inside it. */
static void index_types(struct lk_schema *schema, pb_message *const messages[], size_t n,
	const char *scope, struct lk_place outer)
{
	int32_t number = outer.n_path == 0 ? LK_PATH_FILE_MESSAGE : LK_PATH_MESSAGE_MESSAGE;

	for (size_t i = 0; i < n; i++) {
		struct lk_type *type = &schema->types[schema->n_types++];

		type->name = lk_out_format(schema->arena, "%s%s%s", scope,
			scope[0] != '\0' ? "." : "", messages[i]->name);
		type->message = messages[i];
		type->place = lk_schema_place_in(schema, outer, number, i);
		index_types(schema, messages[i]->nested_type, messages[i]->n_nested_type,
			type->name, type->place);
	}
}

void lk_schema_init(struct lk_schema *schema, struct lk_arena *arena, const pb_request *request)
{
	size_t n = 0;

	*schema = (struct lk_schema) { .arena = arena, .request = request };
	lk_buf_init(&schema->errors, ERRORS_MAX);
	for (size_t i = 0; i < request->n_proto_file; i++)
		n += count_types(request->proto_file[i]->message_type,
			request->proto_file[i]->n_message_type);
	schema->types = lk_arena_calloc(arena, n, sizeof *schema->types);
	for (size_t i = 0; schema->types != NULL && i < request->n_proto_file; i++) {
		const pb_file *file = request->proto_file[i];

		index_types(schema, file->message_type, file->n_message_type,
			file->package != NULL ? file->package : "",
			(struct lk_place) { .file = file });
	}
}

void lk_schema_fini(struct lk_schema *schema)
{
	lk_buf_fini(&schema->errors);
}

static const pb_location *find_location(struct lk_place place)
{
	const Google__Protobuf__SourceCodeInfo *info = place.file->source_code_info;

	for (size_t i = 0; info != NULL && i < info->n_location; i++) {
		const pb_location *location = info->location[i];

		if (location->n_path == place.n_path &&
			(place.n_path == 0 || memcmp(location->path, place.path,
						      place.n_path * sizeof *place.path) == 0))
			return location;
	}
	return NULL;
}

void lk_schema_fail(struct lk_schema *schema, struct lk_place place, const char *format, ...)
{
	const pb_location *location = find_location(place);
	char text[512];
	va_list args;

	/* What has no location of its own is looked for at what contains it. */
	for (; location == NULL && place.n_path > 0; place.n_path--)
		location = find_location(place);
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (location != NULL && location->n_span >= 3)
		lk_out_print(&schema->errors, "%s:%d:%d: %s\n", place.file->name,
			location->span[0] + 1, location->span[1] + 1, text);
	else
		lk_out_print(&schema->errors, "%s: %s\n", place.file->name, text);
}

const char *lk_schema_comment(struct lk_place place)
{
	const pb_location *location = find_location(place);

	return location != NULL && location->leading_comments != NULL ? location->leading_comments
								      : "";
}

const char *lk_schema_licence(const struct lk_schema *schema, const pb_file *file)
{
	static const int32_t syntax[] = { LK_PATH_FILE_SYNTAX };
	static const char tag[] = "SPDX-License-Identifier:";
	const char *found = strstr(
		lk_schema_comment((struct lk_place) { file, syntax, LK_COUNT(syntax) }), tag);

	if (found == NULL)
		return "";
	found += sizeof tag - 1;
	found += strspn(found, " ");
	return lk_out_format(schema->arena, "%.*s", (int)strcspn(found, "\n"), found);
}

struct lk_site lk_schema_site(const pb_file *file, size_t service, size_t method)
{
	return (struct lk_site) {
		.file = file,
		.service = file->service[service],
		.method = method < file->service[service]->n_method
				  ? file->service[service]->method[method]
				  : NULL,
		.path = { LK_PATH_FILE_SERVICE, (int32_t)service, LK_PATH_SERVICE_METHOD,
			(int32_t)method },
	};
}

struct lk_place lk_schema_site_place(const struct lk_site *site)
{
	return (struct lk_place) { site->file, site->path, LK_COUNT(site->path) };
}

const char *lk_schema_name_in(const struct lk_schema *schema, const pb_file *file, const char *name)
{
	const char *package = file->package != NULL ? file->package : "";

	return lk_out_format(schema->arena, "%s%s%s", package, package[0] != '\0' ? "." : "", name);
}

const char *lk_schema_service_name(const struct lk_schema *schema, const struct lk_site *site)
{
	return lk_schema_name_in(schema, site->file, site->service->name);
}

struct lk_type *lk_schema_type(const struct lk_schema *schema, const char *name)
{
	if (name[0] == '.')
		name++;
	for (size_t i = 0; i < schema->n_types; i++)
		if (strcmp(schema->types[i].name, name) == 0)
			return &schema->types[i];
	return NULL;
}

/* That of a scope: a package or a message. */
static const pb_enum *find_enum(
	pb_enum *const enums[], size_t n, const char *scope, const char *name)
{
	size_t length = strlen(scope);

	if (strncmp(name, scope, length) != 0)
		return NULL;
	name += length;
	if (length > 0 && *name++ != '.')
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strcmp(enums[i]->name, name) == 0)
			return enums[i];
	return NULL;
}

const pb_enum *lk_schema_enum(const struct lk_schema *schema, const char *name)
{
	const pb_enum *found = NULL;

	if (name[0] == '.')
		name++;
	for (size_t i = 0; found == NULL && i < schema->request->n_proto_file; i++) {
		const pb_file *file = schema->request->proto_file[i];

		found = find_enum(file->enum_type, file->n_enum_type,
			file->package != NULL ? file->package : "", name);
	}
	for (size_t i = 0; found == NULL && i < schema->n_types; i++) {
		const struct lk_type *type = &schema->types[i];

		found = find_enum(
			type->message->enum_type, type->message->n_enum_type, type->name, name);
	}
	return found;
}

const pb_field *lk_schema_field(const struct lk_type *type, const char *name, size_t *index_out)
{
	for (size_t i = 0; i < type->message->n_field; i++) {
		if (strcmp(type->message->field[i]->name, name) != 0)
			continue;
		*index_out = i;
		return type->message->field[i];
	}
	return NULL;
}

struct lk_type *lk_schema_field_type(const struct lk_schema *schema, const pb_field *field)
{
	bool is_message =
		field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE ||
		field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP;

	return is_message ? lk_schema_type(schema, field->type_name) : NULL;
}

bool lk_schema_is_repeated(const pb_field *field)
{
	return field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
}

bool lk_schema_is_asked_for(const struct lk_schema *schema, const pb_file *file)
{
	for (size_t i = 0; i < schema->request->n_file_to_generate; i++)
		if (strcmp(schema->request->file_to_generate[i], file->name) == 0)
			return true;
	return false;
}

bool lk_schema_has_rpc_header(const pb_file *file)
{
	return strncmp(file->name, "google/", strlen("google/")) != 0 &&
	       strcmp(file->name, "latchkey/v1/options.proto") != 0;
}

enum lk_soundness lk_schema_judge(struct lk_schema *schema, struct lk_type *type)
{
	const char *syntax = type->place.file->syntax;

	if (type->soundness == LK_BEING_SEEN) {
		type->culprit = type;
		return LK_RECURSIVE;
	}
	if (type->soundness != LK_UNSEEN)
		return type->soundness;
	if (syntax == NULL || strcmp(syntax, "proto3") != 0) {
		type->culprit = type;
		return type->soundness = LK_PROTO2;
	}
	type->soundness = LK_BEING_SEEN;
	for (size_t i = 0; i < type->message->n_field; i++) {
		struct lk_type *inner = lk_schema_field_type(schema, type->message->field[i]);
		enum lk_soundness soundness =
			inner != NULL ? lk_schema_judge(schema, inner) : LK_SOUND;

		if (soundness != LK_SOUND) {
			type->culprit = inner->culprit;
			return type->soundness = soundness;
		}
	}
	return type->soundness = LK_SOUND;
}

static void reach(struct lk_schema *schema, struct lk_type *type)
{
	if (type->is_reached)
		return;
	type->is_reached = true;
	for (size_t i = 0; i < type->message->n_field; i++) {
		struct lk_type *inner = lk_schema_field_type(schema, type->message->field[i]);

		if (inner != NULL)
			reach(schema, inner);
	}
}

void lk_schema_reach(struct lk_schema *schema, const pb_service *service)
{
	for (size_t i = 0; i < schema->n_types; i++)
		schema->types[i].is_reached = false;
	for (size_t i = 0; i < service->n_method; i++) {
		reach(schema, lk_schema_type(schema, service->method[i]->input_type));
		reach(schema, lk_schema_type(schema, service->method[i]->output_type));
	}
}
