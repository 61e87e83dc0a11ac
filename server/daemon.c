/* SPDX-License-Identifier: MIT */
#include "server/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/channel/channel.h"
#include "latchkey/v1/health.rpc.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/core/sweep.h"
#include "server/rpc/descriptors.h"
#include "server/rpc/direct.h"
#include "server/rpc/external.h"
#include "server/store/store_leveldb.h"
#include "server/store/sweeper.h"

#define PATH_SIZE LK_DAEMON_PATH_SIZE

/* Tokens whose signature is known to be good: about 8 MiB. */
#define PROOFS_N 65536

#define KEYRING_ARENA_MAX ((size_t)256 * 1024)

/* How far the threads that hash passwords stand back behind all others. */
#define HASH_NICE 10

/* Frames of the bridge under way: more than its channel has slots, so that no lane takes the place
 * of another. */
#define BRIDGE_FRAMES_MAX 128

/* Lines about refused calls in a second. It takes no key to be refused, a hundred times a frame, so
 * anybody could fill the disk otherwise. */
#define REFUSALS_LOGGED_MAX 50

/* A failure of one part, told once, where it happened. */
static struct lk_status report(struct lk_status st, const char *part)
{
	if (st.code != LK_OK)
		lk_log(LK_LOG_ERROR, "start failed", LK_LOG_TEXT("part", part),
			LK_LOG_TEXT("code", lk_code_name(st.code)), LK_LOG_TEXT("why", st.why),
			LK_LOG_TEXT("field", st.field != NULL ? st.field : ""));
	return st;
}

static void path_of(char path[PATH_SIZE], const struct lk_config *config, const char *name)
{
	snprintf(path, PATH_SIZE, "%s/%s", config->data_dir, name);
}

static struct lk_status refuse_data_dir(const char *path, const char *why)
{
	lk_log(LK_LOG_ERROR, "data directory", LK_LOG_TEXT("path", path), LK_LOG_TEXT("why", why));
	return LK_ERR(LK_FAILED_PRECONDITION, "the data directory cannot be used");
}

/* Makes the directory, and its parents as `mkdir -p` does. It holds what proves every key, so it
 * is for nobody but us. */
static struct lk_status make_data_dir(const struct lk_config *config)
{
	struct stat stat_buf;
	char path[PATH_SIZE];

	snprintf(path, sizeof path, "%s/", config->data_dir);
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, slash[1] == '\0' ? 0700 : 0755) != 0 && errno != EEXIST)
			return refuse_data_dir(path, strerror(errno));
		*slash = '/';
	}
	if (stat(path, &stat_buf) != 0)
		return refuse_data_dir(path, strerror(errno));
	if (stat_buf.st_uid != geteuid() || (stat_buf.st_mode & 077) != 0)
		return refuse_data_dir(path, "it must be ours and closed to others (mode 0700)");
	return LK_SUCCESS;
}

static bool is_missing(const char *path)
{
	struct stat stat_buf;

	return stat(path, &stat_buf) != 0 && errno == ENOENT;
}

/* The pepper is made once, before the store: digests without their pepper are worthless. */
static struct lk_status open_peppers(struct lk_daemon *daemon)
{
	char pepper[PATH_SIZE], store[PATH_SIZE];

	path_of(pepper, daemon->config, "pepper");
	path_of(store, daemon->config, "store");
	if (is_missing(pepper) && is_missing(store)) {
		LK_TRY(lk_peppers_create(pepper));
		lk_log(LK_LOG_INFO, "pepper created", LK_LOG_TEXT("path", pepper));
	}
	return lk_peppers_load(pepper, &daemon->peppers);
}

static lk_time_ms now_of(void *arg)
{
	(void)arg;
	return lk_clock_now();
}

static void report_store(void *arg, const char *what)
{
	(void)arg;
	lk_log(LK_LOG_ERROR, "store", LK_LOG_TEXT("what", what));
}

static struct lk_status open_store(struct lk_daemon *daemon)
{
	const struct lk_store_leveldb_options options = {
		.path = daemon->store_path,
		.create = true,
		.change_log_max = daemon->config->change_log_max,
		.change_log_age_ms = daemon->config->change_log_age_ms,
		.reserve_size = (size_t)daemon->config->reserve_mib << 20,
		.now = now_of,
		.report = report_store,
	};

