/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/index_priv.h"
#include "server/core/text.h"

static const struct lk_status short_of_memory = { .code = LK_RESOURCE_EXHAUSTED,
	.why = "the index is short of memory" };

/* --- sets --- */

bool lk_index_set_init(struct lk_index_set *set, struct lk_epoch_bin *retired)
{
	memset(set, 0, sizeof *set);
	set->retired = retired;
	return lk_entries_init(&set->entries, retired);
}

static void free_keyring(void *p)
{
	if (p != NULL)
		lk_wipe(p, sizeof(struct lk_keyring));
	lk_free(p);
}

void lk_index_set_fini(struct lk_index_set *set)
{
	lk_entries_fini(&set->entries);
	lk_owners_fini(&set->owners, NULL);
	for (size_t i = 0; i < LK_COUNT(set->keyrings); i++)
		free_keyring(atomic_load(&set->keyrings[i]));
}

static void retire_keyring(struct lk_index_set *set, struct lk_keyring *keyring)
{
	if (keyring == NULL)
		return;
	if (set->retired != NULL)
		lk_epoch_retire(set->retired, keyring, free_keyring);
	else
		free_keyring(keyring);
}

static void carry_denials(const struct lk_owners *from, const struct lk_owners *to)
{
	for (size_t i = 0; from->slots != NULL && i <= from->mask; i++) {
		const struct lk_owner *owner = from->slots[i];
		struct lk_owner *same;

		if (owner == NULL || atomic_load(&owner->denied) != LK_ENTRY_DENIED_AS_REVOKED)
			continue;
		same = lk_owners_find(
			to, &(struct lk_owner_name) { (enum lk_owner_kind)owner->kind, owner->realm,
				    { (const uint8_t *)owner->name, owner->name_n } });
		if (same != NULL)
			atomic_store(&same->denied, LK_ENTRY_DENIED_AS_REVOKED);
	}
}

void lk_index_set_replace(struct lk_index_set *set, struct lk_index_set *take)
{
	struct lk_owners owners = set->owners;

	carry_denials(&owners, &take->owners);
	for (size_t i = 0; i < LK_COUNT(set->keyrings); i++)
		retire_keyring(
			set, atomic_exchange(&set->keyrings[i], atomic_load(&take->keyrings[i])));
	set->owners = take->owners;
	set->n_unreadable = take->n_unreadable;
	lk_entries_replace(&set->entries, &take->entries);
	/* After the entries that lead to them. */
	lk_owners_fini(&owners, set->retired);
}

/* --- rows --- */

/* What a row is about, and the realm it is in; NULL for a realm that is closed. */
struct row {
	struct lk_bytes realm_name;
	const struct lk_realm *realm;
	struct lk_key_id id;
	struct lk_bytes value;
};

/* A record must be the one its row says, or a damaged store could lend a key to another realm. */
static bool is_of_row(const struct row *row, struct lk_bytes realm, const struct lk_key_id *id)
{
	return lk_key_id_equal(id, &row->id) && lk_text_equal(realm, row->realm_name);
}

static struct lk_status damaged(void)
{
	return LK_ERR(LK_DATA_LOSS, "a stored record is damaged");
}

static struct lk_entry_context entry_context(
	const struct lk_index_context *context, struct lk_index_set *set, const struct row *row)
{
	return (struct lk_entry_context) { context->realms, row->realm, &set->owners };
}

/* A secret that was replaced without grace is left out, so that a clock which is set back cannot
 * bring it back. */
static bool has_graced_secret(const struct lk_key_record *record)
{
	return record->has_previous && record->previous.expires_ms > record->current.created_ms;
}

static struct lk_status make_key(const struct lk_index_context *context, struct lk_index_set *set,
	const struct row *row, struct lk_key_entries *key_out)
{
	struct lk_entry_context entries = entry_context(context, set, row);
	struct lk_key_entries made = { .n = 1 };
	struct lk_key_record record;
	struct lk_status st;

	LK_TRY(lk_key_record_decode(row->value, context->arena, &record));
	if (!is_of_row(row, record.realm, &record.id))
		return damaged();
	LK_TRY(lk_entry_new(&entries, &record, &record.current, &made.items[0]));
	if (has_graced_secret(&record)) {
		st = lk_entry_new(&entries, &record, &record.previous, &made.items[1]);
		if (st.code != LK_OK) {
			lk_free(made.items[0]);
			return st;
		}
		made.n = 2;
	}
	*key_out = made;
	return LK_SUCCESS;
}

