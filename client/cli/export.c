/* SPDX-License-Identifier: MIT */
/* export users, keys, organizations: all that the server tells of them, which holds no secret. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/csv.h"
#include "client/cli/import_read.h"
#include "client/cli/progress.h"
#include "client/cli/rpc_priv.h"
#include "client/cli/secret.h"
#include "client/cli/stop.h"
#include "client/cli/values.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/user.rpc.h"
#include "proto/wire/json.h"

enum {
	KEY_REALM = LK_KEY_FIRST,
	KEY_FORMAT,
	KEY_OUTPUT,
};

#define PAGE_MAX 100
#define LINE_MAX_OUT ((size_t)1 << 20)

struct kind {
	const struct lk_method *method;
	const char *list;
	const char *const *columns; /* fields, or paths to them; of CSV */
	const char *left_out;       /* a field that lists do not fill; of JSON */
	const char *help;
};

static const char *const user_columns[] = { "id", "realm", "email", "name", "roles",
	"organization_id", "enabled", "created_at", "password_changed_at", NULL };

static const struct kind users = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_LIST_USERS],
	.list = "users",
	.columns = user_columns,
	.left_out = "permissions",
	.help = "Writes the users of a realm in the order of their creation, a line each: CSV, or "
		"JSON objects. There are no passwords and no hashes in it. `latchkey import users' "
		"reads it.\v"
		"Example:\n"
		"  latchkey export users --realm demo --output users.csv\n",
};

static const char *const key_columns[] = { "id", "realm", "name", "hint", "user_id",
	"organization_id", "scopes", "networks", "realms", "metadata", "state", "enabled",
	"created_at", "expires_at", "revoked_at", "revocation_reason", "revocation_comment",
	"last_use.at", "last_use.client_address", "last_use.user_agent", NULL };

static const struct kind keys = {
	.method = &lk_key_service_methods[LK_KEY_SERVICE_LIST_KEYS],
	.list = "keys",
	.columns = key_columns,
	.help = "Writes the keys of a realm in the order of their creation, a line each: CSV, or "
		"JSON objects. There are no secrets in it.\v"
		"Example:\n"
		"  latchkey export keys --realm demo --format jsonl | jq -r .id\n",
};

static const char *const organization_columns[] = { "id", "realm", "plan", "enabled", "created_at",
	NULL };

static const struct kind organizations = {
	.method = &lk_user_service_methods[LK_USER_SERVICE_LIST_ORGANIZATIONS],
	.list = "organizations",
	.columns = organization_columns,
	.help = "Writes the organisations of a realm, a line each: CSV, or JSON objects.\v"
		"Example:\n"
		"  latchkey export organizations --realm demo --output organizations.csv\n",
};

struct export
{
	struct lk_cli *cli;
	const struct kind *kind;
	char *realm;
	enum lk_line_format format;
	const char *path; /* NULL: standard output */
	char *part;       /* what the file is called while it is written */
	FILE *out;
	struct lk_arena arena; /* of one page */
	struct lk_buf token;   /* of the page to ask for; empty before the first, after the last */
	struct lk_buf line;
	struct lk_progress progress;
	uint64_t n;
};

static const char *take(struct lk_cli *cli, void *arg, int key, char *value)
{
	struct export *export = arg;

	(void)cli;
	if (key == KEY_REALM)
		export->realm = value;
	else if (key == KEY_OUTPUT)
		export->path = value;
	else
		export->format = lk_line_format_of(value);
	return key == KEY_FORMAT && export->format == LK_LINES_UNKNOWN ? "must be csv or jsonl"
								       : NULL;
}

/* --- the file --- */

/* It has another name until it is whole. */
static enum lk_exit open_output(struct export *export)
{
	size_t n = export->path != NULL ? strlen(export->path) + sizeof ".part" : 0;
	int fd;

