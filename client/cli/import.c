/* SPDX-License-Identifier: MIT */
/* import: brings what another system has, line by line. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/import_calls.h"
#include "client/cli/import_kind.h"
#include "client/cli/progress.h"
#include "client/cli/secret.h"
#include "client/cli/stop.h"
#include "client/cli/table.h"
#include "proto/wire/json.h"

enum {
	KEY_REALM = LK_KEY_FIRST,
	KEY_FORMAT,
	KEY_DRY_RUN,
	KEY_IN_FLIGHT,
	KEY_REPORT,
};

#define IN_FLIGHT_DEFAULT 32
#define REPORT_LINE_MAX ((size_t)64 << 10)

/* How often a signal and the progress are looked at. */
#define TICK_MS 100

/* How often a line is sent when the connection is lost or there is no answer, and when the server
 * has too much to do; each time is as many tries of the channel's as fit into the timeout. */
#define SENDS_LOST_MAX 3
#define SENDS_BUSY_MAX 60

struct import {
	const struct lk_import_kind *kind;
	struct lk_cli *cli;
	char *realm;
	enum lk_line_format format;
	bool is_dry;
	size_t n_in_flight;
	const char *report_path;

	struct lk_import_file *file;
	uint64_t size; /* of the file; 0: nobody knows */
	FILE *report;
	struct lk_seen seen;
	struct lk_import_calls calls;
	struct lk_progress progress;

	Latchkey__Cli__ImportSummary summary;
	uint32_t last_line;
	struct lk_status failure; /* that ends the import, in the arena of the command */
};

/* --- options --- */

static const char *take(struct lk_cli *cli, void *arg, int key, char *value)
{
	struct import *import = arg;
	char *end;
	long n;

	(void)cli;
	switch (key) {
	case KEY_REALM:
		import->realm = value;
		return NULL;
	case KEY_FORMAT:
		import->format = lk_line_format_of(value);
		return import->format != LK_LINES_UNKNOWN ? NULL : "must be csv or jsonl";
	case KEY_DRY_RUN:
		import->is_dry = true;
		return NULL;
	case KEY_REPORT:
		import->report_path = value;
		return NULL;
	default:
		n = strtol(value, &end, 10);
		if (*end != '\0' || n < 1 || n > LK_IMPORT_CALLS_MAX)
			return "must be a number from 1 to 256";
		import->n_in_flight = (size_t)n;
		return NULL;
	}
}

static enum lk_exit open_file(struct import *import)
{
	const char *path = import->cli->arguments[0];
	const char *dot = strrchr(path, '.');
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat about;
	struct lk_status st;
	int fd;

	if (import->format == LK_LINES_UNKNOWN && dot != NULL)
		import->format = lk_line_format_of(dot + 1);
	if (import->format == LK_LINES_UNKNOWN)
		return lk_cli_fail(import->cli, LK_EXIT_USAGE,
			"--format is missing: %s does not end in .csv or .jsonl", path);
	fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return lk_cli_fail(import->cli, LK_EXIT_USAGE, "%s: %s", path, strerror(errno));
	if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
		import->size = (uint64_t)about.st_size;
	st = lk_import_open(fd, import->format, import->kind->lines, &import->file);
	return st.code == LK_OK ? LK_EXIT_OK : lk_cli_report(import->cli, st);
}

static enum lk_exit open_report(struct import *import)
{
	int fd;

	if (import->report_path == NULL)
		return LK_EXIT_OK;
	fd = lk_secret_create_file(import->report_path);
	if (fd < 0)
		return lk_cli_fail(import->cli, LK_EXIT_USAGE, "--report: %s: %s",
			import->report_path, strerror(errno));
	import->report = fdopen(fd, "w");
	if (import->report != NULL)
		return LK_EXIT_OK;
	close(fd);
	return lk_cli_fail(import->cli, LK_EXIT_FAILED, "--report: %s", strerror(errno));
}

/* --- the report --- */

static void put_report(struct import *import, uint32_t line, const char *name, struct lk_status st)
{
	static const struct lk_json_options options = { .with_defaults = true };
	Latchkey__Cli__LineReport report = LATCHKEY__CLI__LINE_REPORT__INIT;
	struct lk_buf text;

	if (import->report == NULL)
		return;
	/* protobuf-c has no const; printing only reads. */
	report.line = line;
	if (import->kind->lines == &lk_user_lines)
		report.email = (char *)(uintptr_t)name;
	else
		report.name = (char *)(uintptr_t)name;
	report.code = (char *)(uintptr_t)lk_code_name(st.code);
	report.field = (char *)(uintptr_t)(st.field != NULL ? st.field : "");
	report.message = (char *)(uintptr_t)st.why;
	lk_buf_init(&text, REPORT_LINE_MAX);
	if (lk_json_print(&report.base, &options, &text).code == LK_OK) {
		fwrite(text.data, 1, text.n, import->report);
		fputc('\n', import->report);
	}
	lk_buf_fini(&text);
}

