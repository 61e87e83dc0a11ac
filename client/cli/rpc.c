/* SPDX-License-Identifier: MIT */
#include "client/cli/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/rpc_priv.h"
#include "client/cli/secret.h"
#include "client/cli/table.h"
#include "client/cli/values.h"
#include "google/protobuf/field_mask.pb-c.h"

/* What the command line gave. */
struct input {
	const struct lk_rpc_command *command;
	const struct lk_rpc_option *options[LK_RPC_OPTIONS_MAX + 1]; /* the realm first */
	size_t n_options;
	struct lk_values values[LK_RPC_OPTIONS_MAX + 1];
	int outputs[LK_RPC_OPTIONS_MAX + 1]; /* open files of outputs */
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

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessage *message, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
}

static void *place_of(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (char *)message + field->offset;
}

/* --- the request --- */

static void set_text(ProtobufCMessage *request, const char *name, char *text)
{
	*(char **)place_of(request, field_of(request, name)) = text;
}

static void set_list(ProtobufCMessage *request, const char *name, const struct lk_values *values)
{
	const ProtobufCFieldDescriptor *field = field_of(request, name);

	memcpy((char *)request + field->quantifier_offset, &values->n, sizeof values->n);
	*(char ***)place_of(request, field) = values->items;
}

static const char *set_number(ProtobufCMessage *request, const char *name, const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || number < 0 || number > INT32_MAX)
		return "must be a whole number";
	*(int32_t *)place_of(request, field_of(request, name)) = (int32_t)number;
	return NULL;
}

static const char *set_enum(ProtobufCMessage *request, const char *name, const char *text)
{
	const ProtobufCFieldDescriptor *field = field_of(request, name);
	int value;

	if (!lk_value_enum(field->descriptor, text, &value))
		return "has no such value";
	*(int *)place_of(request, field) = value;
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
	case LK_RPC_NUMBER:
		return set_number(input->request, option->field, value);
	case LK_RPC_ENUM:
		return set_enum(input->request, option->field, value);
	case LK_RPC_ON:
	case LK_RPC_OFF:
		*(protobuf_c_boolean *)place_of(input->request,
			field_of(input->request, option->field)) = option->kind == LK_RPC_ON;
		break;
	case LK_RPC_SECRET:
	case LK_RPC_OUTPUT:
		break; /* files, opened when the whole command line is right */
	}
	return NULL;
}

static enum lk_exit read_secret(
	struct lk_cli *cli, struct input *input, size_t i, const struct lk_rpc_option *option)
{
	const char *path = input->values[i].n > 0 ? input->values[i].items[0] : NULL;
	struct lk_bytes secret;
	const char *why = lk_secret_read(path, option->prompt, &cli->arena, &secret);
	char *text;

	if (why != NULL)
		return lk_cli_fail(cli, LK_EXIT_USAGE, "--%s: %s%s%s", option->flag,
			path != NULL ? path : "", path != NULL ? ": " : "",
			errno != 0 ? strerror(errno) : why);
	text = lk_cli_alloc(cli, secret.n + 1);
	memcpy(text, secret.data, secret.n);
	set_text(input->request, option->field, text);
	return LK_EXIT_OK;
}

/* Opened before the call, so that nothing is made that could not be kept. */
static enum lk_exit open_output(
	struct lk_cli *cli, struct input *input, size_t i, const struct lk_rpc_option *option)
{
	const char *path = input->values[i].items[0];

	input->outputs[i] = lk_secret_create_file(path);
	if (input->outputs[i] >= 0)
		return LK_EXIT_OK;
	return lk_cli_fail(cli, LK_EXIT_USAGE, "--%s: %s: %s", option->flag, path, strerror(errno));
}

static enum lk_exit read_files(struct lk_cli *cli, struct input *input)
{
	for (size_t i = 0; i < input->n_options; i++) {
		const struct lk_rpc_option *option = input->options[i];
		bool is_given = input->values[i].n > 0;
		enum lk_exit code = LK_EXIT_OK;

		if (option->kind == LK_RPC_SECRET && (is_given || option->required))
			code = read_secret(cli, input, i, option);
		else if (option->kind == LK_RPC_OUTPUT && is_given)
			code = open_output(cli, input, i, option);
		if (code != LK_EXIT_OK)
			return code;
	}
	return LK_EXIT_OK;
}

