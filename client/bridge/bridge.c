/* SPDX-License-Identifier: MIT */
#include "client/bridge/bridge_priv.h"

#include "client/bridge/connect.h"
#include "client/bridge/cors.h"
#include "client/bridge/headers.h"
#include "client/bridge/original.h"
#include "client/bridge/pages.h"
#include "proto/wire/utf8.h"

/* POST /_latchkey/verify has the original request's body. */
#define VERIFY_BODY_MAX ((size_t)256 * 1024)

/* Memory of a request beside its body: its message and the server's answer. */
#define ARENA_MAX ((size_t)1 << 20)

const char *const lk_bridge_scopes[] = { "auth.verify", "auth.sign_in", "keys.read", "keys.manage",
	"users.read", "client.assert", NULL };

/* What a listener's tag points at. */
enum tag {
	TAG_BY_HOST,
	TAG_OPERATIONS,
};
static enum tag by_host = TAG_BY_HOST, operations = TAG_OPERATIONS;

/* --- answers --- */

struct lk_buf lk_bridge_buf(struct lk_arena *arena, size_t cap)
{
	uint8_t *room = lk_arena_alloc(arena, cap);

	return (struct lk_buf) { .data = room,
		.room = room != NULL ? cap : 0,
		.cap = room != NULL ? cap : 0,
		.failed = room == NULL };
}

void lk_bridge_send(struct lk_http_exchange *exchange, unsigned status, struct lk_bytes body,
	struct lk_buf *headers)
{
	struct lk_http_answer answer = { .status = status, .body = body };

	lk_put_header_raw(headers, "Cache-Control", "no-store");
	if (body.n > 0)
		answer.content_type = "application/json";
	answer.headers = (struct lk_bytes) { headers->data, headers->n };
	/* Half a head could say the opposite of the whole. */
	if (headers->failed)
		answer = (struct lk_http_answer) { .status = 500 };
	lk_http_send(exchange, &answer);
}

void lk_bridge_refuse(const struct lk_site *site, struct lk_http_exchange *exchange,
	const struct lk_failure *failure, struct lk_buf *headers)
{
	struct lk_refusal refusal = lk_refuse(site, failure, exchange->arena, headers);

	lk_bridge_send(exchange, refusal.status, refusal.body, headers);
}

/* A page may read why, like any other answer. */
void lk_bridge_refuse_http(const struct lk_site *site, struct lk_http_exchange *exchange,
	unsigned status, const char *why)
{
	struct lk_buf headers = lk_bridge_buf(exchange->arena, LK_BRIDGE_HEADERS_MAX);

	if (site != NULL && site->adapter != NULL)
		lk_cors_put(site, exchange, false, &headers);
	lk_bridge_refuse(site, exchange,
		&(struct lk_failure) { .fault = LK_FAULT_HTTP, .http = status, .why = why },
		&headers);
}

/* --- requests --- */

struct lk_status lk_asker_read(struct lk_bridge *bridge, const struct lk_http_exchange *exchange,
	struct lk_asker *asker_out)
{
	const struct lk_bridge_config *config = bridge->options.config;
	struct lk_address peer;
	struct lk_bytes agent = { (const uint8_t *)"", 0 };

	memcpy(peer.bytes, exchange->peer->address, sizeof peer.bytes);
	lk_forwarded_read(exchange->head, exchange->head_bytes, &peer, config->trusted_proxies,
		config->n_trusted_proxies, &asker_out->forwarded);
	/* A message holds UTF-8, and an agent that is none is worth nothing. */
	(void)lk_http_header(exchange, "user-agent", &agent);
	if (!lk_utf8_valid(agent))
		agent.n = 0;
	asker_out->user_agent =
		lk_arena_strndup(exchange->arena, (const char *)agent.data, agent.n);
	return asker_out->user_agent != NULL
		       ? LK_SUCCESS
		       : LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
}

static const struct lk_site *find_site(
	struct lk_bridge *bridge, const struct lk_http_exchange *exchange)
{
	const struct lk_sites *sites = atomic_load_explicit(&bridge->sites, memory_order_acquire);

	if (exchange->listener_tag == &operations)
		return NULL;
	if (exchange->listener_tag == &by_host)
		return lk_sites_by_host(
			sites, lk_http_at(exchange->head_bytes, exchange->head->host));
	return lk_sites_find(sites, exchange->listener_tag);
}

static size_t body_max(void *arg, const struct lk_http_exchange *exchange)
{
	(void)arg;
	return lk_original_is_asked(exchange) ? VERIFY_BODY_MAX : LK_BRIDGE_BODY_MAX;
}

