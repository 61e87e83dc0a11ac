/* SPDX-License-Identifier: MIT */
/* `latchkey-bench refresh`: sessions that are refreshed one after the other, each with the token
 * that the refresh before gave. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/progress.h"
#include "bench/session.h"
#include "bench/watch.h"
#include "client/channel/channel.h"
#include "latchkey/v1/auth.rpc.h"

#define ROUNDS_MAX 25
#define IN_FLIGHT_MAX 512

struct run;

struct worker {
	struct run *run;
	uint64_t start_ns;
	char token[96];
};

struct run {
	struct lk_channel *channel;
	struct lk_histogram histogram;
	uint64_t end_ns;
	_Atomic uint64_t answers;
	_Atomic unsigned failed;
	_Atomic unsigned running;
	unsigned n;
	struct worker workers[IN_FLIGHT_MAX];
};

static void refresh(struct worker *worker);

static void on_refreshed(
	void *arg, struct lk_status status, const lk_refresh_token_response *response)
{
	struct worker *worker = arg;
	struct run *run = worker->run;
	uint64_t now_ns = lk_watch_ns();

	lk_histogram_add(&run->histogram, now_ns - worker->start_ns);
	atomic_fetch_add(&run->answers, 1);
	if (status.code != LK_OK)
		atomic_fetch_add(&run->failed, 1);
	else
		snprintf(
			worker->token, sizeof worker->token, "%s", response->tokens->refresh_token);
	if (status.code == LK_OK && now_ns < run->end_ns)
		refresh(worker);
	else
		atomic_fetch_sub(&run->running, 1);
}

static void refresh(struct worker *worker)
{
	lk_refresh_token_request request = LK_REFRESH_TOKEN_REQUEST_INIT;

	worker->start_ns = lk_watch_ns();
	request.realm = (char[]) { "hs256" };
	request.refresh_token = worker->token;
	lk_auth_service_refresh_token_async(
		worker->run->channel, NULL, &request, on_refreshed, worker);
}

static bool sign_in(struct run *run)
{
	struct lk_arena arena;
	bool is_good = lk_bench_users_create(run->channel, "hs256", run->n).code == LK_OK;

	lk_arena_init(&arena, 1 << 20);
	for (unsigned i = 0; i < run->n && is_good; i++) {
		lk_sign_in_request request = LK_SIGN_IN_REQUEST_INIT;
		lk_sign_in_response *response;
		char email[48];

		lk_progress_show("signing in", i, run->n);
		lk_bench_email(i, email);
		request.realm = (char[]) { "hs256" };
		request.email = email;
		request.password = (char *)(uintptr_t)lk_bench_password;
		lk_arena_reset(&arena);
		is_good = lk_auth_service_sign_in(run->channel, NULL, &request, &arena, &response)
				  .code == LK_OK;
		if (is_good)
			snprintf(run->workers[i].token, sizeof run->workers[i].token, "%s",
				response->tokens->refresh_token);
		run->workers[i].run = run;
	}
	lk_progress_end();
	lk_arena_fini(&arena);
	return is_good;
}

static double run_round(struct run *run, unsigned long duration_ms)
{
	uint64_t start_ns = lk_watch_ns();

	run->end_ns = start_ns + duration_ms * 1000000;
	atomic_store(&run->answers, 0);
	atomic_store(&run->running, run->n);
	for (unsigned i = 0; i < run->n; i++)
		refresh(&run->workers[i]);
	while (atomic_load(&run->running) > 0)
		usleep(1000);
	return (double)run->answers * 1e9 / (double)(lk_watch_ns() - start_ns);
}

static void print(const struct lk_bench_options *options, const struct run *run, double per_second)
{
	double p50 = (double)lk_histogram_quantile(&run->histogram, 0.5) / 1e3;
	double p99 = (double)lk_histogram_quantile(&run->histogram, 0.99) / 1e3;

	if (options->json)
		printf("[{\"in_flight\":%u,\"refresh_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f}]"
		       "\n",
			run->n, per_second, p50, p99);
	else
		printf("in flight  refresh/s    p50 us    p99 us\n%9u  %9.0f  %8.1f  %8.1f\n",
			run->n, per_second, p50, p99);
}

int lk_bench_refresh(const struct lk_bench_options *options)
{
	static struct run run;
	struct lk_session session = { .keys = { .items = NULL } };
	double rates[ROUNDS_MAX];
	bool is_good;

	run.n = options->in_flight < IN_FLIGHT_MAX ? (unsigned)options->in_flight : IN_FLIGHT_MAX;
	is_good = lk_target_start(&session.target, options->program).code == LK_OK;
	if (is_good)
		run.channel = lk_session_open(&session, session.target.tcp_url);
	is_good = is_good && run.channel != NULL && sign_in(&run);
	for (unsigned i = 0; i < options->rounds && i < ROUNDS_MAX && is_good; i++) {
		lk_progress_show("refreshing", i, options->rounds);
		rates[i] = run_round(&run, options->duration_ms);
		is_good = run.failed == 0;
	}
	lk_progress_end();
	if (is_good)
		print(options, &run, lk_median(rates, (unsigned)options->rounds));
	else
		fprintf(stderr, "latchkey-bench: a call failed\n");
	lk_channel_close(run.channel);
	lk_target_stop(&session.target);
	return is_good ? 0 : 1;
}