	path_of(daemon->store_path, daemon->config, "store");
	return lk_store_leveldb_open(&options, &daemon->store);
}

/* What issuers sign with. A file has to be there and right; a URL is asked later. */
static struct lk_status find_keys(struct lk_key_sources *sources, struct lk_config_realm *realm)
{
	for (size_t i = 0; i < realm->n_issuers; i++) {
		struct lk_issuer_spec *issuer = &realm->issuers[i];

		if (issuer->jwks == NULL)
			continue;
		LK_TRY(lk_key_sources_get(sources, issuer->jwks, &issuer->keys));
		if (!lk_jwks_is_url(issuer->jwks))
			LK_TRY(lk_jwks_read_file(issuer->keys));
	}
	return LK_SUCCESS;
}

static struct lk_status make_realms(struct lk_daemon *daemon, const struct lk_config *config,
	struct lk_realms *previous, struct lk_realms **realms_out)
{
	struct lk_session_policy *sessions = lk_alloc((config->n_realms + 1) * sizeof *sessions);
	struct lk_realm_spec *specs = lk_alloc((config->n_realms + 1) * sizeof *specs);
	struct lk_status st = LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");

	if (specs == NULL || sessions == NULL)
		goto out;
	st = LK_SUCCESS;
	for (size_t i = 0; i < config->n_realms && st.code == LK_OK; i++) {
		st = find_keys(daemon->key_sources, &config->realms[i]);
		lk_config_realm_spec(&config->realms[i], &sessions[i], &specs[i]);
	}
	if (st.code != LK_OK)
		goto out;
	st = lk_realms_new(specs, config->n_realms, previous, realms_out);
out:
	lk_free(specs);
	lk_free(sessions);
	return st;
}

static struct lk_status load_index(struct lk_daemon *daemon)
{
	uint64_t start_us = lk_clock_mono_us();
	struct lk_index_stats stats;

	LK_TRY(lk_index_new(daemon->realms, &daemon->peppers, &daemon->index));
	LK_TRY(lk_index_load(daemon->index, daemon->store));
	stats = lk_index_stats(daemon->index);
	lk_log(LK_LOG_INFO, "index loaded", LK_LOG_NUMBER("keys", stats.keys),
		LK_LOG_NUMBER("sessions", stats.sessions), LK_LOG_NUMBER("bytes", stats.bytes),
		LK_LOG_NUMBER("unreadable", stats.unreadable),
		LK_LOG_NUMBER("ms", (lk_clock_mono_us() - start_us) / 1000));
	return LK_SUCCESS;
}

static void on_commit(void *arg, uint64_t seq)
{
	struct lk_daemon *daemon = arg;
	struct lk_status st = lk_index_catch_up(daemon->index, daemon->store, seq);

	/* The index denies what it could not apply, and tries again with the next commit. */
	if (st.code != LK_OK)
		lk_log(LK_LOG_ERROR, "index behind", LK_LOG_NUMBER("seq", seq),
			LK_LOG_TEXT("why", st.why));
}

struct ensuring {
	const struct lk_daemon *daemon;
	const struct lk_realm *realm;
};

static struct lk_status ensure_key(void *arg, struct lk_txn *txn)
{
	const struct ensuring *ensuring = arg;
	struct lk_arena arena;
	const struct lk_core_call call = {
		.realms = ensuring->daemon->realms,
		.realm = ensuring->realm,
		.peppers = &ensuring->daemon->peppers,
		.arena = &arena,
		.now = lk_clock_now(),
	};
	struct lk_status st;

	lk_arena_init(&arena, KEYRING_ARENA_MAX);
	st = lk_keyring_ensure(&call, txn);
	lk_arena_fini(&arena);
	return st;
}

/* Each realm whose access tokens are signed has a key to sign with. */
static struct lk_status make_signing_keys(struct lk_daemon *daemon)
{
	for (unsigned i = 1; lk_realms_at(daemon->realms, i) != NULL; i++) {
		struct ensuring ensuring = { daemon, lk_realms_at(daemon->realms, i) };

		if (ensuring.realm->is_open)
			LK_TRY(lk_committer_run(daemon->committer, ensure_key, &ensuring));
	}
	return LK_SUCCESS;
}

