/* SPDX-License-Identifier: MIT */
/* From descriptors to services: declared types are listed first, and built as methods need
 * them. */
#include "client/cli/reflect.h"

#include <ctype.h>
#include <string.h>

#include "client/cli/reflect_priv.h"
#include "latchkey/v1/options.pb-c.h"

/* Field number of `rpc` in google.protobuf.MethodOptions. */
#define OPTION_RPC 50801

/* Field number of `file` in google.protobuf.FileDescriptorSet, as a tag. */
#define TAG_FILE (1 << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)

#define FILES_MAX 256

/* Bytes of a MethodRule; its scope is the only part that has no bound of its own. */
#define RULE_MAX 256

static uint64_t take_varint(struct lk_cursor *cursor)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = lk_cursor_u8(cursor);
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0 && shift < 64);
	return value;
}

/* --- files and types --- */

/* File by file, since the limit on fields is meant for one message, not for a whole schema. */
static struct lk_status read_files(struct lk_reflection *reflection, struct lk_bytes set)
{
	struct lk_cursor cursor = lk_cursor_over(set);

	reflection->files =
		lk_arena_calloc(reflection->arena, FILES_MAX, sizeof *reflection->files);
	if (reflection->files == NULL)
		return NO_MEMORY;
	while (!lk_cursor_clean_end(&cursor)) {
		ProtobufCMessage *file;
		uint64_t tag = take_varint(&cursor);
		struct lk_bytes bytes = lk_cursor_take(&cursor, (size_t)take_varint(&cursor));
		const pb_file *declared;

		if (cursor.failed || tag != TAG_FILE || reflection->n_files == FILES_MAX)
			return UNSOUND;
		LK_TRY(lk_message_unpack(&google__protobuf__file_descriptor_proto__descriptor,
			bytes, reflection->arena, &file));
		declared = (const pb_file *)file;
		if (declared->package != NULL && declared->package[0] != '\0' &&
			!lk_reflect_is_name(declared->package, true))
			return UNSOUND;
		reflection->files[reflection->n_files++] = declared;
	}
	return LK_SUCCESS;
}

bool lk_reflect_is_name(const char *name, bool with_dots)
{
	if (name == NULL || name[0] == '\0')
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && !(with_dots && *name == '.'))
			return false;
	return true;
}

/* "latchkey.v1" + "Key"; a scope that is empty adds no dot. NULL when memory is short. */
static const char *join(struct lk_arena *arena, const char *scope, const char *name)
{
	size_t n_scope = strlen(scope);
	size_t n_name = strlen(name);
	char *joined = lk_arena_alloc(arena, n_scope + 1 + n_name + 1);

	if (joined == NULL)
		return NULL;
	memcpy(joined, scope, n_scope);
	if (n_scope > 0)
		joined[n_scope++] = '.';
	memcpy(joined + n_scope, name, n_name + 1);
	return joined;
}

static struct lk_status add_type(struct lk_reflection *reflection, const pb_file *file,
	const char *scope, struct lk_reflect_type type)
{
	const char *name = type.message != NULL ? type.message->name : type.enumeration->name;

	if (!lk_reflect_is_name(name, false) || reflection->n_types == LK_REFLECT_TYPES_MAX)
		return UNSOUND;
	type.name = join(reflection->arena, scope, name);
	if (type.name == NULL)
		return NO_MEMORY;
	type.package = file->package != NULL ? file->package : "";
	type.is_proto3 = file->syntax != NULL && strcmp(file->syntax, "proto3") == 0;
	if (lk_reflect_find_type(reflection, type.name) != NULL)
		return UNSOUND;
	reflection->types[reflection->n_types++] = type;
	return LK_SUCCESS;
}

/* A message and all types declared inside it. lk_message_unpack has bounded the nesting. */
static struct lk_status add_message(struct lk_reflection *reflection, const pb_file *file,
	const char *scope, const pb_message *message)
{
	LK_TRY(add_type(reflection, file, scope, (struct lk_reflect_type) { .message = message }));
	scope = reflection->types[reflection->n_types - 1].name;
	for (size_t i = 0; i < message->n_enum_type; i++)
		LK_TRY(add_type(reflection, file, scope,
			(struct lk_reflect_type) { .enumeration = message->enum_type[i] }));
	for (size_t i = 0; i < message->n_nested_type; i++)
		LK_TRY(add_message(reflection, file, scope, message->nested_type[i]));
	return LK_SUCCESS;
}

