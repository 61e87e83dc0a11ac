/* SPDX-License-Identifier: MIT */
#include "server/core/sessions.h"

#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/sessions_priv.h"
#include "server/core/text.h"

/* The record of an opaque session that was ended is kept for this long, so that its token is told
 * what became of it; that of a signed one as long as its access tokens live. */
#define KEEP_ENDED_MS ((lk_time_ms)24 * 3600 * 1000)

#define RECORD_ARENA_MAX ((size_t)512 * 1024)

static lk_time_ms earlier(lk_time_ms a, lk_time_ms b)
{
	return a < b ? a : b;
}

static bool is_signed(const struct lk_core_call *call)
{
	return call->realm->sessions.token != LK_TOKEN_OPAQUE;
}

struct lk_row lk_session_row(const struct lk_core_call *call, const struct lk_key_id *id)
{
	return lk_row_of_session(lk_call_realm_name(call), id);
}

struct lk_status lk_session_get(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, struct lk_session_record *record_out)
{
	struct lk_row row = lk_session_row(call, id);
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, lk_row_bytes(&row), &value);

	if (st.code == LK_NOT_FOUND)
		return LK_ERR(LK_NOT_FOUND, "there is no such session");
	if (st.code != LK_OK)
		return st;
	return lk_session_record_decode(value, call->arena, record_out);
}

struct lk_status lk_session_put(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_session_record *record, lk_time_ms old_expires_ms)
{
	struct lk_row row = lk_session_row(call, &record->id);
	struct lk_bytes value;

	LK_TRY(lk_session_record_encode(record, call->arena, &value));
	LK_TRY(lk_txn_put(txn, lk_row_bytes(&row), value, true));
	return lk_rows_move_expiry(txn, &row, old_expires_ms, record->expires_ms);
}

struct lk_status lk_session_user(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, struct lk_user_view *user_out)
{
	struct lk_row row = lk_row_of_user(lk_call_realm_name(call), id);
	struct lk_user_view user = { .last_sign_in_ms = 0 };
	struct lk_bytes value;

	LK_TRY(lk_txn_get(txn, lk_row_bytes(&row), &value));
	LK_TRY(lk_user_record_decode(value, call->arena, &user.record));
	if (!user.record.enabled)
		return LK_ERR(LK_NOT_FOUND, "the user is disabled");
	lk_id_format(LK_ID_USER, id, user.id);
	*user_out = user;
	return LK_SUCCESS;
}

void lk_session_view(const struct lk_core_call *call, const struct lk_session_record *record,
	struct lk_session_view *view_out)
{
	*view_out = (struct lk_session_view) { .record = *record };
	lk_id_format(LK_ID_SESSION, &record->id, view_out->id);
	lk_id_format(LK_ID_USER, &record->user_id, view_out->user_id);
	view_out->is_current = call->subject != NULL && call->subject->is_session &&
			       lk_key_id_equal(&call->subject->id, &record->id);
}

/* --- ending --- */

/* It is no longer among the user's, and is kept only as long as somebody may ask. */
struct lk_status lk_session_end(
	const struct lk_core_call *call, struct lk_txn *txn, struct lk_session_record *record)
{
	struct lk_row listed =
		lk_row_of_user_session(lk_call_realm_name(call), &record->user_id, &record->id);
	lk_time_ms keep_ms = is_signed(call) ? call->realm->sessions.access_ttl_ms : KEEP_ENDED_MS;
	lk_time_ms old_expires_ms = record->expires_ms;

	record->ended_ms = call->now;
	record->expires_ms = earlier(record->expires_ms, call->now + keep_ms);
	record->successor.n = 0;
	LK_TRY(lk_txn_delete(txn, lk_row_bytes(&listed), false));
	return lk_session_put(call, txn, record, old_expires_ms);
}

struct lk_status lk_sessions_end(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *session_id, bool *ended_out)
{
	struct lk_session_record record;
	struct lk_key_id user_id;

	*ended_out = false;
	LK_TRY(lk_session_get(call, txn, session_id, &record));
	if (call->subject != NULL) {
		LK_TRY(lk_subject_user(call, &user_id));
		if (!lk_key_id_equal(&user_id, &record.user_id))
			return LK_ERR(LK_NOT_FOUND, "there is no such session");
	}
	if (record.ended_ms != 0)
		return LK_SUCCESS;
	*ended_out = true;
	return lk_session_end(call, txn, &record);
}

/* The ids of a user's sessions, oldest first. */
struct ids {
	struct lk_key_id *items;
	size_t n;
	size_t room;
};

/* There are few more than the realm allows: those over the limit are ended, and what has expired
 * is swept. */
#define LISTED_MAX 4096

static bool add_id(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct ids *ids = arg;

	(void)value;
	(void)seq;
	if (lk_row_read_listed(key, &ids->items[ids->n]))
		ids->n++;
	return ids->n < ids->room;
}