static struct lk_status make_session(const struct lk_index_context *context,
	struct lk_index_set *set, const struct row *row, struct lk_key_entries *key_out)
{
	struct lk_entry_context entries = entry_context(context, set, row);
	struct lk_session_record record;

	LK_TRY(lk_session_record_decode(row->value, context->arena, &record));
	if (!is_of_row(row, record.realm, &record.id))
		return damaged();
	LK_TRY(lk_entry_new_session(&entries, &record, &key_out->items[0]));
	key_out->n = 1;
	return LK_SUCCESS;
}

/* What cannot be read is denied: its entries go. */
static struct lk_status apply_entries(const struct lk_index_context *context,
	struct lk_index_set *set, const struct row *row, enum lk_row_kind kind)
{
	struct lk_key_entries key = { .n = 0 };
	struct lk_status st = LK_SUCCESS;

	if (!lk_entries_reserve(&set->entries))
		return short_of_memory;
	if (row->value.data != NULL && row->realm != NULL)
		st = kind == LK_ROW_KEY ? make_key(context, set, row, &key)
					: make_session(context, set, row, &key);
	if (st.code == LK_RESOURCE_EXHAUSTED)
		return st;
	set->n_unreadable += st.code != LK_OK;
	lk_entries_set(&set->entries, &row->id, &key);
	return LK_SUCCESS;
}

/* A user who cannot be read has no facts, and so no rights. */
static struct lk_status apply_user(
	const struct lk_index_context *context, struct lk_index_set *set, const struct row *row)
{
	struct lk_owner_name name;
	struct lk_user_facts *facts = NULL;
	struct lk_user_record record;
	struct lk_owner *owner;
	struct lk_status st = LK_SUCCESS;

	if (row->realm == NULL)
		return LK_SUCCESS;
	name = lk_owner_of_user(row->realm->index, &row->id);
	owner = lk_owners_get(&set->owners, &name);
	if (owner == NULL)
		return short_of_memory;
	if (row->value.data != NULL)
		st = lk_user_record_decode(row->value, context->arena, &record);
	if (st.code == LK_OK && row->value.data != NULL && is_of_row(row, record.realm, &record.id))
		st = lk_user_facts_new(&set->owners, row->realm, &record, &facts);
	if (st.code == LK_RESOURCE_EXHAUSTED)
		return st;
	set->n_unreadable += row->value.data != NULL && facts == NULL;
	lk_owner_set_facts(&set->owners, owner, facts, set->retired);
	return LK_SUCCESS;
}

/* An organisation without facts is no more than a text, so one that cannot be read gets facts that
 * say it is disabled. */
static struct lk_status apply_organization(const struct lk_index_context *context,
	struct lk_index_set *set, const struct row *row, struct lk_bytes id)
{
	struct lk_organization_record record = { .enabled = false };
	struct lk_organization_facts *facts = NULL;
	struct lk_owner_name name;
	struct lk_owner *owner;
	struct lk_status st = LK_SUCCESS;

	if (row->realm == NULL)
		return LK_SUCCESS;
	name = lk_owner_of_organization(row->realm->index, id);
	owner = lk_owners_get(&set->owners, &name);
	if (owner == NULL)
		return short_of_memory;
	if (row->value.data != NULL) {
		st = lk_organization_record_decode(row->value, context->arena, &record);
		if (st.code == LK_RESOURCE_EXHAUSTED)
			return st;
		if (st.code != LK_OK || !lk_text_equal(record.realm, row->realm_name) ||
			!lk_text_equal(record.id, id)) {
			record = (struct lk_organization_record) { .enabled = false };
			set->n_unreadable++;
		}
		facts = lk_organization_facts_new(&record);
		if (facts == NULL)
			return short_of_memory;
	}
	lk_owner_set_facts(&set->owners, owner, facts, set->retired);
	return LK_SUCCESS;
}

/* No two keyrings of the process have the same, so a proof of one never counts with another. */
static uint64_t next_generation(void)
{
	static _Atomic uint64_t generation;

	return atomic_fetch_add(&generation, 1) + 1;
}

