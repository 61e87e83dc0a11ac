/* SPDX-License-Identifier: MIT */
/* The configuration's other issuers of tokens. */
#include <string.h>

#include "server/config_priv.h"

static void read_secret(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

#define IN_ISSUER(member) offsetof(struct lk_issuer_spec, member)

static bool is_name(const char *text)
{
	return strlen(text) <= LK_ISSUER_NAME_MAX;
}

static const struct lk_config_field issuer_fields[] = {
	{ .name = "issuer",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_ISSUER(issuer),
		.required = true,
		.is_valid = is_name,
		.rule = "must be at most 200 bytes" },
	{ .name = "audience",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_ISSUER(audience),
		.required = true,
		.is_valid = is_name,
		.rule = "must be at most 200 bytes" },
	{ .name = "secret_file", .kind = LK_CONFIG_CUSTOM, .read = read_secret, .required = true },
	{ .name = "roles_claim",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_ISSUER(roles_claim),
		.required = true,
		.is_valid = is_name,
		.rule = "must be at most 200 bytes" },
	{ .name = "organization_claim",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_ISSUER(organization_claim),
		.is_valid = is_name,
		.rule = "must be at most 200 bytes" },
	{ 0 },
};

static void read_secret(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_issuer_spec *issuer = into;

	lk_config_read_secret(reader, name, node, &issuer->secret);
}

void lk_config_read_issuers(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;
	struct lk_issuer_spec *issuers;
	yaml_node_item_t *items;
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE) {
		lk_config_complain(reader, node, name, "must be a list");
		return;
	}
	items = node->data.sequence.items.start;
	n = (size_t)(node->data.sequence.items.top - items);
	issuers =
		n <= LK_ISSUERS_MAX ? lk_arena_calloc(reader->arena, n + 1, sizeof *issuers) : NULL;
	if (issuers == NULL) {
		lk_config_complain(reader, node, name, "has more than 4 entries");
		return;
	}
	for (size_t i = 0; i < n; i++)
		lk_config_read_section(reader, issuer_fields, name,
			yaml_document_get_node(&reader->document, items[i]), &issuers[i]);
	realm->issuers = issuers;
	realm->n_issuers = n;
}
