/* SPDX-License-Identifier: MIT */
/* A core with people: a realm whose tokens are of the kind that a test asks for, one whose tokens
 * are signed beside it, a user with a cheap password, and a store that fails on demand. */
#pragma once

#include "server/core/rows.h"
#include "server/core/sign_in.h"
#include "server/core/sweep.h"
#include "server/store/sweeper.h"
#include "tests/support/core_fixture.h"
#include "tests/support/fault.h"

#define SECOND ((lk_time_ms)1000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define YEAR (365 * DAY)

#define EMAIL "ada@example.org"
#define PASSWORD "an engine of analysis"

struct people {
	struct fixture f; /* its call is in realm `crm` */
	struct lk_proofs *proofs;
	struct lk_guesses *guesses;
	struct lk_user_view user; /* EMAIL, in `crm` */
	bool restarts;            /* the process starts anew after each step */
};

static const struct lk_password_policy people_passwords = {
	.length_min = 8,
	.cost = { .memory_kib = 16, .passes = 1 },
	.cap = { .memory_kib = 1024 },
};

static inline struct lk_session_policy people_policy(enum lk_token_kind token)
{
	return (struct lk_session_policy) {
		.token = token,
		.session_ttl_ms = 10 * DAY,
		.access_ttl_ms = 10 * MINUTE,
		.refresh_ttl_ms = DAY,
		.replay_window_ms = 10 * SECOND,
		.per_user_max = 3,
	};
}

static inline void people_make_realms(struct people *p, const struct lk_session_policy *policy)
{
	static const char *const grants[] = { "records.read" };
	static const struct lk_role_spec role = { "reader", grants, 1 };
	const struct lk_session_policy signed_policy = people_policy(LK_TOKEN_EDDSA);
	struct lk_realm_spec specs[2] = { fixture_realms[0], fixture_realms[1] };

	for (size_t i = 0; i < LK_COUNT(specs); i++) {
		specs[i].roles = &role;
		specs[i].n_roles = 1;
		specs[i].passwords = &people_passwords;
		specs[i].sessions = i == 0 ? policy : &signed_policy;
	}
	CHECK_OK(lk_realms_new(specs, LK_COUNT(specs), NULL, &p->f.realms));
}

/* The index as the store has it. */
static inline void people_restart(struct people *p)
{
	lk_index_free(p->f.index);
	lk_proofs_free(p->proofs);
	CHECK_OK(lk_index_new(p->f.realms, &p->f.peppers, &p->f.index));
	CHECK_OK(lk_proofs_new(64, &p->proofs));
	CHECK_OK(lk_index_load(p->f.index, p->f.store));
}

static inline struct lk_status people_commit(struct people *p, struct lk_status st)
{
	st = fixture_commit(&p->f, st);
	if (p->restarts)
		people_restart(p);
	return st;
}

static inline void people_use_realm(struct people *p, const char *name)
{
	p->f.call.realm = lk_realms_find(p->f.realms, text_of(name));
}

/* A user of the call's realm. */
static inline struct lk_user_view people_add(
	struct people *p, const char *email, const char *password_hash)
{
	static const char *const roles[] = { "reader" };
	const struct lk_user_spec spec = { email, "", roles, 1, "", password_hash, false };
	struct lk_user_view user;

	CHECK_OK(people_commit(p, lk_users_create(&p->f.call, p->f.txn, &spec, &user)));
	return user;
}

static inline void people_init(struct people *p, const struct lk_session_policy *policy)
{
	char hash[LK_PASSWORD_HASH_SIZE];
	struct lk_store *inner;

	p->f = (struct fixture) { .peppers = { .items = { { 1, { 42 } } }, .n = 1 } };
	CHECK_OK(lk_crypto_init());
	CHECK_OK(lk_store_mem_open(&inner));
	p->f.store = fault_store_new(inner);
	CHECK_OK(lk_txn_new(p->f.store, &p->f.txn));
	people_make_realms(p, policy);
	p->f.index = NULL;
	p->proofs = NULL;
	people_restart(p);
	CHECK_OK(lk_usage_new(&p->f.usage));
	CHECK_OK(lk_guesses_new(&p->f.peppers, &p->guesses));
	lk_arena_init(&p->f.arena, (size_t)16 * 1024 * 1024);
	p->f.call = (struct lk_core_call) {
		.realms = p->f.realms, .peppers = &p->f.peppers, .arena = &p->f.arena, .now = NOW
	};
	people_use_realm(p, "other");
	CHECK_OK(people_commit(p, lk_keyring_ensure(&p->f.call, p->f.txn)));
	people_use_realm(p, "crm");
	CHECK_OK(people_commit(p, lk_keyring_ensure(&p->f.call, p->f.txn)));
	CHECK_OK(lk_password_hash(text_of(PASSWORD), &people_passwords.cost, hash));
	p->user = people_add(p, EMAIL, hash);
}

