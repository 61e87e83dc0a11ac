/* SPDX-License-Identifier: MIT */
#include "server/core/decision.h"

#include <assert.h>
#include <string.h>

#include "server/core/charge.h"
#include "server/core/key_text.h"
#include "server/core/request.h"
#include "server/core/webhook.h"

const char *lk_deny_message(enum lk_deny_reason reason)
{
	switch (reason) {
	case LK_DENY_NONE:
		return "";
	case LK_DENY_NO_CREDENTIAL:
		return "no credential was presented";
	case LK_DENY_AMBIGUOUS_CREDENTIALS:
		return "more than one credential was presented";
	case LK_DENY_UNKNOWN_CREDENTIAL:
		return "the credential is not valid";
	case LK_DENY_REVOKED:
		return "the credential was revoked";
	case LK_DENY_DISABLED:
		return "the credential is disabled";
	case LK_DENY_EXPIRED:
		return "the credential has expired";
	case LK_DENY_NETWORK_NOT_ALLOWED:
		return "the credential may not be used from this address";
	case LK_DENY_PERMISSION_DENIED:
		return "the credential lacks a permission";
	case LK_DENY_USER_DISABLED:
		return "the user is disabled";
	case LK_DENY_ORGANIZATION_DISABLED:
		return "the organization is disabled";
	case LK_DENY_NO_ROUTE:
		return "nobody is let through here";
	case LK_DENY_KIND_NOT_ALLOWED:
		return "a credential of another kind is needed here";
	case LK_DENY_ORGANIZATION_REQUIRED:
		return "the caller belongs to no organization";
	case LK_DENY_PLAN_REQUIRED:
		return "the organization's plan does not include this";
	case LK_DENY_INVALID_REQUEST:
		return "the request is not valid";
	case LK_DENY_USER_NOT_ALLOWED:
		return "the user is not of the caller's organization";
	case LK_DENY_RATE_LIMITED:
		return "too many requests; try again later";
	}
	assert(false); /* a number outside the enum */
	return "";
}

/* Nobody in particular: what is presented for a public route is not looked at. */
static const struct lk_route asked_for_itself = { .callers = UINT32_MAX };

/* The rule that a request is judged by. */
static const struct lk_route *find_route(const struct lk_auth_request *request)
{
	return request->by_route
		       ? lk_routes_find(request->realm->routes, request->method, request->path)
		       : &asked_for_itself;
}

static struct lk_status compile_permissions(const struct lk_auth_request *request,
	const struct lk_route *route, struct lk_permset *wanted_out)
{
	struct lk_permset wanted = route->permissions;

	for (size_t i = 0; i < request->n_permissions; i++) {
		const char *name = request->permissions[i];
		int bit = lk_catalog_find(&request->realm->catalog,
			(struct lk_bytes) { (const uint8_t *)name, strlen(name) });

		if (bit < 0)
			return LK_BAD_FIELD("permissions", "the realm has no such permission");
		lk_permset_add(&wanted, (unsigned)bit);
	}
	*wanted_out = wanted;
	return LK_SUCCESS;
}

/* Under the newest pepper first, which nearly every secret was made with. */
static bool look_up(const struct lk_verifier *verifier, const struct lk_realm *realm,
	struct lk_bytes credential, struct lk_hit *hit_out)
{
	struct lk_bytes domain = { (const uint8_t *)realm->name, strlen(realm->name) };

	for (size_t i = 0; i < verifier->peppers->n; i++) {
		struct lk_digest digest;

		lk_digest_make(&verifier->peppers->items[i], domain, credential, &digest);
		if (lk_index_find(verifier->index, &digest, hit_out))
			return hit_out->entry->realm == realm->index;
	}
	return false;
}

/* A key that another system made is kept under a digest of it. */
static bool look_up_import(const struct lk_verifier *verifier, const struct lk_realm *realm,
	struct lk_bytes credential, struct lk_hit *hit_out)
{
	const struct lk_bytes secret = { realm->import_secret, realm->import_secret_n };
	char text[LK_IMPORT_TEXT_SIZE];
	uint8_t mac[LK_HMAC_SHA256_SIZE];
	struct lk_digest digest;

	lk_sha256(credential, &digest);
	lk_import_text(LK_IMPORT_SHA256, digest.bytes, text);
	if (look_up(verifier, realm, lk_bytes_of(text), hit_out))
		return true;
	if (secret.n == 0)
		return false;
	lk_hmac_sha256(secret, &credential, 1, mac);
	lk_import_text(LK_IMPORT_HMAC_SHA256, mac, text);
	return look_up(verifier, realm, lk_bytes_of(text), hit_out);
}

