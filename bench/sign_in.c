/* SPDX-License-Identifier: MIT */
/* `latchkey-bench sign-in`: how many sign-ins there are a second, and what becomes of verification
 * when far more are asked for. */
#include <pthread.h>
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
#define USERS 40
#define SLOTS 4096 /* calls of a storm under way */

struct storm {
	struct lk_channel *channel;
	uint64_t end_ns;
	double per_second; /* 0: closed loop */
	struct lk_histogram signed_in;
	struct lk_histogram refused;
	_Atomic uint64_t n_signed_in;
	_Atomic uint64_t n_refused;
	_Atomic uint64_t n_failed;
	_Atomic unsigned code; /* of the first that failed */
	_Atomic uint64_t started;
	_Atomic unsigned running;
};

struct attempt {
	struct storm *storm;
	_Atomic uint64_t start_ns; /* 0: free */
};

static void sign_in(struct attempt *attempt);

static void on_answer(void *arg, struct lk_status status, const lk_sign_in_response *response)
{
	struct attempt *attempt = arg;
	struct storm *storm = attempt->storm;
	uint64_t now_ns = lk_watch_ns(), took_ns = now_ns - attempt->start_ns;

	(void)response;
	if (status.code == LK_OK) {
		lk_histogram_add(&storm->signed_in, took_ns);
		atomic_fetch_add(&storm->n_signed_in, 1);
	} else if (status.code == LK_RESOURCE_EXHAUSTED && status.retry_ms > 0) {
		lk_histogram_add(&storm->refused, took_ns);
		atomic_fetch_add(&storm->n_refused, 1);
	} else if (atomic_fetch_add(&storm->n_failed, 1) == 0) {
		atomic_store(&storm->code, (unsigned)status.code);
	}
	if (storm->per_second == 0 && now_ns < storm->end_ns) {
		attempt->start_ns = now_ns;
		sign_in(attempt);
		return;
	}
	attempt->start_ns = 0;
	atomic_fetch_sub(&storm->running, 1);
}

static void sign_in(struct attempt *attempt)
{
	/* Whoever is refused hears of it: nothing is tried again behind the counter. */
	const struct lk_call_options options = { .timeout_ms = 30000, .attempts_max = 1 };
	lk_sign_in_request request = LK_SIGN_IN_REQUEST_INIT;
	uint64_t n = atomic_fetch_add(&attempt->storm->started, 1);
	char email[48];

	snprintf(email, sizeof email, "user-%llu@example.org", (unsigned long long)(n % USERS));
	request.realm = (char[]) { "people" };
	request.email = email;
	request.password = (char *)(uintptr_t)lk_bench_password;
	lk_auth_service_sign_in_async(
		attempt->storm->channel, &options, &request, on_answer, attempt);
}

static struct attempt attempts[SLOTS];

static void start(struct storm *storm, struct attempt *attempt, uint64_t start_ns)
{
	attempt->storm = storm;
	attempt->start_ns = start_ns;
	atomic_fetch_add(&storm->running, 1);
	sign_in(attempt);
}

static void wait_for_answers(struct storm *storm)
{
	while (atomic_load(&storm->running) > 0)
		usleep(1000);
}

/* At most in_flight at a time. Returns sign-ins a second. */
static double run_closed(struct storm *storm, unsigned in_flight, unsigned long duration_ms)
{
	uint64_t start_ns = lk_watch_ns(), before = storm->n_signed_in;

	storm->per_second = 0;
	storm->end_ns = start_ns + duration_ms * 1000000;
	for (unsigned i = 0; i < in_flight && i < SLOTS; i++)
		start(storm, &attempts[i], lk_watch_ns());
	wait_for_answers(storm);
	return (double)(storm->n_signed_in - before) * 1e9 / (double)(lk_watch_ns() - start_ns);
}

/* NULL while all are under way. */
static struct attempt *find_free(unsigned *next)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		*next = (*next + 1) % SLOTS;
		if (attempts[*next].start_ns == 0)
			return &attempts[*next];
	}
	return NULL;
}

/* So many a second, whatever the answers do; latency counts from when each should have started. */
static void *run_open(void *arg)
{
	struct storm *storm = arg;
	uint64_t start_ns = lk_watch_ns(), now_ns, n = 0;
	double gap_ns = 1e9 / storm->per_second;
	unsigned next = 0;

	while ((now_ns = lk_watch_ns()) < storm->end_ns) {
		for (;; n++) {
			uint64_t due_ns = start_ns + (uint64_t)((double)n * gap_ns);
			struct attempt *attempt = due_ns <= now_ns ? find_free(&next) : NULL;

			if (attempt == NULL)
				break;
			start(storm, attempt, due_ns);
		}
		usleep(2000);
	}
	wait_for_answers(storm);
	return NULL;
}

