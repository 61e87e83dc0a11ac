/* SPDX-License-Identifier: MIT */
#include "bench/target.h"

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/spawn.h"
#include "bench/watch.h"
#include "client/channel/channel.h"
#include "latchkey/v1/health.rpc.h"
#include "latchkey/v1/key.rpc.h"

#define READY_MS 60000

/* Of realms whose passwords are only a way to sessions. */
#define CHEAP ", passwords: { argon2_memory_kib: 64, argon2_passes: 1 } "

/* What the realm `bench` has of HTTP: one rule, for the request that the bench asks about. As many
 * loops as a rival gets workers. */
static void print_http(const struct lk_target *target, FILE *file)
{
	if (target->http_port == 0) {
		fputs("realms:\n  bench:\n", file);
		return;
	}
	fprintf(file,
		"http: { trusted_proxies: [127.0.0.1], loops: %u }\n"
		"realms:\n"
		"  bench:\n"
		"    routes:\n"
		"      - { path: /records/*, methods: [GET], permissions: [records.read] }\n"
		"    http:\n"
		"      listen: [\"127.0.0.1:%u\"]\n",
		lk_spawn_cpus(), target->http_port);
}

static bool write_config(const struct lk_target *target)
{
	char path[LK_TARGET_URL_MAX];
	FILE *file;

	snprintf(path, sizeof path, "%s/bench.yaml", target->directory);
	file = fopen(path, "we");
	if (file == NULL)
		return false;
	fprintf(file,
		"data_dir: %s/data\n"
		"listen:\n  operator: %s\n  rpc: [\"%s\"]\n"
		"store: { reserve_mib: 1 }\n"
		"log: { level: warn }\n",
		target->directory, target->ipc_url, target->tcp_url);
	print_http(target, file);
	fputs("    permissions: [records.read, records.write]\n"
	      "    keys_per_owner_max: 10000\n"
	      "  people: {}\n"
	      "  opaque: { sessions: { token: opaque, per_user_max: 1000 }" CHEAP "}\n"
	      "  hs256: { sessions: { token: HS256, per_user_max: 1000 }" CHEAP "}\n"
	      "  eddsa: { sessions: { token: EdDSA, per_user_max: 1000 }" CHEAP "}\n"
	      "  strict: { sessions: { token: HS256, per_user_max: 1000, refresh_replay_window: "
	      "0s }" CHEAP "}\n"
	      "  cheap: { sessions: { token: HS256, per_user_max: 1000, refresh_replay_window: "
	      "3s }" CHEAP "}\n",
		file);
	return fclose(file) == 0;
}

static void show_log(const struct lk_target *target)
{
	char path[LK_TARGET_URL_MAX], line[512];
	FILE *file;

	snprintf(path, sizeof path, "%s/latchkeyd.log", target->directory);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		fputs(line, stderr);
	if (file != NULL)
		fclose(file);
}

/* Waits until the daemon answers on its operator socket. */
static struct lk_status wait_ready(const struct lk_target *target)
{
	const struct lk_channel_options options = { .url = target->ipc_url };
	const struct lk_call_options call = { .timeout_ms = READY_MS };
	lk_health_check_request request = LK_HEALTH_CHECK_REQUEST_INIT;
	lk_health_check_response *response;
	struct lk_channel *channel;
	struct lk_arena arena;
	struct lk_status st;

	st = lk_channel_open(&options, &channel);
	if (st.code != LK_OK)
		return st;
	lk_arena_init(&arena, 65536);
	st = lk_health_service_check(channel, &call, &request, &arena, &response);
	lk_arena_fini(&arena);
	lk_channel_close(channel);
	return st.code == LK_OK ? st : LK_ERR(LK_UNAVAILABLE, "latchkeyd did not start");
}

static struct lk_status start_daemon(struct lk_target *target, const char *program)
{
	char self[PATH_MAX], daemon[PATH_MAX], config[LK_TARGET_URL_MAX], log[LK_TARGET_URL_MAX];
	const char *const argv[] = { "latchkeyd", "--config", config, NULL };
	struct lk_status st;

	snprintf(self, sizeof self, "%s", program);
	if (snprintf(daemon, sizeof daemon, "%s/latchkeyd", dirname(self)) >= (int)sizeof daemon)
		return LK_ERR(LK_UNAVAILABLE, "the program's path is too long");
	snprintf(config, sizeof config, "%s/bench.yaml", target->directory);
	snprintf(log, sizeof log, "%s/latchkeyd.log", target->directory);
	target->daemon = lk_spawn(daemon, argv, log);
	if (target->daemon == 0)
		return LK_ERR(
			LK_UNAVAILABLE, "latchkeyd cannot be run; it belongs beside the bench");
	st = wait_ready(target);
	if (st.code != LK_OK)
		show_log(target);
	return st;
}

