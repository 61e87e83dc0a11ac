/* SPDX-License-Identifier: MIT */
/* `latchkey-bench http`: verification over HTTP, alone or beside nginx, round by round, so that
 * both see the same machine.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/http_client.h"
#include "bench/nginx.h"
#include "bench/options.h"
#include "bench/progress.h"
#include "bench/session.h"

#define ROUNDS_MAX 25

/* A server, and what was measured of it. */
struct side {
	const char *name;
	struct lk_bench_url url;
	bool lets_all_in;
	double rates[ROUNDS_MAX];
	double cpus[ROUNDS_MAX];
	struct lk_histogram ns;
};

struct bench {
	const struct lk_bench_options *options;
	struct lk_session session; /* of a daemon of our own */
	struct lk_nginx nginx;
	struct lk_bench_keys keys; /* from a file */
	struct lk_bench_requests requests;
	struct side verify;
	struct side rival;
	double ratios[ROUNDS_MAX];
	unsigned n_rounds;
};

/* --- what is measured --- */

/* Of the bad ones half are unknown and half are revoked, and lie side by side. */
static struct lk_status make_keys(struct lk_session *session, struct lk_channel *channel,
	const struct lk_bench_options *options)
{
	size_t n_bad = options->bad_percent > 0 ? options->keys / 20 + 1 : 0;
	struct lk_bench_keys *keys = &session->keys;

	LK_TRY(lk_bench_keys_create(
		keys, channel, session->target.realm, options->keys + n_bad, n_bad));
	LK_TRY(lk_bench_keys_revoke(keys, channel, session->target.realm, options->keys, keys->n));
	keys->n = options->keys;
	keys->n_miss += n_bad;
	return LK_SUCCESS;
}

static bool start_daemon(struct bench *bench)
{
	struct lk_session *session = &bench->session;
	struct lk_channel *channel;
	bool is_good;

	if (!lk_session_told(
		    lk_target_start_http(&session->target, bench->options->program), "target"))
		return false;
	snprintf(bench->verify.url.host, sizeof bench->verify.url.host, "127.0.0.1");
	snprintf(bench->verify.url.port, sizeof bench->verify.url.port, "%u",
		session->target.http_port & 0xffff);
	snprintf(bench->verify.url.path, sizeof bench->verify.url.path, "/_latchkey/verify");
	channel = lk_session_open(session, session->target.tcp_url);
	if (channel == NULL)
		return false;
	is_good = lk_session_told(make_keys(session, channel, bench->options), "keys") &&
		  lk_session_told(lk_http_wait(&bench->verify.url), "http");
	lk_channel_close(channel);
	return is_good;
}

static bool use_server(struct bench *bench)
{
	const struct lk_bench_options *options = bench->options;

	if (!lk_session_told(lk_bench_url_read(options->url, &bench->verify.url), "target"))
		return false;
	return options->key_file == NULL ||
	       lk_session_told(lk_bench_keys_read(&bench->keys, options->key_file), "keys");
}

static bool start_rival(struct bench *bench)
{
	if (!lk_session_told(lk_nginx_start(&bench->nginx), "nginx"))
		return false;
	bench->rival.lets_all_in = true;
	bench->rival.url = bench->verify.url;
	snprintf(bench->rival.url.host, sizeof bench->rival.url.host, "127.0.0.1");
	snprintf(bench->rival.url.port, sizeof bench->rival.url.port, "%u",
		bench->nginx.port & 0xffff);
	return true;
}

static bool make_requests(struct bench *bench)
{
	const struct lk_bench_options *options = bench->options;
	struct lk_bench_requests *requests = &bench->requests;
	const struct lk_bench_keys *keys =
		options->url != NULL ? &bench->keys : &bench->session.keys;
	const char *uri = options->uri != NULL ? options->uri : "/records/1";

	if (!lk_session_told(
		    lk_bench_requests_make(requests, &bench->verify.url, uri, keys), "requests"))
		return false;
	if (options->bad_percent > 0 && requests->n_bad == 0) {
		fprintf(stderr, "latchkey-bench: --bad needs lines 'KEY -' in the key file\n");
		return false;
	}
	requests->bad_percent = (unsigned)options->bad_percent;
	lk_pick_init(&requests->pick_good, requests->n_good, options->is_zipf);
	return true;
}

static bool begin(struct bench *bench)
{
	bool is_good = bench->options->url != NULL ? use_server(bench) : start_daemon(bench);

	return is_good && make_requests(bench) && (!bench->options->compare || start_rival(bench));
}

static void end(struct bench *bench)
{
	lk_bench_requests_fini(&bench->requests);
	lk_bench_keys_fini(&bench->keys);
	lk_nginx_stop(&bench->nginx);
	lk_session_end(&bench->session);
}

/* --- rounds --- */