static struct lk_status apply_signing_key(
	const struct lk_index_context *context, struct lk_index_set *set, const struct row *row)
{
	struct lk_signing_key_record record;
	struct lk_keyring *keyring, *old;
	struct lk_status st = LK_SUCCESS;

	if (row->realm == NULL)
		return LK_SUCCESS;
	if (row->value.data != NULL)
		st = lk_signing_key_record_decode(row->value, context->arena, &record);
	if (st.code == LK_RESOURCE_EXHAUSTED)
		return st;
	keyring = lk_alloc(sizeof *keyring);
	if (keyring == NULL)
		return short_of_memory;
	old = atomic_load(&set->keyrings[row->realm->index]);
	if (old != NULL)
		*keyring = *old;
	keyring->generation = next_generation();
	lk_keyring_remove(keyring, &row->id);
	if (row->value.data != NULL &&
		(st.code != LK_OK || !is_of_row(row, record.realm, &record.id) ||
			lk_keyring_add(keyring, context->peppers, &record).code != LK_OK))
		set->n_unreadable++;
	atomic_store(&set->keyrings[row->realm->index], keyring);
	retire_keyring(set, old);
	return LK_SUCCESS;
}

struct lk_status lk_index_apply(const struct lk_index_context *context, struct lk_index_set *set,
	struct lk_bytes key, struct lk_bytes value)
{
	enum lk_row_kind kind = lk_row_kind(key);
	struct row row = { .value = value };
	struct lk_bytes organization;

	if (kind == LK_ROW_OTHER || kind == LK_ROW_REFRESH || kind == LK_ROW_ANSWER)
		return LK_SUCCESS;
	if (kind == LK_ROW_ORGANIZATION
			? !lk_row_read_organization(key, &row.realm_name, &organization)
			: !lk_row_read_id(key, kind, &row.realm_name, &row.id))
		return LK_SUCCESS;
	row.realm = lk_realms_find(context->realms, row.realm_name);
	lk_arena_reset(context->arena);
	if (kind == LK_ROW_USER)
		return apply_user(context, set, &row);
	if (kind == LK_ROW_ORGANIZATION)
		return apply_organization(context, set, &row, organization);
	if (kind == LK_ROW_SIGNING_KEY)
		return apply_signing_key(context, set, &row);
	return apply_entries(context, set, &row, kind);
}

static void deny_owner(struct lk_index_set *set, const struct lk_owner_name *name)
{
	struct lk_owner *owner = lk_owners_find(&set->owners, name);

	if (owner != NULL && atomic_load(&owner->denied) == LK_ENTRY_NOT_DENIED)
		atomic_store(&owner->denied, LK_ENTRY_DENIED_AS_STALE);
}

void lk_index_deny_row(
	const struct lk_index_context *context, struct lk_index_set *set, struct lk_bytes key)
{
	enum lk_row_kind kind = lk_row_kind(key);
	const struct lk_realm *realm;
	struct lk_bytes realm_name, organization;
	struct lk_owner_name name;
	struct lk_key_id id;

	if (kind == LK_ROW_ORGANIZATION &&
		lk_row_read_organization(key, &realm_name, &organization)) {
		realm = lk_realms_find(context->realms, realm_name);
		name = lk_owner_of_organization(realm != NULL ? realm->index : 0, organization);
		deny_owner(set, &name);
		return;
	}
	if (kind < LK_ROW_KEY || kind > LK_ROW_SIGNING_KEY ||
		!lk_row_read_id(key, kind, &realm_name, &id))
		return;
	realm = lk_realms_find(context->realms, realm_name);
	if (kind == LK_ROW_KEY || kind == LK_ROW_SESSION)
		lk_entries_deny(&set->entries, &id, LK_ENTRY_DENIED_AS_STALE);
	if (kind == LK_ROW_USER && realm != NULL) {
		name = lk_owner_of_user(realm->index, &id);
		deny_owner(set, &name);
	}
	/* Of a keyring it is not known which keys it has: none. */
	if (kind == LK_ROW_SIGNING_KEY && realm != NULL)
		retire_keyring(set, atomic_exchange(&set->keyrings[realm->index], NULL));
}
