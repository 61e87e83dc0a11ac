/* SPDX-License-Identifier: MIT */
/* Sessions: opened by a sign-in, kept alive by refresh tokens, ended for good.
 *
 * A session token, or the session behind an access JWT, is in the verification index like an API
 * key, so ending a session is felt by the next verification. Refresh tokens are opaque, single use,
 * and one family with their session (RFC 9700, section 4.14.2): using a spent one ends the session,
 * but for the replay window of the realm, in which a lost answer is given again.
 *
 * Changes run in a transaction of the committer and may run more than once.
 */
#pragma once

#include "server/core/access_token.h"
#include "server/core/entry.h"
#include "server/core/users.h"

#define LK_SESSION_USER_AGENT_MAX 256
#define LK_SESSIONS_PER_USER_DEFAULT 100
#define LK_SESSIONS_PAGE_DEFAULT 50
#define LK_SESSIONS_PAGE_MAX 100

/* What a sign-in and a refresh give. Secrets: wipe it. */
struct lk_tokens {
	char access[LK_ACCESS_TOKEN_SIZE];
	lk_time_ms access_expires_ms;
	struct lk_key_text refresh; /* "": the realm has none */
	lk_time_ms refresh_expires_ms;
};

struct lk_session_view {
	struct lk_session_record record;
	char id[LK_ID_TEXT_SIZE];
	char user_id[LK_ID_TEXT_SIZE];
	lk_time_ms last_seen_ms; /* 0: not yet */
	struct lk_bytes last_client_address;
	bool is_current; /* the subject's own */
};

/* What opening and refreshing take and give. */
struct lk_grant {
	const struct lk_signer *signer; /* in: the realm's; NULL where access tokens are opaque */
	struct lk_session_view session;
	struct lk_user_view user; /* without the last sign-in */
	struct lk_tokens tokens;
	bool is_reused; /* by a refresh token that was spent: the session has ended */
};

/* Sessions that ended. */
struct lk_ended {
	const struct lk_key_id *ids; /* in the arena */
	size_t n;
};

/* From where a person signs in or refreshes; unknown is empty. What is not an address is taken as
 * unknown; user agents are cut at a character, and control characters in them become `?`. */
struct lk_client {
	struct lk_bytes address;
	struct lk_bytes user_agent;
};

/* Opens a session for a user of the realm. Ends the oldest one if the user has too many.
 *
 * LK_FAILED_PRECONDITION  the realm signs its tokens and has no key
 * LK_RESOURCE_EXHAUSTED, LK_UNAVAILABLE, LK_DATA_LOSS
 */
LK_MUST_USE struct lk_status lk_sessions_open(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *user_id, const struct lk_client *client, struct lk_grant *grant);

/* Spends a refresh token. One that was spent before, past the window or past the first use of its
 * successor, ends its session: that is LK_OK with is_reused set and no tokens, a change to be
 * committed, and the caller is to be told LK_UNAUTHENTICATED, reason REFRESH_TOKEN_REUSED.
 *
 * LK_UNAUTHENTICATED  reason REFRESH_TOKEN_UNKNOWN: malformed, never issued, of another realm,
 *                     expired, of a session that has ended or of a user who is disabled
 * Otherwise as open.
 */
LK_MUST_USE struct lk_status lk_sessions_refresh(const struct lk_core_call *call,
	struct lk_txn *txn, const char *refresh_token, struct lk_grant *grant);

/* The session that a refresh token belongs to, spent or not. LK_NOT_FOUND. */
LK_MUST_USE struct lk_status lk_sessions_of_refresh_token(const struct lk_core_call *call,
	struct lk_txn *txn, const char *refresh_token, struct lk_key_id *session_id_out);

/* Ends one session. ended_out: whether it had not ended before. LK_NOT_FOUND also for a session of
 * somebody else than the subject. */
LK_MUST_USE struct lk_status lk_sessions_end(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *session_id, bool *ended_out);

/* Ends all sessions of a user but `except` (NULL: none is spared). LK_RESOURCE_EXHAUSTED,
 * LK_UNAVAILABLE. */
LK_MUST_USE struct lk_status lk_sessions_end_all(const struct lk_core_call *call,
	struct lk_txn *txn, const struct lk_key_id *user_id, const struct lk_key_id *except,
	struct lk_ended *ended_out);

/* Which sessions a sign-out ends: the numbers of latchkey.v1.SignOutScope. */
enum lk_sign_out_scope {
	LK_SIGN_OUT_THIS = 0,
	LK_SIGN_OUT_ALL = 1,
	LK_SIGN_OUT_OTHERS = 2,
};

/* Ends what a session may end by itself. One that is over or unknown ends nothing. Output and codes
 * as lk_sessions_end_all. */
LK_MUST_USE struct lk_status lk_sessions_sign_out(const struct lk_core_call *call,
	struct lk_txn *txn, const struct lk_key_id *session_id, enum lk_sign_out_scope scope,
	struct lk_ended *ended_out);

struct lk_sessions_query {
	const char *user_id; /* as text; ignored for a subject */
	int32_t page_size;   /* 0: LK_SESSIONS_PAGE_DEFAULT */
	const char *page_token;
};

struct lk_sessions_page {
	struct lk_session_view *items; /* in the arena */
	size_t n;
	const char *next_token; /* "" on the last page */
};

/* Those that have not ended or expired. As lk_keys_list; LK_NOT_FOUND: there is no such user. */
LK_MUST_USE struct lk_status lk_sessions_list(const struct lk_core_call *call,
	struct lk_store *store, const struct lk_sessions_query *query,
	struct lk_sessions_page *page_out);

/* Deletes a session that is over: an lk_sweep_fn for rows se/. */
LK_MUST_USE struct lk_status lk_sessions_sweep(
	void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now);
