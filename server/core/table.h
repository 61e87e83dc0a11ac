/* SPDX-License-Identifier: MIT */
/* The tables of the verification index: entries by digest, for readers without locks, and by key
 * id, for the writer alone.
 *
 * By digest: open addressing with linear probing; at most three quarters of the slots are ever
 * filled. A slot is filled once: an entry's replacement takes its slot over, a removed entry
 * leaves a mark, and marks go when the table is copied. So the time of last use can lie in the
 * slot and survives a change of the entry.
 */
#pragma once

#include "server/core/epoch.h"
#include "server/core/entry.h"

struct lk_slot {
	_Atomic(struct lk_entry *) entry; /* NULL: free; lk_removed: was removed */
	_Atomic uint32_t tag;             /* of the digest: tells most others apart */
	_Atomic uint32_t used;            /* time of last use, see lk_slot_note_use */
};

/* Times of use: seconds since 2020, shifted by one for a bit that says "not taken yet". */
#define LK_USED_NOT_TAKEN 1U

/* Moves a time forward. False when it is not before `used`, the bit apart. */
bool lk_slot_note_use(_Atomic uint32_t *place, uint32_t used);

extern struct lk_entry lk_removed;

struct lk_table {
	void *owner; /* for whoever frees it */
	size_t mask;
	size_t n_filled; /* the writer's */
	struct lk_slot slots[];
};

/* Room for n entries before it is full. NULL: short of memory. lk_free it. */
struct lk_table *lk_table_new(size_t n);
bool lk_table_has_room(const struct lk_table *table, size_t n);
size_t lk_table_size(const struct lk_table *table);

/* The slot that holds this digest, or NULL. Safe beside the writer between epochs' enter and
 * leave. */
struct lk_slot *lk_table_find(struct lk_table *table, const struct lk_digest *digest);

/* Fills a free slot; there must be room, and the digest must be new. */
struct lk_slot *lk_table_insert(struct lk_table *table, struct lk_entry *entry);

/* Copies all entries and their times into a larger or cleaner table. NULL: short of memory. */
struct lk_table *lk_table_copy(const struct lk_table *table, size_t n);

/* Entries by key id; several may have one id. The writer's only. */
struct lk_id_map {
	struct lk_entry **slots;
	size_t mask;
	size_t n;
};

/* Makes room for n more entries. False: short of memory. */
bool lk_id_map_reserve(struct lk_id_map *map, size_t n);

/* There must be room. */
void lk_id_map_add(struct lk_id_map *map, struct lk_entry *entry);
void lk_id_map_remove(struct lk_id_map *map, const struct lk_entry *entry);

/* The first entry of an id from place `at` on, or NULL; at_inout starts as SIZE_MAX and is then
 * passed back in for the next. */
struct lk_entry *lk_id_map_next(
	const struct lk_id_map *map, const struct lk_key_id *id, size_t *at_inout);
void lk_id_map_fini(struct lk_id_map *map);
