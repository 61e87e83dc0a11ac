/* SPDX-License-Identifier: MIT */
/* The options of latchkey/v1/options.proto, read out of the unknown fields in which protobuf-c,
 * having no registry of extensions, leaves them.
 */
#pragma once

#include "gen/plugin/schema.h"
#include "latchkey/v1/options.pb-c.h"

/* Their numbers in google.protobuf.MethodOptions, ServiceOptions, EnumValueOptions and
 * FieldOptions. */
enum {
	LK_OPTION_RPC = 50801,
	LK_OPTION_SECRET = 50802,
	LK_OPTION_REST = 50803,
	LK_OPTION_SURFACE = 50804,
	LK_OPTION_ERROR = 50805,
	LK_OPTION_COOKIE = 50806,
};

/* Each is in the arena, and NULL where the option is not set. */
const Latchkey__V1__MethodRule *lk_options_rule(struct lk_arena *arena, const pb_method *method);
const Latchkey__V1__RestRoute *lk_options_route(struct lk_arena *arena, const pb_method *method);
const Latchkey__V1__RestSurface *lk_options_surface(
	struct lk_arena *arena, const pb_service *service);
const Latchkey__V1__RestError *lk_options_error(struct lk_arena *arena, const pb_enum_value *value);
const Latchkey__V1__RestCookie *lk_options_cookie(struct lk_arena *arena, const pb_field *field);

/* Whether the field holds a secret. */
bool lk_options_is_secret(const pb_field *field);
