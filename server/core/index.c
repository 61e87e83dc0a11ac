/* SPDX-License-Identifier: MIT */
/* The time of last use lies in the slot of an entry as seconds since 2020, shifted by one for a
 * bit that says "not taken yet". A growing table is copied while readers still note uses in the
 * old one, so what they noted is merged when the old table is freed: by then no reader is in it,
 * and since retired objects are freed in order, the entries it points to are still there.
 */
#include "server/core/index.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/table.h"

#define SECONDS_AT_START 1577836800 /* 2020-01-01T00:00:00Z */
#define USED_NOT_TAKEN 1U

#define CHANGES_AT_ONCE 256
#define RECORD_ARENA_MAX ((size_t)512 * 1024)
#define SECRETS_PER_KEY 2

/* All that one scan builds and another one replaces. */
struct tables {
	_Atomic(struct lk_table *) by_digest;
	struct lk_id_map by_id;
	size_t n_keys;
	size_t n_secrets;
	size_t entry_bytes;
	size_t n_unreadable;
};

struct lk_index {
	struct tables tables;
	_Atomic(const struct lk_realms *) realms;
	_Atomic uint64_t seq;
	atomic_bool is_behind;
	bool is_stale; /* some change could not be applied: only a scan helps */
	pthread_mutex_t lock;
	struct lk_arena arena; /* of the record being read */
	struct lk_epoch_bin retired;
	size_t take_at; /* where lk_index_take_used goes on */
};

static const struct lk_status short_of_memory = { .code = LK_RESOURCE_EXHAUSTED,
	.why = "the index is short of memory" };

static struct lk_table *table_of(struct tables *tables)
{
	return atomic_load(&tables->by_digest);
}