static bool look_up_session(const struct lk_verifier *verifier, const struct lk_realm *realm,
	const struct lk_key_id *session_id, struct lk_hit *hit_out)
{
	struct lk_bytes name = { (const uint8_t *)realm->name, strlen(realm->name) };

	for (size_t i = 0; i < verifier->peppers->n; i++) {
		struct lk_digest digest;

		lk_session_digest(&verifier->peppers->items[i], name, session_id, &digest);
		if (lk_index_find(verifier->index, &digest, hit_out))
			return hit_out->entry->realm == realm->index;
	}
	return false;
}

/* A signature is verified once; whoever may not do that here leaves it to somebody who may. */
static bool prove(const struct lk_verifier *verifier, const struct lk_auth_request *request,
	struct lk_proof *proof_out, bool *must_compute_out)
{
	const struct lk_keyring *keyring = lk_index_keyring(verifier->index, request->realm);
	struct lk_bytes token = request->credentials[0];
	struct lk_digest digest;

	if (verifier->proofs == NULL || keyring->n == 0)
		return false;
	lk_proofs_digest(verifier->proofs, token, &digest);
	if (lk_proofs_find(verifier->proofs, &digest, keyring->generation, proof_out))
		return true;
	*must_compute_out = !request->may_compute;
	if (!request->may_compute ||
		!lk_access_token_prove(keyring, request->realm, token, proof_out))
		return false;
	lk_proofs_add(verifier->proofs, &digest, proof_out);
	return true;
}

/* A token that was proven but whose session is gone is that of a session which has ended. */
static enum lk_deny_reason find_by_jwt(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_hit *hit_out, bool *must_compute_out)
{
	struct lk_proof proof;

	if (!prove(verifier, request, &proof, must_compute_out) ||
		request->now >= proof.signer_expires_ms)
		return LK_DENY_UNKNOWN_CREDENTIAL;
	if (request->now >= proof.expires_ms)
		return LK_DENY_EXPIRED;
	return look_up_session(verifier, request->realm, &proof.session_id, hit_out)
		       ? LK_DENY_NONE
		       : LK_DENY_REVOKED;
}

static bool has_shape(const struct lk_realm *realm, struct lk_bytes credential)
{
	return lk_key_text_is_valid(realm->key_prefix, credential) ||
	       lk_key_text_is_valid(LK_SESSION_TOKEN_PREFIX, credential);
}

static enum lk_deny_reason find_entry(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_hit *hit_out, bool *must_compute_out)
{
	bool is_ours = has_shape(request->realm, request->credentials[0]);

	if (!is_ours && lk_is_jwt(request->credentials[0]))
		return find_by_jwt(verifier, request, hit_out, must_compute_out);
	if (!(is_ours && look_up(verifier, request->realm, request->credentials[0], hit_out)) &&
		!(request->realm->takes_imports &&
			look_up_import(verifier, request->realm, request->credentials[0], hit_out)))
		return LK_DENY_UNKNOWN_CREDENTIAL;
	/* A secret that was replaced for good is as unknown as one never issued. */
	if (request->now >= hit_out->entry->secret_expires_ms)
		return LK_DENY_UNKNOWN_CREDENTIAL;
	return LK_DENY_NONE;
}

static bool is_from_allowed_network(
	const struct lk_entry *entry, const struct lk_auth_request *request)
{
	struct lk_address address;

	if (entry->n_networks == 0)
		return true;
	return lk_address_parse(request->client_address, &address) &&
	       lk_entry_allows_address(entry, &address);
}

/* A denial is read before the facts. It is lifted once the facts it stands in for are there, so the
 * other way round the old facts might be found and the denial no more. */
static bool is_disabled(
	const struct lk_owner *organization, const struct lk_organization_facts **facts_out)
{
	bool is_denied;

	*facts_out = NULL;
	if (organization == NULL)
		return false;
	is_denied = atomic_load(&organization->denied) != 0;
	*facts_out = lk_owner_organization(organization);
	return is_denied || (*facts_out != NULL && !(*facts_out)->enabled);
}

/* The people behind a credential, as they are now. A user of ours who is not there has no rights;
 * an organisation that is not there is only a name. */
static enum lk_deny_reason judge_owners(const struct lk_entry *entry, struct lk_verdict *verdict)
{
	bool is_own_disabled = is_disabled(entry->organization, &verdict->organization);

