/* SPDX-License-Identifier: MIT */
/* What reading a configuration consists of: a table of fields, and a reader for each kind. */
#pragma once

#include <yaml.h>

#include "server/config.h"

#define LK_CONFIG_TEXT_MAX 1024
#define LK_CONFIG_NAME_MAX 200

struct lk_config_reader {
	yaml_document_t document;
	const char *path;
	struct lk_arena *arena;
	struct lk_buf *errors;
	bool failed;
};

enum lk_config_kind {
	LK_CONFIG_TEXT,
	LK_CONFIG_BOOL,
	LK_CONFIG_NUMBER,
	LK_CONFIG_DURATION_MS,
	LK_CONFIG_DURATION_S,
	LK_CONFIG_TEXTS,
	LK_CONFIG_CHOICE,
	LK_CONFIG_SECTION,
	LK_CONFIG_ROLES,
	LK_CONFIG_REALMS
};

/* One field of one section: this table is the whole grammar. */
struct lk_config_field {
	const char *name;
	enum lk_config_kind kind;
	size_t offset;
	long min, max;       /* of a number; of a duration in milliseconds */
	const char *choices; /* of a choice: "a|b|c" */
	const struct lk_config_field
		*section;                   /* of a section: its fields, at this struct's offsets */
	bool (*is_valid)(const char *text); /* of a text, or of each text of a list; may be NULL */
	const char *rule;                   /* what is_valid asks for */
	bool required;
};

/* Adds a mistake with its line; `node` may be NULL for one without a place. */
void lk_config_complain(struct lk_config_reader *reader, const yaml_node_t *node, const char *field,
	const char *what);

const char *lk_config_text(const yaml_node_t *node);

/* A text of 1 to 1,023 bytes without NUL. */
bool lk_config_is_text(const yaml_node_t *node);

/* Each reads a value of its kind into the place, or complains and leaves it. */
void lk_config_read_number(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, const yaml_node_t *node, void *into);
void lk_config_read_bool(
	struct lk_config_reader *reader, const char *name, const yaml_node_t *node, bool *into);
void lk_config_read_choice(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, const yaml_node_t *node, const char **into);

/* NULL after a complaint. */
const char *lk_config_read_text(struct lk_config_reader *reader,
	const struct lk_config_field *field, const char *name, const yaml_node_t *node);

/* The list's place is followed by that of its count. */
void lk_config_read_texts(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, yaml_node_t *node, const char ***into);

/* The full name of a field in a section; the section's is "" at the top. */
void lk_config_join(char name_out[LK_CONFIG_NAME_MAX], const char *section, const char *field);

/* Reads a mapping by its table of fields into the struct whose offsets they have. */
void lk_config_read_section(struct lk_config_reader *reader, const struct lk_config_field *fields,
	const char *name, yaml_node_t *node, void *into);

/* --- config_realm.c --- */

void lk_config_read_realms(
	struct lk_config_reader *reader, yaml_node_t *node, struct lk_config *config);
void lk_config_read_roles(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_config_realm *realm);
