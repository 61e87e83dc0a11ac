/* SPDX-License-Identifier: MIT */
/* Owners: the users and organisations that the index's entries belong to.
 *
 * An entry leads to its owner, and the owner to its facts (facts.h). Facts are replaced in one
 * store, so whatever a user owns feels a change at once; readers take no lock. An owner is made
 * when something first names it and stays as long as its set; one without facts was never seen in
 * the store. One writer.
 */
#pragma once

#include <stdatomic.h>

#include "server/core/epoch.h"
#include "server/core/facts.h"
#include "server/core/realm.h"
#include "server/store/record.h"

enum lk_owner_kind { LK_OWNER_USER, LK_OWNER_ORGANIZATION };

struct lk_owner {
	_Atomic(const void *) facts; /* lk_user_facts or lk_organization_facts; NULL: none */
	_Atomic uint8_t denied;      /* enum lk_entry_denial */
	uint8_t kind;                /* enum lk_owner_kind */
	uint8_t name_n;
	uint16_t realm;
	char name[]; /* the id of a user in 16 bytes, of an organisation as text */
};

struct lk_owners {
	struct lk_owner **slots; /* open addressing; NULL: free */
	size_t mask;
	size_t n;
	size_t bytes; /* of owners and facts */
};

/* Who is asked for. */
struct lk_owner_name {
	enum lk_owner_kind kind;
	unsigned realm; /* index */
	struct lk_bytes name;
};

struct lk_owner_name lk_owner_of_user(unsigned realm, const struct lk_key_id *id);
struct lk_owner_name lk_owner_of_organization(unsigned realm, struct lk_bytes id);

/* NULL: nothing has named it. */
struct lk_owner *lk_owners_find(const struct lk_owners *owners, const struct lk_owner_name *name);

/* Found or made. NULL: short of memory. */
struct lk_owner *lk_owners_get(struct lk_owners *owners, const struct lk_owner_name *name);

/* Puts facts in the place of others, which are retired (at once without a bin), and lifts a denial.
 * NULL: there are none any more. The owner owns them. */
void lk_owner_set_facts(struct lk_owners *owners, struct lk_owner *owner, const void *facts,
	struct lk_epoch_bin *retired);

/* Compiled for the realm; lk_free them. The organisation becomes an owner, too.
 *
 * LK_RESOURCE_EXHAUSTED  short of memory
 * LK_DATA_LOSS           the record holds something that no user may have
 */
LK_MUST_USE struct lk_status lk_user_facts_new(struct lk_owners *owners,
	const struct lk_realm *realm, const struct lk_user_record *record,
	struct lk_user_facts **facts_out);

/* lk_free them. NULL: short of memory. */
struct lk_organization_facts *lk_organization_facts_new(
	const struct lk_organization_record *record);

/* For readers; NULL: none. */
const struct lk_user_facts *lk_owner_user(const struct lk_owner *owner);
const struct lk_organization_facts *lk_owner_organization(const struct lk_owner *owner);

/* Retires or frees everything. */
void lk_owners_fini(struct lk_owners *owners, struct lk_epoch_bin *retired);
