/* SPDX-License-Identifier: MIT */
/* What the transaction knows of a key is one cell: what the store said (a condition of the
 * commit) and the last own write. Writes are a stack; each remembers the write of the same key
 * before it, so that a rollback is a pop.
 */
#include "server/store/txn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/arena.h"

/* Room for the writes of a full batch and what was read for them. */
#define MEMORY_MAX ((size_t)32 * 1024 * 1024)
#define CONDITIONS_MAX LK_STORE_BATCH_OPS_MAX
#define BUCKETS 4096

struct cell {
	struct cell *next_in_bucket;
	struct cell *next; /* of all cells, the youngest first */
	struct lk_bytes key;
	bool is_read;          /* from the store; value and seq are what it said */
	uint64_t seq;          /* 0: absent */
	struct lk_bytes value; /* in the store */
	size_t last_write;     /* index of the last own write plus 1; 0: none */
};

struct write {
	struct cell *cell;
	size_t write_before; /* of the same key, as cell.last_write */
};

struct lk_txn {
	struct lk_store *store;
	struct lk_arena arena;
	struct lk_buf read; /* of one value */
	bool is_full;
	struct cell *buckets[BUCKETS];
	struct cell *cells;
	size_t n_reads;
	struct lk_store_op *ops; /* the writes as the store takes them */
	struct write *writes;    /* beside ops */
	size_t n_ops;
	size_t ops_room;
	size_t n_bytes; /* of keys and values in ops */
};

struct lk_status lk_txn_new(struct lk_store *store, struct lk_txn **txn_out)
{
	struct lk_txn *txn = lk_alloc(sizeof *txn);

	if (txn == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	txn->store = store;
	lk_arena_init(&txn->arena, MEMORY_MAX);
	lk_buf_init(&txn->read, LK_STORE_VALUE_MAX);
	*txn_out = txn;
	return LK_SUCCESS;
}

void lk_txn_free(struct lk_txn *txn)
{
	if (txn == NULL)
		return;
	lk_arena_fini(&txn->arena);
	lk_buf_fini(&txn->read);
	lk_free(txn->ops);
	lk_free(txn->writes);
	lk_free(txn);
}

void lk_txn_reset(struct lk_txn *txn)
{
	lk_arena_reset(&txn->arena);
	lk_buf_reset(&txn->read);
	memset(txn->buckets, 0, sizeof txn->buckets);
	txn->cells = NULL;
	txn->n_reads = 0;
	txn->n_ops = 0;
	txn->n_bytes = 0;
	txn->is_full = false;
}

bool lk_txn_is_full(const struct lk_txn *txn)
{
	return txn->is_full;
}

static struct lk_status refuse_full(struct lk_txn *txn)
{
	txn->is_full = true;
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "too much for one commit");
}

/* --- cells --- */

/* FNV-1a. Chosen keys could only lengthen the chains of one group, at most 16384 cells. */
static size_t bucket_of(struct lk_bytes key)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < key.n; i++)
		hash = (hash ^ key.data[i]) * 16777619U;
	return (hash ^ hash >> 16) % BUCKETS;
}

static bool copy_into_arena(struct lk_txn *txn, struct lk_bytes bytes, struct lk_bytes *copy_out)
{
	uint8_t *data = lk_arena_alloc(&txn->arena, bytes.n);

	if (data == NULL)
		return false;
	if (bytes.n > 0)
		memcpy(data, bytes.data, bytes.n);
	*copy_out = (struct lk_bytes) { data, bytes.n };
	return true;
}

/* The cell of a key; NULL when there is no room for a new one. */
static struct cell *cell_of(struct lk_txn *txn, struct lk_bytes key)
{
	struct cell **bucket = &txn->buckets[bucket_of(key)];
	struct cell *cell = *bucket;

	while (cell != NULL && lk_store_compare(cell->key, key) != 0)
		cell = cell->next_in_bucket;
	if (cell != NULL)
		return cell;
	cell = lk_arena_calloc(&txn->arena, 1, sizeof *cell);
	if (cell == NULL || !copy_into_arena(txn, key, &cell->key))
		return NULL;
	cell->next_in_bucket = *bucket;
	*bucket = cell;
	cell->next = txn->cells;
	txn->cells = cell;
	return cell;
}

