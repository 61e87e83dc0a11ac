/* SPDX-License-Identifier: MIT */
#include "client/bridge/config_texts.h"

#include <stdint.h>
#include <stdlib.h>

#include "proto/wire/network.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

#define HOST_MAX 253
#define LABEL_MAX 63

static bool is_port(const char *text)
{
	size_t n = strspn(text, DIGITS);

	return n > 0 && n <= 5 && text[n] == '\0' && text[0] != '0' &&
	       strtol(text, NULL, 10) <= UINT16_MAX;
}

/* An IPv4 address or, in brackets, an IPv6 address, in the form that it is written in by us. */
static bool is_ip(struct lk_bytes text)
{
	bool has_brackets = text.n > 2 && text.data[0] == '[' && text.data[text.n - 1] == ']';
	char canonical[LK_ADDRESS_TEXT_SIZE];
	struct lk_address address;

	if (has_brackets)
		text = (struct lk_bytes) { text.data + 1, text.n - 2 };
	if (!lk_address_parse(text, &address))
		return false;
	lk_address_format(&address, canonical);
	return strlen(canonical) == text.n && memcmp(canonical, text.data, text.n) == 0 &&
	       (strchr(canonical, ':') != NULL) == has_brackets;
}

bool lk_bridge_is_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;

	return colon != NULL && is_port(colon + 1) &&
	       ((n == 1 && text[0] == '*') ||
		       is_ip((struct lk_bytes) { (const uint8_t *)text, n }));
}

bool lk_bridge_is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0;
}

/* Labels of lower-case letters, digits and inner hyphens, joined by dots. */
static bool is_name(const char *text, size_t n)
{
	size_t label = 0;

	if (n == 0 || n > HOST_MAX || text[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		bool ends = i + 1 == n || text[i + 1] == '.';

		if (text[i] == '.' ? label == 0 : strchr(LOWER DIGITS "-", text[i]) == NULL)
			return false;
		if (text[i] == '-' && (label == 0 || ends))
			return false;
		label = text[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return true;
}

bool lk_bridge_is_host(const char *text)
{
	return is_name(text, strlen(text));
}

bool lk_bridge_is_origin(const char *text)
{
	const char *host = text + strspn(text, LOWER DIGITS "+-."), *colon;
	size_t n;

	if (strchr(LOWER, text[0]) == NULL || strncmp(host, "://", 3) != 0)
		return false;
	host += strlen("://");
	n = strlen(host);
	colon = strrchr(host, ':');
	if (colon != NULL && is_port(colon + 1)) {
		n = (size_t)(colon - host);
		if ((strncmp(text, "http:", 5) == 0 && strcmp(colon, ":80") == 0) ||
			(strncmp(text, "https:", 6) == 0 && strcmp(colon, ":443") == 0))
			return false;
	}
	return is_name(host, n) || is_ip((struct lk_bytes) { (const uint8_t *)host, n });
}
