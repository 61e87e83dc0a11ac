/* SPDX-License-Identifier: MIT */
/* OmniCRM: the surface of latchkey/rest/omnicrm.proto. */
#pragma once

#include "client/bridge/rest_call.h"

extern const struct lk_adapter lk_omnicrm;
