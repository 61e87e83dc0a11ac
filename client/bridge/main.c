/* SPDX-License-Identifier: MIT */
/* latchkey-bridge: the HTTP bridge as a program of its own, in front of a latchkeyd elsewhere. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "client/bridge/bridge.h"
#include "client/channel/channel.h"
#include "client/cli/secret.h"

#define EXIT_USAGE 2
#define EXIT_CONFIG 3
#define EXIT_ADDRESS 5

#define CONFIG_ARENA_MAX ((size_t)16 << 20)
#define CONFIG_ERRORS_MAX ((size_t)64 << 10)
#define DRAIN_MS 5000

/* Whoever asks is told so soon that the server is not there. */
#define CONNECT_MS 1000

struct arguments {
	const char *config;
	const char *server;
	const char *credential_file;
	bool check;
};

/* A configuration and its memory. */
struct loaded {
	struct lk_arena arena;
	struct lk_bridge_config config;
};

static const struct argp_option option_table[] = {
	{ "config", 'c', "FILE", 0, "Configuration (YAML), the one of latchkeyd; required", 0 },
	{ "server", 's', "URL", 0,
		"Where latchkeyd answers: tcp://HOST:PORT or ipc://PATH; required", 0 },
	{ "credential-file", 'k', "FILE", 0, "Service key to show there (not needed over ipc)", 0 },
	{ "check", 'n', NULL, 0, "Check the configuration and exit", 0 },
	{ "version", 'V', NULL, 0, "Print the version and exit", 0 },
	{ 0 },
};

static const char doc[] =
	"Serve REST surfaces and decisions for proxies over HTTP, for a latchkeyd elsewhere.\v"
	"Of the configuration it reads what concerns HTTP: `http` at the top and in each realm. "
	"Its "
	"service key needs the scopes auth.verify, auth.sign_in, keys.read, keys.manage and "
	"client.assert, in the realms that it serves. SIGHUP reads the configuration again and "
	"puts "
	"hosts, origins and routes into force; SIGTERM finishes the requests under way and "
	"exits.\n\n"
	"Example:\n"
	"  latchkey-bridge --config latchkeyd.yaml --server tcp://10.0.0.5:8070 \\\n"
	"    --credential-file bridge.key\n\n"
	"Exit codes: 0 stopped by a signal; 1 other failures; 2 usage; 3 the configuration has "
	"mistakes; 5 an address cannot be bound.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->config = arg;
		break;
	case 's':
		arguments->server = arg;
		break;
	case 'k':
		arguments->credential_file = arg;
		break;
	case 'n':
		arguments->check = true;
		break;
	case 'V':
		puts("latchkey-bridge " LK_VERSION);
		exit(EXIT_SUCCESS);
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	case ARGP_KEY_END:
		if (arguments->config == NULL)
			argp_error(state, "--config FILE is missing");
		if (arguments->server == NULL && !arguments->check)
			argp_error(state, "--server URL is missing");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void say(const char *what, const char *why)
{
	fprintf(stderr, "latchkey-bridge: %s%s%s\n", what, why != NULL ? ": " : "",
		why != NULL ? why : "");
}

static void on_trouble(void *arg, const char *what)
{
	(void)arg;
	say("http", what);
}

static lk_time_ms wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (lk_time_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NULL after a complaint. It is kept for good: requests look at it until the next one is read, and
 * those under way even then. */
static struct loaded *load(const char *path)
{
	struct loaded *loaded = lk_alloc(sizeof *loaded);
	struct lk_buf errors;
	bool is_good;

	if (loaded == NULL) {
		say("out of memory", NULL);
		return NULL;
	}
	lk_buf_init(&errors, CONFIG_ERRORS_MAX);
	lk_arena_init(&loaded->arena, CONFIG_ARENA_MAX);
	is_good =
		lk_bridge_config_load(path, &loaded->arena, &loaded->config, &errors).code == LK_OK;
	if (!is_good) {
		fprintf(stderr, "%.*s", (int)errors.n, errors.n > 0 ? (char *)errors.data : "");
		lk_arena_fini(&loaded->arena);
		lk_free(loaded);
	}
	lk_buf_fini(&errors);
	return is_good ? loaded : NULL;
}

/* Nothing of this process's memory is for others, and all descriptors are for connections. */
static void harden(void)
{
	struct rlimit none = { 0, 0 }, files;

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Taken by sigwait below, so every thread starts with them blocked. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void reload(struct lk_bridge *bridge, const char *path)
{
	struct loaded *loaded = load(path);

	if (loaded == NULL)
		say("reload failed", "the old configuration stays");
	else if (lk_bridge_reload(bridge, &loaded->config).code != LK_OK)
		say("reload failed", "out of memory");
	else
		say("reloaded", path);
}

static void serve(struct lk_bridge *bridge, const sigset_t *signals, const char *path)
{
	int number = 0;

	say("ready", NULL);
	while (number != SIGTERM && number != SIGINT) {
		if (sigwait(signals, &number) == 0 && number == SIGHUP)
			reload(bridge, path);
	}
	if (!lk_bridge_drain(bridge, DRAIN_MS))
		say("stopping", "requests were cut off");
}

static struct lk_status open_channel(
	const struct arguments *arguments, struct lk_channel **channel_out)
{
	struct lk_channel_options options = { .url = arguments->server,
		.connect_timeout_ms = CONNECT_MS };
	struct lk_arena arena;
	struct lk_status st = LK_SUCCESS;
	const char *why = NULL;

	lk_arena_init(&arena, LK_SECRET_MAX * 2);
	if (arguments->credential_file != NULL)
		why = lk_secret_read(arguments->credential_file, NULL, LK_SECRET_TOKEN, &arena,
			&options.credential);
	st = why != NULL ? LK_BAD_FIELD("--credential-file", why)
			 : lk_channel_open(&options, channel_out);
	lk_arena_fini(&arena);
	return st;
}

static int run(const struct arguments *arguments, const struct loaded *loaded)
{
	struct lk_bridge_options options = {
		.config = &loaded->config, .now = wall_clock, .on_trouble = on_trouble
	};
	struct lk_bridge *bridge;
	struct lk_status st;
	sigset_t signals;

	if (!lk_bridge_is_configured(&loaded->config)) {
		say(arguments->config, "no HTTP address is configured");
		return EXIT_CONFIG;
	}
	block_signals(&signals);
	st = open_channel(arguments, &options.channel);
	if (st.code != LK_OK) {
		say(st.field != NULL ? st.field : "--server", st.why);
		return EXIT_USAGE;
	}
	st = lk_bridge_start(&options, &bridge);
	if (st.code == LK_OK) {
		serve(bridge, &signals, arguments->config);
		lk_channel_close(options.channel); /* answers what is under way */
		lk_bridge_stop(bridge);
		return EXIT_SUCCESS;
	}
	say(st.field != NULL ? st.field : "http", st.why);
	lk_channel_close(options.channel);
	return st.code == LK_RESOURCE_EXHAUSTED ? EXIT_FAILURE : EXIT_ADDRESS;
}

int main(int argc, char **argv)
{
	const struct argp argp = { .options = option_table, .parser = parse_option, .doc = doc };
	struct arguments arguments = { 0 };
	struct loaded *loaded;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	loaded = load(arguments.config);
	if (loaded == NULL)
		return EXIT_CONFIG;
	if (arguments.check)
		return EXIT_SUCCESS;
	harden();
	return run(&arguments, loaded);
}
