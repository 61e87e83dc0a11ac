/* SPDX-License-Identifier: MIT */
/* The commands for people, their sessions, and the keys that sign their tokens. */
#include "client/cli/rpc.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/keyring.rpc.h"
#include "latchkey/v1/user.rpc.h"

#define LIMIT_OPTION \
	{ \
		.kind = LK_RPC_LIMIT, .flag = "limit", .arg = "N", \
		.help = "at most so many (default: all)" \
	}

#define TOKEN_OUTPUTS \
	{ .kind = LK_RPC_OUTPUT, \
		.flag = "access-token-to", \
		.arg = "FILE", \
		.field = "tokens.access_token", \
		.help = "write the access token into a new file of mode 0600 instead of printing " \
			"it" }, \
	{ \
		.kind = LK_RPC_OUTPUT, .flag = "refresh-token-to", .arg = "FILE", \
		.field = "tokens.refresh_token", .help = "likewise the refresh token" \
	}

/* --- users --- */

static const struct lk_rpc_option create_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "email",
		.arg = "EMAIL",
		.field = "email",
		.help = "address to sign in with (required)",
		.required = true },
	{ .kind = LK_RPC_TEXT,
		.flag = "name",
		.arg = "NAME",
		.field = "name",
		.help = "name to show" },
	{ .kind = LK_RPC_LIST,
		.flag = "role",
		.arg = "ROLE",
		.field = "roles",
		.help = "a role of the realm; repeat for more" },
	{ .kind = LK_RPC_TEXT,
		.flag = "organization",
		.arg = "ID",
		.field = "organization_id",
		.help = "organisation of the user" },
	{ .kind = LK_RPC_PASSWORD,
		.flag = "password-file",
		.arg = "FILE",
		.field = "password",
		.help = "file that holds the password, - for standard input",
		.prompt = "Password" },
	{ .kind = LK_RPC_SECRET,
		.flag = "password-hash-file",
		.arg = "FILE",
		.field = "password_hash",
		.help = "file that holds a hash made elsewhere",
		.prompt = "Hash" },
	{ .kind = LK_RPC_ON,
		.flag = "disabled",
		.arg = NULL,
		.field = "disabled",
		.help = "they are refused until somebody enables them" },
	{ 0 },
};

const struct lk_rpc_command lk_user_create = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_CREATE_USER],
	.options = create_options,
	.help = "Creates a user. Without a password they cannot sign in until one is set.\v"
		"Example:\n"
		"  latchkey user create --realm demo --email ada@example.org --role admin \\\n"
		"    --password-file -\n",
};

static const struct lk_rpc_option get_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "id",
		.arg = "USER-ID",
		.field = "id",
		.help = "the user's id" },
	{ .kind = LK_RPC_TEXT,
		.flag = "email",
		.arg = "EMAIL",
		.field = "email",
		.help = "or their address" },
	{ 0 },
};

const struct lk_rpc_command lk_user_get = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_GET_USER],
	.options = get_options,
	.help = "Shows a user, with what their roles allow now.\v"
		"Example:\n"
		"  latchkey user get --realm demo --email ada@example.org\n",
};

static const struct lk_rpc_option list_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "organization",
		.arg = "ID",
		.field = "organization_id",
		.help = "members of this one only" },
	LIMIT_OPTION,
	{ 0 },
};

static const char *const user_columns[] = { "id", "email", "name", "roles", "organization_id",
	"enabled", NULL };

const struct lk_rpc_command lk_user_list = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_LIST_USERS],
	.options = list_options,
	.list = "users",
	.columns = user_columns,
	.help = "Lists the users of a realm in the order of their creation.\v"
		"Example:\n"
		"  latchkey user list --realm demo --organization acme\n",
};

static const struct lk_rpc_option update_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "email",
		.arg = "EMAIL",
		.field = "email",
		.help = "new address" },
	{ .kind = LK_RPC_TEXT, .flag = "name", .arg = "NAME", .field = "name", .help = "new name" },
	{ .kind = LK_RPC_LIST,
		.flag = "role",
		.arg = "ROLE",
		.field = "roles",
		.help = "role in the place of all others; repeat for more" },
	{ .kind = LK_RPC_TEXT,
		.flag = "organization",
		.arg = "ID",
		.field = "organization_id",
		.help = "new organisation, '' for none" },
	{ .kind = LK_RPC_ON,
		.flag = "enable",
		.arg = NULL,
		.field = "enabled",
		.help = "let them in again" },
	{ .kind = LK_RPC_OFF,
		.flag = "disable",
		.arg = NULL,
		.field = "enabled",
		.help = "refuse all their sessions and keys from now on" },
	{ 0 },
};

