/* SPDX-License-Identifier: MIT */
#include "server/core/users.h"

#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/rows.h"
#include "server/core/text.h"

static struct lk_status not_found(void)
{
	return LK_ERR(LK_NOT_FOUND, "there is no such user");
}

static struct lk_status arena_full(void)
{
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
}

/* --- email --- */

/* One `@` with something on both sides, and nothing that would not survive a header. */
static bool is_email(struct lk_bytes email)
{
	size_t ats = 0;

	if (!lk_text_is_plain(email, 3, LK_EMAIL_MAX))
		return false;
	for (size_t i = 0; i < email.n; i++) {
		if (email.data[i] == ' ')
			return false;
		if (email.data[i] != '@')
			continue;
		if (i == 0 || i + 1 == email.n)
			return false;
		ats++;
	}
	return ats == 1;
}

struct lk_status lk_email_canonical(
	const char *email, struct lk_arena *arena, struct lk_bytes *email_out)
{
	size_t start = strspn(email, " ");
	size_t n = strlen(email + start);
	char *copy;

	while (n > 0 && email[start + n - 1] == ' ')
		n--;
	if (n > LK_EMAIL_MAX)
		return LK_BAD_FIELD("email", "an email address has at most 254 bytes");
	copy = lk_arena_strndup(arena, email + start, n);
	if (copy == NULL)
		return arena_full();
	for (size_t i = 0; i < n; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] - 'A' + 'a');
	if (!is_email((struct lk_bytes) { (const uint8_t *)copy, n }))
		return LK_BAD_FIELD("email", "this is no email address");
	*email_out = (struct lk_bytes) { (const uint8_t *)copy, n };
	return LK_SUCCESS;
}

/* --- fields --- */

static struct lk_status set_email(
	const struct lk_core_call *call, const char *email, struct lk_user_record *record)
{
	return lk_email_canonical(email, call->arena, &record->email);
}

static struct lk_status set_name(const char *name, struct lk_user_record *record)
{
	record->name = lk_bytes_of(name);
	if (!lk_text_is_plain(record->name, 0, LK_USER_NAME_MAX))
		return LK_BAD_FIELD(
			"name", "a name is at most 200 bytes of UTF-8 without control characters");
	return LK_SUCCESS;
}

static struct lk_status set_roles(const struct lk_core_call *call, const struct lk_user_spec *spec,
	struct lk_user_record *record)
{
	struct lk_bytes *items;

	if (spec->n_roles > LK_USER_ROLES_MAX)
		return LK_BAD_FIELD("roles", "a user has at most 16 roles");
	items = lk_arena_calloc(call->arena, spec->n_roles, sizeof *items);
	if (items == NULL)
		return arena_full();
	for (size_t i = 0; i < spec->n_roles; i++) {
		items[i] = lk_bytes_of(spec->roles[i]);
		if (lk_realm_find_role(call->realm, items[i]) == NULL)
			return LK_BAD_FIELD("roles", "the realm has no such role");
		for (size_t j = 0; j < i; j++)
			if (lk_text_equal(items[i], items[j]))
				return LK_BAD_FIELD("roles", "a role occurs twice");
	}
	record->roles = (struct lk_text_list) { items, spec->n_roles };
	return LK_SUCCESS;
}

static struct lk_status set_organization(const char *id, struct lk_user_record *record)
{
	record->organization_id = lk_bytes_of(id);
	if (!lk_text_is_plain(record->organization_id, 0, LK_OWNER_ID_MAX))
		return LK_BAD_FIELD("organization_id",
			"an organization id is at most 128 bytes of UTF-8 without control "
			"characters");
	return LK_SUCCESS;
}

static struct lk_status set_password_hash(
	const struct lk_core_call *call, const char *hash, struct lk_user_record *record)
{
	record->password_hash = lk_bytes_of(hash);
	record->password_changed_ms = record->password_hash.n > 0 ? call->now : 0;
	if (record->password_hash.n >= LK_PASSWORD_HASH_SIZE)
		return LK_BAD_FIELD("password_hash", "a password hash has at most 255 bytes");
	return LK_SUCCESS;
}

/* --- rows --- */

/* The email's row leads to the id. The one that is there first has it. */
static struct lk_status take_email(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_user_record *record)
{
	struct lk_row row = lk_row_of_email(lk_call_realm_name(call), record->email);
	struct lk_status st = lk_txn_expect_absent(txn, lk_row_bytes(&row));

	if (st.code == LK_ALREADY_EXISTS)
		return (struct lk_status) { .code = LK_ALREADY_EXISTS,
			.why = "another user has this email address",
			.field = "email" };
	if (st.code != LK_OK)
		return st;
	return lk_txn_put(txn, lk_row_bytes(&row),
		(struct lk_bytes) { record->id.bytes, sizeof record->id.bytes }, false);
}

