/* SPDX-License-Identifier: MIT */
/* Commands that are one call: a table says which option sets which field of the request, and the
 * response is shown by its descriptor.
 */
#pragma once

#include "client/cli/cli.h"

#define LK_RPC_OPTIONS_MAX 12

enum lk_rpc_kind {
	LK_RPC_TEXT,
	LK_RPC_LIST, /* repeat for more */
	LK_RPC_ENUM,
	LK_RPC_ON,       /* takes no value: the field is true */
	LK_RPC_OFF,      /* takes no value: the field is false */
	LK_RPC_SECRET,   /* a file that holds the value */
	LK_RPC_PASSWORD, /* the same; the space around it counts */
	LK_RPC_OUTPUT,   /* a new file for a secret of the response */
	LK_RPC_LIMIT,    /* how many of a list to show; no field */
};

struct lk_rpc_option {
	enum lk_rpc_kind kind;
	const char *flag;  /* "role" */
	const char *arg;   /* "ROLE" */
	const char *field; /* "roles"; of an output "tokens.access_token" */
	const char *help;
	bool required;      /* of a secret: it is asked for */
	const char *prompt; /* of a secret */
};

struct lk_rpc_command {
	const struct lk_method *method;
	const struct lk_rpc_option *options; /* ends with an empty one; `realm` is always there */
	const char *argument;                /* the field that the argument sets, or NULL */
	const char *argument_name;           /* "USER-ID" */
	const char *help;                    /* what it does, "\v", examples */
	const char *list;                    /* the repeated field to show as a table, or NULL */
	const char *const *columns;          /* its fields; ends with NULL */
	const char *plain;                   /* the one text of the response to print, or NULL */
	const char *done;                    /* what to say of an empty response, or NULL */
};

enum lk_exit lk_rpc_run(
	struct lk_cli *cli, const struct lk_rpc_command *command, int argc, char **argv);

/* The commands of client/cli/people.c. */
extern const struct lk_rpc_command lk_user_create, lk_user_get, lk_user_list, lk_user_update,
	lk_user_set_password, lk_user_reset_limits, lk_organization_set, lk_organization_get,
	lk_session_list, lk_session_end, lk_session_end_all, lk_auth_sign_in, lk_auth_refresh,
	lk_auth_sign_out, lk_keyring_rotate, lk_keyring_list, lk_keyring_retire, lk_keyring_jwks;
