/* SPDX-License-Identifier: MIT */
/* What can be said of a user to import without asking the server, by the server's own rules. */
#pragma once

#include "client/cli/lines.pb-c.h"
#include "proto/wire/arena.h"
#include "proto/wire/status.h"

/* Whether the address is one, and the hash begins as one of a known form does.
 *
 * LK_INVALID_ARGUMENT  with the field
 */
LK_MUST_USE struct lk_status lk_import_check(const Latchkey__Cli__UserLine *user);

/* The addresses of a file so far: some hundred bytes for each. */
struct lk_seen {
	void *tree; /* of tsearch */
	struct lk_arena arena;
};

void lk_seen_init(struct lk_seen *seen);
void lk_seen_fini(struct lk_seen *seen);

/* Remembers an address that was checked.
 *
 * LK_ALREADY_EXISTS      it was there, however it was written
 * LK_RESOURCE_EXHAUSTED  there are too many
 */
LK_MUST_USE struct lk_status lk_seen_add(struct lk_seen *seen, const char *email);

/* The same of a text as it is. It is wiped at the end. */
LK_MUST_USE struct lk_status lk_seen_add_text(struct lk_seen *seen, const char *text);
