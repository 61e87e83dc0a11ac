/* SPDX-License-Identifier: MIT */
/* SignIn runs in the lane HASH and SignOut in CRYPTO: what is slow comes first, then the change
 * goes through the committer like any other. RefreshToken is all change. */
#include "server/rpc/sign_rpc.h"

#include <string.h>

#include "server/core/sign_in.h"
#include "server/rpc/audit.h"

#define NO_ROOM LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory")

/* What a caller says of the end user is believed if it may say so. */
static struct lk_client client_of(
	const struct lk_call *call, const char *address, const char *user_agent)
{
	bool is_believed = call->caller->may_assert;

	return (struct lk_client) {
		.address = lk_bytes_of(is_believed ? address : ""),
		.user_agent = lk_bytes_of(is_believed ? user_agent : ""),
	};
}

/* --- SignIn --- */

struct sign_in {
	struct lk_call *call;
	struct lk_core_call core;
	struct lk_sign_in step;
	struct lk_grant grant;
	struct lk_user_view user;
	lk_sign_in_response *response;
};

static struct lk_status answer_sign_in(struct sign_in *sign_in)
{
	struct lk_arena *arena = sign_in->call->arena;
	lk_sign_in_response *response = sign_in->response;

	response->tokens = lk_tokens_message_new(arena, &sign_in->grant.tokens);
	response->session = lk_session_message_new(arena, &sign_in->grant.session);
	response->user = lk_user_message_new(arena, sign_in->core.realm, &sign_in->user, true);
	return arena->exhausted ? NO_ROOM : LK_SUCCESS;
}

static struct lk_status open_session(void *arg, struct lk_txn *txn)
{
	struct sign_in *sign_in = arg;
	struct lk_signer signer;
	struct lk_status st;

	sign_in->grant.signer =
		lk_services_signer(sign_in->call->context, sign_in->core.realm, &signer) ? &signer
											 : NULL;
	st = lk_sign_in_open(&sign_in->core, txn, &sign_in->step, &sign_in->grant, &sign_in->user);
	if (st.code == LK_OK)
		st = answer_sign_in(sign_in);
	lk_wipe(&signer, sizeof signer);
	lk_wipe(&sign_in->grant.tokens, sizeof sign_in->grant.tokens);
	return st;
}

struct lk_status lk_serve_sign_in(
	struct lk_call *call, const lk_sign_in_request *request, lk_sign_in_response *response)
{
	struct lk_services *services = call->context;
	const struct lk_sign_in_attempt attempt = {
		.email = request->email,
		.password = request->password,
		.client = client_of(call, request->client_address, request->user_agent),
	};
	struct sign_in *sign_in = lk_arena_calloc(call->arena, 1, sizeof *sign_in);
	struct lk_audit *audit;
	struct lk_status st;

	if (sign_in == NULL)
		return NO_ROOM;
	sign_in->call = call;
	sign_in->core = lk_core_call_of(call);
	sign_in->response = response;
	LK_TRY(lk_sign_in_find(&sign_in->core, services->store, &attempt, &sign_in->step));
	LK_TRY(lk_sign_in_judge(
		&sign_in->core, services->guesses, request->password, &sign_in->step));
	audit = lk_audit_begin(call, &(struct lk_audit) {
					     .event = "signed in",
					     .kind = LK_AUDIT_SESSION,
					     .id = sign_in->grant.session.id,
				     });
	if (audit == NULL)
		return NO_ROOM;
	st = lk_call_commit(call, open_session, sign_in, &response->base);
	audit->subject = sign_in->grant.session.user_id;
	if (call->replay == NULL)
		lk_audit_end(audit, st);
	return st;
}

/* --- RefreshToken --- */

/* The session has ended in the same commit: whoever has its other token is out, too. */
static struct lk_status refuse_reused(struct lk_call *call, const struct lk_session_view *session)
{
	call->answer = (struct lk_status) { .code = LK_UNAUTHENTICATED,
		.why = "the refresh token had been spent; its session has ended",
		.reason = LK_REFRESH_TOKEN_REUSED };
	return lk_audit_on_commit(call, &(struct lk_audit) {
						.event = "refresh token reused",
						.kind = LK_AUDIT_SESSION,
						.id = session->id,
						.ids = &session->record.id,
						.n_ids = 1,
						.revokes = true,
					});
}

struct lk_status lk_serve_refresh_token(struct lk_call *call,
	const lk_refresh_token_request *request, lk_refresh_token_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_grant *grant = lk_arena_calloc(call->arena, 1, sizeof *grant);
	struct lk_signer signer;
	struct lk_status st;

	if (grant == NULL)
		return NO_ROOM;
	if (lk_services_signer(call->context, core.realm, &signer))
		grant->signer = &signer;
	st = lk_sessions_refresh(&core, call->txn, request->refresh_token, grant);
	if (st.code == LK_OK && grant->is_reused) {
		st = refuse_reused(call, &grant->session);
	} else if (st.code == LK_OK) {
		response->tokens = lk_tokens_message_new(call->arena, &grant->tokens);
		response->session = lk_session_message_new(call->arena, &grant->session);
		response->user = lk_user_message_new(call->arena, core.realm, &grant->user, true);
		st = call->arena->exhausted ? NO_ROOM : LK_SUCCESS;
	}
	lk_wipe(&signer, sizeof signer);
	return st;
}

