/* SPDX-License-Identifier: MIT */
/* A table that grows is copied while readers still note uses in the old one. What they noted is
 * merged when the old table is freed: by then no reader is in it, and since retired objects are
 * freed in order, the entries it points to are still there.
 */
#include "server/core/entries.h"

#include <assert.h>

#include "proto/wire/arena.h"

bool lk_entries_init(struct lk_entries *entries, struct lk_epoch_bin *retired)
{
	struct lk_table *table = lk_table_new(0);

	*entries = (struct lk_entries) { .retired = retired };
	if (table == NULL)
		return false;
	table->owner = entries;
	atomic_store(&entries->by_digest, table);
	return true;
}

void lk_entries_fini(struct lk_entries *entries)
{
	const struct lk_id_map *map = &entries->by_id;

	for (size_t i = 0; map->slots != NULL && i <= map->mask; i++)
		lk_free(map->slots[i]);
	lk_id_map_fini(&entries->by_id);
	lk_free(lk_entries_table(entries));
}

struct lk_table *lk_entries_table(const struct lk_entries *entries)
{
	return atomic_load(&entries->by_digest);
}

static void free_table(void *p)
{
	struct lk_table *old = p;
	struct lk_table *table = lk_entries_table(old->owner);

	for (size_t i = 0; i <= old->mask; i++) {
		struct lk_entry *entry = atomic_load(&old->slots[i].entry);
		uint32_t used = atomic_load_explicit(&old->slots[i].used, memory_order_relaxed);
		struct lk_slot *slot;

		if (used == 0 || entry == NULL || entry == &lk_removed)
			continue;
		slot = lk_table_find(table, &entry->digest);
		if (slot != NULL)
			lk_slot_note_use(&slot->used, used);
	}
	lk_free(old);
}

static void retire(struct lk_entries *entries, void *p, lk_epoch_free_fn how)
{
	if (entries->retired != NULL)
		lk_epoch_retire(entries->retired, p, how);
	else
		lk_free(p);
}

bool lk_entries_reserve(struct lk_entries *entries)
{
	struct lk_table *table = lk_entries_table(entries);
	struct lk_table *copy;

	if (!lk_id_map_reserve(&entries->by_id, LK_SECRETS_PER_KEY))
		return false;
	if (lk_table_has_room(table, LK_SECRETS_PER_KEY))
		return true;
	copy = lk_table_copy(
		table, entries->n_secrets + entries->n_secrets / 2 + LK_SECRETS_PER_KEY);
	if (copy == NULL)
		return false;
	atomic_store(&entries->by_digest, copy);
	retire(entries, table, free_table);
	return true;
}

static void count(struct lk_entries *entries, const struct lk_entry *entry, bool added)
{
	size_t one = added ? 1 : (size_t)-1;

	entries->n_secrets += one;
	if ((entry->flags & LK_ENTRY_SESSION) != 0)
		entries->n_sessions += one;
	else if ((entry->flags & LK_ENTRY_PREVIOUS) == 0)
		entries->n_keys += one;
	entries->entry_bytes += added ? lk_entry_size(entry) : -lk_entry_size(entry);
}

/* Of an entry that no slot holds any more. */
static void drop(struct lk_entries *entries, struct lk_entry *entry)
{
	lk_id_map_remove(&entries->by_id, entry);
	count(entries, entry, false);
	retire(entries, entry, lk_free);
}

static void place(struct lk_entries *entries, struct lk_entry *entry)
{
	struct lk_table *table = lk_entries_table(entries);
	struct lk_slot *slot = lk_table_find(table, &entry->digest);
	struct lk_entry *old = NULL;

	if (slot != NULL)
		old = atomic_exchange(&slot->entry, entry);
	else
		lk_table_insert(table, entry);
	lk_id_map_add(&entries->by_id, entry);
	count(entries, entry, true);
	if (old != NULL)
		drop(entries, old);
}

static void remove_others(
	struct lk_entries *entries, const struct lk_key_id *id, const struct lk_key_entries *kept)
{
	size_t at = SIZE_MAX;
	struct lk_entry *entry;

	while ((entry = lk_id_map_next(&entries->by_id, id, &at)) != NULL) {
		struct lk_slot *slot;

		if (entry == kept->items[0] || entry == kept->items[1])
			continue;
		slot = lk_table_find(lk_entries_table(entries), &entry->digest);
		assert(slot != NULL);
		atomic_store(&slot->entry, &lk_removed);
		drop(entries, entry);
		at = SIZE_MAX; /* what came after may have moved up */
	}
}

void lk_entries_set(
	struct lk_entries *entries, const struct lk_key_id *id, const struct lk_key_entries *key)
{
	for (size_t i = 0; i < key->n; i++)
		place(entries, key->items[i]);
	remove_others(entries, id, key);
}

void lk_entries_deny(
	struct lk_entries *entries, const struct lk_key_id *id, enum lk_entry_denial denial)
{
	size_t at = SIZE_MAX;
	struct lk_entry *entry;

	while ((entry = lk_id_map_next(&entries->by_id, id, &at)) != NULL)
		if (atomic_load(&entry->denied) < denial)
			atomic_store(&entry->denied, (uint8_t)denial);
}

/* The table before its entries: see free_table. */
void lk_entries_replace(struct lk_entries *entries, struct lk_entries *take)
{
	struct lk_table *old_table = lk_entries_table(entries);
	struct lk_table *new_table = lk_entries_table(take);
	struct lk_id_map old = entries->by_id;

	for (size_t i = 0; old.slots != NULL && i <= old.mask; i++)
		if (old.slots[i] != NULL &&
			atomic_load(&old.slots[i]->denied) == LK_ENTRY_DENIED_AS_REVOKED)
			lk_entries_deny(take, &old.slots[i]->key_id, LK_ENTRY_DENIED_AS_REVOKED);
	entries->by_id = take->by_id;
	entries->n_keys = take->n_keys;
	entries->n_sessions = take->n_sessions;
	entries->n_secrets = take->n_secrets;
	entries->entry_bytes = take->entry_bytes;
	new_table->owner = entries;
	atomic_store(&entries->by_digest, new_table);
	retire(entries, old_table, free_table);
	for (size_t i = 0; old.slots != NULL && i <= old.mask; i++)
		if (old.slots[i] != NULL)
			retire(entries, old.slots[i], lk_free);
	lk_id_map_fini(&old);
}

size_t lk_entries_size(const struct lk_entries *entries)
{
	size_t places = entries->by_id.slots != NULL ? entries->by_id.mask + 1 : 0;

	return entries->entry_bytes + lk_table_size(lk_entries_table(entries)) +
	       places * sizeof entries->by_id.slots[0];
}