static void refuse(struct import *import, struct lk_import_call *call, struct lk_status st)
{
	const char *field = st.field != NULL ? lk_text_safe(&call->arena, st.field) : "";

	import->summary.refused++;
	put_report(import, call->line, call->name, st);
	lk_progress_clear(&import->progress);
	lk_cli_fail(import->cli, LK_EXIT_FAILED, "line %u: %s%s%s (%s)", call->line, field,
		field[0] != '\0' ? ": " : "", lk_text_safe(&call->arena, st.why),
		lk_code_name(st.code));
}

/* --- answers --- */

/* What is so of one line is so of all: it ends the import. */
static void fail(struct import *import, struct lk_status st)
{
	struct lk_arena *arena = &import->cli->arena;

	import->summary.unsettled++;
	if (import->failure.code != LK_OK)
		return;
	import->failure = st;
	import->failure.why = lk_text_safe(arena, st.why);
	if (st.field != NULL)
		import->failure.field = lk_text_safe(arena, st.field);
}

static bool is_worth_another_try(const struct import *import, const struct lk_import_call *call)
{
	struct lk_status st = call->status;

	if (lk_stop_requested() || import->failure.code != LK_OK)
		return false;
	if (st.code == LK_UNAVAILABLE || st.code == LK_DEADLINE_EXCEEDED)
		return call->n_sent < SENDS_LOST_MAX;
	return st.code == LK_RESOURCE_EXHAUSTED && st.retry_ms > 0 && call->n_sent < SENDS_BUSY_MAX;
}

/* Of what is there already nothing is changed. */
static void note_there(struct import *import, const struct lk_import_call *call)
{
	import->summary.already_there++;
	put_report(import, call->line, call->name, *import->kind->is_there);
}

static bool is_about_line(struct lk_status st)
{
	return (st.code == LK_INVALID_ARGUMENT || st.code == LK_OUT_OF_RANGE) &&
	       (st.field == NULL || strcmp(st.field, "realm") != 0);
}

static void settle(struct import *import, struct lk_import_call *call)
{
	struct lk_status st = call->status;

	if (is_worth_another_try(import, call)) {
		lk_import_calls_send(call);
		return;
	}
	if (import->is_dry && import->kind->asks_by_get)
		st.code = st.code == LK_OK          ? LK_ALREADY_EXISTS
			  : st.code == LK_NOT_FOUND ? LK_OK
						    : st.code;
	if (st.code == LK_ALREADY_EXISTS)
		note_there(import, call);
	else if (st.code == LK_OK)
		import->summary.created++;
	else if (is_about_line(st))
		refuse(import, call, st);
	else
		fail(import, st);
	lk_import_calls_give_back(call);
}

static void show_progress(struct import *import)
{
	lk_progress_show(&import->progress, &(struct lk_progress_state) {
						    .n = import->summary.lines,
						    .n_refused = import->summary.refused,
						    .bytes = lk_import_position(import->file),
						    .size = import->size,
					    });
}

/* Settles what has come back; when nothing has, waits up to a tick for it. */
static void settle_some(struct import *import, bool may_wait)
{
	struct lk_import_call *call = lk_import_calls_wait(&import->calls, may_wait ? TICK_MS : 0);

	for (; call != NULL; call = lk_import_calls_wait(&import->calls, 0))
		settle(import, call);
	show_progress(import);
}

/* --- lines --- */

/* Sends the line, or refuses it. */
static void begin(
	struct import *import, struct lk_import_call *call, const struct lk_import_line *line)
{
	struct lk_status st = line->status;

	import->last_line = line->number;
	import->summary.lines++;
	call->line = line->number;
	if (line->message != NULL) {
		call->name = import->kind->name_of(line->message);
		st = import->kind->check(line->message, &import->seen);
	}
	if (st.code == LK_OK) {
		call->request = import->kind->request_of(
			line->message, import->realm, import->is_dry, &call->arena);
		if (call->request == NULL)
			st = LK_ERR(LK_RESOURCE_EXHAUSTED, "the line needs too much memory");
	}
	if (st.code == LK_OK) {
		lk_import_calls_send(call);
		return;
	}
	refuse(import, call, st);
	lk_import_calls_give_back(call);
}

static void run(struct import *import)
{
	bool has_more = true;

	while (has_more && !lk_stop_requested() && import->failure.code == LK_OK) {
		struct lk_import_call *call = lk_import_calls_take(&import->calls);
		struct lk_import_line line;

		if (call != NULL) {
			has_more = lk_import_next(import->file, &call->arena, &line);
			if (has_more)
				begin(import, call, &line);
			else
				lk_import_calls_give_back(call);
		}
		settle_some(import, call == NULL);
	}
	while (import->calls.n_away > 0)
		settle_some(import, true);
	lk_progress_clear(&import->progress);
}

/* --- the end --- */

static void print_summary(struct import *import)
{
	const Latchkey__Cli__ImportSummary *summary = &import->summary;

	if (import->is_dry)
		puts("Dry run: nothing was changed.");
	printf("%u lines: %u %s, %u there already%s, %u refused.\n", summary->lines,
		summary->created, import->is_dry ? "would be created" : "created",
		summary->already_there, import->is_dry ? "" : " and left as they are",
		summary->refused);
}

