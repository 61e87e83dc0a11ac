/* SPDX-License-Identifier: MIT */
/* Short words for tests of anything that stores. A failure ends the test. */
#pragma once

#include "server/store/store.h"

struct lk_bytes bytes_of(const char *text);
struct lk_store_op op_put(const char *key, const char *value, bool logged);
struct lk_store_op op_delete(const char *key, bool logged);

/* Commits that must succeed; their numbers. */
uint64_t commit_ops(struct lk_store *store, const struct lk_store_op *ops, size_t n);
uint64_t put(struct lk_store *store, const char *key, const char *value);
uint64_t put_logged(struct lk_store *store, const char *key, const char *value);
uint64_t delete_key(struct lk_store *store, const char *key);

void check_value(struct lk_store *store, const char *key, const char *expected); /* NULL: absent */
uint64_t seq_of(struct lk_store *store, const char *key);                        /* 0: absent */

/* Rows and changes as one line of text: "a=1@3 b=@4 " are two rows, "3 a=1 b- 4 " two commits. */
struct listing {
	struct lk_buf text;
	size_t stop_after; /* rows or changes; 0: never */
	size_t n;
};

void start_listing(struct listing *listing);
bool list_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq);
bool list_change(void *arg, const struct lk_store_change *change);

/* Ends the listing. */
void check_listing(struct listing *listing, const char *expected);