static struct lk_row member_row(
	const struct lk_core_call *call, const struct lk_user_record *record)
{
	return lk_row_of_member(lk_call_realm_name(call), record->organization_id, &record->id);
}

static struct lk_status put_member(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_user_record *record)
{
	struct lk_row row;

	if (record->organization_id.n == 0)
		return LK_SUCCESS;
	row = member_row(call, record);
	return lk_rows_put_empty(txn, &row);
}

static struct lk_status view_record(
	const struct lk_core_call *call, struct lk_bytes value, struct lk_user_view *view_out)
{
	*view_out = (struct lk_user_view) { .last_sign_in_ms = 0 };
	LK_TRY(lk_user_record_decode(value, call->arena, &view_out->record));
	lk_id_format(LK_ID_USER, &view_out->record.id, view_out->id);
	return LK_SUCCESS;
}

static struct lk_status put_record(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_user_record *record, struct lk_user_view *view_out)
{
	struct lk_row row = lk_row_of_user(lk_call_realm_name(call), &record->id);
	struct lk_bytes value;

	LK_TRY(lk_user_record_encode(record, call->arena, &value));
	LK_TRY(lk_txn_put(txn, lk_row_bytes(&row), value, true));
	return view_record(call, value, view_out);
}

static struct lk_status get_record(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, struct lk_user_record *record_out)
{
	struct lk_row row = lk_row_of_user(lk_call_realm_name(call), id);
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, lk_row_bytes(&row), &value);

	if (st.code == LK_NOT_FOUND)
		return not_found();
	if (st.code != LK_OK)
		return st;
	return lk_user_record_decode(value, call->arena, record_out);
}

/* --- calls --- */

struct lk_status lk_users_create(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_user_spec *spec, struct lk_user_view *view_out)
{
	struct lk_user_record record = {
		.realm = lk_call_realm_name(call),
		.enabled = !spec->is_disabled,
		.created_ms = call->now,
	};

	if (call->realm->index == 0)
		return LK_BAD_FIELD("realm", "the realm latchkey has no users");
	LK_TRY(set_email(call, spec->email, &record));
	LK_TRY(set_name(spec->name, &record));
	LK_TRY(set_roles(call, spec, &record));
	LK_TRY(set_organization(spec->organization_id, &record));
	LK_TRY(set_password_hash(call, spec->password_hash, &record));
	lk_key_id_make(call->now, &record.id);
	LK_TRY(take_email(call, txn, &record));
	LK_TRY(put_member(call, txn, &record));
	return put_record(call, txn, &record, view_out);
}

/* The id that is meant: the subject's, one that is told, or that of an email. */
static struct lk_status find_id(const struct lk_core_call *call, struct lk_store *store,
	const char *id, const char *email, struct lk_key_id *id_out)
{
	struct lk_bytes canonical;
	struct lk_status st;
	struct lk_buf value;
	struct lk_row row;
	uint64_t seq;

	if (call->subject != NULL)
		return lk_subject_user(call, id_out);
	if (id[0] != '\0' || email[0] == '\0')
		return lk_id_parse(LK_ID_USER, lk_bytes_of(id), id_out) ? LK_SUCCESS : not_found();
	LK_TRY(lk_email_canonical(email, call->arena, &canonical));
	row = lk_row_of_email(lk_call_realm_name(call), canonical);
	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = lk_store_get(store, lk_row_bytes(&row), &value, &seq);
	if (st.code == LK_NOT_FOUND)
		st = not_found();
	else if (st.code == LK_OK && value.n != sizeof id_out->bytes)
		st = LK_ERR(LK_DATA_LOSS, "a stored record is damaged");
	else if (st.code == LK_OK)
		memcpy(id_out->bytes, value.data, sizeof id_out->bytes);
	lk_buf_fini(&value);
	return st;
}

/* A record that cannot be read takes nothing from the user but the time. */
static void add_last_sign_in(
	const struct lk_core_call *call, struct lk_store *store, struct lk_user_view *view)
{
	struct lk_row row = lk_row_of_sign_ins(lk_call_realm_name(call), &view->record.id);
	struct lk_sign_ins_record sign_ins;
	struct lk_buf value;
	uint64_t seq;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	if (lk_store_get(store, lk_row_bytes(&row), &value, &seq).code == LK_OK &&
		lk_sign_ins_record_decode(
			(struct lk_bytes) { value.data, value.n }, call->arena, &sign_ins)
				.code == LK_OK)
		view->last_sign_in_ms = sign_ins.last_ms;
	lk_buf_fini(&value);
}

