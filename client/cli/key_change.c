/* SPDX-License-Identifier: MIT */
/* key update and key revoke. */
#include "client/cli/key.h"
#include "client/cli/table.h"

enum {
	KEY_NO_SCOPES = LK_KEY_OWN,
	KEY_NO_NETWORKS,
	KEY_NO_METADATA,
	KEY_ENABLE,
	KEY_DISABLE,
	KEY_REASON,
	KEY_COMMENT,
};

/* --- update --- */

struct change {
	struct lk_key_fields fields;
	bool no_scopes;
	bool no_networks;
	bool no_metadata;
	bool enable;
	bool disable;
};

static const char *take_update(struct lk_cli *cli, void *input, int key, char *value)
{
	struct change *change = input;

	switch (key) {
	case KEY_NO_SCOPES:
		change->no_scopes = true;
		return NULL;
	case KEY_NO_NETWORKS:
		change->no_networks = true;
		return NULL;
	case KEY_NO_METADATA:
		change->no_metadata = true;
		return NULL;
	case KEY_ENABLE:
		change->enable = true;
		return change->disable ? "contradicts --disable" : NULL;
	case KEY_DISABLE:
		change->disable = true;
		return change->enable ? "contradicts --enable" : NULL;
	default:
		return lk_key_take(cli, &change->fields, (enum lk_key_option)key, value);
	}
}

#define UPDATE_PATHS_MAX 6

static void add_path(struct lk_cli *cli, Google__Protobuf__FieldMask *mask, const char *path)
{
	if (mask->paths == NULL)
		mask->paths = lk_cli_alloc(cli, UPDATE_PATHS_MAX * sizeof *mask->paths);
	mask->paths[mask->n_paths++] = (char *)(uintptr_t)path;
}

/* The mask names what was given, and nothing else. */
static Google__Protobuf__FieldMask *mask_of(struct lk_cli *cli, const struct change *change)
{
	Google__Protobuf__FieldMask *mask =
		lk_cli_message(cli, &google__protobuf__field_mask__descriptor);

	if (change->fields.name != NULL)
		add_path(cli, mask, "name");
	if (change->fields.scopes.n > 0 || change->no_scopes)
		add_path(cli, mask, "scopes");
	if (change->fields.networks.n > 0 || change->no_networks)
		add_path(cli, mask, "networks");
	if (change->fields.has_expires)
		add_path(cli, mask, "expires_at");
	if (change->enable || change->disable)
		add_path(cli, mask, "enabled");
	if (change->fields.metadata.n > 0 || change->no_metadata)
		add_path(cli, mask, "metadata");
	return mask;
}

static lk_update_key_request *update_request(struct lk_cli *cli, const struct change *change)
{
	lk_update_key_request *request =
		lk_cli_message(cli, &latchkey__v1__update_key_request__descriptor);
	const struct lk_key_fields *fields = &change->fields;

	request->realm = fields->realm;
	request->id = cli->arguments[0];
	if (fields->name != NULL)
		request->name = fields->name;
	request->scopes = fields->scopes.items;
	request->n_scopes = fields->scopes.n;
	request->networks = fields->networks.items;
	request->n_networks = fields->networks.n;
	request->expires_at = lk_key_expires(cli, fields);
	request->enabled = change->enable;
	request->metadata = lk_key_metadata(cli, &fields->metadata,
		&latchkey__v1__update_key_request__metadata_entry__descriptor);
	request->n_metadata = fields->metadata.n;
	request->update_mask = mask_of(cli, change);
	return request;
}

/* A list that is set and emptied at once. */
static const char *contradiction(const struct change *change)
{
	if (change->no_scopes && change->fields.scopes.n > 0)
		return "--no-scopes: contradicts --scope";
	if (change->no_networks && change->fields.networks.n > 0)
		return "--no-networks: contradicts --network";
	if (change->no_metadata && change->fields.metadata.n > 0)
		return "--no-metadata: contradicts --metadata";
	return NULL;
}

static enum lk_exit update(struct lk_cli *cli, const struct change *change)
{
	const lk_update_key_request *request = update_request(cli, change);
	const char *why = contradiction(change);
	struct lk_call_options options = lk_cli_call_options(cli);
	lk_update_key_response *response;
	struct lk_status st;
	enum lk_exit code;

	if (why == NULL && request->update_mask->n_paths == 0)
		why = "nothing to change: give --name, --scope, --network, --expires, "
		      "--metadata, --enable or --disable";
	if (why != NULL)
		return lk_cli_fail(cli, LK_EXIT_USAGE, "%s", why);
	code = lk_cli_connect(cli);
	if (code != LK_EXIT_OK)
		return code;
	st = lk_key_service_update_key(cli->channel, &options, request, &cli->arena, &response);
	if (st.code == LK_OK && response->key == NULL)
		st = LK_ERR(LK_INTERNAL, "the answer has no key");
	if (st.code != LK_OK)
		return lk_cli_report(cli, st);
	if (cli->json)
		return lk_cli_print_json(cli, &response->base);
	lk_key_print(cli, response->key);
	return LK_EXIT_OK;
}

