/* SPDX-License-Identifier: MIT */
/* What all subcommands of `latchkey` have in common: the options of every command, the
 * connection, errors and exit codes, output.
 *
 * The program runs one command and ends, so out of memory ends it at once, and usage errors do,
 * with a message that names the flag.
 */
#pragma once

#include <argp.h>
#include <stdio.h>

#include "proto/wire/rpc.h"

/* Exit codes; their meaning is told by lk_exit_text. */
enum lk_exit {
	LK_EXIT_OK = 0,
	LK_EXIT_NO = 1,
	LK_EXIT_USAGE = 2,
	LK_EXIT_NOT_FOUND = 3,
	LK_EXIT_REFUSED = 4,
	LK_EXIT_UNREACHED = 5,
	LK_EXIT_FAILED = 6,
	LK_EXIT_SOME = 7,
};

/* The table of exit codes, as --help and the manual have it. */
extern const char lk_exit_text[];

#define LK_ARGUMENTS_MAX 2

struct lk_cli {
	const char *command; /* "key create" */
	const char *server;  /* URL; NULL: the default */
	const char *credential_file;
	const char *subject_file; /* of the end user to call for, or NULL */
	const char *realm;        /* of the request, once it is known; NULL: it has none */
	struct lk_bytes subject;  /* the end user, packed; empty until it was read */
	uint32_t timeout_ms;
	bool json;
	char *arguments[LK_ARGUMENTS_MAX]; /* that are no options */
	unsigned n_arguments;
	struct lk_arena arena; /* of everything; wiped at the end */
	struct lk_channel *channel;
};

/* --- options --- */

/* A list of option values. */
struct lk_values {
	char **items;
	size_t n;
};

/* The first key of a command's options; characters would make short options, and there are
 * none. They end below 0x1000. */
#define LK_KEY_FIRST 0x100

/* What a command understands beside the options of all commands. */
struct lk_syntax {
	const struct argp_option *options; /* ends with an empty one; NULL: none */
	const char *arguments;             /* for the help, "KEY-ID"; NULL: there are none */
	unsigned n_arguments_min;
	unsigned n_arguments_max;
	const char *help; /* what it does, "\v", examples */
	/* Takes one option of its own. NULL, or what is wrong with the value. */
	const char *(*take)(struct lk_cli *cli, void *input, int key, char *value);
};

/* Reads the command line; `input` goes to `take`. Does not return on --help and on errors. */
void lk_cli_parse(
	struct lk_cli *cli, const struct lk_syntax *syntax, void *input, int argc, char **argv);

/* Reads the options in front of the command; returns the index of the command's first word. */
int lk_cli_parse_front(struct lk_cli *cli, const struct argp *argp, int argc, char **argv);

/* The options of all commands, for a parser whose input is the struct lk_cli. */
extern const struct argp lk_cli_common_argp;

/* Ends the program with a usage error unless the option was given. */
void lk_cli_require(struct lk_cli *cli, const char *flag, const char *value);

/* Appends to a list. */
void lk_cli_add(struct lk_cli *cli, struct lk_values *values, char *value);

/* --- memory --- */

/* Zeroed memory that is never NULL. */
void *lk_cli_alloc(struct lk_cli *cli, size_t n);

/* An empty message that is never NULL. */
void *lk_cli_message(struct lk_cli *cli, const ProtobufCMessageDescriptor *type);

/* --- errors --- */

/* Prints "latchkey COMMAND: TEXT" and returns the code. */
__attribute__((format(printf, 3, 4))) enum lk_exit lk_cli_fail(
	const struct lk_cli *cli, enum lk_exit code, const char *format, ...);

/* Prints a status that is not OK and returns its exit code. Fields of requests are named as the
 * flags that set them. */
enum lk_exit lk_cli_report(const struct lk_cli *cli, struct lk_status status);

/* The exit code of a status. */
enum lk_exit lk_exit_of(enum lk_code code);

/* --- the server --- */

/* Opens the channel. Reads the credential file first. */
enum lk_exit lk_cli_connect(struct lk_cli *cli);

/* Call options with the command's timeout and, if there is one, the subject, which is read at the
 * first call. Ends the program when it cannot be, or when there is no realm for it. */
struct lk_call_options lk_cli_call_options(struct lk_cli *cli);

/* --- output --- */

/* Milliseconds since 1970, from the system's clock. */
lk_time_ms lk_cli_now(void);

/* Prints a message as an indented JSON object with all its members, and a newline. */
enum lk_exit lk_cli_print_json(struct lk_cli *cli, const ProtobufCMessage *message);

/* --- commands --- */

struct lk_rpc_command;

struct lk_command {
	const char *name;
	const char *summary;
	enum lk_exit (*run)(struct lk_cli *cli, int argc, char **argv); /* or, if it is NULL: */
	const struct lk_rpc_command *rpc;
};

enum lk_exit lk_run_key_create(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_key_list(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_key_show(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_key_update(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_key_rotate(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_key_revoke(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_service_create(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_auth_verify(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_health(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_export_organizations(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_import_users(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_import_keys(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_export_users(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_export_keys(struct lk_cli *cli, int argc, char **argv);
enum lk_exit lk_run_call(struct lk_cli *cli, int argc, char **argv);
