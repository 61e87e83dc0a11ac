/* SPDX-License-Identifier: MIT */
/* Basics Gateway: the surface of latchkey/rest/gateway.proto. */
#pragma once

#include "client/bridge/rest_call.h"

extern const struct lk_adapter lk_gateway;
