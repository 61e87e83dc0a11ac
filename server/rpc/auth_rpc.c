/* SPDX-License-Identifier: MIT */
/* AuthService. Authenticate is the hot path: it runs in the transport's callback and must not
 * allocate but from the call's arena, nor block, nor make a system call. */
#include <stdio.h>
#include <string.h>

#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/common.rpc.h"
#include "server/core/charge.h"
#include "server/core/request.h"
#include "server/core/webhook.h"
#include "server/rpc/sign_rpc.h"

/* More than anybody presents at once; two are already too many. */
#define CREDENTIALS_MAX 8

/* Copies texts that lie one after the other, each with its NUL. */
static char **copy_texts(struct lk_arena *arena, const char *texts, size_t n, size_t bytes)
{
	char **items = n > 0 ? lk_arena_alloc(arena, n * sizeof *items) : NULL;
	char *copy = lk_arena_alloc(arena, bytes);

	if (items == NULL || copy == NULL)
		return NULL;
	memcpy(copy, texts, bytes);
	for (size_t i = 0; i < n; i++) {
		items[i] = copy;
		copy += strlen(copy) + 1;
	}
	return items;
}

static char *copy_text(struct lk_arena *arena, const char *text)
{
	return lk_arena_strndup(arena, text, strlen(text));
}

/* Of a session, which has all that its user has, nothing was granted. */
static void add_scopes(
	struct lk_arena *arena, const struct lk_entry *entry, lk_principal *principal)
{
	principal->n_scopes = entry->n_scopes;
	if (entry->n_scopes > 0)
		principal->scopes =
			copy_texts(arena, lk_entry_scopes(entry), entry->n_scopes, entry->scopes_n);
}

static void add_owner(
	struct lk_arena *arena, const struct lk_verdict *verdict, lk_principal *principal)
{
	const struct lk_user_facts *user = verdict->user;

	principal->organization_id = copy_text(arena, verdict->organization_id);
	if (verdict->organization != NULL)
		principal->plan = copy_text(arena, verdict->organization->plan);
	if (user == NULL || user->n_roles == 0)
		return;
	principal->n_roles = user->n_roles;
	principal->roles = copy_texts(arena, user->roles, user->n_roles, user->roles_n);
}

/* The entry is gone when the reply is encoded, so its texts are copied. NULL: out of memory. */
static lk_principal *make_principal(struct lk_arena *arena, const struct lk_verdict *verdict)
{
	lk_principal *principal = lk_arena_alloc(arena, sizeof *principal);
	const struct lk_entry *entry = verdict->entry;
	bool is_session = (entry->flags & LK_ENTRY_SESSION) != 0;
	char *id = lk_arena_alloc(arena, LK_ID_TEXT_SIZE);

	if (principal == NULL || id == NULL)
		return NULL;
	*principal = (lk_principal)LK_PRINCIPAL_INIT;
	lk_id_format(is_session ? LK_ID_SESSION : LK_ID_KEY, &entry->key_id, id);
	if (is_session)
		principal->session_id = id;
	else
		principal->key_id = id;
	principal->user_id = lk_arena_strndup(arena, lk_entry_user_id(entry), entry->user_id_n);
	principal->name = lk_arena_strndup(arena, lk_entry_name(entry), entry->name_n);
	add_scopes(arena, entry, principal);
	add_owner(arena, verdict, principal);
	if (entry->expires_ms != INT64_MAX)
		principal->expires_at = lk_timestamp_new(arena, entry->expires_ms);
	return arena->exhausted ? NULL : principal;
}

static lk_principal *make_external_principal(
	struct lk_arena *arena, const struct lk_verdict *verdict)
{
	lk_principal *principal = lk_arena_alloc(arena, sizeof *principal);
	const struct lk_external *external = verdict->external;

	if (principal == NULL)
		return NULL;
	*principal = (lk_principal)LK_PRINCIPAL_INIT;
	principal->user_id = copy_text(arena, external->user_id);
	principal->organization_id = copy_text(arena, external->organization_id);
	if (verdict->organization != NULL)
		principal->plan = copy_text(arena, verdict->organization->plan);
	principal->n_roles = external->n_roles;
	principal->roles = lk_arena_calloc(arena, external->n_roles + 1, sizeof(char *));
	for (size_t i = 0; principal->roles != NULL && i < external->n_roles; i++)
		principal->roles[i] = (char *)(uintptr_t)external->roles[i];
	principal->expires_at = lk_timestamp_new(arena, external->expires_ms);
	return arena->exhausted ? NULL : principal;
}

