/* SPDX-License-Identifier: MIT */
/* A small server's worth of core: a store in memory, two realms, one pepper, an index. */
#pragma once

#include "server/core/decision.h"
#include "server/core/key_text.h"
#include "server/core/keys.h"
#include "server/store/store_mem.h"
#include "tests/support/check.h"

#define NOW ((lk_time_ms)1767225600000) /* 2026-01-01T00:00:00Z */

struct fixture {
	struct lk_store *store;
	struct lk_txn *txn;
	struct lk_realms *realms;
	struct lk_peppers peppers;
	struct lk_index *index;
	struct lk_usage *usage;
	struct lk_proofs *proofs; /* NULL: no tokens are signed */
	struct lk_arena arena;
	struct lk_core_call call; /* in realm `crm` at NOW */
};

static const char *const crm_permissions[] = { "records.read", "records.write", "records.delete",
	"clients.read", "a.b.c" };
static const char *const other_permissions[] = { "records.read" };
static const struct lk_realm_spec fixture_realms[] = {
	{ .name = "crm",
		.key_prefix = "crm_live_",
		.permissions = crm_permissions,
		.n_permissions = LK_COUNT(crm_permissions),
		.keys_per_owner_max = 5 },
	{ .name = "other",
		.key_prefix = "crm_live_",
		.permissions = other_permissions,
		.n_permissions = LK_COUNT(other_permissions) },
};

static inline struct lk_bytes text_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

/* Takes over the store. */
static inline void fixture_init_with(
	struct fixture *f, struct lk_store *store, const struct lk_realm_spec *realms, size_t n)
{
	*f = (struct fixture) { .store = store, .peppers = { .items = { { 1, { 42 } } }, .n = 1 } };
	CHECK_OK(lk_crypto_init());
	CHECK_OK(lk_txn_new(f->store, &f->txn));
	CHECK_OK(lk_realms_new(realms, n, NULL, &f->realms));
	CHECK_OK(lk_index_new(f->realms, &f->peppers, &f->index));
	CHECK_OK(lk_usage_new(&f->usage));
	lk_arena_init(&f->arena, (size_t)16 * 1024 * 1024);
	f->call = (struct lk_core_call) { f->realms, lk_realms_find(f->realms, text_of("crm")),
		&f->peppers, &f->arena, NOW, NULL, NULL };
}

static inline void fixture_init(struct fixture *f)
{
	struct lk_store *store;

	CHECK_OK(lk_store_mem_open(&store));
	fixture_init_with(f, store, fixture_realms, LK_COUNT(fixture_realms));
}

static inline void fixture_fini(struct fixture *f)
{
	lk_txn_free(f->txn);
	lk_index_free(f->index);
	lk_usage_free(f->usage);
	lk_proofs_free(f->proofs);
	lk_realms_free(f->realms);
	lk_arena_fini(&f->arena);
	lk_store_close(f->store);
}

/* Commits the transaction if all went well, brings the index up to date, and starts anew. */
static inline struct lk_status fixture_commit(struct fixture *f, struct lk_status st)
{
	uint64_t seq;

	if (st.code == LK_OK)
		st = lk_txn_commit(f->txn, &seq);
	if (st.code == LK_OK)
		st = lk_index_catch_up(f->index, f->store, seq);
	lk_txn_reset(f->txn);
	return st;
}

/* A valid spec; tests change what they are about. */
static inline struct lk_key_spec fixture_spec(void)
{
	static const char *const scopes[] = { "records.*", "clients.read" };

	return (struct lk_key_spec) { .name = "ci",
		.user_id = "u_1",
		.organization_id = "",
		.scopes = scopes,
		.n_scopes = LK_COUNT(scopes) };
}

static inline struct lk_status fixture_create(struct fixture *f, const struct lk_key_spec *spec,
	struct lk_key_view *view_out, struct lk_key_text *secret_out)
{
	return fixture_commit(f, lk_keys_create(&f->call, f->txn, spec, view_out, secret_out));
}

/* The verdict's reason for one credential at the call's time; the rest of the request is as
 * given. */
static inline enum lk_deny_reason fixture_verify(
	struct fixture *f, const char *secret, struct lk_auth_request request)
{
	struct lk_verifier verifier = {
		.index = f->index, .peppers = &f->peppers, .usage = f->usage, .proofs = f->proofs
	};
	struct lk_bytes credential = text_of(secret);
	struct lk_verdict verdict;
	struct lk_status st;

	request.realm = request.realm != NULL ? request.realm : f->call.realm;
	request.credentials = &credential;
	request.n_credentials = 1;
	request.now = request.now != 0 ? request.now : f->call.now;
	lk_index_enter();
	st = lk_authenticate(&verifier, &request, &verdict);
	lk_index_leave();
	CHECK_OK(st);
	return verdict.reason;
}
