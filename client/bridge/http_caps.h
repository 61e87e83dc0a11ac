/* SPDX-License-Identifier: MIT */
/* Who may connect: so many in total, and so many from one address. Thread-safe.
 *
 * An IPv6 address counts by its /64, since whoever has that has 2^64 addresses. Loopback counts in
 * the total only: behind a proxy it is everybody.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

struct lk_http_caps;

/* per_address_max may be 0: no limit. NULL when memory is short. */
struct lk_http_caps *lk_http_caps_new(uint32_t max, uint32_t per_address_max);

/* NULL is allowed. */
void lk_http_caps_free(struct lk_http_caps *caps);

/* Addresses are those of struct lk_http_peer. Who has entered leaves once. */
LK_MUST_USE bool lk_http_caps_enter(struct lk_http_caps *caps, const uint8_t address[16]);
void lk_http_caps_leave(struct lk_http_caps *caps, const uint8_t address[16]);
uint32_t lk_http_caps_count(struct lk_http_caps *caps);

/* A loop lets people in, or no longer does. */
void lk_http_caps_open_door(struct lk_http_caps *caps);
void lk_http_caps_close_door(struct lk_http_caps *caps);

/* Blocks until nobody is left and no door is open, or for so long; returns whether. */
bool lk_http_caps_wait(struct lk_http_caps *caps, uint32_t timeout_ms);
