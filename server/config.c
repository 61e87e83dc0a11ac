/* SPDX-License-Identifier: MIT */
#include "server/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "server/core/permset.h"

#define NAME_MAX_BYTES 200
#define REALMS_MAX 255    /* of 256, one is built in */
#define REALM_NAME_MAX 31 /* with `_` it is the realm's key prefix unless another is given */
#define TEXT_MAX_BYTES 1024

struct reader {
	yaml_document_t document;
	const char *path;
	struct lk_arena *arena;
	struct lk_buf *errors;
	bool failed;
};

enum kind { TEXT, BOOL, NUMBER, DURATION_MS, TEXTS, CHOICE, SECTION, REALMS };

/* One field of one section: this table is the whole grammar. */
struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	long min, max;                      /* of a number; of a duration in milliseconds */
	const char *choices;                /* of a choice: "a|b|c" */
	const struct field *section;        /* of a section: its fields, at this struct's offsets */
	bool (*is_valid)(const char *text); /* of a text, or of each text of a list; may be NULL */
	const char *rule;                   /* what is_valid asks for */
	bool required;
};

static bool is_operator_url(const char *text);
static bool is_url(const char *text);
static bool is_key_prefix(const char *text);
static bool is_permission(const char *text);

#define AT(member) offsetof(struct lk_config, member)

static const struct field listen_fields[] = {
	{ .name = "operator",
		.kind = TEXT,
		.offset = AT(operator_url),
		.required = true,
		.is_valid = is_operator_url,
		.rule = "must start with ipc://" },
	{ .name = "rpc",
		.kind = TEXTS,
		.offset = AT(listen),
		.max = LK_CONFIG_LISTENERS_MAX,
		.is_valid = is_url,
		.rule = "each entry starts with tcp:// or ipc://" },
	{ .name = "plaintext_ok", .kind = BOOL, .offset = AT(plaintext_ok) },
	{ .name = "connections_max",
		.kind = NUMBER,
		.offset = AT(connections_max),
		.min = 1,
		.max = 100000 },
	{ .name = "connections_per_address_max",
		.kind = NUMBER,
		.offset = AT(connections_per_address_max),
		.min = 1,
		.max = 100000 },
	{ 0 },
};

static const struct field log_fields[] = {
	{ .name = "level",
		.kind = CHOICE,
		.offset = AT(log_level),
		.choices = "error|warn|info|debug" },
	{ .name = "format", .kind = CHOICE, .offset = AT(log_format), .choices = "text|json" },
	{ 0 },
};

static const struct field store_fields[] = {
	{ .name = "change_log_max",
		.kind = NUMBER,
		.offset = AT(change_log_max),
		.min = 1000,
		.max = 100000000 },
	{ .name = "change_log_age",
		.kind = DURATION_MS,
		.offset = AT(change_log_age_ms),
		.min = 60000,
		.max = INT_MAX },
	{ .name = "reserve_mib", .kind = NUMBER, .offset = AT(reserve_mib), .min = 1, .max = 1024 },
	{ .name = "usage_flush",
		.kind = DURATION_MS,
		.offset = AT(usage_flush_ms),
		.min = 100,
		.max = 60000 },
	{ .name = "sweep",
		.kind = DURATION_MS,
		.offset = AT(sweep_ms),
		.min = 1000,
		.max = 86400000 },
	{ 0 },
};

static const struct field read_fields[] = {
	{ .name = "workers", .kind = NUMBER, .offset = AT(read.workers), .min = 1, .max = 32 },
	{ .name = "queue", .kind = NUMBER, .offset = AT(read.queue), .min = 1, .max = 64 },
	{ 0 },
};

static const struct field lane_fields[] = {
	{ .name = "read", .kind = SECTION, .section = read_fields },
	{ 0 },
};

static const struct field top_fields[] = {
	{ .name = "data_dir", .kind = TEXT, .offset = AT(data_dir), .required = true },
	{ .name = "listen", .kind = SECTION, .section = listen_fields, .required = true },
	{ .name = "log", .kind = SECTION, .section = log_fields },
	{ .name = "store", .kind = SECTION, .section = store_fields },
	{ .name = "lanes", .kind = SECTION, .section = lane_fields },
	{ .name = "realms", .kind = REALMS },
	{ 0 },
};

