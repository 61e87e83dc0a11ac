/* SPDX-License-Identifier: MIT */
/* call: any method of the server, also one that this program was not built with. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/reflect.h"
#include "client/cli/secret.h"
#include "client/cli/table.h"
#include "latchkey/v1/reflection.rpc.h"
#include "proto/wire/json.h"

enum {
	KEY_LIST = LK_KEY_FIRST,
	KEY_IDEMPOTENCY_KEY_FILE,
	KEY_SUBJECT_REALM,
};

/* A request does not fit into a frame that is larger than this; JSON takes more than protobuf. */
#define JSON_TEXT_MAX (LK_REQUEST_FRAME_MAX * 8)

#define IDEMPOTENCY_KEY_MIN 16
#define IDEMPOTENCY_KEY_MAX 64

struct input {
	bool must_list;
	const char *idempotency_key_file;
	const char *subject_realm;
};

static const char *take_call(struct lk_cli *cli, void *arg, int key, char *value)
{
	struct input *input = arg;

	(void)cli;
	switch (key) {
	case KEY_LIST:
		input->must_list = true;
		break;
	case KEY_SUBJECT_REALM:
		input->subject_realm = value;
		break;
	default:
		input->idempotency_key_file = value;
		break;
	}
	return NULL;
}

static enum lk_exit reflect(struct lk_cli *cli, const struct lk_reflection **reflection_out)
{
	/* Not for the end user, if there is one. */
	struct lk_call_options options = { .timeout_ms = cli->timeout_ms };
	const lk_get_descriptors_request *request =
		lk_cli_message(cli, &latchkey__v1__get_descriptors_request__descriptor);
	lk_get_descriptors_response *response;
	struct lk_status st = lk_reflection_service_get_descriptors(
		cli->channel, &options, request, &cli->arena, &response);

	if (st.code == LK_OK)
		st = lk_reflect_load((struct lk_bytes) { response->file_descriptor_set.data,
					     response->file_descriptor_set.len },
			&cli->arena, reflection_out);
	/* What is wrong with the server's answer is no usage error. */
	if (st.code == LK_INVALID_ARGUMENT)
		st.code = LK_INTERNAL;
	return st.code == LK_OK ? LK_EXIT_OK : lk_cli_report(cli, st);
}

/* --- the list --- */

/* lk_reflect lets through no name that would have to be escaped. */
static void print_methods(bool json, const struct lk_reflection *reflection)
{
	size_t n;
	const struct lk_service *services = lk_reflect_services(reflection, &n);
	const char *separator = "";

	for (size_t k = 0; k < n; k++) {
		for (size_t i = 0; i < services[k].n_methods; i++) {
			const struct lk_method *method = &services[k].methods[i];

			if (json)
				printf("%s\"%s/%s\"", separator, method->service, method->name);
			else
				printf("%s/%s  (%s)\n", method->service, method->name,
					method->request->name);
			separator = ",\n  ";
		}
	}
}

static void print_list(const struct lk_cli *cli, const struct lk_reflection *reflection)
{
	if (cli->json)
		fputs("[\n  ", stdout);
	print_methods(cli->json, reflection);
	if (cli->json)
		puts("\n]");
}

/* --- the call --- */

static enum lk_exit read_stdin(struct lk_cli *cli, struct lk_buf *text)
{
	while (true) {
		uint8_t *at = lk_buf_reserve(text, 4096);
		ssize_t got = at != NULL ? read(STDIN_FILENO, at, 4096) : 0;

		if (at == NULL)
			return lk_cli_fail(cli, LK_EXIT_USAGE, "the JSON text is too long");
		if (got < 0 && errno != EINTR)
			return lk_cli_fail(
				cli, LK_EXIT_USAGE, "standard input: %s", strerror(errno));
		text->n -= 4096 - (size_t)(got > 0 ? got : 0);
		if (got == 0)
			return LK_EXIT_OK;
	}
}

/* The request's text: the second argument, standard input for "-", or else no fields at all. */
static enum lk_exit read_request(struct lk_cli *cli, bool has_secret, struct lk_buf *text)
{
	const char *json = cli->n_arguments > 1 ? cli->arguments[1] : "{}";

	if (strcmp(json, "-") == 0)
		return read_stdin(cli, text);
	/* Other users see the arguments of a program. */
	if (cli->n_arguments > 1 && has_secret)
		return lk_cli_fail(cli, LK_EXIT_USAGE,
			"JSON: this request can hold a secret: give - and send it to standard "
			"input");
	lk_buf_add(text, json, strlen(json));
	return LK_EXIT_OK;
}

static enum lk_exit read_idempotency_key(
	struct lk_cli *cli, const char *path, struct lk_bytes *key_out)
{
	struct lk_bytes key;
	const char *why;

