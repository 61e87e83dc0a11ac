/* SPDX-License-Identifier: MIT */
/* The configuration's static keys and addresses: in a realm, or in a file of their own as OmniCRM
 * has it. A key's text stands in no report, and is gone once its digest was taken. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/config_priv.h"

#define DIGEST_PREFIX "sha256:"

typedef void read_fn(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

static read_fn read_description;

#define IN_KEY(member) offsetof(struct lk_listed_key_spec, member)
#define IN_REALM(member) offsetof(struct lk_config_realm, member)

static const struct lk_config_field key_fields[] = {
	{ .name = "roles",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_KEY(roles),
		.max = LK_LISTED_ROLES_MAX,
		.required = true },
	{ .name = "description", .kind = LK_CONFIG_CUSTOM, .read = read_description },
	{ 0 },
};

const struct lk_config_field lk_config_listed_fields[] = {
	{ .name = "api_keys", .kind = LK_CONFIG_CUSTOM, .read = lk_config_read_keys },
	{ .name = "ip_whitelist",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(listed.addresses),
		.max = LK_LISTED_MAX,
		.is_valid = lk_config_is_network,
		.rule = "each entry is an IP address, or a CIDR block with no bits set beyond its "
			"length" },
	/* The rest of such a file is its product's. */
	{ .kind = LK_CONFIG_OTHERS },
};

bool lk_config_is_network(const char *text)
{
	struct lk_network network;

	return lk_network_parse(lk_bytes_of(text), &network).code == LK_OK;
}

static void read_description(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	static const struct lk_config_field field = { .kind = LK_CONFIG_TEXT };
	const char *text = lk_config_read_text(reader, &field, name, node);
	struct lk_listed_key_spec *key = into;

	if (text != NULL && strlen(text) > LK_LISTED_NAME_MAX)
		lk_config_complain(reader, node, name, "must be at most 200 bytes");
	else if (text != NULL)
		key->description = text;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* "sha256:" and 64 digits. */
static bool read_digest(const char *text, struct lk_digest *digest_out)
{
	text += strlen(DIGEST_PREFIX);
	for (size_t i = 0; i < sizeof digest_out->bytes; i++, text += 2) {
		int high = digit_of(text[0]), low = high < 0 ? -1 : digit_of(text[1]);

		if (low < 0)
			return false;
		digest_out->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return text[0] == '\0';
}

/* Whoever may read the file has the keys in it. */
static bool is_private(const struct lk_config_reader *reader)
{
	struct stat file;

	return stat(reader->path, &file) == 0 && (file.st_mode & 077) == 0;
}

/* The name of an entry: a key or its digest. The text is wiped. */
static void read_secret(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_listed_key_spec *key)
{
	char *text = (char *)node->data.scalar.value;
	size_t n = node->type == YAML_SCALAR_NODE ? node->data.scalar.length : 0;

	if (n > 0 && strlen(text) == n &&
		strncmp(text, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0) {
		if (!read_digest(text, &key->sha256))
			lk_config_complain(reader, node, name,
				"a digest is sha256: and 64 hexadecimal digits in lower case");
		return;
	}
	if (n > 0 && n < LK_LISTED_KEY_MIN)
		lk_config_complain(reader, node, name, "a key has at least 32 characters");
	else if (n == 0 || !lk_listed_key_is_valid((struct lk_bytes) { (uint8_t *)text, n }))
		lk_config_complain(reader, node, name,
			"a key is 32 to 512 printable ASCII characters without spaces and dots");
	else if (!is_private(reader))
		lk_config_complain(reader, node, name,
			"others may read the keys in this file: use mode 0600, or digests "
			"(sha256:...)");
	else
		lk_sha256((struct lk_bytes) { (uint8_t *)text, n }, &key->sha256);
	lk_wipe(text, n);
}

static bool is_known(const struct lk_listed_key_spec *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lk_digest_equal(&keys[i].sha256, &keys[n].sha256))
			return true;
	return false;
}

void lk_config_read_keys(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;
	struct lk_listed_key_spec *keys;
	yaml_node_pair_t *pairs;
	size_t n;

	if (node->type != YAML_MAPPING_NODE) {
		lk_config_complain(reader, node, name, "must be a section with one entry per key");
		return;
	}
	pairs = node->data.mapping.pairs.start;
	n = (size_t)(node->data.mapping.pairs.top - pairs);
	keys = n <= LK_LISTED_MAX ? lk_arena_calloc(reader->arena, n + 1, sizeof *keys) : NULL;
	if (keys == NULL) {
		lk_config_complain(reader, node, name, "has more than 256 entries");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *key = yaml_document_get_node(&reader->document, pairs[i].key);
		bool had_failed = reader->failed;

		keys[i].description = "";
		read_secret(reader, name, key, &keys[i]);
		if (!had_failed && !reader->failed && is_known(keys, i))
			lk_config_complain(reader, key, name, "the same key is given twice");
		lk_config_read_section(reader, key_fields, name,
			yaml_document_get_node(&reader->document, pairs[i].value), &keys[i]);
	}
	realm->listed.keys = keys;
	realm->listed.n_keys = n;
}

static bool has_role(const struct lk_config_realm *realm, const char *name)
{
	for (size_t i = 0; i < realm->n_roles; i++)
		if (strcmp(realm->roles[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < realm->n_permissions; i++)
		if (strcmp(realm->permissions[i], name) == 0)
			return true;
	return false;
}

static void check_roles(struct lk_config_reader *reader, const struct lk_config_realm *realm,
	const char *const *roles, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!has_role(realm, roles[i]))
			lk_config_complain_of(reader, roles[i],
				"an entry is neither a role nor a permission of the realm");
}

/* For what was read by this reader. */
static void check_keys(struct lk_config_reader *reader, void *into)
{
	const struct lk_config_realm *realm = into;

	for (size_t i = 0; i < realm->listed.n_keys; i++)
		check_roles(
			reader, realm, realm->listed.keys[i].roles, realm->listed.keys[i].n_roles);
}

static void read_callers_file(struct lk_config_reader *reader, struct lk_config_realm *realm)
{
	struct lk_config_reader file = {
		.path = realm->callers_file, .arena = reader->arena, .errors = reader->errors
	};
	struct lk_status st =
		lk_config_read_file(&file, lk_config_listed_fields, realm, check_keys);

	/* The NUL that ends a report. */
	if (reader->errors->n > 0)
		reader->errors->n--;
	reader->failed |= st.code != LK_OK;
}

void lk_config_check_listed(struct lk_config_reader *reader, struct lk_config_realm *realm)
{
	bool has_listed = realm->listed.n_keys > 0 || realm->listed.n_addresses > 0;

	if (reader->failed || reader->arena->exhausted)
		return;
	if (realm->callers_file != NULL && has_listed)
		lk_config_complain_of(reader, realm->callers_file,
			"cannot stand beside api_keys and ip_whitelist");
	else if (realm->callers_file != NULL)
		read_callers_file(reader, realm);
	else
		check_keys(reader, realm);
	check_roles(reader, realm, realm->listed.address_roles, realm->listed.n_address_roles);
	if (!reader->failed && realm->listed.n_addresses > 0 && realm->listed.n_address_roles == 0)
		lk_config_complain_of(reader,
			realm->callers_file != NULL ? realm->callers_file
						    : realm->listed.addresses[0],
			"addresses are listed, and ip_whitelist_roles does not say what they may");
}