static const struct field realm_fields[] = {
	{ .name = "key_prefix",
		.kind = TEXT,
		.offset = offsetof(struct lk_config_realm, key_prefix),
		.is_valid = is_key_prefix,
		.rule = "must be 2 to 32 of a-z, 0-9 and _, starting with a letter and ending in "
			"_" },
	{ .name = "permissions",
		.kind = TEXTS,
		.offset = offsetof(struct lk_config_realm, permissions),
		.max = LK_CONFIG_PERMISSIONS_MAX,
		.is_valid = is_permission,
		.rule = "each entry is words of letters, digits, _ and -, joined by dots" },
	{ .name = "keys_per_owner_max",
		.kind = NUMBER,
		.offset = offsetof(struct lk_config_realm, keys_per_owner_max),
		.min = 1,
		.max = 10000 },
	{ 0 },
};

static const struct lk_config defaults = {
	.log_level = "info",
	.log_format = "text",
	.connections_max = 4096,
	.connections_per_address_max = 64,
	.usage_flush_ms = 5000,
	.sweep_ms = 60000,
	.change_log_max = 1000000,
	.change_log_age_ms = 86400000,
	.reserve_mib = 64,
	.read = { .workers = 2, .queue = 32 },
};

/* `node` may be NULL for a mistake without a place. */
static void complain(
	struct reader *reader, const yaml_node_t *node, const char *field, const char *what)
{
	char line[TEXT_MAX_BYTES];
	int n;

	if (node != NULL)
		n = snprintf(line, sizeof line, "%s:%zu: %s%s%s\n", reader->path,
			node->start_mark.line + 1, field, *field != '\0' ? ": " : "", what);
	else
		n = snprintf(line, sizeof line, "%s: %s\n", reader->path, what);
	lk_buf_add(reader->errors, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
	reader->failed = true;
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static bool is_plain_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length > 0 &&
	       node->data.scalar.length < TEXT_MAX_BYTES &&
	       strlen(text_of(node)) == node->data.scalar.length;
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

static void read_number(struct reader *reader, const struct field *field, const char *name,
	const yaml_node_t *node, void *into)
{
	bool is_number = field->kind == NUMBER;
	char what[96];
	long value;

	if (!is_plain_text(node) || !(is_number ? parse_number(text_of(node), &value)
						: parse_duration(text_of(node), &value))) {
		complain(reader, node, name,
			is_number ? "must be a whole number"
				  : "must be a duration such as 250ms, 30s, 5m, 24h or 7d");
	} else if (value < field->min || value > field->max) {
		snprintf(what, sizeof what, "must be between %ld and %ld%s", field->min, field->max,
			is_number ? "" : " ms");
		complain(reader, node, name, what);
	} else {
		*(uint32_t *)into = (uint32_t)value;
	}
}

static void read_bool(struct reader *reader, const char *name, const yaml_node_t *node, bool *into)
{
	if (is_plain_text(node) && strcmp(text_of(node), "true") == 0)
		*into = true;
	else if (is_plain_text(node) && strcmp(text_of(node), "false") == 0)
		*into = false;
	else
		complain(reader, node, name, "must be true or false");
}

static const char *read_text(
	struct reader *reader, const struct field *field, const char *name, const yaml_node_t *node)
{
	if (!is_plain_text(node))
		complain(reader, node, name, "must be a text of 1 to 1023 bytes");
	else if (field->is_valid != NULL && !field->is_valid(text_of(node)))
		complain(reader, node, name, field->rule);
	else
		return lk_arena_strndup(reader->arena, text_of(node), node->data.scalar.length);
	return NULL;
}

static void read_choice(struct reader *reader, const struct field *field, const char *name,
	const yaml_node_t *node, const char **into)
{
	const char *choice = field->choices;
	char what[TEXT_MAX_BYTES];
	size_t n;

	for (; is_plain_text(node); choice += n + 1) {
		n = strcspn(choice, "|");
		if (n == node->data.scalar.length && strncmp(choice, text_of(node), n) == 0) {
			*into = lk_arena_strndup(reader->arena, choice, n);
			return;
		}
		if (choice[n] == '\0')
			break;
	}
	snprintf(what, sizeof what, "must be one of %s", field->choices);
	complain(reader, node, name, what);
}

static bool is_among(const char *text, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (texts[i] != NULL && strcmp(texts[i], text) == 0)
			return true;
	return false;
}

/* The list's member in the struct is followed by its count. */
static void read_texts(struct reader *reader, const struct field *field, const char *name,
	yaml_node_t *node, const char ***into)
{
	size_t *n_into = (size_t *)(void *)(into + 1);
	yaml_node_item_t *item;
	char what[64];
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE) {
		complain(reader, node, name, "must be a list");
		return;
	}
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n > (size_t)field->max) {
		snprintf(what, sizeof what, "has more than %ld entries", field->max);
		complain(reader, node, name, what);
		return;
	}
	*into = lk_arena_calloc(reader->arena, n + 1, sizeof **into);
	if (*into == NULL)
		return;
	*n_into = 0;
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		yaml_node_t *entry = yaml_document_get_node(&reader->document, *item);
		const char *text = read_text(reader, field, name, entry);

