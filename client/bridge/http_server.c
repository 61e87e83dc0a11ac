/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <unistd.h>

#include "client/bridge/http_priv.h"

#define CONNECTIONS_MAX 16384
#define HEAD_MS 5000
#define BODY_MS 10000
#define IDLE_MS 60000
#define SEND_MS 10000
#define LINGER_MS 2000
#define ARENA_MAX ((size_t)1 << 20)

static uint32_t either(uint32_t value, uint32_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static void set_options(struct lk_http *http, const struct lk_http_options *options)
{
	long n_cores = sysconf(_SC_NPROCESSORS_ONLN);

	http->options = *options;
	if (options->arena_max == 0)
		http->options.arena_max = ARENA_MAX;
	http->phase_ms[LK_HTTP_IDLE] = either(options->idle_ms, IDLE_MS);
	http->phase_ms[LK_HTTP_IN_HEAD] = either(options->head_ms, HEAD_MS);
	http->phase_ms[LK_HTTP_IN_BODY] = either(options->body_ms, BODY_MS);
	http->phase_ms[LK_HTTP_SENDING] = either(options->send_ms, SEND_MS);
	http->phase_ms[LK_HTTP_LINGERING] = LINGER_MS;
	http->n_loops = either(options->loops, n_cores > 0 ? (uint32_t)n_cores : 1);
	if (http->n_loops > LK_HTTP_LOOPS_MAX)
		http->n_loops = LK_HTTP_LOOPS_MAX;
}

static struct lk_status listen_on_all(struct lk_http *http, unsigned loop)
{
	for (size_t i = 0; i < http->options.n_addresses; i++)
		LK_TRY(lk_http_listen(http->loops[loop], i, loop == 0));
	return LK_SUCCESS;
}

/* All that can fail for want of something comes before the first thread. */
static struct lk_status start(struct lk_http *http)
{
	const struct lk_http_options *options = &http->options;

	http->caps = lk_http_caps_new(either(options->connections_max, CONNECTIONS_MAX),
		options->connections_per_address_max);
	if (http->caps == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	for (unsigned i = 0; i < http->n_loops; i++) {
		http->loops[i] = lk_http_loop_new(http);
		if (http->loops[i] == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory or descriptors are short");
		LK_TRY(listen_on_all(http, i));
	}
	for (unsigned i = 0; i < http->n_loops; i++)
		if (!lk_http_loop_start(http->loops[i]))
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "there is no thread for a loop");
	return LK_SUCCESS;
}

struct lk_status lk_http_start(const struct lk_http_options *options, struct lk_http **http_out)
{
	struct lk_http *http;
	struct lk_status status;

	assert(options->body_max != NULL && options->handle != NULL && options->refuse != NULL);
	if (options->n_addresses == 0 || options->n_addresses > LK_HTTP_ADDRESSES_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "there are no addresses, or too many");
	http = lk_alloc(sizeof *http);
	if (http == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	set_options(http, options);
	status = start(http);
	/* Whose texts are the caller's. */
	http->options.addresses = NULL;
	if (status.code == LK_OK)
		*http_out = http;
	else
		lk_http_stop(http);
	return status;
}

bool lk_http_drain(struct lk_http *http, uint32_t timeout_ms)
{
	for (unsigned i = 0; i < http->n_loops; i++)
		lk_http_loop_drain(http->loops[i]);
	return lk_http_caps_wait(http->caps, timeout_ms);
}

void lk_http_stop(struct lk_http *http)
{
	if (http == NULL)
		return;
	for (unsigned i = 0; i < http->n_loops; i++)
		if (http->loops[i] != NULL && http->loops[i]->has_thread)
			lk_http_loop_stop(http->loops[i]);
	for (unsigned i = 0; i < http->n_loops; i++) {
		if (http->loops[i] != NULL && http->loops[i]->has_thread)
			pthread_join(http->loops[i]->thread, NULL);
		lk_http_loop_free(http->loops[i]);
	}
	lk_http_caps_free(http->caps);
	lk_free(http);
}

void lk_http_count(const struct lk_http *http, struct lk_http_counters *counters_out)
{
	struct lk_http_counters counters = { .open = lk_http_caps_count(http->caps) };

	for (unsigned i = 0; i < http->n_loops; i++) {
		const struct lk_http_loop *loop = http->loops[i];

		counters.connections += atomic_load(&loop->accepted);
		counters.turned_away += atomic_load(&loop->turned_away);
		counters.requests += atomic_load(&loop->requests);
		counters.refused += atomic_load(&loop->refused);
		for (size_t j = 0; j < LK_COUNT(counters.by_class); j++)
			counters.by_class[j] += atomic_load(&loop->by_class[j]);
	}
	*counters_out = counters;
}

uint16_t lk_http_port(const struct lk_http *http, size_t address)
{
	assert(address < http->options.n_addresses);
	return http->ports[address];
}