/* --- SignOut --- */

struct sign_out {
	struct lk_core_call core;
	const lk_sign_out_request *request;
	lk_sign_out_response *response;
	bool has_session;
	struct lk_key_id session_id;
	struct lk_ended ended;
};

/* An access token that has expired still says which session it was of. */
static bool find_by_jwt(
	const struct lk_services *services, struct sign_out *sign_out, struct lk_bytes token)
{
	struct lk_proof proof;
	bool is_proven;

	lk_index_enter();
	is_proven = lk_access_token_prove(lk_index_keyring(services->index, sign_out->core.realm),
		sign_out->core.realm, token, &proof);
	lk_index_leave();
	if (is_proven)
		sign_out->session_id = proof.session_id;
	return is_proven;
}

static bool find_by_access_token(const struct lk_services *services, struct sign_out *sign_out)
{
	struct lk_bytes token = lk_bytes_of(sign_out->request->access_token);
	struct lk_auth_request request = {
		.realm = sign_out->core.realm,
		.credentials = &token,
		.n_credentials = 1,
		.now = sign_out->core.now,
		.may_compute = true,
	};
	struct lk_verdict verdict;
	bool is_session = false;

	if (lk_is_jwt(token))
		return find_by_jwt(services, sign_out, token);
	lk_index_enter();
	if (lk_authenticate(&services->verifier, &request, &verdict).code == LK_OK &&
		verdict.entry != NULL) {
		is_session = (verdict.entry->flags & LK_ENTRY_SESSION) != 0;
		sign_out->session_id = verdict.entry->key_id;
	}
	lk_index_leave();
	return is_session;
}

static struct lk_status end_sessions(void *arg, struct lk_txn *txn)
{
	struct sign_out *sign_out = arg;
	struct lk_key_id session_id = sign_out->session_id;

	sign_out->ended.n = 0;
	if (!sign_out->has_session) {
		struct lk_status st = lk_sessions_of_refresh_token(
			&sign_out->core, txn, sign_out->request->refresh_token, &session_id);

		if (st.code == LK_NOT_FOUND)
			return LK_SUCCESS;
		if (st.code != LK_OK)
			return st;
		sign_out->session_id = session_id;
	}
	LK_TRY(lk_sessions_sign_out(&sign_out->core, txn, &session_id,
		(enum lk_sign_out_scope)sign_out->request->scope, &sign_out->ended));
	sign_out->response->sessions_ended = (int32_t)sign_out->ended.n;
	return LK_SUCCESS;
}

static struct lk_status commit_sign_out(struct lk_call *call, struct sign_out *sign_out)
{
	char *id = lk_arena_calloc(call->arena, 1, LK_ID_TEXT_SIZE);
	struct lk_audit *audit = lk_audit_begin(call, &(struct lk_audit) {
							      .event = "signed out",
							      .kind = LK_AUDIT_SESSION,
							      .id = id,
							      .revokes = true,
						      });
	struct lk_status st;

	if (id == NULL || audit == NULL)
		return NO_ROOM;
	st = lk_call_commit(call, end_sessions, sign_out, &sign_out->response->base);
	audit->ids = sign_out->ended.ids;
	audit->n_ids = sign_out->ended.n;
	lk_id_format(LK_ID_SESSION, &sign_out->session_id, id);
	if (call->replay == NULL && (st.code != LK_OK || sign_out->ended.n > 0))
		lk_audit_end(audit, st);
	return st;
}

struct lk_status lk_serve_sign_out(
	struct lk_call *call, const lk_sign_out_request *request, lk_sign_out_response *response)
{
	struct sign_out *sign_out = lk_arena_calloc(call->arena, 1, sizeof *sign_out);

	if (sign_out == NULL)
		return NO_ROOM;
	if ((unsigned)request->scope > LK_SIGN_OUT_OTHERS)
		return LK_BAD_FIELD("scope", "there is no such scope");
	if (request->access_token[0] == '\0' && request->refresh_token[0] == '\0')
		return LK_BAD_FIELD("access_token", "an access token or a refresh token is needed");
	sign_out->core = lk_core_call_of(call);
	sign_out->request = request;
	sign_out->response = response;
	if (request->access_token[0] != '\0')
		sign_out->has_session = find_by_access_token(call->context, sign_out);
	if (!sign_out->has_session && request->refresh_token[0] == '\0')
		return LK_SUCCESS;
	return commit_sign_out(call, sign_out);
}
