/* SPDX-License-Identifier: MIT */
#include "server/rpc/messages.h"

#include <string.h>

/* 9999-12-31T23:59:59Z, the last moment of google.protobuf.Timestamp. */
#define TIMESTAMP_SECONDS_MAX INT64_C(253402300799)

/* google.protobuf.Duration's limit: about 10,000 years. */
#define DURATION_SECONDS_MAX INT64_C(315576000000)

Google__Protobuf__Timestamp *lk_timestamp_new(struct lk_arena *arena, lk_time_ms at)
{
	Google__Protobuf__Timestamp *timestamp = lk_arena_alloc(arena, sizeof *timestamp);

	if (timestamp == NULL)
		return NULL;
	*timestamp = (Google__Protobuf__Timestamp)GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	timestamp->seconds = at / 1000;
	timestamp->nanos = (int32_t)(at % 1000) * 1000000;
	return timestamp;
}

struct lk_status lk_timestamp_read(
	const Google__Protobuf__Timestamp *timestamp, const char *field, lk_time_ms *at_out)
{
	*at_out = 0;
	if (timestamp == NULL)
		return LK_SUCCESS;
	if (timestamp->seconds > TIMESTAMP_SECONDS_MAX || timestamp->nanos < 0 ||
		timestamp->nanos > 999999999)
		return LK_BAD_FIELD(field, "must be a time before the year 10000");
	if (timestamp->seconds >= 0)
		*at_out = timestamp->seconds * 1000 + timestamp->nanos / 1000000;
	if (*at_out == 0)
		*at_out = 1;
	return LK_SUCCESS;
}

Google__Protobuf__Duration *lk_duration_new(struct lk_arena *arena, lk_time_ms ms)
{
	Google__Protobuf__Duration *duration = lk_arena_alloc(arena, sizeof *duration);

	if (duration == NULL)
		return NULL;
	google__protobuf__duration__init(duration);
	duration->seconds = ms / 1000;
	duration->nanos = (int32_t)(ms % 1000) * 1000000;
	return duration;
}

struct lk_status lk_duration_read(
	const Google__Protobuf__Duration *duration, const char *field, lk_time_ms *ms_out)
{
	*ms_out = 0;
	if (duration == NULL)
		return LK_SUCCESS;
	if (duration->seconds < 0 || duration->seconds > DURATION_SECONDS_MAX ||
		duration->nanos < 0 || duration->nanos > 999999999)
		return LK_BAD_FIELD(field, "must not be negative");
	*ms_out = duration->seconds * 1000 + duration->nanos / 1000000;
	return LK_SUCCESS;
}

char *lk_text_new(struct lk_arena *arena, struct lk_bytes text)
{
	return lk_arena_strndup(arena, (const char *)text.data, text.n);
}

char **lk_texts_new(struct lk_arena *arena, const struct lk_text_list *list, size_t *n_out)
{
	char **texts = list->n > 0 ? lk_arena_alloc(arena, list->n * sizeof *texts) : NULL;

	*n_out = texts != NULL ? list->n : 0;
	for (size_t i = 0; i < *n_out; i++)
		texts[i] = lk_text_new(arena, list->items[i]);
	return texts;
}

static lk_key_usage *usage_new(struct lk_arena *arena, const struct lk_secret_use *use)
{
	lk_key_usage *usage = lk_arena_alloc(arena, sizeof *usage);

	if (usage == NULL)
		return NULL;
	*usage = (lk_key_usage)LK_KEY_USAGE_INIT;
	usage->at = lk_timestamp_new(arena, use->at_ms);
	usage->client_address = lk_text_new(arena, use->client_address);
	usage->user_agent = lk_text_new(arena, use->user_agent);
	return usage;
}

