/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/index_priv.h"
#include "server/core/text.h"

#define SECONDS_AT_START 1577836800 /* 2020-01-01T00:00:00Z */

#define CHANGES_AT_ONCE 256
#define RECORD_ARENA_MAX ((size_t)512 * 1024)

struct lk_index {
	struct lk_index_set set;
	_Atomic(const struct lk_realms *) realms;
	const struct lk_peppers *peppers;
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

static struct lk_index_context context_of(struct lk_index *index)
{
	return (struct lk_index_context) { atomic_load(&index->realms), index->peppers,
		&index->arena };
}

struct lk_status lk_index_new(const struct lk_realms *realms, const struct lk_peppers *peppers,
	struct lk_index **index_out)
{
	struct lk_index *index = lk_alloc(sizeof *index);

	if (index == NULL)
		return short_of_memory;
	if (!lk_index_set_init(&index->set, &index->retired)) {
		lk_free(index);
		return short_of_memory;
	}
	index->peppers = peppers;
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
	lk_index_set_fini(&index->set);
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

/* --- changes --- */

/* Where changes go. Once something could not be applied, what they touch is denied: order is lost
 * then, and only a scan can tell the present state. */
struct change_pass {
	struct lk_index *index;
	struct lk_index_set *set;
	uint64_t seq;
	bool is_stale;
};

static void apply_change(struct change_pass *pass, const struct lk_store_change *change)
{
	struct lk_index_context context = context_of(pass->index);

	for (size_t i = 0; i < change->n_ops; i++) {
		const struct lk_store_op *op = &change->ops[i];
		struct lk_bytes value = { NULL, 0 };

		if (op->kind == LK_STORE_PUT)
			value = op->value;
		if (!pass->is_stale &&
			lk_index_apply(&context, pass->set, op->key, value).code == LK_OK)
			continue;
		pass->is_stale = true;
		lk_index_deny_row(&context, pass->set, op->key);
	}
}

static bool visit_change(void *arg, const struct lk_store_change *change)
{
	struct change_pass *pass = arg;

	apply_change(pass, change);
	pass->seq = change->seq;
	if (!pass->is_stale && pass->set == &pass->index->set)
		atomic_store(&pass->index->seq, change->seq);
	return true;
}

static struct lk_status apply_changes(
	struct change_pass *pass, struct lk_store *store, uint64_t seq)
{
	while (pass->seq < seq) {
		uint64_t before = pass->seq;

		LK_TRY(lk_store_changes(store, before, CHANGES_AT_ONCE, visit_change, pass));
		if (pass->seq == before)
			return LK_ERR(LK_UNAVAILABLE, "the change log ends too early");
	}
	return pass->is_stale ? short_of_memory : LK_SUCCESS;
}

/* --- scans --- */

struct scan {
	struct lk_index_context context;
	struct lk_index_set set;
	struct lk_status st;
};

static bool scan_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct scan *scan = arg;

	(void)seq;
	scan->st = lk_index_apply(&scan->context, &scan->set, key, value);
	return scan->st.code == LK_OK;
}

static struct lk_status scan_rows(struct scan *scan, struct lk_store *store)
{
	const struct lk_row ranges[] = { lk_row_of_organizations(), lk_row_of_users(),
		lk_row_of_signing_keys(), lk_row_of_sessions(), lk_row_of_keys() };

	for (size_t i = 0; i < LK_COUNT(ranges); i++) {
		LK_TRY(lk_store_scan(store, lk_row_bytes(&ranges[i]), (struct lk_bytes) { NULL, 0 },
			SIZE_MAX, scan_row, scan));
		LK_TRY(scan->st);
	}
	return LK_SUCCESS;
}

/* Each range is of a moment of its own. What was committed since the first is applied again before
 * any of it is in force, so that the whole is of one moment, too. */
static struct lk_status build(
	struct lk_index *index, struct lk_store *store, struct scan *scan, uint64_t *seq_out)
{
	struct change_pass pass = { .index = index, .set = &scan->set };
	uint64_t seq;

	LK_TRY(find_head(store, &pass.seq));
	LK_TRY(scan_rows(scan, store));
	LK_TRY(find_head(store, &seq));
	LK_TRY(apply_changes(&pass, store, seq));
	*seq_out = seq;
	return LK_SUCCESS;
}

static struct lk_status load(struct lk_index *index, struct lk_store *store)
{
	struct scan *scan = lk_alloc(sizeof *scan);
	struct lk_status st;
	uint64_t seq;

