/* SPDX-License-Identifier: MIT */
/* JSON texts to messages and back.
 *
 * Input: one byte that chooses type, options and direction, then a JSON text or a message.
 * Invariants: what was parsed prints, unless the text has no room, and its text parses into the
 * same message; a message that prints, prints JSON in UTF-8.
 */
#include "every_type.pb-c.h"
#include "latchkey/v1/key.pb-c.h"
#include "proto/wire/json.h"
#include "proto/wire/message.h"
#include "proto/wire/utf8.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX ((size_t)1 << 20)

static const ProtobufCMessageDescriptor *const types[] = {
	&latchkey__test__every_type__descriptor,
	&latchkey__v1__create_key_request__descriptor,
};

static void check_text(struct lk_bytes text, const struct lk_json_options *options,
	const ProtobufCMessageDescriptor *type, struct lk_arena *arena, struct lk_buf *out)
{
	struct lk_bytes packed, again;
	ProtobufCMessage *message;
	struct lk_status st;

	if (lk_json_parse(type, text, options, arena, &message).code != LK_OK)
		return;
	st = lk_json_print(message, options, out);
	if (st.code == LK_RESOURCE_EXHAUSTED)
		return;
	FUZZ_OK(st);
	FUZZ_OK(lk_message_pack(message, arena, &packed));
	st = lk_json_parse(type, (struct lk_bytes) { out->data, out->n }, NULL, arena, &message);
	if (st.code == LK_RESOURCE_EXHAUSTED)
		return;
	FUZZ_OK(st);
	FUZZ_OK(lk_message_pack(message, arena, &again));
	FUZZ_CHECK(fuzz_same(packed, again));
}

static void check_message(struct lk_bytes bytes, const struct lk_json_options *options,
	const ProtobufCMessageDescriptor *type, struct lk_arena *arena, struct lk_buf *out)
{
	ProtobufCMessage *message;

	if (lk_message_unpack(type, bytes, arena, &message).code != LK_OK ||
		lk_json_print(message, options, out).code != LK_OK)
		return;
	FUZZ_CHECK(lk_utf8_valid((struct lk_bytes) { out->data, out->n }));
	/* Two entries of a map may have one key: such a text is not read back. */
	(void)!lk_json_parse(type, (struct lk_bytes) { out->data, out->n }, NULL, arena, &message)
		.code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes input = { data, n };
	unsigned choice = fuzz_choice(&input, 128);
	const struct lk_json_options options = {
		.with_defaults = (choice & 2) != 0,
		.with_nulls = (choice & 32) != 0,
		.indent = (choice & 4) != 0 ? 2 : 0,
		.ignore_unknown = (choice & 8) != 0,
		.names = (choice & 64) != 0   ? LK_JSON_NAMES_PROTO
			 : (choice & 32) != 0 ? LK_JSON_NAMES_CAMEL
					      : LK_JSON_NAMES_CANONICAL,
	};
	struct lk_arena arena;
	struct lk_buf out;

	lk_arena_init(&arena, (size_t)16 << 20);
	lk_buf_init(&out, TEXT_MAX);
	if ((choice & 16) == 0)
		check_text(input, &options, types[choice & 1], &arena, &out);
	else
		check_message(input, &options, types[choice & 1], &arena, &out);
	lk_buf_fini(&out);
	lk_arena_fini(&arena);
	return 0;
}