/* A caller who has nothing of ours: `byok:` and the provider, or `webhook:` and who signs it. */
static lk_principal *make_named_principal(
	struct lk_arena *arena, const char *prefix, const char *name)
{
	lk_principal *principal = lk_arena_alloc(arena, sizeof *principal);
	size_t size = strlen(prefix) + strlen(name) + 1;
	char *subject = lk_arena_alloc(arena, size);

	if (principal == NULL || subject == NULL)
		return NULL;
	*principal = (lk_principal)LK_PRINCIPAL_INIT;
	snprintf(subject, size, "%s%s", prefix, name);
	principal->subject = subject;
	return principal;
}

/* Texts of the realm outlast the reply. */
static lk_principal *make_listed_principal(
	struct lk_arena *arena, const struct lk_listed_caller *listed)
{
	lk_principal *principal = lk_arena_alloc(arena, sizeof *principal);

	if (principal == NULL)
		return NULL;
	*principal = (lk_principal)LK_PRINCIPAL_INIT;
	principal->name = (char *)(uintptr_t)listed->name;
	principal->subject = (char *)(uintptr_t)listed->subject;
	principal->roles = (char **)(uintptr_t)listed->roles;
	principal->n_roles = listed->n_roles;
	return principal;
}

static struct lk_status add_permissions(struct lk_arena *arena, const struct lk_realm *realm,
	const struct lk_verdict *verdict, lk_principal *principal)
{
	const char **names;

	LK_TRY(lk_permission_names(
		realm, &verdict->permissions, arena, &names, &principal->n_permissions));
	principal->permissions = (char **)(uintptr_t)names;
	return LK_SUCCESS;
}

/* A header made for keys holds keys only, and a cookie no keys: what is presented in the wrong
 * place is as unknown as what was never issued. */
static struct lk_bytes text_of(const lk_credential *credential)
{
	struct lk_bytes text = lk_bytes_of(credential->value);
	bool is_session = lk_is_jwt(text) || strncmp(credential->value, LK_SESSION_TOKEN_PREFIX,
						     strlen(LK_SESSION_TOKEN_PREFIX)) == 0;

	if ((credential->kind == LK_CREDENTIAL_KIND_API_KEY && is_session) ||
		(credential->kind == LK_CREDENTIAL_KIND_SESSION && !is_session))
		text.n = 0;
	return text;
}

static struct lk_status read_credentials(
	const lk_authenticate_request *request, struct lk_bytes credentials[CREDENTIALS_MAX])
{
	if (request->n_credentials > CREDENTIALS_MAX)
		return LK_BAD_FIELD("credentials", "has more than 8 entries");
	for (size_t i = 0; i < request->n_credentials; i++) {
		lk_credential_kind kind = request->credentials[i]->kind;

		if (kind != LK_CREDENTIAL_KIND_BEARER && kind != LK_CREDENTIAL_KIND_API_KEY &&
			kind != LK_CREDENTIAL_KIND_SESSION)
			return LK_BAD_FIELD("credentials", "has an entry of an unknown kind");
		credentials[i] = text_of(request->credentials[i]);
	}
	return LK_SUCCESS;
}

