/* SPDX-License-Identifier: MIT */
#include "bench/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/http_answer.h"
#include "bench/watch.h"
#include "proto/wire/arena.h"

#define ANSWER_HEAD_MAX 8192
#define EVENTS_MAX 64
#define GRACE_NS (10 * UINT64_C(1000000000))
#define WAIT_STEP_US 10000

struct pending {
	const struct lk_bench_request *request;
	uint64_t start_ns;
};

struct connection {
	int fd;
	unsigned first;
	unsigned n_pending;
	struct pending *pending; /* a ring of `pipeline` requests that are not answered yet */
	uint8_t *out;            /* room for as many */
	size_t n_out;
	size_t n_sent;
	bool is_in_body; /* the head of the first one's answer was read and judged */
	bool closes;     /* after that answer */
	uint64_t body_left;
	size_t n_in;
	uint8_t in[ANSWER_HEAD_MAX];
};

/* A thread with connections of its own; it shares nothing but the histogram. */
struct worker {
	const struct lk_http_load *load;
	const struct addrinfo *address;
	struct lk_histogram *histogram;
	pthread_t thread;
	int epoll;
	unsigned index;
	struct connection *connections;
	unsigned n_connections;
	struct connection **places; /* of an open loop: a ring of where a request may start */
	unsigned first_place;
	unsigned n_places;
	uint64_t random;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t due_ns;  /* of an open loop: when the next request is to start */
	uint64_t started; /* number of the next request */
	uint64_t n_pending;
	uint64_t answers;
	uint64_t wrong;
	uint64_t cpu_ns;
	bool has_failed;
	char problem[160];
};

/* --- connections --- */

