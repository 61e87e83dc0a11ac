/* SPDX-License-Identifier: MIT */
/* Swagger UI, for the document of a surface: public pages below `docs/`. */
#pragma once

#include "client/bridge/bridge_priv.h"

/* Answers when the path is a page's. */
bool lk_pages_serve(const struct lk_site *site, struct lk_http_exchange *exchange);
