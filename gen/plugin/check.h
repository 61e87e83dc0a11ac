/* SPDX-License-Identifier: MIT */
/* What the plugin refuses. Errors go to the schema, all of them at once. */
#pragma once

#include "gen/plugin/schema.h"

/* Methods and what they carry: a rule each, numbers that no other method of the request has,
 * sound types, a realm that is one. */
void lk_check_methods(struct lk_schema *schema);

/* C names: nothing declared in two places ends up with the same one. */
void lk_check_names(struct lk_schema *schema);
