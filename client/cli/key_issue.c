/* SPDX-License-Identifier: MIT */
/* Commands whose answer holds a secret: key create, service create, key rotate. */
#include <errno.h>
#include <string.h>

#include "client/cli/key.h"
#include "client/cli/secret.h"
#include "client/cli/table.h"

enum {
	KEY_REALM_ACCESS = LK_KEY_OWN,
	KEY_GRACE,
};

#define SERVICE_REALM "latchkey"

/* Where the secret goes. The file is made before the call: a secret that cannot be kept is not
 * asked for. */
struct destination {
	const char *path; /* NULL: standard output */
	int fd;
};

static enum lk_exit open_destination(
	struct lk_cli *cli, const char *path, struct destination *destination)
{
	destination->path = path;
	if (path == NULL)
		return LK_EXIT_OK;
	destination->fd = lk_secret_create_file(path);
	if (destination->fd < 0)
		return lk_cli_fail(
			cli, LK_EXIT_USAGE, "--secret-file: %s: %s", path, strerror(errno));
	return LK_EXIT_OK;
}

static enum lk_exit print_issued(struct lk_cli *cli, const struct destination *destination,
	const lk_key *key, const char *secret)
{
	lk_key_print(cli, key);
	if (destination->path != NULL)
		printf("\nThe secret is in %s.\n", destination->path);
	else
		printf("\nSecret: %s\n\nStore it now: it is not shown again, and the server does "
		       "not have it.\n",
			lk_text_safe(&cli->arena, secret));
	return LK_EXIT_OK;
}

/* Delivers an answer. With a file for the secret, `secret` is taken out of the printed message. */
static enum lk_exit deliver(struct lk_cli *cli, struct destination *destination, const lk_key *key,
	char **secret, const ProtobufCMessage *response)
{
	if (destination->path != NULL) {
		if (!lk_secret_write_file(destination->fd, destination->path, *secret))
			return lk_cli_fail(cli, LK_EXIT_FAILED,
				"--secret-file: %s: %s; the secret of key %s is lost, rotate it",
				destination->path, strerror(errno),
				lk_text_safe(&cli->arena, key->id));
		*secret = lk_cli_alloc(cli, 1);
	}
	return cli->json ? lk_cli_print_json(cli, response)
			 : print_issued(cli, destination, key, *secret);
}

static enum lk_exit abandon(
	const struct lk_cli *cli, const struct destination *destination, struct lk_status status)
{
	if (destination->path != NULL)
		lk_secret_abandon_file(destination->fd, destination->path);
	return lk_cli_report(cli, status);
}

/* --- create --- */

static const char *take_create(struct lk_cli *cli, void *input, int key, char *value)
{
	struct lk_key_fields *fields = input;

	if (key == KEY_REALM_ACCESS) {
		lk_cli_add(cli, &fields->realms, value);
		return NULL;
	}
	return lk_key_take(cli, fields, (enum lk_key_option)key, value);
}

static lk_create_key_request *create_request(struct lk_cli *cli, const struct lk_key_fields *fields)
{
	lk_create_key_request *request =
		lk_cli_message(cli, &latchkey__v1__create_key_request__descriptor);

	request->realm = fields->realm;
	request->name = fields->name;
	if (fields->user != NULL)
		request->user_id = fields->user;
	if (fields->organization != NULL)
		request->organization_id = fields->organization;
	request->scopes = fields->scopes.items;
	request->n_scopes = fields->scopes.n;
	request->networks = fields->networks.items;
	request->n_networks = fields->networks.n;
	request->realms = fields->realms.items;
	request->n_realms = fields->realms.n;
	request->expires_at = lk_key_expires(cli, fields);
	request->metadata = lk_key_metadata(cli, &fields->metadata,
		&latchkey__v1__create_key_request__metadata_entry__descriptor);
	request->n_metadata = fields->metadata.n;
	return request;
}

static enum lk_exit create(struct lk_cli *cli, const struct lk_key_fields *fields)
{
	const lk_create_key_request *request = create_request(cli, fields);
	struct lk_call_options options = lk_cli_call_options(cli);
	struct destination destination;
	lk_create_key_response *response;
	struct lk_status st;
	enum lk_exit code = lk_cli_connect(cli);

	if (code == LK_EXIT_OK)
		code = open_destination(cli, fields->secret_file, &destination);
	if (code != LK_EXIT_OK)
		return code;
	st = lk_key_service_create_key(cli->channel, &options, request, &cli->arena, &response);
	if (st.code == LK_OK && response->key == NULL)
		st = LK_ERR(LK_INTERNAL, "the answer has no key");
	if (st.code != LK_OK)
		return abandon(cli, &destination, st);
	return deliver(cli, &destination, response->key, &response->secret, &response->base);
}

enum lk_exit lk_run_key_create(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", LK_KEY_REALM, "REALM", 0, "realm of the key (required)", 1 },
		{ "name", LK_KEY_NAME, "NAME", 0, "what people call it (required)", 1 },
		{ "user", LK_KEY_USER, "ID", 0, "user who owns it", 2 },
		{ "organization", LK_KEY_ORGANIZATION, "ID", 0, "organization that owns it", 2 },
		{ "scope", LK_KEY_SCOPE, "PERMISSION", 0,
			"grant a permission such as records.read or records.*; repeat for more",
			3 },
		{ "network", LK_KEY_NETWORK, "CIDR", 0,
			"let it work from this network only; repeat for more", 3 },
		{ "expires", LK_KEY_EXPIRES, "WHEN", 0,
			"30d, 2027-01-01T00:00:00Z, or never (the default)", 3 },
		{ "metadata", LK_KEY_METADATA, "NAME=VALUE", 0,
			"keep a note with it; repeat for more", 3 },
		{ "secret-file", LK_KEY_SECRET_FILE, "FILE", 0,
			"write the secret into a new file of mode 0600 instead of showing it", 4 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.help = "Issues an API key. Its secret is shown once, or written to a file, and "
			"cannot be had again.\v"
			"Example:\n"
			"  latchkey key create --realm demo --name 'CI deploy' --user u_42 \\\n"
			"    --scope records.read --network 10.0.0.0/8 --expires 90d \\\n"
			"    --secret-file ci.key\n",
		.take = take_create,
	};
	struct lk_key_fields fields = { 0 };

	lk_cli_parse(cli, &syntax, &fields, argc, argv);
	lk_cli_require(cli, "--realm", fields.realm);
	lk_cli_require(cli, "--name", fields.name);
	return create(cli, &fields);
}

