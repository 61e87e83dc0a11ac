/* SPDX-License-Identifier: MIT */
/* The grammar of the bridge's part of a configuration, for whoever reads all of it. */
#pragma once

#include "client/bridge/config.h"
#include "config/reader.h"

/* `http` at the top; offsets in struct lk_bridge_config. */
extern const struct lk_config_field lk_bridge_http_fields[];

/* `http` of a realm; offsets in struct lk_bridge_realm. */
extern const struct lk_config_field lk_bridge_realm_fields[];

/* What one field cannot tell: whether they fit together. For the end, when each is right. */
void lk_bridge_config_check(struct lk_config_reader *reader, const struct lk_bridge_config *config);
