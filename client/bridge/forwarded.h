/* SPDX-License-Identifier: MIT */
/* Whom a request is from, by the word of the proxies that it came through.
 *
 * Only what a trusted proxy says counts. X-Forwarded-For is walked from its right end, where the
 * nearest proxy wrote, up to the first address that is no trusted proxy: what stands left of that
 * may be made up. With nothing but trusted proxies it is the farthest of them, and without the
 * header the peer itself.
 */
#pragma once

#include <stdbool.h>

#include "client/bridge/http_parse.h"
#include "proto/wire/network.h"

struct lk_forwarded {
	char client[LK_ADDRESS_TEXT_SIZE]; /* "": unknown, and so in no network */
	bool is_https;                     /* towards the client */
	bool is_trusted;                   /* the peer is a trusted proxy */
};

/* Of a request from `peer`, with that head. The client is unknown when an entry that counts is no
 * address; it is https when a trusted peer says so once, in X-Forwarded-Proto. */
void lk_forwarded_read(const struct lk_http_head *head, struct lk_bytes head_bytes,
	const struct lk_address *peer, const struct lk_network *trusted, size_t n_trusted,
	struct lk_forwarded *forwarded_out);
