/* SPDX-License-Identifier: MIT */
#include "server/core/listed.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/key_text.h"
#include "server/core/realm.h"
#include "server/core/text.h"

bool lk_listed_key_is_valid(struct lk_bytes text)
{
	if (text.n < LK_LISTED_KEY_MIN || text.n > LK_LISTED_KEY_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == '.')
			return false;
	return true;
}

static bool grant(const struct lk_realm *realm, const char *name, struct lk_permset *permissions)
{
	const struct lk_role *role = lk_realm_find_role(realm, lk_bytes_of(name));
	int bit = role == NULL ? lk_catalog_find(&realm->catalog, lk_bytes_of(name)) : -1;

	if (role == NULL && bit < 0)
		return false;
	if (role != NULL)
		for (size_t i = 0; i < LK_COUNT(permissions->w); i++)
			permissions->w[i] |= role->permissions.w[i];
	else
		lk_permset_add(permissions, (unsigned)bit);
	return true;
}

static struct lk_status add_roles(const struct lk_realm *realm, const char *field,
	const char *const *roles, size_t n, struct lk_listed_caller *caller)
{
	if (n == 0 || n > LK_LISTED_ROLES_MAX)
		return LK_BAD_FIELD(field, "1 to 16 roles are needed");
	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(roles[i]) + 1;

		if (!grant(realm, roles[i], &caller->permissions))
			return LK_BAD_FIELD(field, "the realm has no such role or permission");
		caller->roles[i] = lk_alloc(size);
		if (caller->roles[i] == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
		memcpy(caller->roles[i], roles[i], size);
		caller->n_roles = i + 1;
	}
	return LK_SUCCESS;
}

static void set_subject(struct lk_listed_caller *caller, const char *kind, const char *name)
{
	snprintf(caller->subject, sizeof caller->subject, "%s:%s", kind, name);
	caller->name = caller->subject + strlen(kind) + 1;
}

static struct lk_status add_key(const struct lk_realm *realm, const struct lk_listed_key_spec *spec,
	struct lk_listed *listed)
{
	struct lk_listed_caller *caller = &listed->items[listed->n_keys];

	for (size_t i = 0; i < listed->n_keys; i++)
		if (lk_digest_equal(&listed->items[i].sha256, &spec->sha256))
			return LK_BAD_FIELD("api_keys", "the same key is given twice");
	if (!lk_text_is_plain(lk_bytes_of(spec->description), 0, LK_LISTED_NAME_MAX))
		return LK_BAD_FIELD("api_keys", "a description is at most 200 bytes of UTF-8");
	listed->n_keys++;
	caller->sha256 = spec->sha256;
	set_subject(caller, "key", spec->description);
	return add_roles(realm, "api_keys", spec->roles, spec->n_roles, caller);
}

static struct lk_status add_address(const struct lk_realm *realm, const char *text,
	const struct lk_listed_spec *spec, struct lk_listed *listed)
{
	struct lk_listed_caller *caller = &listed->items[listed->n_keys + listed->n_addresses];
	char canonical[LK_NETWORK_TEXT_SIZE];

	listed->n_addresses++;
	if (lk_network_parse(lk_bytes_of(text), &caller->network).code != LK_OK)
		return LK_BAD_FIELD("ip_whitelist", "an entry is an address or a CIDR block");
	lk_network_format(&caller->network, canonical);
	set_subject(caller, "ip", canonical);
	return add_roles(
		realm, "ip_whitelist_roles", spec->address_roles, spec->n_address_roles, caller);
}

struct lk_status lk_listed_new(const struct lk_realm *realm, const struct lk_listed_spec *spec,
	struct lk_listed **listed_out)
{
	size_t n = spec->n_keys + spec->n_addresses;
	struct lk_status st = LK_SUCCESS;
	struct lk_listed *listed;

	*listed_out = NULL;
	if (n == 0)
		return LK_SUCCESS;
	if (spec->n_keys > LK_LISTED_MAX)
		return LK_BAD_FIELD("api_keys", "there are more than 256 keys");
	if (spec->n_addresses > LK_LISTED_MAX)
		return LK_BAD_FIELD("ip_whitelist", "there are more than 256 entries");
	listed = lk_alloc(sizeof *listed + n * sizeof listed->items[0]);
	if (listed == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	for (size_t i = 0; i < spec->n_keys && st.code == LK_OK; i++)
		st = add_key(realm, &spec->keys[i], listed);
	for (size_t i = 0; i < spec->n_addresses && st.code == LK_OK; i++)
		st = add_address(realm, spec->addresses[i], spec, listed);
	if (st.code == LK_OK)
		*listed_out = listed;
	else
		lk_listed_free(listed);
	return st;
}

void lk_listed_free(struct lk_listed *listed)
{
	size_t n = listed != NULL ? listed->n_keys + listed->n_addresses : 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < listed->items[i].n_roles; j++)
			lk_free(listed->items[i].roles[j]);
	lk_free(listed);
}

const struct lk_listed_caller *lk_listed_find_key(
	const struct lk_listed *listed, struct lk_bytes text)
{
	const struct lk_listed_caller *found = NULL;
	struct lk_digest digest;

	if (listed == NULL || listed->n_keys == 0 || !lk_listed_key_is_valid(text))
		return NULL;
	lk_sha256(text, &digest);
	for (size_t i = 0; i < listed->n_keys; i++)
		if (lk_digest_equal(&listed->items[i].sha256, &digest))
			found = &listed->items[i];
	return found;
}

const struct lk_listed_caller *lk_listed_find_address(
	const struct lk_listed *listed, const struct lk_address *address)
{
	const struct lk_listed_caller *caller;

	if (listed == NULL)
		return NULL;
	caller = &listed->items[listed->n_keys];
	for (size_t i = 0; i < listed->n_addresses; i++)
		if (lk_network_contains(&caller[i].network, address))
			return &caller[i];
	return NULL;
}
