/* SPDX-License-Identifier: MIT */
/* What the files of record.h share: the steps between plain structs and protobuf-c's. */
#pragma once

#include "proto/wire/message.h"
#include "server/store/record.h"
#include "server/store/records.pb-c.h"

#define LK_RECORD_TOO_LARGE LK_ERR(LK_RESOURCE_EXHAUSTED, "the record is too large")
#define LK_RECORD_DAMAGED LK_ERR(LK_DATA_LOSS, "a stored record is damaged or of a newer version")

/* Borrowed: packing does not write to what it packs. */
ProtobufCBinaryData lk_record_binary(const void *data, size_t n);
ProtobufCBinaryData lk_record_text(struct lk_bytes text);

/* NULL when the arena is full. */
ProtobufCBinaryData *lk_record_texts(const struct lk_text_list *list, struct lk_arena *arena);

/* Encodes and makes sure that it can be read back. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_record_pack(
	const ProtobufCMessage *message, struct lk_arena *arena, struct lk_bytes *value_out);

/* Checks and unpacks. LK_DATA_LOSS, LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_record_unpack(const ProtobufCMessageDescriptor *type,
	struct lk_bytes value, struct lk_arena *arena, ProtobufCMessage **message_out);

bool lk_record_is_known(uint32_t version);
struct lk_bytes lk_record_bytes(const ProtobufCBinaryData *data);

/* False when the field does not have exactly this size. */
bool lk_record_read_fixed(const ProtobufCBinaryData *data, uint8_t *out, size_t n);

/* False when the arena is full. */
bool lk_record_read_texts(const ProtobufCBinaryData *texts, size_t n, struct lk_arena *arena,
	struct lk_text_list *list_out);
