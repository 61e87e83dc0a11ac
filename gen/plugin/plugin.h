/* SPDX-License-Identifier: MIT */
/* protoc-gen-latchkey without its input and output: from a schema to stubs and tables. */
#pragma once

#include "proto/wire/arena.h"

/* Answers an encoded CodeGeneratorRequest with an encoded CodeGeneratorResponse in the arena.
 * Errors in the schema are part of the response. Returns NULL, or why there is no response. */
const char *lk_plugin_run(
	struct lk_arena *arena, struct lk_bytes input, struct lk_bytes *output_out);
