/* SPDX-License-Identifier: MIT */
#include "bench/http_client.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/http_connection.h"
#include "bench/watch.h"
#include "proto/wire/arena.h"

#define EVENTS_MAX 64
#define GRACE_NS (10 * UINT64_C(1000000000))
#define WAIT_STEP_US 10000

/* A thread with connections of its own; it shares nothing but the histogram. */
struct worker {
	struct lk_http_shared shared; /* first, so that it leads back here */
	pthread_t thread;
	unsigned index;
	struct lk_http_connection *connections;
	unsigned n_connections;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t cpu_ns;
	/* Of an open loop: when the next request is to start, its number, and a ring of where. */
	uint64_t due_ns;
	uint64_t started;
	struct lk_http_connection **places;
	unsigned first_place;
	unsigned n_places;
};

/* --- the loop of a thread --- */

/* A closed loop: each answer starts the next request, until the time is over. */
static void ask_again(
	struct lk_http_shared *shared, struct lk_http_connection *connection, uint64_t now_ns)
{
	const struct worker *worker = (const struct worker *)shared;

	if (now_ns < worker->end_ns)
		lk_http_connection_ask(shared, connection, now_ns);
}

/* An open loop: there is room for one more on this connection. */
static void give_place(
	struct lk_http_shared *shared, struct lk_http_connection *connection, uint64_t now_ns)
{
	struct worker *worker = (struct worker *)shared;
	unsigned n_ring = worker->n_connections * shared->load->pipeline;

	(void)now_ns;
	worker->places[(worker->first_place + worker->n_places++) % n_ring] = connection;
}

/* When request `started` of this thread is due; the threads take turns. */
static uint64_t next_due(const struct worker *worker)
{
	uint64_t n = worker->started * worker->shared.load->threads + worker->index;

	return worker->start_ns + (uint64_t)((double)n * 1e9 / worker->shared.load->per_second);
}

/* Starts what is due by now, as far as there is place: what has to wait is late all the same. */
static void start_due(struct worker *worker)
{
	unsigned n_ring = worker->n_connections * worker->shared.load->pipeline;

	while (worker->n_places > 0 && worker->due_ns < worker->end_ns &&
		worker->due_ns <= lk_watch_ns()) {
		struct lk_http_connection *connection = worker->places[worker->first_place];

		worker->first_place = (worker->first_place + 1) % n_ring;
		worker->n_places--;
		lk_http_connection_ask(&worker->shared, connection, worker->due_ns);
		lk_http_connection_flush(&worker->shared, connection);
		worker->started++;
		worker->due_ns = next_due(worker);
	}
}

/* Everything at once: each answer then starts the next request. */
static void start_all(struct worker *worker)
{
	for (unsigned i = 0; i < worker->n_connections; i++) {
		for (unsigned k = 0; k < worker->shared.load->pipeline; k++)
			lk_http_connection_ask(
				&worker->shared, &worker->connections[i], lk_watch_ns());
		lk_http_connection_flush(&worker->shared, &worker->connections[i]);
	}
}

/* Fills the ring so that neighbours in it are different connections. */
static void make_places(struct worker *worker)
{
	for (unsigned k = 0; k < worker->shared.load->pipeline; k++)
		for (unsigned i = 0; i < worker->n_connections; i++)
			worker->places[worker->n_places++] = &worker->connections[i];
	worker->due_ns = next_due(worker);
}

/* Waits for events until then at most, and serves them. */
static void serve(struct worker *worker, uint64_t until_ns)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t now_ns = lk_watch_ns();
	uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	const struct timespec timeout = { .tv_sec = (time_t)(wait_ns / 1000000000),
		.tv_nsec = (long)(wait_ns % 1000000000) };
	int n = epoll_pwait2(worker->shared.epoll, events, EVENTS_MAX, &timeout, NULL);

	if (n < 0 && errno != EINTR)
		lk_http_fail(
			&worker->shared, "epoll_pwait2 does not work here; it takes Linux 5.11");
	for (int i = 0; i < n && !worker->shared.has_failed; i++)
		lk_http_connection_serve(&worker->shared, events[i].data.ptr, events[i].events);
}

static void run_loop(struct worker *worker)
{
	bool is_open = worker->shared.load->per_second > 0;
	uint64_t give_up_ns = worker->end_ns + GRACE_NS;

	while (!worker->shared.has_failed &&
		(worker->shared.n_pending > 0 || worker->due_ns < worker->end_ns)) {
		bool is_due_next =
			is_open && worker->n_places > 0 && worker->due_ns < worker->end_ns;

		serve(worker, is_due_next ? worker->due_ns : give_up_ns);
		if (is_open)
			start_due(worker);
		if (lk_watch_ns() >= give_up_ns)
			lk_http_fail(&worker->shared,
				"answers are still missing ten seconds after the end");
	}
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	struct timespec cpu;

	if (worker->shared.load->per_second > 0) {
		/* The kernel's 50 us of slack would be in every latency. */
		prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
		make_places(worker);
	} else {
		worker->due_ns = worker->end_ns; /* never */
		start_all(worker);
	}
	run_loop(worker);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	worker->cpu_ns = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec;
	return NULL;
}

