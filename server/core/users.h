/* SPDX-License-Identifier: MIT */
/* People and their organisations.
 *
 * As keys.h: every text that comes in is checked here, errors name the field as the schema does,
 * changes run in a transaction of the committer and may run more than once. Passwords come in as
 * hashes, since hashing has no place in a transaction.
 */
#pragma once

#include "server/core/call.h"
#include "server/core/key_text.h"
#include "server/store/record.h"
#include "server/store/txn.h"

#define LK_USER_NAME_MAX 200
#define LK_USER_ROLES_MAX 16
#define LK_USERS_PAGE_DEFAULT 50
#define LK_USERS_PAGE_MAX 100

/* The one form of an email address: no spaces around it, ASCII letters in lower case; other
 * letters as they are. One `@` with something on both sides, no spaces or control characters, valid
 * UTF-8, at most LK_EMAIL_MAX bytes. The result lives in the arena.
 *
 * LK_INVALID_ARGUMENT  field `email`
 */
LK_MUST_USE struct lk_status lk_email_canonical(
	const char *email, struct lk_arena *arena, struct lk_bytes *email_out);

/* Whether the realm takes this password for this user: its length, and that it is neither their
 * address or name, nor the realm's, nor one character or a run of them, nor among those that
 * everybody tries first. No other rules, and no change to it: it is hashed as the bytes it is.
 *
 * LK_INVALID_ARGUMENT  field `password`
 */
LK_MUST_USE struct lk_status lk_password_check(const struct lk_realm *realm, struct lk_bytes email,
	struct lk_bytes name, const char *password);

/* A user as it is answered; texts live in the call's arena. */
struct lk_user_view {
	struct lk_user_record record;
	char id[LK_ID_TEXT_SIZE];
	lk_time_ms last_sign_in_ms; /* 0: never, or not looked up (in lists) */
};

/* A field that is not given is "" (never NULL) or empty. */
struct lk_user_spec {
	const char *email;
	const char *name;
	const char *const *roles;
	size_t n_roles;
	const char *organization_id;
	const char *password_hash; /* "": none; checked by whoever made it or took it in */
	bool is_disabled;          /* from the first moment; an update looks at its `enabled` */
};

/* LK_INVALID_ARGUMENT  with the field; `realm` for the realm `latchkey`, which has no users
 * LK_ALREADY_EXISTS    field `email`
 * LK_RESOURCE_EXHAUSTED, LK_UNAVAILABLE as lk_keys_create */
LK_MUST_USE struct lk_status lk_users_create(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_user_spec *spec, struct lk_user_view *view_out);

/* By id, or by email when the id is ""; for a subject themselves, whatever is asked.
 * LK_NOT_FOUND also for an id that is malformed; LK_UNAVAILABLE, LK_DATA_LOSS,
 * LK_RESOURCE_EXHAUSTED (the arena). */
LK_MUST_USE struct lk_status lk_users_get(const struct lk_core_call *call, struct lk_store *store,
	const char *id, const char *email, struct lk_user_view *view_out);

struct lk_users_query {
	int32_t page_size;           /* 0: LK_USERS_PAGE_DEFAULT */
	const char *page_token;      /* "": from the first */
	const char *organization_id; /* "": any */
};

struct lk_users_page {
	struct lk_user_view *items; /* in the arena */
	size_t n;
	const char *next_token; /* "" on the last page */
};

/* As lk_keys_list. */
LK_MUST_USE struct lk_status lk_users_list(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_users_query *query, struct lk_users_page *page_out);

enum lk_user_field {
	LK_USER_FIELD_EMAIL = 1,
	LK_USER_FIELD_NAME = 2,
	LK_USER_FIELD_ROLES = 4,
	LK_USER_FIELD_ORGANIZATION = 8,
	LK_USER_FIELD_ENABLED = 16,
};

struct lk_user_update {
	const char *id;
	unsigned fields; /* enum lk_user_field: which to change */
	struct lk_user_spec spec;
	bool enabled;
};

/* Changes the fields named and no others. Codes as create and get. */
LK_MUST_USE struct lk_status lk_users_update(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_user_update *update, struct lk_user_view *view_out);

/* Puts a new hash in the place of the old one. With `replaces` not empty only if that is still the
 * hash, else nothing changes and it is LK_ABORTED: so a rehash never undoes a change of password.
 * LK_NOT_FOUND. Ending sessions is the caller's, lk_sessions_end_all. */
LK_MUST_USE struct lk_status lk_users_set_password_hash(const struct lk_core_call *call,
	struct lk_txn *txn, const struct lk_key_id *id, const char *hash, struct lk_bytes replaces);

/* What a user may do now: the union of their roles that the realm has. */
struct lk_permset lk_user_permissions(
	const struct lk_realm *realm, const struct lk_user_record *record);

/* The offered permissions of a set as names, sorted, in the arena. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_permission_names(const struct lk_realm *realm,
	const struct lk_permset *set, struct lk_arena *arena, const char ***names_out,
	size_t *n_out);

/* --- organisations --- */

enum lk_organization_field {
	LK_ORGANIZATION_FIELD_PLAN = 1,
	LK_ORGANIZATION_FIELD_ENABLED = 2,
};

struct lk_organization_change {
	const char *id;
	unsigned fields;
	const char *plan;
	bool enabled;
};

/* Creates it if it is not there. LK_INVALID_ARGUMENT with the field. */
LK_MUST_USE struct lk_status lk_organizations_set(const struct lk_core_call *call,
	struct lk_txn *txn, const struct lk_organization_change *change,
	struct lk_organization_record *record_out);

/* LK_NOT_FOUND and as lk_users_get. */
LK_MUST_USE struct lk_status lk_organizations_get(const struct lk_core_call *call,
	struct lk_store *store, const char *id, struct lk_organization_record *record_out);

struct lk_organizations_page {
	struct lk_organization_record *items; /* in the arena */
	size_t n;
	const char *next_token; /* "" on the last page */
};

/* Those of the realm, by the length of their id and then by it. A page_size of 0 stands for
 * LK_USERS_PAGE_DEFAULT. LK_INVALID_ARGUMENT, field `page_size` or `page_token`; as lk_users_get.
 */
LK_MUST_USE struct lk_status lk_organizations_list(const struct lk_core_call *call,
	struct lk_store *store, int32_t page_size, const char *page_token,
	struct lk_organizations_page *page_out);
