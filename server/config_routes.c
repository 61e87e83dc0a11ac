/* SPDX-License-Identifier: MIT */
/* The configuration's route rules. */
#include <string.h>

#include "server/config_priv.h"

static void read_methods(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);
static void read_callers(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);
static void read_on_behalf_of(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);
static void read_webhook(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);
static void read_webhook_secret(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

/* What lk_config_read_texts fills in. */
struct texts {
	const char **items;
	size_t n;
};

#define IN_ROUTE(member) offsetof(struct lk_route_spec, member)

static const struct lk_config_field route_fields[] = {
	{ .name = "path",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_ROUTE(path),
		.required = true,
		.is_valid = lk_route_path_is_valid,
		.rule = "must be a path from / on without empty or dot segments, %, ? and #, and "
			"* only at its end" },
	{ .name = "methods", .kind = LK_CONFIG_CUSTOM, .read = read_methods },
	{ .name = "permissions",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_ROUTE(permissions),
		.max = LK_PERMISSIONS_MAX },
	{ .name = "callers", .kind = LK_CONFIG_CUSTOM, .read = read_callers },
	{ .name = "plans",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_ROUTE(plans),
		.max = LK_WORDS_MAX,
		.is_valid = lk_config_is_plan,
		.rule = "each entry is 1 to 64 bytes" },
	{ .name = "byok",
		.kind = LK_CONFIG_TEXTS,
		.offset = IN_ROUTE(byok),
		.max = LK_WORDS_MAX,
		.is_valid = lk_config_is_plan,
		.rule = "each entry is 1 to 64 bytes" },
	{ .name = "on_behalf_of", .kind = LK_CONFIG_CUSTOM, .read = read_on_behalf_of },
	{ .name = "webhook", .kind = LK_CONFIG_CUSTOM, .read = read_webhook },
	{ .name = "organization", .kind = LK_CONFIG_BOOL, .offset = IN_ROUTE(organization) },
	{ .name = "public", .kind = LK_CONFIG_BOOL, .offset = IN_ROUTE(is_public) },
	{ 0 },
};

bool lk_config_is_plan(const char *text)
{
	return strlen(text) <= LK_PLAN_MAX;
}

static bool is_method(const char *text)
{
	return lk_method_is_known(lk_bytes_of(text));
}

/* A list that has to say something. */
static struct texts read_some(struct lk_config_reader *reader, const struct lk_config_field *field,
	const char *name, yaml_node_t *node)
{
	struct texts texts = { NULL, 0 };

	lk_config_read_texts(reader, field, name, node, &texts.items);
	if (texts.items != NULL && texts.n == 0)
		lk_config_complain(reader, node, name, "has no entries");
	return texts;
}

static void read_methods(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	static const struct lk_config_field field = {
		.kind = LK_CONFIG_TEXTS,
		.max = 7,
		.is_valid = is_method,
		.rule = "each entry is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS",
	};
	struct texts texts = read_some(reader, &field, name, node);
	struct lk_route_spec *route = into;

	route->methods = 0;
	for (size_t i = 0; i < texts.n; i++)
		if (texts.items[i] != NULL)
			route->methods |= lk_method_bit(lk_bytes_of(texts.items[i]));
	if ((route->methods & lk_method_bit(lk_bytes_of("GET"))) != 0)
		route->methods |= lk_method_bit(lk_bytes_of("HEAD"));
}

static uint32_t bit_of_caller(const char *text)
{
	static const char *const names[] = {
		[LK_CALLER_KEY] = "key",
		[LK_CALLER_SESSION] = "session",
		[LK_CALLER_STATIC_KEY] = "static_key",
		[LK_CALLER_ADDRESS] = "address",
		[LK_CALLER_BYOK] = "byok",
		[LK_CALLER_EXTERNAL] = "external",
		[LK_CALLER_WEBHOOK] = "webhook",
	};

	for (uint32_t i = LK_CALLER_KEY; i < LK_COUNT(names); i++)
		if (names[i] != NULL && strcmp(text, names[i]) == 0)
			return LK_CALLER_BIT(i);
	return 0;
}

static bool is_caller(const char *text)
{
	return bit_of_caller(text) != 0;
}

void lk_config_read_callers(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, uint32_t *callers_out)
{
	static const struct lk_config_field field = {
		.kind = LK_CONFIG_TEXTS,
		.max = 7,
		.is_valid = is_caller,
		.rule = "each entry is key, session, static_key, address, byok, external or "
			"webhook",
	};
	struct texts texts = read_some(reader, &field, name, node);

	*callers_out = 0;
	for (size_t i = 0; i < texts.n; i++)
		if (texts.items[i] != NULL)
			*callers_out |= bit_of_caller(texts.items[i]);
}

static void read_callers(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	static const uint32_t others =
		LK_CALLER_BIT(LK_CALLER_BYOK) | LK_CALLER_BIT(LK_CALLER_WEBHOOK);
	struct lk_route_spec *route = into;

	lk_config_read_callers(reader, name, node, &route->callers);
	if ((route->callers & others) != 0)
		lk_config_complain(reader, node, name,
			"byok and webhook are let through by fields of their own");
}

static void read_on_behalf_of(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	static const struct lk_config_field field = { .choices = "header|header_or_body" };
	struct lk_route_spec *route = into;
	const char *text = NULL;

	lk_config_read_choice(reader, &field, name, node, &text);
	if (text != NULL)
		route->on_behalf_of = strcmp(text, "header") == 0 ? LK_ON_BEHALF_HEADER
								  : LK_ON_BEHALF_HEADER_OR_BODY;
}

/* How the body is signed; there is one way so far. */
struct webhook {
	const char *signature;
	struct lk_bytes secret;
};

static const struct lk_config_field webhook_fields[] = {
	{ .name = "signature",
		.kind = LK_CONFIG_CHOICE,
		.offset = offsetof(struct webhook, signature),
		.required = true,
		.choices = "stripe" },
	{ .name = "secret_file",
		.kind = LK_CONFIG_CUSTOM,
		.read = read_webhook_secret,
		.required = true },
	{ 0 },
};

static void read_webhook_secret(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct webhook *webhook = into;

	lk_config_read_secret(reader, name, node, &webhook->secret);
}

static void read_webhook(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_route_spec *route = into;
	struct webhook webhook = { 0 };

	lk_config_read_section(reader, webhook_fields, name, node, &webhook);
	route->is_webhook = true;
	route->webhook_secret = webhook.secret;
}

static void read_route(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_route_spec *route)
{
	route->methods = UINT32_MAX;
	route->callers = LK_CALLERS_DEFAULT;
	lk_config_read_section(reader, route_fields, name, node, route);
	if (route->is_public && (lk_route_asks(route) || route->is_webhook))
		lk_config_complain(reader, node, name, "what is public cannot ask for anything");
	else if (route->is_webhook && lk_route_asks(route))
		lk_config_complain(
			reader, node, name, "a webhook cannot ask for more than its signature");
}

void lk_config_read_routes(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;
	struct lk_config_list list = { .max = LK_ROUTES_MAX };
	struct lk_route_spec *routes;

	if (!lk_config_read_list(reader, name, node, &list))
		return;
	routes = lk_arena_calloc(reader->arena, list.n + 1, sizeof *routes);
	for (size_t i = 0; routes != NULL && i < list.n; i++)
		read_route(reader, name, yaml_document_get_node(&reader->document, list.items[i]),
			&routes[i]);
	realm->routes = routes;
	realm->n_routes = list.n;
}

static bool has_permission(const struct lk_config_realm *realm, const char *name)
{
	for (size_t i = 0; i < realm->n_permissions; i++)
		if (strcmp(realm->permissions[i], name) == 0)
			return true;
	return false;
}

void lk_config_check_routes(struct lk_config_reader *reader, const struct lk_config_realm *realm)
{
	const struct lk_route_spec *route = realm->routes;

	if (reader->failed || reader->arena->exhausted)
		return;
	for (; route < realm->routes + realm->n_routes; route++) {
		const struct lk_route_spec *earlier = realm->routes;

		for (size_t i = 0; i < route->n_permissions; i++)
			if (!has_permission(realm, route->permissions[i]))
				lk_config_complain_of(reader, route->permissions[i],
					"an entry is not among the permissions of the realm");
		while (earlier < route && !lk_route_covers(earlier, route))
			earlier++;
		if (earlier < route)
			lk_config_complain_of(reader, route->path,
				"is of no effect: an earlier route is for all of it");
	}
}