/* What was given is what is to change. */
static void set_mask(struct lk_cli *cli, struct input *input)
{
	const ProtobufCFieldDescriptor *field = field_of(input->request, "update_mask");
	Google__Protobuf__FieldMask *mask;

	if (field == NULL)
		return;
	mask = lk_cli_message(cli, &google__protobuf__field_mask__descriptor);
	mask->paths = lk_cli_alloc(cli, LK_RPC_OPTIONS_MAX * sizeof *mask->paths);
	for (size_t i = 1; i < input->n_options; i++)
		if (input->values[i].n > 0)
			mask->paths[mask->n_paths++] = (char *)(uintptr_t)input->options[i]->field;
	*(Google__Protobuf__FieldMask **)place_of(input->request, field) = mask;
}

/* --- the response --- */

/* The text that a path such as "tokens.access_token" leads to. */
static char **find_text(ProtobufCMessage *message, const char *path)
{
	const char *dot = strchr(path, '.');
	char name[64];

	if (dot == NULL)
		return place_of(message, field_of(message, path));
	snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
	return find_text(*(ProtobufCMessage **)place_of(message, field_of(message, name)), dot + 1);
}

static enum lk_exit write_outputs(
	struct lk_cli *cli, struct input *input, ProtobufCMessage *response)
{
	for (size_t i = 0; i < input->n_options; i++) {
		const struct lk_rpc_option *option = input->options[i];
		const char *path;
		char **secret;

		if (option->kind != LK_RPC_OUTPUT || input->values[i].n == 0)
			continue;
		path = input->values[i].items[0];
		secret = find_text(response, option->field);
		if (!lk_secret_write_file(input->outputs[i], path, *secret))
			return lk_cli_fail(cli, LK_EXIT_FAILED, "--%s: %s: %s", option->flag, path,
				strerror(errno));
		*secret = (char *)(uintptr_t) "";
	}
	return LK_EXIT_OK;
}

static void abandon_outputs(const struct input *input)
{
	for (size_t i = 0; i < input->n_options; i++)
		if (input->options[i]->kind == LK_RPC_OUTPUT && input->values[i].n > 0)
			lk_secret_abandon_file(input->outputs[i], input->values[i].items[0]);
}

static enum lk_exit show(struct lk_cli *cli, struct input *input, ProtobufCMessage *response)
{
	const struct lk_rpc_command *command = input->command;
	enum lk_exit code = write_outputs(cli, input, response);

	if (code != LK_EXIT_OK)
		return code;
	if (cli->json)
		return lk_cli_print_json(cli, response);
	if (command->plain != NULL) {
		puts(lk_text_safe(&cli->arena, *find_text(response, command->plain)));
		return LK_EXIT_OK;
	}
	if (command->list == NULL) {
		lk_rpc_print(cli, response);
		return LK_EXIT_OK;
	}
	lk_rpc_print_list(cli, command, response);
	if (field_of(response, "next_page_token") != NULL &&
		**find_text(response, "next_page_token") != '\0')
		printf("More: --page-token %s\n", *find_text(response, "next_page_token"));
	return LK_EXIT_OK;
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
		char flag[64];

		snprintf(flag, sizeof flag, "--%s", option->flag);
		if (option->required && option->kind != LK_RPC_SECRET)
			lk_cli_require(cli, flag,
				input->values[i].n > 0 ? input->values[i].items[0] : NULL);
	}
	if (input->command->argument != NULL)
		set_text(input->request, input->command->argument, cli->arguments[0]);
}

static enum lk_exit call(struct lk_cli *cli, struct input *input)
{
	struct lk_call_options options = lk_cli_call_options(cli);
	ProtobufCMessage *response;
	enum lk_exit code = lk_cli_connect(cli);
	struct lk_status st;

	if (code != LK_EXIT_OK)
		return code;
	st = lk_rpc_call(cli->channel, input->command->method, &options, input->request,
		&cli->arena, &response);
	return st.code == LK_OK ? show(cli, input, response) : lk_cli_report(cli, st);
}

enum lk_exit lk_rpc_run(
	struct lk_cli *cli, const struct lk_rpc_command *command, int argc, char **argv)
{
	struct input *input = lk_cli_alloc(cli, sizeof *input);
	enum lk_exit code;

	collect_options(cli, input, command);
	parse(cli, input, argc, argv);
	set_mask(cli, input);
	code = read_files(cli, input);
	if (code == LK_EXIT_OK)
		code = call(cli, input);
	if (code != LK_EXIT_OK)
		abandon_outputs(input);
	return code;
}
