/* SPDX-License-Identifier: MIT */
#include "server/core/keys.h"

#include <assert.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/keys_priv.h"

#define SWEEP_ARENA_MAX ((size_t)512 * 1024)

/* Numbers of latchkey.v1.RevocationReason. */
#define REVOCATION_REASON_MAX 5

static const struct lk_bytes from_first;

static struct lk_row row_of(const struct lk_core_call *call, const struct lk_key_id *id)
{
	return lk_row_of_key(lk_call_realm_name(call), id);
}

/* Usage is written at any time and must not make a commit fail. */
static struct lk_status view_usage_in_txn(
	const struct lk_core_call *call, struct lk_txn *txn, struct lk_key_view *view)
{
	struct lk_row row = lk_row_of_usage(lk_call_realm_name(call), &view->record.id);
	struct lk_status st;
	struct lk_buf value;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = lk_rows_peek(txn, &row, &value);
	if (st.code == LK_OK && value.n > 0)
		st = lk_keys_view_usage(call, (struct lk_bytes) { value.data, value.n }, view);
	lk_buf_fini(&value);
	return st;
}

/* Writes a record and answers with what was written. */
static struct lk_status put_record(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_record *record, struct lk_key_view *view_out)
{
	struct lk_row row = row_of(call, &record->id);
	struct lk_bytes value;

	LK_TRY(lk_key_record_encode(record, call->arena, &value));
	LK_TRY(lk_txn_put(txn, lk_row_bytes(&row), value, true));
	LK_TRY(lk_keys_view_record(call, value, view_out));
	return view_usage_in_txn(call, txn, view_out);
}

/* An id that no key can have is as unknown as one that no key has. */
static struct lk_status get_value(const struct lk_core_call *call, struct lk_txn *txn,
	const char *id_text, struct lk_bytes *value_out)
{
	struct lk_status st;
	struct lk_key_id id;
	struct lk_row row;

	if (!lk_id_parse(LK_ID_KEY, lk_bytes_of(id_text), &id))
		return lk_keys_not_found();
	row = row_of(call, &id);
	st = lk_txn_get(txn, lk_row_bytes(&row), value_out);
	return st.code == LK_NOT_FOUND ? lk_keys_not_found() : st;
}

static struct lk_status get_record(const struct lk_core_call *call, struct lk_txn *txn,
	const char *id_text, struct lk_key_record *record_out)
{
	struct lk_bytes value;

	LK_TRY(lk_subject_may(call, &call->realm->subject_keys_manage));
	LK_TRY(get_value(call, txn, id_text, &value));
	LK_TRY(lk_key_record_decode(value, call->arena, record_out));
	return lk_keys_check_subject(call, record_out);
}

/* A new secret and what the record keeps of it. */
static void make_secret(const struct lk_core_call *call, uint32_t number,
	struct lk_key_text *secret_out, char hint_out[LK_KEY_HINT_SIZE],
	struct lk_secret_record *record_out)
{
	const struct lk_pepper *pepper = &call->peppers->items[0];
	struct lk_digest digest;

	assert(call->peppers->n > 0);
	lk_key_text_make(call->realm->key_prefix, secret_out);
	lk_key_text_hint(call->realm->key_prefix, secret_out, hint_out);
	lk_digest_make(pepper, lk_call_realm_name(call), lk_bytes_of(secret_out->text), &digest);
	*record_out = (struct lk_secret_record) {
		.number = number,
		.pepper_id = pepper->id,
		.hint = lk_bytes_of(hint_out),
		.created_ms = call->now,
	};
	memcpy(record_out->digest, digest.bytes, sizeof record_out->digest);
}

/* When the sweeper looks at a key that ends at this moment; 0: never. */
static lk_time_ms sweep_ms(lk_time_ms end_ms)
{
	return end_ms != 0 ? end_ms + LK_KEY_KEEP_MS : 0;
}

static struct lk_status move_end(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, lk_time_ms from_ms, lk_time_ms to_ms)
{
	struct lk_row row = row_of(call, id);