static struct lk_status list_types(struct lk_reflection *reflection)
{
	reflection->types =
		lk_arena_calloc(reflection->arena, LK_REFLECT_TYPES_MAX, sizeof *reflection->types);
	if (reflection->types == NULL)
		return NO_MEMORY;
	for (size_t k = 0; k < reflection->n_files; k++) {
		const pb_file *file = reflection->files[k];
		const char *scope = file->package != NULL ? file->package : "";

		for (size_t i = 0; i < file->n_enum_type; i++)
			LK_TRY(add_type(reflection, file, scope,
				(struct lk_reflect_type) { .enumeration = file->enum_type[i] }));
		for (size_t i = 0; i < file->n_message_type; i++)
			LK_TRY(add_message(reflection, file, scope, file->message_type[i]));
	}
	return LK_SUCCESS;
}

struct lk_reflect_type *lk_reflect_find_type(
	const struct lk_reflection *reflection, const char *name)
{
	if (name[0] == '.')
		name++;
	for (size_t i = 0; i < reflection->n_types; i++)
		if (strcmp(reflection->types[i].name, name) == 0)
			return &reflection->types[i];
	return NULL;
}

/* --- methods --- */

/* The method's rule; NULL in `rule_out` when it has none. protobuf-c knows no extensions: they
 * are unknown fields, with their length still in front. A rule that was written member by member
 * comes in parts, which are merged by reading one after the other. */
static struct lk_status read_rule(
	struct lk_arena *arena, const pb_method *method, const Latchkey__V1__MethodRule **rule_out)
{
	const ProtobufCMessage *options = method->options != NULL ? &method->options->base : NULL;
	ProtobufCMessage *rule = NULL;
	uint8_t bytes[RULE_MAX];
	size_t n = 0;

	for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
		struct lk_cursor cursor =
			lk_cursor_over((struct lk_bytes) { field->data, field->len });
		size_t n_part;

		if (field->tag != OPTION_RPC ||
			field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
			continue;
		(void)take_varint(&cursor);
		n_part = (size_t)(cursor.end - cursor.at);
		if (n_part > sizeof bytes - n)
			return UNSOUND;
		memcpy(bytes + n, cursor.at, n_part);
		n += n_part;
	}
	if (n > 0)
		LK_TRY(lk_message_unpack(&latchkey__v1__method_rule__descriptor,
			(struct lk_bytes) { bytes, n }, arena, &rule));
	*rule_out = (const Latchkey__V1__MethodRule *)rule;
	return LK_SUCCESS;
}

static struct lk_status build_type(struct lk_reflection *reflection, const char *name,
	const ProtobufCMessageDescriptor **descriptor_out)
{
	struct lk_reflect_type *type = name != NULL ? lk_reflect_find_type(reflection, name) : NULL;

	if (type == NULL || type->message == NULL)
		return UNSOUND;
	return lk_reflect_build(reflection, type, descriptor_out);
}

static struct lk_status fill_method(struct lk_reflection *reflection, const pb_method *declared,
	const Latchkey__V1__MethodRule *rule, struct lk_method *method)
{
	if (!lk_reflect_is_name(declared->name, false) || rule->number < 1 ||
		rule->number > UINT16_MAX || (int)rule->lane < LK_LANE_FAST ||
		(int)rule->lane >= LK_LANES)
		return UNSOUND;
	method->number = (uint16_t)rule->number;
	method->lane = (enum lk_lane)rule->lane;
	method->idempotency = (enum lk_idempotency)declared->options->idempotency_level;
	method->name = declared->name;
	method->scope = rule->scope[0] != '\0' ? rule->scope : NULL;
	method->realm_offset = LK_NO_REALM;
	method->takes_subject = rule->subject;
	LK_TRY(build_type(reflection, declared->input_type, &method->request));
	return build_type(reflection, declared->output_type, &method->response);
}

static bool has_method(const struct lk_service *service, const char *name)
{
	for (size_t i = 0; i < service->n_methods; i++)
		if (strcmp(service->methods[i].name, name) == 0)
			return true;
	return false;
}

static bool has_service(const struct lk_reflection *reflection, const char *name)
{
	for (size_t i = 0; i < reflection->n_services; i++)
		if (strcmp(reflection->services[i].name, name) == 0)
			return true;
	return false;
}

/* A name that comes twice would hide what it names the second time. */
static struct lk_status fill_service(struct lk_reflection *reflection, const pb_file *file,
	const pb_service *declared, struct lk_service *service)
{
	struct lk_method *methods =
		lk_arena_calloc(reflection->arena, declared->n_method, sizeof *methods);

	if (!lk_reflect_is_name(declared->name, false))
		return UNSOUND;
	service->name =
		join(reflection->arena, file->package != NULL ? file->package : "", declared->name);
	if (methods == NULL || service->name == NULL)
		return NO_MEMORY;
	if (has_service(reflection, service->name))
		return UNSOUND;
	service->methods = methods;
	for (size_t i = 0; i < declared->n_method; i++) {
		const pb_method *method = declared->method[i];
		const Latchkey__V1__MethodRule *rule;

		LK_TRY(read_rule(reflection->arena, method, &rule));
		if (rule == NULL || method->client_streaming || method->server_streaming)
			continue;
		if (method->name != NULL && has_method(service, method->name))
			return UNSOUND;
		methods[service->n_methods].service = service->name;
		LK_TRY(fill_method(reflection, method, rule, &methods[service->n_methods++]));
	}
	return LK_SUCCESS;
}