static struct lk_status add_principal(struct lk_call *call, const lk_authenticate_request *request,
	const struct lk_verdict *verdict, lk_authenticate_response *response)
{
	struct lk_services *services = call->context;
	const struct lk_realm *realm =
		lk_realms_at(lk_index_realms(services->index), (unsigned)call->realm);

	if (verdict->listed != NULL)
		response->principal = make_listed_principal(call->arena, verdict->listed);
	else if (verdict->external != NULL)
		response->principal = make_external_principal(call->arena, verdict);
	else if (verdict->entry != NULL)
		response->principal = make_principal(call->arena, verdict);
	else if (verdict->caller == LK_CALLER_WEBHOOK)
		response->principal = make_named_principal(call->arena, "webhook:", "stripe");
	else
		response->principal =
			make_named_principal(call->arena, "byok:", request->byok->provider);
	if (response->principal == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory");
	response->principal->kind = (lk_principal_kind)verdict->caller;
	if (verdict->on_behalf_of.n > 0)
		response->principal->on_behalf_of = lk_arena_strndup(call->arena,
			(const char *)verdict->on_behalf_of.data, verdict->on_behalf_of.n);
	return request->with_permissions
		       ? add_permissions(call->arena, realm, verdict, response->principal)
		       : LK_SUCCESS;
}

static void read_body_user(const lk_body_user *user, struct lk_auth_request *question)
{
	bool is_set = user->user_case == LATCHKEY__V1__BODY_USER__USER_USER_ID;

	if (is_set)
		question->body_user_id = lk_bytes_of(user->user_id);
	question->body_user = question->body_user_id.n > 0 ? LK_BODY_HAS_USER : LK_BODY_WRONG;
}

static struct lk_signed_body read_signed_body(const lk_signed_body *body)
{
	return (struct lk_signed_body) {
		.signature = lk_bytes_of(body->n_signatures > 0 ? body->signatures[0] : ""),
		.n_signatures = body->n_signatures,
		.body = { body->body.data, body->body.len },
	};
}

static struct lk_status add_violation(struct lk_arena *arena, const struct lk_verdict *verdict,
	lk_authenticate_response *response)
{
	lk_field_violation *violation = lk_arena_alloc(arena, sizeof *violation);

	if (violation == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory");
	*violation = (lk_field_violation)LK_FIELD_VIOLATION_INIT;
	violation->field = (char *)(uintptr_t)verdict->field;
	violation->description = (char *)(uintptr_t)verdict->why;
	response->violation = violation;
	return LK_SUCCESS;
}

/* The limits' names outlast the reply. */
static struct lk_status add_charge(
	struct lk_arena *arena, const struct lk_charge *charge, lk_authenticate_response *response)
{
	if (charge->n_limits == 0)
		return LK_SUCCESS;
	response->limits = lk_arena_calloc(arena, charge->n_limits, sizeof(void *));
	for (size_t i = 0; response->limits != NULL && i < charge->n_limits; i++) {
		const struct lk_limit_state *state = &charge->limits[i];
		Latchkey__V1__LimitState *told = lk_arena_alloc(arena, sizeof *told);

		if (told == NULL)
			break;
		latchkey__v1__limit_state__init(told);
		told->name = (char *)(uintptr_t)state->name;
		told->requests = state->requests;
		told->period = lk_duration_new(arena, state->period_ms);
		told->remaining = state->remaining;
		told->reset_after = lk_duration_new(arena, state->reset_ms);
		response->limits[response->n_limits++] = told;
	}
	if (charge->retry_ms > 0)
		response->retry_after = lk_duration_new(arena, charge->retry_ms);
	return arena->exhausted ? LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer needs too much memory")
				: LK_SUCCESS;
}

static struct lk_status authenticate(struct lk_call *call, const lk_authenticate_request *request,
	lk_authenticate_response *response)
{
	struct lk_services *services = call->context;
	struct lk_bytes credentials[CREDENTIALS_MAX];
	struct lk_external external;
	struct lk_byok byok;
	struct lk_signed_body signed_body;
	struct lk_charge charge;
	struct lk_auth_request question = {
		.charge = &charge,
		.external = &external,
		.realm = lk_realms_at(lk_index_realms(services->index), (unsigned)call->realm),
		.credentials = credentials,
		.n_credentials = request->n_credentials,
		.permissions = (const char *const *)request->permissions,
		.n_permissions = request->n_permissions,
		.client_address = lk_bytes_of(request->client_address),
		.user_agent = lk_bytes_of(request->user_agent),
		.now = call->now,
		.may_compute = call->may_compute,
		.by_route = request->by_route,
		.method = lk_bytes_of(request->method),
		.path = lk_bytes_of(request->path),
		.cross_site = request->cross_site,
		.n_on_behalf_of = request->n_on_behalf_of,
	};
	struct lk_verdict verdict;
	struct lk_status st;

	LK_TRY(read_credentials(request, credentials));
	charge.n_limits = 0;
	if (request->n_on_behalf_of > 0)
		question.on_behalf_of = lk_bytes_of(request->on_behalf_of[0]);
	if (request->byok != NULL) {
		byok = (struct lk_byok) { request->byok->provider, request->byok->has_api_key,
			request->byok->api_base };
		question.byok = &byok;
	}
	if (request->body_user != NULL)
		read_body_user(request->body_user, &question);
	if (request->signed_body != NULL) {
		signed_body = read_signed_body(request->signed_body);
		question.signed_body = &signed_body;
	}
	lk_index_enter();
	st = lk_authenticate(&services->verifier, &question, &verdict);
	if (st.code == LK_OK && verdict.caller != LK_CALLER_NOBODY)
		st = add_principal(call, request, &verdict, response);
	if (st.code == LK_OK && verdict.reason == LK_DENY_INVALID_REQUEST)
		st = add_violation(call->arena, &verdict, response);
	lk_index_leave();
	if (st.code != LK_OK)
		return st;
	LK_TRY(add_charge(call->arena, &charge, response));
	call->must_compute = verdict.must_compute;
	response->allowed = verdict.reason == LK_DENY_NONE;
	response->reason = (lk_deny_reason)verdict.reason;
	response->message = (char *)(uintptr_t)lk_deny_message(verdict.reason);
	return LK_SUCCESS;
}

const struct lk_auth_service_handlers lk_auth_handlers = {
	.authenticate = authenticate,
	.sign_in = lk_serve_sign_in,
	.refresh_token = lk_serve_refresh_token,
	.sign_out = lk_serve_sign_out,
};
