/* SPDX-License-Identifier: MIT */
/* Other issuers of tokens that a realm believes: JWTs signed with a secret that it shares with them
 * (HS256, RFC 7518, section 3.2), or with a key whose public half they publish (ES256, RS256). They
 * live with their realm.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/status.h"
#include "server/core/permset.h"
#include "server/store/layout.h"

/* Of a secret for HMAC-SHA-256: as long as the hash (RFC 7518, section 3.2). */
#define LK_SECRET_MIN 32
#define LK_SECRET_MAX 512

#define LK_ISSUERS_MAX 4
#define LK_ISSUER_NAME_MAX 200
#define LK_EXTERNAL_ROLES_MAX 16

/* Where public keys are from (server/rpc/key_sources.h); outlives all realms. */
struct lk_key_source;

/* Borrowed for the call. */
struct lk_issuer_spec {
	const char *issuer;             /* `iss` */
	const char *audience;           /* in `aud` */
	struct lk_bytes secret;         /* empty: public keys */
	const char *jwks;               /* where they are from; NULL: a secret */
	struct lk_key_source *keys;     /* of `jwks` */
	const char *roles_claim;        /* members joined by dots: "app_metadata.roles" */
	const char *organization_claim; /* likewise; NULL: none */
};

struct lk_issuer {
	char issuer[LK_ISSUER_NAME_MAX + 1];
	char audience[LK_ISSUER_NAME_MAX + 1];
	char roles_claim[LK_ISSUER_NAME_MAX + 1];
	char organization_claim[LK_ISSUER_NAME_MAX + 1]; /* "": none */
	uint8_t secret[LK_SECRET_MAX];
	size_t secret_n;
	bool has_keys;              /* in place of a secret */
	struct lk_key_source *keys; /* NULL while a configuration is only checked */
};

struct lk_issuers {
	size_t n;
	struct lk_issuer items[LK_ISSUERS_MAX];
};

/* Who a token of another issuer stands for. */
struct lk_external {
	char user_id[LK_OWNER_ID_MAX + 1];
	char organization_id[LK_OWNER_ID_MAX + 1]; /* "": none */
	struct lk_permset permissions;             /* of all roles together */
	const char *roles[LK_EXTERNAL_ROLES_MAX];  /* those that the realm has; its own texts */
	size_t n_roles;
	lk_time_ms expires_ms;
};

/* NULL for none. LK_INVALID_ARGUMENT, field `issuers`; LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_issuers_new(
	const struct lk_issuer_spec *specs, size_t n, struct lk_issuers **issuers_out);

/* Wipes the secrets. NULL is allowed. */
void lk_issuers_free(struct lk_issuers *issuers);