static struct lk_status open_core(struct lk_daemon *daemon)
{
	const struct lk_committer_options options = {
		.store = daemon->store,
		.on_commit = on_commit,
		.arg = daemon,
	};

	LK_TRY(lk_committer_start(&options, &daemon->committer));
	LK_TRY(lk_usage_new(&daemon->usage));
	LK_TRY(lk_proofs_new(PROOFS_N, &daemon->proofs));
	LK_TRY(lk_guesses_new(&daemon->peppers, &daemon->guesses));
	LK_TRY(lk_counters_load(lk_guesses_counters(daemon->guesses), daemon->store));
	LK_TRY(lk_counters_new(lk_row_of_limit, &daemon->limits));
	LK_TRY(lk_counters_load(daemon->limits, daemon->store));
	daemon->limiter = (struct lk_limiter) { &daemon->peppers, daemon->limits };
	LK_TRY(make_signing_keys(daemon));
	daemon->services = (struct lk_services) {
		.verifier = {
			.index = daemon->index,
			.peppers = &daemon->peppers,
			.usage = daemon->usage,
			.proofs = daemon->proofs,
			.prove_external = lk_external_prove,
			.limiter = &daemon->limiter,
		},
		.index = daemon->index,
		.store = daemon->store,
		.committer = daemon->committer,
		.peppers = &daemon->peppers,
		.guesses = daemon->guesses,
		.descriptor_set = lk_descriptor_set(),
	};
	daemon->authorizer = lk_services_authorizer(&daemon->services);
	lk_services_bind(&daemon->services);
	return LK_SUCCESS;
}

/* The first refusal of a second tells how many the second before left out. */
static bool may_log_refusal(struct lk_daemon *daemon)
{
	uint64_t second = lk_clock_mono_us() / 1000000;
	uint64_t before = atomic_load(&daemon->refusals_second);

	if (before != second &&
		atomic_compare_exchange_strong(&daemon->refusals_second, &before, second)) {
		uint64_t n = atomic_exchange(&daemon->refusals, 0);

		if (n > REFUSALS_LOGGED_MAX)
			lk_log(LK_LOG_WARN, "refusals not logged",
				LK_LOG_NUMBER("n", n - REFUSALS_LOGGED_MAX));
	}
	return atomic_fetch_add(&daemon->refusals, 1) < REFUSALS_LOGGED_MAX;
}

/* Denials of Authenticate are verdicts, not refusals: they are not logged one by one. */
static void log_refusal(struct lk_daemon *daemon, const struct lk_call_outcome *outcome)
{
	if (outcome->status.code != LK_PERMISSION_DENIED &&
		outcome->status.code != LK_UNAUTHENTICATED)
		return;
	if (!may_log_refusal(daemon))
		return;
	lk_log(LK_LOG_WARN, "call refused",
		LK_LOG_TEXT("method", outcome->method != NULL ? outcome->method->name : "?"),
		LK_LOG_TEXT("caller", outcome->caller == NULL        ? ""
				      : outcome->caller->is_operator ? "operator"
								     : outcome->caller->key_id),
		LK_LOG_TEXT("code", lk_code_name(outcome->status.code)),
		LK_LOG_TEXT("traceparent", outcome->traceparent));
}

static void on_call(void *arg, const struct lk_call_outcome *outcome)
{
	struct lk_daemon *daemon = arg;

	lk_metrics_count(&daemon->metrics, outcome);
	log_refusal(daemon, outcome);
}

static struct lk_status open_server(struct lk_daemon *daemon)
{
	const struct lk_config *config = daemon->config;
	const struct lk_server_options options = {
		.bindings = daemon->services.bindings,
		.n_bindings = LK_SERVICES_N,
		.authorizer = &daemon->authorizer,
		.committer = daemon->committer,
		.peppers = &daemon->peppers,
		.lanes = {
			[LK_LANE_READ] = { config->read.workers, config->read.queue, 0 },
			[LK_LANE_CRYPTO] = { config->crypto.workers, config->crypto.queue, 0 },
			[LK_LANE_HASH] = { config->hash.workers, config->hash.queue, HASH_NICE },
			[LK_LANE_WRITE] = { .queue = 64 },
		},
		.now = lk_clock_now,
		.mono_us = lk_clock_mono_us,
		.on_call = on_call,
		.arg = daemon,
	};

	LK_TRY(lk_server_new(&options, &daemon->server));
	daemon->services.server = daemon->server;
	return LK_SUCCESS;
}

