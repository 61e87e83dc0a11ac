/* SPDX-License-Identifier: MIT */
#include "server/crypto/crc.h"

#include <zlib.h>

uint32_t lk_crc32(struct lk_bytes bytes)
{
	return (uint32_t)crc32(0, bytes.data, (uInt)bytes.n);
}
