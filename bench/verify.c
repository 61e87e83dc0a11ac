/* SPDX-License-Identifier: MIT */
/* `latchkey-bench verify`: one load, measured. */
#include <stdio.h>
#include <string.h>

#include "bench/progress.h"
#include "bench/session.h"

#define ROUNDS_MAX 100

static void print_json(const struct lk_bench_options *options, const struct lk_histogram *histogram,
	const char *transport, double per_second)
{
	printf("[{\"transport\":\"%s\",\"in_flight\":%lu,\"loop\":\"%s\",\"verify_per_s\":%.0f,"
	       "\"verify_p50_us\":%.1f,\"verify_p99_us\":%.1f,\"verify_p999_us\":%.1f}]\n",
		transport, options->in_flight, options->per_second > 0 ? "open" : "closed",
		per_second, (double)lk_histogram_quantile(histogram, 0.5) / 1e3,
		(double)lk_histogram_quantile(histogram, 0.99) / 1e3,
		(double)lk_histogram_quantile(histogram, 0.999) / 1e3);
}

static void print_table(const struct lk_bench_options *options,
	const struct lk_histogram *histogram, const char *transport, double per_second)
{
	printf("transport  in flight  loop    verify/s    p50 us    p99 us  p99.9 us\n");
	printf("%-9s  %9lu  %-6s  %8.0f  %8.1f  %8.1f  %8.1f\n", transport, options->in_flight,
		options->per_second > 0 ? "open" : "closed", per_second,
		(double)lk_histogram_quantile(histogram, 0.5) / 1e3,
		(double)lk_histogram_quantile(histogram, 0.99) / 1e3,
		(double)lk_histogram_quantile(histogram, 0.999) / 1e3);
}

static bool run_rounds(const struct lk_session *session, const struct lk_bench_options *options,
	const char *url, struct lk_histogram *histogram, double *per_second_out)
{
	const struct lk_load shape = {
		.miss_percent = (unsigned)options->miss_percent,
		.in_flight = (unsigned)options->in_flight,
		.duration_ms = (unsigned)options->duration_ms,
		.per_second = options->per_second,
		.once = options->first,
	};
	struct lk_channel *channel = lk_session_open(session, url);
	double rates[ROUNDS_MAX];
	bool is_good = channel != NULL;
	unsigned n = 0;

	/* The first round warms up and does not count, unless it is what is asked for. */
	if (is_good)
		is_good = lk_session_round(session, channel, &shape, histogram, &rates[0]);
	if (options->first) {
		lk_channel_close(channel);
		*per_second_out = rates[0];
		return is_good;
	}
	lk_histogram_reset(histogram);
	while (is_good && n < options->rounds && n < ROUNDS_MAX) {
		lk_progress_show("verifying", n, options->rounds);
		is_good = lk_session_round(session, channel, &shape, histogram, &rates[n]);
		n++;
	}
	lk_progress_end();
	lk_channel_close(channel);
	if (is_good)
		*per_second_out = lk_median(rates, n);
	return is_good;
}

int lk_bench_verify(const struct lk_bench_options *options)
{
	static struct lk_histogram histogram;
	struct lk_session session;
	const char *transport, *url;
	double per_second;
	bool is_good = lk_session_begin(&session, options);

	if (is_good) {
		bool is_tcp = session.target.tcp_url[0] != '\0' &&
			      (options->server != NULL || strcmp(options->transport, "tcp") == 0);

		transport = is_tcp ? "tcp" : "ipc";
		url = is_tcp ? session.target.tcp_url : session.target.ipc_url;
		is_good = run_rounds(&session, options, url, &histogram, &per_second);
	}
	if (is_good)
		(options->json ? print_json : print_table)(
			options, &histogram, transport, per_second);
	lk_session_end(&session);
	return is_good ? 0 : 1;
}
