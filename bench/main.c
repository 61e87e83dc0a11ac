/* SPDX-License-Identifier: MIT */
/* latchkey-bench: how many verifications a second, and how that compares. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/echo.h"
#include "bench/options.h"

#define EXIT_USAGE 2

enum {
	OPTION_BAD = 256,
	OPTION_COMPARE,
	OPTION_CONNECTIONS,
	OPTION_CREDENTIAL,
	OPTION_FIRST,
	OPTION_TIMES,
	OPTION_CREDENTIAL_FILE,
	OPTION_DURATION,
	OPTION_IN_FLIGHT,
	OPTION_JSON,
	OPTION_KEY_FILE,
	OPTION_KEYS,
	OPTION_MISS,
	OPTION_PIPELINE,
	OPTION_RATE,
	OPTION_REALM,
	OPTION_ROUNDS,
	OPTION_SERVER,
	OPTION_THREADS,
	OPTION_TRANSPORT,
	OPTION_URI,
	OPTION_URL,
	OPTION_ZIPF,
};

/* The first ones are of `verify` alone. */
#define OF_VERIFY_ALONE 3
static const struct argp_option verify_options[] = {
	{ "compare", OPTION_COMPARE, NULL, 0,
		"Run raw nng echo and verification in turn, over tcp and ipc, at 1, 16, 64, 256 "
		"and "
		"1024 in flight",
		0 },
	{ "credential", OPTION_CREDENTIAL, "KIND", 0,
		"What to verify: key, session (opaque), hs256 or eddsa (key)", 0 },
	{ "first", OPTION_FIRST, NULL, 0,
		"Verify each credential once and stop: with hs256 and eddsa, signatures that were "
		"never seen before",
		0 },
	{ "server", OPTION_SERVER, "URL", 0,
		"Measure the server at URL (tcp://, ipc://) instead of a daemon of the bench's own",
		1 },
	{ "credential-file", OPTION_CREDENTIAL_FILE, "FILE", 0,
		"Service key for --server, with auth.verify and keys.manage", 1 },
	{ "realm", OPTION_REALM, "NAME", 0, "Realm for --server", 1 },
	{ "transport", OPTION_TRANSPORT, "tcp|ipc", 0, "How to reach our own daemon (tcp)", 1 },
	{ "keys", OPTION_KEYS, "N", 0, "Keys to create and verify (1000)", 2 },
	{ "zipf", OPTION_ZIPF, NULL, 0, "Choose keys by Zipf's law (0.99) instead of uniformly",
		2 },
	{ "miss", OPTION_MISS, "PERCENT", 0, "Share of well-formed keys that are unknown (0)", 2 },
	{ "in-flight", OPTION_IN_FLIGHT, "N", 0, "Calls outstanding at most (64)", 2 },
	{ "rate", OPTION_RATE, "N", 0,
		"Open loop: start N calls a second at fixed times, whatever the answers do", 2 },
	{ "duration", OPTION_DURATION, "MS", 0, "Length of a round in milliseconds (1000)", 2 },
	{ "rounds", OPTION_ROUNDS, "N", 0, "Rounds; the median is shown (5)", 2 },
	{ "json", OPTION_JSON, NULL, 0, "Print an array of objects", 3 },
	{ 0 },
};

static unsigned long number_of(
	const char *name, const char *text, unsigned long max, struct argp_state *state)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || n > max)
		argp_error(state, "--%s takes a whole number from 0 to %lu", name, max);
	return n;
}

static unsigned long count_of(
	const char *name, const char *text, unsigned long max, struct argp_state *state)
{
	unsigned long n = number_of(name, text, max, state);

	if (n == 0)
		argp_error(state, "--%s must be at least 1", name);
	return n;
}

static unsigned long percent_of(const char *arg, struct argp_state *state)
{
	char digits[8];
	size_t n = strlen(arg);

	if (n > 1 && arg[n - 1] == '%')
		n--;
	snprintf(digits, sizeof digits, "%.*s", (int)n, arg);
	return number_of("bad", digits, 100, state);
}

