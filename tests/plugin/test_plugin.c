/* SPDX-License-Identifier: MIT */
/* The plugin on the requests that protoc makes for cases/everything.proto and cases/rest.proto:
 * argv[1] and argv[2]. */
#include <stdio.h>

#include "gen/plugin/plugin.h"
#include "gen/plugin/schema.h"
#include "tests/support/check.h"

#define MEMORY_MAX ((size_t)64 * 1024 * 1024)

enum { EVERYTHING, REST, N_REQUESTS };

static uint8_t request_bytes[N_REQUESTS][256 * 1024];
static struct lk_bytes requests[N_REQUESTS];

/* Once with the nth allocation failing; returns whether there was one. */
static bool run_with_fault(struct lk_bytes request, unsigned long nth)
{
	struct lk_bytes output = { NULL, 0 };
	struct lk_arena arena;
	const char *error;
	bool has_fired;

	lk_arena_init(&arena, MEMORY_MAX);
	lk_alloc_fail_nth(nth);
	error = lk_plugin_run(&arena, request, &output);
	has_fired = lk_alloc_fail_nth(0);
	CHECK_EQ(error != NULL, has_fired);
	CHECK_EQ(output.n == 0, has_fired);
	lk_arena_fini(&arena);
	return has_fired;
}

/* Once with that much memory; returns whether it was enough. */
static bool run_with_cap(struct lk_bytes request, size_t cap)
{
	struct lk_bytes output = { NULL, 0 };
	struct lk_arena arena;
	const char *error;

	lk_arena_init(&arena, cap);
	error = lk_plugin_run(&arena, request, &output);
	CHECK_EQ(error != NULL, arena.exhausted);
	CHECK_EQ(error != NULL, output.n == 0);
	lk_arena_fini(&arena);
	return error == NULL;
}

/* The response in the arena. */
static pb_response *run(struct lk_arena *arena, struct lk_bytes request)
{
	struct lk_bytes output;
	pb_response *response;

	CHECK(lk_plugin_run(arena, request, &output) == NULL);
	response = google__protobuf__compiler__code_generator_response__unpack(
		&arena->allocator, output.n, output.data);
	CHECK(response != NULL);
	return response;
}

TEST(a_failing_allocation_gives_no_output_and_says_why)
{
	for (size_t i = 0; i < N_REQUESTS; i++) {
		unsigned long nth = 1;

		while (run_with_fault(requests[i], nth))
			nth++;
		CHECK(nth > 1);
	}
}

TEST(an_arena_that_is_too_small_gives_no_output_and_says_why)
{
	for (size_t i = 0; i < N_REQUESTS; i++) {
		size_t cap = 4096;

		while (!run_with_cap(requests[i], cap))
			cap += cap / 8;
		CHECK(cap > 4096 && cap < MEMORY_MAX);
	}
}

TEST(a_request_that_is_cut_short_is_refused)
{
	struct lk_bytes cut = { requests[EVERYTHING].data, requests[EVERYTHING].n - 1 };
	struct lk_bytes output;
	struct lk_arena arena;

	lk_arena_init(&arena, MEMORY_MAX);
	CHECK(lk_plugin_run(&arena, cut, &output) != NULL);
	lk_arena_fini(&arena);
}

TEST(the_response_says_that_proto3_optional_is_understood)
{
	struct lk_arena arena;
	pb_response *response;

	lk_arena_init(&arena, MEMORY_MAX);
	response = run(&arena, requests[EVERYTHING]);
	CHECK_EQ(response->supported_features, 1);
	CHECK_EQ(response->n_file, 2);
	CHECK_STR(response->file[0]->name, "everything.rpc.h");
	lk_arena_fini(&arena);
}

TEST(a_surface_has_a_document_and_its_text_as_c)
{
	static const char *const names[] = { "rest.rpc.h", "rest.rpc.c", "rest.openapi.json",
		"rest.openapi.c" };
	struct lk_arena arena;
	pb_response *response;

	lk_arena_init(&arena, MEMORY_MAX);
	response = run(&arena, requests[REST]);
	CHECK_EQ(response->n_file, LK_COUNT(names));
	for (size_t i = 0; i < LK_COUNT(names); i++)
		CHECK_STR(response->file[i]->name, names[i]);
	lk_arena_fini(&arena);
}

static bool read_request(const char *path, size_t i)
{
	FILE *in = fopen(path, "rb");

	if (in == NULL)
		return false;
	requests[i].data = request_bytes[i];
	requests[i].n = fread(request_bytes[i], 1, sizeof request_bytes[i], in);
	(void)fclose(in);
	return requests[i].n > 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(a_failing_allocation_gives_no_output_and_says_why),
		RUN(an_arena_that_is_too_small_gives_no_output_and_says_why),
		RUN(a_request_that_is_cut_short_is_refused),
		RUN(the_response_says_that_proto3_optional_is_understood),
		RUN(a_surface_has_a_document_and_its_text_as_c),
	};

	if (argc != 1 + N_REQUESTS || !read_request(argv[1], EVERYTHING) ||
		!read_request(argv[2], REST))
		return 1;
	return RUN_ALL(tests);
}
