/* SPDX-License-Identifier: MIT */
/* Refresh tokens: one family with their session (RFC 9700, section 4.14.2). Of any number of calls
 * that spend one token, the first commit wins; what the others read is then no longer so, and they
 * run again and find it spent. */
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/sessions_priv.h"
#include "server/core/text.h"
#include "server/crypto/seal.h"

static struct lk_status unknown(void)
{
	return (struct lk_status) { .code = LK_UNAUTHENTICATED,
		.why = "the refresh token is not valid",
		.reason = LK_REFRESH_TOKEN_UNKNOWN };
}

static void digest_token(const struct lk_core_call *call, const struct lk_pepper *pepper,
	const char *token, struct lk_digest *digest_out)
{
	char text[LK_REALM_NAME_MAX + 1 + LK_KEY_TEXT_SIZE];
	size_t realm_n = strlen(call->realm->name);
	size_t token_n = strlen(token);

	memcpy(text, call->realm->name, realm_n + 1);
	memcpy(text + realm_n + 1, token, token_n);
	lk_digest_make(pepper, lk_bytes_of("refresh token"),
		(struct lk_bytes) { (const uint8_t *)text, realm_n + 1 + token_n }, digest_out);
	lk_wipe(text, sizeof text);
}

static struct lk_row token_row(
	const struct lk_core_call *call, const struct lk_pepper *pepper, const char *token)
{
	struct lk_digest digest;

	digest_token(call, pepper, token, &digest);
	return lk_row_of_refresh(lk_call_realm_name(call), digest.bytes);
}

static bool has_shape(const char *token)
{
	return lk_key_text_is_valid(LK_REFRESH_TOKEN_PREFIX, lk_bytes_of(token));
}

/* Spent ones stay until the session's last day, so that they are known when they come again. */
struct lk_status lk_session_issue(const struct lk_core_call *call, struct lk_txn *txn,
	struct lk_session_record *record, struct lk_tokens *tokens)
{
	const struct lk_session_policy *policy = &call->realm->sessions;
	struct lk_refresh_record refresh = { .session_id = record->id };
	struct lk_bytes value;
	struct lk_row row;

	lk_key_text_make(LK_REFRESH_TOKEN_PREFIX, &tokens->refresh);
	refresh.number = ++record->refresh_number;
	record->refresh_expires_ms = call->now + policy->refresh_ttl_ms;
	if (record->refresh_expires_ms > record->ends_ms)
		record->refresh_expires_ms = record->ends_ms;
	record->expires_ms = record->refresh_expires_ms;
	tokens->refresh_expires_ms = record->refresh_expires_ms;
	row = token_row(call, &call->peppers->items[0], tokens->refresh.text);
	LK_TRY(lk_refresh_record_encode(&refresh, call->arena, &value));
	LK_TRY(lk_txn_put(txn, lk_row_bytes(&row), value, false));
	return lk_rows_move_expiry(txn, &row, 0, record->ends_ms);
}

/* --- the successor of a spent token --- */

static struct lk_seal_key seal_key(
	const struct lk_pepper *pepper, const struct lk_row *session, const char *predecessor)
{
	return (struct lk_seal_key) { pepper, "refresh successor", lk_bytes_of(predecessor),
		lk_row_bytes(session) };
}

