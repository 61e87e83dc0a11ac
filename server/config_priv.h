/* SPDX-License-Identifier: MIT */
/* What the files of the configuration need of each other. */
#pragma once

#include "config/reader.h"
#include "server/config.h"

/* Reads `realms` into a struct lk_config. */
void lk_config_read_realms(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

/* Reads `routes` of a realm into its struct lk_config_realm. */
void lk_config_read_routes(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

/* What one rule cannot tell: its place among the others, and the realm's permissions. When each is
 * right. */
void lk_config_check_routes(struct lk_config_reader *reader, const struct lk_config_realm *realm);

bool lk_config_is_plan(const char *text);
bool lk_config_is_network(const char *text);

/* Reads `api_keys` of a realm into its struct lk_config_realm. */
void lk_config_read_keys(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

/* Reads the name of a file, and from it a secret of LK_SECRET_MIN to LK_SECRET_MAX bytes: the
 * file's one line, in the arena. Others than its owner must not be able to read it. */
void lk_config_read_secret(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_bytes *secret_out);

/* Reads `issuers` of a realm into its struct lk_config_realm. */
void lk_config_read_issuers(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

/* Reads `limits` of a realm into its struct lk_config_realm. */
void lk_config_read_limits(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);

/* Reads kinds of callers as bits of LK_CALLER_BIT; at least one. */
void lk_config_read_callers(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	uint32_t *callers_out);

/* `api_keys` and `ip_whitelist`, of a file of their own. */
extern const struct lk_config_field lk_config_listed_fields[];

/* Reads the file that the realm names, if it does, and holds roles against the realm's. When each
 * field is right. */
void lk_config_check_listed(struct lk_config_reader *reader, struct lk_config_realm *realm);
