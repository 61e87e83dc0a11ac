/* SPDX-License-Identifier: MIT */
/* The configuration: one YAML file, read and checked as a whole before anything starts.
 *
 * Every mistake is reported with its line and the field's full name; the text never quotes a
 * value, because a value may be a secret. Relative paths are relative to the working directory.
 */
#pragma once

#include <stdbool.h>

#include "client/bridge/config.h"
#include "proto/wire/arena.h"
#include "proto/wire/buf.h"
#include "proto/wire/status.h"
#include "server/core/realm.h"

#define LK_CONFIG_LISTENERS_MAX 16

struct lk_config_realm {
	const char *name;
	const char *key_prefix; /* "<name>_" unless given */
	const char **permissions;
	size_t n_permissions;
	uint32_t keys_per_owner_max;
	const struct lk_role_spec *roles;
	size_t n_roles;
	const char *token; /* opaque, EdDSA or HS256 */
	uint32_t session_ttl_s;
	uint32_t access_ttl_s;
	uint32_t refresh_ttl_s;
	uint32_t refresh_replay_window_ms;
	uint32_t sessions_per_user_max;
	const char *issuer;   /* NULL: the realm's default */
	const char *audience; /* likewise */
	struct lk_password_policy passwords;
	struct lk_subject_policy subject;
	const struct lk_route_spec *routes;
	size_t n_routes;
	const char **key_plans;
	size_t n_key_plans;
	struct {
		const struct lk_listed_key_spec *keys;
		size_t n_keys;
		const char **addresses;
		size_t n_addresses;
		const char **address_roles;
		size_t n_address_roles;
	} listed;
	struct lk_issuer_spec *issuers; /* whose `keys` are not set yet */
	size_t n_issuers;
	bool takes_imports;
	struct lk_bytes import_secret;
	const struct lk_limit_spec *limits;
	size_t n_limits;
	const char *callers_file;     /* where api_keys and ip_whitelist are; NULL: here */
	struct lk_bridge_realm *http; /* its part of the bridge's configuration */
};

struct lk_config_lane {
	uint32_t workers;
	uint32_t queue; /* frames waiting */
};

struct lk_config {
	const char *data_dir;
	const char *operator_url; /* ipc://… with operator rights */
	const char **listen;      /* further URLs, each caller with a service key */
	size_t n_listen;
	bool plaintext_ok; /* tcp:// may bind other addresses than loopback */
	const char *log_level;
	const char *log_format;
	uint32_t connections_max;
	uint32_t connections_per_address_max;
	uint32_t usage_flush_ms;
	uint32_t sweep_ms;
	uint32_t change_log_max;
	uint32_t change_log_age_ms;
	uint32_t reserve_mib;
	struct lk_config_lane read;
	struct lk_config_lane crypto;
	struct lk_config_lane hash;
	struct lk_config_realm *realms;
	size_t n_realms;
	struct lk_bridge_config http;
};

/* Reads a file into a configuration whose memory is the arena's.
 *
 * LK_INVALID_ARGUMENT  mistakes; `errors_out` has a line for each
 * LK_NOT_FOUND         the file cannot be read; `errors_out` says why
 */
LK_MUST_USE struct lk_status lk_config_load(const char *path, struct lk_arena *arena,
	struct lk_config *config_out, struct lk_buf *errors_out);

/* What the core is told of a realm, and where its session policy is kept meanwhile. Texts and lists
 * are borrowed from the configuration. */
void lk_config_realm_spec(const struct lk_config_realm *realm,
	struct lk_session_policy *sessions_out, struct lk_realm_spec *spec_out);
