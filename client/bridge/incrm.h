/* SPDX-License-Identifier: MIT */
/* InCRM: the surface of latchkey/rest/incrm.proto. */
#pragma once

#include "client/bridge/rest_call.h"

extern const struct lk_adapter lk_incrm;
