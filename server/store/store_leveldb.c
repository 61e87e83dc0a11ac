/* SPDX-License-Identifier: MIT */
/* One commit is one synced write batch of rows and their entry in the change log, so the last
 * entry says how far the store has got. Where they lie is database.h's.
 */
#include "server/store/store_leveldb.h"

#include <assert.h>
#include <errno.h>
#include <leveldb/c.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "proto/wire/arena.h"
#include "server/store/change.h"
#include "server/store/database.h"
#include "server/store/gate.h"

#define CHANGE_LOG_MAX_DEFAULT 1000000
#define CHANGE_LOG_AGE_DEFAULT ((lk_time_ms)24 * 3600 * 1000)
#define RESERVE_SIZE_DEFAULT ((size_t)64 * 1024 * 1024)

/* Large enough that a flush is rare, small enough that the next open is quick. */
#define WRITE_BUFFER_SIZE ((size_t)32 * 1024 * 1024)
#define BLOCK_CACHE_SIZE ((size_t)32 * 1024 * 1024)
#define BLOOM_BITS 10
#define OPEN_FILES_MAX 1000

/* Entries of the change log that one write forgets. */
#define TRIM_STEP 1024

/* An entry of the change log has at most this much beside keys and values. */
#define CHANGE_OVERHEAD_MAX ((size_t)LK_STORE_BATCH_OPS_MAX * 7 + 16)

struct store_leveldb {
	struct lk_store base;
	struct lk_store_leveldb_options options;
	struct lk_directory directory;
	leveldb_t *db;
	leveldb_options_t *db_options;
	leveldb_filterpolicy_t *filter;
	leveldb_cache_t *cache;
	leveldb_readoptions_t *read;
	leveldb_readoptions_t *read_once; /* for passes that must not empty the cache */
	leveldb_writeoptions_t *write;
	pthread_mutex_t commit_mutex; /* of batch, scratch, seq and is_poisoned */
	leveldb_writebatch_t *batch;
	struct lk_buf scratch;
	uint64_t seq;
	bool is_poisoned;
	struct lk_gate gate;
};

static const struct lk_status unreadable = { .code = LK_UNAVAILABLE,
	.why = "the store could not be read" };
static const struct lk_status unwritable = { .code = LK_UNAVAILABLE,
	.why = "the store takes no changes until it is opened anew" };
static const struct lk_status no_memory = { .code = LK_RESOURCE_EXHAUSTED, .why = "out of memory" };
static const struct lk_status damaged = { .code = LK_DATA_LOSS, .why = "the store is damaged" };

static struct store_leveldb *leveldb_of(struct lk_store *store)
{
	return (struct store_leveldb *)store;
}

/* Reports and frees an error text of LevelDB. False when there was one. */
static bool is_fine(const struct store_leveldb *self, const char *what, char *error)
{
	if (error == NULL)
		return true;
	lk_directory_report(&self->directory.options, "%s: %s", what, error);
	leveldb_free(error);
	return false;
}

/* --- iterators --- */

static struct lk_bytes iterator_key(const leveldb_iterator_t *iterator)
{
	size_t n;
	const char *key = leveldb_iter_key(iterator, &n);

	return (struct lk_bytes) { (const uint8_t *)key, n };
}

static struct lk_bytes iterator_value(const leveldb_iterator_t *iterator)
{
	size_t n;
	const char *value = leveldb_iter_value(iterator, &n);

	return (struct lk_bytes) { (const uint8_t *)value, n };
}

/* Whether the iterator is at a key of this kind. */
static bool is_at_kind(const leveldb_iterator_t *iterator, uint8_t kind)
{
	struct lk_bytes key;

	if (!leveldb_iter_valid(iterator))
		return false;
	key = iterator_key(iterator);
	return key.n > 0 && key.data[0] == kind;
}

/* Ends an iteration. LevelDB steps over a block it cannot read, so what was seen counts only
 * when this is LK_OK. */
