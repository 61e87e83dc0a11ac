/* SPDX-License-Identifier: MIT */
/* A server's descriptors into the builder of run-time types, and the types that come out.
 *
 * Input: a FileDescriptorSet; the same bytes also stand for a message of each type that came out.
 * Invariants: each method is found by its path; an empty message of each of its types packs,
 * passes lk_message_check, and prints as JSON that parses; arbitrary bytes either fail the check
 * or unpack, and can be tried to print.
 */
#include "client/cli/reflect.h"
#include "proto/wire/json.h"
#include "tests/fuzz/fuzz.h"

#define TYPES_MAX 32

struct scratch {
	struct lk_arena arena;
	struct lk_buf text;
};

static void check_empty(const ProtobufCMessageDescriptor *type, struct scratch *scratch)
{
	ProtobufCMessage *message = lk_message_new(type, &scratch->arena);
	struct lk_bytes packed;

	if (message == NULL) {
		FUZZ_CHECK(scratch->arena.exhausted);
		return;
	}
	FUZZ_OK(lk_message_pack(message, &scratch->arena, &packed));
	FUZZ_OK(lk_message_check(type, packed));
	FUZZ_OK(lk_json_print(
		message, &(struct lk_json_options) { .with_defaults = true }, &scratch->text));
}

static void check_bytes(
	const ProtobufCMessageDescriptor *type, struct lk_bytes bytes, struct scratch *scratch)
{
	ProtobufCMessage *message;
	struct lk_bytes packed;

	if (lk_message_unpack(type, bytes, &scratch->arena, &message).code != LK_OK)
		return;
	FUZZ_OK(lk_message_pack(message, &scratch->arena, &packed));
	FUZZ_OK(lk_message_check(type, packed));
	lk_buf_reset(&scratch->text);
	(void)!lk_json_print(message, NULL, &scratch->text).code;
}

static void check_type(const struct lk_reflection *reflection,
	const ProtobufCMessageDescriptor *type, struct lk_bytes bytes)
{
	struct scratch scratch;

	FUZZ_CHECK(lk_reflect_message(reflection, type->name) == type);
	(void)lk_reflect_has_secret(reflection, type);
	lk_arena_init(&scratch.arena, (size_t)16 << 20);
	lk_buf_init(&scratch.text, (size_t)1 << 20);
	check_empty(type, &scratch);
	lk_arena_reset(&scratch.arena);
	check_bytes(type, bytes, &scratch);
	lk_buf_fini(&scratch.text);
	lk_arena_fini(&scratch.arena);
}

static void check_service(const struct lk_reflection *reflection, const struct lk_service *service,
	struct lk_bytes bytes)
{
	for (size_t i = 0; i < service->n_methods && i < TYPES_MAX; i++) {
		const struct lk_method *method = &service->methods[i];
		char path[512];

		if (snprintf(path, sizeof path, "%s/%s", service->name, method->name) <
			(int)sizeof path)
			FUZZ_CHECK(lk_reflect_method(reflection, path) == method);
		check_type(reflection, method->request, bytes);
		check_type(reflection, method->response, bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct lk_bytes bytes = { data, n };
	const struct lk_reflection *reflection;
	const struct lk_service *services;
	struct lk_arena arena;
	size_t n_services;

	lk_arena_init(&arena, (size_t)64 << 20);
	if (lk_reflect_load(bytes, &arena, &reflection).code == LK_OK) {
		services = lk_reflect_services(reflection, &n_services);
		for (size_t i = 0; i < n_services && i < TYPES_MAX; i++)
			check_service(reflection, &services[i], bytes);
	}
	lk_arena_fini(&arena);
	return 0;
}
