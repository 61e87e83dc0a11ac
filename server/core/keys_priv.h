/* SPDX-License-Identifier: MIT */
/* What the files of keys.h share: checks of what comes in, and the making of answers. */
#pragma once

#include "server/core/keys.h"

struct lk_bytes lk_keys_text(const char *text);
struct lk_bytes lk_keys_realm_name(const struct lk_core_call *call);
struct lk_status lk_keys_not_found(void);

/* True for UTF-8 without control characters, within the length. */
bool lk_keys_is_plain(struct lk_bytes text, size_t n_min, size_t n_max);

/* Check one field and put it into the record; its texts are borrowed from the spec, lists live
 * in the arena. LK_INVALID_ARGUMENT with the field; LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_keys_set_name(
	const struct lk_key_spec *spec, struct lk_key_record *record);
LK_MUST_USE struct lk_status lk_keys_set_owner(
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