static bool run_round(struct bench *bench, struct side *side, unsigned round)
{
	const struct lk_bench_options *options = bench->options;
	const struct lk_http_load load = {
		.url = &side->url,
		.requests = &bench->requests,
		.lets_all_in = side->lets_all_in,
		.connections = (unsigned)options->connections,
		.pipeline = (unsigned)options->pipeline,
		.threads = (unsigned)options->threads,
		.duration_ms = (unsigned)options->duration_ms,
		.per_second = options->per_second,
	};
	struct lk_http_load_result result;

	if (!lk_session_told(lk_http_load_run(&load, &side->ns, &result), side->name))
		return false;
	if (result.wrong + result.failed > 0) {
		fprintf(stderr,
			"latchkey-bench: %s: of %llu answers %llu were wrong, %llu failed: %s\n",
			side->name, (unsigned long long)result.answers,
			(unsigned long long)result.wrong, (unsigned long long)result.failed,
			result.problem);
		return false;
	}
	side->rates[round] = result.per_second;
	side->cpus[round] = result.cpu;
	return true;
}

/* One of each in turn, the other one first every other time. */
static bool run_pair(struct bench *bench, unsigned round)
{
	struct side *first = round % 2 == 0 ? &bench->rival : &bench->verify;
	struct side *second = round % 2 == 0 ? &bench->verify : &bench->rival;

	if (!bench->options->compare)
		return run_round(bench, &bench->verify, round);
	if (!run_round(bench, first, round) || !run_round(bench, second, round))
		return false;
	bench->ratios[round] = bench->verify.rates[round] / bench->rival.rates[round];
	return true;
}

/* The first warms up and does not count. */
static bool run_rounds(struct bench *bench)
{
	if (!run_pair(bench, 0))
		return false;
	lk_histogram_reset(&bench->verify.ns);
	lk_histogram_reset(&bench->rival.ns);
	for (unsigned round = 0; round < bench->n_rounds; round++) {
		lk_progress_show("verifying", round, bench->n_rounds);
		if (!run_pair(bench, round))
			return false;
	}
	return true;
}

/* --- the report --- */

static double quantile_us(struct side *side, double fraction)
{
	return (double)lk_histogram_quantile(&side->ns, fraction) / 1e3;
}

static void print_row(struct bench *bench, struct side *side)
{
	printf("%-9s  %11lu  %8lu  %-6s  %10.0f  %8.1f  %8.1f  %8.1f  %8.2f\n", side->name,
		bench->options->connections, bench->options->pipeline,
		bench->options->per_second > 0 ? "open" : "closed",
		lk_median(side->rates, bench->n_rounds), quantile_us(side, 0.5),
		quantile_us(side, 0.99), quantile_us(side, 0.999),
		lk_median(side->cpus, bench->n_rounds));
}

static void print_table(struct bench *bench)
{
	printf("server     connections  pipeline  loop    requests/s    p50 us    p99 us  p99.9 us "
	       " load CPU\n");
	if (bench->options->compare)
		print_row(bench, &bench->rival);
	print_row(bench, &bench->verify);
	if (!bench->options->compare)
		return;
	(void)lk_median(bench->ratios, bench->n_rounds); /* sorts */
	printf("Ratio of the medians of %u rounds: %.2f; round by round %.2f to %.2f.\n",
		bench->n_rounds,
		lk_median(bench->verify.rates, bench->n_rounds) /
			lk_median(bench->rival.rates, bench->n_rounds),
		bench->ratios[0], bench->ratios[bench->n_rounds - 1]);
}

static void print_side_json(struct bench *bench, struct side *side, const char *prefix)
{
	printf(",\"%s_per_s\":%.0f,\"%s_p50_us\":%.1f,\"%s_p99_us\":%.1f,\"%s_p999_us\":%.1f,"
	       "\"%s_answers\":%llu,\"%s_load_cpu\":%.2f",
		prefix, lk_median(side->rates, bench->n_rounds), prefix, quantile_us(side, 0.5),
		prefix, quantile_us(side, 0.99), prefix, quantile_us(side, 0.999), prefix,
		(unsigned long long)lk_histogram_count(&side->ns), prefix,
		lk_median(side->cpus, bench->n_rounds));
}

static void print_json(struct bench *bench)
{
	const struct lk_bench_options *options = bench->options;

	printf("[{\"connections\":%lu,\"pipeline\":%lu,\"threads\":%lu,\"loop\":\"%s\"",
		options->connections, options->pipeline, options->threads,
		options->per_second > 0 ? "open" : "closed");
	print_side_json(bench, &bench->verify, "verify");
	if (options->compare) {
		print_side_json(bench, &bench->rival, "nginx");
		(void)lk_median(bench->ratios, bench->n_rounds); /* sorts */
		printf(",\"ratio\":%.3f,\"ratio_min\":%.3f,\"ratio_max\":%.3f",
			lk_median(bench->verify.rates, bench->n_rounds) /
				lk_median(bench->rival.rates, bench->n_rounds),
			bench->ratios[0], bench->ratios[bench->n_rounds - 1]);
	}
	printf("}]\n");
}

/* Thousands of connections are more than a process has by default; servers inherit it. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int lk_bench_http(const struct lk_bench_options *options)
{
	static struct bench bench;
	bool is_good;

	bench.options = options;
	bench.verify.name = options->url != NULL ? "server" : "latchkeyd";
	bench.rival.name = "nginx";
	bench.n_rounds = options->rounds < ROUNDS_MAX ? (unsigned)options->rounds : ROUNDS_MAX;
	allow_descriptors();
	is_good = begin(&bench) && run_rounds(&bench);
	lk_progress_end();
	if (is_good)
		(options->json ? print_json : print_table)(&bench);
	end(&bench);
	return is_good ? 0 : 1;
}
