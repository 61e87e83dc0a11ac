/* SPDX-License-Identifier: MIT */
/* Layout: where the records of the store lie.
 *
 *     k/<realm>/<id>                 a key (record.h)
 *     ku/<realm>/<user>/<id>         an empty row: the keys of a user
 *     ko/<realm>/<organization>/<id> an empty row: the keys of an organisation
 *     u/<realm>/<id>                 the usage of a key (record.h)
 *     expiry/<minute>/<row>          an empty row: when to look whether <row> is over
 *
 * Realms and owners are any bytes, each led by its length in one byte, so that no two names
 * share a row and no name is the prefix of another's range. Ids have a fixed length and come
 * last, so rows of one range are ordered by id.
 */
#pragma once

#include <stdbool.h>

#include "server/store/store.h"

#define LK_KEY_ID_SIZE 16
#define LK_REALM_NAME_MAX 64
#define LK_OWNER_ID_MAX 128

struct lk_key_id {
	uint8_t bytes[LK_KEY_ID_SIZE];
};

/* The key of a row, or of a range of rows: a value, to be kept where it is used. */
struct lk_row {
	uint8_t data[LK_STORE_KEY_MAX];
	size_t n;
};

/* Borrowed from the row. */
struct lk_bytes lk_row_bytes(const struct lk_row *row);

/* A copy of a key of the store. */
struct lk_row lk_row_from(struct lk_bytes key);

/* Rows of a key. Without an id (NULL) the range of all of them: a prefix to scan. Names longer
 * than their maximum are the caller's bug. */
struct lk_row lk_row_of_key(struct lk_bytes realm, const struct lk_key_id *id);
struct lk_row lk_row_of_user_key(
	struct lk_bytes realm, struct lk_bytes user_id, const struct lk_key_id *id);
struct lk_row lk_row_of_organization_key(
	struct lk_bytes realm, struct lk_bytes organization_id, const struct lk_key_id *id);
struct lk_row lk_row_of_usage(struct lk_bytes realm, const struct lk_key_id *id);

/* The range of the keys of every realm. */
struct lk_row lk_row_of_keys(void);

/* The entry that makes the sweeper look at `row` once `at` has passed: at the next full minute.
 * The row's key may have at most LK_STORE_KEY_MAX - 16 bytes. */
struct lk_row lk_row_of_expiry(lk_time_ms at, struct lk_bytes row);

/* The range of all expiry entries. */
struct lk_row lk_row_of_expiries(void);

/* Take a row's key apart again; the outputs are borrowed from it. False when the row is of
 * another kind. */
bool lk_row_read_key(struct lk_bytes row, struct lk_bytes *realm_out, struct lk_key_id *id_out);
bool lk_row_read_owned_key(struct lk_bytes row, struct lk_key_id *id_out); /* ku/ and ko/ */
bool lk_row_read_expiry(struct lk_bytes row, lk_time_ms *due_ms_out, struct lk_bytes *row_out);
