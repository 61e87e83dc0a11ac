/* SPDX-License-Identifier: MIT */
#include "config/realms.h"

#define REALMS_MAX 255    /* of 256, one is built in */
#define REALM_NAME_MAX 31 /* with `_` it is the realm's key prefix unless another is given */

static bool is_realm_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return text[0] >= 'a' && text[0] <= 'z' && n <= REALM_NAME_MAX && text[n] == '\0';
}

static bool check_name(struct lk_config_reader *reader, const yaml_node_t *key,
	const struct lk_config_realm_entry *entries, size_t n)
{
	if (!lk_config_is_text(key) || !is_realm_name(lk_config_text(key))) {
		lk_config_complain(reader, key, "realms",
			"a realm's name is 1 to 31 of a-z, 0-9 and -, starting with a letter");
		return false;
	}
	if (strcmp(lk_config_text(key), "latchkey") == 0) {
		lk_config_complain(
			reader, key, "realms.latchkey", "is built in and cannot be configured");
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (entries[i].name != NULL && strcmp(entries[i].name, lk_config_text(key)) == 0) {
			lk_config_complain(reader, key, "realms", "the same realm is given twice");
			return false;
		}
	return true;
}

static void fill_entry(struct lk_config_reader *reader, const yaml_node_t *key, yaml_node_t *node,
	struct lk_config_realm_entry *entry)
{
	const char *name = lk_config_text(key);
	char section[LK_CONFIG_NAME_MAX];
	char prefix[REALM_NAME_MAX + 1];
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		prefix[i] = name[i] == '-' ? '_' : name[i];
	prefix[n] = '_';
	lk_config_join(section, "realms", name);
	entry->section = lk_arena_strndup(reader->arena, section, strlen(section));
	entry->key_prefix = lk_arena_strndup(reader->arena, prefix, n + 1);
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.length > 0)
		entry->node = node;
	if (entry->section != NULL && entry->key_prefix != NULL)
		entry->name = lk_arena_strndup(reader->arena, name, n);
}

const struct lk_config_realm_entry *lk_config_list_realms(
	struct lk_config_reader *reader, yaml_node_t *node, size_t *n_out)
{
	struct lk_config_realm_entry *entries;
	yaml_node_pair_t *pairs;
	size_t n;

	if (node->type != YAML_MAPPING_NODE) {
		lk_config_complain(
			reader, node, "realms", "must be a section with one entry per realm");
		return NULL;
	}
	pairs = node->data.mapping.pairs.start;
	n = (size_t)(node->data.mapping.pairs.top - pairs);
	entries = n <= REALMS_MAX ? lk_arena_calloc(reader->arena, n + 1, sizeof *entries) : NULL;
	if (entries == NULL) {
		lk_config_complain(reader, node, "realms", "has more than 255 entries");
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *key = yaml_document_get_node(&reader->document, pairs[i].key);

		if (check_name(reader, key, entries, i))
			fill_entry(reader, key,
				yaml_document_get_node(&reader->document, pairs[i].value),
				&entries[i]);
	}
	*n_out = n;
	return entries;
}
