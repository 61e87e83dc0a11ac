/* SPDX-License-Identifier: MIT */
/* Records: the values of the store as plain structs.
 *
 * Only record.c knows that they are protobuf messages. Decoded texts live in the arena that
 * was given; texts to encode are borrowed for the call.
 */
#pragma once

#include "proto/wire/arena.h"
#include "server/store/layout.h"

/* The schema this program writes; it reads this one and older ones. */
#define LK_RECORD_VERSION 1

#define LK_SECRET_DIGEST_SIZE 32

struct lk_text_list {
	const struct lk_bytes *items;
	size_t n;
};

struct lk_text_pair {
	struct lk_bytes key;
	struct lk_bytes value;
};

struct lk_pair_list {
	const struct lk_text_pair *items;
	size_t n;
};

struct lk_secret_record {
	uint32_t number; /* 1 for the first secret of the key, one more with each rotation */
	uint8_t digest[LK_SECRET_DIGEST_SIZE];
	uint32_t pepper_id;
	struct lk_bytes hint;
	lk_time_ms created_ms;
	lk_time_ms expires_ms; /* of a previous secret: when it stops being accepted */
};

struct lk_key_record {
	struct lk_key_id id;
	struct lk_bytes realm;
	struct lk_bytes name;
	struct lk_bytes user_id;
	struct lk_bytes organization_id;
	struct lk_text_list scopes;   /* as granted */
	struct lk_text_list networks; /* addresses and CIDR blocks */
	struct lk_text_list realms;
	struct lk_pair_list metadata;
	bool enabled;
	lk_time_ms created_ms;
	lk_time_ms expires_ms;      /* 0: never */
	lk_time_ms revoked_ms;      /* 0: not revoked */
	uint32_t revocation_reason; /* a number of latchkey.v1.RevocationReason */
	struct lk_bytes revocation_comment;
	struct lk_secret_record current;
	bool has_previous;
	struct lk_secret_record previous; /* when has_previous */
};

/* The last use of one secret. */
struct lk_secret_use {
	uint32_t secret; /* lk_secret_record.number */
	lk_time_ms at_ms;
	struct lk_bytes client_address;
	struct lk_bytes user_agent;
};

/* The last uses of the current and the previous secret, in no order. */
#define LK_USES_MAX 2
struct lk_usage_record {
	struct lk_secret_use uses[LK_USES_MAX];
	size_t n_uses;
};

/* Encode into the arena. What they write, they can read.
 *
 * LK_RESOURCE_EXHAUSTED  it does not fit into the arena, or not into a value of the store
 */
LK_MUST_USE struct lk_status lk_key_record_encode(
	const struct lk_key_record *record, struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_usage_record_encode(
	const struct lk_usage_record *record, struct lk_arena *arena, struct lk_bytes *value_out);

/* Decode; texts are copied into the arena.
 *
 * LK_DATA_LOSS           not a record, or one of a newer schema: deny, never guess
 * LK_RESOURCE_EXHAUSTED  it does not fit into the arena
 */
LK_MUST_USE struct lk_status lk_key_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_key_record *record_out);
LK_MUST_USE struct lk_status lk_usage_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_usage_record *record_out);
