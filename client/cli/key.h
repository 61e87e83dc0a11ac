/* SPDX-License-Identifier: MIT */
/* What the commands about keys have in common: options that set a key's fields, and the telling
 * of keys to people. */
#pragma once

#include "client/cli/cli.h"
#include "client/cli/values.h"
#include "latchkey/v1/key.rpc.h"

/* Keys of options that several commands have. */
enum lk_key_option {
	LK_KEY_REALM = LK_KEY_FIRST,
	LK_KEY_NAME,
	LK_KEY_USER,
	LK_KEY_ORGANIZATION,
	LK_KEY_SCOPE,
	LK_KEY_NETWORK,
	LK_KEY_EXPIRES,
	LK_KEY_METADATA,
	LK_KEY_SECRET_FILE,
	LK_KEY_OWN, /* the first that a command has for itself */
};

/* What was given; NULL or empty: was not. */
struct lk_key_fields {
	char *realm;
	char *name;
	char *user;
	char *organization;
	struct lk_values scopes;
	struct lk_values networks;
	struct lk_values realms;
	struct lk_values metadata; /* as "key=value" */
	char *secret_file;
	struct lk_time_parts expires;
	bool has_expires; /* --expires was given, also with "never" */
	bool never;
};

/* Takes one of the options above; as lk_syntax.take. */
const char *lk_key_take(
	struct lk_cli *cli, struct lk_key_fields *fields, enum lk_key_option key, char *value);

/* The message of --expires; NULL for "never" and when it was not given. */
Google__Protobuf__Timestamp *lk_key_expires(struct lk_cli *cli, const struct lk_key_fields *fields);

/* The entries of --metadata as messages of a map's entry type, whose fields are `key` and
 * `value`. `values` was checked by lk_key_take. */
void *lk_key_metadata(struct lk_cli *cli, const struct lk_values *values,
	const ProtobufCMessageDescriptor *entry_type);

/* Prints all that is known of a key, a line each. */
void lk_key_print(struct lk_cli *cli, const lk_key *key);

/* "2027-01-01T00:00:00Z (in 29 days)"; "-" when absent. */
const char *lk_key_time(struct lk_arena *arena, const Google__Protobuf__Timestamp *at);

/* Texts with commas between, safe to show; "-" when there are none. */
const char *lk_key_join(struct lk_arena *arena, char *const *items, size_t n);
