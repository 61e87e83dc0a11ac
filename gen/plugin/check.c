/* SPDX-License-Identifier: MIT */
#include "gen/plugin/check.h"

#include <string.h>

#include "gen/plugin/options.h"

#define NUMBER_MAX 65535

static void check_rule(struct lk_schema *schema, const struct lk_site *site)
{
	const int32_t path[] = { site->path[0], site->path[1], site->path[2], site->path[3],
		LK_PATH_METHOD_OPTIONS, LK_OPTION_RPC };
	struct lk_place place = { site->file, path, LK_COUNT(path) };
	const char *name = site->method->name;
	const Latchkey__V1__MethodRule *rule = lk_options_rule(schema->arena, site->method);

	if (rule == NULL) {
		lk_schema_fail(schema, place, "method %s has no option (latchkey.v1.rpc)", name);
		return;
	}
	if (rule->number == 0 || rule->number > NUMBER_MAX)
		lk_schema_fail(
			schema, place, "method %s needs a number from 1 to %d", name, NUMBER_MAX);
	if (rule->lane == LATCHKEY__V1__LANE__LANE_UNSPECIFIED)
		lk_schema_fail(schema, place, "method %s needs a lane", name);
	else if (protobuf_c_enum_descriptor_get_value(
			 &latchkey__v1__lane__descriptor, (int)rule->lane) == NULL)
		lk_schema_fail(schema, place, "method %s has a lane that does not exist", name);
	if (strspn(rule->scope, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(rule->scope))
		lk_schema_fail(schema, place,
			"the scope of method %s may have only a-z, 0-9, '.', '_' and '-'", name);
}

/* A service is either a surface, with routes, or it has rules. */
static void check_options(struct lk_schema *schema, const struct lk_site *site)
{
	struct lk_place place = lk_schema_site_place(site);
	const char *name = site->method->name;

	if (!lk_surface_is(schema, site->service)) {
		check_rule(schema, site);
		if (lk_options_route(schema->arena, site->method) != NULL)
			lk_schema_fail(schema, place,
				"method %s has the option (latchkey.v1.rest), but %s is no surface",
				name, site->service->name);
	} else if (lk_options_rule(schema->arena, site->method) != NULL) {
		lk_schema_fail(schema, place,
			"method %s has the option (latchkey.v1.rpc), but %s is a surface", name,
			site->service->name);
	}
}

static void check_type(struct lk_schema *schema, const struct lk_site *site, struct lk_type *type)
{
	struct lk_place place = lk_schema_site_place(site);
	enum lk_soundness soundness = lk_schema_judge(schema, type);

	if (soundness == LK_RECURSIVE)
		lk_schema_fail(schema, place,
			"method %s carries %s, which contains itself: its nesting has no limit",
			site->method->name, type->culprit->name);
	else if (soundness == LK_PROTO2)
		lk_schema_fail(schema, place,
			"method %s carries %s, which is proto2: only proto3 messages are served",
			site->method->name, type->culprit->name);
}

/* The server finds the realm of a call without knowing the message. */
static void check_realm(struct lk_schema *schema, const struct lk_type *request)
{
	size_t index;
	const pb_field *field = lk_schema_field(request, "realm", &index);

	if (field == NULL ||
		(field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING &&
			field->label !=
				GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED &&
			!field->has_oneof_index))
		return;
	lk_schema_fail(schema,
		lk_schema_place_in(schema, request->place, LK_PATH_MESSAGE_FIELD, index),
		"field realm of request %s must be a string: not repeated, not in a oneof",
		request->name);
}

static void check_method(struct lk_schema *schema, const struct lk_site *site)
{
	struct lk_type *request = lk_schema_type(schema, site->method->input_type);
	struct lk_type *response = lk_schema_type(schema, site->method->output_type);

	check_options(schema, site);
	if (site->method->client_streaming || site->method->server_streaming)
		lk_schema_fail(schema, lk_schema_site_place(site),
			"method %s is streaming; a call has one request and one response",
			site->method->name);
	check_type(schema, site, request);
	if (response != request)
		check_type(schema, site, response);
	if (!lk_surface_is(schema, site->service))
		check_realm(schema, request);
}

static void check_service(struct lk_schema *schema, const pb_file *file, size_t index)
{
	const int32_t path[] = { LK_PATH_FILE_SERVICE, (int32_t)index };
	const pb_service *service = file->service[index];

	/* A surface may be no more than its errors. */
	if (service->n_method == 0 && !lk_surface_is(schema, service))
		lk_schema_fail(schema, (struct lk_place) { file, path, LK_COUNT(path) },
			"service %s has no methods", service->name);
	for (size_t i = 0; i < service->n_method; i++) {
		struct lk_site site = lk_schema_site(file, index, i);

		check_method(schema, &site);
	}
	if (lk_surface_is(schema, service))
		lk_check_surface(schema, file, index);
}

/* `owners` has the name of the method that took a number, by number. */
static void check_number(struct lk_schema *schema, const struct lk_site *site, const char *owners[])
{
	const Latchkey__V1__MethodRule *rule = lk_options_rule(schema->arena, site->method);

	if (rule == NULL || rule->number == 0 || rule->number > NUMBER_MAX)
		return;
	if (owners[rule->number] != NULL)
		lk_schema_fail(schema, lk_schema_site_place(site),
			"method %s has number %u, which is that of %s", site->method->name,
			(unsigned)rule->number, owners[rule->number]);
	else
		owners[rule->number] = lk_out_format(schema->arena, "%s.%s",
			lk_schema_service_name(schema, site), site->method->name);
}

static void check_numbers(struct lk_schema *schema, const pb_file *file, const char *owners[])
{
	for (size_t s = 0; s < file->n_service; s++) {
		for (size_t m = 0; m < file->service[s]->n_method; m++) {
			struct lk_site site = lk_schema_site(file, s, m);

			check_number(schema, &site, owners);
		}
	}
}

void lk_check_methods(struct lk_schema *schema)
{
	const pb_request *request = schema->request;
	const char **owners = lk_arena_calloc(schema->arena, NUMBER_MAX + 1, sizeof *owners);

	for (size_t i = 0; owners != NULL && i < request->n_proto_file; i++) {
		const pb_file *file = request->proto_file[i];

		for (size_t s = 0; lk_schema_is_asked_for(schema, file) && s < file->n_service; s++)
			check_service(schema, file, s);
		check_numbers(schema, file, owners);
	}
}