		if (text != NULL && is_among(text, *into, *n_into))
			complain(reader, entry, name, "the same entry is given twice");
		(*into)[(*n_into)++] = text;
	}
}

static void read_section(struct reader *reader, const struct field *fields, const char *prefix,
	yaml_node_t *node, void *into);
static void read_realms(struct reader *reader, yaml_node_t *node, struct lk_config *config);

static void read_field(struct reader *reader, const struct field *field, const char *name,
	yaml_node_t *node, void *section)
{
	void *into = (char *)section + field->offset;
	const char *text;

	switch (field->kind) {
	case TEXT:
		text = read_text(reader, field, name, node);
		if (text != NULL)
			*(const char **)into = text;
		break;
	case BOOL:
		read_bool(reader, name, node, into);
		break;
	case NUMBER:
	case DURATION_MS:
		read_number(reader, field, name, node, into);
		break;
	case TEXTS:
		read_texts(reader, field, name, node, into);
		break;
	case CHOICE:
		read_choice(reader, field, name, node, into);
		break;
	case SECTION:
		read_section(reader, field->section, name, node, section);
		break;
	case REALMS:
		read_realms(reader, node, section);
		break;
	}
}

static const struct field *find_field(const struct field *fields, const yaml_node_t *key)
{
	for (; fields->name != NULL; fields++)
		if (is_plain_text(key) && strcmp(fields->name, text_of(key)) == 0)
			return fields;
	return NULL;
}

static void join_name(char *name, const char *prefix, const char *last)
{
	snprintf(name, NAME_MAX_BYTES, "%s%s%s", prefix, *prefix != '\0' ? "." : "", last);
}

/* Says which required fields a section lacks; `seen` has a bit per field. */
static void require_fields(struct reader *reader, const struct field *fields, const char *prefix,
	const yaml_node_t *node, uint64_t seen)
{
	char name[NAME_MAX_BYTES];

	for (size_t i = 0; fields[i].name != NULL; i++) {
		if (!fields[i].required || (seen >> i & 1) != 0)
			continue;
		join_name(name, prefix, fields[i].name);
		complain(reader, node, name, "is missing");
	}
}

static void read_section(struct reader *reader, const struct field *fields, const char *prefix,
	yaml_node_t *node, void *into)
{
	yaml_node_pair_t *pair;
	uint64_t seen = 0;

	if (node->type != YAML_MAPPING_NODE) {
		complain(reader, node, prefix, "must be a section of fields");
		return;
	}
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
		const struct field *field = find_field(fields, key);
		char name[NAME_MAX_BYTES];

		if (field == NULL) {
			/* A misplaced secret may stand where a name belongs: it is not quoted. */
			complain(reader, key, prefix, "has a field that does not exist");
			continue;
		}
		join_name(name, prefix, field->name);
		if ((seen >> (field - fields) & 1) != 0)
			complain(reader, key, name, "is given twice");
		seen |= UINT64_C(1) << (field - fields);
		read_field(reader, field, name, value, into);
	}
	require_fields(reader, fields, prefix, node, seen);
}

static bool is_name(const char *text, const char *extra, size_t n_max)
{
	size_t n = strlen(text);

	if (n == 0 || n > n_max || text[0] < 'a' || text[0] > 'z')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
			    strchr(extra, text[i]) != NULL))
			return false;
	return true;
}

static bool is_operator_url(const char *text)
{
	return strncmp(text, "ipc://", 6) == 0;
}

static bool is_url(const char *text)
{
	return is_operator_url(text) || strncmp(text, "tcp://", 6) == 0;
}

static bool is_key_prefix(const char *text)
{
	return is_name(text, "_", 32) && text[strlen(text) - 1] == '_' && text[1] != '\0';
}

static bool is_permission(const char *text)
{
	return lk_permission_is_valid((struct lk_bytes) { (const uint8_t *)text, strlen(text) });
}

