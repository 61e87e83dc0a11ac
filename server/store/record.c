/* SPDX-License-Identifier: MIT */
/* Plain struct to message and back, field by field, in the order of records.proto. Of the store
 * only this file and those beside it, record_*.c, know protobuf-c. Here: keys and their usage.
 */
#include <assert.h>
#include <string.h>

#include "server/store/record_priv.h"

typedef Latchkey__Store__V1__KeyRecord key_message;
typedef Latchkey__Store__V1__SecretRecord secret_message;
typedef Latchkey__Store__V1__Pair pair_message;
typedef Latchkey__Store__V1__UsageRecord usage_message;
typedef Latchkey__Store__V1__SecretUse use_message;

/* --- encoding --- */

/* protobuf-c packs without writing to what it packs, but its types are not const. */
ProtobufCBinaryData lk_record_binary(const void *data, size_t n)
{
	union {
		const void *in;
		uint8_t *out;
	} pointer = { .in = data };

	return (ProtobufCBinaryData) { n, pointer.out };
}

ProtobufCBinaryData lk_record_text(struct lk_bytes text)
{
	return lk_record_binary(text.data, text.n);
}

ProtobufCBinaryData *lk_record_texts(const struct lk_text_list *list, struct lk_arena *arena)
{
	ProtobufCBinaryData *texts = lk_arena_calloc(arena, list->n, sizeof *texts);

	for (size_t i = 0; texts != NULL && i < list->n; i++)
		texts[i] = lk_record_text(list->items[i]);
	return texts;
}

static pair_message **pairs_of(const struct lk_pair_list *list, struct lk_arena *arena)
{
	pair_message **pointers = lk_arena_calloc(arena, list->n, sizeof(pair_message *));
	pair_message *pairs = lk_arena_calloc(arena, list->n, sizeof *pairs);

	if (pointers == NULL || pairs == NULL)
		return NULL;
	for (size_t i = 0; i < list->n; i++) {
		latchkey__store__v1__pair__init(&pairs[i]);
		pairs[i].key = lk_record_text(list->items[i].key);
		pairs[i].value = lk_record_text(list->items[i].value);
		pointers[i] = &pairs[i];
	}
	return pointers;
}

static secret_message message_of_secret(const struct lk_secret_record *secret)
{
	secret_message message;

	latchkey__store__v1__secret_record__init(&message);
	message.number = secret->number;
	message.digest = lk_record_binary(secret->digest, sizeof secret->digest);
	message.pepper_id = secret->pepper_id;
	message.hint = lk_record_text(secret->hint);
	message.created_ms = secret->created_ms;
	message.expires_ms = secret->expires_ms;
	return message;
}

struct lk_status lk_record_pack(
	const ProtobufCMessage *message, struct lk_arena *arena, struct lk_bytes *value_out)
{
	struct lk_bytes value;

	LK_TRY(lk_message_pack(message, arena, &value));
	if (value.n > LK_STORE_VALUE_MAX ||
		lk_message_check(message->descriptor, value).code != LK_OK)
		return LK_RECORD_TOO_LARGE;
	*value_out = value;
	return LK_SUCCESS;
}

