/* SPDX-License-Identifier: MIT */
/* The configuration's realms. */
#include <string.h>

#include "client/bridge/config_fields.h"
#include "config/realms.h"
#include "server/config_priv.h"

static bool is_key_prefix(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return text[0] >= 'a' && text[0] <= 'z' && n >= 2 && n <= 32 && text[n] == '\0' &&
	       text[n - 1] == '_';
}

static bool is_permission(const char *text)
{
	return lk_permission_is_valid((struct lk_bytes) { (const uint8_t *)text, strlen(text) });
}

#define IN_REALM(member) offsetof(struct lk_config_realm, member)
#define YEARS_MS(n) ((n)*365L * 24 * 3600 * 1000)

static const struct lk_config_field sessions_fields[] = {
	{ .name = "token",
		.kind = LK_CONFIG_CHOICE,
		.offset = IN_REALM(token),
		.choices = "opaque|EdDSA|HS256" },
	{ .name = "session_ttl",
		.kind = LK_CONFIG_DURATION_S,
		.offset = IN_REALM(session_ttl_s),
		.min = 1000,
		.max = YEARS_MS(10) },
	{ .name = "access_ttl",
		.kind = LK_CONFIG_DURATION_S,
		.offset = IN_REALM(access_ttl_s),
		.min = 1000,
		.max = YEARS_MS(1) },
	{ .name = "refresh_ttl",
		.kind = LK_CONFIG_DURATION_S,
		.offset = IN_REALM(refresh_ttl_s),
		.min = 1000,
		.max = YEARS_MS(10) },
	{ .name = "refresh_replay_window",
		.kind = LK_CONFIG_DURATION_MS,
		.offset = IN_REALM(refresh_replay_window_ms),
		.min = 0,
		.max = 600000 },
	{ .name = "per_user_max",
		.kind = LK_CONFIG_NUMBER,
		.offset = IN_REALM(sessions_per_user_max),
		.min = 1,
		.max = 1000 },
	{ .name = "issuer", .kind = LK_CONFIG_TEXT, .offset = IN_REALM(issuer) },
	{ .name = "audience", .kind = LK_CONFIG_TEXT, .offset = IN_REALM(audience) },
	{ 0 },
};

static const struct lk_config_field passwords_fields[] = {
	{ .name = "length_min",
		.kind = LK_CONFIG_NUMBER,
		.offset = IN_REALM(passwords.length_min),
		.min = 1,
		.max = 256 },
	{ .name = "argon2_memory_kib",
		.kind = LK_CONFIG_NUMBER,
		.offset = IN_REALM(passwords.cost.memory_kib),
		.min = 8,
		.max = 1048576 },
	{ .name = "argon2_passes",
		.kind = LK_CONFIG_NUMBER,
		.offset = IN_REALM(passwords.cost.passes),
		.min = 1,
		.max = 10 },
	{ .name = "memory_max_kib",
		.kind = LK_CONFIG_NUMBER,
		.offset = IN_REALM(passwords.cap.memory_kib),
		.min = 8,
		.max = 1048576 },
	{ 0 },
};

static const struct lk_config_field subject_fields[] = {
	{ .name = "keys.read",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_REALM(subject.keys_read),
		.is_valid = is_permission,
		.rule = "must be a permission of the realm" },
	{ .name = "keys.manage",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_REALM(subject.keys_manage),
		.is_valid = is_permission,
		.rule = "must be a permission of the realm" },
	{ 0 },
};

