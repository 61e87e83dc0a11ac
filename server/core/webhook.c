/* SPDX-License-Identifier: MIT */
#include "server/core/webhook.h"

#include <string.h>

#include "server/core/text.h"
#include "server/crypto/sign.h"

#define MAC_N 32
#define SIGNATURES_MAX 8
#define SECONDS_DIGITS_MAX 12

struct header {
	struct lk_bytes seconds; /* as it is signed */
	lk_time_ms at;
	uint8_t macs[SIGNATURES_MAX][MAC_N];
	size_t n_macs;
};

static int value_of(uint8_t digit)
{
	return digit >= '0' && digit <= '9'   ? digit - '0'
	       : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
					      : -1;
}

static bool read_mac(struct lk_bytes text, uint8_t mac_out[MAC_N])
{
	for (size_t i = 0; i < MAC_N; i++) {
		int high = text.n == (size_t)2 * MAC_N ? value_of(text.data[2 * i]) : -1;
		int low = high >= 0 ? value_of(text.data[2 * i + 1]) : -1;

		if (low < 0)
			return false;
		mac_out[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

static bool read_seconds(struct lk_bytes text, struct header *header)
{
	if (text.n == 0 || text.n > SECONDS_DIGITS_MAX || header->seconds.n > 0)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		header->at = header->at * 10 + (text.data[i] - '0');
	}
	header->at *= 1000;
	header->seconds = text;
	return true;
}

static bool starts_with(struct lk_bytes item, const char *name)
{
	return item.n > strlen(name) && strncmp((const char *)item.data, name, strlen(name)) == 0;
}

static bool read_item(struct lk_bytes item, struct header *header)
{
	if (starts_with(item, "t="))
		return read_seconds((struct lk_bytes) { item.data + 2, item.n - 2 }, header);
	if (starts_with(item, "v1=")) {
		if (header->n_macs == SIGNATURES_MAX)
			return false;
		/* One that is no digest of ours matches nothing. */
		if (read_mac((struct lk_bytes) { item.data + 3, item.n - 3 },
			    header->macs[header->n_macs]))
			header->n_macs++;
	}
	return true;
}

/* `name=value` with commas between. */
static bool read_header(struct lk_bytes text, struct header *header_out)
{
	*header_out = (struct header) { .n_macs = 0 };
	while (text.n > 0) {
		const uint8_t *comma = memchr(text.data, ',', text.n);
		size_t n = comma != NULL ? (size_t)(comma - text.data) : text.n;

		if (!read_item((struct lk_bytes) { text.data, n }, header_out))
			return false;
		n += comma != NULL;
		text = (struct lk_bytes) { text.data + n, text.n - n };
	}
	return header_out->seconds.n > 0;
}

enum lk_deny_reason lk_webhook_judge(
	struct lk_bytes secret, const struct lk_signed_body *body, lk_time_ms now)
{
	struct header header;
	bool is_proven = false;

	if (body == NULL || body->n_signatures == 0)
		return LK_DENY_NO_CREDENTIAL;
	if (body->n_signatures > 1)
		return LK_DENY_AMBIGUOUS_CREDENTIALS;
	if (!read_header(body->signature, &header))
		return LK_DENY_UNKNOWN_CREDENTIAL;
	for (size_t i = 0; i < header.n_macs; i++) {
		const struct lk_bytes parts[] = { header.seconds, lk_bytes_of("."), body->body };

		is_proven |= lk_hmac_sha256_verify(secret, parts, LK_COUNT(parts),
			(struct lk_bytes) { header.macs[i], MAC_N });
	}
	if (!is_proven)
		return LK_DENY_UNKNOWN_CREDENTIAL;
	if (header.at > now + LK_WEBHOOK_TOLERANCE_MS || header.at < now - LK_WEBHOOK_TOLERANCE_MS)
		return LK_DENY_EXPIRED;
	return LK_DENY_NONE;
}
