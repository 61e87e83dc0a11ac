/* SPDX-License-Identifier: MIT */
/* Guessing: failed sign-ins are counted and limited.
 *
 * Three counters, whether or not the account exists: 20 in 15 minutes for a network (an IPv4
 * address, or an IPv6 /64), 10 in 15 minutes for an account and a network, 100 in a day for an
 * account. When the last is full, a network from which the account signed in before still uses the
 * second, so that nobody locks an owner out. An attempt counts before the
 * password is looked at and is taken back when that was right, so that parallel guesses do not slip
 * through. Without an address only the account counts.
 *
 * The counters outlive the process (counters.h). Thread-safe.
 */
#pragma once

#include "server/core/call.h"
#include "server/core/counters.h"

#define LK_GUESSES_NETWORK_MAX 20
#define LK_GUESSES_ACCOUNT_NETWORK_MAX 10
#define LK_GUESSES_ACCOUNT_MAX 100

struct lk_guesses;

/* The peppers outlive it: counters are kept under digests. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_guesses_new(
	const struct lk_peppers *peppers, struct lk_guesses **guesses_out);
void lk_guesses_free(struct lk_guesses *guesses);

struct lk_guess {
	struct lk_bytes realm;
	struct lk_bytes account;          /* the canonical email */
	const struct lk_address *address; /* NULL: unknown */
	bool is_known_network;            /* the account signed in from there in the last 30 days */
	lk_time_ms now;
	unsigned counted; /* by lk_guess_begin: a bit for each counter that it moved */
};

/* The network that an address counts for. */
struct lk_network lk_guess_network(const struct lk_address *address);

/* Counts an attempt.
 *
 * LK_RESOURCE_EXHAUSTED  reason TOO_MANY_ATTEMPTS, with a delay: nothing was counted, and the
 *                        password must not be looked at
 */
LK_MUST_USE struct lk_status lk_guess_begin(struct lk_guesses *guesses, struct lk_guess *guess);

/* The password was right, or nobody looked at it: takes back what it counted. */
void lk_guess_take_back(struct lk_guesses *guesses, const struct lk_guess *guess);

/* Forgets what is counted against an account, alone and with each network, and against an address;
 * empty or NULL: leaves it. */
void lk_guesses_reset(struct lk_guesses *guesses, struct lk_bytes realm, struct lk_bytes account,
	const struct lk_address *address);

/* What it counts with, to be loaded and flushed. */
struct lk_counters *lk_guesses_counters(struct lk_guesses *guesses);
