/* SPDX-License-Identifier: MIT */
/* The bridge's part of the configuration: `http` at the top of the file and in each realm.
 *
 * One file is for latchkeyd and latchkey-bridge alike. latchkeyd checks the whole of it, this part
 * by what config_fields.h declares; latchkey-bridge reads this part by the same tables and passes
 * over the rest. Mistakes are reported as in server/config.h.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/arena.h"
#include "proto/wire/buf.h"
#include "proto/wire/network.h"
#include "proto/wire/status.h"

#define LK_BRIDGE_ADDRESSES_MAX 64 /* of the whole file */
#define LK_BRIDGE_NETWORKS_MAX 64
#define LK_BRIDGE_HOSTS_MAX 64
#define LK_BRIDGE_ORIGINS_MAX 64

/* The surfaces that this program has, "a|b|c" (cmake/surfaces.cmake). */
extern const char lk_surface_names[];

struct lk_bridge_realm {
	const char *name;
	const char *key_prefix; /* tells a key from other bearers */
	const char *surface;    /* "incrm", "omnicrm"; NULL: only what every realm has */
	const char **listen;    /* addresses for this realm alone: "127.0.0.1:8082", "[::1]:8082" */
	size_t n_listen;
	const char **hosts; /* names in Host that stand for it: lower case, no port */
	size_t n_hosts;
	const char **origins; /* exact, of browsers that may send credentials */
	size_t n_origins;
};

struct lk_bridge_config {
	const char **listen; /* addresses for any realm, by Host; "*:8080" is possible, too */
	size_t n_listen;
	const char *operations; /* address of metrics and readyz; NULL: none */
	bool plaintext_ok;      /* addresses need not be of the loopback */
	const struct lk_network *trusted_proxies;
	size_t n_trusted_proxies;
	uint32_t loops; /* 0: one per core */
	uint32_t connections_max;
	uint32_t connections_per_address_max;
	const struct lk_bridge_realm *realms; /* each of the file, with `http` or without */
	size_t n_realms;
};

/* What holds when the file says nothing. */
extern const struct lk_bridge_config lk_bridge_config_default;

/* Reads a file for latchkey-bridge into a configuration whose memory is the arena's.
 *
 * LK_INVALID_ARGUMENT  mistakes in this part; `errors_out` has a line for each
 * LK_NOT_FOUND         the file cannot be read; `errors_out` says why
 */
LK_MUST_USE struct lk_status lk_bridge_config_load(const char *path, struct lk_arena *arena,
	struct lk_bridge_config *config_out, struct lk_buf *errors_out);
