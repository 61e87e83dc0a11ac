/* SPDX-License-Identifier: MIT */
/* What the files of keys.h share: checks of what comes in, and the making of answers. */
#pragma once

#include "server/core/keys.h"
#include "server/core/rows.h"
#include "server/core/text.h"

struct lk_status lk_keys_not_found(void);

/* Check one field and put it into the record; its texts are borrowed from the spec, lists live
 * in the arena. LK_INVALID_ARGUMENT with the field; LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_keys_set_name(
	const struct lk_key_spec *spec, struct lk_key_record *record);
LK_MUST_USE struct lk_status lk_keys_set_owner(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record);
LK_MUST_USE struct lk_status lk_keys_set_scopes(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record);
LK_MUST_USE struct lk_status lk_keys_set_networks(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record);
LK_MUST_USE struct lk_status lk_keys_set_realms(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record);
LK_MUST_USE struct lk_status lk_keys_set_expiry(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record);
LK_MUST_USE struct lk_status lk_keys_set_metadata(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record);

/* All fields but the secret, from the spec, with the rights of caller and owner checked. Codes as
 * lk_keys_create. */
LK_MUST_USE struct lk_status lk_keys_fill(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_spec *spec, struct lk_key_record *record_out);

/* Whether the owner may have one more. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_keys_check_limit(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_key_record *record);

/* Writes a new key, with an id and a secret. */
LK_MUST_USE struct lk_status lk_keys_put_new(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_record *record, struct lk_key_view *view_out);

/* LK_NOT_FOUND for a key that is not the subject's, where the call has one. */
LK_MUST_USE struct lk_status lk_keys_check_subject(
	const struct lk_core_call *call, const struct lk_key_record *record);

/* Whether the owner is there, if it is a user of the realm, and has what the scopes name.
 * LK_INVALID_ARGUMENT, field `user_id`; LK_PERMISSION_DENIED, field `scopes`; as lk_keys_get. */
LK_MUST_USE struct lk_status lk_keys_check_owner(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_key_record *record);

/* Whether the caller may make, change or get the secret of a key like this one.
 * LK_PERMISSION_DENIED, field `scopes` or `realms`. */
LK_MUST_USE struct lk_status lk_keys_check_rights(
	const struct lk_core_call *call, const struct lk_key_record *record);

enum lk_key_state lk_keys_state(const struct lk_key_record *record, lk_time_ms now);

/* Decodes a record into the call's arena, without its usage. LK_DATA_LOSS,
 * LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_keys_view_record(
	const struct lk_core_call *call, struct lk_bytes value, struct lk_key_view *view_out);

/* Adds the usage of the key's secrets. LK_RESOURCE_EXHAUSTED; a damaged usage is left out. */
LK_MUST_USE struct lk_status lk_keys_view_usage(
	const struct lk_core_call *call, struct lk_bytes value, struct lk_key_view *view);