static void read_roles(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);
static void read_http(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

/* Of each role. */
static const struct lk_config_field grants_field = {
	.kind = LK_CONFIG_TEXTS,
	.max = LK_ROLE_GRANTS_MAX,
};

static void read_import_secret(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;

	lk_config_read_secret(reader, name, node, &realm->import_secret);
}

static const struct lk_config_field import_fields[] = {
	{ .name = "hmac_secret_file", .kind = LK_CONFIG_CUSTOM, .read = read_import_secret },
	{ 0 },
};

static void read_imports(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;

	realm->takes_imports = true;
	lk_config_read_section(reader, import_fields, name, node, realm);
}

static const struct lk_config_field realm_fields[] = {
	{ .name = "key_prefix",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_REALM(key_prefix),
		.is_valid = is_key_prefix,
		.rule = "must be 2 to 32 of a-z, 0-9 and _, starting with a letter and ending in "
			"_" },
	{ .name = "permissions",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(permissions),
		.max = LK_CONFIG_PERMISSIONS_MAX,
		.is_valid = is_permission,
		.rule = "each entry is words of letters, digits, _ and -, joined by dots" },
	{ .name = "keys_per_owner_max",
		.kind = LK_CONFIG_NUMBER,
		.offset = IN_REALM(keys_per_owner_max),
		.min = 1,
		.max = 10000 },
	{ .name = "roles", .kind = LK_CONFIG_CUSTOM, .read = read_roles },
	{ .name = "sessions", .kind = LK_CONFIG_SECTION, .section = sessions_fields },
	{ .name = "passwords", .kind = LK_CONFIG_SECTION, .section = passwords_fields },
	{ .name = "subject", .kind = LK_CONFIG_SECTION, .section = subject_fields },
	{ .name = "key_plans",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(key_plans),
		.max = LK_WORDS_MAX,
		.is_valid = lk_config_is_plan,
		.rule = "each entry is 1 to 64 bytes" },
	{ .name = "api_keys", .kind = LK_CONFIG_CUSTOM, .read = lk_config_read_keys },
	{ .name = "ip_whitelist",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(listed.addresses),
		.max = LK_LISTED_MAX,
		.is_valid = lk_config_is_network,
		.rule = "each entry is an IP address, or a CIDR block with no bits set beyond its "
			"length" },
	{ .name = "ip_whitelist_roles",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_REALM(listed.address_roles),
		.max = LK_LISTED_ROLES_MAX },
	{ .name = "callers_file", .kind = LK_CONFIG_TEXT, .offset = IN_REALM(callers_file) },
	{ .name = "issuers", .kind = LK_CONFIG_CUSTOM, .read = lk_config_read_issuers },
	{ .name = "imported_keys", .kind = LK_CONFIG_CUSTOM, .read = read_imports },
	{ .name = "limits", .kind = LK_CONFIG_CUSTOM, .read = lk_config_read_limits },
	{ .name = "routes", .kind = LK_CONFIG_CUSTOM, .read = lk_config_read_routes },
	{ .name = "http", .kind = LK_CONFIG_CUSTOM, .read = read_http },
	{ 0 },
};

/* `roles:` maps each name to what it grants. */
static void read_roles(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;
	struct lk_role_spec *roles;
	yaml_node_pair_t *pairs;
	size_t n;

	if (node->type != YAML_MAPPING_NODE) {
		lk_config_complain(reader, node, name, "must be a section with one entry per role");
		return;
	}
	pairs = node->data.mapping.pairs.start;
	n = (size_t)(node->data.mapping.pairs.top - pairs);
	roles = n <= LK_ROLES_MAX ? lk_arena_calloc(reader->arena, n + 1, sizeof *roles) : NULL;
	if (roles == NULL) {
		lk_config_complain(reader, node, name, "has more than 64 entries");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *key = yaml_document_get_node(&reader->document, pairs[i].key);
		struct {
			const char **items;
			size_t n;
		} grants = { NULL, 0 };

		if (!lk_config_is_text(key) || !is_permission(lk_config_text(key))) {
			lk_config_complain(reader, key, name,
				"a role's name is words of letters, digits, _ and -, joined by "
				"dots");
			continue;
		}
		lk_config_read_texts(reader, &grants_field, name,
			yaml_document_get_node(&reader->document, pairs[i].value), &grants.items);
		roles[realm->n_roles++] = (struct lk_role_spec) {
			.name = lk_arena_strndup(
				reader->arena, lk_config_text(key), key->data.scalar.length),
			.grants = grants.items,
			.n_grants = grants.n,
		};
	}
	realm->roles = roles;
}

static void read_http(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	const struct lk_config_realm *realm = into;

	lk_config_read_section(reader, lk_bridge_realm_fields, name, node, realm->http);
}

static void set_defaults(struct lk_config_realm *realm)
{
	const struct lk_session_policy *sessions = &lk_session_policy_default;

	realm->keys_per_owner_max = LK_KEYS_PER_OWNER_DEFAULT;
	realm->token = "opaque";
	realm->session_ttl_s = (uint32_t)(sessions->session_ttl_ms / 1000);
	realm->access_ttl_s = (uint32_t)(sessions->access_ttl_ms / 1000);
	realm->refresh_ttl_s = (uint32_t)(sessions->refresh_ttl_ms / 1000);
	realm->refresh_replay_window_ms = (uint32_t)sessions->replay_window_ms;
	realm->sessions_per_user_max = sessions->per_user_max;
	realm->passwords = lk_password_policy_default;
}

void lk_config_realm_spec(const struct lk_config_realm *realm,
	struct lk_session_policy *sessions_out, struct lk_realm_spec *spec_out)
{
	*sessions_out = (struct lk_session_policy) {
		.token = strcmp(realm->token, "EdDSA") == 0   ? LK_TOKEN_EDDSA
			 : strcmp(realm->token, "HS256") == 0 ? LK_TOKEN_HS256
							      : LK_TOKEN_OPAQUE,
		.session_ttl_ms = (lk_time_ms)realm->session_ttl_s * 1000,
		.access_ttl_ms = (lk_time_ms)realm->access_ttl_s * 1000,
		.refresh_ttl_ms = (lk_time_ms)realm->refresh_ttl_s * 1000,
		.replay_window_ms = realm->refresh_replay_window_ms,
		.per_user_max = realm->sessions_per_user_max,
		.issuer = realm->issuer,
		.audience = realm->audience,
	};
	*spec_out = (struct lk_realm_spec) {
		.name = realm->name,
		.key_prefix = realm->key_prefix,
		.permissions = realm->permissions,
		.n_permissions = realm->n_permissions,
		.keys_per_owner_max = realm->keys_per_owner_max,
		.roles = realm->roles,
		.n_roles = realm->n_roles,
		.sessions = sessions_out,
		.passwords = &realm->passwords,
		.subject = realm->subject,
		.routes = realm->routes,
		.n_routes = realm->n_routes,
		.key_plans = realm->key_plans,
		.n_key_plans = realm->n_key_plans,
		.issuers = realm->issuers,
		.n_issuers = realm->n_issuers,
		.takes_imports = realm->takes_imports,
		.import_secret = realm->import_secret,
		.limits = realm->limits,
		.n_limits = realm->n_limits,
		.listed = {
			.keys = realm->listed.keys,
			.n_keys = realm->listed.n_keys,
			.addresses = realm->listed.addresses,
			.n_addresses = realm->listed.n_addresses,
			.address_roles = realm->listed.address_roles,
			.n_address_roles = realm->listed.n_address_roles,
		},
	};
}

/* The field of a section, or the section itself. */
static const yaml_node_t *find_node(
	struct lk_config_reader *reader, yaml_node_t *section, const char *field)
{
	yaml_node_pair_t *pair = section->data.mapping.pairs.start;

	for (; pair < section->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);

		if (lk_config_is_text(key) && strcmp(lk_config_text(key), field) == 0)
			return key;
	}
	return section;
}