enum lk_exit lk_run_key_update(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", LK_KEY_REALM, "REALM", 0, "realm of the key (required)", 1 },
		{ "name", LK_KEY_NAME, "NAME", 0, "a new name", 2 },
		{ "scope", LK_KEY_SCOPE, "PERMISSION", 0,
			"the permissions it has from now on, in place of all others; repeat for "
			"more",
			2 },
		{ "no-scopes", KEY_NO_SCOPES, NULL, 0, "take all permissions away", 2 },
		{ "network", LK_KEY_NETWORK, "CIDR", 0,
			"the networks it works from, in place of all others; repeat for more", 2 },
		{ "no-networks", KEY_NO_NETWORKS, NULL, 0, "let it work from everywhere", 2 },
		{ "expires", LK_KEY_EXPIRES, "WHEN", 0, "30d, 2027-01-01T00:00:00Z, or never", 2 },
		{ "metadata", LK_KEY_METADATA, "NAME=VALUE", 0,
			"the notes kept with it, in place of all others; repeat for more", 2 },
		{ "no-metadata", KEY_NO_METADATA, NULL, 0, "drop all notes", 2 },
		{ "enable", KEY_ENABLE, NULL, 0, "accept it again after --disable", 3 },
		{ "disable", KEY_DISABLE, NULL, 0, "refuse it until it is enabled again", 3 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.arguments = "KEY-ID",
		.n_arguments_min = 1,
		.n_arguments_max = 1,
		.help = "Changes what the options name, and nothing else. Lists are replaced as a "
			"whole.\v"
			"Example:\n"
			"  latchkey key update --realm demo --scope records.read --expires 30d "
			"key_8fK2\n",
		.take = take_update,
	};
	struct change change = { 0 };

	lk_cli_parse(cli, &syntax, &change, argc, argv);
	lk_cli_require(cli, "--realm", change.fields.realm);
	return update(cli, &change);
}

/* --- revoke --- */

struct revocation {
	struct lk_key_fields fields;
	lk_revocation_reason reason;
	char *comment;
};

static const char *take_revoke(struct lk_cli *cli, void *input, int key, char *value)
{
	struct revocation *revocation = input;
	int reason;

	if (key == KEY_COMMENT) {
		revocation->comment = value;
		return NULL;
	}
	if (key != KEY_REASON)
		return lk_key_take(cli, &revocation->fields, (enum lk_key_option)key, value);
	if (!lk_value_enum(&latchkey__v1__revocation_reason__descriptor, value, &reason))
		return "must be key-compromise, affiliation-changed, superseded, "
		       "cessation-of-operation or privilege-withdrawn";
	revocation->reason = (lk_revocation_reason)reason;
	return NULL;
}

static enum lk_exit revoke(struct lk_cli *cli, const struct revocation *revocation)
{
	lk_revoke_key_request *request =
		lk_cli_message(cli, &latchkey__v1__revoke_key_request__descriptor);
	struct lk_call_options options = lk_cli_call_options(cli);
	lk_revoke_key_response *response;
	struct lk_status st;
	enum lk_exit code;

	request->realm = revocation->fields.realm;
	request->id = cli->arguments[0];
	request->reason = revocation->reason;
	if (revocation->comment != NULL)
		request->comment = revocation->comment;
	code = lk_cli_connect(cli);
	if (code != LK_EXIT_OK)
		return code;
	st = lk_key_service_revoke_key(cli->channel, &options, request, &cli->arena, &response);
	if (st.code != LK_OK)
		return lk_cli_report(cli, st);
	if (cli->json)
		return lk_cli_print_json(cli, &response->base);
	printf("Revoked %s. No verification accepts it any more.\n",
		lk_text_safe(&cli->arena, request->id));
	return LK_EXIT_OK;
}

enum lk_exit lk_run_key_revoke(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", LK_KEY_REALM, "REALM", 0, "realm of the key (required)", 1 },
		{ "reason", KEY_REASON, "REASON", 0,
			"key-compromise, affiliation-changed, superseded, cessation-of-operation "
			"or "
			"privilege-withdrawn",
			1 },
		{ "comment", KEY_COMMENT, "TEXT", 0, "for whoever looks at the key later", 1 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.arguments = "KEY-ID",
		.n_arguments_min = 1,
		.n_arguments_max = 1,
		.help = "Revokes a key for good: there is no way back. Revoking it again is fine "
			"and keeps the first reason.\v"
			"Example:\n"
			"  latchkey key revoke --realm demo --reason key-compromise key_8fK2\n",
		.take = take_revoke,
	};
	struct revocation revocation = { 0 };

	lk_cli_parse(cli, &syntax, &revocation, argc, argv);
	lk_cli_require(cli, "--realm", revocation.fields.realm);
	return revoke(cli, &revocation);
}