/* Moves a time forward; false when it is not before `used`. */
static bool raise_used(_Atomic uint32_t *place, uint32_t used)
{
	uint32_t seen = atomic_load_explicit(place, memory_order_relaxed);

	do {
		if (seen >> 1 >= used >> 1)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		place, &seen, used, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static void merge_used(struct lk_index *index, struct lk_table *old)
{
	for (size_t i = 0; i <= old->mask; i++) {
		struct lk_entry *entry = atomic_load(&old->slots[i].entry);
		uint32_t used = atomic_load_explicit(&old->slots[i].used, memory_order_relaxed);
		struct lk_slot *slot;

		if (used == 0 || entry == NULL || entry == &lk_removed)
			continue;
		slot = lk_table_find(table_of(&index->tables), &entry->digest);
		if (slot != NULL)
			raise_used(&slot->used, used);
	}
}

static void free_table(void *p)
{
	struct lk_table *table = p;

	merge_used(table->owner, table);
	lk_free(table);
}

/* Tables that are still being built have no readers. */
static bool has_readers(const struct lk_index *index, const struct tables *tables)
{
	return tables == &index->tables;
}

static bool begin_tables(struct lk_index *index, struct tables *tables)
{
	struct lk_table *table = lk_table_new(0);

	*tables = (struct tables) { .n_keys = 0 };
	if (table == NULL)
		return false;
	table->owner = index;
	atomic_store(&tables->by_digest, table);
	return true;
}

/* Frees tables that readers never saw or will not see again. */
static void free_tables(struct tables *tables)
{
	const struct lk_id_map *map = &tables->by_id;

	for (size_t i = 0; map->slots != NULL && i <= map->mask; i++)
		lk_free(map->slots[i]);
	lk_id_map_fini(&tables->by_id);
	lk_free(table_of(tables));
}

static bool reserve(struct lk_index *index, struct tables *tables)
{
	struct lk_table *table = table_of(tables);
	struct lk_table *copy;

	if (!lk_id_map_reserve(&tables->by_id, SECRETS_PER_KEY))
		return false;
	if (lk_table_has_room(table, SECRETS_PER_KEY))
		return true;
	copy = lk_table_copy(table, tables->n_secrets + tables->n_secrets / 2 + SECRETS_PER_KEY);
	if (copy == NULL)
		return false;
	atomic_store(&tables->by_digest, copy);
	if (has_readers(index, tables))
		lk_epoch_retire(&index->retired, table, free_table);
	else
		lk_free(table);
	return true;
}

static void count(struct tables *tables, const struct lk_entry *entry, bool added)
{
	size_t one = added ? 1 : (size_t)-1;

	tables->n_secrets += one;
	if ((entry->flags & LK_ENTRY_PREVIOUS) == 0)
		tables->n_keys += one;
	tables->entry_bytes += added ? lk_entry_size(entry) : -lk_entry_size(entry);
}

/* Of an entry that no table slot holds any more. */
static void drop(struct lk_index *index, struct tables *tables, struct lk_entry *entry)
{
	lk_id_map_remove(&tables->by_id, entry);
	count(tables, entry, false);
	if (has_readers(index, tables))
		lk_epoch_retire(&index->retired, entry, lk_free);
	else
		lk_free(entry);
}

/* There is room. A replacement goes live in one store, so no lookup ever misses. */
static void place(struct lk_index *index, struct tables *tables, struct lk_entry *entry)
{
	struct lk_slot *slot = lk_table_find(table_of(tables), &entry->digest);
	struct lk_entry *old = NULL;

	if (slot != NULL)
		old = atomic_exchange(&slot->entry, entry);
	else
		lk_table_insert(table_of(tables), entry);
	lk_id_map_add(&tables->by_id, entry);
	count(tables, entry, true);
	if (old != NULL)
		drop(index, tables, old);
}

struct secrets {
	struct lk_entry *items[SECRETS_PER_KEY];
	size_t n;
};

static void remove_others(struct lk_index *index, struct tables *tables, const struct lk_key_id *id,
	const struct secrets *kept)
{
	size_t at = SIZE_MAX;
	struct lk_entry *entry;

	while ((entry = lk_id_map_next(&tables->by_id, id, &at)) != NULL) {
		struct lk_slot *slot;

		if (entry == kept->items[0] || entry == kept->items[1])
			continue;
		slot = lk_table_find(table_of(tables), &entry->digest);
		assert(slot != NULL);
		atomic_store(&slot->entry, &lk_removed);
		drop(index, tables, entry);
		at = SIZE_MAX; /* what came after may have moved up */
	}
}

/* No entries for a key of a closed realm. */
static struct lk_status make_secrets(const struct lk_realms *realms,
	const struct lk_key_record *record, struct secrets *secrets_out)
{
	const struct lk_realm *realm = lk_realms_find(realms, record->realm);
	struct secrets made = { .n = 0 };
	struct lk_status st = LK_SUCCESS;

	if (realm == NULL)
		return LK_SUCCESS;
	st = lk_entry_new(realms, realm, record, &record->current, &made.items[0]);
	if (st.code != LK_OK)
		return st;
	made.n = 1;
	if (record->has_previous) {
		st = lk_entry_new(realms, realm, record, &record->previous, &made.items[1]);
		if (st.code != LK_OK) {
			lk_free(made.items[0]);
			return st;
		}
		made.n = 2;
	}
	*secrets_out = made;
	return LK_SUCCESS;
}

static bool same_bytes(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a;
	const uint8_t *y = b;
	uint8_t difference = 0;

	for (size_t i = 0; i < n; i++)
		difference |= x[i] ^ y[i];
	return difference == 0;
}

/* A record must be the one its row says, or a damaged store could lend a key to another realm. */
static struct lk_status read_row(struct lk_index *index, struct lk_bytes realm,
	const struct lk_key_id *id, struct lk_bytes value, struct secrets *secrets_out)
{
	struct lk_key_record record;

	lk_arena_reset(&index->arena);
	LK_TRY(lk_key_record_decode(value, &index->arena, &record));
	if (!same_bytes(record.id.bytes, id->bytes, sizeof id->bytes) ||
		record.realm.n != realm.n || !same_bytes(record.realm.data, realm.data, realm.n))
		return LK_ERR(LK_DATA_LOSS, "a stored key is damaged");
	return make_secrets(atomic_load(&index->realms), &record, secrets_out);
}

/* One row as it is now; `value.data` is NULL for a row that is gone. Fails only for want of
 * memory, with nothing changed. */
static struct lk_status apply_row(
	struct lk_index *index, struct tables *tables, struct lk_bytes row, struct lk_bytes value)
{
	struct secrets secrets = { .n = 0 };
	struct lk_status st = LK_SUCCESS;
	struct lk_bytes realm;
	struct lk_key_id id;

	if (!lk_row_read_key(row, &realm, &id))
		return LK_SUCCESS;
	if (!reserve(index, tables))
		return short_of_memory;
	if (value.data != NULL)
		st = read_row(index, realm, &id, value, &secrets);
	if (st.code == LK_RESOURCE_EXHAUSTED)
		return st;
	/* What cannot be read is denied: its entries go. */
	if (st.code != LK_OK)
		tables->n_unreadable++;
	for (size_t i = 0; i < secrets.n; i++)
		place(index, tables, secrets.items[i]);
	remove_others(index, tables, &id, &secrets);
	return LK_SUCCESS;
}

static void deny_key(struct tables *tables, const struct lk_key_id *id, enum lk_entry_denial denial)
{
	size_t at = SIZE_MAX;
	struct lk_entry *entry;

	while ((entry = lk_id_map_next(&tables->by_id, id, &at)) != NULL)
		if (atomic_load(&entry->denied) < denial)
			atomic_store(&entry->denied, (uint8_t)denial);
}

struct lk_status lk_index_new(const struct lk_realms *realms, struct lk_index **index_out)
{
	struct lk_index *index = lk_alloc(sizeof *index);

	if (index == NULL)
		return short_of_memory;
	if (!begin_tables(index, &index->tables)) {
		lk_free(index);
		return short_of_memory;
	}
	atomic_store(&index->realms, realms);
	pthread_mutex_init(&index->lock, NULL);
	lk_arena_init(&index->arena, RECORD_ARENA_MAX);
	*index_out = index;
	return LK_SUCCESS;
}

void lk_index_free(struct lk_index *index)
{
	if (index == NULL)
		return;
	lk_epoch_drain(&index->retired);
	free_tables(&index->tables);
	lk_arena_fini(&index->arena);
	pthread_mutex_destroy(&index->lock);
	lk_free(index);
}

/* The number of the last commit. The store has no call for it, but says at once whether a
 * number exists: doubling, then halving, takes two times as many questions as it has bits. */
static struct lk_status find_head(struct lk_store *store, uint64_t *seq_out)
{
	uint64_t low = 0;
	uint64_t step = 1;
	bool doubling = true;

	while (step > 0) {
		struct lk_status st = lk_store_wait(store, low + step, 0);

		if (st.code != LK_OK && st.code != LK_DEADLINE_EXCEEDED)
			return st;
		if (st.code == LK_OK)
			low += step;
		else
			doubling = false;
		step = doubling ? step * 2 : step / 2;
	}
	*seq_out = low;
	return LK_SUCCESS;
}

struct scan {
	struct lk_index *index;
	struct tables tables;
	uint64_t seq;
	struct lk_status st;
};

static bool scan_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct scan *scan = arg;

	/* The scan is of one moment, so it holds everything up to any number it shows. */
	if (seq > scan->seq)
		scan->seq = seq;
	scan->st = apply_row(scan->index, &scan->tables, key, value);
	return scan->st.code == LK_OK;
}

/* Moves the new tables in and retires what they replace, the table first: see merge_used. */
static void replace_tables(struct lk_index *index, struct tables *tables)
{
	struct lk_table *old_table = table_of(&index->tables);
	struct lk_id_map old = index->tables.by_id;

	for (size_t i = 0; old.slots != NULL && i <= old.mask; i++)
		if (old.slots[i] != NULL &&
			atomic_load(&old.slots[i]->denied) == LK_ENTRY_DENIED_AS_REVOKED)
			deny_key(tables, &old.slots[i]->key_id, LK_ENTRY_DENIED_AS_REVOKED);
	index->tables.by_id = tables->by_id;
	index->tables.n_keys = tables->n_keys;
	index->tables.n_secrets = tables->n_secrets;
	index->tables.entry_bytes = tables->entry_bytes;
	index->tables.n_unreadable = tables->n_unreadable;
	atomic_store(&index->tables.by_digest, table_of(tables));
	lk_epoch_retire(&index->retired, old_table, free_table);
	for (size_t i = 0; old.slots != NULL && i <= old.mask; i++)
		if (old.slots[i] != NULL)
			lk_epoch_retire(&index->retired, old.slots[i], lk_free);
	lk_id_map_fini(&old);
}

static struct lk_status load(struct lk_index *index, struct lk_store *store)
{
	struct scan scan = { .index = index, .st = LK_SUCCESS };
	struct lk_row keys = lk_row_of_keys();
	struct lk_status st;

	/* Asked before the scan: what is committed later may be missing from it. */
	LK_TRY(find_head(store, &scan.seq));
	if (!begin_tables(index, &scan.tables))
		return short_of_memory;
	st = lk_store_scan(store, lk_row_bytes(&keys), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		scan_row, &scan);
	if (st.code == LK_OK)
		st = scan.st;
	if (st.code != LK_OK) {
		free_tables(&scan.tables);
		return st;
	}
	replace_tables(index, &scan.tables);
	atomic_store(&index->seq, scan.seq);
	index->is_stale = false;
	return LK_SUCCESS;
}

struct lk_status lk_index_load(struct lk_index *index, struct lk_store *store)
{
	struct lk_status st;

	pthread_mutex_lock(&index->lock);
	st = load(index, store);
	pthread_mutex_unlock(&index->lock);
	return st;
}

/* Applies a change, or, once something could not be applied, denies the keys it touches: order
 * is lost then, and only a scan can tell the present state. */
static void apply_change(struct lk_index *index, const struct lk_store_change *change)
{
	for (size_t i = 0; i < change->n_ops; i++) {
		const struct lk_store_op *op = &change->ops[i];
		struct lk_bytes value = { NULL, 0 };
		struct lk_bytes realm;
		struct lk_key_id id;

		if (op->kind == LK_STORE_PUT)
			value = op->value;
		if (!index->is_stale &&
			apply_row(index, &index->tables, op->key, value).code == LK_OK)
			continue;
		index->is_stale = true;
		if (lk_row_read_key(op->key, &realm, &id))
			deny_key(&index->tables, &id, LK_ENTRY_DENIED_AS_STALE);
	}
}

struct change_pass {
	struct lk_index *index;
	uint64_t seq;
};

static bool visit_change(void *arg, const struct lk_store_change *change)
{
	struct change_pass *pass = arg;

	apply_change(pass->index, change);
	pass->seq = change->seq;
	if (!pass->index->is_stale)
		atomic_store(&pass->index->seq, change->seq);
	return true;
}

static struct lk_status apply_changes(struct lk_index *index, struct lk_store *store, uint64_t seq)
{
	struct change_pass pass = { index, atomic_load(&index->seq) };

	while (pass.seq < seq) {
		uint64_t before = pass.seq;

		LK_TRY(lk_store_changes(store, before, CHANGES_AT_ONCE, visit_change, &pass));
		if (pass.seq == before)
			return LK_ERR(LK_UNAVAILABLE, "the change log ends too early");
	}
	return index->is_stale ? short_of_memory : LK_SUCCESS;
}

struct lk_status lk_index_catch_up(struct lk_index *index, struct lk_store *store, uint64_t seq)
{
	struct lk_status st = LK_SUCCESS;

	pthread_mutex_lock(&index->lock);
	/* When that fails, the keys that change now are denied below. */
	if (index->is_stale)
		st = load(index, store);
	st = apply_changes(index, store, seq);
	if (st.code == LK_OUT_OF_RANGE)
		st = load(index, store);
	atomic_store(&index->is_behind, st.code != LK_OK);
	lk_epoch_collect(&index->retired);
	pthread_mutex_unlock(&index->lock);
	return st;
}

uint64_t lk_index_seq(const struct lk_index *index)
{
	return atomic_load(&index->seq);
}

bool lk_index_is_behind(const struct lk_index *index)
{
	return atomic_load(&index->is_behind);
}

struct lk_status lk_index_set_realms(
	struct lk_index *index, struct lk_store *store, const struct lk_realms *realms)
{
	struct lk_status st;

	pthread_mutex_lock(&index->lock);
	atomic_store(&index->realms, realms);
	st = load(index, store);
	pthread_mutex_unlock(&index->lock);
	return st;
}

const struct lk_realms *lk_index_realms(const struct lk_index *index)
{
	return atomic_load(&index->realms);
}

void lk_index_deny(struct lk_index *index, const struct lk_key_id *id)
{
	pthread_mutex_lock(&index->lock);
	deny_key(&index->tables, id, LK_ENTRY_DENIED_AS_REVOKED);
	pthread_mutex_unlock(&index->lock);
}

struct lk_index_stats lk_index_stats(struct lk_index *index)
{
	const struct tables *tables = &index->tables;
	struct lk_index_stats stats;

	pthread_mutex_lock(&index->lock);
	stats = (struct lk_index_stats) {
		.keys = tables->n_keys,
		.secrets = tables->n_secrets,
		.bytes = tables->entry_bytes + lk_table_size(table_of(&index->tables)) +
			 (tables->by_id.mask + 1) * sizeof tables->by_id.slots[0],
		.unreadable = tables->n_unreadable,
		.seq = atomic_load(&index->seq),
	};
	pthread_mutex_unlock(&index->lock);
	return stats;
}

void lk_index_enter(void)
{
	lk_epoch_enter();
}

void lk_index_leave(void)
{
	lk_epoch_leave();
}

bool lk_index_find(
	const struct lk_index *index, const struct lk_digest *digest, struct lk_hit *hit_out)
{
	struct lk_slot *slot = lk_table_find(atomic_load(&index->tables.by_digest), digest);

	if (slot == NULL)
		return false;
	hit_out->entry = atomic_load(&slot->entry);
	hit_out->used = &slot->used;
	return hit_out->entry != &lk_removed;
}

bool lk_index_note_use(const struct lk_hit *hit, lk_time_ms now)
{
	lk_time_ms seconds = now / 1000 - SECONDS_AT_START;

	if (seconds <= 0 || seconds > INT32_MAX)
		return false;
	return raise_used(hit->used, (uint32_t)seconds << 1 | USED_NOT_TAKEN);
}

void lk_index_note_again(const struct lk_hit *hit)
{
	atomic_fetch_or_explicit(hit->used, USED_NOT_TAKEN, memory_order_relaxed);
}

/* True when the slot's time was not taken yet; it is now. */
static bool take_used(struct lk_slot *slot, uint32_t *used_out)
{
	uint32_t used = atomic_load_explicit(&slot->used, memory_order_relaxed);

	if ((used & USED_NOT_TAKEN) == 0)
		return false;
	*used_out = atomic_fetch_and_explicit(&slot->used, ~USED_NOT_TAKEN, memory_order_relaxed);
	return true;
}

size_t lk_index_take_used(struct lk_index *index, size_t limit, lk_index_used_fn visit, void *arg)
{
	struct lk_table *table;
	size_t taken = 0;

	lk_epoch_enter();
	table = table_of(&index->tables);
	for (size_t i = 0; i <= table->mask && taken < limit; i++) {
		struct lk_slot *slot = &table->slots[index->take_at++ & table->mask];
		const struct lk_entry *entry = atomic_load(&slot->entry);
		uint32_t used;

		if (entry == NULL || entry == &lk_removed || !take_used(slot, &used))
			continue;
		visit(arg, entry, ((lk_time_ms)(used >> 1) + SECONDS_AT_START) * 1000);
		taken++;
	}
	lk_epoch_leave();
	return taken;
}