static struct lk_status finish_iterator(
	const struct store_leveldb *self, leveldb_iterator_t *iterator)
{
	char *error = NULL;

	leveldb_iter_get_error(iterator, &error);
	leveldb_iter_destroy(iterator);
	return is_fine(self, "cannot read", error) ? LK_SUCCESS : unreadable;
}

/* --- reading --- */

/* The stored bytes of a row, for leveldb_free; NULL in value_out when it is absent. */
static struct lk_status read_row(
	const struct store_leveldb *self, struct lk_bytes key, char **stored_out, size_t *n_out)
{
	struct lk_db_key db_key = lk_db_key_of_row(key);
	char *error = NULL;

	*stored_out = leveldb_get(self->db, self->read, db_key.data, db_key.n, n_out, &error);
	if (!is_fine(self, "cannot read", error))
		return unreadable;
	if (*stored_out != NULL && *n_out < LK_DB_SEQ_SIZE) {
		leveldb_free(*stored_out);
		*stored_out = NULL;
		lk_directory_report(&self->directory.options, "a row is damaged");
		return unreadable;
	}
	return LK_SUCCESS;
}

static struct lk_status get(
	struct lk_store *store, struct lk_bytes key, struct lk_buf *value_out, uint64_t *seq_out)
{
	struct lk_cursor cursor;
	char *stored;
	size_t n;

	LK_TRY(read_row(leveldb_of(store), key, &stored, &n));
	if (stored == NULL)
		return LK_ERR(LK_NOT_FOUND, "no such key");
	cursor = lk_cursor_over((struct lk_bytes) { (const uint8_t *)stored, n });
	*seq_out = lk_cursor_u64(&cursor);
	lk_buf_add(value_out, cursor.at, n - LK_DB_SEQ_SIZE);
	lk_wipe(stored, n);
	leveldb_free(stored);
	if (value_out->failed)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the value does not fit");
	return LK_SUCCESS;
}

static struct lk_status scan(struct lk_store *store, struct lk_bytes prefix, struct lk_bytes after,
	size_t limit, lk_store_row_fn visit, void *arg)
{
	struct store_leveldb *self = leveldb_of(store);
	struct lk_db_key first =
		lk_db_key_of_row(lk_store_compare(prefix, after) > 0 ? prefix : after);
	leveldb_iterator_t *iterator = leveldb_create_iterator(self->db, self->read);
	bool go_on = true;

	leveldb_iter_seek(iterator, first.data, first.n);
	for (; go_on && limit > 0 && is_at_kind(iterator, LK_DB_ROW); leveldb_iter_next(iterator)) {
		struct lk_bytes key = lk_db_behind_kind(iterator_key(iterator));
		struct lk_bytes value = iterator_value(iterator);
		struct lk_cursor cursor = lk_cursor_over(value);
		uint64_t seq = lk_cursor_u64(&cursor);

		if (after.n > 0 && lk_store_compare(key, after) == 0)
			continue;
		if (!lk_store_has_prefix(key, prefix) || cursor.failed)
			break;
		limit--;
		go_on = visit(
			arg, key, (struct lk_bytes) { cursor.at, value.n - LK_DB_SEQ_SIZE }, seq);
	}
	return finish_iterator(self, iterator);
}

/* Visits entries from the iterator on as long as their numbers are the next ones. */
static struct lk_status visit_changes(leveldb_iterator_t *iterator, uint64_t after_seq,
	size_t limit, lk_store_change_fn visit, void *arg)
{
	bool go_on = true;

	for (uint64_t seq = after_seq + 1; go_on && limit > 0 && is_at_kind(iterator, LK_DB_CHANGE);
		seq++, limit--, leveldb_iter_next(iterator)) {
		struct lk_cursor number = lk_cursor_over(lk_db_behind_kind(iterator_key(iterator)));
		struct lk_store_change change;

		if (lk_cursor_u64(&number) != seq)
			return LK_ERR(LK_OUT_OF_RANGE, "the change log does not hold this number");
		if (lk_change_read(iterator_value(iterator), seq, &change).code != LK_OK)
			return unreadable;
		go_on = visit(arg, &change);
		lk_change_free(&change);
	}
	return LK_SUCCESS;
}