/* The name of the realm at `index`, or NULL after a complaint. */
static const char *read_realm_name(struct reader *reader, const yaml_node_t *key,
	const struct lk_config_realm *realms, size_t index)
{
	if (!is_plain_text(key) || !is_name(text_of(key), "-", REALM_NAME_MAX)) {
		complain(reader, key, "realms",
			"a realm's name is 1 to 31 of a-z, 0-9 and -, starting with a letter");
		return NULL;
	}
	if (strcmp(text_of(key), "latchkey") == 0) {
		complain(reader, key, "realms.latchkey", "is built in and cannot be configured");
		return NULL;
	}
	for (size_t i = 0; i < index; i++)
		if (realms[i].name != NULL && strcmp(realms[i].name, text_of(key)) == 0) {
			complain(reader, key, "realms", "the same realm is given twice");
			return NULL;
		}
	return lk_arena_strndup(reader->arena, text_of(key), key->data.scalar.length);
}

static void read_realm(struct reader *reader, yaml_node_t *node, struct lk_config_realm *realm)
{
	char section[NAME_MAX_BYTES];
	size_t n = strlen(realm->name);
	char *prefix = lk_arena_strndup(reader->arena, realm->name, n + 1);

	if (prefix == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		prefix[i] = realm->name[i] == '-' ? '_' : realm->name[i];
	prefix[n] = '_';
	prefix[n + 1] = '\0';
	realm->key_prefix = prefix;
	realm->keys_per_owner_max = 1000;
	join_name(section, "realms", realm->name);
	/* `name:` with nothing below it: a realm of defaults. */
	if (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0)
		return;
	read_section(reader, realm_fields, section, node, realm);
}

static void read_realms(struct reader *reader, yaml_node_t *node, struct lk_config *config)
{
	struct lk_config_realm *realms;
	yaml_node_pair_t *pairs;
	size_t n;

	if (node->type != YAML_MAPPING_NODE) {
		complain(reader, node, "realms", "must be a section with one entry per realm");
		return;
	}
	pairs = node->data.mapping.pairs.start;
	n = (size_t)(node->data.mapping.pairs.top - pairs);
	realms = n <= REALMS_MAX ? lk_arena_calloc(reader->arena, n + 1, sizeof *realms) : NULL;
	if (realms == NULL) {
		complain(reader, node, "realms", "has more than 255 entries");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *key = yaml_document_get_node(&reader->document, pairs[i].key);

		realms[i].name = read_realm_name(reader, key, realms, i);
		if (realms[i].name != NULL)
			read_realm(reader,
				yaml_document_get_node(&reader->document, pairs[i].value),
				&realms[i]);
	}
	config->realms = realms;
	config->n_realms = n;
}

static void complain_syntax(struct reader *reader, const yaml_parser_t *parser)
{
	yaml_node_t place = { .start_mark = parser->problem_mark };

	complain(reader, &place, "", parser->problem != NULL ? parser->problem : "is not YAML");
}

static void load_document(struct reader *reader, FILE *file, struct lk_config *config)
{
	yaml_parser_t parser;
	yaml_node_t *root;

	if (!yaml_parser_initialize(&parser)) {
		complain(reader, NULL, "", "out of memory");
		return;
	}
	yaml_parser_set_input_file(&parser, file);
	if (!yaml_parser_load(&parser, &reader->document)) {
		complain_syntax(reader, &parser);
		yaml_parser_delete(&parser);
		return;
	}
	root = yaml_document_get_root_node(&reader->document);
	if (root == NULL)
		complain(reader, &(yaml_node_t) { 0 }, "", "is empty");
	else
		read_section(reader, top_fields, "", root, config);
	yaml_document_delete(&reader->document);
	yaml_parser_delete(&parser);
}

struct lk_status lk_config_load(const char *path, struct lk_arena *arena,
	struct lk_config *config_out, struct lk_buf *errors_out)
{
	struct reader reader = { .path = path, .arena = arena, .errors = errors_out };
	struct lk_config config = defaults;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		complain(&reader, NULL, "", strerror(errno));
		lk_buf_u8(errors_out, '\0');
		return LK_ERR(LK_NOT_FOUND, "the configuration cannot be read");
	}
	load_document(&reader, file, &config);
	fclose(file);
	if (arena->exhausted)
		complain(&reader, NULL, "", "needs too much memory");
	lk_buf_u8(errors_out, '\0');
	if (reader.failed)
		return LK_ERR(LK_INVALID_ARGUMENT, "the configuration has mistakes");
	*config_out = config;
	return LK_SUCCESS;
}