	export->out = stdout;
	if (export->path == NULL)
		return LK_EXIT_OK;
	errno = EEXIST;
	if (access(export->path, F_OK) == 0)
		return lk_cli_fail(export->cli, LK_EXIT_USAGE, "--output: %s: %s", export->path,
			strerror(errno));
	export->part = lk_cli_alloc(export->cli, n);
	snprintf(export->part, n, "%s.part", export->path);
	fd = lk_secret_create_file(export->part);
	export->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (export->out != NULL)
		return LK_EXIT_OK;
	lk_cli_fail(export->cli, LK_EXIT_USAGE, "--output: %s: %s", export->part, strerror(errno));
	if (fd >= 0)
		lk_secret_abandon_file(fd, export->part);
	return LK_EXIT_USAGE;
}

/* What is not whole goes away. */
static enum lk_exit close_output(struct export *export, enum lk_exit code)
{
	bool is_written;

	if (export->path == NULL)
		return code;
	is_written =
		fflush(export->out) == 0 && !ferror(export->out) && fsync(fileno(export->out)) == 0;
	is_written = fclose(export->out) == 0 && is_written;
	if (code == LK_EXIT_OK && is_written &&
		renameat2(AT_FDCWD, export->part, AT_FDCWD, export->path, RENAME_NOREPLACE) == 0)
		return LK_EXIT_OK;
	if (code == LK_EXIT_OK)
		code = lk_cli_fail(export->cli, LK_EXIT_FAILED, "--output: %s: %s", export->path,
			strerror(errno));
	unlink(export->part);
	return code;
}

/* --- CSV --- */

/* The values of a list with spaces between, which none of those that are exported has inside. */
static const char *join(struct lk_arena *arena, char *const *items, size_t n)
{
	size_t size = 1;
	char *text;
	char *at;

	for (size_t i = 0; i < n; i++)
		size += strlen(items[i]) + 1;
	text = lk_arena_calloc(arena, size, 1);
	at = text;
	for (size_t i = 0; i < n && text != NULL; i++) {
		size_t length = strlen(items[i]);

		if (i > 0)
			*at++ = ' ';
		memcpy(at, items[i], length);
		at += length;
	}
	return text;
}

/* A map as the JSON object that it is. */
static const char *text_of_map(struct lk_arena *arena, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	ProtobufCMessage *only = lk_message_new(message->descriptor, arena);
	size_t n_front = strlen(field->name) + strlen("{\"\":");
	const char *text = NULL;
	struct lk_buf json;

	if (only == NULL)
		return NULL;
	*(void **)lk_rpc_place(only, field) = *(void **)lk_rpc_place(message, field);
	memcpy((char *)only + field->quantifier_offset,
		(const char *)message + field->quantifier_offset, sizeof(size_t));
	lk_buf_init(&json, LINE_MAX_OUT);
	/* {"metadata":{...}} */
	if (lk_json_print(only, NULL, &json).code == LK_OK && json.n > n_front)
		text = lk_arena_strndup(
			arena, (const char *)json.data + n_front, json.n - n_front - 1);
	lk_buf_fini(&json);
	return text;
}

static const char *text_of_list(struct lk_arena *arena, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	size_t n = lk_rpc_count(message, field);

	if (n == 0)
		return "";
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return join(arena, *(char *const *const *)lk_rpc_place(message, field), n);
	return text_of_map(arena, message, field);
}

static const char *text_of_enum(
	struct lk_arena *arena, const ProtobufCEnumDescriptor *type, int value)
{
	char text[LK_VALUE_ROOM];

	if (value == 0)
		return "";
	lk_value_enum_print(type, value, text);
	return lk_arena_strndup(arena, text, strlen(text));
}

static const char *text_of_time(struct lk_arena *arena, const Google__Protobuf__Timestamp *at)
{
	char text[LK_TIME_TEXT_ROOM];
	size_t n = lk_timestamp_print((struct lk_time_parts) { at->seconds, at->nanos }, text);

	return lk_arena_strndup(arena, text, n);
}

