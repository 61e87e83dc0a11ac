/* SPDX-License-Identifier: MIT */
/* Layout: where the records of the store lie.
 *
 *     k/<realm>/<id>                 a key (record.h)
 *     ku/<realm>/<user>/<id>         an empty row: the keys of a user
 *     ko/<realm>/<organization>/<id> an empty row: the keys of an organisation
 *     u/<realm>/<id>                 the usage of a key or a session (record.h)
 *     us/<realm>/<id>                a user
 *     ue/<realm>/<email>             the id of the user with this email
 *     uo/<realm>/<organization>/<id> an empty row: the members of an organisation
 *     si/<realm>/<id>                where a user signed in from
 *     or/<realm>/<organization>      an organisation
 *     se/<realm>/<id>                a session
 *     su/<realm>/<user>/<id>         an empty row: the sessions of a user
 *     rt/<realm>/<digest>            a refresh token
 *     sk/<realm>/<id>                a signing key
 *     id/<digest>                    the answer of a call with an idempotency key
 *     gb/<digest>                    a counter of failed sign-ins
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
#define LK_EMAIL_MAX 254
#define LK_ROW_DIGEST_SIZE 32

struct lk_key_id {
	uint8_t bytes[LK_KEY_ID_SIZE];
};

bool lk_key_id_equal(const struct lk_key_id *a, const struct lk_key_id *b);

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

/* Rows of users, organisations and sessions; ids and names NULL or empty as above. */
struct lk_row lk_row_of_user(struct lk_bytes realm, const struct lk_key_id *id);
struct lk_row lk_row_of_email(struct lk_bytes realm, struct lk_bytes email);
struct lk_row lk_row_of_member(
	struct lk_bytes realm, struct lk_bytes organization_id, const struct lk_key_id *id);
struct lk_row lk_row_of_sign_ins(struct lk_bytes realm, const struct lk_key_id *id);
struct lk_row lk_row_of_organization(struct lk_bytes realm, struct lk_bytes organization_id);
struct lk_row lk_row_of_session(struct lk_bytes realm, const struct lk_key_id *id);
struct lk_row lk_row_of_user_session(
	struct lk_bytes realm, const struct lk_key_id *user_id, const struct lk_key_id *id);
struct lk_row lk_row_of_refresh(struct lk_bytes realm, const uint8_t digest[LK_ROW_DIGEST_SIZE]);
struct lk_row lk_row_of_signing_key(struct lk_bytes realm, const struct lk_key_id *id);
struct lk_row lk_row_of_answer(const uint8_t digest[LK_ROW_DIGEST_SIZE]);

/* Which key came in with this digest. */
struct lk_row lk_row_of_import(const uint8_t digest[LK_ROW_DIGEST_SIZE]);

/* NULL: the range of all counters. */
struct lk_row lk_row_of_guess(const uint8_t digest[LK_ROW_DIGEST_SIZE]);
struct lk_row lk_row_of_limit(const uint8_t digest[LK_ROW_DIGEST_SIZE]);

/* What the index is built from, besides keys: the ranges of every realm. */
struct lk_row lk_row_of_users(void);
struct lk_row lk_row_of_organizations(void);
struct lk_row lk_row_of_sessions(void);
struct lk_row lk_row_of_signing_keys(void);

/* The range of one realm. */
struct lk_row lk_row_of_realm_organizations(struct lk_bytes realm);

/* Which kind of row a key of the store is: enough to choose the reader below. */
enum lk_row_kind {
	LK_ROW_OTHER,
	LK_ROW_KEY,
	LK_ROW_USER,
	LK_ROW_ORGANIZATION,
	LK_ROW_SESSION,
	LK_ROW_SIGNING_KEY,
	LK_ROW_REFRESH,
	LK_ROW_ANSWER,
};
enum lk_row_kind lk_row_kind(struct lk_bytes row);

/* The entry that makes the sweeper look at `row` once `at` has passed: at the next full minute.
 * The row's key may have at most LK_STORE_KEY_MAX - 16 bytes. */
struct lk_row lk_row_of_expiry(lk_time_ms at, struct lk_bytes row);

/* The range of all expiry entries. */
struct lk_row lk_row_of_expiries(void);

/* Take a row's key apart again; the outputs are borrowed from it. False when the row is of
 * another kind. */
bool lk_row_read_key(struct lk_bytes row, struct lk_bytes *realm_out, struct lk_key_id *id_out);
bool lk_row_read_owned_key(struct lk_bytes row, struct lk_key_id *id_out); /* ku/ and ko/ */
/* A user, a session or a signing key. */
bool lk_row_read_id(struct lk_bytes row, enum lk_row_kind kind, struct lk_bytes *realm_out,
	struct lk_key_id *id_out);
bool lk_row_read_organization(
	struct lk_bytes row, struct lk_bytes *realm_out, struct lk_bytes *organization_id_out);
bool lk_row_read_listed(struct lk_bytes row, struct lk_key_id *id_out); /* uo/ and su/ */
bool lk_row_read_expiry(struct lk_bytes row, lk_time_ms *due_ms_out, struct lk_bytes *row_out);