static struct lk_status list_services(struct lk_reflection *reflection)
{
	size_t n_services = 0;
	size_t n_methods = 0;

	for (size_t k = 0; k < reflection->n_files; k++) {
		n_services += reflection->files[k]->n_service;
		for (size_t i = 0; i < reflection->files[k]->n_service; i++)
			n_methods += reflection->files[k]->service[i]->n_method;
	}
	if (n_methods > LK_REFLECT_METHODS_MAX)
		return UNSOUND;
	reflection->services =
		lk_arena_calloc(reflection->arena, n_services, sizeof *reflection->services);
	if (reflection->services == NULL)
		return NO_MEMORY;
	for (size_t k = 0; k < reflection->n_files; k++) {
		const pb_file *file = reflection->files[k];

		for (size_t i = 0; i < file->n_service; i++) {
			struct lk_service *service = &reflection->services[reflection->n_services];

			LK_TRY(fill_service(reflection, file, file->service[i], service));
			/* One without methods gives its place to the next. */
			reflection->n_services += service->n_methods > 0;
		}
	}
	return LK_SUCCESS;
}

/* --- the interface --- */

struct lk_status lk_reflect_load(struct lk_bytes descriptor_set, struct lk_arena *arena,
	const struct lk_reflection **reflection_out)
{
	struct lk_reflection *reflection = lk_arena_calloc(arena, 1, sizeof *reflection);

	if (reflection == NULL)
		return NO_MEMORY;
	reflection->arena = arena;
	reflection->secrets =
		lk_arena_calloc(arena, LK_REFLECT_SECRETS_MAX, sizeof *reflection->secrets);
	if (reflection->secrets == NULL)
		return NO_MEMORY;
	LK_TRY(read_files(reflection, descriptor_set));
	LK_TRY(list_types(reflection));
	LK_TRY(list_services(reflection));
	*reflection_out = reflection;
	return LK_SUCCESS;
}

const struct lk_service *lk_reflect_services(const struct lk_reflection *reflection, size_t *n_out)
{
	*n_out = reflection->n_services;
	return reflection->services;
}

/* Whether the full name is the wanted one, or ends with it after a dot. */
static bool service_fits(const char *name, const char *wanted, size_t n)
{
	size_t n_name = strlen(name);

	return n_name >= n && memcmp(name + n_name - n, wanted, n) == 0 &&
	       (n_name == n || (n > 0 && name[n_name - n - 1] == '.'));
}

const struct lk_method *lk_reflect_method(const struct lk_reflection *reflection, const char *path)
{
	const char *slash = strchr(path, '/');
	const struct lk_method *found = NULL;

	if (slash == NULL)
		return NULL;
	for (size_t k = 0; k < reflection->n_services; k++) {
		const struct lk_service *service = &reflection->services[k];
		size_t n = (size_t)(slash - path);

		if (!service_fits(service->name, path, n))
			continue;
		for (size_t i = 0; i < service->n_methods; i++) {
			if (strcmp(service->methods[i].name, slash + 1) != 0)
				continue;
			if (strlen(service->name) == n)
				return &service->methods[i];
			if (found != NULL)
				return NULL; /* two packages have it: the short name won't do */
			found = &service->methods[i];
		}
	}
	return found;
}

const ProtobufCMessageDescriptor *lk_reflect_message(
	const struct lk_reflection *reflection, const char *name)
{
	const struct lk_reflect_type *type = lk_reflect_find_type(reflection, name);

	return type != NULL ? type->built_message : NULL;
}

static bool is_secret(const struct lk_reflection *reflection,
	const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < reflection->n_secrets; i++)
		if (reflection->secrets[i].message == type &&
			reflection->secrets[i].number == field->id)
			return true;
	return false;
}

/* Building has bounded the depth of types, but one that contains itself has none. */
static bool has_secret(const struct lk_reflection *reflection,
	const ProtobufCMessageDescriptor *type, unsigned depth)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (is_secret(reflection, type, field))
			return true;
		if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
			(depth == 0 || has_secret(reflection, field->descriptor, depth - 1)))
			return true;
	}
	return false;
}

bool lk_reflect_has_secret(
	const struct lk_reflection *reflection, const ProtobufCMessageDescriptor *type)
{
	return has_secret(reflection, type, LK_MESSAGE_DEPTH_MAX);
}
