/* SPDX-License-Identifier: MIT */
/* The keys a load verifies: made through CreateKey, held in memory only. */
#pragma once

#include "bench/target.h"

struct lk_bench_key {
	char id[32];
	char secret[640]; /* of a key, or a token of a session */
};

struct lk_bench_keys {
	struct lk_bench_key *items; /* the first n verify, the n_miss after them do not */
	size_t n;
	size_t n_miss;
};

/* Creates n keys, and n_miss that were replaced at once: well-formed secrets that are unknown
 * for good. Shows progress on standard error when it is a terminal.
 * Any error of CreateKey and RotateKey; LK_RESOURCE_EXHAUSTED when memory is short. */
LK_MUST_USE struct lk_status lk_bench_keys_create(struct lk_bench_keys *keys,
	struct lk_channel *channel, const char *realm, size_t n, size_t n_miss);

/* Signs in n times, for as many sessions: the realm is one with cheap passwords. Codes of
 * CreateUser and SignIn. */
LK_MUST_USE struct lk_status lk_bench_sessions_create(
	struct lk_bench_keys *keys, struct lk_channel *channel, const char *realm, size_t n);

/* The user whom the nth session is of; their password. */
void lk_bench_email(size_t n, char email_out[48]);
extern const char lk_bench_password[];

/* Creates users for n sessions. */
LK_MUST_USE struct lk_status lk_bench_users_create(
	struct lk_channel *channel, const char *realm, size_t n);

/* Revokes the keys from index `begin` up to `end`. Codes of RevokeKey. */
LK_MUST_USE struct lk_status lk_bench_keys_revoke(struct lk_bench_keys *keys,
	struct lk_channel *channel, const char *realm, size_t begin, size_t end);

/* Wipes and frees. */
void lk_bench_keys_fini(struct lk_bench_keys *keys);
