/* SPDX-License-Identifier: MIT */
/* The options of latchkey/v1/options.proto, read out of the unknown fields in which protobuf-c,
 * having no registry of extensions, leaves them.
 */
#pragma once

#include "gen/plugin/schema.h"
#include "latchkey/v1/options.pb-c.h"

/* Field number of `rpc` in google.protobuf.MethodOptions. */
#define LK_OPTION_RPC 50801
/* Field number of `secret` in google.protobuf.FieldOptions. */
#define LK_OPTION_SECRET 50802

/* The method's rule, in the arena; NULL when it has none. */
const Latchkey__V1__MethodRule *lk_options_rule(struct lk_arena *arena, const pb_method *method);

/* Whether the field holds a secret. */
bool lk_options_is_secret(const pb_field *field);
