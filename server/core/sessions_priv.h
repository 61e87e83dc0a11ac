/* SPDX-License-Identifier: MIT */
/* What the files of sessions.h share. */
#pragma once

#include "server/core/rows.h"
#include "server/core/sessions.h"

struct lk_row lk_session_row(const struct lk_core_call *call, const struct lk_key_id *id);

/* The session's record, a condition of the commit. LK_NOT_FOUND. */
LK_MUST_USE struct lk_status lk_session_get(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, struct lk_session_record *record_out);

/* Writes the record, and moves the entry that makes the sweeper look at it. */
LK_MUST_USE struct lk_status lk_session_put(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_session_record *record, lk_time_ms old_expires_ms);

/* Ends a session whose record was read. */
LK_MUST_USE struct lk_status lk_session_end(
	const struct lk_core_call *call, struct lk_txn *txn, struct lk_session_record *record);

/* The user, a condition of the commit. LK_NOT_FOUND when they are missing or disabled. */
LK_MUST_USE struct lk_status lk_session_user(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, struct lk_user_view *user_out);

/* Gives the session a new refresh token, the number of which becomes the unspent one. */
LK_MUST_USE struct lk_status lk_session_issue(const struct lk_core_call *call, struct lk_txn *txn,
	struct lk_session_record *record, struct lk_tokens *tokens);

/* A fresh access token of a realm that signs them. */
void lk_session_sign(const struct lk_core_call *call, const struct lk_signer *signer,
	const struct lk_session_record *record, struct lk_tokens *tokens);

void lk_session_view(const struct lk_core_call *call, const struct lk_session_record *record,
	struct lk_session_view *view_out);
