/* SPDX-License-Identifier: MIT */
/* The command line, through argp. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/values.h"

/* Values of one option, such as --scope. */
#define VALUES_MAX 256

enum common_key {
	KEY_SERVER = 0x1000,
	KEY_CREDENTIAL_FILE,
	KEY_SUBJECT_FILE,
	KEY_TIMEOUT,
	KEY_JSON,
};

static const struct argp_option common_options[] = {
	{ NULL, 0, NULL, 0, "Connection and output:", 90 },
	{ "server", KEY_SERVER, "URL", 0,
		"tcp://HOST:PORT or ipc://PATH; otherwise LATCHKEY_SERVER, the demo's operator "
		"socket "
		"ipc://var/demo/run/rpc.sock if it is there, or tcp://127.0.0.1:8070",
		90 },
	{ "credential-file", KEY_CREDENTIAL_FILE, "FILE", 0,
		"file that holds the service key to call with, - for standard input; otherwise "
		"LATCHKEY_CREDENTIAL_FILE",
		90 },
	{ "subject-file", KEY_SUBJECT_FILE, "FILE", 0,
		"call for an end user: file that holds their session token or access token, - for "
		"standard input",
		90 },
	{ "timeout", KEY_TIMEOUT, "SPAN", 0, "give up after so long (10s)", 90 },
	{ "json", KEY_JSON, NULL, 0, "print JSON, for programs", 90 },
	{ 0 },
};

static error_t take_common(int key, char *value, struct argp_state *state)
{
	struct lk_cli *cli = state->input;
	int64_t span_ms;

	switch (key) {
	case KEY_SERVER:
		cli->server = value;
		return 0;
	case KEY_CREDENTIAL_FILE:
		cli->credential_file = value;
		return 0;
	case KEY_SUBJECT_FILE:
		cli->subject_file = value;
		return 0;
	case KEY_TIMEOUT:
		if (!lk_value_span(value, &span_ms) || span_ms < 1 || span_ms > INT32_MAX)
			argp_error(state, "--timeout: must be a span such as 10s or 500ms");
		cli->timeout_ms = (uint32_t)span_ms;
		return 0;
	case KEY_JSON:
		cli->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp lk_cli_common_argp = { .options = common_options, .parser = take_common };

/* --- one command --- */

struct parse {
	struct lk_cli *cli;
	const struct lk_syntax *syntax;
	void *input;
};

static const char *name_of(const struct argp_option *options, int key)
{
	while (options->key != key)
		options++;
	return options->name;
}

static void take_argument(struct parse *parse, char *value, struct argp_state *state)
{
	struct lk_cli *cli = parse->cli;

	if (cli->n_arguments == parse->syntax->n_arguments_max)
		argp_error(state, "%s: is one argument too many", value);
	cli->arguments[cli->n_arguments++] = value;
}

static error_t take_any(int key, char *value, struct argp_state *state)
{
	struct parse *parse = state->input;
	const struct lk_syntax *syntax = parse->syntax;
	const char *why;

	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = parse->cli;
		return 0;
	}
	if (key == ARGP_KEY_ARG) {
		take_argument(parse, value, state);
		return 0;
	}
	if (key == ARGP_KEY_END && parse->cli->n_arguments < syntax->n_arguments_min)
		argp_error(state, "%s is missing", syntax->arguments);
	if (key < LK_KEY_FIRST || key >= KEY_SERVER)
		return ARGP_ERR_UNKNOWN; /* one of argp's own */
	why = syntax->take(parse->cli, parse->input, key, value);
	if (why != NULL)
		argp_error(state, "--%s: %s", name_of(syntax->options, key), why);
	return 0;
}

/* argp frees what it did not bring itself. */
static char *add_exit_codes(int key, const char *text, void *input)
{
	size_t n = strlen(lk_exit_text) + 1;
	char *copy;

	(void)input;
	if (key != ARGP_KEY_HELP_EXTRA)
		return (char *)(uintptr_t)text;
	copy = lk_alloc(n);
	return copy != NULL ? memcpy(copy, lk_exit_text, n) : NULL;
}

void lk_cli_parse(
	struct lk_cli *cli, const struct lk_syntax *syntax, void *input, int argc, char **argv)
{
	const struct argp_child children[] = { { .argp = &lk_cli_common_argp }, { 0 } };
	const struct argp argp = {
		.options = syntax->options,
		.parser = take_any,
		.args_doc = syntax->arguments,
		.doc = syntax->help,
		.children = children,
		.help_filter = add_exit_codes,
	};
	struct parse parse = { cli, syntax, input };

	if (argp_parse(&argp, argc, argv, 0, NULL, &parse) != 0)
		exit(LK_EXIT_FAILED);
}

int lk_cli_parse_front(struct lk_cli *cli, const struct argp *argp, int argc, char **argv)
{
	int index = argc;

	if (argp_parse(argp, argc, argv, ARGP_NO_ARGS, &index, cli) != 0)
		exit(LK_EXIT_FAILED);
	return index;
}

void lk_cli_require(struct lk_cli *cli, const char *flag, const char *value)
{
	/* Where a subject is one. */
	if (strcmp(flag, "--realm") == 0)
		cli->realm = value;
	if (value != NULL)
		return;
	lk_cli_fail(cli, LK_EXIT_USAGE, "%s is missing", flag);
	fprintf(stderr, "Try `latchkey %s --help' for more information.\n", cli->command);
	exit(LK_EXIT_USAGE);
}

void lk_cli_add(struct lk_cli *cli, struct lk_values *values, char *value)
{
	if (values->items == NULL)
		values->items = lk_cli_alloc(cli, VALUES_MAX * sizeof *values->items);
	if (values->n == VALUES_MAX) {
		lk_cli_fail(cli, LK_EXIT_USAGE, "%s: is one value too many", value);
		exit(LK_EXIT_USAGE);
	}
	values->items[values->n++] = value;
}