static inline void people_fini(struct people *p)
{
	lk_proofs_free(p->proofs);
	lk_guesses_free(p->guesses);
	fixture_fini(&p->f);
}

static inline void people_enable(struct people *p, bool enabled)
{
	struct lk_user_update update = {
		.id = p->user.id, .fields = LK_USER_FIELD_ENABLED, .enabled = enabled
	};
	struct lk_user_view user;

	CHECK_OK(people_commit(p, lk_users_update(&p->f.call, p->f.txn, &update, &user)));
}

/* The verdict's reason at the call's time. */
static inline enum lk_deny_reason people_decide(struct people *p, const char *token)
{
	const struct lk_verifier verifier = { p->f.index, &p->f.peppers, p->f.usage, p->proofs, 0,
		0 };
	const struct lk_bytes credential = text_of(token);
	const struct lk_auth_request request = {
		.realm = p->f.call.realm,
		.credentials = &credential,
		.n_credentials = 1,
		.client_address = text_of("192.0.2.7"),
		.now = p->f.call.now,
		.may_compute = true,
	};
	struct lk_verdict verdict;
	struct lk_status st;

	lk_index_enter();
	st = lk_authenticate(&verifier, &request, &verdict);
	lk_index_leave();
	CHECK_OK(st);
	return verdict.reason;
}

/* The realm's signer, or NULL. */
static inline const struct lk_signer *people_signer(struct people *p, struct lk_signer *signer_out)
{
	const struct lk_signer *signer;

	lk_index_enter();
	signer = lk_keyring_signer(lk_index_keyring(p->f.index, p->f.call.realm));
	if (signer != NULL)
		*signer_out = *signer;
	lk_index_leave();
	return signer != NULL ? signer_out : NULL;
}

static inline struct lk_status people_open(struct people *p, struct lk_grant *grant_out)
{
	const struct lk_client client = { text_of("192.0.2.1"), text_of("test") };
	struct lk_signer signer;

	*grant_out = (struct lk_grant) { .signer = people_signer(p, &signer) };
	return people_commit(
		p, lk_sessions_open(&p->f.call, p->f.txn, &p->user.record.id, &client, grant_out));
}

static inline struct lk_status people_refresh(
	struct people *p, const char *token, struct lk_grant *grant_out)
{
	struct lk_signer signer;

	*grant_out = (struct lk_grant) { .signer = people_signer(p, &signer) };
	return people_commit(p, lk_sessions_refresh(&p->f.call, p->f.txn, token, grant_out));
}

/* What a committer does after each commit. */
static inline void people_catch_up(void *arg, uint64_t seq)
{
	struct people *p = arg;

	CHECK_OK(lk_index_catch_up(p->f.index, p->f.store, seq));
}

/* lk_committer_stop it. */
static inline struct lk_committer *people_committer(struct people *p)
{
	const struct lk_committer_options options = {
		.store = p->f.store, .on_commit = people_catch_up, .arg = p
	};
	struct lk_committer *committer;

	CHECK_OK(lk_committer_start(&options, &committer));
	return committer;
}

/* Settles what is due at the call's time, at most n entries (0: all). */
static inline struct lk_sweep_counts people_sweep(struct people *p, size_t n)
{
	struct lk_committer *committer = people_committer(p);
	const struct lk_sweeper sweeper = { p->f.store, committer, lk_core_sweep, NULL, n };
	struct lk_sweep_counts counts;

	CHECK_OK(lk_sweeper_run(&sweeper, p->f.call.now, &counts));
	lk_committer_stop(committer);
	if (p->restarts)
		people_restart(p);
	return counts;
}

static inline bool people_count_row(
	void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	(void)key, (void)value, (void)seq;
	++*(size_t *)arg;
	return true;
}

/* Rows under a prefix; "" counts all. */
static inline size_t people_rows(struct people *p, const char *prefix)
{
	size_t n = 0;

	CHECK_OK(lk_store_scan(
		p->f.store, text_of(prefix), text_of(""), SIZE_MAX, people_count_row, &n));
	return n;
}