struct lk_status lk_users_get(const struct lk_core_call *call, struct lk_store *store,
	const char *id_text, const char *email, struct lk_user_view *view_out)
{
	struct lk_key_id id;
	struct lk_status st;
	struct lk_buf value;
	struct lk_row row;
	uint64_t seq;

	LK_TRY(find_id(call, store, id_text, email, &id));
	row = lk_row_of_user(lk_call_realm_name(call), &id);
	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = lk_store_get(store, lk_row_bytes(&row), &value, &seq);
	if (st.code == LK_NOT_FOUND)
		st = not_found();
	if (st.code == LK_OK)
		st = view_record(call, (struct lk_bytes) { value.data, value.n }, view_out);
	lk_buf_fini(&value);
	if (st.code == LK_OK)
		add_last_sign_in(call, store, view_out);
	return st;
}

static struct lk_status change_email(const struct lk_core_call *call, struct lk_txn *txn,
	const char *email, struct lk_user_record *record)
{
	struct lk_bytes old = record->email;
	struct lk_row row = lk_row_of_email(lk_call_realm_name(call), old);

	LK_TRY(set_email(call, email, record));
	if (lk_text_equal(record->email, old))
		return LK_SUCCESS;
	LK_TRY(take_email(call, txn, record));
	return lk_txn_delete(txn, lk_row_bytes(&row), false);
}

static struct lk_status change_organization(const struct lk_core_call *call, struct lk_txn *txn,
	const char *organization_id, struct lk_user_record *record)
{
	struct lk_row row = member_row(call, record);

	if (record->organization_id.n > 0)
		LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), false));
	LK_TRY(set_organization(organization_id, record));
	return put_member(call, txn, record);
}

struct lk_status lk_users_update(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_user_update *update, struct lk_user_view *view_out)
{
	struct lk_user_record record;
	struct lk_key_id id;

	if (!lk_id_parse(LK_ID_USER, lk_bytes_of(update->id), &id))
		return not_found();
	LK_TRY(get_record(call, txn, &id, &record));
	if ((update->fields & LK_USER_FIELD_EMAIL) != 0)
		LK_TRY(change_email(call, txn, update->spec.email, &record));
	if ((update->fields & LK_USER_FIELD_NAME) != 0)
		LK_TRY(set_name(update->spec.name, &record));
	if ((update->fields & LK_USER_FIELD_ROLES) != 0)
		LK_TRY(set_roles(call, &update->spec, &record));
	if ((update->fields & LK_USER_FIELD_ORGANIZATION) != 0)
		LK_TRY(change_organization(call, txn, update->spec.organization_id, &record));
	if ((update->fields & LK_USER_FIELD_ENABLED) != 0)
		record.enabled = update->enabled;
	return put_record(call, txn, &record, view_out);
}

struct lk_status lk_users_set_password_hash(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, const char *hash, struct lk_bytes replaces)
{
	struct lk_user_record record;
	struct lk_user_view view;
	lk_time_ms changed_ms;

	LK_TRY(get_record(call, txn, id, &record));
	if (replaces.n > 0 && !lk_text_equal(record.password_hash, replaces))
		return LK_ERR(LK_ABORTED, "the password was changed meanwhile");
	changed_ms = record.password_changed_ms;
	LK_TRY(set_password_hash(call, hash, &record));
	/* A hash made anew of the same password is no change of it. */
	if (replaces.n > 0)
		record.password_changed_ms = changed_ms;
	return put_record(call, txn, &record, &view);
}

/* --- permissions --- */

struct lk_permset lk_user_permissions(
	const struct lk_realm *realm, const struct lk_user_record *record)
{
	struct lk_permset set = { { 0 } };

	for (size_t i = 0; i < record->roles.n; i++) {
		const struct lk_role *role = lk_realm_find_role(realm, record->roles.items[i]);

		for (size_t w = 0; role != NULL && w < LK_COUNT(set.w); w++)
			set.w[w] |= role->permissions.w[w];
	}
	return set;
}

/* The catalog has its names in order already. */
struct lk_status lk_permission_names(const struct lk_realm *realm, const struct lk_permset *set,
	struct lk_arena *arena, const char ***names_out, size_t *n_out)
{
	const struct lk_catalog *catalog = &realm->catalog;
	const char **names = lk_arena_calloc(arena, catalog->n, sizeof *names);
	size_t n = 0;

	if (names == NULL)
		return arena_full();
	for (size_t i = 0; i < catalog->n; i++) {
		unsigned bit = catalog->by_name[i];

		if (lk_permset_has(&catalog->offered, bit) && lk_permset_has(set, bit))
			names[n++] = catalog->names[bit];
	}
	*names_out = names;
	*n_out = n;
	return LK_SUCCESS;
}
