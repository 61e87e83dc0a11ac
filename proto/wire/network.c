/* SPDX-License-Identifier: MIT */
#include "proto/wire/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define IPV4_BITS_OFFSET 96

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_ipv4(const uint8_t addr[16])
{
	uint8_t difference = 0;

	for (size_t i = 0; i < sizeof mapped_prefix; i++)
		difference |= addr[i] ^ mapped_prefix[i];
	return difference == 0;
}

/* inet_pton refuses leading zeros, zone ids and short forms of IPv4: glibc's is as strict as we
 * want it, and the tests hold it to that. */
static bool parse_address(struct lk_bytes text, uint8_t addr_out[16], bool *dotted_out)
{
	char copy[LK_ADDRESS_TEXT_SIZE];

	if (text.n == 0 || text.n >= sizeof copy || memchr(text.data, '\0', text.n) != NULL)
		return false;
	memcpy(copy, text.data, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET, copy, addr_out + sizeof mapped_prefix) == 1) {
		memcpy(addr_out, mapped_prefix, sizeof mapped_prefix);
		*dotted_out = true;
		return true;
	}
	*dotted_out = false;
	return inet_pton(AF_INET6, copy, addr_out) == 1;
}

bool lk_address_parse(struct lk_bytes text, struct lk_address *address_out)
{
	bool dotted;

	return parse_address(text, address_out->bytes, &dotted);
}

void lk_address_format(const struct lk_address *address, char text_out[LK_ADDRESS_TEXT_SIZE])
{
	bool ipv4 = is_ipv4(address->bytes);

	/* Neither can fail: the family is known and the room is enough. */
	if (ipv4)
		inet_ntop(AF_INET, address->bytes + sizeof mapped_prefix, text_out,
			LK_ADDRESS_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, address->bytes, text_out, LK_ADDRESS_TEXT_SIZE);
}

static bool parse_length(struct lk_bytes text, unsigned max, unsigned *length_out)
{
	unsigned length = 0;

	if (text.n == 0 || text.n > 3 || (text.n > 1 && text.data[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		length = length * 10 + (unsigned)(text.data[i] - '0');
	}
	*length_out = length;
	return length <= max;
}

static bool has_host_bits(const struct lk_network *network)
{
	for (unsigned bit = network->bits; bit < 128; bit++)
		if ((network->addr[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return true;
	return false;
}

struct lk_status lk_network_parse(struct lk_bytes text, struct lk_network *network_out)
{
	const uint8_t *slash = text.n > 0 ? memchr(text.data, '/', text.n) : NULL;
	size_t address_n = slash != NULL ? (size_t)(slash - text.data) : text.n;
	struct lk_network network;
	unsigned length;
	bool dotted;

	if (!parse_address((struct lk_bytes) { text.data, address_n }, network.addr, &dotted))
		return LK_BAD_FIELD("networks", "a network is an IP address or a CIDR block");
	length = dotted ? 32 : 128;
	if (slash != NULL && !parse_length((struct lk_bytes) { slash + 1, text.n - address_n - 1 },
				     length, &length))
		return LK_BAD_FIELD("networks", "a network has a bad prefix length");
	network.bits = (uint8_t)(dotted ? length + IPV4_BITS_OFFSET : length);
	if (has_host_bits(&network))
		return LK_BAD_FIELD("networks", "a network has bits set beyond its prefix length");
	*network_out = network;
	return LK_SUCCESS;
}

void lk_network_format(const struct lk_network *network, char text_out[LK_NETWORK_TEXT_SIZE])
{
	bool ipv4 = network->bits >= IPV4_BITS_OFFSET && is_ipv4(network->addr);
	unsigned bits = ipv4 ? network->bits - IPV4_BITS_OFFSET : network->bits;
	struct lk_address address;
	char text[LK_ADDRESS_TEXT_SIZE];

	memcpy(address.bytes, network->addr, sizeof address.bytes);
	lk_address_format(&address, text);
	if (network->bits == 128)
		snprintf(text_out, LK_NETWORK_TEXT_SIZE, "%s", text);
	else
		snprintf(text_out, LK_NETWORK_TEXT_SIZE, "%s/%u", text, bits);
}

bool lk_network_contains(const struct lk_network *network, const struct lk_address *address)
{
	unsigned whole = network->bits / 8;
	unsigned rest = network->bits % 8;
	uint8_t difference = 0;

	/* A short IPv6 block must not take in all of IPv4 through the mapped range. */
	if (network->bits < IPV4_BITS_OFFSET && is_ipv4(address->bytes))
		return false;
	for (unsigned i = 0; i < whole; i++)
		difference |= network->addr[i] ^ address->bytes[i];
	if (rest > 0)
		difference |=
			(uint8_t)((network->addr[whole] ^ address->bytes[whole]) >> (8 - rest));
	return difference == 0;
}
