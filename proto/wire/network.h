/* SPDX-License-Identifier: MIT */
/* IP addresses and CIDR blocks.
 *
 * IPv4 is kept as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), and a mapped text means the IPv4 address
 * inside. Still the families stay apart: `::/0` holds no IPv4 address. Parsing is strict, since a
 * lax reading of an allowlist lets someone in: no leading zeros, no host bits, no zone ids, no
 * ports.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/status.h"

#define LK_ADDRESS_TEXT_SIZE 46
#define LK_NETWORK_TEXT_SIZE (LK_ADDRESS_TEXT_SIZE + 4)

struct lk_address {
	uint8_t bytes[16];
};

struct lk_network {
	uint8_t addr[16];
	uint8_t bits; /* leading bits that count, 0 to 128; IPv4 has 96 or more */
};

/* False when the text is not one IPv4 or IPv6 address. */
bool lk_address_parse(struct lk_bytes text, struct lk_address *address_out);

/* The canonical text (RFC 5952); IPv4 dotted. */
void lk_address_format(const struct lk_address *address, char text_out[LK_ADDRESS_TEXT_SIZE]);

/* An address alone is the block that holds only it. LK_INVALID_ARGUMENT, field `networks`. */
LK_MUST_USE struct lk_status lk_network_parse(struct lk_bytes text, struct lk_network *network_out);

/* Canonical; the length is left out when the block is one address. */
void lk_network_format(const struct lk_network *network, char text_out[LK_NETWORK_TEXT_SIZE]);

bool lk_network_contains(const struct lk_network *network, const struct lk_address *address);
