/* SPDX-License-Identifier: MIT */
/* protoc-gen-latchkey: from a schema to client stubs and server tables.
 *
 * protoc writes a CodeGeneratorRequest to our standard input and reads a CodeGeneratorResponse
 * from our standard output. Errors in the schema are part of the response; the exit status is
 * about the plugin alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gen/plugin/plugin.h"
#include "proto/wire/buf.h"

#define REQUEST_MAX ((size_t)256 * 1024 * 1024)
#define MEMORY_MAX ((size_t)1024 * 1024 * 1024)

static bool read_all(FILE *in, struct lk_buf *buf)
{
	uint8_t block[16 * 1024];
	size_t n;

	while ((n = fread(block, 1, sizeof block, in)) > 0)
		lk_buf_add(buf, block, n);
	return !ferror(in) && !buf->failed;
}

int main(void)
{
	const char *error = "cannot read standard input";
	struct lk_bytes output = { NULL, 0 };
	struct lk_arena arena;
	struct lk_buf input;

	lk_arena_init(&arena, MEMORY_MAX);
	lk_buf_init(&input, REQUEST_MAX);
	if (read_all(stdin, &input))
		error = lk_plugin_run(&arena, (struct lk_bytes) { input.data, input.n }, &output);
	if (error == NULL && fwrite(output.data, 1, output.n, stdout) != output.n)
		error = "cannot write standard output";
	if (error == NULL && fflush(stdout) != 0)
		error = "cannot write standard output";
	if (error != NULL)
		(void)fprintf(stderr, "protoc-gen-latchkey: %s\n", error);
	lk_buf_fini(&input);
	lk_arena_fini(&arena);
	return error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
