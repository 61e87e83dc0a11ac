/* SPDX-License-Identifier: MIT */
/* What reading descriptors and building types have in common; for client/cli/reflect*.c only. */
#pragma once

#include <google/protobuf/descriptor.pb-c.h>

#include "client/cli/reflect.h"

/* Short names for what protobuf-c made of descriptor.proto. */
typedef Google__Protobuf__FileDescriptorProto pb_file;
typedef Google__Protobuf__DescriptorProto pb_message;
typedef Google__Protobuf__FieldDescriptorProto pb_field;
typedef Google__Protobuf__EnumDescriptorProto pb_enum;
typedef Google__Protobuf__ServiceDescriptorProto pb_service;
typedef Google__Protobuf__MethodDescriptorProto pb_method;

#define UNSOUND LK_ERR(LK_INVALID_ARGUMENT, "the server's descriptors are not sound")
#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the server's descriptors need too much memory")

/* A declared type, and what was built from it: both built ones are NULL until something needs
 * the type. */
struct lk_reflect_type {
	const char *name; /* in full */
	const char *package;
	bool is_proto3;
	const pb_message *message; /* one of these two */
	const pb_enum *enumeration;
	ProtobufCMessageDescriptor *built_message;
	ProtobufCEnumDescriptor *built_enum;
};

struct lk_reflection {
	struct lk_arena *arena;
	const pb_file **files;
	size_t n_files;
	struct lk_reflect_type *types;
	size_t n_types;
	struct lk_service *services;
	size_t n_services;
	struct lk_secret_field *secrets;
	size_t n_secrets;
};

/* Whether a name is one: letters, digits and underscores, and for a package also dots. Names go
 * into JSON as they are. */
bool lk_reflect_is_name(const char *name, bool with_dots);

/* The declared type of this name, with or without a leading dot; NULL when there is none. */
struct lk_reflect_type *lk_reflect_find_type(
	const struct lk_reflection *reflection, const char *name);

/* Builds a message type and all that it contains, unless that was done before. */
LK_MUST_USE struct lk_status lk_reflect_build(struct lk_reflection *reflection,
	struct lk_reflect_type *type, const ProtobufCMessageDescriptor **descriptor_out);