static void report_trouble(void *arg, const char *url, const char *what)
{
	(void)arg;
	lk_log(LK_LOG_WARN, "listener", LK_LOG_TEXT("url", url), LK_LOG_TEXT("what", what));
}

/* The frame that the self-check sends: HealthService.Check without a credential. */
static void make_probe(struct lk_buf *probe)
{
	const struct lk_frame_head head = { .lane = LK_LANE_FAST, .n_calls = 1 };
	const struct lk_frame_call call = {
		.method = lk_health_service_methods[0].number,
		.remaining_ms = 1000,
	};

	lk_buf_init(probe, LK_REQUEST_FRAME_MAX);
	lk_frame_put_head(probe, &head);
	(void)lk_frame_put_call(probe, &call);
}

static struct lk_status open_net(struct lk_daemon *daemon)
{
	const struct lk_config *config = daemon->config;
	struct lk_net_address addresses[LK_CONFIG_LISTENERS_MAX + 1];
	struct lk_net_options options = {
		.server = daemon->server,
		.addresses = addresses,
		.n_addresses = config->n_listen + 1,
		.pipes_max = config->connections_max,
		.pipes_per_address_max = config->connections_per_address_max,
		.on_trouble = report_trouble,
	};
	struct lk_buf probe;
	struct lk_status st;

	addresses[0] = (struct lk_net_address) { .url = config->operator_url, .is_operator = true };
	for (size_t i = 0; i < config->n_listen; i++)
		addresses[i + 1] = (struct lk_net_address) {
			.url = config->listen[i],
			.plaintext_ok = config->plaintext_ok,
		};
	make_probe(&probe);
	options.probe = (struct lk_bytes) { probe.data, probe.n };
	st = probe.failed ? LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory")
			  : lk_net_start(&options, &daemon->net);
	lk_buf_fini(&probe);
	for (size_t i = 0; st.code == LK_OK && i < options.n_addresses; i++)
		lk_log(LK_LOG_INFO, "listening", LK_LOG_TEXT("url", addresses[i].url));
	return st;
}

/* The bridge calls like a service, with a service's rights in all realms, but needs no key. */
static struct lk_caller bridge_caller(const struct lk_daemon *daemon)
{
	struct lk_caller caller = { .may_assert = true, .key_id = "bridge" };
	const struct lk_authorizer *authorizer = &daemon->authorizer;

	for (const char *const *scope = lk_bridge_scopes; *scope != NULL; scope++)
		caller.rights.scopes |= UINT64_C(1) << authorizer->scope(authorizer->arg, *scope);
	memset(caller.rights.realms, 0xff, sizeof caller.rights.realms);
	caller.rights.realms[0] &= ~UINT64_C(1); /* but the services' own */
	return caller;
}

static void report_bridge(void *arg, const char *what)
{
	(void)arg;
	lk_log(LK_LOG_WARN, "http", LK_LOG_TEXT("what", what));
}

static void print_metrics(void *arg, struct lk_buf *out)
{
	const struct lk_daemon *daemon = arg;

	lk_metrics_print(&daemon->metrics, &daemon->services, out);
}

static struct lk_status open_bridge(struct lk_daemon *daemon)
{
	const struct lk_caller caller = bridge_caller(daemon);
	struct lk_inproc_options channel = { .submit = lk_local_submit };
	struct lk_channel *frames;
	struct lk_bridge_options options = {
		.config = &daemon->config->http,
		.now = lk_clock_now,
		.metrics = print_metrics,
		.on_trouble = report_bridge,
		.arg = daemon,
	};

	if (!lk_bridge_is_configured(options.config))
		return LK_SUCCESS;
	LK_TRY(lk_local_new(daemon->server, &caller, BRIDGE_FRAMES_MAX, &daemon->local));
	channel.submit_arg = daemon->local;
	LK_TRY(lk_channel_open_inproc(&channel, &frames));
	LK_TRY(lk_direct_open(daemon->server, &caller, frames, &daemon->channel));
	options.channel = daemon->channel;
	lk_daemon_observe(daemon);
	return lk_bridge_start(&options, &daemon->bridge);
}

