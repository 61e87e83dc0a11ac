/* SPDX-License-Identifier: MIT */
/* Protobuf messages from outside: checked before protobuf-c sees them.
 *
 * protobuf-c 1.4 accepts strings that are not UTF-8, cuts them at a NUL, has no limit on
 * nesting, and spends 24 to 32 bytes on each two-byte field. The check walks the encoded bytes
 * once, without allocating, and lets nothing of that through.
 */
#pragma once

#include "proto/wire/arena.h"
#include "proto/wire/status.h"

/* Deeper messages are refused; the schema needs 4. */
#define LK_MESSAGE_DEPTH_MAX 16

/* Fields of one message, repeated and nested ones counted one by one. */
#define LK_MESSAGE_FIELDS_MAX 4096

/* Checks encoded bytes against a message type. LK_INVALID_ARGUMENT, with the field's name where
 * one is at fault. Unknown fields are allowed and skipped; groups are not. */
LK_MUST_USE struct lk_status lk_message_check(
	const ProtobufCMessageDescriptor *type, struct lk_bytes bytes);

/* Checks and unpacks into the arena.
 *
 * LK_INVALID_ARGUMENT    as lk_message_check
 * LK_RESOURCE_EXHAUSTED  the message does not fit into the arena
 */
LK_MUST_USE struct lk_status lk_message_unpack(const ProtobufCMessageDescriptor *type,
	struct lk_bytes bytes, struct lk_arena *arena, ProtobufCMessage **message_out);

/* An empty message in the arena; NULL when it does not fit. */
ProtobufCMessage *lk_message_new(const ProtobufCMessageDescriptor *type, struct lk_arena *arena);

/* Encodes into the arena. LK_RESOURCE_EXHAUSTED when it does not fit. */
LK_MUST_USE struct lk_status lk_message_pack(
	const ProtobufCMessage *message, struct lk_arena *arena, struct lk_bytes *bytes_out);
