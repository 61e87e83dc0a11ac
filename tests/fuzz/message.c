/* SPDX-License-Identifier: MIT */
/* Encoded messages: what lk_message_check lets through is safe for protobuf-c.
 *
 * Input: one byte that chooses the type, then the message. Invariants: unpacking succeeds, or
 * runs out of arena, exactly when the check passes; what was unpacked packs into bytes that pass
 * the check, and unpacking and packing those changes nothing any more.
 */
#include "every_type.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "latchkey/v1/auth.pb-c.h"
#include "latchkey/v1/common.pb-c.h"
#include "latchkey/v1/key.pb-c.h"
#include "proto/wire/message.h"
#include "tests/fuzz/fuzz.h"

static const ProtobufCMessageDescriptor *const types[] = {
	&latchkey__v1__authenticate_request__descriptor,
	&latchkey__v1__create_key_request__descriptor,
	&google__protobuf__file_descriptor_set__descriptor,
	&latchkey__v1__call_metadata__descriptor,
	&latchkey__v1__error_details__descriptor,
	&latchkey__test__every_type__descriptor,
};

static void check_repack(const ProtobufCMessage *message, struct lk_arena *arena)
{
	struct lk_bytes packed, again;
	ProtobufCMessage *second;

	FUZZ_OK(lk_message_pack(message, arena, &packed));
	FUZZ_OK(lk_message_unpack(message->descriptor, packed, arena, &second));
	FUZZ_OK(lk_message_pack(second, arena, &again));
	FUZZ_CHECK(fuzz_same(packed, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes bytes = { data, n };
	const ProtobufCMessageDescriptor *type = types[fuzz_choice(&bytes, LK_COUNT(types))];
	struct lk_status checked = lk_message_check(type, bytes);
	ProtobufCMessage *message;
	struct lk_arena arena;
	struct lk_status st;

	lk_arena_init(&arena, (size_t)16 << 20);
	st = lk_message_unpack(type, bytes, &arena, &message);
	FUZZ_CHECK(
		(checked.code == LK_OK) == (st.code == LK_OK || st.code == LK_RESOURCE_EXHAUSTED));
	FUZZ_CHECK(st.code == LK_OK || st.code == LK_INVALID_ARGUMENT || arena.exhausted);
	if (st.code == LK_OK)
		check_repack(message, &arena);
	lk_arena_fini(&arena);
	return 0;
}