static int connect_to(const struct addrinfo *address)
{
	const int on = 1;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 ||
		fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static bool open_connection(struct worker *worker, struct connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = connection };

	connection->fd = connect_to(worker->address);
	return connection->fd >= 0 &&
	       epoll_ctl(worker->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

/* The round is void from here on. */
static void fail(struct worker *worker, const char *why)
{
	if (worker->problem[0] == '\0')
		snprintf(worker->problem, sizeof worker->problem, "%s", why);
	worker->has_failed = true;
}

static void flush(struct worker *worker, struct connection *connection)
{
	while (connection->n_sent < connection->n_out) {
		ssize_t n = send(connection->fd, connection->out + connection->n_sent,
			connection->n_out - connection->n_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			fail(worker, "the server broke a connection");
		if (n < 0)
			return;
		connection->n_sent += (size_t)n;
	}
	connection->n_out = connection->n_sent = 0;
}

static void append(struct connection *connection, const struct lk_bench_request *request)
{
	if (connection->n_sent > 0) {
		connection->n_out -= connection->n_sent;
		memmove(connection->out, connection->out + connection->n_sent, connection->n_out);
		connection->n_sent = 0;
	}
	memcpy(connection->out + connection->n_out, request->text, request->n);
	connection->n_out += request->n;
}

static struct pending *pending_at(
	const struct worker *worker, struct connection *connection, unsigned i)
{
	return &connection->pending[(connection->first + i) % worker->load->pipeline];
}

/* Puts a request on the connection, to be flushed. */
static void ask(struct worker *worker, struct connection *connection, uint64_t start_ns)
{
	struct pending *pending = pending_at(worker, connection, connection->n_pending++);

	pending->request = lk_bench_requests_next(worker->load->requests, &worker->random);
	pending->start_ns = start_ns;
	worker->n_pending++;
	append(connection, pending->request);
}

/* Opens a connection again that the server has closed in good order; what it did not answer is
 * asked once more. */
static void reopen(struct worker *worker, struct connection *connection)
{
	close(connection->fd);
	connection->n_in = connection->n_out = connection->n_sent = 0;
	connection->closes = false;
	if (!open_connection(worker, connection)) {
		fail(worker, "a connection cannot be opened again");
		return;
	}
	for (unsigned i = 0; i < connection->n_pending; i++)
		append(connection, pending_at(worker, connection, i)->request);
}

/* --- answers --- */

static bool is_right(const struct worker *worker, const struct lk_bench_request *request,
	const struct lk_bench_answer *answer)
{
	if (worker->load->lets_all_in)
		return answer->status == 200;
	if (answer->status != request->status)
		return false;
	if (request->status != 200)
		return answer->key_id.n == 0;
	return request->key_id[0] == '\0' ||
	       (answer->key_id.n == strlen(request->key_id) &&
		       memcmp(answer->key_id.data, request->key_id, answer->key_id.n) == 0);
}

static void judge(struct worker *worker, const struct lk_bench_request *request,
	const struct lk_bench_answer *answer)
{
	unsigned due = worker->load->lets_all_in ? 200 : request->status;

	if (is_right(worker, request, answer))
		return;
	worker->wrong++;
	if (worker->problem[0] != '\0')
		return;
	if (answer->status != due)
		snprintf(worker->problem, sizeof worker->problem, "%u where %u was due",
			answer->status, due);
	else
		snprintf(worker->problem, sizeof worker->problem,
			"%u with X-Latchkey-Key '%.*s' instead of '%s'", due,
			(int)(answer->key_id.n < 40 ? answer->key_id.n : 40),
			(const char *)answer->key_id.data, request->key_id);
}

/* Reads and judges the head of the next answer; false when it is not complete, or never will be. */
static bool take_head(struct worker *worker, struct connection *connection, size_t *at)
{
	struct lk_bench_answer answer;
	const struct lk_bytes bytes = { connection->in + *at, connection->n_in - *at };

	switch (lk_bench_answer_read(bytes, &answer)) {
	case LK_BENCH_ANSWER_READ:
		break;
	case LK_BENCH_ANSWER_SHORT:
		if (bytes.n == sizeof connection->in)
			fail(worker, "the head of an answer is too long");
		return false;
	case LK_BENCH_ANSWER_BAD:
		fail(worker, "an answer is not HTTP/1.1 with a Content-Length");
		return false;
	}
	judge(worker, connection->pending[connection->first].request, &answer);
	*at += answer.head_n;
	connection->is_in_body = true;
	connection->closes = answer.closes;
	connection->body_left = answer.body_n;
	return true;
}

/* The first answer is complete. A closed loop asks again until the time is over. */
static void finish_answer(struct worker *worker, struct connection *connection, uint64_t now_ns)
{
	uint64_t start_ns = connection->pending[connection->first].start_ns;

	lk_histogram_add(worker->histogram, now_ns - start_ns);
	worker->answers++;
	worker->n_pending--;
	connection->is_in_body = false;
	connection->first = (connection->first + 1) % worker->load->pipeline;
	connection->n_pending--;
	if (worker->load->per_second > 0)
		worker->places[(worker->first_place + worker->n_places++) %
			       (worker->n_connections * worker->load->pipeline)] = connection;
	else if (now_ns < worker->end_ns)
		ask(worker, connection, now_ns);
}

/* Takes complete answers out of what was received, and keeps the rest. */
static void take_answers(struct worker *worker, struct connection *connection)
{
	uint64_t now_ns = lk_watch_ns();
	bool closes = false;
	size_t at = 0;

	while (connection->n_pending > 0 && !closes) {
		size_t n;

		if (!connection->is_in_body && !take_head(worker, connection, &at))
			break;
		n = connection->n_in - at;
		if (n > connection->body_left)
			n = connection->body_left;
		at += n;
		connection->body_left -= n;
		if (connection->body_left > 0)
			break;
		closes = connection->closes;
		finish_answer(worker, connection, now_ns);
	}
	connection->n_in -= at;
	memmove(connection->in, connection->in + at, connection->n_in);
	if (closes && !worker->has_failed)
		reopen(worker, connection);
	else if (connection->n_in > 0 && connection->n_pending == 0)
		fail(worker, "the server says more than it was asked");
}

/* The server has closed; a connection that waits for its next request it may close. */
static void on_closed(struct worker *worker, struct connection *connection)
{
	if (connection->n_pending > 0)
		fail(worker, "the server closed a connection on which it owed an answer");
	else
		reopen(worker, connection);
}

/* Reads all there is: events are edges and do not come again. A read that does not fill the buffer
 * was the last, unless the end of the stream is still to be read. */
static void receive(struct worker *worker, struct connection *connection, bool is_ended)
{
	while (!worker->has_failed) {
		size_t room = sizeof connection->in - connection->n_in;
		ssize_t n = recv(connection->fd, connection->in + connection->n_in, room, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			fail(worker, "the server broke a connection");
		if (n < 0)
			return;
		if (n == 0) {
			on_closed(worker, connection);
			return;
		}
		connection->n_in += (size_t)n;
		take_answers(worker, connection);
		if ((size_t)n < room && !is_ended)
			return;
	}
}

/* --- the loop of a thread --- */

/* When request `started` of this thread is due; the threads take turns. */
static uint64_t next_due(const struct worker *worker)
{
	uint64_t n = worker->started * worker->load->threads + worker->index;

	return worker->start_ns + (uint64_t)((double)n * 1e9 / worker->load->per_second);
}

/* Starts what is due by now, as far as there is place: what has to wait is late all the same. */
static void start_due(struct worker *worker)
{
	unsigned n_ring = worker->n_connections * worker->load->pipeline;

	while (worker->n_places > 0 && worker->due_ns < worker->end_ns &&
		worker->due_ns <= lk_watch_ns()) {
		struct connection *connection = worker->places[worker->first_place];

		worker->first_place = (worker->first_place + 1) % n_ring;
		worker->n_places--;
		ask(worker, connection, worker->due_ns);
		flush(worker, connection);
		worker->started++;
		worker->due_ns = next_due(worker);
	}
}

/* Everything at once: each answer then starts the next request. */
static void start_all(struct worker *worker)
{
	for (unsigned i = 0; i < worker->n_connections; i++) {
		for (unsigned k = 0; k < worker->load->pipeline; k++)
			ask(worker, &worker->connections[i], lk_watch_ns());
		flush(worker, &worker->connections[i]);
	}
}

/* Fills the ring so that neighbours in it are different connections. */
static void make_places(struct worker *worker)
{
	for (unsigned k = 0; k < worker->load->pipeline; k++)
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
	int n = epoll_pwait2(worker->epoll, events, EVENTS_MAX, &timeout, NULL);

	if (n < 0 && errno != EINTR)
		fail(worker, "epoll_pwait2 does not work here; it takes Linux 5.11");
	for (int i = 0; i < n && !worker->has_failed; i++) {
		struct connection *connection = events[i].data.ptr;

		if (events[i].events & ~(uint32_t)EPOLLOUT)
			receive(worker, connection,
				(events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
		if (!worker->has_failed)
			flush(worker, connection);
	}
}

static void run_loop(struct worker *worker)
{
	bool is_open = worker->load->per_second > 0;
	uint64_t give_up_ns = worker->end_ns + GRACE_NS;

	while (!worker->has_failed && (worker->n_pending > 0 || worker->due_ns < worker->end_ns)) {
		bool is_due_next =
			is_open && worker->n_places > 0 && worker->due_ns < worker->end_ns;

		serve(worker, is_due_next ? worker->due_ns : give_up_ns);
		if (is_open)
			start_due(worker);
		if (lk_watch_ns() >= give_up_ns)
			fail(worker, "answers are still missing ten seconds after the end");
	}
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	struct timespec cpu;

	if (worker->load->per_second > 0) {
		/* The kernel's 50 us of slack would be in every latency. */
		prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
		make_places(worker);
	} else {
		worker->due_ns = worker->end_ns;
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
	while ((fd = connect_to(address)) < 0 && lk_watch_ns() < give_up_ns)
		usleep(WAIT_STEP_US);
	freeaddrinfo(address);
	if (fd < 0)
		return LK_ERR(LK_UNAVAILABLE, "the server accepts no connection");
	close(fd);
	return LK_SUCCESS;
}

static void close_worker(struct worker *worker)
{
	for (unsigned i = 0; worker->connections != NULL && i < worker->n_connections; i++) {
		struct connection *connection = &worker->connections[i];

		if (connection->fd >= 0)
			close(connection->fd);
		if (connection->out != NULL)
			lk_wipe(connection->out,
				worker->load->pipeline * worker->load->requests->longest);
		lk_free(connection->out);
		lk_free(connection->pending);
	}
	lk_free(worker->connections);
	lk_free(worker->places);
	if (worker->epoll >= 0)
		close(worker->epoll);
}

/* Opens the connections of a thread: its share of all. */
static struct lk_status open_worker(struct worker *worker)
{
	const struct lk_http_load *load = worker->load;
	unsigned n = load->connections / load->threads +
		     (worker->index < load->connections % load->threads);

	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	worker->connections = lk_alloc(n * sizeof *worker->connections);
	worker->places = lk_alloc((size_t)n * load->pipeline * sizeof(struct connection *));
	if (worker->epoll < 0 || worker->connections == NULL || worker->places == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory or descriptors");
	for (unsigned i = 0; i < n; i++) {
		struct connection *connection = &worker->connections[i];

		worker->n_connections = i + 1;
		connection->fd = -1;
		connection->pending = lk_alloc(load->pipeline * sizeof *connection->pending);
		connection->out = lk_alloc(load->pipeline * load->requests->longest);
		if (connection->pending == NULL || connection->out == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
		if (!open_connection(worker, connection))
			return LK_ERR(LK_UNAVAILABLE, "the server takes no more connections");
	}
	return LK_SUCCESS;
}

static void add_result(const struct worker *worker, struct lk_http_load_result *result)
{
	result->answers += worker->answers;
	result->wrong += worker->wrong;
	/* What has failed is over, whether or not anything was under way. */
	if (worker->has_failed)
		result->failed += worker->n_pending > 0 ? worker->n_pending : 1;
	if (result->problem[0] == '\0')
		memcpy(result->problem, worker->problem, sizeof result->problem);
	result->cpu += (double)worker->cpu_ns;
}

static struct lk_status run_workers(
	struct worker *workers, unsigned duration_ms, struct lk_http_load_result *result_out)
{
	unsigned n = workers[0].load->threads, n_running = 0;
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
		workers[n] = (struct worker) { .load = load,
			.address = address,
			.histogram = histogram,
			.index = n,
			.random = (n + 1) * UINT64_C(0x9e3779b97f4a7c15) };
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