	return lk_rows_move_expiry(txn, &row, sweep_ms(from_ms), sweep_ms(to_ms));
}

static bool count_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	(void)key;
	(void)value;
	(void)seq;
	*(size_t *)arg += 1;
	return true;
}

/* Keys that ended count as long as they are kept: otherwise a caller that creates and revokes in
 * a loop could fill the disk. */
struct lk_status lk_keys_check_limit(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_key_record *record)
{
	struct lk_bytes realm = lk_call_realm_name(call);
	size_t keys = 0;
	struct lk_row range;

	if (record->user_id.n > 0)
		range = lk_row_of_user_key(realm, record->user_id, NULL);
	else if (record->organization_id.n > 0)
		range = lk_row_of_organization_key(realm, record->organization_id, NULL);
	else
		return LK_SUCCESS;
	LK_TRY(lk_txn_scan(txn, lk_row_bytes(&range), from_first, call->realm->keys_per_owner_max,
		count_row, &keys));
	if (keys >= call->realm->keys_per_owner_max)
		return LK_ERR(
			LK_RESOURCE_EXHAUSTED, "the owner has as many keys as the realm allows");
	return LK_SUCCESS;
}

static struct lk_status put_owner_rows(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_key_record *record)
{
	struct lk_bytes realm = lk_call_realm_name(call);
	struct lk_row row;

	if (record->user_id.n > 0) {
		row = lk_row_of_user_key(realm, record->user_id, &record->id);
		LK_TRY(lk_rows_put_empty(txn, &row));
	}
	if (record->organization_id.n > 0) {
		row = lk_row_of_organization_key(realm, record->organization_id, &record->id);
		LK_TRY(lk_rows_put_empty(txn, &row));
	}
	return move_end(call, txn, &record->id, 0, record->expires_ms);
}

static struct lk_status fill_record(const struct lk_core_call *call, const struct lk_key_spec *spec,
	struct lk_key_record *record_out)
{
	*record_out = (struct lk_key_record) {
		.realm = lk_call_realm_name(call),
		.enabled = true,
		.created_ms = call->now,
	};
	LK_TRY(lk_keys_set_name(spec, record_out));
	LK_TRY(lk_keys_set_owner(call, spec, record_out));
	LK_TRY(lk_keys_set_scopes(call, spec, record_out));
	LK_TRY(lk_keys_set_networks(call, spec, record_out));
	LK_TRY(lk_keys_set_realms(call, spec, record_out));
	LK_TRY(lk_keys_set_expiry(call, spec, record_out));
	return lk_keys_set_metadata(call, spec, record_out);
}

struct lk_status lk_keys_fill(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_spec *spec, struct lk_key_record *record_out)
{
	LK_TRY(fill_record(call, spec, record_out));
	LK_TRY(lk_keys_check_rights(call, record_out));
	return lk_keys_check_owner(call, txn, record_out);
}

struct lk_status lk_keys_put_new(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_record *record, struct lk_key_view *view_out)
{
	struct lk_row row = row_of(call, &record->id);

	LK_TRY(lk_keys_check_limit(call, txn, record));
	LK_TRY(lk_txn_expect_absent(txn, lk_row_bytes(&row)));
	LK_TRY(put_owner_rows(call, txn, record));
	return put_record(call, txn, record, view_out);
}

struct lk_status lk_keys_create(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_spec *spec, struct lk_key_view *view_out,
	struct lk_key_text *secret_out)
{
	char hint[LK_KEY_HINT_SIZE];
	struct lk_key_record record;
	struct lk_status st;

	LK_TRY(lk_subject_may(call, &call->realm->subject_keys_manage));
	LK_TRY(lk_keys_fill(call, txn, spec, &record));
	lk_key_id_make(call->now, &record.id);
	make_secret(call, 1, secret_out, hint, &record.current);
	st = lk_keys_put_new(call, txn, &record, view_out);
	if (st.code != LK_OK)
		lk_wipe(secret_out, sizeof *secret_out);
	return st;
}

