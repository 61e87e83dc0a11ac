/* SPDX-License-Identifier: MIT */
/* What the plugin refuses. Errors go to the schema, all of them at once. */
#pragma once

#include "gen/plugin/surface.h"

/* Methods and what they carry: a rule each, numbers that no other method of the request has,
 * sound types, a realm that is one. */
void lk_check_methods(struct lk_schema *schema);

/* A surface: its own option, its errors, the cookies of its messages, its routes. */
void lk_check_surface(struct lk_schema *schema, const pb_file *file, size_t index);

/* Of lk_check_surface: the methods. */
void lk_check_routes(struct lk_schema *schema, const pb_file *file, size_t index);

/* C names: nothing declared in two places ends up with the same one. */
void lk_check_names(struct lk_schema *schema);