static struct lk_status list_ids(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *user_id, struct ids *ids_out)
{
	struct lk_row range = lk_row_of_user_session(lk_call_realm_name(call), user_id, NULL);

	*ids_out = (struct ids) { .room = LISTED_MAX };
	ids_out->items = lk_arena_alloc(call->arena, LISTED_MAX * sizeof *ids_out->items);
	if (ids_out->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	return lk_txn_scan(txn, lk_row_bytes(&range), (struct lk_bytes) { NULL, 0 }, LISTED_MAX,
		add_id, ids_out);
}

/* A listed session whose record is gone is nobody's any more. In memory of its own: the records of
 * all sessions of a user may be more than the call's takes. */
static struct lk_status end_listed(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *id, bool *ended_out)
{
	struct lk_core_call own = *call;
	struct lk_session_record record;
	struct lk_arena arena;
	struct lk_status st;

	*ended_out = false;
	lk_arena_init(&arena, RECORD_ARENA_MAX);
	own.arena = &arena;
	st = lk_session_get(&own, txn, id, &record);
	if (st.code == LK_OK && record.ended_ms == 0) {
		*ended_out = true;
		st = lk_session_end(&own, txn, &record);
	}
	lk_arena_fini(&arena);
	return st.code == LK_NOT_FOUND ? LK_SUCCESS : st;
}

struct lk_status lk_sessions_end_all(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *user_id, const struct lk_key_id *except, struct lk_ended *ended_out)
{
	struct ids ids;
	size_t n = 0;

	LK_TRY(list_ids(call, txn, user_id, &ids));
	for (size_t i = 0; i < ids.n; i++) {
		bool ended;

		if (except != NULL && lk_key_id_equal(&ids.items[i], except))
			continue;
		LK_TRY(end_listed(call, txn, &ids.items[i], &ended));
		if (ended)
			ids.items[n++] = ids.items[i];
	}
	*ended_out = (struct lk_ended) { ids.items, n };
	return LK_SUCCESS;
}

struct lk_status lk_sessions_sign_out(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *session_id, enum lk_sign_out_scope scope,
	struct lk_ended *ended_out)
{
	struct lk_session_record record;
	struct lk_key_id *id;
	struct lk_status st = lk_session_get(call, txn, session_id, &record);

	*ended_out = (struct lk_ended) { .n = 0 };
	if (st.code == LK_NOT_FOUND)
		return LK_SUCCESS;
	if (st.code != LK_OK)
		return st;
	if (record.ended_ms != 0 || call->now >= record.expires_ms)
		return LK_SUCCESS;
	if (scope != LK_SIGN_OUT_THIS)
		return lk_sessions_end_all(call, txn, &record.user_id,
			scope == LK_SIGN_OUT_OTHERS ? session_id : NULL, ended_out);
	id = lk_arena_alloc(call->arena, sizeof *id);
	if (id == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	*id = *session_id;
	*ended_out = (struct lk_ended) { id, 1 };
	return lk_session_end(call, txn, &record);
}

/* Makes room for one more. */
static struct lk_status end_oldest(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_key_id *user_id)
{
	size_t keep = call->realm->sessions.per_user_max - 1;
	struct ids ids;

	LK_TRY(list_ids(call, txn, user_id, &ids));
	for (size_t i = 0; i + keep < ids.n; i++) {
		bool ended;

		LK_TRY(end_listed(call, txn, &ids.items[i], &ended));
	}
	return LK_SUCCESS;
}

/* --- opening --- */

/* Control characters would reach the terminal of whoever lists sessions. */
static struct lk_status set_client(const struct lk_core_call *call, const struct lk_client *client,
	struct lk_session_record *record)
{
	size_t n = lk_text_cut(client->user_agent, LK_SESSION_USER_AGENT_MAX);
	char *agent = lk_arena_strndup(call->arena, (const char *)client->user_agent.data, n);
	char *text = lk_arena_alloc(call->arena, LK_ADDRESS_TEXT_SIZE);
	struct lk_address address;

