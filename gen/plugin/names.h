/* SPDX-License-Identifier: MIT */
/* From proto names to C names: those that protobuf-c gave, and ours. All are in the schema's
 * arena.
 *
 * Ours begin with a prefix made of the package: without its version, dots as underscores, and
 * with `lk` for `latchkey`. The parameter c_prefix takes its place for the packages of the
 * files to generate.
 */
#pragma once

#include "gen/plugin/schema.h"

/* "latchkey/v1/key" of "latchkey/v1/key.proto" */
const char *lk_names_stem(const struct lk_schema *schema, const pb_file *file);

/* "Latchkey__V1__Key", "latchkey__v1__key" and "LATCHKEY__V1__KEY" of "latchkey.v1.Key". */
const char *lk_names_pbc_type(const struct lk_schema *schema, const char *full_name);
const char *lk_names_pbc_lower(const struct lk_schema *schema, const char *full_name);
const char *lk_names_pbc_upper(const struct lk_schema *schema, const char *full_name);

/* "KEY_SERVICE" of "key_service" */
const char *lk_names_upper(const struct lk_schema *schema, const char *name);

/* "keyId" of the field "key_id": what it is called in JSON. */
const char *lk_names_json(const struct lk_schema *schema, const char *field);

/* "lk" for latchkey.v1; "" when the file has no package. */
const char *lk_names_prefix(const struct lk_schema *schema, const pb_file *file);

/* "lk_key_metadata_entry" of a message or enum of the file with that name in full. */
const char *lk_names_alias(
	const struct lk_schema *schema, const pb_file *file, const char *full_name);

/* How generated code calls a message type: by its alias if it has one. */
const char *lk_names_type(const struct lk_schema *schema, const struct lk_type *type);

/* "LK_KEY_STATE_ACTIVE" of the enum's alias and a value; a value that repeats the enum's name
 * loses the repetition. */
const char *lk_names_enumerator(
	const struct lk_schema *schema, const char *alias, const pb_enum *e, const char *value);

/* "key_service" */
const char *lk_names_local_service(const struct lk_schema *schema, const struct lk_site *site);

/* "lk_key_service" */
const char *lk_names_service(const struct lk_schema *schema, const struct lk_site *site);

/* "create_key" */
const char *lk_names_member(const struct lk_schema *schema, const struct lk_site *site);

/* "key_service_create_key" */
const char *lk_names_local_method(const struct lk_schema *schema, const struct lk_site *site);

/* "lk_key_service_create_key" */
const char *lk_names_method(const struct lk_schema *schema, const struct lk_site *site);
