/* SPDX-License-Identifier: MIT */
#include "server/core/decision.h"

#include <assert.h>
#include <string.h>

#include "server/core/key_text.h"

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
	}
	assert(false); /* a number outside the enum */
	return "";
}

static struct lk_status compile_permissions(
	const struct lk_auth_request *request, struct lk_permset *wanted_out)
{
	struct lk_permset wanted = { 0 };

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

/* Under the newest pepper first, which nearly every key was made with. */
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

static bool is_from_allowed_network(
	const struct lk_entry *entry, const struct lk_auth_request *request)
{
	struct lk_address address;

	if (entry->n_networks == 0)
		return true;
	return lk_address_parse(request->client_address, &address) &&
	       lk_entry_allows_address(entry, &address);
}

/* Of a proven secret. The instant of expiry counts as expired: of two servers a tick apart, the
 * stricter answer must win. */
static enum lk_deny_reason judge(const struct lk_entry *entry,
	const struct lk_auth_request *request, const struct lk_permset *wanted)
{
	if ((entry->flags & LK_ENTRY_REVOKED) != 0 || atomic_load(&entry->denied) != 0)
		return LK_DENY_REVOKED;
	if ((entry->flags & LK_ENTRY_ENABLED) == 0)
		return LK_DENY_DISABLED;
	if (request->now >= entry->expires_ms)
		return LK_DENY_EXPIRED;
	if (!is_from_allowed_network(entry, request))
		return LK_DENY_NETWORK_NOT_ALLOWED;
	if (!lk_permset_contains(&entry->scopes, wanted))
		return LK_DENY_PERMISSION_DENIED;
	return LK_DENY_NONE;
}

static enum lk_deny_reason find_entry(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_hit *hit_out)
{
	if (request->n_credentials == 0)
		return LK_DENY_NO_CREDENTIAL;
	if (request->n_credentials > 1)
		return LK_DENY_AMBIGUOUS_CREDENTIALS;
	if (!lk_key_text_is_valid(request->realm->key_prefix, request->credentials[0]) ||
		!look_up(verifier, request->realm, request->credentials[0], hit_out))
		return LK_DENY_UNKNOWN_CREDENTIAL;
	/* A secret that was replaced for good is as unknown as one never issued. */
	if (request->now >= hit_out->entry->secret_expires_ms)
		return LK_DENY_UNKNOWN_CREDENTIAL;
	return LK_DENY_NONE;
}

struct lk_status lk_authenticate(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_verdict *verdict_out)
{
	struct lk_permset wanted;
	struct lk_hit hit;

	LK_TRY(compile_permissions(request, &wanted));
	*verdict_out = (struct lk_verdict) { .reason = find_entry(verifier, request, &hit) };
	if (verdict_out->reason != LK_DENY_NONE)
		return LK_SUCCESS;
	verdict_out->entry = hit.entry;
	verdict_out->reason = judge(hit.entry, request, &wanted);
	if (verdict_out->reason == LK_DENY_NONE && verifier->usage != NULL)
		lk_usage_note(verifier->usage, &hit, request->client_address, request->user_agent,
			request->now);
	return LK_SUCCESS;
}