	if (scan == NULL)
		return short_of_memory;
	scan->context = context_of(index);
	if (!lk_index_set_init(&scan->set, NULL)) {
		lk_free(scan);
		return short_of_memory;
	}
	st = build(index, store, scan, &seq);
	if (st.code == LK_OUT_OF_RANGE)
		st = LK_ERR(LK_UNAVAILABLE, "the change log was cut during the scan");
	if (st.code == LK_OK) {
		lk_index_set_replace(&index->set, &scan->set);
		atomic_store(&index->seq, seq);
		index->is_stale = false;
	} else {
		lk_index_set_fini(&scan->set);
	}
	lk_free(scan);
	return st;
}

struct lk_status lk_index_load(struct lk_index *index, struct lk_store *store)
{
	struct lk_status st;

	pthread_mutex_lock(&index->lock);
	st = load(index, store);
	pthread_mutex_unlock(&index->lock);
	return st;
}

struct lk_status lk_index_catch_up(struct lk_index *index, struct lk_store *store, uint64_t seq)
{
	struct change_pass pass = { .index = index, .set = &index->set };
	struct lk_status st = LK_SUCCESS;

	pthread_mutex_lock(&index->lock);
	/* When that fails, what changes now is denied below. */
	if (index->is_stale)
		st = load(index, store);
	pass.seq = atomic_load(&index->seq);
	pass.is_stale = index->is_stale;
	st = apply_changes(&pass, store, seq);
	index->is_stale = pass.is_stale;
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
	lk_entries_deny(&index->set.entries, id, denial);
	pthread_mutex_unlock(&index->lock);
}

static void deny_owner(
	struct lk_index *index, const struct lk_owner_name *name, enum lk_entry_denial denial)
{
	struct lk_owner *owner;

	pthread_mutex_lock(&index->lock);
	owner = lk_owners_find(&index->set.owners, name);
	if (owner != NULL && atomic_load(&owner->denied) < denial)
		atomic_store(&owner->denied, (uint8_t)denial);
	pthread_mutex_unlock(&index->lock);
}

bool lk_index_has_member(struct lk_index *index, const struct lk_realm *realm,
	struct lk_bytes user_id, struct lk_bytes organization_id)
{
	const struct lk_user_facts *facts = NULL;
	struct lk_owner_name name;
	struct lk_owner *owner;
	struct lk_key_id id;

	if (!lk_id_parse(LK_ID_USER, user_id, &id))
		return false;
	name = lk_owner_of_user(realm->index, &id);
	pthread_mutex_lock(&index->lock);
	owner = lk_owners_find(&index->set.owners, &name);
	if (owner != NULL && atomic_load(&owner->denied) == 0)
		facts = lk_owner_user(owner);
	pthread_mutex_unlock(&index->lock);
	return facts != NULL && facts->enabled &&
	       lk_text_equal(lk_bytes_of(facts->organization_id), organization_id);
}

bool lk_index_find_organization(struct lk_index *index, const struct lk_realm *realm,
	struct lk_bytes id, const struct lk_organization_facts **facts_out)
{
	struct lk_owner_name name = lk_owner_of_organization(realm->index, id);
	bool is_denied = false;
	struct lk_owner *owner;

	*facts_out = NULL;
	if (id.n == 0)
		return true;
	pthread_mutex_lock(&index->lock);
	owner = lk_owners_find(&index->set.owners, &name);
	if (owner != NULL) {
		is_denied = atomic_load(&owner->denied) != 0;
		*facts_out = lk_owner_organization(owner);
	}
	pthread_mutex_unlock(&index->lock);
	return !is_denied && (*facts_out == NULL || (*facts_out)->enabled);
}

void lk_index_deny_user(struct lk_index *index, const struct lk_realm *realm,
	const struct lk_key_id *user_id, enum lk_entry_denial denial)
{
	struct lk_owner_name name = lk_owner_of_user(realm->index, user_id);

	deny_owner(index, &name, denial);
}

void lk_index_deny_organization(struct lk_index *index, const struct lk_realm *realm,
	struct lk_bytes id, enum lk_entry_denial denial)
{
	struct lk_owner_name name = lk_owner_of_organization(realm->index, id);

	deny_owner(index, &name, denial);
}

const struct lk_keyring *lk_index_keyring(
	const struct lk_index *index, const struct lk_realm *realm)
{
	static const struct lk_keyring empty;
	const struct lk_keyring *keyring = atomic_load(&index->set.keyrings[realm->index]);

	return keyring != NULL ? keyring : &empty;
}

struct lk_index_stats lk_index_stats(struct lk_index *index)
{
	struct lk_index_stats stats;

	pthread_mutex_lock(&index->lock);
	stats = (struct lk_index_stats) {
		.keys = index->set.entries.n_keys,
		.sessions = index->set.entries.n_sessions,
		.secrets = index->set.entries.n_secrets,
		.bytes = lk_entries_size(&index->set.entries) + index->set.owners.bytes,
		.unreadable = index->set.n_unreadable,
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
	struct lk_slot *slot = lk_table_find(lk_entries_table(&index->set.entries), digest);

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
	table = lk_entries_table(&index->set.entries);
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
