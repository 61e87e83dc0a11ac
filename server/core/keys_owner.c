/* SPDX-License-Identifier: MIT */
/* Whom a key belongs to, and what that bounds. */
#include "server/core/keys_priv.h"
#include "server/core/key_text.h"
#include "server/core/users.h"

struct lk_status lk_keys_set_owner(const struct lk_core_call *call, const struct lk_key_spec *spec,
	struct lk_key_record *record)
{
	if (call->subject != NULL) {
		record->user_id = lk_bytes_of(call->subject->user_id);
		record->organization_id = lk_bytes_of(call->subject->organization_id);
		return LK_SUCCESS;
	}
	record->user_id = lk_bytes_of(spec->user_id);
	record->organization_id = lk_bytes_of(spec->organization_id);
	if (!lk_text_is_plain(record->user_id, 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("user_id",
			"a user id is at most 128 bytes of UTF-8 without control characters");
	if (!lk_text_is_plain(record->organization_id, 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("organization_id",
			"an organization id is at most 128 bytes of UTF-8 without control "
			"characters");
	return LK_SUCCESS;
}

struct lk_status lk_keys_check_subject(
	const struct lk_core_call *call, const struct lk_key_record *record)
{
	if (call->subject == NULL ||
		lk_text_equal(record->user_id, lk_bytes_of(call->subject->user_id)))
		return LK_SUCCESS;
	return lk_keys_not_found();
}

/* `*` is all that the owner may, now and later; anything else is asked for by name. */
static struct lk_status check_scopes(const struct lk_core_call *call,
	const struct lk_key_record *record, const struct lk_permset *owned)
{
	struct lk_permset set = { 0 };

	for (size_t i = 0; i < record->scopes.n; i++) {
		struct lk_bytes scope = record->scopes.items[i];

		if (scope.n != 1 || scope.data[0] != '*')
			lk_catalog_grant(&call->realm->catalog, scope, &set);
	}
	if (lk_permset_contains(owned, &set))
		return LK_SUCCESS;
	return (struct lk_status) { .code = LK_PERMISSION_DENIED,
		.why = "the owner lacks a permission that a scope names",
		.field = "scopes" };
}

struct lk_status lk_keys_check_owner(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_key_record *record)
{
	struct lk_user_record user;
	struct lk_permset owned;
	struct lk_key_id id;
	struct lk_bytes value;
	struct lk_status st;
	struct lk_row row;

	if (!lk_id_parse(LK_ID_USER, record->user_id, &id))
		return LK_SUCCESS;
	row = lk_row_of_user(lk_call_realm_name(call), &id);
	st = lk_txn_get(txn, lk_row_bytes(&row), &value);
	if (st.code == LK_NOT_FOUND)
		return LK_BAD_FIELD("user_id", "there is no such user");
	if (st.code != LK_OK)
		return st;
	LK_TRY(lk_user_record_decode(value, call->arena, &user));
	owned = lk_user_permissions(call->realm, &user);
	return check_scopes(call, record, &owned);
}
