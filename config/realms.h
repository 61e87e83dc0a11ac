/* SPDX-License-Identifier: MIT */
/* `realms` of a configuration: one section for each, called as the realm. */
#pragma once

#include "config/reader.h"

#define LK_CONFIG_PERMISSIONS_MAX 256

struct lk_config_realm_entry {
	const char *name;       /* NULL after a complaint about it */
	const char *section;    /* "realms.<name>" */
	const char *key_prefix; /* "<name>_" with - written as _: what holds unless it is given */
	yaml_node_t *node;      /* NULL: nothing is below the name, it is a realm of defaults */
};

/* The realms in the order of the file; NULL after a complaint about all of them. */
const struct lk_config_realm_entry *lk_config_list_realms(
	struct lk_config_reader *reader, yaml_node_t *node, size_t *n_out);