const struct lk_rpc_command lk_user_update = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_UPDATE_USER],
	.options = update_options,
	.argument = "id",
	.argument_name = "USER-ID",
	.help = "Changes what the options name, and nothing else. It is felt by the next "
		"verification of each of their sessions and keys.\v"
		"Example:\n"
		"  latchkey user update --realm demo --disable user_03521LrNCV2TT5kTOt0pnR\n",
};

static const struct lk_rpc_option password_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "user",
		.arg = "USER-ID",
		.field = "user_id",
		.help = "the user; not with --subject-file" },
	{ .kind = LK_RPC_PASSWORD,
		.flag = "password-file",
		.arg = "FILE",
		.field = "password",
		.help = "file that holds the new password, - for standard input (default: ask for "
			"it)",
		.required = true,
		.prompt = "New password" },
	{ .kind = LK_RPC_PASSWORD,
		.flag = "current-password-file",
		.arg = "FILE",
		.field = "current_password",
		.help = "with --subject-file: file that holds the current one",
		.prompt = "Current password" },
	{ 0 },
};

const struct lk_rpc_command lk_user_set_password = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_SET_PASSWORD],
	.options = password_options,
	.help = "Sets a user's password and ends their sessions.\v"
		"Example:\n"
		"  latchkey user set-password --realm demo --user user_03521LrNCV2TT5kTOt0pnR\n",
};

static const struct lk_rpc_option reset_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "email",
		.arg = "EMAIL",
		.field = "email",
		.help = "what is counted against this account" },
	{ .kind = LK_RPC_TEXT,
		.flag = "address",
		.arg = "IP",
		.field = "client_address",
		.help = "what is counted against this address" },
	{ 0 },
};

const struct lk_rpc_command lk_user_reset_limits = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_RESET_SIGN_IN_LIMITS],
	.options = reset_options,
	.done = "Forgotten.",
	.help = "Forgets failed sign-ins, so that a person who is kept out need not wait.\v"
		"Example:\n"
		"  latchkey user reset-limits --realm demo --email ada@example.org\n",
};

/* --- organisations --- */

static const struct lk_rpc_option organization_options[] = {
	{ .kind = LK_RPC_TEXT, .flag = "plan", .arg = "PLAN", .field = "plan", .help = "any word" },
	{ .kind = LK_RPC_ON,
		.flag = "enable",
		.arg = NULL,
		.field = "enabled",
		.help = "let its members and keys in again" },
	{ .kind = LK_RPC_OFF,
		.flag = "disable",
		.arg = NULL,
		.field = "enabled",
		.help = "refuse all its members and keys" },
	{ 0 },
};

const struct lk_rpc_command lk_organization_set = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_SET_ORGANIZATION],
	.options = organization_options,
	.argument = "id",
	.argument_name = "ORGANIZATION-ID",
	.help = "Creates an organisation or changes what the options name.\v"
		"Example:\n"
		"  latchkey organization set --realm demo --plan BUSINESS acme\n",
};

const struct lk_rpc_command lk_organization_get = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_GET_ORGANIZATION],
	.argument = "id",
	.argument_name = "ORGANIZATION-ID",
	.help = "Shows an organisation.\v"
		"Example:\n"
		"  latchkey organization get --realm demo acme\n",
};

/* --- sessions --- */

static const struct lk_rpc_option session_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "user",
		.arg = "USER-ID",
		.field = "user_id",
		.help = "the user; not with --subject-file" },
	LIMIT_OPTION,
	{ 0 },
};

static const char *const session_columns[] = { "id", "created_at", "expires_at", "last_seen_at",
	"client_address", "user_agent", NULL };

const struct lk_rpc_command lk_session_list = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_LIST_SESSIONS],
	.options = session_options,
	.list = "sessions",
	.columns = session_columns,
	.help = "Lists a user's sessions that have not ended.\v"
		"Example:\n"
		"  latchkey session list --realm demo --user user_03521LrNCV2TT5kTOt0pnR\n",
};

const struct lk_rpc_command lk_session_end = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_END_SESSION],
	.argument = "id",
	.argument_name = "SESSION-ID",
	.done = "Ended. Its tokens are refused from now on.",
	.help = "Ends a session: its tokens are refused from now on.\v"
		"Example:\n"
		"  latchkey session end --realm demo ses_0353tb9UvubgLhqJBXftHc\n",
};

static const struct lk_rpc_option end_all_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "user",
		.arg = "USER-ID",
		.field = "user_id",
		.help = "the user; not with --subject-file" },
	{ 0 },
};

const struct lk_rpc_command lk_session_end_all = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_END_SESSIONS],
	.options = end_all_options,
	.help = "Signs a user out everywhere.\v"
		"Example:\n"
		"  latchkey session end-all --realm demo --user user_03521LrNCV2TT5kTOt0pnR\n",
};

/* --- signing in and out --- */