static double run_paced(struct storm *storm, double per_second, unsigned long duration_ms)
{
	uint64_t start_ns = lk_watch_ns(), before = storm->n_signed_in;

	storm->per_second = per_second;
	storm->end_ns = start_ns + duration_ms * 1000000;
	run_open(storm);
	return (double)(storm->n_signed_in - before) * 1e9 / (double)(lk_watch_ns() - start_ns);
}

/* --- a storm beside verification --- */

struct weather {
	struct lk_session session; /* with keys to verify */
	struct lk_channel *verifying;
	struct lk_histogram calm, stormy;
	double calm_rates[ROUNDS_MAX], stormy_rates[ROUNDS_MAX], ratios[ROUNDS_MAX];
	uint64_t resident_calm, resident_peak;
};

struct watch {
	struct weather *weather;
	atomic_bool is_over;
};

static void *watch_memory(void *arg)
{
	struct watch *watch = arg;

	while (!atomic_load(&watch->is_over)) {
		uint64_t now = lk_target_resident(&watch->weather->session.target);

		if (now > watch->weather->resident_peak)
			watch->weather->resident_peak = now;
		usleep(50000);
	}
	return NULL;
}

static bool verify(struct weather *weather, unsigned long duration_ms,
	struct lk_histogram *histogram, double *rate_out)
{
	const struct lk_load shape = { .in_flight = 64, .duration_ms = (unsigned)duration_ms };

	return lk_session_round(&weather->session, weather->verifying, &shape, histogram, rate_out);
}

static bool run_round(struct weather *weather, struct storm *storm,
	const struct lk_bench_options *options, unsigned round)
{
	struct watch watch = { .weather = weather };
	pthread_t storming, watching;
	bool is_good = verify(
		weather, options->duration_ms / 2, &weather->calm, &weather->calm_rates[round]);

	if (!is_good)
		return false;
	storm->end_ns = lk_watch_ns() + options->duration_ms * 1000000;
	if (pthread_create(&storming, NULL, run_open, storm) != 0 ||
		pthread_create(&watching, NULL, watch_memory, &watch) != 0)
		return false;
	is_good = verify(
		weather, options->duration_ms, &weather->stormy, &weather->stormy_rates[round]);
	pthread_join(storming, NULL);
	atomic_store(&watch.is_over, true);
	pthread_join(watching, NULL);
	weather->ratios[round] = weather->stormy_rates[round] / weather->calm_rates[round];
	return is_good;
}

static double us(const struct lk_histogram *histogram, double quantile)
{
	return (double)lk_histogram_quantile(histogram, quantile) / 1e3;
}

static void print_storm(const struct lk_bench_options *options, struct weather *weather,
	const struct storm *storm, double capacity)
{
	unsigned n = (unsigned)options->rounds;
	double ratio = lk_median(weather->ratios, n);
	double calm = lk_median(weather->calm_rates, n),
	       stormy = lk_median(weather->stormy_rates, n);
	double p99 = us(&weather->stormy, 0.99) / us(&weather->calm, 0.99);
	double mib = 1024 * 1024;

	if (options->json) {
		printf("[{\"times_capacity\":%.0f,\"capacity_per_s\":%.1f,\"verify_calm_per_s\":%."
		       "0f,"
		       "\"verify_stormy_per_s\":%.0f,\"rate_ratio\":%.2f,\"p99_ratio\":%.2f,"
		       "\"signed_in\":%llu,\"refused\":%llu,\"failed\":%llu,\"refused_p999_us\":%."
		       "0f,"
		       "\"resident_calm\":%llu,\"resident_peak\":%llu}]\n",
			options->times_capacity, capacity, calm, stormy, ratio, p99,
			(unsigned long long)storm->n_signed_in,
			(unsigned long long)storm->n_refused, (unsigned long long)storm->n_failed,
			us(&storm->refused, 0.999), (unsigned long long)weather->resident_calm,
			(unsigned long long)weather->resident_peak);
		return;
	}
	printf("%.0f times the capacity of %.1f sign-ins a second\n\n", options->times_capacity,
		capacity);
	printf("verification   verify/s    p50 us    p99 us\n");
	printf("calm          %9.0f  %8.1f  %8.1f\n", calm, us(&weather->calm, 0.5),
		us(&weather->calm, 0.99));
	printf("in the storm  %9.0f  %8.1f  %8.1f\n", stormy, us(&weather->stormy, 0.5),
		us(&weather->stormy, 0.99));
	printf("ratio         %9.2f            %8.2f\n\n", ratio, p99);
	printf("sign-ins          n    p50 ms    p99 ms  p99.9 ms\n");
	printf("signed in  %8llu  %8.1f  %8.1f  %8.1f\n", (unsigned long long)storm->n_signed_in,
		us(&storm->signed_in, 0.5) / 1e3, us(&storm->signed_in, 0.99) / 1e3,
		us(&storm->signed_in, 0.999) / 1e3);
	printf("told later %8llu  %8.1f  %8.1f  %8.1f\n", (unsigned long long)storm->n_refused,
		us(&storm->refused, 0.5) / 1e3, us(&storm->refused, 0.99) / 1e3,
		us(&storm->refused, 0.999) / 1e3);
	printf("failed     %8llu\n\nresident MiB: %.1f calm, %.1f at most\n",
		(unsigned long long)storm->n_failed, (double)weather->resident_calm / mib,
		(double)weather->resident_peak / mib);
}

