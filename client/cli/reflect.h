/* SPDX-License-Identifier: MIT */
/* Services and messages that the program was not built with, made out of a server's descriptors.
 *
 * What comes out is what protobuf-c's generator would have compiled in: message and enum types
 * with tables, sizes and offsets, and methods. With it protobuf-c packs and unpacks, lk_json
 * reads and prints, and lk_rpc_call calls.
 *
 * The descriptors come from outside and are judged: what is not sound proto3, which is all that
 * a Latchkey method may carry, is refused. Nothing but the arena is written to; a reflection is
 * as thread-safe as constants are, and gone with its arena.
 */
#pragma once

#include "proto/wire/rpc.h"

/* Types, methods and fields marked as secrets of one reflection, at most. */
#define LK_REFLECT_TYPES_MAX 4096
#define LK_REFLECT_METHODS_MAX 1024
#define LK_REFLECT_SECRETS_MAX 256

struct lk_reflection;

/* Reads a serialized google.protobuf.FileDescriptorSet, imports included. Methods without an
 * `rpc` option of latchkey.v1 have no number to call them by and are left out, and so are those
 * that stream.
 *
 * LK_INVALID_ARGUMENT    not a FileDescriptorSet, or not a sound one
 * LK_RESOURCE_EXHAUSTED  it does not fit into the arena
 */
LK_MUST_USE struct lk_status lk_reflect_load(struct lk_bytes descriptor_set, struct lk_arena *arena,
	const struct lk_reflection **reflection_out);

/* All services that have methods, in the order of declaration. Their methods have no `serve`. */
const struct lk_service *lk_reflect_services(const struct lk_reflection *reflection, size_t *n_out);

/* The method of "latchkey.v1.KeyService/GetKey", or, where that is unique, "KeyService/GetKey".
 * NULL when there is none. */
const struct lk_method *lk_reflect_method(const struct lk_reflection *reflection, const char *path);

/* Whether a request of this type, one of the reflection's, can hold a secret anywhere. */
bool lk_reflect_has_secret(
	const struct lk_reflection *reflection, const ProtobufCMessageDescriptor *type);

/* The message type of this full name, "latchkey.v1.Key"; NULL when no method carries it. */
const ProtobufCMessageDescriptor *lk_reflect_message(
	const struct lk_reflection *reflection, const char *name);