static struct lk_status read_cell(struct lk_txn *txn, struct cell *cell)
{
	struct lk_status st;
	uint64_t seq = 0;

	if (txn->n_reads == CONDITIONS_MAX)
		return refuse_full(txn);
	lk_buf_reset(&txn->read);
	st = lk_store_get(txn->store, cell->key, &txn->read, &seq);
	if (st.code == LK_NOT_FOUND)
		seq = 0;
	else if (st.code != LK_OK)
		return st;
	if (!copy_into_arena(txn, (struct lk_bytes) { txn->read.data, txn->read.n }, &cell->value))
		return refuse_full(txn);
	cell->seq = seq;
	cell->is_read = true;
	txn->n_reads++;
	return LK_SUCCESS;
}

/* --- reading --- */

struct lk_status lk_txn_get(struct lk_txn *txn, struct lk_bytes key, struct lk_bytes *value_out)
{
	const struct lk_store_op *own;
	struct cell *cell;

	if (key.n == 0 || key.n > LK_STORE_KEY_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "a key of the store has 1 to 512 bytes");
	cell = cell_of(txn, key);
	if (cell == NULL)
		return refuse_full(txn);
	if (cell->last_write == 0 && !cell->is_read)
		LK_TRY(read_cell(txn, cell));
	own = cell->last_write > 0 ? &txn->ops[cell->last_write - 1] : NULL;
	if (own != NULL ? own->kind == LK_STORE_DELETE : cell->seq == 0)
		return LK_ERR(LK_NOT_FOUND, "no such key");
	*value_out = own != NULL ? own->value : cell->value;
	return LK_SUCCESS;
}

struct lk_status lk_txn_expect_absent(struct lk_txn *txn, struct lk_bytes key)
{
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, key, &value);

	if (st.code == LK_NOT_FOUND)
		return LK_SUCCESS;
	return st.code == LK_OK ? LK_ERR(LK_ALREADY_EXISTS, "it exists already") : st;
}

/* A scan of the store into which the own rows of the range, sorted, are merged. */
struct merge {
	const struct lk_txn *txn;
	const struct lk_store_op **own;
	size_t n_own;
	size_t next_own;
	size_t limit;
	bool is_stopped;
	lk_store_row_fn visit;
	void *arg;
};

static void visit_row(struct merge *merge, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	merge->limit--;
	if (!merge->visit(merge->arg, key, value, seq) || merge->limit == 0)
		merge->is_stopped = true;
}

/* Visits the own rows below key, or all of them. True when the last one was at key itself. */
static bool visit_own(struct merge *merge, const struct lk_bytes *key)
{
	while (!merge->is_stopped && merge->next_own < merge->n_own) {
		const struct lk_store_op *own = merge->own[merge->next_own];
		int order = key != NULL ? lk_store_compare(own->key, *key) : -1;

		if (order > 0)
			return false;
		merge->next_own++;
		if (own->kind == LK_STORE_PUT)
			visit_row(merge, own->key, own->value, 0);
		if (order == 0)
			return true;
	}
	return false;
}

static bool visit_stored(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct merge *merge = arg;

	if (!visit_own(merge, &key) && !merge->is_stopped)
		visit_row(merge, key, value, seq);
	return !merge->is_stopped;
}

static int compare_own(const void *a, const void *b)
{
	const struct lk_store_op *const *left = a;
	const struct lk_store_op *const *right = b;

	return lk_store_compare((*left)->key, (*right)->key);
}

/* The last own write of each key of the range, sorted, in the arena. */
static bool collect_own(
	struct lk_txn *txn, struct lk_bytes prefix, struct lk_bytes after, struct merge *merge)
{
	merge->own = lk_arena_alloc(&txn->arena, txn->n_ops * sizeof(merge->own[0]));
	if (merge->own == NULL)
		return false;
	for (const struct cell *cell = txn->cells; cell != NULL; cell = cell->next) {
		if (cell->last_write > 0 && lk_store_has_prefix(cell->key, prefix) &&
			lk_store_compare(cell->key, after) > 0)
			merge->own[merge->n_own++] = &txn->ops[cell->last_write - 1];
	}
	if (merge->n_own > 1)
		qsort(merge->own, merge->n_own, sizeof(merge->own[0]), compare_own);
	return true;
}

