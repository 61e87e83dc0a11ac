/* SPDX-License-Identifier: MIT */
/* What can be imported: users, keys. */
#pragma once

#include "client/cli/cli.h"
#include "client/cli/import_calls.h"
#include "client/cli/import_check.h"
#include "client/cli/import_read.h"

struct lk_import_kind {
	const struct lk_line_kind *lines;
	const char *help;
	const struct lk_status *is_there; /* what is told of one that is there already */
	bool asks_by_get;                 /* a dry run's OK is that of something that is there */

	/* What reports call a line by. */
	const char *(*name_of)(const ProtobufCMessage *line);
	/* What can be said without asking the server, and whether an earlier line is the same. */
	struct lk_status (*check)(const ProtobufCMessage *line, struct lk_seen *seen);
	/* In the arena; NULL when memory is short. */
	const ProtobufCMessage *(*request_of)(
		const ProtobufCMessage *line, char *realm, bool is_dry, struct lk_arena *arena);
	void (*send)(struct lk_import_call *call, const struct lk_call_options *options);
	void (*ask)(struct lk_import_call *call, const struct lk_call_options *options);
	/* Whether there is such a realm. */
	struct lk_status (*find_realm)(
		struct lk_cli *cli, const struct lk_call_options *options, char *realm);
};

extern const struct lk_import_kind lk_import_users, lk_import_keys;
