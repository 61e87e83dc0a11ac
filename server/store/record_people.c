/* SPDX-License-Identifier: MIT */
/* Records of people: users, organisations, sessions, refresh tokens, and what belongs to them. */
#include <assert.h>

#include "server/store/record_priv.h"

typedef Latchkey__Store__V1__UserRecord user_message;
typedef Latchkey__Store__V1__SignInsRecord sign_ins_message;
typedef Latchkey__Store__V1__KnownNetwork network_message;
typedef Latchkey__Store__V1__OrganizationRecord organization_message;
typedef Latchkey__Store__V1__SessionRecord session_message;
typedef Latchkey__Store__V1__RefreshRecord refresh_message;
typedef Latchkey__Store__V1__CounterRecord counter_message;

struct lk_status lk_user_record_encode(
	const struct lk_user_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	user_message message;

	latchkey__store__v1__user_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.id = lk_record_binary(record->id.bytes, sizeof record->id.bytes);
	message.realm = lk_record_text(record->realm);
	message.email = lk_record_text(record->email);
	message.name = lk_record_text(record->name);
	message.n_roles = record->roles.n;
	message.roles = lk_record_texts(&record->roles, arena);
	if (message.roles == NULL)
		return LK_RECORD_TOO_LARGE;
	message.organization_id = lk_record_text(record->organization_id);
	message.enabled = record->enabled;
	message.created_ms = record->created_ms;
	message.password_hash = lk_record_text(record->password_hash);
	message.password_changed_ms = record->password_changed_ms;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_user_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_user_record *record_out)
{
	struct lk_user_record record = { 0 };
	const user_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__user_record__descriptor, value, arena, &base));
	message = (const user_message *)base;
	if (!lk_record_is_known(message->version) ||
		!lk_record_read_fixed(&message->id, record.id.bytes, sizeof record.id.bytes))
		return LK_RECORD_DAMAGED;
	if (!lk_record_read_texts(message->roles, message->n_roles, arena, &record.roles))
		return LK_RECORD_TOO_LARGE;
	record.realm = lk_record_bytes(&message->realm);
	record.email = lk_record_bytes(&message->email);
	record.name = lk_record_bytes(&message->name);
	record.organization_id = lk_record_bytes(&message->organization_id);
	record.enabled = message->enabled;
	record.created_ms = message->created_ms;
	record.password_hash = lk_record_bytes(&message->password_hash);
	record.password_changed_ms = message->password_changed_ms;
	*record_out = record;
	return LK_SUCCESS;
}

struct lk_status lk_sign_ins_record_encode(
	const struct lk_sign_ins_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	network_message networks[LK_KNOWN_NETWORKS_MAX];
	network_message *pointers[LK_KNOWN_NETWORKS_MAX];
	sign_ins_message message;

	assert(record->n_networks <= LK_KNOWN_NETWORKS_MAX);
	latchkey__store__v1__sign_ins_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.last_ms = record->last_ms;
	message.n_networks = record->n_networks;
	message.networks = pointers;
	for (size_t i = 0; i < record->n_networks; i++) {
		latchkey__store__v1__known_network__init(&networks[i]);
		networks[i].network = lk_record_text(record->networks[i].network);
		networks[i].last_ms = record->networks[i].last_ms;
		pointers[i] = &networks[i];
	}
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_sign_ins_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_sign_ins_record *record_out)
{
	struct lk_sign_ins_record record = { 0 };
	const sign_ins_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__sign_ins_record__descriptor, value, arena, &base));
	message = (const sign_ins_message *)base;
	if (!lk_record_is_known(message->version) || message->n_networks > LK_KNOWN_NETWORKS_MAX)
		return LK_RECORD_DAMAGED;
	record.last_ms = message->last_ms;
	record.n_networks = message->n_networks;
	for (size_t i = 0; i < message->n_networks; i++) {
		record.networks[i].network = lk_record_bytes(&message->networks[i]->network);
		record.networks[i].last_ms = message->networks[i]->last_ms;
	}
	*record_out = record;
	return LK_SUCCESS;
}

struct lk_status lk_organization_record_encode(const struct lk_organization_record *record,
	struct lk_arena *arena, struct lk_bytes *value_out)
{
	organization_message message;

