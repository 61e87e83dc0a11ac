/* SPDX-License-Identifier: MIT */
#include "server/core/index.h"

#include <pthread.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/entries.h"

#define SECONDS_AT_START 1577836800 /* 2020-01-01T00:00:00Z */

#define CHANGES_AT_ONCE 256
#define RECORD_ARENA_MAX ((size_t)512 * 1024)

/* Where rows go: the entries in force, or those that a scan builds. */
struct target {
	struct lk_entries *entries;
	size_t n_unreadable;
};

struct lk_index {
	struct lk_entries entries;
	struct target live; /* those entries */
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

/* A secret that was replaced without grace is left out, so that a clock which is set back cannot
 * bring it back. */
static bool has_graced_secret(const struct lk_key_record *record)
{
	return record->has_previous && record->previous.expires_ms > record->current.created_ms;
}

/* No entries for a key of a closed realm. */
static struct lk_status make_entries(const struct lk_realms *realms,
	const struct lk_key_record *record, struct lk_key_entries *key_out)
{
	const struct lk_realm *realm = lk_realms_find(realms, record->realm);
	struct lk_key_entries made = { .n = 0 };
	struct lk_status st = LK_SUCCESS;

	if (realm == NULL)
		return LK_SUCCESS;
	st = lk_entry_new(realms, realm, record, &record->current, &made.items[0]);
	if (st.code != LK_OK)
		return st;
	made.n = 1;
	if (has_graced_secret(record)) {
		st = lk_entry_new(realms, realm, record, &record->previous, &made.items[1]);
		if (st.code != LK_OK) {
			lk_free(made.items[0]);
			return st;
		}
		made.n = 2;
	}
	*key_out = made;
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
	const struct lk_key_id *id, struct lk_bytes value, struct lk_key_entries *key_out)
{
	struct lk_key_record record;

	lk_arena_reset(&index->arena);
	LK_TRY(lk_key_record_decode(value, &index->arena, &record));
	if (!same_bytes(record.id.bytes, id->bytes, sizeof id->bytes) ||
		record.realm.n != realm.n || !same_bytes(record.realm.data, realm.data, realm.n))
		return LK_ERR(LK_DATA_LOSS, "a stored key is damaged");
	return make_entries(atomic_load(&index->realms), &record, key_out);
}

/* One row as it is now; `value.data` is NULL for a row that is gone. Fails only for want of
 * memory, with nothing changed. */
static struct lk_status apply_row(
	struct lk_index *index, struct target *target, struct lk_bytes row, struct lk_bytes value)
{
	struct lk_key_entries key = { .n = 0 };
	struct lk_status st = LK_SUCCESS;
	struct lk_bytes realm;
	struct lk_key_id id;

	if (!lk_row_read_key(row, &realm, &id))
		return LK_SUCCESS;
	if (!lk_entries_reserve(target->entries))
		return short_of_memory;
	if (value.data != NULL)
		st = read_row(index, realm, &id, value, &key);
	if (st.code == LK_RESOURCE_EXHAUSTED)
		return st;
	/* What cannot be read is denied: its entries go. */
	if (st.code != LK_OK)
		target->n_unreadable++;
	lk_entries_set(target->entries, &id, &key);
	return LK_SUCCESS;
}

struct lk_status lk_index_new(const struct lk_realms *realms, struct lk_index **index_out)
{
	struct lk_index *index = lk_alloc(sizeof *index);

	if (index == NULL)
		return short_of_memory;
	if (!lk_entries_init(&index->entries, &index->retired)) {
		lk_free(index);
		return short_of_memory;
	}
	index->live.entries = &index->entries;
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
	lk_entries_fini(&index->entries);
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
	struct lk_entries entries;
	struct target target;
	uint64_t seq;
	struct lk_status st;
};

static bool scan_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct scan *scan = arg;

	/* The scan is of one moment, so it holds everything up to any number it shows. */
	if (seq > scan->seq)
		scan->seq = seq;
	scan->st = apply_row(scan->index, &scan->target, key, value);
	return scan->st.code == LK_OK;
}

static struct lk_status load(struct lk_index *index, struct lk_store *store)
{
	struct scan scan = { .index = index, .st = LK_SUCCESS };
	struct lk_row keys = lk_row_of_keys();
	struct lk_status st;

	/* Asked before the scan: what is committed later may be missing from it. */
	LK_TRY(find_head(store, &scan.seq));
	if (!lk_entries_init(&scan.entries, NULL))
		return short_of_memory;
	scan.target.entries = &scan.entries;
	st = lk_store_scan(store, lk_row_bytes(&keys), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		scan_row, &scan);
	if (st.code == LK_OK)
		st = scan.st;
	if (st.code != LK_OK) {
		lk_entries_fini(&scan.entries);
		return st;
	}
	lk_entries_replace(&index->entries, &scan.entries);
	index->live.n_unreadable = scan.target.n_unreadable;
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
			apply_row(index, &index->live, op->key, value).code == LK_OK)
			continue;
		index->is_stale = true;
		if (lk_row_read_key(op->key, &realm, &id))
			lk_entries_deny(&index->entries, &id, LK_ENTRY_DENIED_AS_STALE);
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

void lk_index_deny(struct lk_index *index, const struct lk_key_id *id, enum lk_entry_denial denial)
{
	pthread_mutex_lock(&index->lock);
	lk_entries_deny(&index->entries, id, denial);
	pthread_mutex_unlock(&index->lock);
}

struct lk_index_stats lk_index_stats(struct lk_index *index)
{
	struct lk_index_stats stats;

	pthread_mutex_lock(&index->lock);
	stats = (struct lk_index_stats) {
		.keys = index->entries.n_keys,
		.secrets = index->entries.n_secrets,
		.bytes = lk_entries_size(&index->entries),
		.unreadable = index->live.n_unreadable,
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
	struct lk_slot *slot = lk_table_find(lk_entries_table(&index->entries), digest);

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
	return lk_slot_note_use(hit->used, (uint32_t)seconds << 1 | LK_USED_NOT_TAKEN);
}

void lk_index_note_again(const struct lk_hit *hit)
{
	atomic_fetch_or_explicit(hit->used, LK_USED_NOT_TAKEN, memory_order_relaxed);
}

/* True when the slot's time was not taken yet; it is now. */
static bool take_used(struct lk_slot *slot, uint32_t *used_out)
{
	uint32_t used = atomic_load_explicit(&slot->used, memory_order_relaxed);

	if ((used & LK_USED_NOT_TAKEN) == 0)
		return false;
	*used_out =
		atomic_fetch_and_explicit(&slot->used, ~LK_USED_NOT_TAKEN, memory_order_relaxed);
	return true;
}

size_t lk_index_take_used(struct lk_index *index, size_t limit, lk_index_used_fn visit, void *arg)
{
	struct lk_table *table;
	size_t taken = 0;

	lk_epoch_enter();
	table = lk_entries_table(&index->entries);
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
