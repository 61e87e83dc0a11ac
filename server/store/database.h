/* SPDX-License-Identifier: MIT */
/* How a store lies in a plain ordered database. Three kinds of keys, told apart by their first
 * byte; numbers are big-endian:
 *
 *     0 format    the version of this layout in 4 bytes
 *     c <seq>     the change log: one entry per commit (change.h)
 *     d <key>     a row: the sequence number of its commit in 8 bytes, then the value
 */
#pragma once

#include "server/store/directory.h"
#include "server/store/store.h"

#define LK_DB_FORMAT 1
#define LK_DB_FORMAT_KEY "0format"
#define LK_DB_CHANGE 'c'
#define LK_DB_ROW 'd'
#define LK_DB_SEQ_SIZE 8

struct lk_db_key {
	char data[1 + LK_STORE_KEY_MAX];
	size_t n;
};

struct lk_db_key lk_db_key_of_row(struct lk_bytes key);
struct lk_db_key lk_db_key_of_change(uint64_t seq);

/* The key without its first byte. */
struct lk_bytes lk_db_behind_kind(struct lk_bytes db_key);

/* What one pass over a whole database finds out; begins as zeros. */
struct lk_db_census {
	uint32_t format; /* 0: none */
	uint64_t seq;    /* of the last commit; 0: none */
	bool is_odd;     /* some key did not belong there */
};

/* Counts the next key in. False, and there is no need to go on, when it does not belong there:
 * a gap in the change log, a row of a commit beyond it, a key of another kind or format. */
bool lk_db_count(struct lk_db_census *census, struct lk_bytes db_key, struct lk_bytes value);

/* Judges a finished census by what the directory remembers, and reports.
 *
 * LK_FAILED_PRECONDITION  the format is newer than ours
 * LK_DATA_LOSS            not a store, or commits are missing that were acknowledged
 */
LK_MUST_USE struct lk_status lk_db_check(
	const struct lk_db_census *census, const struct lk_directory *directory);
