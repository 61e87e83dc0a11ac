/* SPDX-License-Identifier: MIT */
/* `latchkey-bench verify --compare`: verification beside raw nng echo, round by round, so that
 * both see the same machine. The ratio of a row is against the best echo row of its transport
 * in the same round; the table shows medians and the ratio's spread.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/echo.h"
#include "bench/progress.h"
#include "bench/session.h"
#include "bench/spawn.h"

/* About what a frame with one call takes. */
#define ECHO_BYTES 128
#define ROUNDS_MAX 25

static const unsigned in_flights[] = { 1, 16, 64, 256, 1024 };
#define ROWS LK_COUNT(in_flights)

struct row {
	double echo[ROUNDS_MAX];
	double verify[ROUNDS_MAX];
	double ratio[ROUNDS_MAX];
	struct lk_histogram echo_ns;
	struct lk_histogram verify_ns;
};

struct side {
	const char *transport;
	const char *url; /* of the daemon */
	char echo_url[LK_TARGET_URL_MAX];
	pid_t echo;
	struct lk_channel *channel;
	struct row rows[ROWS];
};

static bool open_side(struct side *side, const struct lk_session *session,
	const struct lk_bench_options *options, const char *transport)
{
	const char *const argv[] = { "latchkey-bench", "echo-server", side->echo_url, NULL };
	bool is_tcp = strcmp(transport, "tcp") == 0;

	side->transport = transport;
	side->url = is_tcp ? session->target.tcp_url : session->target.ipc_url;
	if (is_tcp)
		snprintf(side->echo_url, sizeof side->echo_url, "tcp://127.0.0.1:%u",
			lk_free_port());
	else
		snprintf(side->echo_url, sizeof side->echo_url, "ipc://%s/echo.sock",
			session->target.directory);
	side->echo = lk_spawn_ready(options->program, argv);
	side->channel = lk_session_open(session, side->url);
	if (side->echo == 0)
		fprintf(stderr, "latchkey-bench: the echo server does not start\n");
	return side->echo != 0 && side->channel != NULL;
}

static void close_side(struct side *side)
{
	lk_channel_close(side->channel);
	lk_spawn_stop(side->echo);
}

static bool run_row(struct side *side, const struct lk_session *session,
	const struct lk_bench_options *options, size_t index, unsigned round)
{
	struct row *row = &side->rows[index];
	const struct lk_echo_load echo = { side->echo_url, in_flights[index], ECHO_BYTES,
		(unsigned)options->duration_ms };
	const struct lk_load shape = { .miss_percent = (unsigned)options->miss_percent,
		.in_flight = in_flights[index],
		.duration_ms = (unsigned)options->duration_ms };
	struct lk_status st = lk_echo_run(&echo, &row->echo_ns, &row->echo[round]);

	if (st.code != LK_OK) {
		fprintf(stderr, "latchkey-bench: %s\n", st.why);
		return false;
	}
	return lk_session_round(
		session, side->channel, &shape, &row->verify_ns, &row->verify[round]);
}

static bool run_round(struct side *side, const struct lk_session *session,
	const struct lk_bench_options *options, unsigned round)
{
	double best_echo = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if (!run_row(side, session, options, i, round))
			return false;
		if (side->rows[i].echo[round] > best_echo)
			best_echo = side->rows[i].echo[round];
	}
	for (size_t i = 0; i < ROWS; i++)
		side->rows[i].ratio[round] = side->rows[i].verify[round] / best_echo;
	return true;
}

static double quantile_us(const struct lk_histogram *histogram, double fraction)
{
	return (double)lk_histogram_quantile(histogram, fraction) / 1e3;
}

static void print_row(struct side *side, size_t index, unsigned n, bool json, bool is_first)
{
	struct row *row = &side->rows[index];
	double echo = lk_median(row->echo, n), verify = lk_median(row->verify, n);
	double ratio = lk_median(row->ratio, n); /* sorted now: the spread is at its ends */

	printf(json ? "%s{\"transport\":\"%s\",\"in_flight\":%u,\"echo_per_s\":%.0f,"
		      "\"verify_per_s\":%.0f,\"ratio\":%.3f,\"ratio_min\":%.3f,\"ratio_max\":%.3f,"
		      "\"echo_p50_us\":%.1f,\"verify_p50_us\":%.1f,\"verify_p99_us\":%.1f}"
		    : "%s%-9s  %9u  %8.0f  %8.0f  %5.2f  %5.2f-%-5.2f  %8.1f  %8.1f  %8.1f\n",
		json ? (is_first ? "[\n" : ",\n") : "", side->transport, in_flights[index], echo,
		verify, ratio, row->ratio[0], row->ratio[n - 1], quantile_us(&row->echo_ns, 0.5),
		quantile_us(&row->verify_ns, 0.5), quantile_us(&row->verify_ns, 0.99));
}

static void print_sides(struct side *sides, size_t n_sides, unsigned rounds, bool json)
{
	if (!json)
		printf("transport  in flight    echo/s  verify/s  ratio       spread  echo p50  "
		       "vrfy p50  vrfy p99\n");
	for (size_t s = 0; s < n_sides; s++)
		for (size_t i = 0; i < ROWS; i++)
			print_row(&sides[s], i, rounds, json, s == 0 && i == 0);
	if (json)
		printf("\n]\n");
	else
		printf("Median of %u rounds; ratio against the best echo row of the transport; "
		       "latencies in us.\nServers run on one half of the CPUs, the load on the "
		       "other.\n",
			rounds);
}

int lk_bench_compare(const struct lk_bench_options *options)
{
	static struct side sides[2];
	unsigned rounds = options->rounds < ROUNDS_MAX ? (unsigned)options->rounds : ROUNDS_MAX;
	struct lk_session session;
	bool is_good = lk_session_begin(&session, options) &&
		       open_side(&sides[0], &session, options, "tcp") &&
		       open_side(&sides[1], &session, options, "ipc");

	for (unsigned round = 0; is_good && round < rounds; round++) {
		for (size_t s = 0; is_good && s < LK_COUNT(sides); s++) {
			lk_progress_show(sides[s].transport, round * LK_COUNT(sides) + s,
				rounds * LK_COUNT(sides));
			is_good = run_round(&sides[s], &session, options, round);
		}
	}
	lk_progress_end();
	if (is_good)
		print_sides(sides, LK_COUNT(sides), rounds, options->json);
	for (size_t s = 0; s < LK_COUNT(sides); s++)
		close_side(&sides[s]);
	lk_session_end(&session);
	return is_good ? 0 : 1;
}
