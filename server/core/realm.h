/* SPDX-License-Identifier: MIT */
/* Realms: tenants of one server, each with its own users, keys and permissions.
 *
 * The set of realms is built from the configuration and replaced as a whole when that is
 * reloaded. The index of a realm and the bits of its permissions keep their meaning while the
 * process lives; a realm that left the configuration is closed, and its index stays reserved.
 * The realm `latchkey` is built in: its keys are those of services, its permissions the scopes
 * that the schema names.
 */
#pragma once

#include "server/core/issuers.h"
#include "server/core/limits.h"
#include "server/core/listed.h"
#include "server/core/routes.h"
#include "server/crypto/password.h"
#include "server/store/layout.h"

#define LK_REALMS_MAX 256
#define LK_REALM_BUILTIN "latchkey"
#define LK_KEY_PREFIX_MAX 32
#define LK_KEYS_PER_OWNER_DEFAULT 1000

/* What session tokens and refresh tokens begin with: no realm's keys do. */
#define LK_SESSION_TOKEN_PREFIX "lks_"
#define LK_REFRESH_TOKEN_PREFIX "lkr_"

#define LK_ROLES_MAX 64
#define LK_ROLE_NAME_MAX 64
#define LK_ROLE_GRANTS_MAX 256
#define LK_TOKEN_NAME_MAX 200

/* A role: a name for permissions that people are given. */
struct lk_role {
	char name[LK_ROLE_NAME_MAX + 1];
	struct lk_permset permissions; /* compiled */
};

/* What an access token is. */
enum lk_token_kind {
	LK_TOKEN_OPAQUE, /* a session token; there are no refresh tokens */
	LK_TOKEN_EDDSA,  /* a JWT */
	LK_TOKEN_HS256,  /* a JWT */
};

struct lk_session_policy {
	enum lk_token_kind token;
	lk_time_ms session_ttl_ms; /* from sign-in to the end, however often it is refreshed */
	lk_time_ms access_ttl_ms;  /* of a JWT */
	lk_time_ms refresh_ttl_ms; /* of a refresh token: how long a session may lie idle */
	lk_time_ms
		replay_window_ms; /* how long a spent refresh token is answered again; 0: never */
	uint32_t per_user_max;    /* the oldest one ends when there would be more */
	/* `iss` and `aud` of JWTs: printable ASCII without spaces, quotes and backslashes. NULL:
	 * "latchkey/<realm>", and the realm's name. */
	const char *issuer;
	const char *audience;
};

struct lk_password_policy {
	uint32_t length_min; /* bytes */
	struct lk_argon2_cost cost;
	struct lk_hash_cap cap; /* of hashes made elsewhere */
};

/* A scope of methods and the permission that a subject needs for it; NULL: none. */
struct lk_subject_policy {
	const char *keys_read;
	const char *keys_manage;
};

struct lk_realm {
	char name[LK_REALM_NAME_MAX + 1];
	char key_prefix[LK_KEY_PREFIX_MAX + 1]; /* ends in `_` */
	unsigned index;                         /* below LK_REALMS_MAX; `latchkey` is 0 */
	bool is_open;                           /* the configuration has it now */
	uint32_t keys_per_owner_max;
	struct lk_catalog catalog;
	struct lk_role roles[LK_ROLES_MAX];
	size_t n_roles;
	struct lk_session_policy sessions; /* its texts are the realm's own */
	struct lk_password_policy passwords;
	struct lk_permset subject_keys_read; /* what a subject needs; empty: nothing */
	struct lk_permset subject_keys_manage;
	struct lk_routes *routes;             /* NULL: nobody is let through anywhere */
	struct lk_listed *listed;             /* NULL: nobody */
	struct lk_limits *limits;             /* NULL: none */
	bool takes_imports;                   /* keys of other systems work here */
	uint8_t import_secret[LK_SECRET_MAX]; /* of HMACs that they come in as */
	size_t import_secret_n;               /* 0: none */
	struct lk_issuers *issuers;           /* NULL: none but the realm itself */
	struct lk_word_list key_plans;        /* in which organisations keys work; empty: in all */
	char issuer[LK_TOKEN_NAME_MAX + 1];
	char audience[LK_TOKEN_NAME_MAX + 1];
};

