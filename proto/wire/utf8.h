/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

/* True when the bytes are UTF-8 (RFC 3629) without NUL. */
bool lk_utf8_valid(struct lk_bytes text);