/* The text of a field, "" when it is not there; NULL when memory is short. */
static const char *text_of(
	struct lk_arena *arena, const ProtobufCMessage *message, const char *path)
{
	size_t n = strcspn(path, ".");
	const char *name = lk_arena_strndup(arena, path, n);
	const ProtobufCFieldDescriptor *field = name != NULL ? lk_rpc_field(message, name) : NULL;
	const ProtobufCMessage *inner;
	const void *place;

	if (field == NULL)
		return NULL;
	place = lk_rpc_place(message, field);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return text_of_list(arena, message, field);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return *(const char *const *)place;
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		return *(const protobuf_c_boolean *)place ? "true" : "false";
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		return text_of_enum(arena, field->descriptor, *(const int *)place);
	inner = *(const ProtobufCMessage *const *)place;
	if (inner == NULL)
		return "";
	if (inner->descriptor == &google__protobuf__timestamp__descriptor)
		return text_of_time(arena, (const Google__Protobuf__Timestamp *)inner);
	return text_of(arena, inner, path + n + 1);
}

static struct lk_status put_record(struct export *export, const ProtobufCMessage *item)
{
	const char *const *columns = export->kind->columns;

	for (size_t i = 0; columns[i] != NULL; i++) {
		const char *text = text_of(&export->arena, item, columns[i]);

		if (text == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "the page needs too much memory");
		lk_csv_put(&export->line, text, i == 0);
	}
	return LK_SUCCESS;
}

static void put_header(struct export *export)
{
	const char *const *columns = export->kind->columns;

	if (export->format != LK_LINES_CSV)
		return;
	for (size_t i = 0; columns[i] != NULL; i++)
		fprintf(export->out, "%s%s", i == 0 ? "" : ",", columns[i]);
	fputc('\n', export->out);
}

/* --- pages --- */

static bool is_left_out(const void *arg, const ProtobufCMessageDescriptor *type,
	const ProtobufCFieldDescriptor *field)
{
	(void)type;
	return strcmp(field->name, arg) == 0;
}

static struct lk_status put_json(struct export *export, const ProtobufCMessage *item)
{
	struct lk_json_options options = { .with_defaults = true };

	if (export->kind->left_out != NULL) {
		options.skip = is_left_out;
		options.skip_arg = export->kind->left_out;
	}
	return lk_json_print(item, &options, &export->line);
}

static struct lk_status put_item(struct export *export, const ProtobufCMessage *item)
{
	lk_buf_reset(&export->line);
	if (export->format == LK_LINES_CSV)
		LK_TRY(put_record(export, item));
	else
		LK_TRY(put_json(export, item));
	lk_buf_u8(&export->line, '\n');
	if (export->line.failed)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "a line is too long");
	if (fwrite(export->line.data, 1, export->line.n, export->out) != export->line.n)
		return LK_ERR(LK_INTERNAL, "the output cannot be written");
	export->n++;
	return LK_SUCCESS;
}

static void set_text(ProtobufCMessage *request, const char *name, char *text)
{
	*(char **)lk_rpc_place(request, lk_rpc_field(request, name)) = text;
}

static ProtobufCMessage *request_of(struct export *export)
{
	ProtobufCMessage *request = lk_message_new(export->kind->method->request, &export->arena);

	if (request == NULL)
		return NULL;
	set_text(request, "realm", export->realm);
	*(int32_t *)lk_rpc_place(request, lk_rpc_field(request, "page_size")) = PAGE_MAX;
	if (export->token.n > 0)
		set_text(request, "page_token", (char *)export->token.data);
	return request;
}

static struct lk_status put_page(struct export *export)
{
	struct lk_call_options options = lk_cli_call_options(export->cli);
	const ProtobufCMessage *const *items;
	const ProtobufCFieldDescriptor *field;
	ProtobufCMessage *request = request_of(export);
	ProtobufCMessage *page;
	const char *next;