static struct lk_status read_key(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_key_id *id, struct lk_key_view *view_out)
{
	struct lk_bytes realm = lk_call_realm_name(call);
	struct lk_row row = lk_row_of_key(realm, id);
	struct lk_status st;
	struct lk_buf value;
	uint64_t seq;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = lk_store_get(store, lk_row_bytes(&row), &value, &seq);
	if (st.code == LK_NOT_FOUND)
		st = lk_keys_not_found();
	if (st.code == LK_OK)
		st = lk_keys_view_record(call, (struct lk_bytes) { value.data, value.n }, view_out);
	if (st.code != LK_OK)
		goto out;
	lk_buf_reset(&value);
	row = lk_row_of_usage(realm, id);
	st = lk_store_get(store, lk_row_bytes(&row), &value, &seq);
	if (st.code == LK_OK)
		st = lk_keys_view_usage(call, (struct lk_bytes) { value.data, value.n }, view_out);
	else if (st.code == LK_NOT_FOUND)
		st = LK_SUCCESS;
out:
	lk_buf_fini(&value);
	return st;
}

struct lk_status lk_keys_get(const struct lk_core_call *call, struct lk_store *store,
	const char *id_text, struct lk_key_view *view_out)
{
	struct lk_key_id id;

	LK_TRY(lk_subject_may(call, &call->realm->subject_keys_read));
	if (!lk_id_parse(LK_ID_KEY, lk_bytes_of(id_text), &id))
		return lk_keys_not_found();
	LK_TRY(read_key(call, store, &id, view_out));
	return lk_keys_check_subject(call, &view_out->record);
}

static struct lk_status apply_update(const struct lk_core_call *call,
	const struct lk_key_update *update, struct lk_key_record *record)
{
	if ((update->fields & LK_KEY_FIELD_NAME) != 0)
		LK_TRY(lk_keys_set_name(&update->spec, record));
	if ((update->fields & LK_KEY_FIELD_SCOPES) != 0)
		LK_TRY(lk_keys_set_scopes(call, &update->spec, record));
	if ((update->fields & LK_KEY_FIELD_NETWORKS) != 0)
		LK_TRY(lk_keys_set_networks(call, &update->spec, record));
	if ((update->fields & LK_KEY_FIELD_EXPIRES_AT) != 0)
		LK_TRY(lk_keys_set_expiry(call, &update->spec, record));
	if ((update->fields & LK_KEY_FIELD_ENABLED) != 0)
		record->enabled = update->enabled;
	if ((update->fields & LK_KEY_FIELD_METADATA) != 0)
		LK_TRY(lk_keys_set_metadata(call, &update->spec, record));
	return LK_SUCCESS;
}

struct lk_status lk_keys_update(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_update *update, struct lk_key_view *view_out)
{
	struct lk_key_record record;
	lk_time_ms old_end_ms;

	LK_TRY(get_record(call, txn, update->id, &record));
	/* Before as after: nobody is to revive a key that is stronger than themselves. */
	LK_TRY(lk_keys_check_rights(call, &record));
	if (record.revoked_ms != 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the key is revoked");
	old_end_ms = record.expires_ms;
	LK_TRY(apply_update(call, update, &record));
	LK_TRY(lk_keys_check_rights(call, &record));
	if ((update->fields & LK_KEY_FIELD_SCOPES) != 0)
		LK_TRY(lk_keys_check_owner(call, txn, &record));
	LK_TRY(move_end(call, txn, &record.id, old_end_ms, record.expires_ms));
	return put_record(call, txn, &record, view_out);
}

/* The current secret becomes the previous one. */
static void retire_secret(
	const struct lk_core_call *call, lk_time_ms grace_ms, struct lk_key_record *record)
{
	record->previous = record->current;
	record->has_previous = true;
	record->previous.expires_ms = call->now + grace_ms;
	if (record->expires_ms != 0 && record->expires_ms < record->previous.expires_ms)
		record->previous.expires_ms = record->expires_ms;
}

struct lk_status lk_keys_rotate(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_rotation *rotation, struct lk_key_view *view_out,
	struct lk_key_text *secret_out)
{
	char hint[LK_KEY_HINT_SIZE];
	struct lk_key_record record;
	struct lk_status st;

