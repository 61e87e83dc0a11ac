/* SPDX-License-Identifier: MIT */
/* Facts: what a decision needs to know about the people and organisations behind credentials.
 *
 * The index keeps one set for each user and organisation; entries of sessions and keys lead to it,
 * so a change is felt by all of them at once. Immutable and replaced as a whole; valid until
 * lk_index_leave.
 */
#pragma once

#include <stdbool.h>

#include "server/core/routes.h"
#include "server/store/layout.h"

struct lk_owner;

struct lk_organization_facts {
	bool enabled;
	char plan[LK_PLAN_MAX + 1];
};

struct lk_user_facts {
	struct lk_permset permissions; /* the union of the user's roles, compiled */
	bool enabled;
	char organization_id[LK_OWNER_ID_MAX + 1]; /* "": none */
	const struct lk_owner *organization;       /* NULL: none */
	uint8_t n_roles;
	uint16_t roles_n; /* bytes of all role names, their NULs included */
	char roles[];     /* the names, one after the other, each with its NUL */
};
