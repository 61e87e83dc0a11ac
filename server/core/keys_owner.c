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

static const struct lk_status lacks_permission = { .code = LK_PERMISSION_DENIED,
	.why = "the owner lacks a permission that a scope names",
	.field = "scopes" };

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
	return lk_permset_contains(owned, &set) ? LK_SUCCESS : lacks_permission;
}

/* Where keys go with a plan, one that would be refused is not made in the first place. */
static struct lk_status check_plan(
	const struct lk_core_call *call, struct lk_txn *txn, struct lk_bytes organization_id)
{
	static const struct lk_status required = { .code = LK_PERMISSION_DENIED,
		.why = "keys need another plan of the organization",
		.reason = LK_PLAN_REQUIRED };
	struct lk_organization_record record;
	struct lk_bytes value;
	struct lk_status st;
	struct lk_row row;
	char *plan;

	if (call->realm->key_plans.n == 0)
		return LK_SUCCESS;
	if (organization_id.n == 0)
		return required;
	row = lk_row_of_organization(lk_call_realm_name(call), organization_id);
	st = lk_txn_get(txn, lk_row_bytes(&row), &value);
	if (st.code == LK_NOT_FOUND)
		return required;
	if (st.code != LK_OK)
		return st;
	LK_TRY(lk_organization_record_decode(value, call->arena, &record));
	plan = lk_arena_strndup(call->arena, (const char *)record.plan.data, record.plan.n);
	if (plan == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	return lk_words_have(&call->realm->key_plans, plan) ? LK_SUCCESS : required;
}

/* An owner of whom there is no record: what a person of another issuer may is known now alone. */
static struct lk_status check_stranger(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_key_record *record)
{
	struct lk_permset set = { 0 };

	LK_TRY(check_plan(call, txn, record->organization_id));
	for (size_t i = 0; i < record->scopes.n; i++)
		lk_catalog_grant(&call->realm->catalog, record->scopes.items[i], &set);
	if (call->subject == NULL || lk_permset_contains(&call->subject->permissions, &set))
		return LK_SUCCESS;
	return lacks_permission;
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
		return check_stranger(call, txn, record);
	row = lk_row_of_user(lk_call_realm_name(call), &id);
	st = lk_txn_get(txn, lk_row_bytes(&row), &value);
	if (st.code == LK_NOT_FOUND)
		return LK_BAD_FIELD("user_id", "there is no such user");
	if (st.code != LK_OK)
		return st;
	LK_TRY(lk_user_record_decode(value, call->arena, &user));
	owned = lk_user_permissions(call->realm, &user);
	LK_TRY(check_plan(call, txn,
		record->organization_id.n > 0 ? record->organization_id : user.organization_id));
	return check_scopes(call, record, &owned);
}
