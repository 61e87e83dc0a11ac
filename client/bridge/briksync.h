/* SPDX-License-Identifier: MIT */
/* BrikSync: the surface of latchkey/rest/briksync.proto. */
#pragma once

#include "client/bridge/rest_call.h"

extern const struct lk_adapter lk_briksync;
