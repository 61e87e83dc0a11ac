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

static read_fn read_networks, read_methods, read_routes, read_realms;

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
		.choices = "incrm|omnicrm" },
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
	{ .name = "routes", .kind = LK_CONFIG_CUSTOM, .read = read_routes },
	{ 0 },
};

#define IN_ROUTE(member) offsetof(struct lk_bridge_route, member)

static const struct lk_config_field route_fields[] = {
	{ .name = "path",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_ROUTE(path),
		.required = true,
		.is_valid = lk_bridge_is_route,
		.rule = "must be a path from / on without empty or dot segments, %, ? and #, and "
			"* only at its end" },
	{ .name = "methods", .kind = LK_CONFIG_CUSTOM, .read = read_methods },
	{ .name = "permissions",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_ROUTE(permissions),
		.max = LK_CONFIG_PERMISSIONS_MAX },
	{ .name = "public", .kind = LK_CONFIG_BOOL, .offset = IN_ROUTE(is_public) },
	{ .name = "organization", .kind = LK_CONFIG_BOOL, .offset = IN_ROUTE(organization) },
	{ 0 },
};

/* For latchkey-bridge: the rest of the file is latchkeyd's, and checked there. */
static const struct lk_config_field whole_realm_fields[] = {
	{ .name = "key_prefix", .kind = LK_CONFIG_TEXT, .offset = IN_REALM(key_prefix) },
	{ .name = "permissions",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(permissions),
		.max = LK_CONFIG_PERMISSIONS_MAX },
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

static uint32_t bit_of_method(const char *text)
{
	static const char *const names[] = {
		[LK_HTTP_GET] = "GET",
		[LK_HTTP_HEAD] = "HEAD",
		[LK_HTTP_POST] = "POST",
		[LK_HTTP_PUT] = "PUT",
		[LK_HTTP_PATCH] = "PATCH",
		[LK_HTTP_DELETE] = "DELETE",
		[LK_HTTP_OPTIONS] = "OPTIONS",
	};

	for (size_t i = 0; i < LK_COUNT(names); i++)
		if (strcmp(text, names[i]) == 0)
			return UINT32_C(1) << i;
	return 0;
}

static bool is_method(const char *text)
{
	return bit_of_method(text) != 0;
}

static void read_methods(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	static const struct lk_config_field field = {
		.kind = LK_CONFIG_TEXTS,
		.max = LK_HTTP_OTHER,
		.is_valid = is_method,
		.rule = "each entry is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS",
	};
	struct lk_bridge_route *route = into;
	struct texts texts = { NULL, 0 };

	lk_config_read_texts(reader, &field, name, node, &texts.items);
	if (texts.items != NULL && texts.n == 0)
		lk_config_complain(reader, node, name, "has no entries");
	route->methods = 0;
	for (size_t i = 0; i < texts.n; i++)
		if (texts.items[i] != NULL)
			route->methods |= bit_of_method(texts.items[i]);
	if ((route->methods & UINT32_C(1) << LK_HTTP_GET) != 0)
		route->methods |= UINT32_C(1) << LK_HTTP_HEAD;
}

static void read_route(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_bridge_route *route)
{
	route->methods = UINT32_MAX;
	lk_config_read_section(reader, route_fields, name, node, route);
	if (route->is_public && (route->n_permissions > 0 || route->organization))
		lk_config_complain(reader, node, name,
			"what is public cannot ask for permissions or an organization");
	if (route->path == NULL)
		return;
	route->path_n = strcspn(route->path, "*");
	route->is_prefix = route->path[route->path_n] == '*';
}

static void read_routes(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_bridge_realm *realm = into;
	struct lk_bridge_route *routes;
	yaml_node_item_t *items;
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE) {
		lk_config_complain(reader, node, name, "must be a list");
		return;
	}
	items = node->data.sequence.items.start;
	n = (size_t)(node->data.sequence.items.top - items);
	routes = n <= LK_BRIDGE_ROUTES_MAX ? lk_arena_calloc(reader->arena, n + 1, sizeof *routes)
					   : NULL;
	if (routes == NULL) {
		lk_config_complain(reader, node, name, "has more than 256 entries");
		return;
	}
	for (size_t i = 0; i < n; i++)
		read_route(reader, name, yaml_document_get_node(&reader->document, items[i]),
			&routes[i]);
	realm->routes = routes;
	realm->n_routes = n;
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

/* Whether all that fits `later` fits `route`. */
static bool covers(const struct lk_bridge_route *route, const struct lk_bridge_route *later)
{
	return (later->methods & ~route->methods) == 0 && route->path_n <= later->path_n &&
	       memcmp(route->path, later->path, route->path_n) == 0 &&
	       (route->is_prefix || (route->path_n == later->path_n && !later->is_prefix));
}

static void check_route(struct lk_config_reader *reader, const struct lk_bridge_realm *realm,
	const struct lk_bridge_route *route)
{
	for (size_t i = 0; i < route->n_permissions; i++)
		if (find_text(route->permissions[i], realm->permissions, realm->n_permissions) ==
			NULL)
			lk_config_complain_of(reader, route->permissions[i],
				"an entry is not among the permissions of the realm");
	for (const struct lk_bridge_route *earlier = realm->routes; earlier < route; earlier++)
		if (covers(earlier, route)) {
			lk_config_complain_of(reader, route->path,
				"is of no effect: an earlier route is for all of it");
			return;
		}
}

void lk_bridge_config_check(struct lk_config_reader *reader, const struct lk_bridge_config *config)
{
	check_addresses(reader, config);
	for (size_t i = 0; i < config->n_realms; i++) {
		const struct lk_bridge_realm *realm = &config->realms[i];

		check_hosts(reader, config, realm);
		for (size_t j = 0; j < realm->n_routes; j++)
			check_route(reader, realm, &realm->routes[j]);
	}
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
