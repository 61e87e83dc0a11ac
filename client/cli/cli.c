/* SPDX-License-Identifier: MIT */
#include "client/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/channel/channel.h"
#include "client/cli/secret.h"
#include "client/cli/table.h"
#include "latchkey/v1/common.pb-c.h"
#include "proto/wire/json.h"

/* A server that does not answer the connection for so long is not there. */
#define CONNECT_TIMEOUT_MS 5000

/* The largest answer, as JSON, with room to spare. */
#define JSON_MAX ((size_t)16 << 20)

#define DEMO_SOCKET "var/demo/run/rpc.sock"
#define LOCAL_URL "tcp://127.0.0.1:8070"

const char lk_exit_text[] =
	"Exit codes:\n"
	"  0  done; access allowed; serving\n"
	"  1  the answer is no: access denied, or not serving\n"
	"  2  wrong usage, or a value that the server does not accept\n"
	"  3  not found\n"
	"  4  the caller's credential was not accepted or does not permit this\n"
	"  5  the server could not be reached, or did not answer in time\n"
	"  6  any other failure\n"
	"  7  some lines of a file were refused, and the others are in";

/* --- memory --- */

static void *not_null(void *p)
{
	if (p == NULL) {
		fputs("latchkey: out of memory\n", stderr);
		exit(LK_EXIT_FAILED);
	}
	return p;
}

void *lk_cli_alloc(struct lk_cli *cli, size_t n)
{
	return not_null(lk_arena_calloc(&cli->arena, 1, n));
}

void *lk_cli_message(struct lk_cli *cli, const ProtobufCMessageDescriptor *type)
{
	return not_null(lk_message_new(type, &cli->arena));
}

/* --- errors --- */

enum lk_exit lk_cli_fail(const struct lk_cli *cli, enum lk_exit code, const char *format, ...)
{
	va_list arguments;

	/* What is on its way to the terminal comes first. */
	fflush(stdout);
	fprintf(stderr, "latchkey %s: ", cli->command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return code;
}

enum lk_exit lk_exit_of(enum lk_code code)
{
	switch (code) {
	case LK_OK:
		return LK_EXIT_OK;
	case LK_INVALID_ARGUMENT:
	case LK_OUT_OF_RANGE:
		return LK_EXIT_USAGE;
	case LK_NOT_FOUND:
		return LK_EXIT_NOT_FOUND;
	case LK_UNAUTHENTICATED:
	case LK_PERMISSION_DENIED:
		return LK_EXIT_REFUSED;
	case LK_UNAVAILABLE:
	case LK_DEADLINE_EXCEEDED:
		return LK_EXIT_UNREACHED;
	case LK_CANCELLED:
	case LK_UNKNOWN:
	case LK_ALREADY_EXISTS:
	case LK_RESOURCE_EXHAUSTED:
	case LK_FAILED_PRECONDITION:
	case LK_ABORTED:
	case LK_UNIMPLEMENTED:
	case LK_INTERNAL:
	case LK_DATA_LOSS:
		return LK_EXIT_FAILED;
	}
	return LK_EXIT_FAILED;
}

/* The flag that sets a field, or the field's own name. A path is known by its first name. */
static const char *flag_of(const struct lk_cli *cli, const char *field)
{
	static const struct {
		const char *field;
		const char *flag;
	} flags[] = {
		{ "realm", "--realm" },
		{ "id", "KEY-ID" },
		{ "name", "--name" },
		{ "user_id", "--user" },
		{ "organization_id", "--organization" },
		{ "scopes", "--scope" },
		{ "networks", "--network" },
		{ "realms", "--realm-access" },
		{ "expires_at", "--expires" },
		{ "metadata", "--metadata" },
		{ "grace_period", "--grace" },
		{ "reason", "--reason" },
		{ "comment", "--comment" },
		{ "permissions", "--permission" },
		{ "client_address", "--address" },
	};
	size_t n = strcspn(field, ".[");

	for (size_t i = 0; i < LK_COUNT(flags) && strcmp(cli->command, "call") != 0; i++)
		if (strlen(flags[i].field) == n && strncmp(flags[i].field, field, n) == 0)
			return flags[i].flag;
	return field;
}

enum lk_exit lk_cli_report(const struct lk_cli *cli, struct lk_status status)
{
	enum lk_exit code = lk_exit_of(status.code);
	struct lk_arena arena;
	const char *why;