struct lk_status lk_key_record_encode(
	const struct lk_key_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	secret_message current = message_of_secret(&record->current);
	secret_message previous = message_of_secret(&record->previous);
	key_message message;

	latchkey__store__v1__key_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.id = lk_record_binary(record->id.bytes, sizeof record->id.bytes);
	message.realm = lk_record_text(record->realm);
	message.name = lk_record_text(record->name);
	message.user_id = lk_record_text(record->user_id);
	message.organization_id = lk_record_text(record->organization_id);
	message.n_scopes = record->scopes.n;
	message.scopes = lk_record_texts(&record->scopes, arena);
	message.n_networks = record->networks.n;
	message.networks = lk_record_texts(&record->networks, arena);
	message.n_realms = record->realms.n;
	message.realms = lk_record_texts(&record->realms, arena);
	message.n_metadata = record->metadata.n;
	message.metadata = pairs_of(&record->metadata, arena);
	message.enabled = record->enabled;
	message.created_ms = record->created_ms;
	message.expires_ms = record->expires_ms;
	message.revoked_ms = record->revoked_ms;
	message.revocation_reason = record->revocation_reason;
	message.revocation_comment = lk_record_text(record->revocation_comment);
	message.current = &current;
	message.previous = record->has_previous ? &previous : NULL;
	if (arena->exhausted)
		return LK_RECORD_TOO_LARGE;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_usage_record_encode(
	const struct lk_usage_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	use_message uses[LK_USES_MAX];
	use_message *pointers[LK_USES_MAX];
	usage_message message;

	assert(record->n_uses <= LK_USES_MAX);
	latchkey__store__v1__usage_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.n_uses = record->n_uses;
	message.uses = pointers;
	for (size_t i = 0; i < record->n_uses; i++) {
		latchkey__store__v1__secret_use__init(&uses[i]);
		uses[i].secret = record->uses[i].secret;
		uses[i].at_ms = record->uses[i].at_ms;
		uses[i].client_address = lk_record_text(record->uses[i].client_address);
		uses[i].user_agent = lk_record_text(record->uses[i].user_agent);
		pointers[i] = &uses[i];
	}
	return lk_record_pack(&message.base, arena, value_out);
}

/* --- decoding --- */

struct lk_bytes lk_record_bytes(const ProtobufCBinaryData *data)
{
	return (struct lk_bytes) { data->data, data->len };
}

bool lk_record_read_fixed(const ProtobufCBinaryData *data, uint8_t *out, size_t n)
{
	if (data->len != n)
		return false;
	memcpy(out, data->data, n);
	return true;
}

bool lk_record_read_texts(const ProtobufCBinaryData *texts, size_t n, struct lk_arena *arena,
	struct lk_text_list *list_out)
{
	struct lk_bytes *items = lk_arena_calloc(arena, n, sizeof *items);

	for (size_t i = 0; items != NULL && i < n; i++)
		items[i] = lk_record_bytes(&texts[i]);
	*list_out = (struct lk_text_list) { items, n };
	return items != NULL;
}

static bool read_pairs(
	pair_message *const *pairs, size_t n, struct lk_arena *arena, struct lk_pair_list *list_out)
{
	struct lk_text_pair *items = lk_arena_calloc(arena, n, sizeof *items);

	for (size_t i = 0; items != NULL && i < n; i++)
		items[i] = (struct lk_text_pair) { lk_record_bytes(&pairs[i]->key),
			lk_record_bytes(&pairs[i]->value) };
	*list_out = (struct lk_pair_list) { items, n };
	return items != NULL;
}

struct lk_status lk_record_unpack(const ProtobufCMessageDescriptor *type, struct lk_bytes value,
	struct lk_arena *arena, ProtobufCMessage **message_out)
{
	struct lk_status st = lk_message_unpack(type, value, arena, message_out);

	return st.code == LK_OK || st.code == LK_RESOURCE_EXHAUSTED ? st : LK_RECORD_DAMAGED;
}

static bool read_secret(const secret_message *message, struct lk_secret_record *secret_out)
{
	secret_out->number = message->number;
	secret_out->pepper_id = message->pepper_id;
	secret_out->hint = lk_record_bytes(&message->hint);
	secret_out->created_ms = message->created_ms;
	secret_out->expires_ms = message->expires_ms;
	return lk_record_read_fixed(
		&message->digest, secret_out->digest, sizeof secret_out->digest);
}

bool lk_record_is_known(uint32_t version)
{
	return version >= 1 && version <= LK_RECORD_VERSION;
}

/* Lists need memory of their own; everything else is copied or points into the message. */
static bool read_lists(
	const key_message *message, struct lk_arena *arena, struct lk_key_record *record)
{
	return lk_record_read_texts(message->scopes, message->n_scopes, arena, &record->scopes) &&
	       lk_record_read_texts(
		       message->networks, message->n_networks, arena, &record->networks) &&
	       lk_record_read_texts(message->realms, message->n_realms, arena, &record->realms) &&
	       read_pairs(message->metadata, message->n_metadata, arena, &record->metadata);
}

static bool read_secrets(const key_message *message, struct lk_key_record *record)
{
	record->has_previous = message->previous != NULL;
	return message->current != NULL && read_secret(message->current, &record->current) &&
	       (!record->has_previous || read_secret(message->previous, &record->previous));
}

struct lk_status lk_key_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_key_record *record_out)
{
	struct lk_key_record record = { 0 };
	ProtobufCMessage *base;
	const key_message *message;

	LK_TRY(lk_record_unpack(&latchkey__store__v1__key_record__descriptor, value, arena, &base));
	message = (const key_message *)base;
	if (!lk_record_is_known(message->version) || !read_secrets(message, &record) ||
		!lk_record_read_fixed(&message->id, record.id.bytes, sizeof record.id.bytes))
		return LK_RECORD_DAMAGED;
	if (!read_lists(message, arena, &record))
		return LK_RECORD_TOO_LARGE;
	record.realm = lk_record_bytes(&message->realm);
	record.name = lk_record_bytes(&message->name);
	record.user_id = lk_record_bytes(&message->user_id);
	record.organization_id = lk_record_bytes(&message->organization_id);
	record.enabled = message->enabled;
	record.created_ms = message->created_ms;
	record.expires_ms = message->expires_ms;
	record.revoked_ms = message->revoked_ms;
	record.revocation_reason = message->revocation_reason;
	record.revocation_comment = lk_record_bytes(&message->revocation_comment);
	*record_out = record;
	return LK_SUCCESS;
}

struct lk_status lk_usage_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_usage_record *record_out)
{
	struct lk_usage_record record = { 0 };
	ProtobufCMessage *base;
	const usage_message *message;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__usage_record__descriptor, value, arena, &base));
	message = (const usage_message *)base;
	if (!lk_record_is_known(message->version) || message->n_uses > LK_USES_MAX)
		return LK_RECORD_DAMAGED;
	record.n_uses = message->n_uses;
	for (size_t i = 0; i < message->n_uses; i++) {
		record.uses[i].secret = message->uses[i]->secret;
		record.uses[i].at_ms = message->uses[i]->at_ms;
		record.uses[i].client_address = lk_record_bytes(&message->uses[i]->client_address);
		record.uses[i].user_agent = lk_record_bytes(&message->uses[i]->user_agent);
	}
	*record_out = record;
	return LK_SUCCESS;
}