	latchkey__store__v1__organization_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.id = lk_record_text(record->id);
	message.realm = lk_record_text(record->realm);
	message.plan = lk_record_text(record->plan);
	message.enabled = record->enabled;
	message.created_ms = record->created_ms;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_organization_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_organization_record *record_out)
{
	struct lk_organization_record record = { 0 };
	const organization_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__organization_record__descriptor, value, arena, &base));
	message = (const organization_message *)base;
	if (!lk_record_is_known(message->version))
		return LK_RECORD_DAMAGED;
	record.id = lk_record_bytes(&message->id);
	record.realm = lk_record_bytes(&message->realm);
	record.plan = lk_record_bytes(&message->plan);
	record.enabled = message->enabled;
	record.created_ms = message->created_ms;
	*record_out = record;
	return LK_SUCCESS;
}

struct lk_status lk_session_record_encode(
	const struct lk_session_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	session_message message;

	latchkey__store__v1__session_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.id = lk_record_binary(record->id.bytes, sizeof record->id.bytes);
	message.realm = lk_record_text(record->realm);
	message.user_id = lk_record_binary(record->user_id.bytes, sizeof record->user_id.bytes);
	message.created_ms = record->created_ms;
	message.expires_ms = record->expires_ms;
	message.ends_ms = record->ends_ms;
	message.ended_ms = record->ended_ms;
	message.client_address = lk_record_text(record->client_address);
	message.user_agent = lk_record_text(record->user_agent);
	message.digest = lk_record_binary(record->digest, sizeof record->digest);
	message.pepper_id = record->pepper_id;
	message.refresh_number = record->refresh_number;
	message.refresh_expires_ms = record->refresh_expires_ms;
	message.successor_until_ms = record->successor_until_ms;
	message.successor = lk_record_text(record->successor);
	message.successor_pepper_id = record->successor_pepper_id;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_session_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_session_record *record_out)
{
	struct lk_session_record record = { 0 };
	const session_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__session_record__descriptor, value, arena, &base));
	message = (const session_message *)base;
	if (!lk_record_is_known(message->version) ||
		!lk_record_read_fixed(&message->id, record.id.bytes, sizeof record.id.bytes) ||
		!lk_record_read_fixed(
			&message->user_id, record.user_id.bytes, sizeof record.user_id.bytes) ||
		!lk_record_read_fixed(&message->digest, record.digest, sizeof record.digest))
		return LK_RECORD_DAMAGED;
	record.realm = lk_record_bytes(&message->realm);
	record.created_ms = message->created_ms;
	record.expires_ms = message->expires_ms;
	record.ends_ms = message->ends_ms;
	record.ended_ms = message->ended_ms;
	record.client_address = lk_record_bytes(&message->client_address);
	record.user_agent = lk_record_bytes(&message->user_agent);
	record.pepper_id = message->pepper_id;
	record.refresh_number = message->refresh_number;
	record.refresh_expires_ms = message->refresh_expires_ms;
	record.successor_until_ms = message->successor_until_ms;
	record.successor = lk_record_bytes(&message->successor);
	record.successor_pepper_id = message->successor_pepper_id;
	*record_out = record;
	return LK_SUCCESS;
}

struct lk_status lk_refresh_record_encode(
	const struct lk_refresh_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	refresh_message message;

	latchkey__store__v1__refresh_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.session_id =
		lk_record_binary(record->session_id.bytes, sizeof record->session_id.bytes);
	message.number = record->number;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_refresh_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_refresh_record *record_out)
{
	struct lk_refresh_record record = { 0 };
	const refresh_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__refresh_record__descriptor, value, arena, &base));
	message = (const refresh_message *)base;
	if (!lk_record_is_known(message->version) ||
		!lk_record_read_fixed(&message->session_id, record.session_id.bytes,
			sizeof record.session_id.bytes))
		return LK_RECORD_DAMAGED;
	record.number = message->number;
	*record_out = record;
	return LK_SUCCESS;
}

struct lk_status lk_counter_record_encode(
	const struct lk_counter_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	counter_message message;

	latchkey__store__v1__counter_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.empty_ms = record->empty_ms;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_counter_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_counter_record *record_out)
{
	struct lk_counter_record record = { 0 };
	const counter_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__counter_record__descriptor, value, arena, &base));
	message = (const counter_message *)base;
	if (!lk_record_is_known(message->version))
		return LK_RECORD_DAMAGED;
	record.empty_ms = message->empty_ms;
	*record_out = record;
	return LK_SUCCESS;
}
