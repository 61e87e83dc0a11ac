/* SPDX-License-Identifier: MIT */
#include "client/cli/key.h"

#include <string.h>

#include "client/cli/table.h"
#include "client/cli/values.h"

#define SPAN_OR_MOMENT "must be a span such as 30d, a time such as 2027-01-01T00:00:00Z, or never"

static const char *take_expires(struct lk_key_fields *fields, const char *value)
{
	fields->has_expires = true;
	fields->never = strcmp(value, "never") == 0;
	if (!fields->never && !lk_value_moment(value, lk_cli_now(), &fields->expires))
		return SPAN_OR_MOMENT;
	return NULL;
}

const char *lk_key_take(
	struct lk_cli *cli, struct lk_key_fields *fields, enum lk_key_option key, char *value)
{
	switch (key) {
	case LK_KEY_REALM:
		fields->realm = value;
		return NULL;
	case LK_KEY_NAME:
		fields->name = value;
		return NULL;
	case LK_KEY_USER:
		fields->user = value;
		return NULL;
	case LK_KEY_ORGANIZATION:
		fields->organization = value;
		return NULL;
	case LK_KEY_SCOPE:
		lk_cli_add(cli, &fields->scopes, value);
		return NULL;
	case LK_KEY_NETWORK:
		lk_cli_add(cli, &fields->networks, value);
		return NULL;
	case LK_KEY_EXPIRES:
		return take_expires(fields, value);
	case LK_KEY_METADATA:
		lk_cli_add(cli, &fields->metadata, value);
		return strchr(value, '=') != NULL ? NULL : "must be NAME=VALUE";
	case LK_KEY_SECRET_FILE:
		fields->secret_file = value;
		return NULL;
	case LK_KEY_OWN:
		break;
	}
	return NULL;
}

Google__Protobuf__Timestamp *lk_key_expires(struct lk_cli *cli, const struct lk_key_fields *fields)
{
	Google__Protobuf__Timestamp *at;

	if (!fields->has_expires || fields->never)
		return NULL;
	at = lk_cli_message(cli, &google__protobuf__timestamp__descriptor);
	at->seconds = fields->expires.seconds;
	at->nanos = fields->expires.nanos;
	return at;
}

void *lk_key_metadata(struct lk_cli *cli, const struct lk_values *values,
	const ProtobufCMessageDescriptor *entry_type)
{
	void **entries = lk_cli_alloc(cli, (values->n + 1) * sizeof *entries);

	/* All of a map's entry types have the same layout: that of this one. */
	for (size_t i = 0; i < values->n; i++) {
		lk_key_metadata_entry *entry = lk_cli_message(cli, entry_type);
		char *text = values->items[i];
		size_t n = strcspn(text, "=");

		entry->key = lk_cli_alloc(cli, n + 1);
		memcpy(entry->key, text, n);
		entry->value = text + n + 1;
		entries[i] = entry;
	}
	return entries;
}

const char *lk_key_time(struct lk_arena *arena, const Google__Protobuf__Timestamp *at)
{
	char text[LK_TIME_TEXT_ROOM + LK_VALUE_ROOM + 4];
	char relative[LK_VALUE_ROOM];
	struct lk_time_parts parts;
	size_t n;

	if (at == NULL)
		return "-";
	/* People do not need the fraction. */
	parts = (struct lk_time_parts) { at->seconds, 0 };
	n = lk_timestamp_print(parts, text);
	if (n == 0)
		return "?";
	lk_value_relative_print(parts, lk_cli_now(), relative);
	snprintf(text + n, sizeof text - n, " (%s)", relative);
	return lk_text_safe(arena, text);
}

const char *lk_key_join(struct lk_arena *arena, char *const *items, size_t n)
{
	size_t room = 1;
	char *joined;
	char *at;

	if (n == 0)
		return "-";
	for (size_t i = 0; i < n; i++)
		room += strlen(items[i]) + 1;
	joined = lk_arena_alloc(arena, room);
	if (joined == NULL)
		return "";
	at = joined;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*at++ = ',';
		at = stpcpy(at, items[i]);
	}
	return lk_text_safe(arena, joined);
}

/* --- a key, a line for each thing known --- */

static void line(const char *name, const char *text)
{
	if (text[0] != '\0' && strcmp(text, "-") != 0)
		printf("%-16s %s\n", name, text);
}

static void line_of(struct lk_cli *cli, const char *name, const char *text)
{
	line(name, lk_text_safe(&cli->arena, text));
}

static void print_usage(struct lk_cli *cli, const char *name, const lk_key_usage *usage)
{
	if (usage == NULL)
		return;
	line(name, lk_key_time(&cli->arena, usage->at));
	line_of(cli, "  from", usage->client_address);
	line_of(cli, "  with", usage->user_agent);
}

static void print_revocation(struct lk_cli *cli, const lk_key *key)
{
	char reason[LK_VALUE_ROOM];

	if (key->revoked_at == NULL)
		return;
	lk_value_enum_print(
		&latchkey__v1__revocation_reason__descriptor, (int)key->revocation_reason, reason);
	line("Revoked", lk_key_time(&cli->arena, key->revoked_at));
	line("  reason", reason);
	line_of(cli, "  comment", key->revocation_comment);
}

void lk_key_print(struct lk_cli *cli, const lk_key *key)
{
	struct lk_arena *arena = &cli->arena;
	char state[LK_VALUE_ROOM];

	lk_value_enum_print(&latchkey__v1__key_state__descriptor, (int)key->state, state);
	line_of(cli, "ID", key->id);
	line_of(cli, "Realm", key->realm);
	line_of(cli, "Name", key->name);
	line_of(cli, "Hint", key->hint);
	line("State", state);
	line_of(cli, "User", key->user_id);
	line_of(cli, "Organization", key->organization_id);
	line("Scopes", lk_key_join(arena, key->scopes, key->n_scopes));
	line("Networks", lk_key_join(arena, key->networks, key->n_networks));
	line("Realm access", lk_key_join(arena, key->realms, key->n_realms));
	for (size_t i = 0; i < key->n_metadata; i++) {
		printf("%-16s %s=%s\n", i == 0 ? "Metadata" : "",
			lk_text_safe(arena, key->metadata[i]->key),
			lk_text_safe(arena, key->metadata[i]->value));
	}
	line("Created", lk_key_time(arena, key->created_at));
	printf("%-16s %s\n", "Expires",
		key->expires_at != NULL ? lk_key_time(arena, key->expires_at) : "never");
	print_revocation(cli, key);
	if (key->last_use == NULL)
		puts("Last used        never");
	print_usage(cli, "Last used", key->last_use);
	/* Of a revoked key no secret is accepted any more. */
	if (key->previous_secret == NULL || key->revoked_at != NULL)
		return;
	line_of(cli, "Previous secret", key->previous_secret->hint);
	line("  accepted until", lk_key_time(arena, key->previous_secret->expires_at));
	print_usage(cli, "  last used", key->previous_secret->last_use);
}
