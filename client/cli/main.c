/* SPDX-License-Identifier: MIT */
/* latchkey: calls a Latchkey server from the command line. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/rpc.h"

/* A page of keys takes less than a megabyte; the descriptors of a server, a few. */
#define ARENA_MAX ((size_t)64 << 20)

#define NAME_ROOM 64

const char *argp_program_version = "latchkey " LK_VERSION;

static const struct lk_command commands[] = {
	{ "key create", "issue an API key and show its secret once", lk_run_key_create, NULL },
	{ "key list", "list the keys of a realm", lk_run_key_list, NULL },
	{ "key show", "show one key", lk_run_key_show, NULL },
	{ "key update", "change a key's name, rights, networks, expiry", lk_run_key_update, NULL },
	{ "key rotate", "give a key a new secret", lk_run_key_rotate, NULL },
	{ "key revoke", "revoke a key for good", lk_run_key_revoke, NULL },
	{ "service create", "issue a key for a service that calls Latchkey", lk_run_service_create,
		NULL },
	{ "auth verify", "ask whether a key or a session may pass", lk_run_auth_verify, NULL },
	{ "auth sign-in", "open a session with email and password", NULL, &lk_auth_sign_in },
	{ "auth refresh", "spend a refresh token for new tokens", NULL, &lk_auth_refresh },
	{ "auth sign-out", "end a session, or all of a user's", NULL, &lk_auth_sign_out },
	{ "user create", "create a user", NULL, &lk_user_create },
	{ "user get", "show a user", NULL, &lk_user_get },
	{ "user list", "list the users of a realm", NULL, &lk_user_list },
	{ "user update", "change a user's roles, organisation, state", NULL, &lk_user_update },
	{ "user set-password", "set a user's password", NULL, &lk_user_set_password },
	{ "user reset-limits", "forget failed sign-ins", NULL, &lk_user_reset_limits },
	{ "organization set", "create an organisation, or change it", NULL, &lk_organization_set },
	{ "organization get", "show an organisation", NULL, &lk_organization_get },
	{ "session list", "list a user's sessions", NULL, &lk_session_list },
	{ "session end", "end a session", NULL, &lk_session_end },
	{ "session end-all", "sign a user out everywhere", NULL, &lk_session_end_all },
	{ "keyring rotate", "make a new key to sign tokens with", NULL, &lk_keyring_rotate },
	{ "keyring list", "list the keys that sign tokens", NULL, &lk_keyring_list },
	{ "keyring retire", "delete a key that signs no more", NULL, &lk_keyring_retire },
	{ "keyring jwks", "print the public keys", NULL, &lk_keyring_jwks },
	{ "import users", "create the users of a file, with their hashes", lk_run_import_users,
		NULL },
	{ "import keys", "take in API keys that another system made", lk_run_import_keys, NULL },
	{ "export users", "write the users of a realm as CSV or JSON", lk_run_export_users, NULL },
	{ "export organizations", "write the organisations of a realm as CSV or JSON",
		lk_run_export_organizations, NULL },
	{ "export keys", "write the keys of a realm as CSV or JSON", lk_run_export_keys, NULL },
	{ "health", "ask whether the server serves", lk_run_health, NULL },
	{ "call", "call any method by its name, with JSON", lk_run_call, NULL },
};

/* The list of commands, and below it the exit codes. */
static char *fill_help(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t n = 0;
	FILE *stream;

	(void)input;
	if (key != ARGP_KEY_HELP_EXTRA)
		return (char *)(uintptr_t)text;
	stream = open_memstream(&list, &n);
	if (stream == NULL)
		return NULL;
	fputs("Commands:\n", stream);
	for (size_t i = 0; i < LK_COUNT(commands); i++)
		fprintf(stream, "  %-17s %s\n", commands[i].name, commands[i].summary);
	fprintf(stream, "\n`latchkey COMMAND --help' explains each with an example.\n\n%s",
		lk_exit_text);
	fclose(stream);
	return list;
}

static error_t take_front(int key, char *value, struct argp_state *state)
{
	(void)value;
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* Whether the words on the command line are the command's name; how many they are. */
static int match(const struct lk_command *command, int argc, char **argv)
{
	char name[NAME_ROOM];

	if (strcmp(command->name, argv[0]) == 0)
		return 1;
	if (argc < 2)
		return 0;
	snprintf(name, sizeof name, "%s %s", argv[0], argv[1]);
	return strcmp(command->name, name) == 0 ? 2 : 0;
}

static enum lk_exit unknown_command(int argc, char **argv)
{
	bool is_group = false;

	for (size_t i = 0; i < LK_COUNT(commands); i++) {
		size_t n = strlen(argv[0]);

		is_group = is_group || (strncmp(commands[i].name, argv[0], n) == 0 &&
					       commands[i].name[n] == ' ');
	}
	fprintf(stderr, "latchkey: %s%s%s: no such command\n", argv[0],
		is_group && argc > 1 ? " " : "", is_group && argc > 1 ? argv[1] : "");
	fputs("Try `latchkey --help' for the list of commands.\n", stderr);
	return LK_EXIT_USAGE;
}

static enum lk_exit run(struct lk_cli *cli, int argc, char **argv)
{
	for (size_t i = 0; i < LK_COUNT(commands); i++) {
		int n_words = match(&commands[i], argc, argv);
		char name[NAME_ROOM];

		if (n_words == 0)
			continue;
		/* argp calls the program by argv[0] in its messages. */
		snprintf(name, sizeof name, "latchkey %s", commands[i].name);
		argv[n_words - 1] = name;
		cli->command = commands[i].name;
		argc -= n_words - 1;
		argv += n_words - 1;
		return commands[i].run != NULL ? commands[i].run(cli, argc, argv)
					       : lk_rpc_run(cli, commands[i].rpc, argc, argv);
	}
	return unknown_command(argc, argv);
}

/* Output that did not get where it was sent is no success. */
static enum lk_exit finish_output(enum lk_exit code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	fprintf(stderr, "latchkey: the output cannot be written: %s\n", strerror(errno));
	return code == LK_EXIT_OK ? LK_EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &lk_cli_common_argp }, { 0 } };
	static const struct argp argp = {
		.parser = take_front,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Calls a Latchkey server: issues, lists, rotates and revokes API keys, "
		       "signs people in and out, and verifies what they present.",
		.children = children,
		.help_filter = fill_help,
	};
	struct lk_cli cli = { .command = "", .timeout_ms = LK_TIMEOUT_MS_DEFAULT };
	enum lk_exit code;
	int first;

	/* Widths of characters; numbers stay those of the C locale. */
	setlocale(LC_CTYPE, "C.UTF-8");
	argp_err_exit_status = LK_EXIT_USAGE;
	lk_arena_init(&cli.arena, ARENA_MAX);
	first = lk_cli_parse_front(&cli, &argp, argc, argv);
	if (first == argc) {
		argp_help(
			&argp, stderr, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK, argv[0]);
		return LK_EXIT_USAGE;
	}
	code = finish_output(run(&cli, argc - first, argv + first));
	lk_channel_close(cli.channel);
	lk_arena_fini(&cli.arena);
	return (int)code;
}