static struct lk_status changes(struct lk_store *store, uint64_t after_seq, size_t limit,
	lk_store_change_fn visit, void *arg)
{
	struct store_leveldb *self = leveldb_of(store);
	uint64_t seq = lk_gate_seq(&self->gate);
	struct lk_db_key first = lk_db_key_of_change(after_seq + 1);
	leveldb_iterator_t *iterator;
	struct lk_status st;
	struct lk_status finished;

	if (after_seq == seq)
		return LK_SUCCESS;
	if (after_seq > seq)
		return LK_ERR(LK_OUT_OF_RANGE, "the change log does not hold this number");
	iterator = leveldb_create_iterator(self->db, self->read);
	leveldb_iter_seek(iterator, first.data, first.n);
	st = visit_changes(iterator, after_seq, limit, visit, arg);
	finished = finish_iterator(self, iterator);
	return finished.code != LK_OK ? finished : st;
}

static struct lk_status wait(struct lk_store *store, uint64_t seq, uint32_t timeout_ms)
{
	return lk_gate_wait(&leveldb_of(store)->gate, seq, timeout_ms);
}

/* --- writing --- */

/* LevelDB forgets that an append failed and would frame what follows at wrong offsets, which its
 * recovery then drops. So the first failure is the last write. */
static struct lk_status poison(struct store_leveldb *self)
{
	self->is_poisoned = true;
	return unwritable;
}

/* Writes the batch, synced unless losing it does not matter. */
static struct lk_status write_batch(struct store_leveldb *self, bool sync)
{
	char *error = NULL;

	leveldb_writeoptions_set_sync(self->write, sync);
	leveldb_write(self->db, self->write, self->batch, &error);
	leveldb_writebatch_clear(self->batch);
	return is_fine(self, "cannot write; no more changes until a restart", error) ? LK_SUCCESS
										     : poison(self);
}

static struct lk_status check_condition(
	struct store_leveldb *self, const struct lk_store_condition *condition)
{
	struct lk_cursor cursor;
	char *stored;
	size_t n;

	LK_TRY(read_row(self, condition->key, &stored, &n));
	if (stored == NULL)
		return condition->seq == 0
			       ? LK_SUCCESS
			       : LK_ERR(LK_ABORTED,
					 "changed by someone else at the same time; try again");
	cursor = lk_cursor_over((struct lk_bytes) { (const uint8_t *)stored, LK_DB_SEQ_SIZE });
	if (lk_cursor_u64(&cursor) == condition->seq) {
		leveldb_free(stored);
		return LK_SUCCESS;
	}
	leveldb_free(stored);
	return LK_ERR(LK_ABORTED, "changed by someone else at the same time; try again");
}

static void batch_op(struct store_leveldb *self, const struct lk_store_op *op, uint64_t seq)
{
	struct lk_db_key key = lk_db_key_of_row(op->key);

	if (op->kind == LK_STORE_DELETE) {
		leveldb_writebatch_delete(self->batch, key.data, key.n);
		return;
	}
	lk_buf_reset(&self->scratch);
	lk_buf_u64(&self->scratch, seq);
	lk_buf_add(&self->scratch, op->value.data, op->value.n);
	if (!self->scratch.failed)
		leveldb_writebatch_put(self->batch, key.data, key.n,
			(const char *)self->scratch.data, self->scratch.n);
}

static struct lk_status fill_batch(
	struct store_leveldb *self, const struct lk_store_op *ops, size_t n_ops, uint64_t seq)
{
	struct lk_db_key key = lk_db_key_of_change(seq);
	bool failed = false;

