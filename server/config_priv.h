/* SPDX-License-Identifier: MIT */
/* What config.c needs of config_realm.c. */
#pragma once

#include "config/reader.h"
#include "server/config.h"

/* Reads `realms` into a struct lk_config. */
void lk_config_read_realms(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into);
