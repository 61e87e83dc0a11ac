/* SPDX-License-Identifier: MIT */
#include "server/core/table.h"

#include <assert.h>
#include <string.h>

#include "proto/wire/arena.h"

#define SLOTS_MIN 64

struct lk_entry lk_removed;

bool lk_slot_note_use(_Atomic uint32_t *place, uint32_t used)
{
	uint32_t seen = atomic_load_explicit(place, memory_order_relaxed);

	do {
		if (seen >> 1 >= used >> 1)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		place, &seen, used, memory_order_relaxed, memory_order_relaxed));
	return true;
}

/* Digests are uniform: any of their bits place and tell apart as well as a hash would. */
static uint32_t tag_of(const struct lk_digest *digest)
{
	uint32_t tag;

	memcpy(&tag, digest->bytes, sizeof tag);
	return tag;
}

static size_t slots_for(size_t n)
{
	size_t slots = SLOTS_MIN;

	while (slots / 4 * 3 < n)
		slots *= 2;
	return slots;
}

struct lk_table *lk_table_new(size_t n)
{
	size_t slots = slots_for(n);
	struct lk_table *table = lk_alloc(sizeof *table + slots * sizeof table->slots[0]);

	if (table != NULL)
		table->mask = slots - 1;
	return table;
}

bool lk_table_has_room(const struct lk_table *table, size_t n)
{
	return table->n_filled + n <= (table->mask + 1) / 4 * 3;
}

size_t lk_table_size(const struct lk_table *table)
{
	return sizeof *table + (table->mask + 1) * sizeof table->slots[0];
}

struct lk_slot *lk_table_find(struct lk_table *table, const struct lk_digest *digest)
{
	uint32_t tag = tag_of(digest);

	for (size_t i = tag & table->mask;; i = (i + 1) & table->mask) {
		struct lk_slot *slot = &table->slots[i];
		struct lk_entry *entry = atomic_load(&slot->entry);

		if (entry == NULL)
			return NULL;
		if (atomic_load_explicit(&slot->tag, memory_order_relaxed) != tag)
			continue;
		if (entry != &lk_removed && lk_digest_equal(&entry->digest, digest))
			return slot;
	}
}

static struct lk_slot *fill(struct lk_table *table, uint32_t tag, struct lk_entry *entry)
{
	size_t i = tag & table->mask;

	assert(lk_table_has_room(table, 1));
	while (atomic_load_explicit(&table->slots[i].entry, memory_order_relaxed) != NULL)
		i = (i + 1) & table->mask;
	/* A reader that sees the entry must see its tag. */
	atomic_store_explicit(&table->slots[i].tag, tag, memory_order_relaxed);
	atomic_store(&table->slots[i].entry, entry);
	table->n_filled++;
	return &table->slots[i];
}

struct lk_slot *lk_table_insert(struct lk_table *table, struct lk_entry *entry)
{
	return fill(table, tag_of(&entry->digest), entry);
}

struct lk_table *lk_table_copy(const struct lk_table *table, size_t n)
{
	struct lk_table *copy = lk_table_new(n);

	if (copy == NULL)
		return NULL;
	copy->owner = table->owner;
	/* The tag alone says where an entry belongs; the entries stay out of the cache. */
	for (size_t i = 0; i <= table->mask; i++) {
		const struct lk_slot *slot = &table->slots[i];
		struct lk_entry *entry = atomic_load(&slot->entry);
		struct lk_slot *place;

		if (entry == NULL || entry == &lk_removed)
			continue;
		place = fill(copy, atomic_load_explicit(&slot->tag, memory_order_relaxed), entry);
		atomic_store_explicit(&place->used,
			atomic_load_explicit(&slot->used, memory_order_relaxed),
			memory_order_relaxed);
	}
	return copy;
}

/* The last bytes of an id are random. */
static size_t place_of(const struct lk_id_map *map, const struct lk_key_id *id)
{
	uint64_t hash;

	memcpy(&hash, id->bytes + sizeof id->bytes - sizeof hash, sizeof hash);
	return (size_t)hash & map->mask;
}

static bool same_id(const struct lk_key_id *a, const struct lk_key_id *b)
{
	uint64_t x[2];
	uint64_t y[2];

	memcpy(x, a->bytes, sizeof x);
	memcpy(y, b->bytes, sizeof y);
	return x[0] == y[0] && x[1] == y[1];
}

bool lk_id_map_reserve(struct lk_id_map *map, size_t n)
{
	struct lk_id_map larger = { .n = 0 };

	if (map->slots != NULL && map->n + n <= (map->mask + 1) / 4 * 3)
		return true;
	larger.mask = slots_for(map->n + n) - 1;
	larger.slots = lk_alloc((larger.mask + 1) * sizeof *larger.slots);
	if (larger.slots == NULL)
		return false;
	for (size_t i = 0; map->slots != NULL && i <= map->mask; i++)
		if (map->slots[i] != NULL)
			lk_id_map_add(&larger, map->slots[i]);
	lk_free(map->slots);
	*map = larger;
	return true;
}

void lk_id_map_add(struct lk_id_map *map, struct lk_entry *entry)
{
	size_t i = place_of(map, &entry->key_id);

	while (map->slots[i] != NULL)
		i = (i + 1) & map->mask;
	map->slots[i] = entry;
	map->n++;
}

/* Moves later entries of the run up into the gap, so that no marks are needed. */
static void close_gap(struct lk_id_map *map, size_t gap)
{
	for (size_t i = (gap + 1) & map->mask; map->slots[i] != NULL; i = (i + 1) & map->mask) {
		size_t home = place_of(map, &map->slots[i]->key_id);

		if (((i - home) & map->mask) < ((i - gap) & map->mask))
			continue;
		map->slots[gap] = map->slots[i];
		gap = i;
	}
	map->slots[gap] = NULL;
}

void lk_id_map_remove(struct lk_id_map *map, const struct lk_entry *entry)
{
	size_t i = place_of(map, &entry->key_id);

	while (map->slots[i] != entry) {
		assert(map->slots[i] != NULL);
		i = (i + 1) & map->mask;
	}
	close_gap(map, i);
	map->n--;
}

struct lk_entry *lk_id_map_next(
	const struct lk_id_map *map, const struct lk_key_id *id, size_t *at_inout)
{
	size_t i;

	if (map->slots == NULL)
		return NULL;
	i = *at_inout == SIZE_MAX ? place_of(map, id) : (*at_inout + 1) & map->mask;
	for (; map->slots[i] != NULL; i = (i + 1) & map->mask) {
		if (!same_id(&map->slots[i]->key_id, id))
			continue;
		*at_inout = i;
		return map->slots[i];
	}
	return NULL;
}

void lk_id_map_fini(struct lk_id_map *map)
{
	lk_free(map->slots);
	*map = (struct lk_id_map) { .slots = NULL };
}