/* --- a round --- */

static struct lk_status resolve(const struct lk_bench_url *url, struct addrinfo **address_out)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

	if (getaddrinfo(url->host, url->port, &hints, address_out) != 0)
		return LK_ERR(LK_UNAVAILABLE, "the server's name is not known");
	return LK_SUCCESS;
}

struct lk_status lk_http_wait(const struct lk_bench_url *url)
{
	uint64_t give_up_ns = lk_watch_ns() + GRACE_NS;
	struct addrinfo *address;
	int fd;

	LK_TRY(resolve(url, &address));
	while ((fd = lk_http_connect(address)) < 0 && lk_watch_ns() < give_up_ns)
		usleep(WAIT_STEP_US);
	freeaddrinfo(address);
	if (fd < 0)
		return LK_ERR(LK_UNAVAILABLE, "the server accepts no connection");
	close(fd);
	return LK_SUCCESS;
}

static void close_worker(struct worker *worker)
{
	for (unsigned i = 0; i < worker->n_connections; i++)
		lk_http_connection_close(&worker->shared, &worker->connections[i]);
	lk_free(worker->connections);
	lk_free(worker->places);
	if (worker->shared.epoll >= 0)
		close(worker->shared.epoll);
}

/* Opens the connections of a thread: its share of all. */
static struct lk_status open_worker(struct worker *worker)
{
	const struct lk_http_load *load = worker->shared.load;
	unsigned n = load->connections / load->threads +
		     (worker->index < load->connections % load->threads);

	worker->shared.epoll = epoll_create1(EPOLL_CLOEXEC);
	worker->connections = lk_alloc(n * sizeof *worker->connections);
	worker->places = lk_alloc((size_t)n * load->pipeline * sizeof(struct lk_http_connection *));
	if (worker->shared.epoll < 0 || worker->connections == NULL || worker->places == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory or descriptors");
	while (worker->n_connections < n)
		LK_TRY(lk_http_connection_open(
			&worker->shared, &worker->connections[worker->n_connections++]));
	return LK_SUCCESS;
}

static void add_result(const struct worker *worker, struct lk_http_load_result *result)
{
	result->answers += worker->shared.answers;
	result->wrong += worker->shared.wrong;
	/* What has failed is over, whether or not anything was under way. */
	if (worker->shared.has_failed)
		result->failed += worker->shared.n_pending > 0 ? worker->shared.n_pending : 1;
	if (result->problem[0] == '\0')
		memcpy(result->problem, worker->shared.problem, sizeof result->problem);
	result->cpu += (double)worker->cpu_ns;
}

static struct lk_status run_workers(
	struct worker *workers, unsigned duration_ms, struct lk_http_load_result *result_out)
{
	unsigned n = workers[0].shared.load->threads, n_running = 0;
	struct lk_http_load_result result = { 0 };
	uint64_t start_ns = lk_watch_ns();
	double elapsed_ns;

	for (unsigned i = 0; i < n; i++) {
		workers[i].start_ns = start_ns;
		workers[i].end_ns = start_ns + (uint64_t)duration_ms * 1000000;
	}
	while (n_running < n && pthread_create(&workers[n_running].thread, NULL, run_worker,
					&workers[n_running]) == 0)
		n_running++;
	for (unsigned i = 0; i < n_running; i++) {
		pthread_join(workers[i].thread, NULL);
		add_result(&workers[i], &result);
	}
	if (n_running < n)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "a thread cannot be started");
	elapsed_ns = (double)(lk_watch_ns() - start_ns);
	result.per_second = (double)result.answers * 1e9 / elapsed_ns;
	result.cpu /= elapsed_ns;
	*result_out = result;
	return LK_SUCCESS;
}

struct lk_status lk_http_load_run(const struct lk_http_load *load, struct lk_histogram *histogram,
	struct lk_http_load_result *result_out)
{
	struct worker workers[LK_HTTP_THREADS_MAX];
	struct addrinfo *address;
	struct lk_status st = resolve(load->url, &address);
	unsigned n = 0;

	if (st.code != LK_OK)
		return st;
	while (n < load->threads) {
		workers[n] = (struct worker) { .index = n,
			.shared = { .load = load,
				.address = address,
				.histogram = histogram,
				.on_answer = load->per_second > 0 ? give_place : ask_again,
				.random = (n + 1) * UINT64_C(0x9e3779b97f4a7c15) } };
		st = open_worker(&workers[n++]);
		if (st.code != LK_OK)
			goto out;
	}
	st = run_workers(workers, load->duration_ms, result_out);
out:
	while (n > 0)
		close_worker(&workers[--n]);
	freeaddrinfo(address);
	return st;
}