struct lk_status lk_txn_scan(struct lk_txn *txn, struct lk_bytes prefix, struct lk_bytes after,
	size_t limit, lk_store_row_fn visit, void *arg)
{
	struct merge merge = { .txn = txn, .limit = limit, .visit = visit, .arg = arg };

	if (limit == 0)
		return LK_SUCCESS;
	if (!collect_own(txn, prefix, after, &merge))
		return refuse_full(txn);
	/* Each own row can hide one of the store, so with this many rows the limit is reached. */
	if (limit < SIZE_MAX - merge.n_own)
		limit += merge.n_own;
	LK_TRY(lk_store_scan(txn->store, prefix, after, limit, visit_stored, &merge));
	(void)visit_own(&merge, NULL);
	return LK_SUCCESS;
}

/* --- writing --- */

static bool has_room_for_op(struct lk_txn *txn)
{
	size_t room = txn->ops_room > 0 ? txn->ops_room * 2 : 64;
	struct lk_store_op *ops;
	struct write *writes;

	if (txn->n_ops < txn->ops_room)
		return true;
	ops = lk_realloc(txn->ops, room * sizeof *ops);
	if (ops == NULL)
		return false;
	txn->ops = ops;
	writes = lk_realloc(txn->writes, room * sizeof *writes);
	if (writes == NULL)
		return false;
	txn->writes = writes;
	txn->ops_room = room;
	return true;
}

static struct lk_status add_op(struct lk_txn *txn, const struct lk_store_op *op)
{
	struct lk_store_op copy = *op;
	struct cell *cell;

	if (op->key.n == 0 || op->key.n > LK_STORE_KEY_MAX || op->value.n > LK_STORE_VALUE_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "a key or a value of the store is too large");
	if (txn->n_ops == LK_STORE_BATCH_OPS_MAX || !has_room_for_op(txn) ||
		op->key.n + op->value.n > LK_STORE_BATCH_BYTES_MAX - txn->n_bytes)
		return refuse_full(txn);
	cell = cell_of(txn, op->key);
	if (cell == NULL || !copy_into_arena(txn, op->value, &copy.value))
		return refuse_full(txn);
	copy.key = cell->key;
	txn->ops[txn->n_ops] = copy;
	txn->writes[txn->n_ops] = (struct write) { cell, cell->last_write };
	cell->last_write = ++txn->n_ops;
	txn->n_bytes += copy.key.n + copy.value.n;
	return LK_SUCCESS;
}

struct lk_status lk_txn_put(
	struct lk_txn *txn, struct lk_bytes key, struct lk_bytes value, bool logged)
{
	return add_op(txn, &(struct lk_store_op) { LK_STORE_PUT, logged, key, value });
}

struct lk_status lk_txn_delete(struct lk_txn *txn, struct lk_bytes key, bool logged)
{
	return add_op(txn,
		&(struct lk_store_op) { .kind = LK_STORE_DELETE, .logged = logged, .key = key });
}

size_t lk_txn_mark(const struct lk_txn *txn)
{
	return txn->n_ops;
}

void lk_txn_rollback(struct lk_txn *txn, size_t mark)
{
	assert(mark <= txn->n_ops);
	while (txn->n_ops > mark) {
		const struct write *last = &txn->writes[--txn->n_ops];

		txn->n_bytes -= txn->ops[txn->n_ops].key.n + txn->ops[txn->n_ops].value.n;
		last->cell->last_write = last->write_before;
	}
}

struct lk_status lk_txn_commit(struct lk_txn *txn, uint64_t *seq_out)
{
	struct lk_store_condition *conditions;
	size_t n = 0;

	if (txn->n_ops == 0) {
		*seq_out = 0;
		return LK_SUCCESS;
	}
	conditions = lk_arena_alloc(&txn->arena, txn->n_reads * sizeof *conditions);
	if (conditions == NULL)
		return refuse_full(txn);
	for (const struct cell *cell = txn->cells; cell != NULL; cell = cell->next) {
		if (cell->is_read)
			conditions[n++] = (struct lk_store_condition) { cell->key, cell->seq };
	}
	return lk_store_commit(txn->store, conditions, n, txn->ops, txn->n_ops, seq_out);
}
