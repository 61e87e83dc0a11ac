/* SPDX-License-Identifier: MIT */
/* The daemon: every part of latchkeyd, opened in order and closed in reverse. */
#pragma once

#include "client/bridge/bridge.h"
#include "server/config.h"
#include "server/core/charge.h"
#include "server/jwks.h"
#include "server/core/guesses.h"
#include "server/core/proofs.h"
#include "server/core/usage.h"
#include "server/metrics.h"
#include "server/net/listener.h"
#include "server/rpc/local.h"
#include "server/rpc/services.h"

#define LK_DAEMON_PATH_SIZE 1200

struct lk_daemon {
	const struct lk_config *config;
	char store_path[LK_DAEMON_PATH_SIZE]; /* the store names it in its reports */
	struct lk_peppers peppers;
	struct lk_store *store;
	struct lk_realms *realms;
	struct lk_index *index;
	struct lk_committer *committer;
	struct lk_usage *usage;
	struct lk_guesses *guesses;
	struct lk_counters *limits;
	struct lk_key_sources *key_sources;
	struct lk_jwks_fetcher *jwks;
	struct lk_limiter limiter;
	struct lk_proofs *proofs;
	struct lk_services services;
	struct lk_authorizer authorizer;
	struct lk_server *server;
	struct lk_net *net;
	struct lk_local *local; /* how the bridge reaches the server */
	struct lk_channel *channel;
	struct lk_bridge *bridge;         /* NULL: no HTTP address is configured */
	_Atomic uint64_t refusals_second; /* the second in which refused calls are counted */
	_Atomic uint64_t refusals;        /* in it */
	struct lk_metrics metrics;
};

/* Opens everything and begins to serve; the configuration outlives the daemon. What went wrong is
 * logged. After a failure lk_daemon_close is still to be called.
 *
 * LK_FAILED_PRECONDITION, LK_DATA_LOSS  the data directory cannot be used
 * LK_ALREADY_EXISTS, LK_UNAVAILABLE     an address cannot be bound
 * Others as the parts have them. */
LK_MUST_USE struct lk_status lk_daemon_open(
	struct lk_daemon *daemon, const struct lk_config *config);

/* Puts the realms of a newly read configuration into force; nothing else of it. On an error the
 * old ones stay, unless it says that a realm has no key to sign with, or that memory is short. The
 * configuration outlives the daemon. */
LK_MUST_USE struct lk_status lk_daemon_reload(
	struct lk_daemon *daemon, const struct lk_config *config);

/* Writes what was counted of failed sign-ins since the last time. */
void lk_daemon_flush_counters(struct lk_daemon *daemon);

/* Writes the uses of keys and sessions that were noted since the last time. */
void lk_daemon_flush_usage(struct lk_daemon *daemon);

/* Looks at what the metrics tell. */
void lk_daemon_observe(struct lk_daemon *daemon);

/* Deletes what is over, and trims the change log. */
void lk_daemon_sweep(struct lk_daemon *daemon);

/* Finishes the calls under way, for at most drain_ms, and makes everything durable. Listeners go on
 * refusing until the process ends, which has to follow at once: nng 1.5.2 may hang when sockets
 * with live peers are closed, and what only holds memory is not worth the wait. */
void lk_daemon_close(struct lk_daemon *daemon, uint32_t drain_ms);
