/* SPDX-License-Identifier: MIT */
/* The HTTP bridge: REST surfaces, decisions for proxies, and documents, in front of a server that
 * it reaches through a channel.
 *
 * Each realm of the configuration is a site, chosen by the address that a connection came in on or
 * by Host. A site has its surface's routes, and like every site:
 *
 *   /_latchkey/verify        may this request pass? (verify.h)
 *   /_latchkey/healthz       200 while the process runs
 *   /.well-known/jwks.json   the public keys of the realm (RFC 7517)
 *
 * The operations address has healthz, and
 *
 *   /_latchkey/readyz        200 while the server answers and takes changes, else 503
 *   /_latchkey/metrics       counters in the text format of Prometheus
 *   /latchkey.v1.*           the methods of the server, by the Connect protocol (connect.h)
 */
#pragma once

#include "client/bridge/config.h"
#include "client/bridge/http.h"
#include "proto/wire/rpc.h"

struct lk_bridge;

struct lk_bridge_options {
	const struct lk_bridge_config *config; /* outlives the bridge */
	/* To the server, whose caller needs the scopes lk_bridge_scopes in all realms that are
	 * served. Outlives the bridge. */
	struct lk_channel *channel;
	lk_time_ms (*now)(void); /* the wall clock */
	/* Adds lines to the metrics; may be NULL. */
	void (*metrics)(void *arg, struct lk_buf *out);
	/* Something that is worth a line in the log; may be NULL. */
	void (*on_trouble)(void *arg, const char *what);
	void *arg;
};

/* Whether the configuration has any address for it. */
bool lk_bridge_is_configured(const struct lk_bridge_config *config);

/* What the bridge asks of a server: scopes of the schema, up to a NULL. */
extern const char *const lk_bridge_scopes[];

/* LK_INVALID_ARGUMENT, LK_UNAVAILABLE and LK_RESOURCE_EXHAUSTED as lk_http_start. */
LK_MUST_USE struct lk_status lk_bridge_start(
	const struct lk_bridge_options *options, struct lk_bridge **bridge_out);

/* Puts what a newly read configuration says of realms into force: hosts, origins. Addresses
 * and limits stay until a restart. The configuration outlives the bridge. A realm that is gone is
 * refused. LK_RESOURCE_EXHAUSTED, and then nothing has changed. */
LK_MUST_USE struct lk_status lk_bridge_reload(
	struct lk_bridge *bridge, const struct lk_bridge_config *config);

/* As lk_http_drain. */
bool lk_bridge_drain(struct lk_bridge *bridge, uint32_t timeout_ms);

/* Every call to the server must have been answered or be answered soon. NULL is allowed. */
void lk_bridge_stop(struct lk_bridge *bridge);
