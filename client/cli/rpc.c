/* SPDX-License-Identifier: MIT */
#include "client/cli/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/rpc_priv.h"
#include "client/cli/secret.h"
#include "client/cli/values.h"
#include "google/protobuf/field_mask.pb-c.h"

/* Room for "contradicts --FLAG" and for a part of a field's path. */
#define FLAG_ROOM 64

/* What the command line gave. */
struct input {
	const struct lk_rpc_command *command;
	const struct lk_rpc_option *options[LK_RPC_OPTIONS_MAX + 1]; /* the realm first */
	size_t n_options;
	struct lk_values values[LK_RPC_OPTIONS_MAX + 1];
	int outputs[LK_RPC_OPTIONS_MAX + 1]; /* files of outputs while they are open, or -1 */
	size_t limit;                        /* of a list's items; 0: none */
	ProtobufCMessage *request;
};

static const struct lk_rpc_option realm_option = {
	.kind = LK_RPC_TEXT,
	.flag = "realm",
	.arg = "REALM",
	.field = "realm",
	.help = "the realm (required)",
	.required = true,
};

/* The value that an option was given last; NULL: it was not given. */
static char *value_of(const struct input *input, size_t i)
{
	const struct lk_values *values = &input->values[i];

	return values->n > 0 ? values->items[values->n - 1] : NULL;
}

/* --- the request --- */

static void set_text(ProtobufCMessage *request, const char *name, char *text)
{
	*(char **)lk_rpc_place(request, lk_rpc_field(request, name)) = text;
}

static void set_flag(ProtobufCMessage *request, const char *name, bool value)
{
	*(protobuf_c_boolean *)lk_rpc_place(request, lk_rpc_field(request, name)) = value;
}

static void set_list(ProtobufCMessage *request, const char *name, const struct lk_values *values)
{
	const ProtobufCFieldDescriptor *field = lk_rpc_field(request, name);

	memcpy((char *)request + field->quantifier_offset, &values->n, sizeof values->n);
	*(char ***)lk_rpc_place(request, field) = values->items;
}

static const char *set_limit(struct input *input, const char *text)
{
	char *end;
	long limit = strtol(text, &end, 10);

	if (*end != '\0' || limit < 1)
		return "must be a number above 0";
	input->limit = (size_t)limit;
	return NULL;
}

static const char *set_enum(ProtobufCMessage *request, const char *name, const char *text)
{
	const ProtobufCFieldDescriptor *field = lk_rpc_field(request, name);
	int value;

	if (!lk_value_enum(field->descriptor, text, &value))
		return "has no such value";
	*(int *)lk_rpc_place(request, field) = value;
	return NULL;
}

/* --enable and --disable set one field. */
static const char *contradiction(struct lk_cli *cli, const struct input *input, size_t i)
{
	for (size_t k = 1; k < input->n_options; k++) {
		const struct lk_rpc_option *other = input->options[k];

		if (k != i && input->values[k].n > 0 && other->field != NULL &&
			strcmp(other->field, input->options[i]->field) == 0) {
			char *text = lk_cli_alloc(cli, FLAG_ROOM);

			snprintf(text, FLAG_ROOM, "contradicts --%s", other->flag);
			return text;
		}
	}
	return NULL;
}

static const char *take(struct lk_cli *cli, void *arg, int key, char *value)
{
	struct input *input = arg;
	size_t i = (size_t)(key - LK_KEY_FIRST);
	const struct lk_rpc_option *option = input->options[i];

	lk_cli_add(cli, &input->values[i], value != NULL ? value : (char *)(uintptr_t) "");
	switch (option->kind) {
	case LK_RPC_TEXT:
		set_text(input->request, option->field, value);
		break;
	case LK_RPC_LIST:
		set_list(input->request, option->field, &input->values[i]);
		break;
	case LK_RPC_ENUM:
		return set_enum(input->request, option->field, value);
	case LK_RPC_ON:
	case LK_RPC_OFF:
		set_flag(input->request, option->field, option->kind == LK_RPC_ON);
		return contradiction(cli, input, i);
	case LK_RPC_LIMIT:
		return set_limit(input, value);
	case LK_RPC_SECRET:
	case LK_RPC_PASSWORD:
	case LK_RPC_OUTPUT:
		break; /* files, opened when the whole command line is right */
	}
	return NULL;
}

static enum lk_exit read_secret(struct lk_cli *cli, struct input *input, size_t i)
{
	const struct lk_rpc_option *option = input->options[i];
	const char *path = value_of(input, i);
	struct lk_bytes secret;
	const char *why = lk_secret_read(path, option->prompt,
		option->kind == LK_RPC_PASSWORD ? LK_SECRET_PASSWORD : LK_SECRET_TOKEN, &cli->arena,
		&secret);

