/* SPDX-License-Identifier: MIT */
#include "server/core/owners.h"

#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/text.h"

#define SLOTS_MIN 64

struct lk_owner_name lk_owner_of_user(unsigned realm, const struct lk_key_id *id)
{
	return (struct lk_owner_name) { LK_OWNER_USER, realm, { id->bytes, sizeof id->bytes } };
}

struct lk_owner_name lk_owner_of_organization(unsigned realm, struct lk_bytes id)
{
	return (struct lk_owner_name) { LK_OWNER_ORGANIZATION, realm, id };
}

/* FNV-1a: names come from whoever may create users and keys, and a slow table is all that a
 * collision buys them. */
static size_t hash_of(unsigned kind, unsigned realm, const uint8_t *name, size_t n)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ ((uint64_t)kind << 32 | realm);

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ name[i]) * UINT64_C(1099511628211);
	return (size_t)(hash ^ hash >> 29);
}

static bool is_named(const struct lk_owner *owner, const struct lk_owner_name *name)
{
	return owner->kind == name->kind && owner->realm == name->realm &&
	       lk_text_equal((struct lk_bytes) { (const uint8_t *)owner->name, owner->name_n },
		       name->name);
}

struct lk_owner *lk_owners_find(const struct lk_owners *owners, const struct lk_owner_name *name)
{
	if (owners->slots == NULL)
		return NULL;
	for (size_t i = hash_of(name->kind, name->realm, name->name.data, name->name.n);; i++) {
		struct lk_owner *owner = owners->slots[i & owners->mask];

		if (owner == NULL || is_named(owner, name))
			return owner;
	}
}

static void place(struct lk_owners *owners, struct lk_owner *owner)
{
	size_t i = hash_of(owner->kind, owner->realm, (const uint8_t *)owner->name, owner->name_n);

	while (owners->slots[i & owners->mask] != NULL)
		i++;
	owners->slots[i & owners->mask] = owner;
}

/* At most half of the slots are filled. */
static bool make_room(struct lk_owners *owners)
{
	size_t slots = owners->slots != NULL ? (owners->mask + 1) * 2 : SLOTS_MIN;
	struct lk_owners grown = *owners;

	if (owners->slots != NULL && owners->n < (owners->mask + 1) / 2)
		return true;
	grown.slots = lk_alloc(slots * sizeof(struct lk_owner *));
	if (grown.slots == NULL)
		return false;
	grown.mask = slots - 1;
	for (size_t i = 0; owners->slots != NULL && i <= owners->mask; i++)
		if (owners->slots[i] != NULL)
			place(&grown, owners->slots[i]);
	lk_free(owners->slots);
	*owners = grown;
	return true;
}

struct lk_owner *lk_owners_get(struct lk_owners *owners, const struct lk_owner_name *name)
{
	struct lk_owner *owner = lk_owners_find(owners, name);

	if (owner != NULL || !make_room(owners))
		return owner;
	owner = lk_alloc(sizeof *owner + name->name.n);
	if (owner == NULL)
		return NULL;
	owner->kind = (uint8_t)name->kind;
	owner->realm = (uint16_t)name->realm;
	owner->name_n = (uint8_t)name->name.n;
	if (name->name.n > 0)
		memcpy(owner->name, name->name.data, name->name.n);
	place(owners, owner);
	owners->n++;
	owners->bytes += sizeof *owner + name->name.n;
	return owner;
}

static size_t size_of_facts(const struct lk_owner *owner, const void *facts)
{
	const struct lk_user_facts *user = facts;

	if (facts == NULL)
		return 0;
	if (owner->kind == LK_OWNER_ORGANIZATION)
		return sizeof(struct lk_organization_facts);
	return sizeof *user + user->roles_n;
}

static void retire(struct lk_epoch_bin *retired, const void *p)
{
	union {
		const void *in;
		void *out;
	} pointer = { .in = p };

	if (p == NULL)
		return;
	if (retired != NULL)
		lk_epoch_retire(retired, pointer.out, lk_free);
	else
		lk_free(pointer.out);
}

void lk_owner_set_facts(struct lk_owners *owners, struct lk_owner *owner, const void *facts,
	struct lk_epoch_bin *retired)
{
	const void *old = atomic_exchange(&owner->facts, facts);

	atomic_store(&owner->denied, 0);
	owners->bytes += size_of_facts(owner, facts) - size_of_facts(owner, old);
	retire(retired, old);
}

/* A role that the realm no longer has grants nothing, and is not told. */
static void fill_roles(const struct lk_realm *realm, const struct lk_user_record *record,
	struct lk_user_facts *facts)
{
	char *at = facts->roles;

	for (size_t i = 0; i < record->roles.n; i++) {
		const struct lk_role *role = lk_realm_find_role(realm, record->roles.items[i]);
		size_t n;

		if (role == NULL || facts->n_roles == UINT8_MAX)
			continue;
		n = strlen(role->name) + 1;
		memcpy(at, role->name, n);
		at += n;
		facts->n_roles++;
		for (size_t w = 0; w < LK_COUNT(facts->permissions.w); w++)
			facts->permissions.w[w] |= role->permissions.w[w];
	}
	facts->roles_n = (uint16_t)(at - facts->roles);
}

struct lk_status lk_user_facts_new(struct lk_owners *owners, const struct lk_realm *realm,
	const struct lk_user_record *record, struct lk_user_facts **facts_out)
{
	const struct lk_status short_of_memory = LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	struct lk_bytes organization = record->organization_id;
	struct lk_user_facts *facts;
	size_t roles_n = 0;

	for (size_t i = 0; i < record->roles.n; i++)
		roles_n += record->roles.items[i].n + 1;
	if (organization.n > LK_OWNER_ID_MAX || roles_n > UINT16_MAX)
		return LK_ERR(LK_DATA_LOSS, "a stored user is damaged");
	facts = lk_alloc(sizeof *facts + roles_n);
	if (facts == NULL)
		return short_of_memory;
	facts->enabled = record->enabled;
	fill_roles(realm, record, facts);
	if (organization.n > 0) {
		memcpy(facts->organization_id, organization.data, organization.n);
		facts->organization =
			lk_owners_get(owners, &(struct lk_owner_name) { LK_OWNER_ORGANIZATION,
						      realm->index, organization });
		if (facts->organization == NULL) {
			lk_free(facts);
			return short_of_memory;
		}
	}
	*facts_out = facts;
	return LK_SUCCESS;
}

struct lk_organization_facts *lk_organization_facts_new(const struct lk_organization_record *record)
{
	struct lk_organization_facts *facts = lk_alloc(sizeof *facts);

	if (facts == NULL)
		return NULL;
	facts->enabled = record->enabled && record->plan.n <= LK_PLAN_MAX;
	if (facts->enabled && record->plan.n > 0)
		memcpy(facts->plan, record->plan.data, record->plan.n);
	return facts;
}

const struct lk_user_facts *lk_owner_user(const struct lk_owner *owner)
{
	return atomic_load(&owner->facts);
}

const struct lk_organization_facts *lk_owner_organization(const struct lk_owner *owner)
{
	return atomic_load(&owner->facts);
}

void lk_owners_fini(struct lk_owners *owners, struct lk_epoch_bin *retired)
{
	for (size_t i = 0; owners->slots != NULL && i <= owners->mask; i++) {
		if (owners->slots[i] == NULL)
			continue;
		retire(retired, atomic_load(&owners->slots[i]->facts));
		retire(retired, owners->slots[i]);
	}
	lk_free(owners->slots);
	*owners = (struct lk_owners) { .slots = NULL };
}