	verdict->organization_id = lk_entry_organization_id(entry);
	if (entry->user != NULL) {
		bool is_denied = atomic_load(&entry->user->denied) != 0; /* as above */
		const struct lk_user_facts *user = lk_owner_user(entry->user);
		const struct lk_organization_facts *organization;

		if (is_denied || user == NULL || !user->enabled)
			return LK_DENY_USER_DISABLED;
		verdict->user = user;
		verdict->permissions =
			lk_permset_intersect(&verdict->permissions, &user->permissions);
		if (is_disabled(user->organization, &organization))
			return LK_DENY_ORGANIZATION_DISABLED;
		if (entry->organization == NULL && user->organization != NULL) {
			verdict->organization_id = user->organization_id;
			verdict->organization = organization;
		}
	}
	return is_own_disabled ? LK_DENY_ORGANIZATION_DISABLED : LK_DENY_NONE;
}

static enum lk_caller_kind caller_of(const struct lk_entry *entry)
{
	return (entry->flags & LK_ENTRY_SESSION) != 0 ? LK_CALLER_SESSION : LK_CALLER_KEY;
}

/* Keys go with the plan that their organisation has now. */
static bool has_plan(const struct lk_realm *realm, const struct lk_route *route,
	const struct lk_verdict *verdict)
{
	const char *plan = verdict->organization != NULL ? verdict->organization->plan : "";

	return (route->plans.n == 0 || lk_words_have(&route->plans, plan)) &&
	       (verdict->caller != LK_CALLER_KEY || realm->key_plans.n == 0 ||
		       lk_words_have(&realm->key_plans, plan));
}

/* Where no rule takes providers' keys, what looks like one is nobody's affair. */
static bool brings_key(const struct lk_auth_request *request)
{
	return request->byok != NULL && request->by_route && request->realm->routes != NULL &&
	       request->realm->routes->has_byok;
}

/* Whoever it is: may they do this? */
static enum lk_deny_reason judge_request(const struct lk_auth_request *request,
	const struct lk_route *route, const struct lk_permset *wanted,
	const struct lk_verdict *verdict)
{
	if (verdict->caller == LK_CALLER_BYOK || verdict->caller == LK_CALLER_WEBHOOK)
		return LK_DENY_NONE;
	if ((route->callers & LK_CALLER_BIT(verdict->caller)) == 0)
		return LK_DENY_KIND_NOT_ALLOWED;
	if (!has_plan(request->realm, route, verdict))
		return LK_DENY_PLAN_REQUIRED;
	if (!lk_permset_contains(&verdict->permissions, wanted))
		return LK_DENY_PERMISSION_DENIED;
	if (route->needs_organization && verdict->organization_id[0] == '\0')
		return LK_DENY_ORGANIZATION_REQUIRED;
	return LK_DENY_NONE;
}

/* What else the rule looks at. */
static enum lk_deny_reason judge_rest(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, const struct lk_route *route,
	struct lk_verdict *verdict)
{
	enum lk_deny_reason reason =
		brings_key(request) ? lk_byok_judge(request->byok, route, verdict) : LK_DENY_NONE;

	if (reason != LK_DENY_NONE || route->on_behalf_of == LK_ON_BEHALF_NOWHERE)
		return reason;
	return lk_on_behalf_judge(verifier, request, route, verdict);
}

/* Of a proven secret. The instant of expiry counts as expired: of two servers a tick apart, the
 * stricter answer must win. */
static enum lk_deny_reason judge_entry(const struct lk_entry *entry,
	const struct lk_auth_request *request, struct lk_verdict *verdict)
{
	enum lk_deny_reason owners = judge_owners(entry, verdict);

	if ((entry->flags & LK_ENTRY_REVOKED) != 0 || atomic_load(&entry->denied) != 0)
		return LK_DENY_REVOKED;
	if ((entry->flags & LK_ENTRY_ENABLED) == 0)
		return LK_DENY_DISABLED;
	if (request->now >= entry->expires_ms)
		return LK_DENY_EXPIRED;
	if (owners != LK_DENY_NONE)
		return owners;
	if (!is_from_allowed_network(entry, request))
		return LK_DENY_NETWORK_NOT_ALLOWED;
	return LK_DENY_NONE;
}

/* Without a credential an address may speak for its caller: not for the page of another site that
 * made a browser ask, and not when it is unknown. */
static const struct lk_listed_caller *find_listed(const struct lk_auth_request *request)
{
	const struct lk_listed *listed = request->realm->listed;
	struct lk_address address;

	if (listed == NULL)
		return NULL;
	if (request->n_credentials == 1)
		return has_shape(request->realm, request->credentials[0])
			       ? NULL
			       : lk_listed_find_key(listed, request->credentials[0]);
	if (request->n_credentials > 1 || request->cross_site || listed->n_addresses == 0 ||
		!lk_address_parse(request->client_address, &address))
		return NULL;
	return lk_listed_find_address(listed, &address);
}

