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
