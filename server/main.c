/* SPDX-License-Identifier: MIT */
/* latchkeyd: reads its configuration, opens everything, and then waits for signals. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/daemon.h"
#include "server/log.h"

#define EXIT_USAGE 2
#define EXIT_CONFIG 3
#define EXIT_DATA 4
#define EXIT_ADDRESS 5

#define CONFIG_ARENA_MAX ((size_t)16 << 20)
#define CONFIG_ERRORS_MAX ((size_t)64 << 10)
#define DRAIN_MS 5000

/* A crash forgets no more than this of failed sign-ins. */
#define COUNTERS_FLUSH_US UINT64_C(1000000)

struct arguments {
	const char *config;
	bool check;
};

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "Configuration (YAML); required", 0 },
	{ "check", 'n', NULL, 0, "Check the configuration and exit", 0 },
	{ "version", 'V', NULL, 0, "Print the version and exit", 0 },
	{ 0 },
};

static const char doc[] =
	"Serve API keys and sessions: issue, verify, rotate, revoke, sign in and out.\v"
	"SIGHUP reads the configuration again and puts its realms into force; with a mistake in it "
	"the old one stays. SIGTERM finishes the calls under way and exits.\n\n"
	"Example:\n  latchkeyd --config examples/demo.yaml\n\n"
	"Exit codes: 0 stopped by a signal; 1 other failures; 2 usage; 3 the configuration has "
	"mistakes; 4 the data directory cannot be used; 5 an address cannot be bound.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->config = arg;
		break;
	case 'n':
		arguments->check = true;
		break;
	case 'V':
		puts("latchkeyd " LK_VERSION);
		exit(EXIT_SUCCESS);
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	case ARGP_KEY_END:
		if (arguments->config == NULL)
			argp_error(state, "--config FILE is missing");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static struct lk_status load_config(
	const char *path, struct lk_arena *arena, struct lk_config *config_out)
{
	struct lk_buf errors;
	struct lk_status st;

	lk_buf_init(&errors, CONFIG_ERRORS_MAX);
	lk_arena_init(arena, CONFIG_ARENA_MAX);
	st = lk_config_load(path, arena, config_out, &errors);
	if (st.code != LK_OK)
		fprintf(stderr, "%s", errors.n > 0 ? (const char *)errors.data : "out of memory\n");
	lk_buf_fini(&errors);
	return st;
}

static void configure_log(const struct lk_config *config)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	int level = LK_LOG_INFO;

	for (int i = 0; i < (int)LK_COUNT(levels); i++)
		if (strcmp(levels[i], config->log_level) == 0)
			level = i;
	lk_log_configure((enum lk_log_level)level,
		strcmp(config->log_format, "json") == 0 ? LK_LOG_JSON_FORMAT : LK_LOG_TEXT_FORMAT);
}

/* Nothing of this process's memory is for others: no core dumps, no ptrace, no readable files. */
static void harden(void)
{
	struct rlimit none = { 0, 0 }, files;

	umask(077);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Signals are taken by sigtimedwait below, so every thread starts with them blocked. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* What was read and taken into force is kept for good: a request that began before the next reload
 * may still look at it. */
static void reload(struct lk_daemon *daemon, const char *path)
{
	struct loaded {
		struct lk_arena arena;
		struct lk_config config;
	} *loaded = lk_alloc(sizeof *loaded);
	struct lk_status st = LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");

	if (loaded != NULL)
		st = load_config(path, &loaded->arena, &loaded->config);
	if (st.code == LK_OK)
		st = lk_daemon_reload(daemon, &loaded->config);
	if (st.code == LK_OK) {
		configure_log(&loaded->config);
		lk_log(LK_LOG_INFO, "reloaded", LK_LOG_TEXT("config", path),
			LK_LOG_NUMBER("realms", loaded->config.n_realms));
		return;
	}
	lk_log(LK_LOG_ERROR, "reload failed", LK_LOG_TEXT("config", path),
		LK_LOG_TEXT("why", st.why), LK_LOG_TEXT("field", st.field != NULL ? st.field : ""));
	if (loaded != NULL)
		lk_arena_fini(&loaded->arena);
	lk_free(loaded);
}

/* The main thread's whole life: periodic work, and signals. */
static void serve(struct lk_daemon *daemon, const sigset_t *signals, const char *path)
{
	const struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	uint64_t flushed_us = lk_clock_mono_us(), counters_us = flushed_us, swept_us = 0;

	for (;;) {
		int signal_number = sigtimedwait(signals, NULL, &tick);
		uint64_t now_us = lk_clock_mono_us();

		if (signal_number == SIGTERM || signal_number == SIGINT) {
			lk_log(LK_LOG_INFO, "stopping", LK_LOG_NUMBER("signal", signal_number));
			return;
		}
		if (signal_number == SIGHUP)
			reload(daemon, path);
		lk_daemon_observe(daemon);
		if (now_us - flushed_us >= daemon->config->usage_flush_ms * UINT64_C(1000)) {
			lk_daemon_flush_usage(daemon);
			flushed_us = now_us;
		}
		if (now_us - counters_us >= COUNTERS_FLUSH_US) {
			lk_daemon_flush_counters(daemon);
			counters_us = now_us;
		}
		if (now_us - swept_us >= daemon->config->sweep_ms * UINT64_C(1000)) {
			lk_daemon_sweep(daemon);
			swept_us = now_us;
		}
	}
}

/* The same codes come from the data directory and, once there is a server, from its addresses. */
static int exit_code_of(const struct lk_daemon *daemon, enum lk_code code)
{
	if (code == LK_RESOURCE_EXHAUSTED || code == LK_INTERNAL)
		return EXIT_FAILURE;
	if (code == LK_INVALID_ARGUMENT)
		return EXIT_CONFIG;
	return daemon->server != NULL ? EXIT_ADDRESS : EXIT_DATA;
}

int main(int argc, char **argv)
{
	const struct argp argp = { .options = options, .parser = parse_option, .doc = doc };
	struct arguments arguments = { 0 };
	struct lk_daemon daemon;
	struct lk_config config;
	struct lk_arena arena;
	struct lk_status st;
	sigset_t signals;
	int code;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (load_config(arguments.config, &arena, &config).code != LK_OK)
		return EXIT_CONFIG;
	if (arguments.check) {
		lk_arena_fini(&arena);
		return EXIT_SUCCESS;
	}
	configure_log(&config);
	harden();
	block_signals(&signals);
	lk_log(LK_LOG_INFO, "starting", LK_LOG_TEXT("version", LK_VERSION),
		LK_LOG_TEXT("data_dir", config.data_dir));
	st = lk_daemon_open(&daemon, &config);
	if (st.code == LK_OK) {
		lk_log(LK_LOG_INFO, "ready", LK_LOG_NUMBER("realms", config.n_realms));
		serve(&daemon, &signals, arguments.config);
	}
	code = st.code == LK_OK ? EXIT_SUCCESS : exit_code_of(&daemon, st.code);
	lk_daemon_close(&daemon, DRAIN_MS);
	/* Without exit handlers: nng's threads still run. */
	_exit(code);
}
