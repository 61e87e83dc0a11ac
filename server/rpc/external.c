/* SPDX-License-Identifier: MIT */
#include "server/rpc/external.h"

#include <string.h>

#include "proto/wire/json.h"
#include "server/core/realm.h"
#include "server/crypto/sign.h"
#include "server/rpc/key_sources.h"

#define TOKEN_MAX 8192
#define CLAIMS_ARENA_MAX ((size_t)64 * 1024)

/* Clocks of two machines may differ by so much when a token is new. */
#define LEEWAY_MS 30000

/* header.payload.signature */
struct parts {
	struct lk_bytes header, payload, signed_part;
	uint8_t signature[LK_RSA_MAX];
	size_t signature_n;
};

static bool decode(struct lk_bytes text, struct lk_arena *arena, struct lk_bytes *bytes_out)
{
	uint8_t *room = lk_arena_alloc(arena, text.n + 1);

	bytes_out->data = room;
	return room != NULL && lk_base64url_decode(text, room, text.n, &bytes_out->n);
}

static bool split(struct lk_bytes token, struct lk_arena *arena, struct parts *parts)
{
	const uint8_t *first = memchr(token.data, '.', token.n), *second;
	size_t rest;

	if (first == NULL || token.n > TOKEN_MAX)
		return false;
	rest = token.n - (size_t)(first + 1 - token.data);
	second = memchr(first + 1, '.', rest);
	if (second == NULL)
		return false;
	parts->signed_part = (struct lk_bytes) { token.data, (size_t)(second - token.data) };
	rest = token.n - parts->signed_part.n - 1;
	return memchr(second + 1, '.', rest) == NULL &&
	       decode((struct lk_bytes) { token.data, (size_t)(first - token.data) }, arena,
		       &parts->header) &&
	       decode((struct lk_bytes) { first + 1, (size_t)(second - first - 1) }, arena,
		       &parts->payload) &&
	       lk_base64url_decode((struct lk_bytes) { second + 1, rest }, parts->signature,
		       sizeof parts->signature, &parts->signature_n);
}

static bool is_for(const struct lk_json_claims *claims, const struct lk_issuer *issuer)
{
	if (strcmp(claims->issuer, issuer->issuer) != 0)
		return false;
	for (size_t i = 0; i < claims->audiences.n; i++)
		if (strcmp(claims->audiences.items[i], issuer->audience) == 0)
			return true;
	return false;
}

/* Roles that the realm does not have are those of other systems. */
static void add_roles(const struct lk_realm *realm, const struct lk_json_claims *claims,
	struct lk_external *external)
{
	for (size_t i = 0; i < claims->roles.n && external->n_roles < LK_EXTERNAL_ROLES_MAX; i++) {
		const struct lk_role *role =
			lk_realm_find_role(realm, lk_bytes_of(claims->roles.items[i]));

		if (role == NULL)
			continue;
		external->roles[external->n_roles++] = role->name;
		for (size_t k = 0; k < LK_COUNT(role->permissions.w); k++)
			external->permissions.w[k] |= role->permissions.w[k];
	}
}

static bool copy_id(const char *text, char id_out[LK_OWNER_ID_MAX + 1])
{
	size_t n = strlen(text);

	if (n > LK_OWNER_ID_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] > '\0' && text[i] < ' ')
			return false;
	memcpy(id_out, text, n + 1);
	return true;
}

static enum lk_deny_reason judge(const struct lk_auth_request *request,
	const struct lk_json_claims *claims, struct lk_external *external)
{
	*external = (struct lk_external) { .expires_ms = claims->expires_ms };
	/* An id of ours would stand for somebody else. */
	if (claims->subject[0] == '\0' || strncmp(claims->subject, "user_", 5) == 0 ||
		!copy_id(claims->subject, external->user_id) ||
		!copy_id(claims->organization, external->organization_id))
		return LK_DENY_UNKNOWN_CREDENTIAL;
	if (claims->not_before_ms > request->now + LEEWAY_MS)
		return LK_DENY_UNKNOWN_CREDENTIAL;
	if (request->now >= claims->expires_ms)
		return LK_DENY_EXPIRED;
	add_roles(request->realm, claims, external);
	return LK_DENY_NONE;
}

/* The algorithm is that of the issuer's key: a header only says which of its keys. */
static bool is_signed(
	const struct lk_issuer *issuer, const struct parts *parts, struct lk_arena *arena)
{
	struct lk_bytes secret = { issuer->secret, issuer->secret_n };
	struct lk_bytes signature = { parts->signature, parts->signature_n };
	struct lk_json_header header;

	if (!lk_json_header_read(parts->header, arena, &header))
		return false;
	if (issuer->has_keys)
		return issuer->keys != NULL && lk_key_source_verify(issuer->keys, header.algorithm,
						       header.kid, parts->signed_part, signature);
	return strcmp(header.algorithm, "HS256") == 0 &&
	       lk_hmac_sha256_verify(secret, &parts->signed_part, 1, signature);
}

static enum lk_deny_reason prove_by(const struct lk_auth_request *request,
	const struct lk_issuer *issuer, const struct parts *parts, struct lk_arena *arena,
	struct lk_external *external)
{
	const struct lk_json_claim_names names = { .roles = issuer->roles_claim,
		.organization = issuer->organization_claim };
	struct lk_json_claims claims;

	if (!is_signed(issuer, parts, arena) ||
		!lk_json_claims_read(parts->payload, &names, arena, &claims) ||
		!is_for(&claims, issuer))
		return LK_DENY_UNKNOWN_CREDENTIAL;
	return judge(request, &claims, external);
}

enum lk_deny_reason lk_external_prove(
	const struct lk_auth_request *request, struct lk_external *external_out)
{
	const struct lk_issuers *issuers = request->realm->issuers;
	enum lk_deny_reason reason = LK_DENY_UNKNOWN_CREDENTIAL;
	struct lk_arena arena;
	struct parts parts;

	lk_arena_init(&arena, CLAIMS_ARENA_MAX);
	if (split(request->credentials[0], &arena, &parts))
		for (size_t i = 0; i < issuers->n && reason == LK_DENY_UNKNOWN_CREDENTIAL; i++)
			reason =
				prove_by(request, &issuers->items[i], &parts, &arena, external_out);
	lk_arena_fini(&arena);
	return reason;
}
