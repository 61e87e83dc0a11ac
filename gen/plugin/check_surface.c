/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "gen/plugin/check.h"
#include "gen/plugin/names.h"

/* RFC 9110, section 5.6.2. */
#define TOKEN_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"

/* Of a path without fields, and of a cookie's. */
#define PATH_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"

static bool is_token(const char *text)
{
	return text[0] != '\0' && strspn(text, TOKEN_CHARS) == strlen(text);
}

static bool is_plain_path(const char *text)
{
	return text[0] == '/' && strspn(text, PATH_CHARS) == strlen(text);
}

/* That others begin with. */
static bool is_prefix(const char *text)
{
	return is_plain_path(text) && text[strlen(text) - 1] != '/' && strstr(text, "//") == NULL;
}

static void check_texts(
	struct lk_schema *schema, struct lk_place place, const Latchkey__V1__RestSurface *option)
{
	if (!is_prefix(option->root))
		lk_schema_fail(schema, place,
			"a surface needs a root such as /api/v1, with letters, digits and '-', "
			"'.', "
			"'_', '~'");
	if (option->server[0] != '\0' && !is_prefix(option->server))
		lk_schema_fail(schema, place,
			"the surface's server must be such as its root is, or empty");
	if (option->title[0] == '\0')
		lk_schema_fail(schema, place, "a surface needs a title");
	if (protobuf_c_enum_descriptor_get_value(
		    &latchkey__v1__rest_times__descriptor, (int)option->times) == NULL)
		lk_schema_fail(schema, place, "the surface has times that do not exist");
	if (option->key_header[0] != '\0' && !is_token(option->key_header))
		lk_schema_fail(schema, place, "the surface's key_header is no name of a header");
}

static void check_error_value(
	struct lk_schema *schema, struct lk_place place, const pb_enum_value *value)
{
	const Latchkey__V1__RestError *error = lk_options_error(schema->arena, value);

	if (error == NULL && value->number != 0) {
		lk_schema_fail(
			schema, place, "error %s has no option (latchkey.v1.error)", value->name);
		return;
	}
	if (error == NULL)
		return;
	if (value->number == 0)
		lk_schema_fail(schema, place, "error %s has the number 0, which stands for none",
			value->name);
	if (error->status < 400 || error->status > 599)
		lk_schema_fail(
			schema, place, "error %s needs a status from 400 to 599", value->name);
	if (error->message[0] == '\0')
		lk_schema_fail(schema, place, "error %s needs a message", value->name);
}

static void check_errors(struct lk_schema *schema, struct lk_place place, const pb_file *file,
	const Latchkey__V1__RestSurface *option)
{
	struct lk_type *message = lk_surface_error_message(schema, file, option);
	size_t index;
	const pb_enum *errors = lk_surface_error_enum(file, option, &index);
	struct lk_place in_file = { .file = file };

	if (message == NULL)
		lk_schema_fail(schema, place, "the surface's error_message is no message of %s",
			file->name);
	else if (lk_schema_judge(schema, message) != LK_SOUND)
		lk_schema_fail(schema, place,
			"the surface's error_message contains itself or is "
			"proto2");
	if (errors == NULL)
		lk_schema_fail(
			schema, place, "the surface's error_enum is no enum of %s", file->name);
	for (size_t i = 0; errors != NULL && i < errors->n_value; i++)
		check_error_value(schema,
			lk_schema_place_in(schema,
				lk_schema_place_in(schema, in_file, LK_PATH_FILE_ENUM, index),
				LK_PATH_ENUM_VALUE, i),
			errors->value[i]);
}

static bool is_request(
	const struct lk_schema *schema, const pb_service *service, const struct lk_type *type)
{
	for (size_t i = 0; i < service->n_method; i++)
		if (lk_schema_type(schema, service->method[i]->input_type) == type)
			return true;
	return false;
}

static bool is_response(
	const struct lk_schema *schema, const pb_service *service, const struct lk_type *type)
{
	for (size_t i = 0; i < service->n_method; i++)
		if (lk_schema_type(schema, service->method[i]->output_type) == type)
			return true;
	return false;
}

static bool is_of_type(const pb_field *field, const char *message)
{
	if (lk_schema_is_repeated(field) || field->has_oneof_index)
		return false;
	if (message == NULL)
		return field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING;
	return field->type_name != NULL && strcmp(field->type_name, message) == 0;
}

static void check_cookie(struct lk_schema *schema, const pb_service *service,
	const struct lk_type *type, size_t index)
{
	const pb_field *field = type->message->field[index];
	const Latchkey__V1__RestCookie *cookie = lk_options_cookie(schema->arena, field);
	struct lk_place place =
		lk_schema_place_in(schema, type->place, LK_PATH_MESSAGE_FIELD, index);
	bool comes = is_request(schema, service, type);
	bool goes = is_response(schema, service, type);

	if (cookie == NULL)
		return;
	if (!comes && !goes)
		lk_schema_fail(schema, place,
			"field %s is a cookie, but %s is neither a request nor a response",
			field->name, type->name);
	if (comes && !is_of_type(field, NULL))
		lk_schema_fail(schema, place, "cookie %s of request %s must be a single string",
			field->name, type->name);
	if (goes && !is_of_type(field, ".latchkey.v1.Cookie"))
		lk_schema_fail(schema, place,
			"cookie %s of response %s must be a single latchkey.v1.Cookie", field->name,
			type->name);
	if (!is_token(cookie->name) || !is_plain_path(cookie->path))
		lk_schema_fail(schema, place, "cookie %s of %s needs a name and a path",
			field->name, type->name);
}

static void check_fields(struct lk_schema *schema, const pb_service *service)
{
	lk_schema_reach(schema, service);
	for (size_t i = 0; i < schema->n_types; i++) {
		const struct lk_type *type = &schema->types[i];

		for (size_t f = 0; type->is_reached && f < type->message->n_field; f++) {
			const pb_field *field = type->message->field[f];

			check_cookie(schema, service, type, f);
			/* protobuf-c's descriptors do not know of another name. */
			if (field->json_name != NULL &&
				strcmp(field->json_name, lk_names_json(schema, field->name)) != 0)
				lk_schema_fail(schema,
					lk_schema_place_in(
						schema, type->place, LK_PATH_MESSAGE_FIELD, f),
					"field %s of %s has a json_name, which is not served",
					field->name, type->name);
		}
	}
}

void lk_check_surface(struct lk_schema *schema, const pb_file *file, size_t index)
{
	const Latchkey__V1__RestSurface *option = lk_surface_option(schema, file->service[index]);
	struct lk_place place = lk_schema_place_in(
		schema, (struct lk_place) { .file = file }, LK_PATH_FILE_SERVICE, index);

	if (lk_surface_count(schema, file, index) > 0)
		lk_schema_fail(schema, place, "a file has one surface, and %s is another",
			file->service[index]->name);
	place = lk_schema_place_in(schema, place, LK_PATH_SERVICE_OPTIONS, LK_OPTION_SURFACE);
	check_texts(schema, place, option);
	check_errors(schema, place, file, option);
	check_fields(schema, file->service[index]);
	lk_check_routes(schema, file, index);
}