enum lk_exit lk_run_service_create(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "name", LK_KEY_NAME, "NAME", 0, "what people call the service (required)", 1 },
		{ "scope", LK_KEY_SCOPE, "SCOPE", 0,
			"let it do this: auth.verify, keys.read, keys.manage, client.assert; "
			"repeat for more",
			2 },
		{ "realm-access", KEY_REALM_ACCESS, "REALM", 0,
			"let it act in this realm, * for all but `latchkey'; repeat for more", 2 },
		{ "realm", 0, NULL, OPTION_ALIAS, NULL, 2 },
		{ "network", LK_KEY_NETWORK, "CIDR", 0,
			"let it call from this network only; repeat for more", 2 },
		{ "expires", LK_KEY_EXPIRES, "WHEN", 0,
			"30d, 2027-01-01T00:00:00Z, or never (the default)", 2 },
		{ "metadata", LK_KEY_METADATA, "NAME=VALUE", 0,
			"keep a note with it; repeat for more", 2 },
		{ "secret-file", LK_KEY_SECRET_FILE, "FILE", 0,
			"write the secret into a new file of mode 0600 instead of showing it", 3 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.help = "Issues a service key: the credential of a program that calls Latchkey. It "
			"is a key of the realm `latchkey'; `key list --realm latchkey' lists it.\v"
			"Example:\n"
			"  latchkey service create --name gateway --scope auth.verify \\\n"
			"    --realm-access demo --secret-file gateway.key\n",
		.take = take_create,
	};
	char realm[] = SERVICE_REALM;
	struct lk_key_fields fields = { .realm = realm };

	lk_cli_parse(cli, &syntax, &fields, argc, argv);
	lk_cli_require(cli, "--name", fields.name);
	return create(cli, &fields);
}

/* --- rotate --- */

struct rotation {
	struct lk_key_fields fields;
	int64_t grace_ms;
};

static const char *take_rotate(struct lk_cli *cli, void *input, int key, char *value)
{
	struct rotation *rotation = input;

	if (key != KEY_GRACE)
		return lk_key_take(cli, &rotation->fields, (enum lk_key_option)key, value);
	if (!lk_value_span(value, &rotation->grace_ms))
		return "must be a span such as 24h or 0";
	return NULL;
}

static lk_rotate_key_request *rotate_request(struct lk_cli *cli, const struct rotation *rotation)
{
	lk_rotate_key_request *request =
		lk_cli_message(cli, &latchkey__v1__rotate_key_request__descriptor);

	request->realm = rotation->fields.realm;
	request->id = cli->arguments[0];
	if (rotation->grace_ms > 0) {
		request->grace_period =
			lk_cli_message(cli, &google__protobuf__duration__descriptor);
		request->grace_period->seconds = rotation->grace_ms / 1000;
		request->grace_period->nanos = (int32_t)(rotation->grace_ms % 1000) * 1000000;
	}
	return request;
}

static enum lk_exit rotate(struct lk_cli *cli, const struct rotation *rotation)
{
	const lk_rotate_key_request *request = rotate_request(cli, rotation);
	struct lk_call_options options = lk_cli_call_options(cli);
	struct destination destination;
	lk_rotate_key_response *response;
	struct lk_status st;
	enum lk_exit code = lk_cli_connect(cli);

	if (code == LK_EXIT_OK)
		code = open_destination(cli, rotation->fields.secret_file, &destination);
	if (code != LK_EXIT_OK)
		return code;
	st = lk_key_service_rotate_key(cli->channel, &options, request, &cli->arena, &response);
	if (st.code == LK_OK && response->key == NULL)
		st = LK_ERR(LK_INTERNAL, "the answer has no key");
	if (st.code != LK_OK)
		return abandon(cli, &destination, st);
	return deliver(cli, &destination, response->key, &response->secret, &response->base);
}

enum lk_exit lk_run_key_rotate(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", LK_KEY_REALM, "REALM", 0, "realm of the key (required)", 1 },
		{ "grace", KEY_GRACE, "SPAN", 0,
			"keep the old secret valid for so long, such as 24h (default: not at all)",
			1 },
		{ "secret-file", LK_KEY_SECRET_FILE, "FILE", 0,
			"write the secret into a new file of mode 0600 instead of showing it", 1 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.arguments = "KEY-ID",
		.n_arguments_min = 1,
		.n_arguments_max = 1,
		.help = "Gives a key a new secret. The old one works for the grace period, so that "
			"programs can be moved over; `key show' tells whether it is still used.\v"
			"Example:\n"
			"  latchkey key rotate --realm demo --grace 24h --secret-file new.key "
			"key_8fK2\n",
		.take = take_rotate,
	};
	struct rotation rotation = { 0 };

	lk_cli_parse(cli, &syntax, &rotation, argc, argv);
	lk_cli_require(cli, "--realm", rotation.fields.realm);
	return rotate(cli, &rotation);
}