/* Over the operator socket, as the daemon's owner would. */
static struct lk_status make_service_key(struct lk_target *target)
{
	char *scopes[] = { (char[]) { "auth.*" }, (char[]) { "keys.*" }, (char[]) { "users.*" },
		(char[]) { "client.assert" } };
	char *realms[] = { (char[]) { "*" } };
	const struct lk_channel_options options = { .url = target->ipc_url };
	lk_create_key_request request = LK_CREATE_KEY_REQUEST_INIT;
	lk_create_key_response *response;
	struct lk_channel *channel;
	struct lk_arena arena;
	struct lk_status st;

	st = lk_channel_open(&options, &channel);
	if (st.code != LK_OK)
		return st;
	request.realm = (char[]) { "latchkey" };
	request.name = (char[]) { "latchkey-bench" };
	request.n_scopes = LK_COUNT(scopes);
	request.scopes = scopes;
	request.n_realms = LK_COUNT(realms);
	request.realms = realms;
	lk_arena_init(&arena, 65536);
	st = lk_key_service_create_key(channel, NULL, &request, &arena, &response);
	if (st.code == LK_OK)
		snprintf(target->credential, sizeof target->credential, "%s", response->secret);
	else
		fprintf(stderr, "latchkey-bench: service key: %s\n", st.why);
	lk_arena_fini(&arena);
	lk_channel_close(channel);
	return st.code == LK_OK ? st : LK_ERR(st.code, "the bench's service key was refused");
}

static struct lk_status start_target(
	struct lk_target *target, const char *program, unsigned http_port)
{
	struct lk_status st;

	*target = (struct lk_target) { .realm = "bench", .http_port = http_port };
	snprintf(target->directory, sizeof target->directory, "/tmp/latchkey-bench-XXXXXX");
	if (mkdtemp(target->directory) == NULL) {
		target->directory[0] = '\0';
		return LK_ERR(LK_UNAVAILABLE, "no temporary directory can be made");
	}
	snprintf(target->ipc_url, sizeof target->ipc_url, "ipc://%s/run/rpc.sock",
		target->directory);
	snprintf(target->tcp_url, sizeof target->tcp_url, "tcp://127.0.0.1:%u", lk_free_port());
	if (!write_config(target))
		return LK_ERR(LK_UNAVAILABLE, "the daemon's configuration cannot be written");
	st = start_daemon(target, program);
	return st.code == LK_OK ? make_service_key(target) : st;
}

struct lk_status lk_target_start(struct lk_target *target, const char *program)
{
	return start_target(target, program, 0);
}

struct lk_status lk_target_start_http(struct lk_target *target, const char *program)
{
	return start_target(target, program, lk_free_port());
}

struct lk_status lk_target_restart(
	struct lk_target *target, const char *program, double *ready_s_out)
{
	struct lk_status st;
	uint64_t start_ns;

	lk_spawn_stop(target->daemon);
	start_ns = lk_watch_ns();
	st = start_daemon(target, program);
	*ready_s_out = (double)(lk_watch_ns() - start_ns) / 1e9;
	return st;
}

void lk_target_kill(struct lk_target *target)
{
	kill(target->daemon, SIGKILL);
	waitpid(target->daemon, NULL, 0);
	target->daemon = 0;
}

static bool read_credential(const char *path, char *credential, size_t room)
{
	FILE *file = fopen(path, "re");
	bool is_read = file != NULL && fgets(credential, (int)room, file) != NULL;

	if (file != NULL)
		fclose(file);
	if (is_read)
		credential[strcspn(credential, "\r\n")] = '\0';
	return is_read && credential[0] != '\0';
}

struct lk_status lk_target_use(
	struct lk_target *target, const char *url, const char *credential_file, const char *realm)
{
	bool is_tcp = strncmp(url, "tcp://", 6) == 0;

	*target = (struct lk_target) { 0 };
	if (!is_tcp && strncmp(url, "ipc://", 6) != 0)
		return LK_BAD_FIELD("--server", "must start with tcp:// or ipc://");
	if (credential_file != NULL &&
		!read_credential(credential_file, target->credential, sizeof target->credential))
		return LK_BAD_FIELD("--credential-file", "has no service key in its first line");
	snprintf(is_tcp ? target->tcp_url : target->ipc_url, LK_TARGET_URL_MAX, "%s", url);
	snprintf(target->realm, sizeof target->realm, "%s", realm);
	return LK_SUCCESS;
}

void lk_target_stop(struct lk_target *target)
{
	lk_spawn_stop(target->daemon);
	if (target->directory[0] != '\0')
		lk_remove_tree(target->directory);
	lk_wipe(target, sizeof *target);
}

uint64_t lk_target_resident(const struct lk_target *target)
{
	unsigned long pages, shared;
	char path[64];
	FILE *file;

	if (target->daemon == 0)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)target->daemon);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	/* Tables that the store maps are the page cache's, not ours. */
	if (fscanf(file, "%*u %lu %lu", &pages, &shared) != 2)
		pages = shared = 0;
	fclose(file);
	return (uint64_t)(pages - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}
