/* SPDX-License-Identifier: MIT */
/* Records of what has to be opened again: signing keys, and the answers of calls. */
#include "server/store/record_priv.h"

typedef Latchkey__Store__V1__SigningKeyRecord signing_key_message;
typedef Latchkey__Store__V1__AnswerRecord answer_message;

struct lk_status lk_signing_key_record_encode(const struct lk_signing_key_record *record,
	struct lk_arena *arena, struct lk_bytes *value_out)
{
	signing_key_message message;

	latchkey__store__v1__signing_key_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.id = lk_record_binary(record->id.bytes, sizeof record->id.bytes);
	message.realm = lk_record_text(record->realm);
	message.algorithm = record->algorithm;
	message.sealed = lk_record_text(record->sealed);
	message.pepper_id = record->pepper_id;
	message.created_ms = record->created_ms;
	message.expires_ms = record->expires_ms;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_signing_key_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_signing_key_record *record_out)
{
	struct lk_signing_key_record record = { 0 };
	const signing_key_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__signing_key_record__descriptor, value, arena, &base));
	message = (const signing_key_message *)base;
	if (!lk_record_is_known(message->version) ||
		!lk_record_read_fixed(&message->id, record.id.bytes, sizeof record.id.bytes))
		return LK_RECORD_DAMAGED;
	record.realm = lk_record_bytes(&message->realm);
	record.algorithm = message->algorithm;
	record.sealed = lk_record_bytes(&message->sealed);
	record.pepper_id = message->pepper_id;
	record.created_ms = message->created_ms;
	record.expires_ms = message->expires_ms;
	*record_out = record;
	return LK_SUCCESS;
}

struct lk_status lk_answer_record_encode(
	const struct lk_answer_record *record, struct lk_arena *arena, struct lk_bytes *value_out)
{
	answer_message message;

	latchkey__store__v1__answer_record__init(&message);
	message.version = LK_RECORD_VERSION;
	message.fingerprint = lk_record_binary(record->fingerprint, sizeof record->fingerprint);
	message.sealed = lk_record_text(record->sealed);
	message.pepper_id = record->pepper_id;
	message.expires_ms = record->expires_ms;
	return lk_record_pack(&message.base, arena, value_out);
}

struct lk_status lk_answer_record_decode(
	struct lk_bytes value, struct lk_arena *arena, struct lk_answer_record *record_out)
{
	struct lk_answer_record record = { 0 };
	const answer_message *message;
	ProtobufCMessage *base;

	LK_TRY(lk_record_unpack(
		&latchkey__store__v1__answer_record__descriptor, value, arena, &base));
	message = (const answer_message *)base;
	if (!lk_record_is_known(message->version) ||
		!lk_record_read_fixed(
			&message->fingerprint, record.fingerprint, sizeof record.fingerprint))
		return LK_RECORD_DAMAGED;
	record.sealed = lk_record_bytes(&message->sealed);
	record.pepper_id = message->pepper_id;
	record.expires_ms = message->expires_ms;
	*record_out = record;
	return LK_SUCCESS;
}
