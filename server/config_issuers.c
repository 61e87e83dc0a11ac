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

/* Without TLS anybody between could put in a key of their own. */
static bool is_location(const char *text)
{
	return strlen(text) <= 512 &&
	       (strstr(text, "://") == NULL || strncmp(text, "https://", 8) == 0 ||
		       strncmp(text, "http://127.0.0.1:", 17) == 0 ||
		       strncmp(text, "http://[::1]:", 13) == 0);
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
	{ .name = "secret_file", .kind = LK_CONFIG_CUSTOM, .read = read_secret },
	{ .name = "jwks",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_ISSUER(jwks),
		.is_valid = is_location,
		.rule = "must be a file, an https URL, or an http URL of the loopback, of at most "
			"512 "
			"bytes" },
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

static void read_issuer(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_issuer_spec *issuer)
{
	lk_config_read_section(reader, issuer_fields, name, node, issuer);
	if (!reader->failed && (issuer->jwks != NULL) == (issuer->secret.n > 0))
		lk_config_complain(
			reader, node, name, "an issuer has a secret_file or jwks, one of them");
}

void lk_config_read_issuers(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;
	struct lk_config_list list = { .max = LK_ISSUERS_MAX };
	struct lk_issuer_spec *issuers;

	if (!lk_config_read_list(reader, name, node, &list))
		return;
	issuers = lk_arena_calloc(reader->arena, list.n + 1, sizeof *issuers);
	for (size_t i = 0; issuers != NULL && i < list.n; i++)
		read_issuer(reader, name, yaml_document_get_node(&reader->document, list.items[i]),
			&issuers[i]);
	realm->issuers = issuers;
	realm->n_issuers = list.n;
}