/* A role as the configuration has it: grants are scopes (permset.h). */
struct lk_role_spec {
	const char *name;
	const char *const *grants;
	size_t n_grants;
};

/* What the configuration says about a realm; borrowed for the call. */
struct lk_realm_spec {
	const char *name;       /* letters, digits, `_` and `-`; not `latchkey` */
	const char *key_prefix; /* lower-case letters, digits and `_`; ends in `_` */
	const char *const *permissions;
	size_t n_permissions;
	uint32_t keys_per_owner_max; /* 0: LK_KEYS_PER_OWNER_DEFAULT */
	const struct lk_role_spec *roles;
	size_t n_roles;
	const struct lk_session_policy *sessions;   /* NULL: lk_session_policy_default */
	const struct lk_password_policy *passwords; /* NULL: lk_password_policy_default */
	struct lk_subject_policy subject;
	const struct lk_route_spec *routes;
	size_t n_routes;
	const char *const *key_plans; /* at most LK_WORDS_MAX */
	size_t n_key_plans;
	struct lk_listed_spec listed;
	const struct lk_issuer_spec *issuers;
	size_t n_issuers;
	const struct lk_limit_spec *limits;
	size_t n_limits;
	bool takes_imports;
	struct lk_bytes import_secret; /* empty, or LK_SECRET_MIN to LK_SECRET_MAX bytes */
};

extern const struct lk_session_policy lk_session_policy_default;
extern const struct lk_password_policy lk_password_policy_default;

/* What a key of the realm `latchkey` allows a service. */
struct lk_service_rights {
	uint64_t scopes;                     /* bit n: the permission n of `latchkey` */
	uint64_t realms[LK_REALMS_MAX / 64]; /* bit n: may act in the realm with index n */
};

struct lk_realms;

/* Checks one spec alone. LK_INVALID_ARGUMENT, field `name`, `key_prefix`, `permissions`, `roles`,
 * `sessions`, `passwords`, `subject`, `routes`, `key_plans`,
 * `api_keys`, `ip_whitelist`, `ip_whitelist_roles`,
 * `issuers`, `limits` or
 * `imported_keys`. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_realm_spec_check(const struct lk_realm_spec *spec);

/* Builds a set, `latchkey` included. `previous` is the set that it replaces, or NULL; on success
 * the new set owns it. All sets stay valid until the newest is freed, so a pointer to a realm may
 * be kept by a call that waits in a queue.
 *
 * LK_INVALID_ARGUMENT    as lk_realm_spec_check, or a name occurs twice
 * LK_RESOURCE_EXHAUSTED  short of memory, or more realms or permissions over the life of the
 *                        process than there are indexes or bits: restart to start afresh
 */
LK_MUST_USE struct lk_status lk_realms_new(const struct lk_realm_spec *specs, size_t n,
	struct lk_realms *previous, struct lk_realms **realms_out);

/* Frees the set and all that it replaced. NULL is allowed. */
void lk_realms_free(struct lk_realms *realms);

/* The open realm of this name, or NULL. */
const struct lk_realm *lk_realms_find(const struct lk_realms *realms, struct lk_bytes name);

/* The realm of an index, open or closed; NULL for an index that was never given out. */
const struct lk_realm *lk_realms_at(const struct lk_realms *realms, unsigned index);

/* The role of this name, or NULL. */
const struct lk_role *lk_realm_find_role(const struct lk_realm *realm, struct lk_bytes name);

/* The realms that a service key names, as bits by index: `*` stands for all but `latchkey`, those
 * to come included. False when a name is not an open realm; its bit is left out. */
bool lk_realms_grant(
	const struct lk_realms *realms, struct lk_bytes name, uint64_t bits[LK_REALMS_MAX / 64]);
