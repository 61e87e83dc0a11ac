/* SPDX-License-Identifier: MIT */
/* The HTTP engine with routes that bring out what it does, for tests over raw sockets.
 *
 * Prints `ready PORT...`, then a line per trouble. SIGTERM drains and stops, SIGINT stops; either
 * way everything held is answered, and nothing may leak.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/bridge/http.h"

#define BIG_MAX ((size_t)80 << 20)
#define DRAIN_MS 1000

/* An exchange that is answered later. */
struct held {
	struct lk_http_exchange *exchange;
	struct held *next;
};

/* Those that wait for a /release, and those that a thread answers as fast as it can. */
struct holding {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct held *for_release;
	struct held *for_thread;
	bool is_stopping;
};

struct server {
	struct lk_http *http;
	struct holding holding;
	char *big;
};

static void answer_text(struct lk_http_exchange *exchange, unsigned status, const char *text)
{
	lk_http_send(exchange, &(struct lk_http_answer) {
				       .status = status,
				       .content_type = "text/plain",
				       .body = lk_bytes_of(text),
			       });
}

/* --- Answering later --- */

static void resume_held(struct lk_http_exchange *exchange, void *arg)
{
	answer_text(exchange, 200, arg);
}

static void hold(struct holding *holding, struct held **list, struct lk_http_exchange *exchange)
{
	struct held *held = lk_arena_alloc(exchange->arena, sizeof *held);
	bool is_late;

	if (held == NULL) {
		answer_text(exchange, 503, "no memory");
		return;
	}
	held->exchange = exchange;
	pthread_mutex_lock(&holding->mutex);
	is_late = holding->is_stopping;
	if (!is_late) {
		held->next = *list;
		*list = held;
		pthread_cond_signal(&holding->changed);
	}
	pthread_mutex_unlock(&holding->mutex);
	if (is_late)
		answer_text(exchange, 503, "too late");
}

static struct held *take(struct holding *holding, struct held **list)
{
	struct held *taken;

	pthread_mutex_lock(&holding->mutex);
	taken = *list;
	*list = NULL;
	pthread_mutex_unlock(&holding->mutex);
	return taken;
}

/* What is held lies in the exchange's arena, which is gone after the answer. */
static void resume_all(struct held *held, char *text)
{
	while (held != NULL) {
		struct held *next = held->next;

		lk_http_resume(held->exchange, resume_held, text);
		held = next;
	}
}

static void *answer_from_a_thread(void *arg)
{
	struct holding *holding = arg;
	static char slow[] = "slow";

	pthread_mutex_lock(&holding->mutex);
	for (;;) {
		while (holding->for_thread == NULL && !holding->is_stopping)
			pthread_cond_wait(&holding->changed, &holding->mutex);
		if (holding->for_thread == NULL)
			break;
		pthread_mutex_unlock(&holding->mutex);
		resume_all(take(holding, &holding->for_thread), slow);
		pthread_mutex_lock(&holding->mutex);
	}
	pthread_mutex_unlock(&holding->mutex);
	return NULL;
}

/* --- Routes: the part of the target behind `?` is their number --- */

static unsigned long number_of(const struct lk_http_exchange *exchange)
{
	struct lk_bytes query = lk_http_at(exchange->head_bytes, exchange->head->query);
	char digits[16] = "";

	memcpy(digits, query.data, query.n < sizeof digits ? query.n : sizeof digits - 1);
	return strtoul(digits, NULL, 10);
}

static void hello(struct server *server, struct lk_http_exchange *exchange)
{
	(void)server;
	answer_text(exchange, 200, "hello");
}

static void echo(struct server *server, struct lk_http_exchange *exchange)
{
	(void)server;
	lk_http_send(exchange, &(struct lk_http_answer) { .status = 200, .body = exchange->body });
}

/* All that the handler was given, so that two ways of sending it can be compared. */
static void describe(struct server *server, struct lk_http_exchange *exchange)
{
	const struct lk_http_head *head = exchange->head;
	struct lk_bytes method = lk_http_at(exchange->head_bytes, head->method_text);
	struct lk_bytes target = lk_http_at(exchange->head_bytes, head->target);
	struct lk_bytes host = lk_http_at(exchange->head_bytes, head->host);
	char text[512];

	(void)server;
	snprintf(text, sizeof text, "%.*s %.*s %.*s %zu lines, %zu bytes from %s by %s",
		(int)method.n, method.data, (int)target.n, target.data, (int)host.n, host.data,
		head->n_lines, exchange->body.n, exchange->peer->text,
		(const char *)exchange->listener_tag);
	answer_text(exchange, 200, text);
}

