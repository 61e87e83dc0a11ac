/* SPDX-License-Identifier: MIT */
/* The core's fixture with people: the realm `crm`, whose access tokens are opaque, and `app`, which
 * signs them. The store fails on demand (fault.h). */
#pragma once

#include "server/core/sessions.h"
#include "tests/support/core_fixture.h"
#include "tests/support/fault.h"

static const char *const people_permissions[] = { "records.read", "records.write", "records.delete",
	"clients.read" };
static const char *const reader_grants[] = { "records.read" };
static const char *const writer_grants[] = { "records.read", "records.write" };
static const char *const admin_grants[] = { "*" };
static const struct lk_role_spec people_roles[] = {
	{ "reader", reader_grants, LK_COUNT(reader_grants) },
	{ "writer", writer_grants, LK_COUNT(writer_grants) },
	{ "admin", admin_grants, LK_COUNT(admin_grants) },
};
static const struct lk_session_policy signed_sessions = {
	.token = LK_TOKEN_HS256,
	.session_ttl_ms = (lk_time_ms)30 * 24 * 3600 * 1000,
	.access_ttl_ms = (lk_time_ms)30 * 60 * 1000,
	.refresh_ttl_ms = (lk_time_ms)24 * 3600 * 1000,
	.replay_window_ms = 10000,
	.per_user_max = 5,
};
static const struct lk_realm_spec people_realms[] = {
	{ .name = "crm",
		.key_prefix = "crm_live_",
		.permissions = people_permissions,
		.n_permissions = LK_COUNT(people_permissions),
		.roles = people_roles,
		.n_roles = LK_COUNT(people_roles) },
	{ .name = "app",
		.key_prefix = "app_live_",
		.permissions = people_permissions,
		.n_permissions = LK_COUNT(people_permissions),
		.roles = people_roles,
		.n_roles = LK_COUNT(people_roles),
		.sessions = &signed_sessions },
};

static inline void people_init(struct fixture *f)
{
	struct lk_store *inner;
	struct lk_store *store;

	CHECK_OK(lk_store_mem_open(&inner));
	store = fault_store_new(inner);
	CHECK(store != NULL);
	fixture_init_with(f, store, people_realms, LK_COUNT(people_realms));
	CHECK_OK(lk_proofs_new(64, &f->proofs));
}

static inline void people_enter(struct fixture *f, const char *realm)
{
	f->call.realm = lk_realms_find(f->realms, text_of(realm));
	CHECK(f->call.realm != NULL);
}

/* A user with one role, or none (""). */
static inline struct lk_user_spec people_spec(const char *email, const char *const *role)
{
	return (struct lk_user_spec) { .email = email,
		.name = "",
		.roles = role,
		.n_roles = (*role)[0] != '\0' ? 1 : 0,
		.organization_id = "",
		.password_hash = "" };
}

static inline struct lk_user_view people_create(
	struct fixture *f, const char *email, const char *role, const char *organization_id)
{
	struct lk_user_spec spec = people_spec(email, &role);
	struct lk_user_view view;

	spec.organization_id = organization_id;
	CHECK_OK(fixture_commit(f, lk_users_create(&f->call, f->txn, &spec, &view)));
	return view;
}

static inline struct lk_status people_update(struct fixture *f, const struct lk_user_update *update)
{
	struct lk_user_view view;

	return fixture_commit(f, lk_users_update(&f->call, f->txn, update, &view));
}

static inline void people_set_enabled(struct fixture *f, const char *user_id, bool enabled)
{
	CHECK_OK(people_update(
		f, &(struct lk_user_update) {
			   .id = user_id, .fields = LK_USER_FIELD_ENABLED, .enabled = enabled }));
}

static inline void people_set_role(struct fixture *f, const char *user_id, const char *role)
{
	CHECK_OK(people_update(
		f, &(struct lk_user_update) { .id = user_id,
			   .fields = LK_USER_FIELD_ROLES,
			   .spec = { .roles = &role, .n_roles = role[0] != '\0' ? 1 : 0 } }));
}

static inline void people_set_organization(
	struct fixture *f, const char *id, const char *plan, bool enabled)
{
	struct lk_organization_change change = { id,
		LK_ORGANIZATION_FIELD_PLAN | LK_ORGANIZATION_FIELD_ENABLED, plan, enabled };
	struct lk_organization_record record;

	CHECK_OK(fixture_commit(f, lk_organizations_set(&f->call, f->txn, &change, &record)));
}

/* A session of a user; its access token is grant_out->tokens.access. */
static inline struct lk_status people_open(
	struct fixture *f, const struct lk_key_id *user_id, struct lk_grant *grant_out)
{
	static const struct lk_client nowhere;

	*grant_out = (struct lk_grant) { .signer = lk_keyring_signer(
						 lk_index_keyring(f->index, f->call.realm)) };
	return fixture_commit(f, lk_sessions_open(&f->call, f->txn, user_id, &nowhere, grant_out));
}

static inline struct lk_status people_create_key(struct fixture *f, const char *user_id,
	const char *scope, struct lk_key_view *view_out, struct lk_key_text *secret_out)
{
	struct lk_key_spec spec = { .name = "k",
		.user_id = user_id,
		.organization_id = "",
		.scopes = &scope,
		.n_scopes = scope[0] != '\0' ? 1 : 0 };

	return fixture_create(f, &spec, view_out, secret_out);
}

/* --- all or nothing --- */

static inline bool mix_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	uint64_t *hash = arg;

	(void)seq;
	for (size_t i = 0; i < key.n; i++)
		*hash = (*hash ^ key.data[i]) * UINT64_C(1099511628211);
	for (size_t i = 0; i < value.n; i++)
		*hash = (*hash ^ value.data[i]) * UINT64_C(1099511628211);
	return true;
}

/* What the whole store holds, as one number. */
static inline uint64_t people_snapshot(struct fixture *f)
{
	static const struct lk_bytes all;
	uint64_t hash = UINT64_C(14695981039346656037);

	CHECK_OK(lk_store_scan(f->store, all, all, SIZE_MAX, mix_row, &hash));
	return hash;
}

/* A change in the transaction; the round is another each time it is to succeed. */
typedef struct lk_status (*people_change_fn)(struct fixture *f, unsigned round);

static inline struct lk_status try_change(
	struct fixture *f, people_change_fn change, unsigned round)
{
	struct lk_status st = change(f, round);
	uint64_t seq;

	if (st.code == LK_OK)
		st = lk_txn_commit(f->txn, &seq);
	lk_txn_reset(f->txn);
	return st;
}

/* Lets every allocation, then every call of the store fail in turn: after each the store is as it
 * was, until the change succeeds. */
static inline void check_all_or_nothing(struct fixture *f, people_change_fn change)
{
	for (unsigned round = 0; round < 2; round++) {
		uint64_t before = people_snapshot(f);
		struct lk_status st = { .code = LK_UNKNOWN };
		unsigned long nth;

		for (nth = 1; st.code != LK_OK; nth++) {
			lk_arena_fini(&f->arena);
			if (round == 0)
				lk_alloc_fail_nth(nth);
			else
				fault_store_fail_nth(f->store, nth);
			st = try_change(f, change, round);
			lk_alloc_fail_nth(0);
			fault_store_fail_nth(f->store, 0);
			if (st.code != LK_OK) {
				CHECK_CODE(st, round == 0 ? LK_RESOURCE_EXHAUSTED : LK_UNAVAILABLE);
				CHECK_EQ(people_snapshot(f), before);
			}
		}
		CHECK(nth > 2);
		CHECK(people_snapshot(f) != before);
	}
}