	if (why != NULL)
		return lk_cli_fail(cli, LK_EXIT_USAGE, "--%s: %s%s%s", option->flag,
			path != NULL ? path : "", path != NULL ? ": " : "",
			errno != 0 ? strerror(errno) : why);
	set_text(input->request, option->field, (char *)(uintptr_t)secret.data);
	return LK_EXIT_OK;
}

/* Opened before the call, so that nothing is made that could not be kept. */
static enum lk_exit open_output(struct lk_cli *cli, struct input *input, size_t i)
{
	const char *path = value_of(input, i);

	input->outputs[i] = lk_secret_create_file(path);
	if (input->outputs[i] >= 0)
		return LK_EXIT_OK;
	return lk_cli_fail(
		cli, LK_EXIT_USAGE, "--%s: %s: %s", input->options[i]->flag, path, strerror(errno));
}

static enum lk_exit open_files(struct lk_cli *cli, struct input *input)
{
	enum lk_exit code = LK_EXIT_OK;

	for (size_t i = 0; i < input->n_options && code == LK_EXIT_OK; i++) {
		const struct lk_rpc_option *option = input->options[i];
		bool is_given = input->values[i].n > 0;
		bool is_secret = option->kind == LK_RPC_SECRET || option->kind == LK_RPC_PASSWORD;

		if (is_secret && (is_given || option->required))
			code = read_secret(cli, input, i);
		else if (option->kind == LK_RPC_OUTPUT && is_given)
			code = open_output(cli, input, i);
	}
	return code;
}

/* What was given is what is to change. False when that is nothing. */
static bool set_mask(struct lk_cli *cli, struct input *input)
{
	const ProtobufCFieldDescriptor *field = lk_rpc_field(input->request, "update_mask");
	Google__Protobuf__FieldMask *mask;

	if (field == NULL)
		return true;
	mask = lk_cli_message(cli, &google__protobuf__field_mask__descriptor);
	mask->paths = lk_cli_alloc(cli, LK_RPC_OPTIONS_MAX * sizeof *mask->paths);
	for (size_t i = 1; i < input->n_options; i++)
		if (input->values[i].n > 0)
			mask->paths[mask->n_paths++] = (char *)(uintptr_t)input->options[i]->field;
	*(Google__Protobuf__FieldMask **)lk_rpc_place(input->request, field) = mask;
	return mask->n_paths > 0;
}

/* --- the response --- */

/* The text that a path such as "tokens.access_token" leads to; NULL when it leads nowhere. */
static char **find_text(ProtobufCMessage *message, const char *path)
{
	const char *dot = strchr(path, '.');
	char name[FLAG_ROOM];

	if (message == NULL)
		return NULL;
	if (dot == NULL)
		return lk_rpc_place(message, lk_rpc_field(message, path));
	snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
	return find_text(
		*(ProtobufCMessage **)lk_rpc_place(message, lk_rpc_field(message, name)), dot + 1);
}

static enum lk_exit write_output(
	struct lk_cli *cli, struct input *input, size_t i, ProtobufCMessage *response)
{
	const struct lk_rpc_option *option = input->options[i];
	const char *path = value_of(input, i);
	char **secret = find_text(response, option->field);
	int fd = input->outputs[i];

	input->outputs[i] = -1;
	if (secret == NULL || **secret == '\0') {
		lk_secret_abandon_file(fd, path);
		fprintf(stderr, "latchkey %s: --%s: the answer has none, so there is no file\n",
			cli->command, option->flag);
		return LK_EXIT_OK;
	}
	if (!lk_secret_write_file(fd, path, *secret))
		return lk_cli_fail(cli, LK_EXIT_FAILED, "--%s: %s: %s; the token is lost",
			option->flag, path, strerror(errno));
	*secret = (char *)(uintptr_t) "";
	return LK_EXIT_OK;
}

/* All of them, also when one fails: a token that was kept is of use without the other. */
static enum lk_exit write_outputs(
	struct lk_cli *cli, struct input *input, ProtobufCMessage *response)
{
	enum lk_exit code = LK_EXIT_OK;

	for (size_t i = 0; i < input->n_options; i++)
		if (input->outputs[i] >= 0 && write_output(cli, input, i, response) != LK_EXIT_OK)
			code = LK_EXIT_FAILED;
	return code;
}

/* Those that were not made are not there to be removed: the file of that name is another's. */
static void abandon_outputs(const struct input *input)
{
	for (size_t i = 0; i < input->n_options; i++)
		if (input->outputs[i] >= 0)
			lk_secret_abandon_file(input->outputs[i], value_of(input, i));
}

