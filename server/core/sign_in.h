/* SPDX-License-Identifier: MIT */
/* Signing in with email and password, in three steps: look up and count (the store), judge the
 * password (slow), and open a session (a transaction).
 *
 * An account that does not exist, has no password or is disabled takes the same way at the same
 * cost and gets the same answer as a wrong password.
 */
#pragma once

#include "server/core/guesses.h"
#include "server/core/sessions.h"

struct lk_sign_in {
	struct lk_bytes email; /* canonical, in the arena */
	struct lk_address address;
	bool has_address;
	struct lk_client client;
	struct lk_guess guess;
	bool exists; /* and may sign in */
	struct lk_user_record user;
	struct lk_sign_ins_record sign_ins;
	const char *new_hash; /* of a password whose hash is not current; NULL: it is */
};

/* What a person presents, and from where. */
struct lk_sign_in_attempt {
	const char *email;
	const char *password;
	struct lk_client client;
};

/* Looks the account up. The step must not move afterwards.
 *
 * LK_INVALID_ARGUMENT    field `email` or `password` (empty, or longer than LK_PASSWORD_MAX)
 * LK_UNAVAILABLE, LK_RESOURCE_EXHAUSTED
 */
LK_MUST_USE struct lk_status lk_sign_in_find(const struct lk_core_call *call,
	struct lk_store *store, const struct lk_sign_in_attempt *attempt,
	struct lk_sign_in *sign_in_out);

/* The same for a user whose id is known already; the attempt's email is not looked at. */
LK_MUST_USE struct lk_status lk_sign_in_find_user(const struct lk_core_call *call,
	struct lk_store *store, const struct lk_key_id *user_id,
	const struct lk_sign_in_attempt *attempt, struct lk_sign_in *sign_in_out);

/* Counts the attempt and judges the password.
 *
 * LK_UNAUTHENTICATED     reason WRONG_CREDENTIALS
 * LK_RESOURCE_EXHAUSTED  reason TOO_MANY_ATTEMPTS with a delay; or short of memory, and the attempt
 *                        was taken back
 */
LK_MUST_USE struct lk_status lk_sign_in_judge(const struct lk_core_call *call,
	struct lk_guesses *guesses, const char *password, struct lk_sign_in *sign_in);

/* Opens the session, notes the network, and writes the new hash where there is one.
 *
 * LK_UNAUTHENTICATED  reason WRONG_CREDENTIALS: the user was disabled, or got another password,
 *                     since it was judged
 * Otherwise as lk_sessions_open.
 */
LK_MUST_USE struct lk_status lk_sign_in_open(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_sign_in *sign_in, struct lk_grant *grant, struct lk_user_view *user_out);
