/* SPDX-License-Identifier: MIT */
/* What the core does with rows, whatever they hold. */
#pragma once

#include "server/core/call.h"
#include "server/store/txn.h"

/* An empty row, outside the change log: it only says that something is there. */
LK_MUST_USE struct lk_status lk_rows_put_empty(struct lk_txn *txn, const struct lk_row *row);

/* The value of a row, appended to an empty buffer, without making it a condition: for what may be
 * written at any time and must not make a commit fail. An empty buffer: there is no such row. */
LK_MUST_USE struct lk_status lk_rows_peek(
	struct lk_txn *txn, const struct lk_row *row, struct lk_buf *value_out);

/* Moves the entry that makes the sweeper look at a row; 0: there is none. The old one goes, or a
 * row whose end moves again and again would fill the disk. */
LK_MUST_USE struct lk_status lk_rows_move_expiry(
	struct lk_txn *txn, const struct lk_row *row, lk_time_ms from, lk_time_ms to);

/* --- lists --- */

#define LK_PAGE_TOKEN_SIZE 97

/* A list of records by id, a page at a time. Looks at 1,000 rows at most and answers 128 KiB of
 * records at most, and fills a third of the arena, so a page may be short. */
struct lk_list {
	const struct lk_core_call *call;
	struct lk_store *store;
	struct lk_row range; /* of the rows that are listed: they end in an id */
	/* The record of an id. */
	struct lk_row (*row_of)(struct lk_bytes realm, const struct lk_key_id *id);
	struct lk_bytes
		question; /* what is asked for beside the range: a token is good for it only */
	size_t page_size;
	const char *page_token; /* "": from the first */
	/* Takes a record into the page, or leaves it out. */
	struct lk_status (*visit)(void *arg, struct lk_bytes value, bool *taken_out);
	void *arg;
};

/* next_token_out: in the arena, "" on the last page.
 *
 * LK_INVALID_ARGUMENT  field `page_token`
 * LK_UNAVAILABLE, LK_RESOURCE_EXHAUSTED, and what `visit` answers
 */
LK_MUST_USE struct lk_status lk_list_page(const struct lk_list *list, const char **next_token_out);