static enum lk_exit show(struct lk_cli *cli, struct input *input, ProtobufCMessage *response)
{
	const struct lk_rpc_command *command = input->command;
	enum lk_exit code = write_outputs(cli, input, response);

	if (code != LK_EXIT_OK)
		return code;
	if (cli->json)
		return lk_cli_print_json(cli, response);
	if (command->plain != NULL)
		puts(lk_text_safe(&cli->arena, *find_text(response, command->plain)));
	else if (command->done != NULL)
		puts(command->done);
	else
		lk_rpc_print(cli, response);
	return LK_EXIT_OK;
}

static const char *flag_of(
	struct lk_cli *cli, const struct lk_rpc_command *command, const char *field)
{
	size_t n = strcspn(field, ".[");
	char *flag;

	if (command->argument != NULL && strlen(command->argument) == n &&
		strncmp(command->argument, field, n) == 0)
		return command->argument_name;
	for (const struct lk_rpc_option *option = command->options;
		option != NULL && option->flag != NULL; option++) {
		if (option->field == NULL || strlen(option->field) != n ||
			strncmp(option->field, field, n) != 0)
			continue;
		flag = lk_cli_alloc(cli, FLAG_ROOM);
		snprintf(flag, FLAG_ROOM, "--%s", option->flag);
		return flag;
	}
	return field;
}

enum lk_exit lk_rpc_report(
	struct lk_cli *cli, const struct lk_rpc_command *command, struct lk_status status)
{
	if (status.field != NULL)
		status.field = flag_of(cli, command, status.field);
	return lk_cli_report(cli, status);
}

/* --- the command --- */

static void collect_options(
	struct lk_cli *cli, struct input *input, const struct lk_rpc_command *command)
{
	input->command = command;
	input->request = lk_cli_message(cli, command->method->request);
	input->options[input->n_options++] = &realm_option;
	for (size_t i = 0; command->options != NULL && command->options[i].flag != NULL; i++)
		input->options[input->n_options++] = &command->options[i];
	for (size_t i = 0; i < input->n_options; i++)
		input->outputs[i] = -1;
}

static void parse(struct lk_cli *cli, struct input *input, int argc, char **argv)
{
	struct argp_option options[LK_RPC_OPTIONS_MAX + 2] = { { 0 } };
	struct lk_syntax syntax = {
		.options = options,
		.arguments = input->command->argument_name,
		.n_arguments_min = input->command->argument != NULL,
		.n_arguments_max = input->command->argument != NULL,
		.help = input->command->help,
		.take = take,
	};

	for (size_t i = 0; i < input->n_options; i++)
		options[i] = (struct argp_option) { input->options[i]->flag, LK_KEY_FIRST + (int)i,
			input->options[i]->arg, 0, input->options[i]->help, 1 };
	lk_cli_parse(cli, &syntax, input, argc, argv);
	for (size_t i = 0; i < input->n_options; i++) {
		const struct lk_rpc_option *option = input->options[i];
		char flag[FLAG_ROOM];

		snprintf(flag, sizeof flag, "--%s", option->flag);
		/* A secret that was not given is asked for. */
		if (option->required && option->prompt == NULL)
			lk_cli_require(cli, flag, value_of(input, i));
	}
	if (input->command->argument != NULL)
		set_text(input->request, input->command->argument, cli->arguments[0]);
}

static enum lk_exit call(
	struct lk_cli *cli, struct input *input, const struct lk_call_options *options)
{
	ProtobufCMessage *response;
	enum lk_exit code = lk_cli_connect(cli);
	struct lk_status st;

	if (code != LK_EXIT_OK)
		return code;
	if (input->command->list != NULL)
		return lk_rpc_list(cli, input->command, input->request, input->limit);
	st = lk_rpc_call(cli->channel, input->command->method, options, input->request, &cli->arena,
		&response);
	return st.code == LK_OK ? show(cli, input, response)
				: lk_rpc_report(cli, input->command, st);
}

enum lk_exit lk_rpc_run(
	struct lk_cli *cli, const struct lk_rpc_command *command, int argc, char **argv)
{
	struct input *input = lk_cli_alloc(cli, sizeof *input);
	struct lk_call_options options;
	enum lk_exit code;

	collect_options(cli, input, command);
	parse(cli, input, argc, argv);
	if (!set_mask(cli, input))
		return lk_cli_fail(cli, LK_EXIT_USAGE, "nothing to change: no option says what");
	/* Before the files, since it may end the program. */
	options = lk_cli_call_options(cli);
	code = open_files(cli, input);
	if (code == LK_EXIT_OK)
		code = call(cli, input, &options);
	abandon_outputs(input);
	return code;
}
