/* SPDX-License-Identifier: MIT */
/* The plugin on the request that protoc makes for cases/everything.proto: argv[1]. */
#include <stdio.h>

#include "gen/plugin/plugin.h"
#include "gen/plugin/schema.h"
#include "tests/support/check.h"

#define MEMORY_MAX ((size_t)64 * 1024 * 1024)

static uint8_t request_bytes[256 * 1024];
static struct lk_bytes request = { request_bytes, 0 };

TEST(a_failing_allocation_gives_no_output_and_says_why)
{
	bool has_fired = true;

	for (unsigned long nth = 1; has_fired; nth++) {
		struct lk_bytes output = { NULL, 0 };
		struct lk_arena arena;
		const char *error;

		lk_arena_init(&arena, MEMORY_MAX);
		lk_alloc_fail_nth(nth);
		error = lk_plugin_run(&arena, request, &output);
		has_fired = lk_alloc_fail_nth(0);
		CHECK_EQ(error != NULL, has_fired);
		CHECK_EQ(output.n == 0, has_fired);
		lk_arena_fini(&arena);
	}
}

TEST(an_arena_that_is_too_small_gives_no_output_and_says_why)
{
	size_t cap = 4096;

	for (const char *error = ""; error != NULL; cap += cap / 8) {
		struct lk_bytes output = { NULL, 0 };
		struct lk_arena arena;

		CHECK(cap < MEMORY_MAX);
		lk_arena_init(&arena, cap);
		error = lk_plugin_run(&arena, request, &output);
		CHECK_EQ(error != NULL, arena.exhausted);
		CHECK_EQ(error != NULL, output.n == 0);
		lk_arena_fini(&arena);
	}
}

TEST(a_request_that_is_cut_short_is_refused)
{
	struct lk_bytes cut = { request.data, request.n - 1 };
	struct lk_bytes output;
	struct lk_arena arena;

	lk_arena_init(&arena, MEMORY_MAX);
	CHECK(lk_plugin_run(&arena, cut, &output) != NULL);
	lk_arena_fini(&arena);
}

TEST(the_response_says_that_proto3_optional_is_understood)
{
	struct lk_bytes output;
	struct lk_arena arena;
	pb_response *response;

	lk_arena_init(&arena, MEMORY_MAX);
	CHECK(lk_plugin_run(&arena, request, &output) == NULL);
	response = google__protobuf__compiler__code_generator_response__unpack(
		&arena.allocator, output.n, output.data);
	CHECK(response != NULL);
	CHECK_EQ(response->supported_features, 1);
	CHECK_EQ(response->n_file, 2);
	CHECK_STR(response->file[0]->name, "everything.rpc.h");
	lk_arena_fini(&arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(a_failing_allocation_gives_no_output_and_says_why),
		RUN(an_arena_that_is_too_small_gives_no_output_and_says_why),
		RUN(a_request_that_is_cut_short_is_refused),
		RUN(the_response_says_that_proto3_optional_is_understood),
	};
	FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;

	if (in == NULL)
		return 1;
	request.n = fread(request_bytes, 1, sizeof request_bytes, in);
	(void)fclose(in);
	return request.n == 0 || RUN_ALL(tests);
}