static error_t parse_http(int key, char *arg, struct argp_state *state)
{
	struct lk_bench_options *options = state->input;

	switch (key) {
	case OPTION_URL:
		options->url = arg;
		break;
	case OPTION_KEY_FILE:
		options->key_file = arg;
		break;
	case OPTION_URI:
		options->uri = arg;
		break;
	case OPTION_BAD:
		options->bad_percent = percent_of(arg, state);
		break;
	case OPTION_CONNECTIONS:
		options->connections = count_of("connections", arg, 60000, state);
		break;
	case OPTION_PIPELINE:
		options->pipeline = count_of("pipeline", arg, 256, state);
		break;
	case OPTION_THREADS:
		options->threads = count_of("threads", arg, 16, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_target(int key, char *arg, struct argp_state *state)
{
	struct lk_bench_options *options = state->input;

	switch (key) {
	case OPTION_SERVER:
		options->server = arg;
		break;
	case OPTION_CREDENTIAL_FILE:
		options->credential_file = arg;
		break;
	case OPTION_REALM:
		options->realm = arg;
		break;
	case OPTION_TRANSPORT:
		options->transport = arg;
		if (strcmp(arg, "tcp") != 0 && strcmp(arg, "ipc") != 0)
			argp_error(state, "--transport is tcp or ipc");
		break;
	case OPTION_ZIPF:
		options->is_zipf = true;
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	case OPTION_COMPARE:
		options->compare = true;
		break;
	case OPTION_CREDENTIAL:
		options->credential = arg;
		if (strcmp(arg, "key") != 0 && strcmp(arg, "session") != 0 &&
			strcmp(arg, "hs256") != 0 && strcmp(arg, "eddsa") != 0)
			argp_error(state, "--credential is key, session, hs256 or eddsa");
		break;
	case OPTION_FIRST:
		options->first = true;
		break;
	default:
		return parse_http(key, arg, state);
	}
	return 0;
}

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct lk_bench_options *options = state->input;

	switch (key) {
	case OPTION_KEYS:
		options->keys = count_of("keys", arg, 10000000, state);
		break;
	case OPTION_MISS:
		options->miss_percent = number_of("miss", arg, 100, state);
		break;
	case OPTION_IN_FLIGHT:
		options->in_flight = count_of("in-flight", arg, 65536, state);
		break;
	case OPTION_RATE:
		options->per_second = (double)count_of("rate", arg, 100000000, state);
		break;
	case OPTION_DURATION:
		options->duration_ms = count_of("duration", arg, 3600000, state);
		break;
	case OPTION_TIMES:
		options->times_capacity = (double)count_of("times", arg, 1000, state);
		break;
	case OPTION_ROUNDS:
		options->rounds = count_of("rounds", arg, 25, state);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	case ARGP_KEY_END:
		if (options->credential != NULL && options->server != NULL)
			argp_error(state, "--credential needs a daemon of the bench's own");
		if (options->credential != NULL && options->miss_percent > 0)
			argp_error(state, "--miss is of keys");
		if (options->times_capacity > 0 && options->per_second > 0)
			argp_error(state, "--times and --rate exclude each other");
		if (options->server != NULL && (options->realm == NULL || options->compare))
			argp_error(state, options->compare
						  ? "--compare measures a daemon of its own"
						  : "--server needs --realm");
		if (options->url == NULL && (options->key_file != NULL || options->uri != NULL))
			argp_error(state, "--key-file and --uri are for a --url");
		if (options->threads > options->connections)
			argp_error(state, "--threads must not be above --connections");
		break;
	default:
		return parse_target(key, arg, state);
	}
	return 0;
}

static const char verify_doc[] =
	"Verify API keys as fast as the server answers, check every verdict, and print rate and "
	"latencies.\vWithout --server, a latchkeyd from the bench's own directory runs on "
	"temporary data.\n\nExamples:\n  latchkey-bench verify --in-flight 256\n"
	"  latchkey-bench verify --rate 100000 --miss 10 --zipf\n"
	"  latchkey-bench verify --compare --json\n\n"
	"Exit codes: 0 measured; 1 a verdict was wrong, a call failed or nothing could be started; "
	"2 usage.";

static const char scale_doc[] = "Fill one daemon with many keys and another with 1,000; compare "
				"their verification rates in "
				"turn, and time the start with many keys.\vExample:\n"
				"  latchkey-bench scale --keys 1000000";

/* Of sign-in and refresh, which measure a daemon of the bench's own; the first are of sign-in
 * alone. */
#define OF_SIGN_IN_ALONE 2
static const struct argp_option people_options[] = {
	{ "times", OPTION_TIMES, "N", 0,
		"Storm: offer N times as many sign-ins as are possible, and show what becomes of "
		"verification meanwhile",
		0 },
	{ "rate", OPTION_RATE, "N", 0,
		"Open loop: start N sign-ins a second at fixed times, whatever the answers do", 0 },
	{ "in-flight", OPTION_IN_FLIGHT, "N", 0, "Calls outstanding at most", 1 },
	{ "duration", OPTION_DURATION, "MS", 0, "Length of a round in milliseconds", 1 },
	{ "rounds", OPTION_ROUNDS, "N", 0, "Rounds; the median is shown", 1 },
	{ "json", OPTION_JSON, NULL, 0, "Print an array of objects", 2 },
	{ 0 },
};

static const char sign_in_doc[] =
	"Sign people in with passwords of the product's default cost, and print rate and "
	"latencies. "
	"With --times, verification is measured in turn without and with a storm of "
	"sign-ins.\vExamples:\n  latchkey-bench sign-in\n"
	"  latchkey-bench sign-in --rate 100\n"
	"  latchkey-bench sign-in --times 20 --duration 20000 --rounds 3";

static const char refresh_doc[] =
	"Refresh sessions, each with its newest token, and print rate and "
	"latencies.\vExample:\n  latchkey-bench refresh --in-flight 64";

static const struct argp_option http_options[] = {
	{ "compare", OPTION_COMPARE, NULL, 0,
		"Run Debian's nginx, which answers everything with an empty 200, and verification "
		"in turn",
		0 },
	{ "url", OPTION_URL, "URL", 0,
		"Measure http://HOST:PORT/PATH instead of a daemon of the bench's own", 1 },
	{ "key-file", OPTION_KEY_FILE, "FILE", 0,
		"Keys for --url, one a line: KEY, KEY and the id that X-Latchkey-Key must name, or "
		"'KEY -' for one that must be refused; without, nothing is shown and 200 is due",
		1 },
	{ "uri", OPTION_URI, "PATH", 0, "X-Original-URI to ask --url about (/records/1)", 1 },
	{ "keys", OPTION_KEYS, "N", 0, "Keys to create and verify (1000)", 2 },
	{ "zipf", OPTION_ZIPF, NULL, 0, "Choose keys by Zipf's law (0.99) instead of uniformly",
		2 },
	{ "bad", OPTION_BAD, "PERCENT", 0,
		"Share of keys that must be refused, half of them unknown, half revoked (0)", 2 },
	{ "connections", OPTION_CONNECTIONS, "N", 0, "Connections, which are kept (64)", 2 },
	{ "pipeline", OPTION_PIPELINE, "N", 0, "Requests under way on each at most (1)", 2 },
	{ "threads", OPTION_THREADS, "N", 0, "Threads of the load (1)", 2 },
	{ "rate", OPTION_RATE, "N", 0,
		"Open loop: start N requests a second at fixed times, whatever the answers do", 2 },
	{ "duration", OPTION_DURATION, "MS", 0, "Length of a round in milliseconds (1000)", 2 },
	{ "rounds", OPTION_ROUNDS, "N", 0, "Rounds; the median is shown (5)", 2 },
	{ "json", OPTION_JSON, NULL, 0, "Print an array of objects", 3 },
	{ 0 },
};

static const char http_doc[] =
	"Verify API keys over HTTP as a proxy does, at /_latchkey/verify, check every verdict, and "
	"print rate and latencies.\vWithout --url, a latchkeyd from the bench's own directory runs "
	"on temporary data.\n\nExamples:\n  latchkey-bench http --compare\n"
	"  latchkey-bench http --rate 20000 --bad 10%\n"
	"  latchkey-bench http --url http://127.0.0.1:8082/_latchkey/verify --key-file keys "
	"--uri /api/v1/client";

struct command {
	const char *name;
	const struct argp_option *options;
	const char *doc;
	int (*run)(const struct lk_bench_options *options);
	struct lk_bench_options defaults;
};

static int run_verify(const struct lk_bench_options *options)
{
	return options->compare ? lk_bench_compare(options) : lk_bench_verify(options);
}

static const struct command commands[] = {
	{ "verify", verify_options, verify_doc, run_verify,
		{ .keys = 1000, .in_flight = 64, .duration_ms = 1000, .rounds = 5 } },
	{ "http", http_options, http_doc, lk_bench_http,
		{ .keys = 1000,
			.connections = 64,
			.pipeline = 1,
			.threads = 1,
			.duration_ms = 1000,
			.rounds = 5 } },
	{ "scale", verify_options + OF_VERIFY_ALONE, scale_doc, lk_bench_scale,
		{ .keys = 1000000, .in_flight = 256, .duration_ms = 1000, .rounds = 5 } },
	{ "sign-in", people_options, sign_in_doc, lk_bench_sign_in,
		{ .keys = 1000, .in_flight = 4, .duration_ms = 3000, .rounds = 3 } },
	{ "refresh", people_options + OF_SIGN_IN_ALONE, refresh_doc, lk_bench_refresh,
		{ .keys = 256, .in_flight = 64, .duration_ms = 1000, .rounds = 5 } },
};

static int run_command(int argc, char **argv, const struct command *command)
{
	struct lk_bench_options options = command->defaults;
	const struct argp argp = {
		.options = command->options, .parser = parse_load, .doc = command->doc
	};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	options.program = "/proc/self/exe";
	options.transport = "tcp";
	if (n > 0) {
		self[n] = '\0';
		options.program = self;
	}
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	return command->run(&options);
}

static void print_help(FILE *file)
{
	fprintf(file, "Usage: latchkey-bench COMMAND [OPTION...]\n\n"
		      "  verify   verification rate and latency; --compare: beside raw nng echo\n"
		      "  http     verification over HTTP; --compare: beside nginx\n"
		      "  scale    the same rate with a million keys as with a thousand\n"
		      "  sign-in  sign-ins; --times: what a storm of them does to verification\n"
		      "  refresh  refreshes of sessions\n\n"
		      "`latchkey-bench COMMAND --help` tells more.\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	char title[64];

	if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(name, "--version") == 0) {
		puts("latchkey-bench " LK_VERSION);
		return 0;
	}
	if (strcmp(name, "echo-server") == 0 && argc == 3)
		return lk_echo_serve(argv[2]);
	for (size_t i = 0; i < LK_COUNT(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		snprintf(title, sizeof title, "latchkey-bench %s", name);
		argv[1] = title;
		return run_command(argc - 1, argv + 1, &commands[i]);
	}
	if (*name != '\0')
		fprintf(stderr, "latchkey-bench: unknown command '%s'\n", name);
	print_help(stderr);
	return EXIT_USAGE;
}
