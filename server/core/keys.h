/* SPDX-License-Identifier: MIT */
/* API keys: creation, listing, change, rotation, revocation.
 *
 * Every text that comes in is checked here, each error names the field as the schema does. Only a
 * keyed digest of a secret is stored. Changes run in a transaction of the committer and may run
 * more than once; they take effect with its commit. A key of another realm is as unknown as one
 * that never was: NOT_FOUND, one text.
 */
#pragma once

#include "server/core/call.h"
#include "server/core/key_text.h"
#include "server/store/record.h"
#include "server/store/txn.h"

#define LK_KEY_NAME_MAX 200
#define LK_KEY_SCOPES_MAX 64
#define LK_KEY_METADATA_MAX 32
#define LK_KEY_METADATA_KEY_MAX 64
#define LK_KEY_METADATA_VALUE_MAX 512
#define LK_KEY_REALMS_MAX 64
#define LK_KEY_COMMENT_MAX 200
#define LK_KEYS_PAGE_DEFAULT 50
#define LK_KEYS_PAGE_MAX 100
#define LK_ROTATE_GRACE_MS_MAX ((lk_time_ms)30 * 24 * 3600 * 1000)

/* Keys are kept this long after they were revoked or expired, so that their errors stay true. */
#define LK_KEY_KEEP_MS ((lk_time_ms)400 * 24 * 3600 * 1000)

/* The numbers of latchkey.v1.KeyState. */
enum lk_key_state {
	LK_KEY_ACTIVE = 1,
	LK_KEY_DISABLED = 2,
	LK_KEY_EXPIRED = 3,
	LK_KEY_REVOKED = 4,
};

/* A key as it is answered; texts live in the call's arena. */
struct lk_key_view {
	struct lk_key_record record;
	char id[LK_ID_TEXT_SIZE];
	enum lk_key_state state;
	/* The last uses known to the store, some seconds old; NULL: none. */
	const struct lk_secret_use *current_use;
	const struct lk_secret_use *previous_use;
};

struct lk_metadata_pair {
	const char *key;
	const char *value;
};

/* A field that is not given is "" (never NULL), 0 or empty. */
struct lk_key_spec {
	const char *name;
	const char *user_id;
	const char *organization_id;
	const char *const *scopes;
	size_t n_scopes;
	const char *const *networks;
	size_t n_networks;
	const char *const *realms;
	size_t n_realms;
	const struct lk_metadata_pair *metadata;
	size_t n_metadata;
	lk_time_ms expires_ms; /* 0: never */
};

/* Creates a key. The secret exists only in secret_out: wipe it. After an error it holds
 * none.
 *
 * LK_INVALID_ARGUMENT    with the field
 * LK_PERMISSION_DENIED   field `scopes` or `realms`: a service key with more of them than the
 *                        caller's rights have
 * LK_RESOURCE_EXHAUSTED  the owner (the user, or the organisation of a key without a user) has as
 *                        many keys as the realm allows, those kept after their end included; or
 *                        the arena or the transaction is full
 * LK_UNAVAILABLE         the store could not be read
 */
LK_MUST_USE struct lk_status lk_keys_create(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_spec *spec, struct lk_key_view *view_out,
	struct lk_key_text *secret_out);

/* A key that another system made. */
struct lk_key_import {
	struct lk_key_spec spec;
	const char *plaintext; /* the key itself, of 16 to 512 bytes; NULL: its digest */
	enum lk_import_kind kind;
	struct lk_bytes digest; /* LK_ROW_DIGEST_SIZE bytes */
	const char *hint;       /* its first characters, to recognise it by; "" */
	bool validate_only;     /* checks, and changes nothing */
};

/* Takes a key in. What it was told as is kept under the realm's pepper, like any secret. No two
 * keys come in with one secret, not even after the first was revoked.
 *
 * LK_ALREADY_EXISTS  it came in before
 * and codes as create; field `plaintext`, `sha256`, `hmac_sha256` or `hint`
 */
