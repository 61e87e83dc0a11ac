/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <time.h>

#include "server/net/net_priv.h"

#define FAILURES_MAX 3
#define RECREATE_TICKS_MIN 10
#define CONDEMNED_MAX 256
#define STUCK_TICKS 10

/* A listener that is slow on a busy machine is not dead. */
#define PROBE_TIMEOUT_MS 1000

/* False when it is time to stop. */
static bool wait_tick(struct lk_net *net)
{
	struct timespec end;
	bool goes_on;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += net->options.interval_ms / 1000;
	end.tv_nsec += (long)(net->options.interval_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	pthread_mutex_lock(&net->mutex);
	while (!net->is_stopping &&
		pthread_cond_timedwait(&net->wake, &net->mutex, &end) != ETIMEDOUT)
		continue;
	goes_on = !net->is_stopping;
	pthread_mutex_unlock(&net->mutex);
	return goes_on;
}

/* What does not fit into one round has its turn in the next. */
static void end_condemned(struct lk_net *net)
{
	struct lk_pipe_address addresses[CONDEMNED_MAX];

	lk_hang_up(net, addresses, lk_pipes_tick(net->pipes, addresses, LK_COUNT(addresses)));
}

static void report(const struct lk_endpoint *endpoint, const char *what)
{
	const struct lk_net_options *options = &endpoint->net->options;

	if (options->on_trouble != NULL)
		options->on_trouble(options->arg, endpoint->url, what);
}

/* Every self-check is a pipe that has to be freed. When there are more pipes than the table knows
 * and none is freed for long, nng's one thread for that is lost, and only a restart helps. */
static void check_freeing(struct lk_net *net)
{
	unsigned long freed = atomic_load(&net->pipes_freed);
	unsigned long made = atomic_load(&net->pipes_made);
	bool moves = freed != net->freed_before || made - freed <= lk_pipes_count(net->pipes);

	net->freed_before = freed;
	net->stuck_ticks = moves ? 0 : net->stuck_ticks + 1;
	if (net->stuck_ticks == STUCK_TICKS)
		report(&net->endpoints[0], "nng no longer frees connections: restart the server");
	atomic_store(&net->is_stuck, net->stuck_ticks >= STUCK_TICKS);
}

static void recreate(struct lk_endpoint *endpoint)
{
	atomic_fetch_add(&endpoint->net->listeners_recreated, 1);
	report(endpoint, "the listener does not answer and is made anew");
	endpoint->failures = 0;
	endpoint->ticks_since_made = 0;
	if (lk_endpoint_recreate(endpoint).code != LK_OK)
		report(endpoint, "the listener could not be made anew");
}

static void check(struct lk_endpoint *endpoint)
{
	endpoint->ticks_since_made++;
	switch (lk_probe(endpoint, PROBE_TIMEOUT_MS)) {
	case LK_PROBE_ANSWERED:
		endpoint->failures = 0;
		atomic_store(&endpoint->is_healthy, true);
		return;
	case LK_PROBE_UNDECIDED:
		return;
	case LK_PROBE_FAILED:
		break;
	}
	endpoint->failures++;
	atomic_store(&endpoint->is_healthy, false);
	atomic_fetch_add(&endpoint->net->checks_failed, 1);
	report(endpoint, "the self-check got no answer");
	if (endpoint->failures >= FAILURES_MAX && endpoint->ticks_since_made >= RECREATE_TICKS_MIN)
		recreate(endpoint);
}

static void *watch(void *arg)
{
	struct lk_net *net = arg;

	while (wait_tick(net)) {
		end_condemned(net);
		for (size_t i = 0; i < net->n_endpoints && net->options.probe.n > 0; i++)
			check(&net->endpoints[i]);
		if (net->options.probe.n > 0)
			check_freeing(net);
	}
	return NULL;
}

struct lk_status lk_watcher_start(struct lk_net *net)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&net->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&net->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	net->has_watcher = pthread_create(&net->watcher, NULL, watch, net) == 0;
	return net->has_watcher ? LK_SUCCESS
				: LK_ERR(LK_RESOURCE_EXHAUSTED, "no thread for the self-check");
}

void lk_watcher_stop(struct lk_net *net)
{
	if (!net->has_watcher)
		return;
	pthread_mutex_lock(&net->mutex);
	net->is_stopping = true;
	pthread_cond_signal(&net->wake);
	pthread_mutex_unlock(&net->mutex);
	pthread_join(net->watcher, NULL);
	pthread_cond_destroy(&net->wake);
	pthread_mutex_destroy(&net->mutex);
}