/* Why the file was not gone through to its end, and what that leaves. */
static void tell_incomplete(struct import *import)
{
	if (lk_stop_requested())
		lk_cli_fail(import->cli, LK_EXIT_FAILED,
			"stopped by a signal: the file is done up to line %u", import->last_line);
	else if (import->failure.code == LK_OK)
		lk_cli_fail(import->cli, LK_EXIT_FAILED, "nothing was read behind line %u",
			import->last_line);
	if (import->summary.unsettled > 0)
		lk_cli_fail(import->cli, LK_EXIT_FAILED,
			"of the lines up to line %u, %u may not be in", import->last_line,
			import->summary.unsettled);
	fputs("The command can be repeated: what is in is left as it is.\n", stderr);
}

static enum lk_exit finish(struct import *import)
{
	enum lk_exit code = LK_EXIT_OK;

	import->summary.dry_run = import->is_dry;
	import->summary.complete =
		lk_import_is_complete(import->file) && import->failure.code == LK_OK;
	if (!import->cli->json)
		print_summary(import);
	else if (lk_cli_print_json(import->cli, &import->summary.base) != LK_EXIT_OK)
		code = LK_EXIT_FAILED;
	if (import->summary.refused > 0 || !import->summary.complete)
		code = LK_EXIT_SOME;
	if (import->failure.code != LK_OK)
		code = lk_cli_report(import->cli, import->failure);
	else if (!import->summary.complete && lk_stop_requested())
		code = LK_EXIT_FAILED;
	if (!import->summary.complete)
		tell_incomplete(import);
	return code;
}

static enum lk_exit close_report(struct import *import, enum lk_exit code)
{
	bool has_failed;

	if (import->report == NULL)
		return code;
	has_failed = ferror(import->report) != 0;
	if (fclose(import->report) != 0 || has_failed)
		return lk_cli_fail(import->cli, LK_EXIT_FAILED, "--report: %s cannot be written",
			import->report_path);
	return code;
}

static enum lk_exit find_realm(const struct import *import)
{
	struct lk_status st =
		import->kind->find_realm(import->cli, &import->calls.options, import->realm);

	return st.code == LK_OK ? LK_EXIT_OK : lk_cli_report(import->cli, st);
}

static enum lk_exit import_lines(struct import *import)
{
	enum lk_exit code = open_file(import);
	struct lk_status st;

	if (code == LK_EXIT_OK)
		code = lk_cli_connect(import->cli);
	if (code == LK_EXIT_OK) {
		import->calls.channel = import->cli->channel;
		import->calls.options = lk_cli_call_options(import->cli);
		import->calls.send = import->is_dry ? import->kind->ask : import->kind->send;
		/* A dry run of which every line is refused asks nothing else. */
		if (import->is_dry)
			code = find_realm(import);
	}
	if (code == LK_EXIT_OK)
		code = open_report(import);
	if (code != LK_EXIT_OK)
		return code;
	st = lk_import_calls_init(&import->calls, import->n_in_flight);
	if (st.code != LK_OK)
		return close_report(import, lk_cli_report(import->cli, st));
	lk_stop_catch();
	lk_progress_begin(&import->progress, "lines", !import->cli->json);
	run(import);
	return close_report(import, finish(import));
}

static enum lk_exit run_import(
	const struct lk_import_kind *kind, struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", KEY_REALM, "REALM", 0, "the realm (required)", 1 },
		{ "format", KEY_FORMAT, "FORMAT", 0,
			"csv or jsonl (default: by the end of the file's name)", 1 },
		{ "dry-run", KEY_DRY_RUN, NULL, 0,
			"check every line and ask what is there already, but change nothing", 1 },
		{ "in-flight", KEY_IN_FLIGHT, "N", 0,
			"so many calls at the same time, 256 at most (32)", 1 },
		{ "report", KEY_REPORT, "FILE", 0,
			"write each line that changed nothing, and why, into a new file as JSON "
			"lines",
			1 },
		{ 0 },
	};
	const struct lk_syntax syntax = {
		.options = options,
		.arguments = "FILE",
		.n_arguments_min = 1,
		.n_arguments_max = 1,
		.help = kind->help,
		.take = take,
	};
	struct import *import = lk_cli_alloc(cli, sizeof *import);
	enum lk_exit code;

	import->kind = kind;
	import->cli = cli;
	import->n_in_flight = IN_FLIGHT_DEFAULT;
	import->summary = (Latchkey__Cli__ImportSummary)LATCHKEY__CLI__IMPORT_SUMMARY__INIT;
	lk_cli_parse(cli, &syntax, import, argc, argv);
	lk_cli_require(cli, "--realm", import->realm);
	lk_seen_init(&import->seen);
	code = import_lines(import);
	lk_import_calls_fini(&import->calls);
	lk_seen_fini(&import->seen);
	lk_import_close(import->file);
	return code;
}

enum lk_exit lk_run_import_users(struct lk_cli *cli, int argc, char **argv)
{
	return run_import(&lk_import_users, cli, argc, argv);
}

enum lk_exit lk_run_import_keys(struct lk_cli *cli, int argc, char **argv)
{
	return run_import(&lk_import_keys, cli, argc, argv);
}
