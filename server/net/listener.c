/* SPDX-License-Identifier: MIT */
#include "server/net/listener.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/net/net_priv.h"

/* Compares the library that runs, not the one we were compiled with. */
static bool nng_is_recent(void)
{
	const unsigned long oldest[3] = { 1, 5, 2 };
	const char *at = nng_version();

	for (size_t i = 0; i < 3; i++) {
		char *end;
		unsigned long part = strtoul(at, &end, 10);

		if (part != oldest[i])
			return part > oldest[i];
		at = *end == '.' ? end + 1 : end;
	}
	return true;
}

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void set_default_size(size_t *value, size_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void fill_defaults(struct lk_net_options *options)
{
	set_default_size(&options->contexts, 256);
	set_default_size(&options->pipes_max, 4096);
	set_default_size(&options->pipes_per_address_max, 64);
	set_default_size(&options->frames_per_pipe_max, options->contexts / 2);
	set_default(&options->reply_timeout_ms, 1000);
	set_default(&options->silent_ms, 60 * 1000);
	set_default(&options->idle_ms, 60 * 60 * 1000);
	set_default(&options->interval_ms, 1000);
}

static struct lk_pipes *new_pipes(const struct lk_net_options *options)
{
	return lk_pipes_new(&(struct lk_pipes_options) {
		.max = options->pipes_max,
		.per_address_max = options->pipes_per_address_max,
		.frames_max = options->frames_per_pipe_max,
		.silent_ticks = options->silent_ms / options->interval_ms + 1,
		.idle_ticks = options->idle_ms / options->interval_ms + 1,
	});
}

/* The caller's bytes are gone when it has started us. */
static bool keep_probe(struct lk_net *net)
{
	struct lk_bytes *probe = &net->options.probe;

	if (probe->n == 0)
		return true;
	net->probe = lk_alloc(probe->n);
	if (net->probe != NULL)
		probe->data = memcpy(net->probe, probe->data, probe->n);
	return net->probe != NULL;
}

static struct lk_status start(struct lk_net *net)
{
	const struct lk_net_options *options = &net->options;

	if (!nng_is_recent())
		return LK_ERR(LK_FAILED_PRECONDITION, "nng is older than 1.5.2");
	if (options->contexts <= lk_server_slow_frames_max(options->server))
		return LK_ERR(LK_INVALID_ARGUMENT,
			"slow lanes could hold every context: more contexts or shorter queues");
	net->pipes = new_pipes(options);
	net->endpoints = lk_alloc((options->n_addresses + 1) * sizeof *net->endpoints);
	if (net->pipes == NULL || net->endpoints == NULL || !keep_probe(net))
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the listeners");
	net->descriptors = opendir("/proc/self/fd");
	if (net->descriptors == NULL)
		return LK_ERR(LK_FAILED_PRECONDITION, "/proc/self/fd cannot be read");
	for (size_t i = 0; i < options->n_addresses; i++)
		LK_TRY(lk_endpoint_open(
			&net->endpoints[net->n_endpoints++], net, &options->addresses[i]));
	return lk_watcher_start(net);
}

struct lk_status lk_net_start(const struct lk_net_options *options, struct lk_net **net_out)
{
	struct lk_net *net = lk_alloc(sizeof *net);
	struct lk_status st;

	if (net == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the listeners");
	net->options = *options;
	fill_defaults(&net->options);
	st = start(net);
	if (st.code != LK_OK) {
		lk_net_stop(net);
		return st;
	}
	*net_out = net;
	return LK_SUCCESS;
}

/* Lets the peers go before nng closes their pipes, which is not safe in the middle of a message
 * (see lk_hang_up). Those that are left after a second have to take their chance. */
static void let_go(struct lk_net *net)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct lk_pipe_address addresses[256];
	size_t n = net->descriptors != NULL;

	atomic_store(&net->is_closing, true);
	for (unsigned i = 0; i < 1000 && n > 0; i++) {
		lk_pipes_condemn_all(net->pipes);
		n = lk_pipes_tick(net->pipes, addresses, LK_COUNT(addresses));
		lk_hang_up(net, addresses, n);
		if (n > 0)
			nanosleep(&pause, NULL);
	}
}

void lk_net_stop(struct lk_net *net)
{
	if (net == NULL)
		return;
	lk_watcher_stop(net);
	let_go(net);
	for (size_t i = 0; i < net->n_endpoints; i++)
		lk_endpoint_close(&net->endpoints[i]);
	if (net->descriptors != NULL)
		closedir(net->descriptors);
	lk_free(net->probe);
	lk_free(net->endpoints);
	lk_pipes_free(net->pipes);
	lk_free(net);
}

void lk_net_abandon(struct lk_net *net)
{
	for (size_t i = 0; net != NULL && i < net->n_endpoints; i++)
		if (net->endpoints[i].is_ipc)
			unlink(lk_ipc_path(net->endpoints[i].url));
}

struct lk_net_stats lk_net_stats(const struct lk_net *net)
{
	return (struct lk_net_stats) {
		.pipes = lk_pipes_count(net->pipes),
		.pipes_accepted = atomic_load(&net->pipes_accepted),
		.pipes_refused = atomic_load(&net->pipes_refused),
		.pipes_ended = lk_pipes_condemned(net->pipes),
		.frames = atomic_load(&net->frames),
		.frames_malformed = atomic_load(&net->frames_malformed),
		.checks_failed = atomic_load(&net->checks_failed),
		.listeners_recreated = atomic_load(&net->listeners_recreated),
	};
}

uint16_t lk_net_port(const struct lk_net *net, size_t address)
{
	return net->endpoints[address].port;
}

bool lk_net_is_healthy(const struct lk_net *net)
{
	for (size_t i = 0; i < net->n_endpoints; i++)
		if (!atomic_load(&net->endpoints[i].is_healthy))
			return false;
	return !atomic_load(&net->is_stuck);
}
