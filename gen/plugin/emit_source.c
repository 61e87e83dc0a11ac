/* SPDX-License-Identifier: MIT */
#include "gen/plugin/emit.h"

#include "gen/plugin/names.h"
#include "gen/plugin/options.h"
#include "gen/plugin/surface.h"

/* The names that the functions of one method are made of. */
struct words {
	const char *service; /* lk_key_service */
	const char *local;   /* key_service_create_key */
	const char *method;  /* lk_key_service_create_key */
	const char *member;  /* create_key */
	const char *row;     /* lk_key_service_methods[LK_KEY_SERVICE_CREATE_KEY] */
	const char *request;
	const char *response;
};

static struct words words_of(const struct lk_schema *schema, const struct lk_site *site)
{
	const char *service = lk_names_service(schema, site);
	const char *method = lk_names_method(schema, site);

	return (struct words) {
		.service = service,
		.local = lk_names_local_method(schema, site),
		.method = method,
		.member = lk_names_member(schema, site),
		.row = lk_out_format(
			schema->arena, "%s_methods[%s]", service, lk_names_upper(schema, method)),
		.request = lk_names_type(schema, lk_schema_type(schema, site->method->input_type)),
		.response =
			lk_names_type(schema, lk_schema_type(schema, site->method->output_type)),
	};
}

static void emit_stubs(
	const struct lk_schema *schema, const struct words *words, struct lk_buf *out)
{
	struct lk_arena *arena = schema->arena;
	const char *request = lk_out_format(arena, "const %s *request", words->request);
	const char *wait[] = { "struct lk_channel *channel",
		"const struct lk_call_options *options", request, "struct lk_arena *arena",
		lk_out_format(arena, "%s **response_out", words->response) };
	const char *async[] = { wait[0], wait[1], request,
		lk_out_format(arena, "%s_done_fn done", words->method), "void *arg" };
	const char *row = lk_out_format(arena, "&%s", words->row);
	const char *call[] = { "channel", row, "options", "&request->base", "arena", "&response" };
	const char *call_async[] = { "channel", row, "options", "&request->base",
		lk_out_format(arena, "deliver_%s", words->local), "(lk_any_fn)done", "arg" };

	lk_out_print(out, "\n");
	lk_out_list(out, lk_out_format(arena, "struct lk_status %s(", words->method), wait,
		LK_COUNT(wait), ")\n");
	lk_out_print(out, "{\n\tProtobufCMessage *response;\n\n");
	lk_out_list(out, "\tLK_TRY(lk_rpc_call(", call, LK_COUNT(call), "));\n");
	lk_out_print(out, "\t*response_out = (%s *)response;\n\treturn LK_SUCCESS;\n}\n\n",
		words->response);
	lk_out_list(out, lk_out_format(arena, "void %s_async(", words->method), async,
		LK_COUNT(async), ")\n");
	lk_out_print(out, "{\n");
	lk_out_list(out, "\tlk_rpc_call_async(", call_async, LK_COUNT(call_async), ");\n");
	lk_out_print(out, "}\n");
}

static void emit_trampolines(
	const struct lk_schema *schema, const struct words *words, struct lk_buf *out)
{
	struct lk_arena *arena = schema->arena;
	const char *serve[] = { "const void *handlers", "struct lk_call *call",
		"const ProtobufCMessage *request", "ProtobufCMessage *response" };
	const char *deliver[] = { "lk_any_fn done", "void *arg", "struct lk_status status",
		"const ProtobufCMessage *response" };
	const char *handle[] = { "call",
		lk_out_format(arena, "(const %s *)request", words->request),
		lk_out_format(arena, "(%s *)response", words->response) };
	const char *hand_over[] = { "arg", "status",
		lk_out_format(arena, "(const %s *)response", words->response) };

	lk_out_print(out, "\n");
	lk_out_list(out, lk_out_format(arena, "static struct lk_status serve_%s(", words->local),
		serve, LK_COUNT(serve), ")\n");
	lk_out_print(out, "{\n\tconst struct %s_handlers *service = handlers;\n\n", words->service);
	lk_out_print(out, "\tif (service->%s == NULL)\n\t\treturn LK_NOT_SERVED;\n", words->member);
	lk_out_list(out, lk_out_format(arena, "\treturn service->%s(", words->member), handle,
		LK_COUNT(handle), ");\n");
	lk_out_print(out, "}\n\n");
	lk_out_list(out, lk_out_format(arena, "static void deliver_%s(", words->local), deliver,
		LK_COUNT(deliver), ")\n");
	lk_out_print(out, "{\n");
	lk_out_list(out, lk_out_format(arena, "\t((%s_done_fn)done)(", words->method), hand_over,
		LK_COUNT(hand_over), ");\n");
	lk_out_print(out, "}\n");
}

static const char *idempotency_of(const pb_method *method)
{
	int level = method->options != NULL ? (int)method->options->idempotency_level : 0;

	if (level == GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS)
		return "LK_NO_SIDE_EFFECTS";
	if (level == GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENT)
		return "LK_IDEMPOTENT";
	return "LK_IDEMPOTENCY_UNKNOWN";
}

