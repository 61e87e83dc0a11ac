/* SPDX-License-Identifier: MIT */
#include "server/core/realm.h"

#include <stdio.h>
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

const struct lk_session_policy lk_session_policy_default = {
	.token = LK_TOKEN_OPAQUE,
	.session_ttl_ms = (lk_time_ms)30 * 24 * 3600 * 1000,
	.access_ttl_ms = (lk_time_ms)30 * 60 * 1000,
	.refresh_ttl_ms = (lk_time_ms)24 * 3600 * 1000,
	.replay_window_ms = 10000,
	.per_user_max = 100,
};

/* The length is NIST's for a password alone (SP 800-63B-4), the cost OWASP's floor. */
const struct lk_password_policy lk_password_policy_default = {
	.length_min = 15,
	.cost = { .memory_kib = 19456, .passes = 2 },
	.cap = { .memory_kib = 65536 },
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

/* Stands in a JSON text as it is. */
static bool is_token_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > LK_TOKEN_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return false;
	return true;
}

static struct lk_status check_sessions(const struct lk_session_policy *policy)
{
	if (policy->issuer != NULL && !is_token_name(policy->issuer))
		return LK_BAD_FIELD("sessions", "an issuer is printable ASCII without spaces");
	if (policy->audience != NULL && !is_token_name(policy->audience))
		return LK_BAD_FIELD("sessions", "an audience is printable ASCII without spaces");
	if (policy->session_ttl_ms <= 0 || policy->per_user_max == 0 ||
		policy->replay_window_ms < 0)
		return LK_BAD_FIELD("sessions", "a session must last");
	if (policy->token != LK_TOKEN_OPAQUE &&
		(policy->access_ttl_ms < 1000 || policy->refresh_ttl_ms < policy->access_ttl_ms))
		return LK_BAD_FIELD("sessions",
			"an access token lasts at least a second and no longer than a refresh "
			"token");
	return LK_SUCCESS;
}

/* Below these, libsodium has no Argon2id; above, one sign-in would take seconds. */
static struct lk_status check_passwords(const struct lk_password_policy *policy)
{
	if (policy->length_min < 1 || policy->length_min > LK_PASSWORD_MAX)
		return LK_BAD_FIELD("passwords", "a password has 1 to 1024 bytes");
	if (policy->cost.memory_kib < 8 || policy->cost.memory_kib > 1024 * 1024 ||
		policy->cost.passes < 1 || policy->cost.passes > 10)
		return LK_BAD_FIELD(
			"passwords", "Argon2id takes 8 KiB to 1 GiB of memory and 1 to 10 passes");
	if (policy->cap.memory_kib < policy->cost.memory_kib)
		return LK_BAD_FIELD("passwords", "the cap is below the cost of a new hash");
	return LK_SUCCESS;
}

static struct lk_status check_policies(const struct lk_realm_spec *spec)
{
	if (spec->sessions != NULL)
		LK_TRY(check_sessions(spec->sessions));
	if (spec->passwords != NULL)
		LK_TRY(check_passwords(spec->passwords));
	return LK_SUCCESS;
}

static struct lk_status check_texts(const struct lk_realm_spec *spec)
{
	if (!is_realm_name(spec->name))
		return LK_BAD_FIELD(
			"name", "a realm's name is 1 to 64 lower-case letters, digits, _ and -");
	if (!is_key_prefix(spec->key_prefix))
		return LK_BAD_FIELD("key_prefix",
			"a key prefix is 2 to 32 lower-case letters, digits and _, and ends in _");
	if (strcmp(spec->key_prefix, LK_SESSION_TOKEN_PREFIX) == 0 ||
		strcmp(spec->key_prefix, LK_REFRESH_TOKEN_PREFIX) == 0)
		return LK_BAD_FIELD("key_prefix", "the prefix is that of session tokens");
	return LK_SUCCESS;
}

static struct lk_status add_permissions(
	struct lk_catalog *catalog, const struct lk_realm_spec *spec)
{
	for (size_t i = 0; i < spec->n_permissions; i++)
		LK_TRY(lk_catalog_add(catalog, lk_bytes_of(spec->permissions[i])));
	return LK_SUCCESS;
}

static struct lk_status add_role(struct lk_realm *realm, const struct lk_role_spec *spec)
{
	struct lk_role *role = &realm->roles[realm->n_roles];
	struct lk_bytes name = lk_bytes_of(spec->name);

	if (!lk_permission_is_valid(name) || spec->n_grants > LK_ROLE_GRANTS_MAX)
		return LK_BAD_FIELD("roles", "a role's name is words joined by dots");
	if (lk_realm_find_role(realm, name) != NULL)
		return LK_BAD_FIELD("roles", "a role occurs twice");
	*role = (struct lk_role) { .permissions = { { 0 } } };
	for (size_t i = 0; i < spec->n_grants; i++)
		if (!lk_catalog_grant(
			    &realm->catalog, lk_bytes_of(spec->grants[i]), &role->permissions))
			return LK_BAD_FIELD(
				"roles", "a role grants a permission that the realm does not have");
	memcpy(role->name, spec->name, name.n + 1);
	realm->n_roles++;
	return LK_SUCCESS;
}

