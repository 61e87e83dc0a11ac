/* SPDX-License-Identifier: MIT */
/* `latchkey-bench scale`: what many keys cost in rate, memory and time to start. */
#include <stdio.h>

#include "bench/progress.h"
#include "bench/session.h"

#define FEW_KEYS 1000
#define ROUNDS_MAX 25

struct measure {
	double few[ROUNDS_MAX];
	double many[ROUNDS_MAX];
	double ratio[ROUNDS_MAX];
	double bytes_per_key;
	double ready_s;
};

static bool run_round(const struct lk_session *session, struct lk_channel *channel,
	const struct lk_bench_options *options, double *per_second_out)
{
	static struct lk_histogram histogram;
	const struct lk_load shape = { .in_flight = (unsigned)options->in_flight,
		.duration_ms = (unsigned)options->duration_ms };

	return lk_session_round(session, channel, &shape, &histogram, per_second_out);
}

static bool run_rounds(const struct lk_session *few, const struct lk_session *many,
	const struct lk_bench_options *options, struct measure *measure)
{
	struct lk_channel *few_channel = lk_session_open(few, few->target.tcp_url);
	struct lk_channel *many_channel = lk_session_open(many, many->target.tcp_url);
	bool is_good = few_channel != NULL && many_channel != NULL;

	/* The first round of each warms up and is overwritten. */
	is_good = is_good && run_round(few, few_channel, options, &measure->few[0]) &&
		  run_round(many, many_channel, options, &measure->many[0]);
	for (unsigned i = 0; is_good && i < options->rounds; i++) {
		lk_progress_show("verifying", i, options->rounds);
		is_good = run_round(few, few_channel, options, &measure->few[i]) &&
			  run_round(many, many_channel, options, &measure->many[i]);
		measure->ratio[i] = measure->many[i] / measure->few[i];
	}
	lk_progress_end();
	lk_channel_close(few_channel);
	lk_channel_close(many_channel);
	return is_good;
}

/* Both daemons are restarted, so that memory holds what the keys need and nothing else. */
static bool restart(struct lk_session *few, struct lk_session *many,
	const struct lk_bench_options *options, struct measure *measure)
{
	double few_ready_s;
	double extra_bytes;

	if (lk_target_restart(&few->target, options->program, &few_ready_s).code != LK_OK ||
		lk_target_restart(&many->target, options->program, &measure->ready_s).code !=
			LK_OK) {
		fprintf(stderr, "latchkey-bench: the daemon did not start again\n");
		return false;
	}
	extra_bytes = (double)lk_target_resident(&many->target) -
		      (double)lk_target_resident(&few->target);
	measure->bytes_per_key = extra_bytes / (double)(options->keys - FEW_KEYS);
	return true;
}

static void print_measure(struct measure *measure, const struct lk_bench_options *options)
{
	unsigned n = (unsigned)options->rounds;
	double few = lk_median(measure->few, n), many = lk_median(measure->many, n);
	double ratio = lk_median(measure->ratio, n);

	if (options->json) {
		printf("[{\"keys\":%lu,\"verify_per_s_at_1000\":%.0f,\"verify_per_s\":%.0f,"
		       "\"ratio\":%.3f,\"ratio_min\":%.3f,\"ratio_max\":%.3f,"
		       "\"resident_bytes_per_key\":%.0f,\"ready_s\":%.2f}]\n",
			options->keys, few, many, ratio, measure->ratio[0], measure->ratio[n - 1],
			measure->bytes_per_key, measure->ready_s);
		return;
	}
	printf("keys        verify/s  at 1,000   ratio       spread  bytes/key  ready s\n"
	       "%-10lu  %8.0f  %8.0f  %6.2f  %5.2f-%-5.2f  %9.0f  %7.2f\n",
		options->keys, many, few, ratio, measure->ratio[0], measure->ratio[n - 1],
		measure->bytes_per_key, measure->ready_s);
}

int lk_bench_scale(const struct lk_bench_options *options)
{
	struct lk_bench_options few_options = *options;
	struct lk_session few, many = { 0 };
	struct measure measure;
	bool is_good;

	if (options->keys <= FEW_KEYS || options->server != NULL) {
		fprintf(stderr, options->server != NULL
					? "latchkey-bench: scale measures daemons of its own\n"
					: "latchkey-bench: --keys must be above 1000\n");
		return 2;
	}
	few_options.keys = FEW_KEYS;
	is_good = lk_session_begin(&few, &few_options) && lk_session_begin(&many, options) &&
		  restart(&few, &many, options, &measure) &&
		  run_rounds(&few, &many, options, &measure);
	if (is_good)
		print_measure(&measure, options);
	lk_session_end(&few);
	lk_session_end(&many);
	return is_good ? 0 : 1;
}