	if (rotation->grace_ms < 0 || rotation->grace_ms > LK_ROTATE_GRACE_MS_MAX)
		return LK_BAD_FIELD("grace_period", "a grace period is 0 to 30 days");
	LK_TRY(get_record(call, txn, rotation->id, &record));
	LK_TRY(lk_keys_check_rights(call, &record));
	if (record.revoked_ms != 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the key is revoked");
	if (record.expires_ms != 0 && call->now >= record.expires_ms)
		return LK_ERR(LK_FAILED_PRECONDITION, "the key has expired");
	retire_secret(call, rotation->grace_ms, &record);
	make_secret(call, record.previous.number + 1, secret_out, hint, &record.current);
	st = put_record(call, txn, &record, view_out);
	if (st.code != LK_OK)
		lk_wipe(secret_out, sizeof *secret_out);
	return st;
}

struct lk_status lk_keys_revoke(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_revocation *revocation, struct lk_key_view *view_out)
{
	struct lk_key_record record;
	struct lk_bytes value;

	if (revocation->reason > REVOCATION_REASON_MAX)
		return LK_BAD_FIELD("reason", "there is no such reason");
	if (!lk_text_is_plain(lk_bytes_of(revocation->comment), 0, LK_KEY_COMMENT_MAX))
		return LK_BAD_FIELD("comment",
			"a comment is at most 200 bytes of UTF-8 without control characters");
	LK_TRY(lk_subject_may(call, &call->realm->subject_keys_manage));
	LK_TRY(get_value(call, txn, revocation->id, &value));
	LK_TRY(lk_keys_view_record(call, value, view_out));
	LK_TRY(lk_keys_check_subject(call, &view_out->record));
	if (view_out->record.revoked_ms != 0)
		return view_usage_in_txn(call, txn, view_out);
	record = view_out->record;
	record.revoked_ms = call->now;
	record.revocation_reason = revocation->reason;
	record.revocation_comment = lk_bytes_of(revocation->comment);
	LK_TRY(move_end(call, txn, &record.id, 0, record.revoked_ms));
	return put_record(call, txn, &record, view_out);
}

/* When a key stopped being good for good; 0: it has not. */
static lk_time_ms end_of(const struct lk_key_record *record)
{
	if (record->revoked_ms == 0)
		return record->expires_ms;
	if (record->expires_ms == 0 || record->revoked_ms < record->expires_ms)
		return record->revoked_ms;
	return record->expires_ms;
}

static struct lk_status delete_key(struct lk_txn *txn, const struct lk_key_record *record)
{
	struct lk_row row = lk_row_of_key(record->realm, &record->id);

	LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), true));
	row = lk_row_of_usage(record->realm, &record->id);
	LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), false));
	if (record->user_id.n > 0) {
		row = lk_row_of_user_key(record->realm, record->user_id, &record->id);
		LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), false));
	}
	if (record->organization_id.n > 0) {
		row = lk_row_of_organization_key(
			record->realm, record->organization_id, &record->id);
		LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), false));
	}
	return LK_SUCCESS;
}

struct lk_status lk_keys_sweep(void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now)
{
	struct lk_key_record record;
	struct lk_arena arena;
	struct lk_bytes realm;
	struct lk_bytes value;
	struct lk_status st;
	struct lk_key_id id;

	(void)arg;
	if (!lk_row_read_key(row, &realm, &id))
		return LK_ERR(LK_INVALID_ARGUMENT, "not the row of a key");
	st = lk_txn_get(txn, row, &value);
	if (st.code == LK_NOT_FOUND)
		return LK_SUCCESS;
	if (st.code != LK_OK)
		return st;
	lk_arena_init(&arena, SWEEP_ARENA_MAX);
	st = lk_key_record_decode(value, &arena, &record);
	if (st.code == LK_OK && end_of(&record) != 0 && now >= end_of(&record) + LK_KEY_KEEP_MS)
		st = delete_key(txn, &record);
	lk_arena_fini(&arena);
	return st;
}
