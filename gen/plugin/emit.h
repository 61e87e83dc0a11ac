/* SPDX-License-Identifier: MIT */
/* The text of the generated files. It depends on the schema alone, in the order of declaration:
 * the same schema gives the same bytes everywhere. The schema has passed all checks.
 */
#pragma once

#include "gen/plugin/schema.h"

/* How files begin: licence of the proto file, where they come from. */
void lk_emit_banner(const struct lk_schema *schema, const pb_file *file, struct lk_buf *out);

/* <stem>.rpc.h */
void lk_emit_header(const struct lk_schema *schema, const pb_file *file, struct lk_buf *out);

/* <stem>.rpc.c; marks types as reached. */
void lk_emit_source(struct lk_schema *schema, const pb_file *file, struct lk_buf *out);

/* The parts of both that are about a surface; `index` is that of its service. */
void lk_emit_surface_header(
	const struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out);
void lk_emit_surface_source(
	struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out);

/* The table of secrets in what a service carries. Returns how many there are. */
size_t lk_emit_secrets(struct lk_schema *schema, const struct lk_site *site, struct lk_buf *out);

/* <stem>.openapi.json: the document of a surface; marks types. */
void lk_emit_openapi(
	struct lk_schema *schema, const pb_file *file, size_t index, struct lk_buf *out);

/* <stem>.openapi.c: that document for the program. */
void lk_emit_openapi_source(const struct lk_schema *schema, const pb_file *file, size_t index,
	const char *document, struct lk_buf *out);