/* What one field cannot tell: whether they fit together. Asked of the core, when each is right. */
static void check_realm(struct lk_config_reader *reader, const char *section, yaml_node_t *node,
	const struct lk_config_realm *realm)
{
	struct lk_session_policy sessions;
	char name[LK_CONFIG_NAME_MAX];
	struct lk_realm_spec spec;
	struct lk_status st;

	if (reader->failed || reader->arena->exhausted || node->type != YAML_MAPPING_NODE)
		return;
	lk_config_realm_spec(realm, &sessions, &spec);
	st = lk_realm_spec_check(&spec);
	if (st.code == LK_OK || st.field == NULL)
		return;
	lk_config_join(name, section, st.field);
	lk_config_complain(reader, find_node(reader, node, st.field), name, st.why);
}

static void read_realm(struct lk_config_reader *reader, const struct lk_config_realm_entry *entry,
	struct lk_config_realm *realm)
{
	set_defaults(realm);
	realm->name = entry->name;
	realm->key_prefix = entry->key_prefix;
	if (entry->node != NULL) {
		lk_config_read_section(reader, realm_fields, entry->section, entry->node, realm);
		lk_config_check_routes(reader, realm);
		lk_config_check_listed(reader, realm);
		check_realm(reader, entry->section, entry->node, realm);
	}
	realm->http->name = realm->name;
	realm->http->key_prefix = realm->key_prefix;
}

void lk_config_read_realms(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	const struct lk_config_realm_entry *entries;
	struct lk_config *config = into;
	struct lk_bridge_realm *bridged;
	struct lk_config_realm *realms;
	size_t n;

	(void)name;
	entries = lk_config_list_realms(reader, node, &n);
	if (entries == NULL)
		return;
	realms = lk_arena_calloc(reader->arena, n + 1, sizeof *realms);
	bridged = lk_arena_calloc(reader->arena, n + 1, sizeof *bridged);
	if (realms == NULL || bridged == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		realms[i].http = &bridged[i];
		if (entries[i].name != NULL)
			read_realm(reader, &entries[i], &realms[i]);
	}
	config->realms = realms;
	config->n_realms = n;
	config->http.realms = bridged;
	config->http.n_realms = n;
}
