/* SPDX-License-Identifier: MIT */
#include "client/bridge/forwarded.h"

#include <strings.h>

struct networks {
	const struct lk_network *items;
	size_t n;
};

static bool is_trusted(const struct networks *networks, const struct lk_address *address)
{
	for (size_t i = 0; i < networks->n; i++)
		if (lk_network_contains(&networks->items[i], address))
			return true;
	return false;
}

static bool equals(struct lk_bytes bytes, const char *text)
{
	return bytes.n == strlen(text) && strncasecmp((const char *)bytes.data, text, bytes.n) == 0;
}

static struct lk_bytes trim(struct lk_bytes text)
{
	while (text.n > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = (struct lk_bytes) { text.data + 1, text.n - 1 };
	while (text.n > 0 && (text.data[text.n - 1] == ' ' || text.data[text.n - 1] == '\t'))
		text.n--;
	return text;
}

enum walk { ON, ARRIVED, LOST };

/* Walks one line from its right end; the address is where it got to. */
static enum walk walk_line(
	struct lk_bytes line, const struct networks *trusted, struct lk_address *address)
{
	size_t end = line.n, start;

	for (;; end = start - 1) {
		start = end;
		while (start > 0 && line.data[start - 1] != ',')
			start--;
		if (!lk_address_parse(
			    trim((struct lk_bytes) { line.data + start, end - start }), address))
			return LOST;
		if (!is_trusted(trusted, address))
			return ARRIVED;
		if (start == 0)
			return ON;
	}
}

void lk_forwarded_read(const struct lk_http_head *head, struct lk_bytes head_bytes,
	const struct lk_address *peer, const struct lk_network *trusted, size_t n_trusted,
	struct lk_forwarded *forwarded_out)
{
	const struct networks networks = { trusted, n_trusted };
	bool is_believed = is_trusted(&networks, peer);
	enum walk walk = is_believed ? ON : ARRIVED;
	struct lk_address client = *peer;
	size_t n_protos = 0, n_https = 0;

	/* The last line is the nearest proxy's. */
	for (size_t i = head->n_lines; i-- > 0;) {
		struct lk_bytes name = lk_http_at(head_bytes, head->lines[i].name);
		struct lk_bytes value = lk_http_at(head_bytes, head->lines[i].value);

		if (walk == ON && equals(name, "X-Forwarded-For"))
			walk = walk_line(value, &networks, &client);
		if (!equals(name, "X-Forwarded-Proto"))
			continue;
		n_protos++;
		n_https += equals(value, "https") ? 1 : 0;
	}
	forwarded_out->client[0] = '\0';
	if (walk != LOST)
		lk_address_format(&client, forwarded_out->client);
	forwarded_out->is_trusted = is_believed;
	forwarded_out->is_https = is_believed && n_protos == 1 && n_https == 1;
}