	if (agent == NULL || text == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)agent[i] < 0x20 || agent[i] == 0x7f)
			agent[i] = '?';
	record->user_agent = (struct lk_bytes) { (const uint8_t *)agent, n };
	if (lk_address_parse(client->address, &address)) {
		lk_address_format(&address, text);
		record->client_address = lk_bytes_of(text);
	}
	return LK_SUCCESS;
}

/* A token tells its end in seconds, and no other end is told. */
void lk_session_sign(const struct lk_core_call *call, const struct lk_signer *signer,
	const struct lk_session_record *record, struct lk_tokens *tokens)
{
	lk_time_ms expires_ms =
		earlier(call->now + call->realm->sessions.access_ttl_ms, record->expires_ms);
	const struct lk_access_claims claims = {
		.realm = call->realm,
		.user_id = record->user_id,
		.session_id = record->id,
		.issued_ms = call->now,
		.expires_ms = expires_ms - expires_ms % 1000,
	};

	lk_access_token_make(signer, &claims, tokens->access);
	tokens->access_expires_ms = claims.expires_ms;
}

static struct lk_status make_opaque(
	const struct lk_core_call *call, struct lk_session_record *record, struct lk_tokens *tokens)
{
	const struct lk_pepper *pepper = &call->peppers->items[0];
	struct lk_key_text token;
	struct lk_digest digest;

	lk_key_text_make(LK_SESSION_TOKEN_PREFIX, &token);
	lk_digest_make(pepper, lk_call_realm_name(call), lk_bytes_of(token.text), &digest);
	memcpy(record->digest, digest.bytes, sizeof record->digest);
	record->pepper_id = pepper->id;
	record->expires_ms = record->ends_ms;
	memcpy(tokens->access, token.text, sizeof token.text);
	tokens->access_expires_ms = record->expires_ms;
	lk_wipe(&token, sizeof token);
	return LK_SUCCESS;
}

static struct lk_status make_signed(const struct lk_core_call *call, struct lk_txn *txn,
	struct lk_session_record *record, struct lk_grant *grant)
{
	const struct lk_pepper *pepper = &call->peppers->items[0];
	struct lk_digest digest;

	if (grant->signer == NULL)
		return LK_ERR(LK_FAILED_PRECONDITION, "the realm has no key to sign with");
	lk_session_digest(pepper, lk_call_realm_name(call), &record->id, &digest);
	memcpy(record->digest, digest.bytes, sizeof record->digest);
	record->pepper_id = pepper->id;
	LK_TRY(lk_session_issue(call, txn, record, &grant->tokens));
	lk_session_sign(call, grant->signer, record, &grant->tokens);
	return LK_SUCCESS;
}

static struct lk_status open_session(const struct lk_core_call *call, struct lk_txn *txn,
	struct lk_session_record *record, struct lk_grant *grant)
{
	struct lk_row listed =
		lk_row_of_user_session(lk_call_realm_name(call), &record->user_id, &record->id);

	LK_TRY(end_oldest(call, txn, &record->user_id));
	LK_TRY(is_signed(call) ? make_signed(call, txn, record, grant)
			       : make_opaque(call, record, &grant->tokens));
	LK_TRY(lk_rows_put_empty(txn, &listed));
	return lk_session_put(call, txn, record, 0);
}

struct lk_status lk_sessions_open(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_key_id *user_id, const struct lk_client *client, struct lk_grant *grant)
{
	struct lk_session_record record = {
		.realm = lk_call_realm_name(call),
		.user_id = *user_id,
		.created_ms = call->now,
		.ends_ms = call->now + call->realm->sessions.session_ttl_ms,
	};
	struct lk_status st;

	grant->tokens = (struct lk_tokens) { .access = "" };
	LK_TRY(lk_session_user(call, txn, user_id, &grant->user));
	LK_TRY(set_client(call, client, &record));
	lk_key_id_make(call->now, &record.id);
	st = open_session(call, txn, &record, grant);
	if (st.code != LK_OK)
		lk_wipe(&grant->tokens, sizeof grant->tokens);
	else
		lk_session_view(call, &record, &grant->session);
	return st;
}

/* --- sweeping --- */

static struct lk_status delete_session(struct lk_txn *txn, const struct lk_session_record *record)
{
	struct lk_row row = lk_row_of_session(record->realm, &record->id);

	LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), true));
	row = lk_row_of_usage(record->realm, &record->id);
	LK_TRY(lk_txn_delete(txn, lk_row_bytes(&row), false));
	row = lk_row_of_user_session(record->realm, &record->user_id, &record->id);
	return lk_txn_delete(txn, lk_row_bytes(&row), false);
}

/* A session is over, or only the time in which a spent refresh token is answered again. */
static struct lk_status settle(struct lk_txn *txn, struct lk_bytes row,
	struct lk_session_record *record, struct lk_arena *arena, lk_time_ms now)
{
	struct lk_bytes value;

	if (now >= record->expires_ms)
		return delete_session(txn, record);
	if (record->successor.n == 0 || now < record->successor_until_ms)
		return LK_SUCCESS;
	record->successor.n = 0;
	LK_TRY(lk_session_record_encode(record, arena, &value));
	return lk_txn_put(txn, row, value, true);
}

struct lk_status lk_sessions_sweep(
	void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now)
{
	struct lk_session_record record;
	struct lk_arena arena;
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, row, &value);

	(void)arg;
	if (st.code != LK_OK)
		return st.code == LK_NOT_FOUND ? LK_SUCCESS : st;
	lk_arena_init(&arena, RECORD_ARENA_MAX);
	st = lk_session_record_decode(value, &arena, &record);
	if (st.code == LK_OK)
		st = settle(txn, row, &record, &arena, now);
	lk_arena_fini(&arena);
	return st;
}