	/* The text is the server's; it is made safe in memory of its own. */
	lk_arena_init(&arena, JSON_MAX);
	why = lk_text_safe(&arena, status.why != NULL ? status.why : "");
	if (status.field != NULL && status.field[0] != '\0')
		lk_cli_fail(cli, code, "%s: %s (%s)",
			lk_text_safe(&arena, flag_of(cli, status.field)), why,
			lk_code_name(status.code));
	else
		lk_cli_fail(cli, code, "%s (%s)", why, lk_code_name(status.code));
	if (status.retry_ms > 0)
		fprintf(stderr, "latchkey: try again in %u s\n", (status.retry_ms + 999) / 1000);
	lk_arena_fini(&arena);
	return code;
}

/* --- the server --- */

static const char *server_url(const struct lk_cli *cli)
{
	const char *url = cli->server != NULL ? cli->server : getenv("LATCHKEY_SERVER");

	if (url != NULL && url[0] != '\0')
		return url;
	return access(DEMO_SOCKET, F_OK) == 0 ? "ipc://" DEMO_SOCKET : LOCAL_URL;
}

/* The variable names the file; it never holds the secret. */
static const char *credential_path(const struct lk_cli *cli)
{
	const char *path = cli->credential_file != NULL ? cli->credential_file
							: getenv("LATCHKEY_CREDENTIAL_FILE");

	return path != NULL && path[0] != '\0' ? path : NULL;
}

enum lk_exit lk_cli_connect(struct lk_cli *cli)
{
	struct lk_channel_options options = {
		.url = server_url(cli),
		.connect_timeout_ms =
			cli->timeout_ms < CONNECT_TIMEOUT_MS ? cli->timeout_ms : CONNECT_TIMEOUT_MS,
	};
	const char *path = credential_path(cli);
	struct lk_status st;
	const char *why = NULL;

	if (path != NULL)
		why = lk_secret_read(
			path, "Service key", LK_SECRET_TOKEN, &cli->arena, &options.credential);
	if (why != NULL)
		return lk_cli_fail(cli, LK_EXIT_USAGE, "--credential-file: %s: %s%s%s", path, why,
			errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	st = lk_channel_open(&options, &cli->channel);
	if (st.code != LK_OK)
		return lk_cli_fail(cli, lk_exit_of(st.code), "--server: %s: %s (%s)", options.url,
			st.why, lk_code_name(st.code));
	return LK_EXIT_OK;
}

/* The end user's token as a packed subject. */
static struct lk_bytes pack_subject(struct lk_cli *cli, struct lk_bytes token)
{
	Latchkey__V1__Subject *subject = lk_cli_message(cli, &latchkey__v1__subject__descriptor);
	Latchkey__V1__Credential *credential =
		lk_cli_message(cli, &latchkey__v1__credential__descriptor);
	struct lk_bytes packed = { NULL, 0 };
	struct lk_status st;

	credential->kind = LATCHKEY__V1__CREDENTIAL_KIND__CREDENTIAL_KIND_BEARER;
	/* protobuf-c has no const; packing only reads. */
	credential->value = (char *)(uintptr_t)token.data;
	subject->realm = (char *)(uintptr_t)cli->realm;
	subject->credentials = &credential;
	subject->n_credentials = 1;
	st = lk_message_pack(&subject->base, &cli->arena, &packed);
	if (st.code != LK_OK)
		exit((int)lk_cli_report(cli, st));
	return packed;
}

static struct lk_bytes read_subject(struct lk_cli *cli)
{
	struct lk_bytes token;
	const char *why;

	if (cli->realm == NULL)
		exit((int)lk_cli_fail(
			cli, LK_EXIT_USAGE, "--subject-file: this call has no realm to act in"));
	why = lk_secret_read(cli->subject_file, "Token", LK_SECRET_TOKEN, &cli->arena, &token);
	if (why != NULL)
		exit((int)lk_cli_fail(cli, LK_EXIT_USAGE, "--subject-file: %s: %s",
			cli->subject_file, errno != 0 ? strerror(errno) : why));
	return pack_subject(cli, token);
}

struct lk_call_options lk_cli_call_options(struct lk_cli *cli)
{
	/* Once: standard input cannot be read again for the second page of a list. */
	if (cli->subject_file != NULL && cli->subject.n == 0)
		cli->subject = read_subject(cli);
	return (struct lk_call_options) { .timeout_ms = cli->timeout_ms, .subject = cli->subject };
}

/* --- output --- */

lk_time_ms lk_cli_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (lk_time_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum lk_exit lk_cli_print_json(struct lk_cli *cli, const ProtobufCMessage *message)
{
	static const struct lk_json_options options = { .with_defaults = true, .indent = 2 };
	struct lk_status st;
	struct lk_buf buf;

	lk_buf_init(&buf, JSON_MAX);
	st = lk_json_print(message, &options, &buf);
	if (st.code == LK_OK) {
		fwrite(buf.data, 1, buf.n, stdout);
		fputc('\n', stdout);
	}
	lk_buf_fini(&buf);
	return st.code == LK_OK ? LK_EXIT_OK : lk_cli_report(cli, st);
}
