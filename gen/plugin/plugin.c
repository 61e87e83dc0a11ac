/* SPDX-License-Identifier: MIT */
#include "gen/plugin/plugin.h"

#include <string.h>

#include "gen/plugin/check.h"
#include "gen/plugin/emit.h"
#include "gen/plugin/names.h"
#include "gen/plugin/surface.h"
#include "proto/wire/message.h"

#define FILE_MAX ((size_t)16 * 1024 * 1024)

/* Of one schema: a header, a source, and for the one surface it may have a document twice. */
#define FILES_MAX 4

static bool is_identifier(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* Parameters have a comma between them; c_prefix=NAME is the only one. */
static void read_parameters(struct lk_schema *schema)
{
	const char *at = schema->request->parameter != NULL ? schema->request->parameter : "";

	while (*at != '\0') {
		size_t n = strcspn(at, ",");
		const char *one = lk_out_format(schema->arena, "%.*s", (int)n, at);

		if (strncmp(one, "c_prefix=", 9) == 0 && is_identifier(one + 9))
			schema->c_prefix = one + 9;
		else
			lk_out_print(&schema->errors,
				"parameter \"%s\" is unknown; there is c_prefix=NAME, "
				"with a name of a-z, 0-9 and '_'\n",
				one);
		at += n + (at[n] == ',' ? 1 : 0);
	}
}

/* The buffer's text in the arena. */
static char *take_text(struct lk_arena *arena, struct lk_buf *buf)
{
	char *text = lk_arena_strndup(arena, buf->data != NULL ? (char *)buf->data : "", buf->n);

	if (buf->failed)
		arena->exhausted = true;
	lk_buf_fini(buf);
	return text;
}

/* Adds the file <stem><suffix>. Returns its text. */
static const char *add_file(struct lk_schema *schema, pb_response *response, const char *stem,
	const char *suffix, struct lk_buf *text)
{
	pb_response_file *file = lk_arena_alloc(schema->arena, sizeof *file);
	const char *name = lk_out_format(schema->arena, "%s%s", stem, suffix);
	char *content = take_text(schema->arena, text);

	if (file == NULL || content == NULL)
		return "";
	google__protobuf__compiler__code_generator_response__file__init(file);
	file->name = lk_arena_strndup(schema->arena, name, strlen(name));
	file->content = content;
	response->file[response->n_file++] = file;
	return content;
}

static void generate_document(
	struct lk_schema *schema, const pb_file *file, size_t index, pb_response *response)
{
	const char *stem = lk_names_stem(schema, file);
	const char *document;
	struct lk_buf text;

	lk_buf_init(&text, FILE_MAX);
	lk_emit_openapi(schema, file, index, &text);
	document = add_file(schema, response, stem, ".openapi.json", &text);
	lk_emit_openapi_source(schema, file, index, document, &text);
	(void)add_file(schema, response, stem, ".openapi.c", &text);
}

static void generate(struct lk_schema *schema, const pb_file *file, pb_response *response)
{
	const char *stem = lk_names_stem(schema, file);
	struct lk_buf text;

	lk_buf_init(&text, FILE_MAX);
	lk_emit_header(schema, file, &text);
	(void)add_file(schema, response, stem, ".rpc.h", &text);
	lk_emit_source(schema, file, &text);
	(void)add_file(schema, response, stem, ".rpc.c", &text);
	for (size_t i = 0; i < file->n_service; i++)
		if (lk_surface_is(schema, file->service[i]))
			generate_document(schema, file, i, response);
}

static void answer(struct lk_schema *schema, pb_response *response)
{
	const pb_request *request = schema->request;

	read_parameters(schema);
	lk_check_methods(schema);
	lk_check_names(schema);
	if (schema->errors.failed)
		schema->arena->exhausted = true;
	if (schema->errors.n > 0) {
		schema->errors.n--; /* protoc adds the last line end */
		response->error = take_text(schema->arena, &schema->errors);
		return;
	}
	response->file = lk_arena_calloc(
		schema->arena, FILES_MAX * request->n_file_to_generate, sizeof *response->file);
	for (size_t i = 0; response->file != NULL && i < request->n_proto_file; i++)
		if (lk_schema_is_asked_for(schema, request->proto_file[i]) &&
			lk_schema_has_rpc_header(request->proto_file[i]))
			generate(schema, request->proto_file[i], response);
}

const char *lk_plugin_run(
	struct lk_arena *arena, struct lk_bytes input, struct lk_bytes *output_out)
{
	pb_response response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
	pb_request *request = google__protobuf__compiler__code_generator_request__unpack(
		&arena->allocator, input.n, input.data);
	static const char too_much[] = "the schema needs too much memory";
	struct lk_schema schema;
	struct lk_status st;

	if (request == NULL && !arena->exhausted)
		return "the input is not a CodeGeneratorRequest: this program is run by protoc";
	if (request == NULL)
		return too_much;
	lk_schema_init(&schema, arena, request);
	if (!arena->exhausted)
		answer(&schema, &response);
	lk_schema_fini(&schema);
	response.has_supported_features = true;
	response.supported_features =
		GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__FEATURE__FEATURE_PROTO3_OPTIONAL;
	if (arena->exhausted)
		return too_much;
	st = lk_message_pack(&response.base, arena, output_out);
	return st.code == LK_OK ? NULL : st.why;
}