LK_MUST_USE struct lk_status lk_keys_import(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_import *import, struct lk_key_view *view_out);

/* LK_NOT_FOUND also for an id that is malformed; LK_UNAVAILABLE, LK_DATA_LOSS,
 * LK_RESOURCE_EXHAUSTED (the arena). */
LK_MUST_USE struct lk_status lk_keys_get(const struct lk_core_call *call, struct lk_store *store,
	const char *id, struct lk_key_view *view_out);

struct lk_keys_query {
	int32_t page_size;      /* 0: LK_KEYS_PAGE_DEFAULT */
	const char *page_token; /* "": from the first */
	const char *user_id;    /* filters, "": any */
	const char *organization_id;
	uint32_t state; /* a number of enum lk_key_state; 0: any */
};

struct lk_keys_page {
	struct lk_key_view *items; /* in the arena */
	size_t n;
	const char *next_token; /* "" on the last page */
};

/* Lists keys in the order of their creation. Looks at 1,000 rows at most and answers 128 KiB of
 * records at most, and fills a third of the arena, so a page may be short. A damaged record is
 * left out. A token is good for the same realm and filters only.
 *
 * LK_INVALID_ARGUMENT  field `page_size`, `page_token`, `user_id`, `organization_id` or `state`
 * Otherwise as lk_keys_get.
 */
LK_MUST_USE struct lk_status lk_keys_list(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_keys_query *query, struct lk_keys_page *page_out);

enum lk_key_field {
	LK_KEY_FIELD_NAME = 1,
	LK_KEY_FIELD_SCOPES = 2,
	LK_KEY_FIELD_NETWORKS = 4,
	LK_KEY_FIELD_EXPIRES_AT = 8,
	LK_KEY_FIELD_ENABLED = 16,
	LK_KEY_FIELD_METADATA = 32,
};

struct lk_key_update {
	const char *id;
	unsigned fields;         /* enum lk_key_field: which to change */
	struct lk_key_spec spec; /* their new values */
	bool enabled;
};

/* Changes the fields named and no others. Codes as create and get, LK_PERMISSION_DENIED also when
 * the key had more rights before; LK_FAILED_PRECONDITION: the key is revoked, and what is known of
 * it stays as it was. */
LK_MUST_USE struct lk_status lk_keys_update(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_update *update, struct lk_key_view *view_out);

struct lk_key_rotation {
	const char *id;
	lk_time_ms grace_ms; /* 0 to LK_ROTATE_GRACE_MS_MAX */
};

/* Gives the key a new secret. The old one is good for the grace period but not beyond the key's
 * expiry, which stays; one that was in its grace period ends now.
 *
 * LK_INVALID_ARGUMENT     field `grace_period`
 * LK_PERMISSION_DENIED    as create
 * LK_FAILED_PRECONDITION  the key is revoked or expired
 * Otherwise as get.
 */
LK_MUST_USE struct lk_status lk_keys_rotate(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_rotation *rotation, struct lk_key_view *view_out,
	struct lk_key_text *secret_out);

struct lk_key_revocation {
	const char *id;
	uint32_t reason; /* a number of latchkey.v1.RevocationReason */
	const char *comment;
};

/* Revokes for good. Revoking a revoked key is OK and changes nothing. It grants nothing, so the
 * caller's rights do not matter.
 *
 * LK_INVALID_ARGUMENT  field `reason` or `comment`
 * Otherwise as get.
 */
LK_MUST_USE struct lk_status lk_keys_revoke(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_revocation *revocation, struct lk_key_view *view_out);

/* Settles an expiry entry of a key, for lk_sweeper: deletes the key and what belongs to it when
 * the time it is kept after its end is over. An lk_sweep_fn; arg is not used. */
LK_MUST_USE struct lk_status lk_keys_sweep(
	void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now);
