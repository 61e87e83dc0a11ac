/* SPDX-License-Identifier: MIT */
#include "server/core/realm.h"

#include <string.h>

#include "proto/wire/arena.h"

struct lk_realms {
	struct lk_realms *previous;
	size_t n;
	struct lk_realm *items[LK_REALMS_MAX]; /* by index */
};

/* The scopes that the schema names, and those that services grant each other. */
static const char *const service_scopes[] = {
	"auth.verify",
	"keys.read",
	"keys.manage",
	"client.assert",
	"auth.sign_in",
	"users.read",
	"users.manage",
	"keyring.manage",
};

static const struct lk_realm_spec builtin = {
	.name = LK_REALM_BUILTIN,
	.key_prefix = LK_REALM_BUILTIN "_",
	.permissions = service_scopes,
	.n_permissions = LK_COUNT(service_scopes),
};

static bool is_realm_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= LK_REALM_NAME_MAX && name[n] == '\0';
}

static bool is_key_prefix(const char *prefix)
{
	size_t n = strspn(prefix, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 1 && n <= LK_KEY_PREFIX_MAX && prefix[n] == '\0' && prefix[n - 1] == '_';
}

static struct lk_status check_texts(const struct lk_realm_spec *spec)
{
	if (!is_realm_name(spec->name))
		return LK_BAD_FIELD(
			"name", "a realm's name is 1 to 64 lower-case letters, digits, _ and -");
	if (!is_key_prefix(spec->key_prefix))
		return LK_BAD_FIELD("key_prefix",
			"a key prefix is 2 to 32 lower-case letters, digits and _, and ends in _");
	return LK_SUCCESS;
}

static struct lk_status add_permissions(
	struct lk_catalog *catalog, const struct lk_realm_spec *spec)
{
	for (size_t i = 0; i < spec->n_permissions; i++)
		LK_TRY(lk_catalog_add(catalog, lk_bytes_of(spec->permissions[i])));
	return LK_SUCCESS;
}

struct lk_status lk_realm_spec_check(const struct lk_realm_spec *spec)
{
	struct lk_catalog *catalog;
	struct lk_status st;

	LK_TRY(check_texts(spec));
	if (strcmp(spec->name, LK_REALM_BUILTIN) == 0)
		return LK_BAD_FIELD("name", "the realm latchkey is built in");
	if (spec->n_permissions > LK_PERMISSIONS_MAX)
		return LK_BAD_FIELD("permissions", "a realm has at most 256 permissions");
	catalog = lk_alloc(sizeof *catalog);
	if (catalog == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	st = add_permissions(catalog, spec);
	lk_free(catalog);
	return st;
}

static struct lk_realm *find(const struct lk_realms *realms, struct lk_bytes name)
{
	for (size_t i = 0; i < realms->n; i++) {
		struct lk_realm *realm = realms->items[i];

		if (strlen(realm->name) == name.n &&
			strncmp(realm->name, (const char *)name.data, name.n) == 0)
			return realm;
	}
	return NULL;
}

/* A closed realm at the next index. */
static struct lk_realm *append(struct lk_realms *realms)
{
	struct lk_realm *realm;

	if (realms->n == LK_REALMS_MAX)
		return NULL;
	realm = lk_alloc(sizeof *realm);
	if (realm == NULL)
		return NULL;
	realm->index = (unsigned)realms->n;
	realms->items[realms->n++] = realm;
	return realm;
}

static struct lk_status open_realm(struct lk_realms *realms, const struct lk_realm_spec *spec)
{
	struct lk_realm *realm = find(realms, lk_bytes_of(spec->name));

	if (realm == NULL) {
		realm = append(realms);
		if (realm == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED,
				"short of memory, or more than 256 realms since the start");
		memcpy(realm->name, spec->name, strlen(spec->name) + 1);
	}
	if (realm->is_open)
		return LK_BAD_FIELD("name", "a realm occurs twice");
	realm->is_open = true;
	memcpy(realm->key_prefix, spec->key_prefix, strlen(spec->key_prefix) + 1);
	realm->keys_per_owner_max = spec->keys_per_owner_max != 0 ? spec->keys_per_owner_max
								  : LK_KEYS_PER_OWNER_DEFAULT;
	return add_permissions(&realm->catalog, spec);
}

/* All realms of the set before: closed, but with their indexes and bits. */
static struct lk_status inherit(struct lk_realms *realms, const struct lk_realms *previous)
{
	for (size_t i = 0; i < previous->n; i++) {
		struct lk_realm *realm = append(realms);

		if (realm == NULL)
			return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
		*realm = *previous->items[i];
		realm->is_open = false;
		realm->catalog.offered = (struct lk_permset) { 0 };
	}
	return LK_SUCCESS;
}

struct lk_status lk_realms_new(const struct lk_realm_spec *specs, size_t n,
	struct lk_realms *previous, struct lk_realms **realms_out)
{
	struct lk_realms *realms = lk_alloc(sizeof *realms);
	struct lk_status st = LK_SUCCESS;

	if (realms == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	if (previous != NULL)
		st = inherit(realms, previous);
	if (st.code == LK_OK)
		st = open_realm(realms, &builtin);
	for (size_t i = 0; i < n && st.code == LK_OK; i++) {
		st = lk_realm_spec_check(&specs[i]);
		if (st.code == LK_OK)
			st = open_realm(realms, &specs[i]);
	}
	if (st.code == LK_OK) {
		realms->previous = previous;
		*realms_out = realms;
		realms = NULL;
	}
	lk_realms_free(realms);
	return st;
}

void lk_realms_free(struct lk_realms *realms)
{
	while (realms != NULL) {
		struct lk_realms *previous = realms->previous;

		for (size_t i = 0; i < realms->n; i++)
			lk_free(realms->items[i]);
		lk_free(realms);
		realms = previous;
	}
}

const struct lk_realm *lk_realms_find(const struct lk_realms *realms, struct lk_bytes name)
{
	const struct lk_realm *realm = find(realms, name);

	return realm != NULL && realm->is_open ? realm : NULL;
}

const struct lk_realm *lk_realms_at(const struct lk_realms *realms, unsigned index)
{
	return index < realms->n ? realms->items[index] : NULL;
}

bool lk_realms_grant(
	const struct lk_realms *realms, struct lk_bytes name, uint64_t bits[LK_REALMS_MAX / 64])
{
	const struct lk_realm *realm;

	if (name.n == 1 && name.data[0] == '*') {
		memset(bits, 0xff, LK_REALMS_MAX / 8);
		bits[0] &= ~(uint64_t)1;
		return true;
	}
	realm = lk_realms_find(realms, name);
	if (realm == NULL)
		return false;
	bits[realm->index / 64] |= (uint64_t)1 << realm->index % 64;
	return true;
}