static void emit_row(const struct lk_schema *schema, const struct lk_site *site, struct lk_buf *out)
{
	const struct lk_type *request = lk_schema_type(schema, site->method->input_type);
	const struct lk_type *response = lk_schema_type(schema, site->method->output_type);
	const Latchkey__V1__MethodRule *rule = lk_options_rule(schema->arena, site->method);
	size_t index;

	if (rule == NULL)
		return;
	lk_out_print(out, "\t[%s] = {\n", lk_names_upper(schema, lk_names_method(schema, site)));
	lk_out_print(out, "\t\t.number = %u,\n", (unsigned)rule->number);
	lk_out_print(out, "\t\t.lane = LK_%s,\n",
		protobuf_c_enum_descriptor_get_value(
			&latchkey__v1__lane__descriptor, (int)rule->lane)
			->name);
	lk_out_print(out, "\t\t.idempotency = %s,\n", idempotency_of(site->method));
	lk_out_print(out, "\t\t.name = \"%s\",\n", site->method->name);
	lk_out_print(out, "\t\t.service = \"%s\",\n", lk_schema_service_name(schema, site));
	if (rule->scope[0] != '\0')
		lk_out_print(out, "\t\t.scope = \"%s\",\n", rule->scope);
	lk_out_print(out, "\t\t.request = &%s__descriptor,\n",
		lk_names_pbc_lower(schema, request->name));
	lk_out_print(out, "\t\t.response = &%s__descriptor,\n",
		lk_names_pbc_lower(schema, response->name));
	if (lk_schema_field(request, "realm", &index) != NULL)
		lk_out_print(out, "\t\t.realm_offset = offsetof(%s, realm),\n",
			lk_names_type(schema, request));
	else
		lk_out_print(out, "\t\t.realm_offset = LK_NO_REALM,\n");
	if (rule->subject)
		lk_out_print(out, "\t\t.takes_subject = true,\n");
	lk_out_print(out, "\t\t.serve = serve_%s,\n\t},\n", lk_names_local_method(schema, site));
}

size_t lk_emit_secrets(struct lk_schema *schema, const struct lk_site *site, struct lk_buf *out)
{
	size_t n = 0;

	lk_schema_reach(schema, site->service);
	for (size_t i = 0; i < schema->n_types; i++) {
		const struct lk_type *type = &schema->types[i];

		for (size_t f = 0; type->is_reached && f < type->message->n_field; f++) {
			const pb_field *field = type->message->field[f];

			if (!lk_options_is_secret(field))
				continue;
			if (n++ == 0)
				lk_out_print(out,
					"\nstatic const struct lk_secret_field %s_secrets[] = {\n",
					lk_names_local_service(schema, site));
			lk_out_print(out, "\t{ &%s__descriptor, %d }, /* %s */\n",
				lk_names_pbc_lower(schema, type->name), field->number, field->name);
		}
	}
	if (n > 0)
		lk_out_print(out, "};\n");
	return n;
}

static void emit_tables(
	struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out)
{
	const pb_service *service = file->service[index];
	struct lk_site site = lk_schema_site(file, index, 0);
	const char *name = lk_names_service(schema, &site);
	size_t n_secrets = lk_emit_secrets(schema, &site, out);

	lk_out_print(
		out, "\nconst struct lk_method %s_methods[%zu] = {\n", name, service->n_method);
	for (size_t i = 0; i < service->n_method; i++) {
		site = lk_schema_site(file, index, i);
		emit_row(schema, &site, out);
	}
	lk_out_print(out, "};\n\nconst struct lk_service %s = {\n", name);
	lk_out_print(out, "\t.name = \"%s\",\n", lk_schema_service_name(schema, &site));
	lk_out_print(out, "\t.methods = %s_methods,\n", name);
	lk_out_print(out, "\t.n_methods = LK_COUNT(%s_methods),\n", name);
	if (n_secrets > 0)
		lk_out_print(out,
			"\t.secrets = %s_secrets,\n\t.n_secrets = LK_COUNT(%s_secrets),\n",
			lk_names_local_service(schema, &site),
			lk_names_local_service(schema, &site));
	lk_out_print(out, "};\n");
}

static void emit_service(
	struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out)
{
	size_t n = file->service[index]->n_method;

	for (size_t i = 0; i < n; i++) {
		struct lk_site site = lk_schema_site(file, index, i);
		struct words words = words_of(schema, &site);

		emit_trampolines(schema, &words, out);
	}
	emit_tables(schema, file, index, out);
	for (size_t i = 0; i < n; i++) {
		struct lk_site site = lk_schema_site(file, index, i);
		struct words words = words_of(schema, &site);

		emit_stubs(schema, &words, out);
	}
}

void lk_emit_source(struct lk_schema *schema, const pb_file *file, struct lk_buf *out)
{
	lk_emit_banner(schema, file, out);
	lk_out_print(out, "#include \"%s.rpc.h\"\n", lk_names_stem(schema, file));
	for (size_t i = 0; i < file->n_service; i++) {
		if (lk_surface_is(schema, file->service[i]))
			lk_emit_surface_source(schema, file, i, out);
		else
			emit_service(schema, file, i, out);
	}
}