static bool run_storm(
	const struct lk_bench_options *options, struct weather *weather, struct storm *storm)
{
	double capacity = run_closed(storm, 2, 3000);
	bool is_good = storm->n_failed == 0;

	lk_histogram_reset(&storm->signed_in);
	lk_histogram_reset(&storm->refused);
	storm->n_signed_in = storm->n_refused = 0;
	storm->per_second = capacity * options->times_capacity;
	weather->resident_calm = lk_target_resident(&weather->session.target);
	is_good = is_good && verify(weather, 500, &weather->calm, &weather->calm_rates[0]);
	lk_histogram_reset(&weather->calm);
	for (unsigned i = 0; i < options->rounds && i < ROUNDS_MAX && is_good; i++) {
		lk_progress_show("storming", i, options->rounds);
		is_good = run_round(weather, storm, options, i);
	}
	lk_progress_end();
	if (is_good)
		print_storm(options, weather, storm, capacity);
	return is_good && storm->n_failed == 0;
}

static void print_calm(
	const struct lk_bench_options *options, const struct storm *storm, double per_second)
{
	const char *loop = options->per_second > 0 ? "open" : "closed";
	unsigned long long n_refused = storm->n_refused;

	if (options->json)
		printf("[{\"loop\":\"%s\",\"sign_in_per_s\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
		       "\"refused\":%llu,\"refused_p99_us\":%.0f}]\n",
			loop, per_second, us(&storm->signed_in, 0.5), us(&storm->signed_in, 0.99),
			n_refused, us(&storm->refused, 0.99));
	else
		printf("loop    sign-in/s    p50 ms    p99 ms  told later    p99 ms\n"
		       "%-6s  %9.1f  %8.1f  %8.1f  %10llu  %8.1f\n",
			loop, per_second, us(&storm->signed_in, 0.5) / 1e3,
			us(&storm->signed_in, 0.99) / 1e3, n_refused,
			us(&storm->refused, 0.99) / 1e3);
}

static bool run_calm(const struct lk_bench_options *options, struct storm *storm)
{
	double rates[ROUNDS_MAX];
	unsigned n = 0;

	for (; n < options->rounds && n < ROUNDS_MAX && storm->n_failed == 0; n++) {
		lk_progress_show("signing in", n, options->rounds);
		rates[n] = options->per_second > 0
				   ? run_paced(storm, options->per_second, options->duration_ms)
				   : run_closed(storm, (unsigned)options->in_flight,
					     options->duration_ms);
	}
	lk_progress_end();
	if (storm->n_failed == 0)
		print_calm(options, storm, lk_median(rates, n));
	return storm->n_failed == 0;
}

int lk_bench_sign_in(const struct lk_bench_options *options)
{
	static struct weather weather;
	static struct storm storm;
	bool is_good = lk_session_begin(&weather.session, options);

	if (is_good) {
		weather.verifying =
			lk_session_open(&weather.session, weather.session.target.tcp_url);
		storm.channel = lk_session_open(&weather.session, weather.session.target.tcp_url);
	}
	is_good = is_good && weather.verifying != NULL && storm.channel != NULL &&
		  lk_bench_users_create(storm.channel, "people", USERS * 500).code == LK_OK;
	if (is_good)
		is_good = options->times_capacity > 0 ? run_storm(options, &weather, &storm)
						      : run_calm(options, &storm);
	if (storm.n_failed > 0)
		fprintf(stderr, "latchkey-bench: %llu sign-ins failed, the first with %s\n",
			(unsigned long long)storm.n_failed,
			lk_code_name(lk_code_from_number(storm.code)));
	lk_channel_close(weather.verifying);
	lk_channel_close(storm.channel);
	lk_session_end(&weather.session);
	return is_good ? 0 : 1;
}