static void handle(void *arg, struct lk_http_exchange *exchange)
{
	struct lk_bridge *bridge = arg;
	const struct lk_site *site = find_site(bridge, exchange);

	if (exchange->listener_tag == &operations) {
		if (!lk_operations_serve(bridge, exchange) && !lk_connect_serve(bridge, exchange))
			lk_bridge_refuse_http(NULL, exchange, 404, "there is nothing here");
	} else if (site == NULL) {
		lk_bridge_refuse_http(NULL, exchange, 404, "no realm has this name");
	} else if (lk_original_is_asked(exchange)) {
		lk_verify_serve(bridge, site, exchange);
	} else if (!lk_documents_serve(bridge, site, exchange) && !lk_pages_serve(site, exchange)) {
		if (site->adapter != NULL)
			lk_rest_serve(bridge, site, exchange);
		else
			lk_bridge_refuse_http(site, exchange, 404, "there is nothing here");
	}
}

static void refuse(void *arg, struct lk_http_exchange *exchange, unsigned status, const char *why)
{
	lk_bridge_refuse_http(find_site(arg, exchange), exchange, status, why);
}

static void on_trouble(void *arg, const char *what)
{
	struct lk_bridge *bridge = arg;

	if (bridge->options.on_trouble != NULL)
		bridge->options.on_trouble(bridge->options.arg, what);
}

/* --- life --- */

/* Returns how many there are. A realm's name is the tag of its listeners. */
static size_t list_addresses(const struct lk_bridge_config *config,
	struct lk_http_address addresses[LK_HTTP_ADDRESSES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_listen && n < LK_HTTP_ADDRESSES_MAX; i++)
		addresses[n++] = (struct lk_http_address) { config->listen[i], &by_host };
	if (config->operations != NULL && n < LK_HTTP_ADDRESSES_MAX)
		addresses[n++] = (struct lk_http_address) { config->operations, &operations };
	for (size_t i = 0; i < config->n_realms; i++)
		for (size_t j = 0; j < config->realms[i].n_listen && n < LK_HTTP_ADDRESSES_MAX; j++)
			addresses[n++] = (struct lk_http_address) { config->realms[i].listen[j],
				(void *)(uintptr_t)config->realms[i].name };
	return n;
}

bool lk_bridge_is_configured(const struct lk_bridge_config *config)
{
	struct lk_http_address addresses[LK_HTTP_ADDRESSES_MAX];

	return list_addresses(config, addresses) > 0;
}

struct lk_status lk_bridge_start(
	const struct lk_bridge_options *options, struct lk_bridge **bridge_out)
{
	struct lk_http_address addresses[LK_HTTP_ADDRESSES_MAX];
	struct lk_http_options http = {
		.addresses = addresses,
		.n_addresses = list_addresses(options->config, addresses),
		.loops = options->config->loops,
		.connections_max = options->config->connections_max,
		.connections_per_address_max = options->config->connections_per_address_max,
		.arena_max = ARENA_MAX,
		.body_max = body_max,
		.handle = handle,
		.refuse = refuse,
		.on_trouble = on_trouble,
	};
	struct lk_bridge *bridge = lk_alloc(sizeof *bridge);
	struct lk_sites *sites;
	struct lk_status st;

	if (bridge == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the bridge");
	bridge->options = *options;
	st = lk_sites_new(options->config, NULL, &sites);
	if (st.code == LK_OK) {
		atomic_store(&bridge->sites, sites);
		http.arg = bridge;
		st = lk_http_start(&http, &bridge->http);
	}
	if (st.code == LK_OK)
		*bridge_out = bridge;
	else
		lk_bridge_stop(bridge);
	return st;
}

struct lk_status lk_bridge_reload(struct lk_bridge *bridge, const struct lk_bridge_config *config)
{
	struct lk_sites *sites;

	LK_TRY(lk_sites_new(config, atomic_load(&bridge->sites), &sites));
	atomic_store_explicit(&bridge->sites, sites, memory_order_release);
	return LK_SUCCESS;
}

bool lk_bridge_drain(struct lk_bridge *bridge, uint32_t timeout_ms)
{
	return lk_http_drain(bridge->http, timeout_ms);
}

void lk_bridge_stop(struct lk_bridge *bridge)
{
	if (bridge == NULL)
		return;
	lk_http_stop(bridge->http);
	lk_sites_free(atomic_load(&bridge->sites));
	lk_free(bridge);
}
