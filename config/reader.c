/* SPDX-License-Identifier: MIT */
#include "config/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lk_config_complain(struct lk_config_reader *reader, const yaml_node_t *node, const char *field,
	const char *what)
{
	char line[LK_CONFIG_TEXT_MAX];
	int n;

	if (node != NULL)
		n = snprintf(line, sizeof line, "%s:%zu: %s%s%s\n", reader->path,
			node->start_mark.line + 1, field, *field != '\0' ? ": " : "", what);
	else
		n = snprintf(line, sizeof line, "%s: %s\n", reader->path, what);
	lk_buf_add(reader->errors, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
	reader->failed = true;
}

const struct lk_config_place *lk_config_place_of(
	const struct lk_config_reader *reader, const char *text)
{
	const struct lk_config_place *place = reader->places;

	while (place->text != text)
		place = place->next;
	return place;
}

void lk_config_complain_of(struct lk_config_reader *reader, const char *text, const char *what)
{
	const struct lk_config_place *place = lk_config_place_of(reader, text);

	lk_config_complain(reader, place->node, place->name, what);
}

const char *lk_config_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

bool lk_config_is_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length > 0 &&
	       node->data.scalar.length < LK_CONFIG_TEXT_MAX &&
	       strlen(lk_config_text(node)) == node->data.scalar.length;
}

