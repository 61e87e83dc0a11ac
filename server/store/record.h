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

struct lk_user_record {
	struct lk_key_id id;
	struct lk_bytes realm;
	struct lk_bytes email; /* canonical */
	struct lk_bytes name;
	struct lk_text_list roles;
	struct lk_bytes organization_id;
	bool enabled;
	lk_time_ms created_ms;
	struct lk_bytes password_hash; /* with its parameters; empty: no password */
	lk_time_ms password_changed_ms;
};

/* Networks from which a user signed in, the most recent ones. */
#define LK_KNOWN_NETWORKS_MAX 8
struct lk_known_network {
	struct lk_bytes network; /* canonical text with its length */
	lk_time_ms last_ms;
};
struct lk_sign_ins_record {
	lk_time_ms last_ms; /* the last sign-in; 0: none */
	struct lk_known_network networks[LK_KNOWN_NETWORKS_MAX];
	size_t n_networks;
};

struct lk_organization_record {
	struct lk_bytes id;
	struct lk_bytes realm;
	struct lk_bytes plan;
	bool enabled;
	lk_time_ms created_ms;
};

struct lk_session_record {
	struct lk_key_id id;
	struct lk_bytes realm;
	struct lk_key_id user_id;
	lk_time_ms created_ms;
	lk_time_ms expires_ms; /* when it ends by itself; moved by a refresh */
	lk_time_ms ends_ms;    /* beyond which a refresh does not move it */
	lk_time_ms ended_ms;   /* 0: it has not been ended */
	struct lk_bytes client_address;
	struct lk_bytes user_agent;
	/* Of the session token, or of what stands for the session in its access tokens
	 * (lk_session_digest). */
	uint8_t digest[LK_SECRET_DIGEST_SIZE];
	uint32_t pepper_id;
	uint32_t refresh_number; /* of the unspent refresh token; 0: the session has none */
	lk_time_ms refresh_expires_ms;
	/* The unspent one, sealed for who shows the one before it again, and until when. Empty:
	 * that is not done. */
	struct lk_bytes successor;
	lk_time_ms successor_until_ms;
	uint32_t successor_pepper_id;
};

struct lk_refresh_record {
	struct lk_key_id session_id;
	uint32_t number; /* 1 for the first of its session */
};

struct lk_signing_key_record {
	struct lk_key_id id;
	struct lk_bytes realm;
	uint32_t algorithm;     /* enum lk_sign_algorithm */
	struct lk_bytes sealed; /* the secret part */
	uint32_t pepper_id;
	lk_time_ms created_ms;
	lk_time_ms expires_ms; /* until when it verifies; 0: it signs */
};

/* The recorded answer of a mutating call. */
struct lk_answer_record {
	uint8_t fingerprint[LK_SECRET_DIGEST_SIZE]; /* of the request */
	struct lk_bytes sealed;                     /* the response message */
	uint32_t pepper_id;
	lk_time_ms expires_ms;
};

struct lk_counter_record {
	lk_time_ms empty_ms; /* when the counter is empty again */
};

/* Encode into the arena. What they write, they can read.
 *
 * LK_RESOURCE_EXHAUSTED  it does not fit into the arena, or not into a value of the store
 */
LK_MUST_USE struct lk_status lk_key_record_encode(
	const struct lk_key_record *record, struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_usage_record_encode(
	const struct lk_usage_record *record, struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_user_record_encode(
	const struct lk_user_record *record, struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_sign_ins_record_encode(const struct lk_sign_ins_record *record,
	struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_organization_record_encode(
	const struct lk_organization_record *record, struct lk_arena *arena,
	struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_session_record_encode(
	const struct lk_session_record *record, struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_refresh_record_encode(
	const struct lk_refresh_record *record, struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_signing_key_record_encode(
	const struct lk_signing_key_record *record, struct lk_arena *arena,
	struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_answer_record_encode(
	const struct lk_answer_record *record, struct lk_arena *arena, struct lk_bytes *value_out);
LK_MUST_USE struct lk_status lk_counter_record_encode(
	const struct lk_counter_record *record, struct lk_arena *arena, struct lk_bytes *value_out);

/* Decode; texts are copied into the arena.
 *
 * LK_DATA_LOSS           not a record, or one of a newer schema: deny, never guess
 * LK_RESOURCE_EXHAUSTED  it does not fit into the arena
 */
LK_MUST_USE struct lk_status lk_key_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_key_record *record_out);
LK_MUST_USE struct lk_status lk_usage_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_usage_record *record_out);
LK_MUST_USE struct lk_status lk_user_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_user_record *record_out);
LK_MUST_USE struct lk_status lk_sign_ins_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_sign_ins_record *record_out);
LK_MUST_USE struct lk_status lk_organization_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_organization_record *record_out);
LK_MUST_USE struct lk_status lk_session_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_session_record *record_out);
LK_MUST_USE struct lk_status lk_refresh_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_refresh_record *record_out);
LK_MUST_USE struct lk_status lk_signing_key_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_signing_key_record *record_out);
LK_MUST_USE struct lk_status lk_answer_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_answer_record *record_out);
LK_MUST_USE struct lk_status lk_counter_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_counter_record *record_out);