static const struct lk_rpc_option sign_in_options[] = {
	{ .kind = LK_RPC_TEXT,
		.flag = "email",
		.arg = "EMAIL",
		.field = "email",
		.help = "address to sign in with (required)",
		.required = true },
	{ .kind = LK_RPC_PASSWORD,
		.flag = "password-file",
		.arg = "FILE",
		.field = "password",
		.help = "file that holds the password, - for standard input (default: ask for it)",
		.required = true,
		.prompt = "Password" },
	{ .kind = LK_RPC_TEXT,
		.flag = "address",
		.arg = "IP",
		.field = "client_address",
		.help = "the person's address" },
	{ .kind = LK_RPC_TEXT,
		.flag = "user-agent",
		.arg = "TEXT",
		.field = "user_agent",
		.help = "their program" },
	TOKEN_OUTPUTS,
	{ 0 },
};

const struct lk_rpc_command lk_auth_sign_in = {
	.method = &lk_auth_service_methods[LK_AUTH_SERVICE_SIGN_IN],
	.options = sign_in_options,
	.help = "Opens a session and shows its tokens once.\v"
		"Example:\n"
		"  latchkey auth sign-in --realm demo --email ada@example.org \\\n"
		"    --access-token-to ada.token\n",
};

static const struct lk_rpc_option refresh_options[] = {
	{ .kind = LK_RPC_SECRET,
		.flag = "refresh-token-file",
		.arg = "FILE",
		.field = "refresh_token",
		.help = "file that holds the refresh token, - for standard input (default: ask for "
			"it)",
		.required = true,
		.prompt = "Refresh token" },
	TOKEN_OUTPUTS,
	{ 0 },
};

const struct lk_rpc_command lk_auth_refresh = {
	.method = &lk_auth_service_methods[LK_AUTH_SERVICE_REFRESH_TOKEN],
	.options = refresh_options,
	.help = "Spends a refresh token for a new one and a fresh access token.\v"
		"Example:\n"
		"  latchkey auth refresh --realm demo --refresh-token-file ada.refresh\n",
};

static const struct lk_rpc_option sign_out_options[] = {
	{ .kind = LK_RPC_SECRET,
		.flag = "access-token-file",
		.arg = "FILE",
		.field = "access_token",
		.help = "file that holds the session's access token",
		.prompt = "Access token" },
	{ .kind = LK_RPC_SECRET,
		.flag = "refresh-token-file",
		.arg = "FILE",
		.field = "refresh_token",
		.help = "or its refresh token",
		.prompt = "Refresh token" },
	{ .kind = LK_RPC_ENUM,
		.flag = "scope",
		.arg = "SCOPE",
		.field = "scope",
		.help = "all: every session of the user; others: all but this one" },
	{ 0 },
};

const struct lk_rpc_command lk_auth_sign_out = {
	.method = &lk_auth_service_methods[LK_AUTH_SERVICE_SIGN_OUT],
	.options = sign_out_options,
	.help = "Ends a session, or more of the user's. One that is over or unknown is fine.\v"
		"Example:\n"
		"  latchkey auth sign-out --realm demo --access-token-file ada.token\n",
};

/* --- keyrings --- */

const struct lk_rpc_command lk_keyring_rotate = {
	.method = &lk_keyring_service_methods[LK_KEYRING_SERVICE_ROTATE_SIGNING_KEY],
	.help = "Makes a new key that signs from now on. Those before it verify until their last "
		"token has expired.\v"
		"Example:\n"
		"  latchkey keyring rotate --realm demo\n",
};

static const char *const key_columns[] = { "id", "algorithm", "created_at", "expires_at", NULL };

const struct lk_rpc_command lk_keyring_list = {
	.method = &lk_keyring_service_methods[LK_KEYRING_SERVICE_LIST_SIGNING_KEYS],
	.list = "keys",
	.columns = key_columns,
	.help = "Lists the keys of a realm's access tokens, newest first. The one without an "
		"expiry signs.\v"
		"Example:\n"
		"  latchkey keyring list --realm demo\n",
};

const struct lk_rpc_command lk_keyring_retire = {
	.method = &lk_keyring_service_methods[LK_KEYRING_SERVICE_RETIRE_SIGNING_KEY],
	.argument = "id",
	.argument_name = "KEY-ID",
	.done = "Retired. The tokens that it signed are refused from now on.",
	.help = "Deletes a key that signs no more. The tokens that it signed are refused from now "
		"on.\v"
		"Example:\n"
		"  latchkey keyring retire --realm demo sig_0353tb7ryopj1f9nQElYmd\n",
};

const struct lk_rpc_command lk_keyring_jwks = {
	.method = &lk_keyring_service_methods[LK_KEYRING_SERVICE_GET_KEY_SET],
	.plain = "jwks",
	.help = "Prints the public keys of a realm as a JWK Set, for whoever verifies its tokens "
		"without asking.\v"
		"Example:\n"
		"  latchkey keyring jwks --realm demo >jwks.json\n",
};