static void big(struct server *server, struct lk_http_exchange *exchange)
{
	size_t n = number_of(exchange);

	lk_http_send(exchange,
		&(struct lk_http_answer) {
			.status = 200,
			.body = { (const uint8_t *)server->big, n < BIG_MAX ? n : BIG_MAX },
		});
}

static void status(struct server *server, struct lk_http_exchange *exchange)
{
	(void)server;
	lk_http_send(exchange, &(struct lk_http_answer) {
				       .status = (unsigned)number_of(exchange),
				       .headers = lk_bytes_of("Cache-Control: no-store\r\n"),
				       .body = lk_bytes_of("body"),
			       });
}

static void thread(struct server *server, struct lk_http_exchange *exchange)
{
	char text[32];

	(void)server;
	snprintf(text, sizeof text, "%ld", (long)gettid());
	answer_text(exchange, 200, text);
}

static void close_after(struct server *server, struct lk_http_exchange *exchange)
{
	(void)server;
	lk_http_send(exchange, &(struct lk_http_answer) { .status = 200, .close = true });
}

static void resume_at_once(struct server *server, struct lk_http_exchange *exchange)
{
	static char text[] = "at once";

	(void)server;
	lk_http_resume(exchange, resume_held, text);
}

static void slow(struct server *server, struct lk_http_exchange *exchange)
{
	hold(&server->holding, &server->holding.for_thread, exchange);
}

static void never(struct server *server, struct lk_http_exchange *exchange)
{
	hold(&server->holding, &server->holding.for_release, exchange);
}

/* In this loop, those of this loop are answered while this request is being handled. */
static void release(struct server *server, struct lk_http_exchange *exchange)
{
	static char text[] = "released";

	resume_all(take(&server->holding, &server->holding.for_release), text);
	answer_text(exchange, 200, "released all");
}

static void use_arena(struct server *server, struct lk_http_exchange *exchange)
{
	bool fits = lk_arena_alloc(exchange->arena, number_of(exchange)) != NULL;

	(void)server;
	answer_text(exchange, fits ? 200 : 503, fits ? "fits" : "exhausted");
}

/* Allocations are those of this loop, so there must be one loop only. */
static void fail_allocation(struct server *server, struct lk_http_exchange *exchange)
{
	(void)server;
	answer_text(exchange, 200, lk_alloc_fail_nth(number_of(exchange)) ? "fired" : "quiet");
}

static void count(struct server *server, struct lk_http_exchange *exchange)
{
	struct lk_http_counters counters;
	unsigned long n_held = 0;
	char text[512];

	pthread_mutex_lock(&server->holding.mutex);
	lk_http_count(server->http, &counters);
	for (const struct held *held = server->holding.for_release; held != NULL; held = held->next)
		n_held++;
	pthread_mutex_unlock(&server->holding.mutex);
	snprintf(text, sizeof text,
		"connections %lu\nopen %lu\nturned_away %lu\nrequests %lu\nrefused %lu\n"
		"class_2 %lu\nclass_4 %lu\nclass_5 %lu\nheld %lu\n",
		(unsigned long)counters.connections, (unsigned long)counters.open,
		(unsigned long)counters.turned_away, (unsigned long)counters.requests,
		(unsigned long)counters.refused, (unsigned long)counters.by_class[2],
		(unsigned long)counters.by_class[4], (unsigned long)counters.by_class[5], n_held);
	answer_text(exchange, 200, text);
}

static const struct {
	const char *path;
	void (*run)(struct server *server, struct lk_http_exchange *exchange);
	size_t body_max;
} routes[] = {
	{ "/hello", hello, 65536 },
	{ "/echo", echo, 1 << 20 },
	{ "/small", echo, 8 },
	{ "/describe", describe, 65536 },
	{ "/big", big, 0 },
	{ "/status", status, 0 },
	{ "/close", close_after, 0 },
	{ "/at-once", resume_at_once, 0 },
	{ "/slow", slow, 65536 },
	{ "/never", never, 0 },
	{ "/release", release, 0 },
	{ "/arena", use_arena, 0 },
	{ "/fault", fail_allocation, 0 },
	{ "/count", count, 0 },
	{ "/thread", thread, 0 },
};

static size_t route_of(const struct lk_http_exchange *exchange)
{
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);
	size_t i = 0;

	while (i < LK_COUNT(routes) && (strlen(routes[i].path) != path.n ||
					       memcmp(routes[i].path, path.data, path.n) != 0))
		i++;
	return i;
}

