/* SPDX-License-Identifier: MIT */
/* A sorted array of rows under one lock, and the list of all changes.
 *
 * A commit first takes all the memory it needs and only then touches the map, so that it
 * happens as a whole or not at all.
 */
#include "server/store/store_mem.h"

#include <pthread.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/store/gate.h"

struct row {
	uint64_t seq;
	struct lk_bytes key;
	struct lk_bytes value;
	uint8_t data[]; /* key, then value */
};

/* One commit's logged ops, with their bytes behind them. */
struct logged {
	struct lk_store_change change;
	struct lk_store_op ops[];
};

struct store_mem {
	struct lk_store base;
	pthread_mutex_t mutex; /* of everything below */
	struct row **rows;     /* in the order of their keys */
	size_t n_rows;
	size_t rows_room;
	struct logged **log; /* of the commits seq - n_log + 1 to seq */
	size_t n_log;
	size_t log_room;
	uint64_t seq;
	struct lk_gate gate;
};

static struct store_mem *mem_of(struct lk_store *store)
{
	return (struct store_mem *)store;
}

/* The place of the first row whose key is not below this one. */
static size_t lower_bound(const struct store_mem *mem, struct lk_bytes key)
{
	size_t low = 0;
	size_t high = mem->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lk_store_compare(mem->rows[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct store_mem *mem, size_t i, struct lk_bytes key)
{
	return i < mem->n_rows && lk_store_compare(mem->rows[i]->key, key) == 0;
}

/* --- reading --- */

static struct lk_status mem_get(
	struct lk_store *store, struct lk_bytes key, struct lk_buf *value_out, uint64_t *seq_out)
{
	struct store_mem *mem = mem_of(store);
	struct lk_status st = LK_ERR(LK_NOT_FOUND, "no such key");
	size_t i;

	pthread_mutex_lock(&mem->mutex);
	i = lower_bound(mem, key);
	if (is_at(mem, i, key)) {
		lk_buf_add(value_out, mem->rows[i]->value.data, mem->rows[i]->value.n);
		*seq_out = mem->rows[i]->seq;
		st = value_out->failed ? LK_ERR(LK_RESOURCE_EXHAUSTED, "the value does not fit")
				       : LK_SUCCESS;
	}
	pthread_mutex_unlock(&mem->mutex);
	return st;
}

static struct lk_status mem_scan(struct lk_store *store, struct lk_bytes prefix,
	struct lk_bytes after, size_t limit, lk_store_row_fn visit, void *arg)
{
	struct store_mem *mem = mem_of(store);
	size_t i;

	pthread_mutex_lock(&mem->mutex);
	i = lower_bound(mem, lk_store_compare(prefix, after) > 0 ? prefix : after);
	if (after.n > 0 && is_at(mem, i, after))
		i++;
	for (; limit > 0 && i < mem->n_rows; i++, limit--) {
		const struct row *row = mem->rows[i];

		if (!lk_store_has_prefix(row->key, prefix) ||
			!visit(arg, row->key, row->value, row->seq))
			break;
	}
	pthread_mutex_unlock(&mem->mutex);
	return LK_SUCCESS;
}

static struct lk_status mem_changes(struct lk_store *store, uint64_t after_seq, size_t limit,
	lk_store_change_fn visit, void *arg)
{
	struct store_mem *mem = mem_of(store);
	struct lk_status st = LK_SUCCESS;

	pthread_mutex_lock(&mem->mutex);
	if (after_seq > mem->seq || mem->seq - after_seq > mem->n_log)
		st = LK_ERR(LK_OUT_OF_RANGE, "the change log does not hold this number");
	else
		for (size_t i = mem->n_log - (size_t)(mem->seq - after_seq);
			i < mem->n_log && limit > 0; i++, limit--) {
			if (!visit(arg, &mem->log[i]->change))
				break;
		}
	pthread_mutex_unlock(&mem->mutex);
	return st;
}

static struct lk_status mem_wait(struct lk_store *store, uint64_t seq, uint32_t timeout_ms)
{
	return lk_gate_wait(&mem_of(store)->gate, seq, timeout_ms);
}

/* --- writing --- */

static struct lk_bytes copy_bytes(uint8_t **at, struct lk_bytes bytes)
{
	struct lk_bytes copy = { *at, bytes.n };

	if (bytes.n > 0)
		memcpy(*at, bytes.data, bytes.n);
	*at += bytes.n;
	return copy;
}

static struct row *new_row(const struct lk_store_op *op, uint64_t seq)
{
	struct row *row = lk_alloc(sizeof *row + op->key.n + op->value.n);
	uint8_t *at;

	if (row == NULL)
		return NULL;
	at = row->data;
	row->seq = seq;
	row->key = copy_bytes(&at, op->key);
	row->value = copy_bytes(&at, op->value);
	return row;
}

static struct logged *new_logged(const struct lk_store_op *ops, size_t n_ops, uint64_t seq)
{
	size_t n = 0;
	size_t n_bytes = 0;
	struct logged *logged;
	uint8_t *at;

	for (size_t i = 0; i < n_ops; i++) {
		if (ops[i].logged) {
			n++;
			n_bytes += ops[i].key.n + ops[i].value.n;
		}
	}
	logged = lk_alloc(sizeof *logged + n * sizeof logged->ops[0] + n_bytes);
	if (logged == NULL)
		return NULL;
	logged->change = (struct lk_store_change) { .seq = seq, .ops = logged->ops, .n_ops = n };
	at = (uint8_t *)&logged->ops[n];
	n = 0;
	for (size_t i = 0; i < n_ops; i++) {
		if (!ops[i].logged)
			continue;
		logged->ops[n] = ops[i];
		logged->ops[n].key = copy_bytes(&at, ops[i].key);
		logged->ops[n].value = copy_bytes(&at, ops[i].value);
		n++;
	}
	return logged;
}

/* An array of pointers with room for n items; NULL, and the old one stays, when memory is
 * short. */
static void *with_room(void *array, size_t *room, size_t n)
{
	size_t wanted = *room > 0 ? *room : 64;
	void *grown;

	while (wanted < n)
		wanted *= 2;
	if (wanted == *room)
		return array;
	grown = lk_realloc(array, wanted * sizeof(void *));
	if (grown != NULL)
		*room = wanted;
	return grown;
}

static bool make_room(struct store_mem *mem, size_t n_ops)
{
	struct row **rows = with_room(mem->rows, &mem->rows_room, mem->n_rows + n_ops);
	struct logged **log;

	if (rows == NULL)
		return false;
	mem->rows = rows;
	log = with_room(mem->log, &mem->log_room, mem->n_log + 1);
	if (log == NULL)
		return false;
	mem->log = log;
	return true;
}

static bool conditions_hold(
	const struct store_mem *mem, const struct lk_store_condition *conditions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = lower_bound(mem, conditions[i].key);
		uint64_t seq = is_at(mem, at, conditions[i].key) ? mem->rows[at]->seq : 0;

		if (seq != conditions[i].seq)
			return false;
	}
	return true;
}

/* Applies one op for which there is room; row is NULL for a delete. */
static void apply(struct store_mem *mem, const struct lk_store_op *op, struct row *row)
{
	size_t i = lower_bound(mem, op->key);
	bool is_there = is_at(mem, i, op->key);
	struct row **at = mem->rows + i;
	size_t n_behind = mem->n_rows - i;

	if (is_there)
		lk_free(*at);
	if (is_there && row == NULL) {
		memmove(at, at + 1, (n_behind - 1) * sizeof *at);
		mem->n_rows--;
	} else if (!is_there && row != NULL) {
		memmove(at + 1, at, n_behind * sizeof *at);
		mem->n_rows++;
	}
	if (row != NULL)
		*at = row;
}

/* Takes all memory of a commit, then applies it. */
static bool apply_all(struct store_mem *mem, const struct lk_store_op *ops, size_t n_ops)
{
	struct row **rows = lk_alloc((n_ops + 1) * sizeof *rows);
	struct logged *logged = new_logged(ops, n_ops, mem->seq + 1);
	bool ok = rows != NULL && logged != NULL && make_room(mem, n_ops);

	for (size_t i = 0; ok && i < n_ops; i++) {
		if (ops[i].kind == LK_STORE_DELETE)
			continue;
		rows[i] = new_row(&ops[i], mem->seq + 1);
		ok = rows[i] != NULL;
	}
	if (ok) {
		for (size_t i = 0; i < n_ops; i++)
			apply(mem, &ops[i], rows[i]);
		mem->log[mem->n_log++] = logged;
		mem->seq++;
	} else {
		for (size_t i = 0; rows != NULL && i < n_ops; i++)
			lk_free(rows[i]);
		lk_free(logged);
	}
	lk_free(rows);
	return ok;
}

static struct lk_status mem_commit(struct lk_store *store,
	const struct lk_store_condition *conditions, size_t n_conditions,
	const struct lk_store_op *ops, size_t n_ops, uint64_t *seq_out)
{
	struct store_mem *mem = mem_of(store);
	struct lk_status st = LK_SUCCESS;

	pthread_mutex_lock(&mem->mutex);
	if (!conditions_hold(mem, conditions, n_conditions))
		st = LK_ERR(LK_ABORTED, "changed by someone else at the same time; try again");
	else if (!apply_all(mem, ops, n_ops))
		st = LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	else
		lk_gate_publish(&mem->gate, *seq_out = mem->seq);
	pthread_mutex_unlock(&mem->mutex);
	return st;
}

void lk_store_mem_trim(struct lk_store *store, uint64_t seq)
{
	struct store_mem *mem = mem_of(store);
	size_t n = 0;

	pthread_mutex_lock(&mem->mutex);
	while (n < mem->n_log && mem->log[n]->change.seq <= seq)
		lk_free(mem->log[n++]);
	if (n > 0)
		memmove(mem->log, mem->log + n, (mem->n_log - n) * sizeof *mem->log);
	mem->n_log -= n;
	pthread_mutex_unlock(&mem->mutex);
}

/* --- life --- */

static void mem_close(struct lk_store *store)
{
	struct store_mem *mem = mem_of(store);

	for (size_t i = 0; i < mem->n_rows; i++)
		lk_free(mem->rows[i]);
	for (size_t i = 0; i < mem->n_log; i++)
		lk_free(mem->log[i]);
	lk_free(mem->rows);
	lk_free(mem->log);
	lk_gate_fini(&mem->gate);
	pthread_mutex_destroy(&mem->mutex);
	lk_free(mem);
}

struct lk_status lk_store_mem_open(struct lk_store **store_out)
{
	static const struct lk_store_ops ops = {
		.get = mem_get,
		.scan = mem_scan,
		.commit = mem_commit,
		.changes = mem_changes,
		.wait = mem_wait,
		.close = mem_close,
	};
	struct store_mem *mem = lk_alloc(sizeof *mem);

	if (mem == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	lk_store_init(&mem->base, &ops);
	pthread_mutex_init(&mem->mutex, NULL);
	lk_gate_init(&mem->gate);
	*store_out = &mem->base;
	return LK_SUCCESS;
}