	for (size_t i = 0; i < n_ops && !failed; i++) {
		batch_op(self, &ops[i], seq);
		failed = self->scratch.failed;
	}
	lk_buf_reset(&self->scratch);
	lk_change_write(&self->scratch, self->options.now(self->options.arg), ops, n_ops);
	if (failed || self->scratch.failed) {
		leveldb_writebatch_clear(self->batch);
		return no_memory;
	}
	leveldb_writebatch_put(
		self->batch, key.data, key.n, (const char *)self->scratch.data, self->scratch.n);
	return LK_SUCCESS;
}

static struct lk_status commit_locked(struct store_leveldb *self,
	const struct lk_store_condition *conditions, size_t n_conditions,
	const struct lk_store_op *ops, size_t n_ops)
{
	if (self->is_poisoned)
		return unwritable;
	for (size_t i = 0; i < n_conditions; i++) {
		struct lk_status st = check_condition(self, &conditions[i]);

		/* Nothing was written, so nothing is in doubt: running out of descriptors, which
		 * strangers may bring about, must not end all writing. */
		if (st.code == LK_UNAVAILABLE)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "the store could not be read");
		LK_TRY(st);
	}
	LK_TRY(fill_batch(self, ops, n_ops, self->seq + 1));
	LK_TRY(write_batch(self, true));
	self->seq++;
	(void)lk_directory_acknowledge(&self->directory, self->seq, false);
	lk_gate_publish(&self->gate, self->seq);
	return LK_SUCCESS;
}

static struct lk_status commit(struct lk_store *store, const struct lk_store_condition *conditions,
	size_t n_conditions, const struct lk_store_op *ops, size_t n_ops, uint64_t *seq_out)
{
	struct store_leveldb *self = leveldb_of(store);
	struct lk_status st;

	pthread_mutex_lock(&self->commit_mutex);
	st = commit_locked(self, conditions, n_conditions, ops, n_ops);
	if (st.code == LK_OK)
		*seq_out = self->seq;
	pthread_mutex_unlock(&self->commit_mutex);
	return st;
}

/* --- maintenance --- */

/* Puts up to TRIM_STEP deletions of old entries into the batch and returns how many. */
static size_t batch_trim(struct store_leveldb *self, leveldb_iterator_t *iterator, lk_time_ms now)
{
	size_t n = 0;

	for (; n < TRIM_STEP && is_at_kind(iterator, LK_DB_CHANGE);
		n++, leveldb_iter_next(iterator)) {
		struct lk_bytes key = iterator_key(iterator);
		struct lk_cursor number = lk_cursor_over(lk_db_behind_kind(key));
		uint64_t seq = lk_cursor_u64(&number);
		lk_time_ms at;

		if (seq >= self->seq || !lk_change_read_time(iterator_value(iterator), &at))
			break;
		if (self->seq - seq < self->options.change_log_max &&
			at > now - self->options.change_log_age_ms)
			break;
		leveldb_writebatch_delete(self->batch, (const char *)key.data, key.n);
	}
	return n;
}

/* One step under the lock, so that commits wait for no more than that. */
static struct lk_status trim_step(
	struct store_leveldb *self, leveldb_iterator_t *iterator, lk_time_ms now, size_t *n_out)
{
	struct lk_status st = unwritable;

	pthread_mutex_lock(&self->commit_mutex);
	if (!self->is_poisoned) {
		*n_out = batch_trim(self, iterator, now);
		st = *n_out > 0 ? write_batch(self, false) : LK_SUCCESS;
	}
	pthread_mutex_unlock(&self->commit_mutex);
	return st;
}

struct lk_status lk_store_leveldb_maintain(struct lk_store *store)
{
	struct store_leveldb *self = leveldb_of(store);
	lk_time_ms now = self->options.now(self->options.arg);
	leveldb_iterator_t *iterator = leveldb_create_iterator(self->db, self->read_once);
	struct lk_status st = LK_SUCCESS;
	struct lk_status finished;
	size_t n = TRIM_STEP;