/* "30s", "5m", "24h", "7d" or "250ms". */
static bool parse_duration(const char *text, long *ms_out)
{
	static const struct {
		const char *unit;
		long ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	char *end;
	long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtol(text, &end, 10);
	for (size_t i = 0; i < LK_COUNT(units); i++) {
		if (errno != 0 || strcmp(end, units[i].unit) != 0)
			continue;
		if (n > LONG_MAX / units[i].ms)
			return false;
		*ms_out = n * units[i].ms;
		return true;
	}
	return false;
}

static bool parse_number(const char *text, long *number_out)
{
	char *end;

	errno = 0;
	*number_out = strtol(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

void lk_config_read_number(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, const yaml_node_t *node, void *into)
{
	bool is_number = field->kind == LK_CONFIG_NUMBER;
	char what[96];
	long value;

	if (!lk_config_is_text(node) ||
		!(is_number ? parse_number(lk_config_text(node), &value)
			    : parse_duration(lk_config_text(node), &value))) {
		lk_config_complain(reader, node, name,
			is_number ? "must be a whole number"
				  : "must be a duration such as 250ms, 30s, 5m, 24h or 7d");
	} else if (value < field->min || value > field->max) {
		snprintf(what, sizeof what, "must be between %ld and %ld%s", field->min, field->max,
			is_number ? "" : " ms");
		lk_config_complain(reader, node, name, what);
	} else {
		*(uint32_t *)into =
			(uint32_t)(field->kind == LK_CONFIG_DURATION_S ? value / 1000 : value);
	}
}

void lk_config_read_bool(
	struct lk_config_reader *reader, const char *name, const yaml_node_t *node, bool *into)
{
	if (lk_config_is_text(node) && strcmp(lk_config_text(node), "true") == 0)
		*into = true;
	else if (lk_config_is_text(node) && strcmp(lk_config_text(node), "false") == 0)
		*into = false;
	else
		lk_config_complain(reader, node, name, "must be true or false");
}

static const char *keep_text(
	struct lk_config_reader *reader, const char *name, const yaml_node_t *node)
{
	struct lk_config_place *place = lk_arena_alloc(reader->arena, sizeof *place);

	if (place == NULL)
		return NULL;
	*place = (struct lk_config_place) {
		.next = reader->places,
		.text = lk_arena_strndup(
			reader->arena, lk_config_text(node), node->data.scalar.length),
		.name = lk_arena_strndup(reader->arena, name, strlen(name)),
		.node = node,
	};
	reader->places = place;
	return place->text;
}

const char *lk_config_read_text(struct lk_config_reader *reader,
	const struct lk_config_field *field, const char *name, const yaml_node_t *node)
{
	if (!lk_config_is_text(node))
		lk_config_complain(reader, node, name, "must be a text of 1 to 1023 bytes");
	else if (field->is_valid != NULL && !field->is_valid(lk_config_text(node)))
		lk_config_complain(reader, node, name, field->rule);
	else
		return keep_text(reader, name, node);
	return NULL;
}

void lk_config_read_choice(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, const yaml_node_t *node, const char **into)
{
	const char *choice = field->choices;
	char what[LK_CONFIG_TEXT_MAX];
	size_t n;

	for (; lk_config_is_text(node); choice += n + 1) {
		n = strcspn(choice, "|");
		if (n == node->data.scalar.length &&
			strncmp(choice, lk_config_text(node), n) == 0) {
			*into = lk_arena_strndup(reader->arena, choice, n);
			return;
		}
		if (choice[n] == '\0')
			break;
	}
	snprintf(what, sizeof what, "must be one of %s", field->choices);
	lk_config_complain(reader, node, name, what);
}

static bool is_among(const char *text, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (texts[i] != NULL && strcmp(texts[i], text) == 0)
			return true;
	return false;
}

bool lk_config_read_list(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_config_list *list)
{
	char what[48];

	list->n = 0;
	if (node->type != YAML_SEQUENCE_NODE) {
		lk_config_complain(reader, node, name, "must be a list");
		return false;
	}
	list->items = node->data.sequence.items.start;
	list->n = (size_t)(node->data.sequence.items.top - list->items);
	if (list->n <= list->max)
		return true;
	list->n = 0;
	snprintf(what, sizeof what, "has more than %zu entries", list->max);
	lk_config_complain(reader, node, name, what);
	return false;
}

void lk_config_read_texts(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, yaml_node_t *node, const char ***into)
{
	size_t *n_into = (size_t *)(void *)(into + 1);
	struct lk_config_list list = { .max = (size_t)field->max };

	if (!lk_config_read_list(reader, name, node, &list))
		return;
	*into = lk_arena_calloc(reader->arena, list.n + 1, sizeof **into);
	if (*into == NULL)
		return;
	*n_into = 0;
	for (size_t i = 0; i < list.n; i++) {
		yaml_node_t *entry = yaml_document_get_node(&reader->document, list.items[i]);
		const char *text = lk_config_read_text(reader, field, name, entry);

		if (text != NULL && is_among(text, *into, *n_into))
			lk_config_complain(reader, entry, name, "the same entry is given twice");
		(*into)[(*n_into)++] = text;
	}
}

static void read_field(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, yaml_node_t *node, void *section)
{
	void *into = (char *)section + field->offset;
	const char *text;

	switch (field->kind) {
	case LK_CONFIG_TEXT:
		text = lk_config_read_text(reader, field, name, node);
		if (text != NULL)
			*(const char **)into = text;
		break;
	case LK_CONFIG_BOOL:
		lk_config_read_bool(reader, name, node, into);
		break;
	case LK_CONFIG_NUMBER:
	case LK_CONFIG_DURATION_MS:
	case LK_CONFIG_DURATION_S:
		lk_config_read_number(reader, field, name, node, into);
		break;
	case LK_CONFIG_TEXTS:
		lk_config_read_texts(reader, field, name, node, into);
		break;
	case LK_CONFIG_CHOICE:
		lk_config_read_choice(reader, field, name, node, into);
		break;
	case LK_CONFIG_SECTION:
		lk_config_read_section(reader, field->section, name, node, into);
		break;
	case LK_CONFIG_CUSTOM:
		field->read(reader, name, node, into);
		break;
	case LK_CONFIG_OTHERS:
		break;
	}
}

static const struct lk_config_field *find_field(
	const struct lk_config_field *fields, const yaml_node_t *key)
{
	for (; fields->name != NULL; fields++)
		if (lk_config_is_text(key) && strcmp(fields->name, lk_config_text(key)) == 0)
			return fields;
	return fields->kind == LK_CONFIG_OTHERS ? fields : NULL;
}

void lk_config_join(char name_out[LK_CONFIG_NAME_MAX], const char *section, const char *field)
{
	snprintf(name_out, LK_CONFIG_NAME_MAX, "%s%s%s", section, *section != '\0' ? "." : "",
		field);
}

/* Says which required fields a section lacks; `seen` has a bit per field. */
static void require_fields(struct lk_config_reader *reader, const struct lk_config_field *fields,
	const char *prefix, const yaml_node_t *node, uint64_t seen)
{
	char name[LK_CONFIG_NAME_MAX];

	for (size_t i = 0; fields[i].name != NULL; i++) {
		if (!fields[i].required || (seen >> i & 1) != 0)
			continue;
		lk_config_join(name, prefix, fields[i].name);
		lk_config_complain(reader, node, name, "is missing");
	}
}

void lk_config_read_section(struct lk_config_reader *reader, const struct lk_config_field *fields,
	const char *prefix, yaml_node_t *node, void *into)
{
	yaml_node_pair_t *pair;
	uint64_t seen = 0;

	if (node->type != YAML_MAPPING_NODE) {
		lk_config_complain(reader, node, prefix, "must be a section of fields");
		return;
	}
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
		const struct lk_config_field *field = find_field(fields, key);
		char name[LK_CONFIG_NAME_MAX];

		if (field == NULL) {
			/* A misplaced secret may stand where a name belongs: it is not quoted. */
			lk_config_complain(reader, key, prefix, "has a field that does not exist");
			continue;
		}
		if (field->kind == LK_CONFIG_OTHERS)
			continue;
		lk_config_join(name, prefix, field->name);
		if ((seen >> (field - fields) & 1) != 0) {
			lk_config_complain(reader, key, name, "is given twice");
			continue;
		}
		seen |= UINT64_C(1) << (field - fields);
		read_field(reader, field, name, value, into);
	}
	require_fields(reader, fields, prefix, node, seen);
}

static void complain_syntax(struct lk_config_reader *reader, const yaml_parser_t *parser)
{
	yaml_node_t place = { .start_mark = parser->problem_mark };

	lk_config_complain(
		reader, &place, "", parser->problem != NULL ? parser->problem : "is not YAML");
}

/* False after a complaint: then there is no document. */
static bool load_document(struct lk_config_reader *reader, FILE *file)
{
	yaml_parser_t parser;
	bool is_loaded;

	if (!yaml_parser_initialize(&parser)) {
		lk_config_complain(reader, NULL, "", "out of memory");
		return false;
	}
	yaml_parser_set_input_file(&parser, file);
	is_loaded = yaml_parser_load(&parser, &reader->document) != 0;
	if (!is_loaded)
		complain_syntax(reader, &parser);
	yaml_parser_delete(&parser);
	return is_loaded;
}

static void read_document(struct lk_config_reader *reader, const struct lk_config_field *fields,
	void *into, void (*check)(struct lk_config_reader *reader, void *into))
{
	yaml_node_t *root = yaml_document_get_root_node(&reader->document);

	if (root == NULL)
		lk_config_complain(reader, &(yaml_node_t) { 0 }, "", "is empty");
	else
		lk_config_read_section(reader, fields, "", root, into);
	if (reader->arena->exhausted)
		lk_config_complain(reader, NULL, "", "needs too much memory");
	if (!reader->failed)
		check(reader, into);
}

struct lk_status lk_config_read_file(struct lk_config_reader *reader,
	const struct lk_config_field *fields, void *into,
	void (*check)(struct lk_config_reader *reader, void *into))
{
	FILE *file = fopen(reader->path, "re");

	if (file == NULL) {
		lk_config_complain(reader, NULL, "", strerror(errno));
		lk_buf_u8(reader->errors, '\0');
		return LK_ERR(LK_NOT_FOUND, "the configuration cannot be read");
	}
	if (load_document(reader, file)) {
		read_document(reader, fields, into, check);
		yaml_document_delete(&reader->document);
	}
	fclose(file);
	lk_buf_u8(reader->errors, '\0');
	return reader->failed ? LK_ERR(LK_INVALID_ARGUMENT, "the configuration has mistakes")
			      : LK_SUCCESS;
}