	if (request == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	LK_TRY(lk_rpc_call(export->cli->channel, export->kind->method, &options, request,
		&export->arena, &page));
	field = lk_rpc_field(page, export->kind->list);
	items = *(const ProtobufCMessage *const *const *)lk_rpc_place(page, field);
	for (size_t i = 0; i < lk_rpc_count(page, field); i++)
		LK_TRY(put_item(export, items[i]));
	next = *(char *const *)lk_rpc_place(page, lk_rpc_field(page, "next_page_token"));
	lk_buf_reset(&export->token);
	if (next[0] != '\0')
		lk_buf_add(&export->token, next, strlen(next) + 1);
	return export->token.failed ? LK_ERR(LK_INTERNAL, "the page's token is too long")
				    : LK_SUCCESS;
}

static enum lk_exit put_pages(struct export *export)
{
	struct lk_status st;

	put_header(export);
	do {
		lk_arena_reset(&export->arena);
		st = put_page(export);
		lk_progress_show(&export->progress, &(struct lk_progress_state) { .n = export->n });
	} while (st.code == LK_OK && export->token.n > 0 && !lk_stop_requested());
	lk_progress_clear(&export->progress);
	if (st.code != LK_OK)
		return lk_cli_report(export->cli, st);
	if (export->token.n > 0)
		return lk_cli_fail(export->cli, LK_EXIT_FAILED, "stopped by a signal");
	return LK_EXIT_OK;
}

/* --- the commands --- */

static void choose_format(struct export *export)
{
	const char *dot = export->path != NULL ? strrchr(export->path, '.') : NULL;

	if (export->format == LK_LINES_UNKNOWN && dot != NULL)
		export->format = lk_line_format_of(dot + 1);
	if (export->format == LK_LINES_UNKNOWN)
		export->format = export->cli->json ? LK_LINES_JSON : LK_LINES_CSV;
}

static enum lk_exit export_all(struct export *export)
{
	bool may_show = export->path != NULL || isatty(STDOUT_FILENO) == 0;
	enum lk_exit code = lk_cli_connect(export->cli);

	if (code == LK_EXIT_OK)
		code = open_output(export);
	if (code != LK_EXIT_OK)
		return code;
	lk_stop_catch();
	lk_progress_begin(&export->progress, export->kind->list, may_show && !export->cli->json);
	lk_arena_init(&export->arena, export->cli->arena.cap);
	lk_buf_init(&export->token, LK_REQUEST_FRAME_MAX);
	lk_buf_init(&export->line, LINE_MAX_OUT);
	code = close_output(export, put_pages(export));
	lk_buf_fini(&export->line);
	lk_buf_fini(&export->token);
	lk_arena_fini(&export->arena);
	return code;
}

static enum lk_exit run(struct lk_cli *cli, const struct kind *kind, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", KEY_REALM, "REALM", 0, "the realm (required)", 1 },
		{ "format", KEY_FORMAT, "FORMAT", 0,
			"csv or jsonl (default: by the end of the file's name, or csv)", 1 },
		{ "output", KEY_OUTPUT, "FILE", 0,
			"write into a new file of mode 0600, which is there once it is whole", 1 },
		{ 0 },
	};
	const struct lk_syntax syntax = { .options = options, .help = kind->help, .take = take };
	struct export *export = lk_cli_alloc(cli, sizeof *export);

	export->cli = cli;
	export->kind = kind;
	lk_cli_parse(cli, &syntax, export, argc, argv);
	lk_cli_require(cli, "--realm", export->realm);
	choose_format(export);
	return export_all(export);
}

enum lk_exit lk_run_export_users(struct lk_cli *cli, int argc, char **argv)
{
	return run(cli, &users, argc, argv);
}

enum lk_exit lk_run_export_keys(struct lk_cli *cli, int argc, char **argv)
{
	return run(cli, &keys, argc, argv);
}

enum lk_exit lk_run_export_organizations(struct lk_cli *cli, int argc, char **argv)
{
	return run(cli, &organizations, argc, argv);
}
