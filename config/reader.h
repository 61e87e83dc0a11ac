/* SPDX-License-Identifier: MIT */
/* Reads a YAML file by tables: one entry per field, and a reader for each kind of value.
 *
 * Every mistake is reported with its line and the field's full name; the text never quotes a
 * value, because a value may be a secret.
 */
#pragma once

#include <stdbool.h>
#include <yaml.h>

#include "proto/wire/arena.h"
#include "proto/wire/buf.h"
#include "proto/wire/status.h"

#define LK_CONFIG_TEXT_MAX 1024
#define LK_CONFIG_NAME_MAX 200

/* Where a text stands in the file. */
struct lk_config_place {
	const struct lk_config_place *next;
	const char *text;
	const char *name; /* of its field, in full */
	const yaml_node_t *node;
};

/* Set path, arena and errors; the rest is zero at first. */
struct lk_config_reader {
	const char *path;
	struct lk_arena *arena;
	struct lk_buf *errors;
	yaml_document_t document;
	const struct lk_config_place *places; /* of all texts that were read */
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
	LK_CONFIG_CUSTOM,
	LK_CONFIG_OTHERS /* ends a table: every field that is not in it is passed over */
};

/* One field of one section: this table is the whole grammar. */
struct lk_config_field {
	const char *name;
	enum lk_config_kind kind;
	size_t offset;
	long min, max;       /* of a number; of a duration in milliseconds */
	const char *choices; /* of a choice: "a|b|c" */
	const struct lk_config_field
		*section; /* of a section: its fields; they count from this one's offset */
	void (*read)(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
		void *into);                /* of a custom one: from this field's offset on */
	bool (*is_valid)(const char *text); /* of a text, or of each text of a list; may be NULL */
	const char *rule;                   /* what is_valid asks for */
	bool required;
};

/* Reads a file by the table of its fields. When each is right, `check` may complain of what does
 * not fit together; places of texts are known until it returns. `into` is undefined after a
 * mistake.
 *
 * LK_INVALID_ARGUMENT  mistakes; `errors` has a line for each
 * LK_NOT_FOUND         the file cannot be read; `errors` says why
 */
LK_MUST_USE struct lk_status lk_config_read_file(struct lk_config_reader *reader,
	const struct lk_config_field *fields, void *into,
	void (*check)(struct lk_config_reader *reader, void *into));

/* Adds a mistake with its line; `node` may be NULL for one without a place. */
void lk_config_complain(struct lk_config_reader *reader, const yaml_node_t *node, const char *field,
	const char *what);

/* The same about a text that was read, by its address. */
void lk_config_complain_of(struct lk_config_reader *reader, const char *text, const char *what);

/* Where a text that was read stands. */
const struct lk_config_place *lk_config_place_of(
	const struct lk_config_reader *reader, const char *text);

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

/* The items of a list. */
struct lk_config_list {
	size_t max; /* set by the caller */
	yaml_node_item_t *items;
	size_t n;
};

/* False after a complaint; then there are none. */
bool lk_config_read_list(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_config_list *list);

/* The full name of a field in a section; the section's is "" at the top. */
void lk_config_join(char name_out[LK_CONFIG_NAME_MAX], const char *section, const char *field);

/* Reads a mapping by its table of fields into the struct whose offsets they have. */
void lk_config_read_section(struct lk_config_reader *reader, const struct lk_config_field *fields,
	const char *name, yaml_node_t *node, void *into);
