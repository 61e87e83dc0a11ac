/* SPDX-License-Identifier: MIT */
/* Callers that the configuration lists: static keys, and addresses that need no credential.
 *
 * They live with their realm: a reload adds and removes them. They have roles but no record: they
 * cannot be managed by RPC, no use of theirs is noted, and they manage nothing for anybody.
 */
#pragma once

#include "proto/wire/network.h"
#include "server/core/permset.h"
#include "server/crypto/crypto.h"

#define LK_LISTED_MAX 256      /* keys, and addresses */
#define LK_LISTED_ROLES_MAX 16 /* of each */
#define LK_LISTED_NAME_MAX 200 /* bytes of a description */
#define LK_LISTED_KEY_MIN 32   /* bytes of a key's text */
#define LK_LISTED_KEY_MAX 512

/* Borrowed for the call. */
struct lk_listed_key_spec {
	struct lk_digest sha256; /* of its text */
	const char *description; /* "": none */
	const char *const *roles;
	size_t n_roles;
};

struct lk_listed_spec {
	const struct lk_listed_key_spec *keys;
	size_t n_keys;
	const char *const *addresses; /* and CIDR blocks */
	size_t n_addresses;
	const char *const *address_roles; /* at least one when there are addresses */
	size_t n_address_roles;
};

struct lk_listed_caller {
	struct lk_digest sha256;              /* of a key */
	struct lk_network network;            /* of an address */
	char subject[LK_LISTED_NAME_MAX + 8]; /* "key:Monitoring", "ip:10.0.0.0/24" */
	const char *name;                     /* within `subject`: what stands behind the colon */
	char *roles[LK_LISTED_ROLES_MAX];
	size_t n_roles;
	struct lk_permset permissions; /* of all roles together */
};

struct lk_listed {
	size_t n_keys;
	size_t n_addresses;
	struct lk_listed_caller items[]; /* the keys, then the addresses */
};

struct lk_realm;

/* What the text of a static key is: printable ASCII without spaces. A text with dots would be
 * taken for a JWT. */
bool lk_listed_key_is_valid(struct lk_bytes text);

/* Compiles them with the roles of the realm; a permission of the realm is as good as a role. NULL
 * for none.
 *
 * LK_INVALID_ARGUMENT    field `api_keys`, `ip_whitelist` or `ip_whitelist_roles`
 * LK_RESOURCE_EXHAUSTED  short of memory
 */
LK_MUST_USE struct lk_status lk_listed_new(const struct lk_realm *realm,
	const struct lk_listed_spec *spec, struct lk_listed **listed_out);

/* NULL is allowed. */
void lk_listed_free(struct lk_listed *listed);

/* The key with this text, or NULL. All keys are looked at, each in constant time. */
const struct lk_listed_caller *lk_listed_find_key(
	const struct lk_listed *listed, struct lk_bytes text);

/* The first entry that holds an address, or NULL. */
const struct lk_listed_caller *lk_listed_find_address(
	const struct lk_listed *listed, const struct lk_address *address);
