/* SPDX-License-Identifier: MIT */
/* auth verify. */
#include <errno.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/key.h"
#include "client/cli/secret.h"
#include "client/cli/table.h"
#include "latchkey/v1/auth.rpc.h"

enum {
	KEY_REALM = LK_KEY_FIRST,
	KEY_PERMISSION,
	KEY_ADDRESS,
	KEY_FILE,
	KEY_WITH_PERMISSIONS,
};

struct question {
	char *realm;
	struct lk_values permissions;
	char *address;
	char *file;
	bool with_permissions;
};

static const char *take_verify(struct lk_cli *cli, void *input, int key, char *value)
{
	struct question *question = input;

	switch (key) {
	case KEY_REALM:
		question->realm = value;
		break;
	case KEY_PERMISSION:
		lk_cli_add(cli, &question->permissions, value);
		break;
	case KEY_ADDRESS:
		question->address = value;
		break;
	case KEY_WITH_PERMISSIONS:
		question->with_permissions = true;
		break;
	default:
		question->file = value;
		break;
	}
	return NULL;
}

static lk_authenticate_request *verify_request(
	struct lk_cli *cli, const struct question *question, struct lk_bytes key)
{
	lk_authenticate_request *request =
		lk_cli_message(cli, &latchkey__v1__authenticate_request__descriptor);
	Latchkey__V1__Credential *credential =
		lk_cli_message(cli, &latchkey__v1__credential__descriptor);

	credential->kind = LATCHKEY__V1__CREDENTIAL_KIND__CREDENTIAL_KIND_BEARER;
	credential->value = lk_cli_alloc(cli, key.n + 1);
	memcpy(credential->value, key.data, key.n);
	request->credentials = lk_cli_alloc(cli, sizeof *request->credentials);
	request->credentials[0] = credential;
	request->n_credentials = 1;
	request->realm = question->realm;
	request->permissions = question->permissions.items;
	request->n_permissions = question->permissions.n;
	request->with_permissions = question->with_permissions;
	if (question->address != NULL)
		request->client_address = question->address;
	return request;
}

static void line(struct lk_cli *cli, const char *name, const char *text)
{
	if (text[0] != '\0')
		printf("%-16s %s\n", name, lk_text_safe(&cli->arena, text));
}

static void print_verdict(struct lk_cli *cli, const lk_authenticate_response *verdict)
{
	const lk_principal *principal = verdict->principal;
	char reason[LK_VALUE_ROOM];

	lk_value_enum_print(&latchkey__v1__deny_reason__descriptor, (int)verdict->reason, reason);
	puts(verdict->allowed ? "Allowed" : "Denied");
	if (!verdict->allowed) {
		line(cli, "Reason", reason);
		line(cli, "Message", verdict->message);
	}
	if (principal == NULL)
		return;
	line(cli, "Key", principal->key_id);
	line(cli, "Session", principal->session_id);
	line(cli, "Name", principal->name);
	line(cli, "User", principal->user_id);
	if (principal->n_roles > 0)
		line(cli, "Roles", lk_key_join(&cli->arena, principal->roles, principal->n_roles));
	line(cli, "Organization", principal->organization_id);
	line(cli, "Plan", principal->plan);
	if (principal->key_id[0] != '\0')
		printf("%-16s %s\n", "Scopes",
			lk_key_join(&cli->arena, principal->scopes, principal->n_scopes));
	if (principal->n_permissions > 0)
		line(cli, "Permissions",
			lk_key_join(&cli->arena, principal->permissions, principal->n_permissions));
	printf("%-16s %s\n", "Expires",
		principal->expires_at != NULL ? lk_key_time(&cli->arena, principal->expires_at)
					      : "never");
}

static enum lk_exit verify(struct lk_cli *cli, const struct question *question)
{
	struct lk_call_options options = lk_cli_call_options(cli);
	lk_authenticate_response *response;
	struct lk_bytes key;
	const char *why = lk_secret_read(question->file, "Key", LK_SECRET_TOKEN, &cli->arena, &key);
	struct lk_status st;
	enum lk_exit code;

	if (why != NULL)
		return lk_cli_fail(cli, LK_EXIT_USAGE, "%s%s%s: %s",
			question->file != NULL ? "--key-file: " : "",
			question->file != NULL ? question->file : "key", errno != 0 ? ": " : "",
			errno != 0 ? strerror(errno) : why);
	code = lk_cli_connect(cli);
	if (code != LK_EXIT_OK)
		return code;
	st = lk_auth_service_authenticate(
		cli->channel, &options, verify_request(cli, question, key), &cli->arena, &response);
	if (st.code != LK_OK)
		return lk_cli_report(cli, st);
	if (!cli->json)
		print_verdict(cli, response);
	else if (lk_cli_print_json(cli, &response->base) != LK_EXIT_OK)
		return LK_EXIT_FAILED;
	return response->allowed ? LK_EXIT_OK : LK_EXIT_NO;
}

enum lk_exit lk_run_auth_verify(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", KEY_REALM, "REALM", 0, "realm of the key (required)", 1 },
		{ "permission", KEY_PERMISSION, "PERMISSION", 0,
			"a permission that the request needs; repeat for more", 1 },
		{ "address", KEY_ADDRESS, "IP", 0, "the client's address", 1 },
		{ "key-file", KEY_FILE, "FILE", 0,
			"file that holds the key or token, - for standard input (default: ask for "
			"it)",
			1 },
		{ "with-permissions", KEY_WITH_PERMISSIONS, NULL, 0,
			"show what the credential allows now", 1 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.help = "Asks whether a key, a session token or an access token may pass, as an "
			"API would. It is read from a "
			"prompt without echo, from standard input or from a file, never from the "
			"command line. Exits with 0 when it may pass and with 1 when not.\v"
			"Example:\n"
			"  latchkey auth verify --realm demo --permission records.read \\\n"
			"    --key-file ci.key\n",
		.take = take_verify,
	};
	struct question question = { 0 };

	lk_cli_parse(cli, &syntax, &question, argc, argv);
	lk_cli_require(cli, "--realm", question.realm);
	return verify(cli, &question);
}