static size_t body_max(void *arg, const struct lk_http_exchange *exchange)
{
	size_t route = route_of(exchange);

	(void)arg;
	return route < LK_COUNT(routes) ? routes[route].body_max : 65536;
}

static void handle(void *arg, struct lk_http_exchange *exchange)
{
	size_t route = route_of(exchange);

	if (exchange->head->method == LK_HTTP_OTHER)
		answer_text(exchange, 405, "method not allowed");
	else if (route == LK_COUNT(routes))
		answer_text(exchange, 404, "not found");
	else
		routes[route].run(arg, exchange);
}

static void refuse(
	void *arg, struct lk_http_exchange *exchange, unsigned status_code, const char *why)
{
	(void)arg;
	answer_text(exchange, status_code, why);
}

static void on_trouble(void *arg, const char *what)
{
	(void)arg;
	printf("trouble: %s\n", what);
}

/* --- Start and end --- */

static void limit_descriptors(rlim_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = n == 0 || n > limit.rlim_max ? limit.rlim_max : n;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static uint32_t number_in(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

/* The arguments are addresses, each its own tag. */
static void read_options(int argc, char **argv, struct lk_http_options *options)
{
	static struct lk_http_address addresses[LK_HTTP_ADDRESSES_MAX] = { { "127.0.0.1:0",
		"default" } };
	rlim_t descriptors = 0;
	int option;

	while ((option = getopt(argc, argv, "l:c:a:h:b:i:s:n:")) != -1) {
		uint32_t number = number_in(optarg != NULL ? optarg : "");

		options->loops = option == 'l' ? number : options->loops;
		options->connections_max = option == 'c' ? number : options->connections_max;
		options->head_ms = option == 'h' ? number : options->head_ms;
		options->body_ms = option == 'b' ? number : options->body_ms;
		options->idle_ms = option == 'i' ? number : options->idle_ms;
		options->send_ms = option == 's' ? number : options->send_ms;
		descriptors = option == 'n' ? number : descriptors;
		if (option == 'a')
			options->connections_per_address_max = number;
	}
	limit_descriptors(descriptors);
	options->addresses = addresses;
	options->n_addresses = 1;
	for (int i = optind; i < argc && i - optind < LK_HTTP_ADDRESSES_MAX; i++) {
		addresses[i - optind] = (struct lk_http_address) { argv[i], argv[i] };
		options->n_addresses = (size_t)(i - optind + 1);
	}
}

static void print_ports(const struct lk_http *http, size_t n_addresses)
{
	printf("ready");
	for (size_t i = 0; i < n_addresses; i++)
		printf(" %u", lk_http_port(http, i));
	printf("\n");
}

/* From now on nobody is held, and everybody who is gets their answer. */
static void stop(struct server *server, bool drains)
{
	struct holding *holding = &server->holding;
	static char text[] = "too late";

	if (drains)
		printf("drained: %s\n", lk_http_drain(server->http, DRAIN_MS) ? "yes" : "no");
	pthread_mutex_lock(&holding->mutex);
	holding->is_stopping = true;
	pthread_cond_signal(&holding->changed);
	pthread_mutex_unlock(&holding->mutex);
	resume_all(take(holding, &holding->for_release), text);
	lk_http_stop(server->http);
}

int main(int argc, char **argv)
{
	struct server server = { .big = calloc(1, BIG_MAX) };
	struct holding *holding = &server.holding;
	struct lk_http_options options = {
		.body_max = body_max,
		.handle = handle,
		.refuse = refuse,
		.on_trouble = on_trouble,
		.arg = &server,
	};
	struct lk_status status;
	pthread_t answering;
	sigset_t signals;
	int signal = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	read_options(argc, argv, &options);
	pthread_mutex_init(&holding->mutex, NULL);
	pthread_cond_init(&holding->changed, NULL);
	pthread_mutex_lock(&holding->mutex);
	status = lk_http_start(&options, &server.http);
	pthread_mutex_unlock(&holding->mutex);
	if (status.code != LK_OK) {
		printf("%s: %s (%s)\n", lk_code_name(status.code), status.why,
			status.field != NULL ? status.field : "");
		free(server.big);
		return 1;
	}
	pthread_create(&answering, NULL, answer_from_a_thread, holding);
	print_ports(server.http, options.n_addresses);
	sigwait(&signals, &signal);
	stop(&server, signal == SIGTERM);
	pthread_join(answering, NULL);
	free(server.big);
	return 0;
}
