/* SPDX-License-Identifier: MIT */
#include "server/store/database.h"

#include <inttypes.h>
#include <string.h>

#include "server/store/change.h"

struct lk_db_key lk_db_key_of_row(struct lk_bytes key)
{
	struct lk_db_key db_key;

	db_key.data[0] = LK_DB_ROW;
	if (key.n > 0)
		memcpy(db_key.data + 1, key.data, key.n);
	db_key.n = 1 + key.n;
	return db_key;
}

struct lk_db_key lk_db_key_of_change(uint64_t seq)
{
	struct lk_db_key db_key;

	db_key.data[0] = LK_DB_CHANGE;
	for (size_t i = 0; i < LK_DB_SEQ_SIZE; i++)
		db_key.data[1 + i] = (char)(uint8_t)(seq >> (56 - 8 * i));
	db_key.n = 1 + LK_DB_SEQ_SIZE;
	return db_key;
}

struct lk_bytes lk_db_behind_kind(struct lk_bytes db_key)
{
	return (struct lk_bytes) { db_key.data + 1, db_key.n - 1 };
}

static bool count_change(struct lk_db_census *census, uint64_t seq, struct lk_bytes entry)
{
	bool is_next = census->seq == 0 || seq == census->seq + 1;
	lk_time_ms at;

	census->seq = seq;
	return seq > 0 && is_next && lk_change_read_time(entry, &at);
}

static bool count_row(const struct lk_db_census *census, struct lk_bytes value)
{
	struct lk_cursor cursor = lk_cursor_over(value);
	uint64_t seq = lk_cursor_u64(&cursor);

	/* The change log sorts before the rows: its last entry is known. */
	return !cursor.failed && seq > 0 && seq <= census->seq;
}

static bool belongs(struct lk_db_census *census, struct lk_bytes db_key, struct lk_bytes value)
{
	struct lk_bytes format_key = { (const uint8_t *)LK_DB_FORMAT_KEY,
		strlen(LK_DB_FORMAT_KEY) };
	struct lk_cursor cursor = lk_cursor_over(value);

	if (lk_store_compare(db_key, format_key) == 0) {
		census->format = lk_cursor_u32(&cursor);
		return lk_cursor_clean_end(&cursor) && census->format == LK_DB_FORMAT;
	}
	if (db_key.n == 1 + LK_DB_SEQ_SIZE && db_key.data[0] == LK_DB_CHANGE) {
		cursor = lk_cursor_over(lk_db_behind_kind(db_key));
		return count_change(census, lk_cursor_u64(&cursor), value);
	}
	return db_key.n > 1 && db_key.data[0] == LK_DB_ROW && count_row(census, value);
}

bool lk_db_count(struct lk_db_census *census, struct lk_bytes db_key, struct lk_bytes value)
{
	census->is_odd = census->is_odd || !belongs(census, db_key, value);
	return !census->is_odd;
}

struct lk_status lk_db_check(
	const struct lk_db_census *census, const struct lk_directory *directory)
{
	if (census->format > LK_DB_FORMAT) {
		lk_directory_report(&directory->options,
			"the store has format %" PRIu32 ", this program knows up to %d",
			census->format, LK_DB_FORMAT);
		return LK_ERR(LK_FAILED_PRECONDITION, "the store is of a newer format");
	}
	if (census->is_odd || (census->format == 0 && (census->seq > 0 || directory->is_used))) {
		lk_directory_report(&directory->options,
			"the database is not one of ours, or its rows and its change log do not "
			"fit together");
		return LK_ERR(LK_DATA_LOSS, "the store is damaged");
	}
	if (census->seq < directory->acknowledged_seq) {
		lk_directory_report(&directory->options,
			"commit %" PRIu64 " was acknowledged, but the database ends at %" PRIu64
			": restore a backup, or remove latchkey.state to accept the loss",
			directory->acknowledged_seq, census->seq);
		return LK_ERR(LK_DATA_LOSS, "the store lacks commits that it had acknowledged");
	}
	return LK_SUCCESS;
}