static lk_previous_secret *previous_new(struct lk_arena *arena, const struct lk_key_view *view)
{
	lk_previous_secret *previous = lk_arena_alloc(arena, sizeof *previous);

	if (previous == NULL)
		return NULL;
	*previous = (lk_previous_secret)LK_PREVIOUS_SECRET_INIT;
	previous->hint = lk_text_new(arena, view->record.previous.hint);
	previous->expires_at = lk_timestamp_new(arena, view->record.previous.expires_ms);
	if (view->previous_use != NULL)
		previous->last_use = usage_new(arena, view->previous_use);
	return previous;
}

static void add_metadata(struct lk_arena *arena, const struct lk_pair_list *pairs, lk_key *key)
{
	Latchkey__V1__Key__MetadataEntry **entries;

	if (pairs->n == 0)
		return;
	entries = lk_arena_alloc(arena, pairs->n * sizeof *entries);
	if (entries == NULL)
		return;
	for (size_t i = 0; i < pairs->n; i++) {
		entries[i] = lk_arena_alloc(arena, sizeof **entries);
		if (entries[i] == NULL)
			return;
		*entries[i] =
			(Latchkey__V1__Key__MetadataEntry)LATCHKEY__V1__KEY__METADATA_ENTRY__INIT;
		entries[i]->key = lk_text_new(arena, pairs->items[i].key);
		entries[i]->value = lk_text_new(arena, pairs->items[i].value);
	}
	key->metadata = entries;
	key->n_metadata = pairs->n;
}

static void add_times(struct lk_arena *arena, const struct lk_key_record *record, lk_key *key)
{
	key->created_at = lk_timestamp_new(arena, record->created_ms);
	if (record->expires_ms != 0)
		key->expires_at = lk_timestamp_new(arena, record->expires_ms);
	if (record->revoked_ms == 0)
		return;
	key->revoked_at = lk_timestamp_new(arena, record->revoked_ms);
	key->revocation_reason = (lk_revocation_reason)record->revocation_reason;
	key->revocation_comment = lk_text_new(arena, record->revocation_comment);
}

lk_key *lk_key_message_new(struct lk_arena *arena, const struct lk_key_view *view)
{
	const struct lk_key_record *record = &view->record;
	lk_key *key = lk_arena_alloc(arena, sizeof *key);

	if (key == NULL)
		return NULL;
	*key = (lk_key)LK_KEY_INIT;
	key->id = lk_arena_strndup(arena, view->id, strlen(view->id));
	key->realm = lk_text_new(arena, record->realm);
	key->name = lk_text_new(arena, record->name);
	key->hint = lk_text_new(arena, record->current.hint);
	key->user_id = lk_text_new(arena, record->user_id);
	key->organization_id = lk_text_new(arena, record->organization_id);
	key->scopes = lk_texts_new(arena, &record->scopes, &key->n_scopes);
	key->networks = lk_texts_new(arena, &record->networks, &key->n_networks);
	key->realms = lk_texts_new(arena, &record->realms, &key->n_realms);
	add_metadata(arena, &record->metadata, key);
	key->state = (lk_key_state)view->state;
	key->enabled = record->enabled;
	add_times(arena, record, key);
	if (view->current_use != NULL)
		key->last_use = usage_new(arena, view->current_use);
	if (record->has_previous)
		key->previous_secret = previous_new(arena, view);
	return arena->exhausted ? NULL : key;
}

struct lk_status lk_mask_read(const Google__Protobuf__FieldMask *mask,
	const struct lk_mask_path *paths, size_t n_paths, unsigned *fields_out)
{
	*fields_out = 0;
	if (mask == NULL || mask->n_paths == 0)
		return LK_BAD_FIELD("update_mask", "names no field");
	for (size_t i = 0; i < mask->n_paths; i++) {
		size_t p = 0;

		while (p < n_paths && strcmp(mask->paths[i], paths[p].path) != 0)
			p++;
		if (p == n_paths)
			return LK_BAD_FIELD("update_mask", "names a field that cannot be changed");
		*fields_out |= paths[p].field;
	}
	return LK_SUCCESS;
}