static struct lk_status add_subject_permission(
	const struct lk_realm *realm, const char *name, struct lk_permset *set_out)
{
	int bit;

	*set_out = (struct lk_permset) { { 0 } };
	if (name == NULL)
		return LK_SUCCESS;
	bit = lk_catalog_find(&realm->catalog, lk_bytes_of(name));
	if (bit < 0)
		return LK_BAD_FIELD("subject", "the realm has no such permission");
	lk_permset_add(set_out, (unsigned)bit);
	return LK_SUCCESS;
}

/* Everything that names permissions, in the order in which each part rests on the one before. */
static struct lk_status compile(struct lk_realm *realm, const struct lk_realm_spec *spec)
{
	LK_TRY(add_permissions(&realm->catalog, spec));
	if (spec->n_roles > LK_ROLES_MAX)
		return LK_BAD_FIELD("roles", "a realm has at most 64 roles");
	realm->n_roles = 0;
	for (size_t i = 0; i < spec->n_roles; i++)
		LK_TRY(add_role(realm, &spec->roles[i]));
	LK_TRY(add_subject_permission(realm, spec->subject.keys_read, &realm->subject_keys_read));
	LK_TRY(add_subject_permission(
		realm, spec->subject.keys_manage, &realm->subject_keys_manage));
	if (!lk_words_set(&realm->key_plans, spec->key_plans, spec->n_key_plans))
		return LK_BAD_FIELD("key_plans", "a realm has at most 16 plans of 1 to 64 bytes");
	LK_TRY(lk_routes_new(&realm->catalog, spec->routes, spec->n_routes, &realm->routes));
	LK_TRY(lk_listed_new(realm, &spec->listed, &realm->listed));
	if (spec->import_secret.n > LK_SECRET_MAX)
		return LK_BAD_FIELD("imported_keys", "a secret has at most 512 bytes");
	if (spec->import_secret.n > 0)
		memcpy(realm->import_secret, spec->import_secret.data, spec->import_secret.n);
	realm->import_secret_n = spec->import_secret.n;
	realm->takes_imports = spec->takes_imports;
	LK_TRY(lk_issuers_new(spec->issuers, spec->n_issuers, &realm->issuers));
	return lk_limits_new(spec->limits, spec->n_limits, &realm->limits);
}

static void free_realm(struct lk_realm *realm)
{
	lk_routes_free(realm->routes);
	lk_listed_free(realm->listed);
	lk_issuers_free(realm->issuers);
	lk_limits_free(realm->limits);
	lk_wipe(realm->import_secret, sizeof realm->import_secret);
	lk_free(realm);
}

/* The texts become the realm's own. */
static void set_policies(struct lk_realm *realm, const struct lk_realm_spec *spec)
{
	const struct lk_session_policy *sessions =
		spec->sessions != NULL ? spec->sessions : &lk_session_policy_default;

	realm->sessions = *sessions;
	realm->passwords = spec->passwords != NULL ? *spec->passwords : lk_password_policy_default;
	if (sessions->issuer != NULL)
		snprintf(realm->issuer, sizeof realm->issuer, "%s", sessions->issuer);
	else
		snprintf(realm->issuer, sizeof realm->issuer, "latchkey/%s", realm->name);
	snprintf(realm->audience, sizeof realm->audience, "%s",
		sessions->audience != NULL ? sessions->audience : realm->name);
	realm->sessions.issuer = realm->issuer;
	realm->sessions.audience = realm->audience;
}

struct lk_status lk_realm_spec_check(const struct lk_realm_spec *spec)
{
	struct lk_realm *realm;
	struct lk_status st;

	LK_TRY(check_texts(spec));
	if (strcmp(spec->name, LK_REALM_BUILTIN) == 0)
		return LK_BAD_FIELD("name", "the realm latchkey is built in");
	if (spec->n_permissions > LK_PERMISSIONS_MAX)
		return LK_BAD_FIELD("permissions", "a realm has at most 256 permissions");
	LK_TRY(check_policies(spec));
	realm = lk_alloc(sizeof *realm);
	if (realm == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	st = compile(realm, spec);
	free_realm(realm);
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
	set_policies(realm, spec);
	return compile(realm, spec);
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
		realm->routes = NULL;
		realm->listed = NULL;
		realm->issuers = NULL;
		realm->limits = NULL;
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
			free_realm(realms->items[i]);
		lk_free(realms);
		realms = previous;
	}
}

const struct lk_realm *lk_realms_find(const struct lk_realms *realms, struct lk_bytes name)
{
	const struct lk_realm *realm = find(realms, name);

	return realm != NULL && realm->is_open ? realm : NULL;
}

const struct lk_role *lk_realm_find_role(const struct lk_realm *realm, struct lk_bytes name)
{
	for (size_t i = 0; i < realm->n_roles; i++)
		if (strlen(realm->roles[i].name) == name.n &&
			strncmp(realm->roles[i].name, (const char *)name.data, name.n) == 0)
			return &realm->roles[i];
	return NULL;
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