	if (path == NULL)
		return LK_EXIT_OK;
	why = lk_secret_read(path, "Idempotency key", LK_SECRET_BYTES, &cli->arena, &key);
	if (why != NULL)
		return lk_cli_fail(cli, LK_EXIT_USAGE, "--idempotency-key-file: %s: %s", path,
			errno != 0 ? strerror(errno) : why);
	if (key.n < IDEMPOTENCY_KEY_MIN || key.n > IDEMPOTENCY_KEY_MAX)
		return lk_cli_report(
			cli, LK_BAD_FIELD("--idempotency-key-file", "must hold 16 to 64 bytes"));
	*key_out = key;
	return LK_EXIT_OK;
}

/* The realm that the request names; NULL: it names none. */
static const char *realm_of(const ProtobufCMessage *request)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "realm");
	const char *realm;

	if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING ||
		field->label == PROTOBUF_C_LABEL_REPEATED)
		return NULL;
	memcpy(&realm, (const char *)request + field->offset, sizeof realm);
	return realm[0] != '\0' ? realm : NULL;
}

static enum lk_exit call(struct lk_cli *cli, const struct input *input,
	const struct lk_method *method, struct lk_bytes json)
{
	struct lk_call_options options;
	ProtobufCMessage *request;
	ProtobufCMessage *response;
	struct lk_status st = lk_json_parse(method->request, json, NULL, &cli->arena, &request);

	enum lk_exit code;

	if (st.code != LK_OK)
		return lk_cli_report(cli, st);
	cli->realm = input->subject_realm != NULL ? input->subject_realm : realm_of(request);
	options = lk_cli_call_options(cli);
	code = read_idempotency_key(cli, input->idempotency_key_file, &options.idempotency_key);
	if (code != LK_EXIT_OK)
		return code;
	st = lk_rpc_call(cli->channel, method, &options, request, &cli->arena, &response);
	return st.code == LK_OK ? lk_cli_print_json(cli, response) : lk_cli_report(cli, st);
}

static enum lk_exit call_by_name(
	struct lk_cli *cli, const struct input *input, const struct lk_reflection *reflection)
{
	const struct lk_method *method = lk_reflect_method(reflection, cli->arguments[0]);
	struct lk_buf text;
	enum lk_exit code;

	if (method == NULL)
		return lk_cli_fail(cli, LK_EXIT_NOT_FOUND,
			"%s: the server has no such method; `latchkey call --list' lists them",
			lk_text_safe(&cli->arena, cli->arguments[0]));
	lk_buf_init(&text, JSON_TEXT_MAX);
	code = read_request(cli, lk_reflect_has_secret(reflection, method->request), &text);
	if (code == LK_EXIT_OK)
		code = call(cli, input, method, (struct lk_bytes) { text.data, text.n });
	lk_buf_fini(&text);
	return code;
}

enum lk_exit lk_run_call(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "list", KEY_LIST, NULL, 0, "list the methods that the server has", 1 },
		{ "idempotency-key-file", KEY_IDEMPOTENCY_KEY_FILE, "FILE", 0,
			"file that holds the 16 to 64 bytes that name this change, so that it can "
			"be asked for again and happens once",
			1 },
		{ "subject-realm", KEY_SUBJECT_REALM, "REALM", 0,
			"realm of the end user of --subject-file (default: that of the request)",
			1 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.arguments = "SERVICE/METHOD [JSON|-]",
		.n_arguments_max = 2,
		.help = "Calls any method of the server by its name and prints the response as "
			"JSON. The server describes its own methods, so that this program need not "
			"know them. The request is JSON, or - to read it from standard input, "
			"which is the only way for requests that can hold a secret.\v"
			"Example:\n"
			"  latchkey call --list\n"
			"  latchkey call KeyService/GetKey "
			"'{\"realm\":\"demo\",\"id\":\"key_8fK2\"}'\n",
		.take = take_call,
	};
	const struct lk_reflection *reflection = NULL;
	struct input input = { .must_list = false };
	enum lk_exit code;

	lk_cli_parse(cli, &syntax, &input, argc, argv);
	if (!input.must_list)
		lk_cli_require(cli, "SERVICE/METHOD", cli->arguments[0]);
	if (input.subject_realm != NULL)
		lk_cli_require(cli, "--subject-file", cli->subject_file);
	code = lk_cli_connect(cli);
	if (code == LK_EXIT_OK)
		code = reflect(cli, &reflection);
	if (code != LK_EXIT_OK)
		return code;
	if (!input.must_list)
		return call_by_name(cli, &input, reflection);
	print_list(cli, reflection);
	return LK_EXIT_OK;
}