struct lk_status lk_daemon_open(struct lk_daemon *daemon, const struct lk_config *config)
{
	*daemon = (struct lk_daemon) { .config = config };
	LK_TRY(report(lk_crypto_init(), "crypto"));
	LK_TRY(report(make_data_dir(config), "data_dir"));
	LK_TRY(report(open_peppers(daemon), "pepper"));
	LK_TRY(report(open_store(daemon), "store"));
	LK_TRY(report(lk_key_sources_new(&daemon->key_sources), "realms"));
	LK_TRY(report(make_realms(daemon, config, NULL, &daemon->realms), "realms"));
	LK_TRY(report(load_index(daemon), "index"));
	LK_TRY(report(open_core(daemon), "core"));
	LK_TRY(report(open_server(daemon), "server"));
	LK_TRY(report(open_net(daemon), "listen"));
	LK_TRY(report(lk_jwks_fetcher_start(daemon->key_sources, &daemon->jwks), "jwks"));
	return report(open_bridge(daemon), "http");
}

struct lk_status lk_daemon_reload(struct lk_daemon *daemon, const struct lk_config *config)
{
	struct lk_realms *realms;

	LK_TRY(make_realms(daemon, config, daemon->realms, &realms));
	daemon->realms = realms;
	LK_TRY(lk_index_set_realms(daemon->index, daemon->store, realms));
	LK_TRY(make_signing_keys(daemon));
	lk_jwks_fetcher_wake(daemon->jwks);
	return daemon->bridge != NULL ? lk_bridge_reload(daemon->bridge, &config->http)
				      : LK_SUCCESS;
}

void lk_daemon_flush_counters(struct lk_daemon *daemon)
{
	struct lk_status st = lk_counters_flush(
		lk_guesses_counters(daemon->guesses), daemon->committer, lk_clock_now());

	if (st.code == LK_OK)
		st = lk_counters_flush(daemon->limits, daemon->committer, lk_clock_now());
	if (st.code != LK_OK)
		lk_log(LK_LOG_DEBUG, "counters not written",
			LK_LOG_TEXT("code", lk_code_name(st.code)));
}

void lk_daemon_flush_usage(struct lk_daemon *daemon)
{
	bool has_more = true;

	while (has_more) {
		struct lk_status st =
			lk_usage_flush(daemon->usage, daemon->index, daemon->committer, &has_more);

		if (st.code != LK_OK)
			return; /* noted again, and tried with the next flush */
	}
}

void lk_daemon_observe(struct lk_daemon *daemon)
{
	lk_metrics_observe(&daemon->metrics, &daemon->services);
}

void lk_daemon_sweep(struct lk_daemon *daemon)
{
	const struct lk_sweeper sweeper = {
		.store = daemon->store,
		.committer = daemon->committer,
		.sweep = lk_core_sweep,
	};
	struct lk_sweep_counts counts;
	struct lk_status st = lk_sweeper_run(&sweeper, lk_clock_now(), &counts);

	if (st.code == LK_OK)
		st = lk_store_leveldb_maintain(daemon->store);
	if (st.code != LK_OK)
		lk_log(LK_LOG_WARN, "sweep", LK_LOG_TEXT("code", lk_code_name(st.code)),
			LK_LOG_TEXT("why", st.why));
	if (counts.settled > 0 || counts.failed > 0)
		lk_log(LK_LOG_INFO, "swept", LK_LOG_NUMBER("settled", counts.settled),
			LK_LOG_NUMBER("failed", counts.failed));
}

void lk_daemon_close(struct lk_daemon *daemon, uint32_t drain_ms)
{
	if (daemon->bridge != NULL && !lk_bridge_drain(daemon->bridge, drain_ms))
		lk_log(LK_LOG_WARN, "drain", LK_LOG_TEXT("what", "requests were cut off"));
	if (daemon->server != NULL && !lk_server_drain(daemon->server, drain_ms))
		lk_log(LK_LOG_WARN, "drain", LK_LOG_TEXT("what", "calls were cut off"));
	lk_net_abandon(daemon->net);
	lk_jwks_fetcher_stop(daemon->jwks);
	if (daemon->usage != NULL)
		lk_daemon_flush_usage(daemon);
	if (daemon->limits != NULL)
		lk_daemon_flush_counters(daemon);
	lk_committer_stop(daemon->committer);
	lk_store_close(daemon->store);
	lk_peppers_wipe(&daemon->peppers);
}