	(void)lk_directory_make_reserve(&self->directory, self->options.reserve_size);
	leveldb_iter_seek(iterator, "c", 1);
	while (st.code == LK_OK && n == TRIM_STEP)
		st = trim_step(self, iterator, now, &n);
	finished = finish_iterator(self, iterator);
	return st.code != LK_OK ? st : finished;
}

/* --- opening --- */

/* Refuses what must not be overwritten: a directory that once held a database. */
static struct lk_status check_for_database(const struct store_leveldb *self)
{
	const struct lk_directory *directory = &self->directory;

	if (lk_directory_has(directory, "CURRENT"))
		return LK_SUCCESS;
	if (directory->is_used || lk_directory_has_suffix(directory, ".log") ||
		lk_directory_has_suffix(directory, ".ldb")) {
		lk_directory_report(&directory->options,
			"held a database whose file CURRENT is gone: restore a backup");
		return damaged;
	}
	if (self->options.create)
		return LK_SUCCESS;
	lk_directory_report(&directory->options, "holds no store");
	return LK_ERR(LK_FAILED_PRECONDITION, "there is no store at this path");
}

static int open_files_max(void)
{
	struct rlimit limit;

	/* A fifth, as LevelDB takes for itself: connections need the rest. */
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 5 > OPEN_FILES_MAX)
		return OPEN_FILES_MAX;
	return (int)(limit.rlim_cur / 5);
}

static void set_db_options(struct store_leveldb *self)
{
	self->db_options = leveldb_options_create();
	self->filter = leveldb_filterpolicy_create_bloom(BLOOM_BITS);
	self->cache = leveldb_cache_create_lru(BLOCK_CACHE_SIZE);
	leveldb_options_set_create_if_missing(
		self->db_options, !lk_directory_has(&self->directory, "CURRENT"));
	leveldb_options_set_paranoid_checks(self->db_options, 1);
	leveldb_options_set_write_buffer_size(self->db_options, WRITE_BUFFER_SIZE);
	leveldb_options_set_max_open_files(self->db_options, open_files_max());
	leveldb_options_set_filter_policy(self->db_options, self->filter);
	leveldb_options_set_cache(self->db_options, self->cache);
	self->read = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(self->read, 1);
	self->read_once = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(self->read_once, 1);
	leveldb_readoptions_set_fill_cache(self->read_once, 0);
	self->write = leveldb_writeoptions_create();
	self->batch = leveldb_writebatch_create();
}

static bool is_disk_full(const char *error)
{
	return strstr(error, strerror(ENOSPC)) != NULL || strstr(error, strerror(EDQUOT)) != NULL;
}

static struct lk_status open_db(struct store_leveldb *self)
{
	const char *path = self->options.path;
	char *error = NULL;
	struct lk_status st;

	self->db = leveldb_open(self->db_options, path, &error);
	/* LevelDB writes when it opens: on a full disk it needs what was put aside. */
	if (error != NULL && is_disk_full(error) && lk_directory_free_reserve(&self->directory)) {
		lk_directory_report(
			&self->directory.options, "the disk is full: opening with the reserve");
		leveldb_free(error);
		error = NULL;
		self->db = leveldb_open(self->db_options, path, &error);
	}
	if (error == NULL)
		return LK_SUCCESS;
	st = strncmp(error, "Corruption", 10) == 0
		     ? damaged
		     : LK_ERR(LK_UNAVAILABLE, "the store could not be opened");
	(void)is_fine(self, "cannot open the database", error);
	return st;
}

