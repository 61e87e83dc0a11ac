/* SPDX-License-Identifier: MIT */
/* import users: with the hashes of their passwords. */
#include "client/cli/import_kind.h"
#include "latchkey/v1/user.rpc.h"

typedef Latchkey__Cli__UserLine user_line;

static const char *name_of(const ProtobufCMessage *line)
{
	return ((const user_line *)line)->email;
}

static struct lk_status check(const ProtobufCMessage *line, struct lk_seen *seen)
{
	const user_line *user = (const user_line *)line;

	LK_TRY(lk_import_check(user));
	return lk_seen_add(seen, user->email);
}

static const ProtobufCMessage *request_of(
	const ProtobufCMessage *line, char *realm, bool is_dry, struct lk_arena *arena)
{
	const user_line *user = (const user_line *)line;
	lk_create_user_request *request = (lk_create_user_request *)lk_message_new(
		&latchkey__v1__create_user_request__descriptor, arena);

	(void)is_dry;
	if (request == NULL)
		return NULL;
	request->realm = realm;
	request->email = user->email;
	request->name = user->name;
	request->password_hash = user->password_hash;
	request->roles = user->roles;
	request->n_roles = user->n_roles;
	request->organization_id = user->organization_id;
	request->disabled =
		user->state_case == LATCHKEY__CLI__USER_LINE__STATE_ENABLED && !user->enabled;
	return &request->base;
}

static void created(void *arg, struct lk_status status, const lk_create_user_response *response)
{
	(void)response;
	lk_import_call_back(arg, status);
}

static void send(struct lk_import_call *call, const struct lk_call_options *options)
{
	lk_user_service_create_user_async(call->calls->channel, options,
		(const lk_create_user_request *)call->request, created, call);
}

static void got(void *arg, struct lk_status status, const lk_get_user_response *response)
{
	(void)response;
	lk_import_call_back(arg, status);
}

static void ask(struct lk_import_call *call, const struct lk_call_options *options)
{
	const lk_create_user_request *user = (const lk_create_user_request *)call->request;
	lk_get_user_request request = LK_GET_USER_REQUEST_INIT;

	(void)options; /* nothing changes */
	request.realm = user->realm;
	request.email = user->email;
	lk_user_service_get_user_async(
		call->calls->channel, &call->calls->options, &request, got, call);
}

static struct lk_status find_realm(
	struct lk_cli *cli, const struct lk_call_options *options, char *realm)
{
	lk_list_users_request request = LK_LIST_USERS_REQUEST_INIT;
	lk_list_users_response *response;

	request.realm = realm;
	request.page_size = 1;
	return lk_user_service_list_users(cli->channel, options, &request, &cli->arena, &response);
}

static const struct lk_status is_there = { .code = LK_ALREADY_EXISTS,
	.why = "the user is there already, and was left as they are",
	.field = "email" };

const struct lk_import_kind lk_import_users = {
	.lines = &lk_user_lines,
	.help = "Creates the users of a file, with the hashes of their passwords as another system "
		"made them. Each line is a JSON object, or a record of CSV whose first line names "
		"the columns: email, name, password_hash, roles, organization_id, enabled. Only "
		"email must be there. Whoever is in the realm already is left as they are, so the "
		"command can be repeated. FILE is - for standard input.\v"
		"Example:\n"
		"  latchkey import users --realm demo --dry-run users.csv\n"
		"  latchkey import users --realm demo --report refused.jsonl users.csv\n",
	.is_there = &is_there,
	.asks_by_get = true,
	.name_of = name_of,
	.check = check,
	.request_of = request_of,
	.send = send,
	.ask = ask,
	.find_realm = find_realm,
};