/* Kept for whoever lost the answer. The sweeper erases it when the time is over. */
static struct lk_status keep_successor(const struct lk_core_call *call, const char *predecessor,
	const struct lk_key_text *successor, struct lk_session_record *record)
{
	struct lk_row row = lk_session_row(call, &record->id);
	const struct lk_pepper *pepper = &call->peppers->items[0];
	struct lk_seal_key key = seal_key(pepper, &row, predecessor);
	struct lk_bytes plain = lk_bytes_of(successor->text);
	lk_time_ms window_ms = call->realm->sessions.replay_window_ms;
	uint8_t *sealed;

	record->successor.n = 0;
	record->successor_until_ms = 0;
	if (window_ms == 0)
		return LK_SUCCESS;
	sealed = lk_arena_alloc(call->arena, plain.n + LK_SEAL_OVERHEAD);
	if (sealed == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	lk_seal(&key, plain, sealed);
	record->successor = (struct lk_bytes) { sealed, plain.n + LK_SEAL_OVERHEAD };
	record->successor_pepper_id = pepper->id;
	record->successor_until_ms = call->now + window_ms;
	return LK_SUCCESS;
}

/* A call that came earlier may run later, so that its clock shows less than that of the one which
 * spent the token; by more than this only when the clock was set back. */
#define OVERTAKEN_MS 60000

/* True when the spent token's successor is still unspent and may be told again. */
static bool open_successor(const struct lk_core_call *call, const char *predecessor,
	const struct lk_session_record *record, uint32_t number, struct lk_tokens *tokens)
{
	struct lk_row row = lk_session_row(call, &record->id);
	const struct lk_pepper *pepper =
		lk_peppers_find(call->peppers, record->successor_pepper_id);
	lk_time_ms left_ms = record->successor_until_ms - call->now;
	struct lk_seal_key key = seal_key(pepper, &row, predecessor);
	size_t n = record->successor.n;

	if (number + 1 != record->refresh_number || n <= LK_SEAL_OVERHEAD ||
		n - LK_SEAL_OVERHEAD >= sizeof tokens->refresh.text || pepper == NULL ||
		left_ms <= 0 || left_ms > call->realm->sessions.replay_window_ms + OVERTAKEN_MS)
		return false;
	n -= LK_SEAL_OVERHEAD;
	if (!lk_unseal(&key, record->successor, (uint8_t *)tokens->refresh.text))
		return false;
	tokens->refresh.text[n] = '\0';
	tokens->refresh_expires_ms = record->refresh_expires_ms;
	return true;
}

/* --- refreshing --- */

static struct lk_status find_token(const struct lk_core_call *call, struct lk_txn *txn,
	const char *token, struct lk_refresh_record *refresh_out)
{
	if (!has_shape(token))
		return unknown();
	for (size_t i = 0; i < call->peppers->n; i++) {
		struct lk_row row = token_row(call, &call->peppers->items[i], token);
		struct lk_bytes value;
		struct lk_status st = lk_txn_get(txn, lk_row_bytes(&row), &value);

		if (st.code == LK_OK)
			return lk_refresh_record_decode(value, call->arena, refresh_out);
		if (st.code != LK_NOT_FOUND)
			return st;
	}
	return unknown();
}

static struct lk_status spend(const struct lk_core_call *call, struct lk_txn *txn,
	const char *token, struct lk_session_record *record, struct lk_tokens *tokens)
{
	struct lk_row row = lk_session_row(call, &record->id);
	lk_time_ms old_expires_ms = record->expires_ms;

	if (call->now >= record->refresh_expires_ms)
		return unknown();
	LK_TRY(lk_session_issue(call, txn, record, tokens));
	LK_TRY(keep_successor(call, token, &tokens->refresh, record));
	LK_TRY(lk_session_put(call, txn, record, old_expires_ms));
	/* Last: the entry that the session had until now may be of the same minute. */
	return lk_rows_move_expiry(txn, &row, 0, record->successor_until_ms);
}

struct family {
	const char *token; /* that was presented */
	struct lk_refresh_record refresh;
	struct lk_session_record session;
};

/* A session that is alive, of a user who is. */
static struct lk_status find_session(const struct lk_core_call *call, struct lk_txn *txn,
	struct family *family, struct lk_user_view *user_out)
{
	struct lk_session_record *session = &family->session;
	struct lk_status st = lk_session_get(call, txn, &family->refresh.session_id, session);

	if (st.code == LK_OK && (session->ended_ms != 0 || call->now >= session->expires_ms))
		return unknown();
	if (st.code == LK_OK)
		st = lk_session_user(call, txn, &session->user_id, user_out);
	return st.code == LK_NOT_FOUND ? unknown() : st;
}

static struct lk_status answer(const struct lk_core_call *call, struct lk_txn *txn,
	struct family *family, struct lk_grant *grant)
{
	if (family->refresh.number == family->session.refresh_number)
		return spend(call, txn, family->token, &family->session, &grant->tokens);
	if (open_successor(
		    call, family->token, &family->session, family->refresh.number, &grant->tokens))
		return LK_SUCCESS;
	grant->is_reused = true;
	return lk_session_end(call, txn, &family->session);
}

struct lk_status lk_sessions_refresh(const struct lk_core_call *call, struct lk_txn *txn,
	const char *refresh_token, struct lk_grant *grant)
{
	struct family family = { .token = refresh_token };
	struct lk_status st;

	grant->is_reused = false;
	grant->tokens = (struct lk_tokens) { .access = "" };
	LK_TRY(find_token(call, txn, refresh_token, &family.refresh));
	LK_TRY(find_session(call, txn, &family, &grant->user));
	if (grant->signer == NULL)
		return LK_ERR(LK_FAILED_PRECONDITION, "the realm has no key to sign with");
	st = answer(call, txn, &family, grant);
	if (st.code != LK_OK || grant->is_reused)
		lk_wipe(&grant->tokens, sizeof grant->tokens);
	else
		lk_session_sign(call, grant->signer, &family.session, &grant->tokens);
	if (st.code == LK_OK)
		lk_session_view(call, &family.session, &grant->session);
	return st;
}

struct lk_status lk_sessions_of_refresh_token(const struct lk_core_call *call, struct lk_txn *txn,
	const char *refresh_token, struct lk_key_id *session_id_out)
{
	struct lk_refresh_record refresh;
	struct lk_status st = find_token(call, txn, refresh_token, &refresh);

	if (st.code == LK_UNAUTHENTICATED)
		return LK_ERR(LK_NOT_FOUND, "there is no such session");
	if (st.code == LK_OK)
		*session_id_out = refresh.session_id;
	return st;
}