static struct lk_status take_census(
	const struct store_leveldb *self, struct lk_db_census *census_out)
{
	leveldb_iterator_t *iterator = leveldb_create_iterator(self->db, self->read_once);
	bool go_on = true;

	for (leveldb_iter_seek_to_first(iterator); go_on && leveldb_iter_valid(iterator);
		leveldb_iter_next(iterator))
		go_on = lk_db_count(census_out, iterator_key(iterator), iterator_value(iterator));
	return finish_iterator(self, iterator).code == LK_OK ? LK_SUCCESS : damaged;
}

static struct lk_status write_format(struct store_leveldb *self)
{
	static const char format[] = { 0, 0, 0, LK_DB_FORMAT };

	leveldb_writebatch_put(
		self->batch, LK_DB_FORMAT_KEY, strlen(LK_DB_FORMAT_KEY), format, sizeof format);
	return write_batch(self, true);
}

static struct lk_status open_store(struct store_leveldb *self)
{
	struct lk_db_census census = { 0 };

	LK_TRY(check_for_database(self));
	set_db_options(self);
	LK_TRY(open_db(self));
	LK_TRY(take_census(self, &census));
	LK_TRY(lk_db_check(&census, &self->directory));
	if (census.format == 0)
		LK_TRY(write_format(self));
	self->seq = census.seq;
	lk_gate_publish(&self->gate, census.seq);
	if (!lk_directory_acknowledge(&self->directory, census.seq, true))
		lk_directory_report(&self->directory.options, "cannot write latchkey.state");
	if (!lk_directory_make_reserve(&self->directory, self->options.reserve_size))
		lk_directory_report(&self->directory.options, "no room for the reserve file");
	return LK_SUCCESS;
}

/* Order matters: the filter and the cache are used until the database is closed, and nobody may
 * take the lock before that. */
static void close_store(struct lk_store *store)
{
	struct store_leveldb *self = leveldb_of(store);

	if (self->db != NULL)
		leveldb_close(self->db);
	if (self->db_options != NULL) {
		leveldb_options_destroy(self->db_options);
		leveldb_filterpolicy_destroy(self->filter);
		leveldb_cache_destroy(self->cache);
		leveldb_readoptions_destroy(self->read);
		leveldb_readoptions_destroy(self->read_once);
		leveldb_writeoptions_destroy(self->write);
		leveldb_writebatch_destroy(self->batch);
	}
	lk_directory_close(&self->directory);
	lk_buf_fini(&self->scratch);
	lk_gate_fini(&self->gate);
	pthread_mutex_destroy(&self->commit_mutex);
	lk_free(self);
}

static void set_defaults(struct lk_store_leveldb_options *options)
{
	if (options->change_log_max == 0)
		options->change_log_max = CHANGE_LOG_MAX_DEFAULT;
	if (options->change_log_age_ms == 0)
		options->change_log_age_ms = CHANGE_LOG_AGE_DEFAULT;
	if (options->reserve_size == 0)
		options->reserve_size = RESERVE_SIZE_DEFAULT;
}

struct lk_status lk_store_leveldb_open(
	const struct lk_store_leveldb_options *options, struct lk_store **store_out)
{
	static const struct lk_store_ops ops = { get, scan, commit, changes, wait, close_store };
	struct lk_directory_options directory = { options->path, options->create, options->report,
		options->arg };
	struct store_leveldb *self = lk_alloc(sizeof *self);
	struct lk_status st;

	assert(options->now != NULL);
	if (self == NULL)
		return no_memory;
	lk_store_init(&self->base, &ops);
	self->options = *options;
	set_defaults(&self->options);
	pthread_mutex_init(&self->commit_mutex, NULL);
	lk_gate_init(&self->gate);
	lk_buf_init(&self->scratch, LK_STORE_BATCH_BYTES_MAX + CHANGE_OVERHEAD_MAX);
	self->directory.fd = -1;
	self->directory.state_fd = -1;
	st = lk_directory_open(&directory, &self->directory);
	if (st.code == LK_OK)
		st = open_store(self);
	if (st.code == LK_OK)
		*store_out = &self->base;
	else
		close_store(&self->base);
	return st;
}
