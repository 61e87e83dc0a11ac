/* SPDX-License-Identifier: MIT */
/* BasicsOS CRM: the surface of latchkey/rest/basicsos.proto. */
#pragma once

#include "client/bridge/rest_call.h"

extern const struct lk_adapter lk_basicsos;