/* With another issuer's token; each is proven anew, where that may be done. */
static enum lk_deny_reason identify_external(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_verdict *verdict)
{
	struct lk_external *external = request->external;
	enum lk_deny_reason reason;

	verdict->must_compute = !request->may_compute;
	if (verdict->must_compute)
		return LK_DENY_UNKNOWN_CREDENTIAL;
	reason = verifier->prove_external(request, external);
	if (reason != LK_DENY_NONE)
		return reason;
	verdict->external = external;
	verdict->caller = LK_CALLER_EXTERNAL;
	verdict->permissions = external->permissions;
	verdict->organization_id = external->organization_id;
	return lk_index_find_organization(verifier->index, request->realm,
		       lk_bytes_of(external->organization_id), &verdict->organization)
		       ? LK_DENY_NONE
		       : LK_DENY_ORGANIZATION_DISABLED;
}

static bool may_be_external(
	const struct lk_verifier *verifier, const struct lk_auth_request *request)
{
	return request->realm->issuers != NULL && request->external != NULL &&
	       verifier->prove_external != NULL && lk_is_jwt(request->credentials[0]);
}

/* A webhook's caller is known by its signature alone, whatever else it presents. */
static enum lk_deny_reason identify_webhook(const struct lk_auth_request *request,
	const struct lk_route *route, struct lk_verdict *verdict)
{
	enum lk_deny_reason reason;

	verdict->must_compute = request->signed_body != NULL && !request->may_compute;
	if (verdict->must_compute)
		return LK_DENY_UNKNOWN_CREDENTIAL;
	reason = lk_webhook_judge(route->webhook_secret, request->signed_body, request->now);
	if (reason == LK_DENY_NONE)
		verdict->caller = LK_CALLER_WEBHOOK;
	return reason;
}

/* Who it is: sets the entry or the listed caller of a verdict, or gives the reason why not. */
static enum lk_deny_reason identify(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_hit *hit_out, struct lk_verdict *verdict)
{
	enum lk_deny_reason reason;

	if (request->n_credentials == 0 && brings_key(request)) {
		verdict->caller = LK_CALLER_BYOK;
		return LK_DENY_NONE;
	}
	verdict->listed = find_listed(request);
	if (verdict->listed != NULL) {
		verdict->caller =
			request->n_credentials == 0 ? LK_CALLER_ADDRESS : LK_CALLER_STATIC_KEY;
		verdict->permissions = verdict->listed->permissions;
		return LK_DENY_NONE;
	}
	if (request->n_credentials != 1)
		return request->n_credentials == 0 ? LK_DENY_NO_CREDENTIAL
						   : LK_DENY_AMBIGUOUS_CREDENTIALS;
	reason = find_entry(verifier, request, hit_out, &verdict->must_compute);
	if (reason == LK_DENY_UNKNOWN_CREDENTIAL && !verdict->must_compute &&
		may_be_external(verifier, request))
		return identify_external(verifier, request, verdict);
	if (reason != LK_DENY_NONE)
		return reason;
	verdict->entry = hit_out->entry;
	verdict->caller = caller_of(hit_out->entry);
	verdict->permissions = hit_out->entry->scopes;
	return judge_entry(hit_out->entry, request, verdict);
}

struct lk_status lk_authenticate(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_verdict *verdict_out)
{
	const struct lk_route *route = find_route(request);
	struct lk_permset wanted;
	struct lk_hit hit;

	*verdict_out = (struct lk_verdict) { .organization_id = "" };
	if (route == NULL)
		verdict_out->reason = LK_DENY_NO_ROUTE;
	if (route == NULL || route->is_public)
		return LK_SUCCESS;
	LK_TRY(compile_permissions(request, route, &wanted));
	verdict_out->reason = route->webhook_secret.n > 0
				      ? identify_webhook(request, route, verdict_out)
				      : identify(verifier, request, &hit, verdict_out);
	if (verdict_out->reason == LK_DENY_NONE)
		verdict_out->reason = judge_request(request, route, &wanted, verdict_out);
	if (verdict_out->reason == LK_DENY_NONE)
		verdict_out->reason = judge_rest(verifier, request, route, verdict_out);
	if (verdict_out->reason == LK_DENY_NONE && request->realm->limits != NULL &&
		request->charge != NULL && verifier->limiter != NULL)
		verdict_out->reason = lk_limits_charge(verifier->limiter, request, verdict_out);
	if (verdict_out->reason == LK_DENY_NONE && verdict_out->entry != NULL &&
		verifier->usage != NULL)
		lk_usage_note(verifier->usage, &hit, request->client_address, request->user_agent,
			request->now);
	return LK_SUCCESS;
}
