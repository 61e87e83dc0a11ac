/* SPDX-License-Identifier: MIT */
/* The request of protoc as the plugin looks at it: protobuf-c's own structs, an index of all
 * message types over them, and the errors found so far.
 */
#pragma once

#include <google/protobuf/compiler/plugin.pb-c.h>

#include "gen/plugin/out.h"

/* Short names for what protobuf-c made of plugin.proto and descriptor.proto. */
typedef Google__Protobuf__Compiler__CodeGeneratorRequest pb_request;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse pb_response;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File pb_response_file;
typedef Google__Protobuf__FileDescriptorProto pb_file;
typedef Google__Protobuf__DescriptorProto pb_message;
typedef Google__Protobuf__FieldDescriptorProto pb_field;
typedef Google__Protobuf__EnumDescriptorProto pb_enum;
typedef Google__Protobuf__EnumValueDescriptorProto pb_enum_value;
typedef Google__Protobuf__ServiceDescriptorProto pb_service;
typedef Google__Protobuf__MethodDescriptorProto pb_method;
typedef Google__Protobuf__SourceCodeInfo__Location pb_location;

/* Field numbers of descriptor.proto, of which the paths of SourceCodeInfo are made. */
enum {
	LK_PATH_FILE_MESSAGE = 4,
	LK_PATH_FILE_ENUM = 5,
	LK_PATH_FILE_SERVICE = 6,
	LK_PATH_FILE_SYNTAX = 12,
	LK_PATH_MESSAGE_FIELD = 2,
	LK_PATH_MESSAGE_MESSAGE = 3,
	LK_PATH_MESSAGE_ENUM = 4,
	LK_PATH_ENUM_VALUE = 2,
	LK_PATH_SERVICE_METHOD = 2,
	LK_PATH_SERVICE_OPTIONS = 3,
	LK_PATH_METHOD_OPTIONS = 4,
};

/* Where something is declared; the path is borrowed. */
struct lk_place {
	const pb_file *file;
	const int32_t *path;
	size_t n_path;
};

/* Whether a method may carry a type. */
enum lk_soundness {
	LK_UNSEEN,
	LK_BEING_SEEN,
	LK_SOUND,
	LK_RECURSIVE, /* the culprit contains itself */
	LK_PROTO2,    /* the culprit is not proto3 */
};

struct lk_type {
	const char *name; /* in full: "latchkey.v1.Key.MetadataEntry" */
	const pb_message *message;
	struct lk_place place;
	enum lk_soundness soundness;
	const struct lk_type *culprit; /* of an unsound type: itself or something in it */
	bool is_reached;               /* by the last lk_schema_reach */
	bool is_sent;                  /* in a body of a surface's requests, */
	bool is_answered;              /* or of its answers; by the last lk_openapi_mark */
};

struct lk_schema {
	struct lk_arena *arena; /* all memory but that of the errors */
	const pb_request *request;
	const char *c_prefix;  /* the parameter, or NULL */
	struct lk_type *types; /* of all files, in the order of declaration */
	size_t n_types;
	struct lk_buf errors; /* a line each; empty: none */
};

/* A method; the path is its place. */
struct lk_site {
	const pb_file *file;
	const pb_service *service;
	const pb_method *method;
	int32_t path[4];
};

/* Indexes the request, which must outlive the schema. */
void lk_schema_init(struct lk_schema *schema, struct lk_arena *arena, const pb_request *request);
void lk_schema_fini(struct lk_schema *schema);

/* Adds the error "file:line:column: text". */
__attribute__((format(printf, 3, 4))) void lk_schema_fail(
	struct lk_schema *schema, struct lk_place place, const char *format, ...);

/* "MIT" of the file's SPDX line, or "". */
const char *lk_schema_licence(const struct lk_schema *schema, const pb_file *file);

/* The comment in front of what is declared there, or "". */
const char *lk_schema_comment(struct lk_place place);

/* The place of a path in the arena that has two numbers more. */
struct lk_place lk_schema_place_in(
	const struct lk_schema *schema, struct lk_place outer, int32_t number, size_t index);

/* The n-th method of a service. */
struct lk_site lk_schema_site(const pb_file *file, size_t service, size_t method);
struct lk_place lk_schema_site_place(const struct lk_site *site);

/* "latchkey.v1.Key" of "Key" in a file of that package. */
const char *lk_schema_name_in(
	const struct lk_schema *schema, const pb_file *file, const char *name);

/* "latchkey.v1.KeyService" */
const char *lk_schema_service_name(const struct lk_schema *schema, const struct lk_site *site);

/* The type of this name in full, with or without a leading dot. protoc has resolved all names,
 * so that there always is one. */
struct lk_type *lk_schema_type(const struct lk_schema *schema, const char *name);

/* The enum of this name in full, as above. */
const pb_enum *lk_schema_enum(const struct lk_schema *schema, const char *name);

/* The message's own field of that name, or NULL. */
const pb_field *lk_schema_field(const struct lk_type *type, const char *name, size_t *index_out);

/* The message type of a field; NULL for scalars and enums. */
struct lk_type *lk_schema_field_type(const struct lk_schema *schema, const pb_field *field);

bool lk_schema_is_repeated(const pb_field *field);

/* Whether code is to be generated for this file. */
bool lk_schema_is_asked_for(const struct lk_schema *schema, const pb_file *file);

/* Whether the file has a .rpc.h: all do but google's and the one that declares our options. */
bool lk_schema_has_rpc_header(const pb_file *file);

/* Judges a type by all that it contains. */
enum lk_soundness lk_schema_judge(struct lk_schema *schema, struct lk_type *type);

/* Marks the types that methods of the service carry, nested ones included, and no others. */
void lk_schema_reach(struct lk_schema *schema, const pb_service *service);
