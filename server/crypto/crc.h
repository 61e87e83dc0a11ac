/* SPDX-License-Identifier: MIT */
#pragma once

#include "proto/wire/types.h"

/* CRC-32 (IEEE 802.3): tells a typing mistake from a key. It protects nothing. */
uint32_t lk_crc32(struct lk_bytes bytes);
