/* SPDX-License-Identifier: MIT */
#include "client/bridge/config.h"

#include <stdio.h>

#include "client/bridge/config_fields.h"
#include "client/bridge/config_texts.h"
#include "config/realms.h"

#define ADDRESS_RULE \
	"an address is written as 127.0.0.1:8080, [::1]:8080 or *:8080, in its shortest form"

typedef void read_fn(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

static read_fn read_networks, read_realms;

/* What lk_config_read_texts fills in. */
struct texts {
	const char **items;
	size_t n;
};

#define AT(member) offsetof(struct lk_bridge_config, member)

const struct lk_bridge_config lk_bridge_config_default = {
	.connections_max = 16384,
	.connections_per_address_max = 256,
};

const struct lk_config_field lk_bridge_http_fields[] = {
	{ .name = "listen",
		.kind = LK_CONFIG_TEXTS,
		.offset = AT(listen),
		.max = LK_BRIDGE_ADDRESSES_MAX,
		.is_valid = lk_bridge_is_address,
		.rule = ADDRESS_RULE },
	{ .name = "operations",
		.kind = LK_CONFIG_TEXT,
		.offset = AT(operations),
		.is_valid = lk_bridge_is_address,
		.rule = ADDRESS_RULE },
	{ .name = "plaintext_ok", .kind = LK_CONFIG_BOOL, .offset = AT(plaintext_ok) },
	{ .name = "trusted_proxies", .kind = LK_CONFIG_CUSTOM, .read = read_networks },
	{ .name = "loops", .kind = LK_CONFIG_NUMBER, .offset = AT(loops), .min = 0, .max = 64 },
	{ .name = "connections_max",
		.kind = LK_CONFIG_NUMBER,
		.offset = AT(connections_max),
		.min = 1,
		.max = 1000000 },
	{ .name = "connections_per_address_max",
		.kind = LK_CONFIG_NUMBER,
		.offset = AT(connections_per_address_max),
		.min = 1,
		.max = 1000000 },
	{ 0 },
};

#define IN_REALM(member) offsetof(struct lk_bridge_realm, member)

const struct lk_config_field lk_bridge_realm_fields[] = {
	{ .name = "surface",
		.kind = LK_CONFIG_CHOICE,
		.offset = IN_REALM(surface),
		.choices = lk_surface_names },
	{ .name = "listen",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(listen),
		.max = LK_BRIDGE_ADDRESSES_MAX,
		.is_valid = lk_bridge_is_address,
		.rule = ADDRESS_RULE },
	{ .name = "hosts",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(hosts),
		.max = LK_BRIDGE_HOSTS_MAX,
		.is_valid = lk_bridge_is_host,
		.rule = "each entry is a host's name in lower case, without a port" },
	{ .name = "origins",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(origins),
		.max = LK_BRIDGE_ORIGINS_MAX,
		.is_valid = lk_bridge_is_origin,
		.rule = "each entry is scheme://host or scheme://host:port as a browser sends it: "
			"in lower case, and the port only if it is not the scheme's own" },
	{ 0 },
};

/* For latchkey-bridge: the rest of the file is latchkeyd's, and checked there. */
static const struct lk_config_field whole_realm_fields[] = {
	{ .name = "key_prefix", .kind = LK_CONFIG_TEXT, .offset = IN_REALM(key_prefix) },
	{ .name = "http", .kind = LK_CONFIG_SECTION, .section = lk_bridge_realm_fields },
	{ .kind = LK_CONFIG_OTHERS },
};

static const struct lk_config_field whole_fields[] = {
	{ .name = "http", .kind = LK_CONFIG_SECTION, .section = lk_bridge_http_fields },
	{ .name = "realms", .kind = LK_CONFIG_CUSTOM, .read = read_realms },
	{ .kind = LK_CONFIG_OTHERS },
};

static bool is_network(const char *text)
{
	struct lk_network network;

	return lk_network_parse(lk_bytes_of(text), &network).code == LK_OK;
}

static void read_networks(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	static const struct lk_config_field field = {
		.kind = LK_CONFIG_TEXTS,
		.max = LK_BRIDGE_NETWORKS_MAX,
		.is_valid = is_network,
		.rule = "each entry is an IP address, or a CIDR block with no bits set beyond its "
			"length",
	};
	struct lk_bridge_config *config = into;
	struct texts texts = { NULL, 0 };
	struct lk_network *networks;
	size_t n = 0;

	lk_config_read_texts(reader, &field, name, node, &texts.items);
	networks = lk_arena_calloc(reader->arena, texts.n + 1, sizeof *networks);
	if (networks == NULL)
		return;
	for (size_t i = 0; i < texts.n; i++)
		if (texts.items[i] != NULL &&
			lk_network_parse(lk_bytes_of(texts.items[i]), &networks[n]).code == LK_OK)
			n++;
	config->trusted_proxies = networks;
	config->n_trusted_proxies = n;
}

/* For latchkey-bridge. */
static void read_realms(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	const struct lk_config_realm_entry *entries;
	struct lk_bridge_config *config = into;
	struct lk_bridge_realm *realms;
	size_t n;

	(void)name;
	entries = lk_config_list_realms(reader, node, &n);
	if (entries == NULL)
		return;
	realms = lk_arena_calloc(reader->arena, n + 1, sizeof *realms);
	if (realms == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		realms[i].name = entries[i].name;
		realms[i].key_prefix = entries[i].key_prefix;
		if (entries[i].name != NULL && entries[i].node != NULL)
			lk_config_read_section(reader, whole_realm_fields, entries[i].section,
				entries[i].node, &realms[i]);
	}
	config->realms = realms;
	config->n_realms = n;
}

static void complain_of_second(struct lk_config_reader *reader, const char *text, const char *first)
{
	char what[LK_CONFIG_NAME_MAX + 32];

	snprintf(what, sizeof what, "an entry is in %s, too",
		lk_config_place_of(reader, first)->name);
	lk_config_complain_of(reader, text, what);
}

struct addresses {
	const char *seen[LK_BRIDGE_ADDRESSES_MAX];
	size_t n;
	bool plaintext_ok;
};

static void check_address(
	struct lk_config_reader *reader, struct addresses *addresses, const char *text)
{
	if (!addresses->plaintext_ok && !lk_bridge_is_loopback(text))
		lk_config_complain_of(reader, text,
			"an address beyond the loopback is plaintext and has to be allowed by "
			"http.plaintext_ok");
	for (size_t i = 0; i < addresses->n; i++)
		if (strcmp(addresses->seen[i], text) == 0) {
			complain_of_second(reader, text, addresses->seen[i]);
			return;
		}
	if (addresses->n == LK_BRIDGE_ADDRESSES_MAX)
		lk_config_complain_of(reader, text, "there are more than 64 addresses in all");
	else
		addresses->seen[addresses->n++] = text;
}

static void check_addresses(struct lk_config_reader *reader, const struct lk_bridge_config *config)
{
	struct addresses addresses = { .plaintext_ok = config->plaintext_ok };

	for (size_t i = 0; i < config->n_listen; i++)
		check_address(reader, &addresses, config->listen[i]);
	if (config->operations != NULL)
		check_address(reader, &addresses, config->operations);
	for (size_t i = 0; i < config->n_realms; i++)
		for (size_t j = 0; j < config->realms[i].n_listen; j++)
			check_address(reader, &addresses, config->realms[i].listen[j]);
}

/* NULL when it is not among them. */
static const char *find_text(const char *text, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return texts[i];
	return NULL;
}

/* A host stands for one realm. */
static void check_hosts(struct lk_config_reader *reader, const struct lk_bridge_config *config,
	const struct lk_bridge_realm *realm)
{
	for (size_t i = 0; i < realm->n_hosts; i++) {
		const struct lk_bridge_realm *earlier = config->realms;
		const char *first = NULL;

		for (; earlier < realm && first == NULL; earlier++)
			first = find_text(realm->hosts[i], earlier->hosts, earlier->n_hosts);
		if (first != NULL)
			complain_of_second(reader, realm->hosts[i], first);
	}
}

void lk_bridge_config_check(struct lk_config_reader *reader, const struct lk_bridge_config *config)
{
	check_addresses(reader, config);
	for (size_t i = 0; i < config->n_realms; i++)
		check_hosts(reader, config, &config->realms[i]);
}

static void check(struct lk_config_reader *reader, void *into)
{
	lk_bridge_config_check(reader, into);
}

struct lk_status lk_bridge_config_load(const char *path, struct lk_arena *arena,
	struct lk_bridge_config *config_out, struct lk_buf *errors_out)
{
	struct lk_config_reader reader = { .path = path, .arena = arena, .errors = errors_out };
	struct lk_bridge_config config = lk_bridge_config_default;

	LK_TRY(lk_config_read_file(&reader, whole_fields, &config, check));
	*config_out = config;
	return LK_SUCCESS;
}
