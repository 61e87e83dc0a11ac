/* SPDX-License-Identifier: MIT */
/* At most one effect: the answer of a call with an idempotency key is recorded in the commit of its
 * effect. A call that comes again finds it; of two at once the second's transaction fails, because
 * the record that it read as absent is there, and when it runs again it finds it, too. */
#include <string.h>

#include "server/crypto/seal.h"
#include "server/rpc/rpc_priv.h"
#include "server/store/layout.h"
#include "server/store/record.h"

#define KEEP_MS ((lk_time_ms)10 * 60 * 1000)
#define PURPOSE "idempotent answer"

static bool is_recorded(const struct lk_call *call)
{
	return call->idempotency_key.n > 0 && call->server->options.peppers != NULL &&
	       lk_method_changes(call->method);
}

static void add_text(struct lk_buf *buf, struct lk_bytes text)
{
	lk_buf_u16(buf, (uint16_t)text.n);
	lk_buf_add(buf, text.data, text.n);
}

/* Who asks for what: two callers never meet under one key. */
static struct lk_status write_name(const struct lk_call *call, struct lk_buf *buf)
{
	const struct lk_subject *subject = call->subject;

	lk_buf_u16(buf, call->method->number);
	add_text(buf, lk_bytes_of(call->realm_name));
	lk_buf_u8(buf, call->caller != NULL ? 1 + call->caller->is_operator : 0);
	add_text(buf, lk_bytes_of(call->caller != NULL ? call->caller->key_id : ""));
	lk_buf_u8(buf, subject != NULL ? 1 + subject->is_session : 0);
	if (subject != NULL) {
		add_text(buf, lk_bytes_of(subject->user_id));
		add_text(buf, (struct lk_bytes) { subject->id.bytes, sizeof subject->id.bytes });
	}
	add_text(buf, call->idempotency_key);
	return buf->failed ? LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory")
			   : LK_SUCCESS;
}

static struct lk_status row_of(
	const struct lk_call *call, const struct lk_pepper *pepper, struct lk_row *row_out)
{
	struct lk_digest digest;
	struct lk_status st;
	struct lk_buf name;

	lk_buf_init(&name, 1024);
	st = write_name(call, &name);
	if (st.code == LK_OK) {
		lk_digest_make(pepper, lk_bytes_of("idempotency key"),
			(struct lk_bytes) { name.data, name.n }, &digest);
		*row_out = lk_row_of_answer(digest.bytes);
	}
	lk_buf_fini(&name);
	return st;
}

static void fingerprint(
	const struct lk_call *call, const struct lk_pepper *pepper, struct lk_digest *digest_out)
{
	lk_digest_make(pepper, lk_bytes_of("idempotent request"), call->body, digest_out);
}

static struct lk_seal_key seal_key(
	const struct lk_call *call, const struct lk_pepper *pepper, const struct lk_row *row)
{
	return (struct lk_seal_key) { pepper, PURPOSE, call->idempotency_key, lk_row_bytes(row) };
}

/* The record in force, under this pepper. LK_NOT_FOUND: none, or one whose time is over. */
static struct lk_status find(const struct lk_call *call, struct lk_txn *txn,
	const struct lk_row *row, struct lk_answer_record *record_out)
{
	struct lk_bytes value;

	LK_TRY(lk_txn_get(txn, lk_row_bytes(row), &value));
	LK_TRY(lk_answer_record_decode(value, call->arena, record_out));
	if (call->now >= record_out->expires_ms)
		return LK_ERR(LK_NOT_FOUND, "the record is over");
	return LK_SUCCESS;
}

static struct lk_status open_answer(struct lk_call *call, const struct lk_pepper *pepper,
	const struct lk_row *row, const struct lk_answer_record *record,
	ProtobufCMessage **replay_out)
{
	struct lk_seal_key key = seal_key(call, pepper, row);
	struct lk_digest expected, recorded;
	uint8_t *plain;

	fingerprint(call, pepper, &expected);
	memcpy(recorded.bytes, record->fingerprint, sizeof recorded.bytes);
	if (!lk_digest_equal(&expected, &recorded))
		return (struct lk_status) { .code = LK_ALREADY_EXISTS,
			.why = "the idempotency key was used for another request",
			.reason = LK_IDEMPOTENCY_KEY_REUSED };
	if (record->sealed.n < LK_SEAL_OVERHEAD)
		return LK_ERR(LK_DATA_LOSS, "a recorded answer is damaged");
	plain = lk_arena_alloc(call->arena, record->sealed.n - LK_SEAL_OVERHEAD + 1);
	if (plain == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory");
	if (!lk_unseal(&key, record->sealed, plain))
		return LK_ERR(LK_DATA_LOSS, "a recorded answer is damaged");
	return lk_message_unpack(call->method->response,
		(struct lk_bytes) { plain, record->sealed.n - LK_SEAL_OVERHEAD }, call->arena,
		replay_out);
}

struct lk_status lk_answer_recall(
	struct lk_call *call, struct lk_txn *txn, ProtobufCMessage **replay_out)
{
	const struct lk_peppers *peppers = call->server->options.peppers;

	*replay_out = NULL;
	for (size_t i = 0; is_recorded(call) && i < peppers->n; i++) {
		struct lk_answer_record record;
		struct lk_status st;
		struct lk_row row;

		LK_TRY(row_of(call, &peppers->items[i], &row));
		st = find(call, txn, &row, &record);
		if (st.code == LK_OK)
			return open_answer(call, &peppers->items[i], &row, &record, replay_out);
		if (st.code != LK_NOT_FOUND)
			return st;
	}
	return LK_SUCCESS;
}

struct lk_status lk_answer_record(
	struct lk_call *call, struct lk_txn *txn, const ProtobufCMessage *response)
{
	struct lk_answer_record record = { .expires_ms = call->now + KEEP_MS };
	const struct lk_pepper *pepper;
	struct lk_seal_key key;
	struct lk_digest digest;
	struct lk_bytes plain, value;
	struct lk_row row, entry;
	uint8_t *sealed;

	if (!is_recorded(call))
		return LK_SUCCESS;
	pepper = &call->server->options.peppers->items[0];
	LK_TRY(row_of(call, pepper, &row));
	LK_TRY(lk_message_pack(response, call->arena, &plain));
	sealed = lk_arena_alloc(call->arena, plain.n + LK_SEAL_OVERHEAD);
	if (sealed == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory");
	key = seal_key(call, pepper, &row);
	lk_seal(&key, plain, sealed);
	record.sealed = (struct lk_bytes) { sealed, plain.n + LK_SEAL_OVERHEAD };
	record.pepper_id = pepper->id;
	fingerprint(call, pepper, &digest);
	memcpy(record.fingerprint, digest.bytes, sizeof record.fingerprint);
	LK_TRY(lk_answer_record_encode(&record, call->arena, &value));
	LK_TRY(lk_txn_put(txn, lk_row_bytes(&row), value, false));
	entry = lk_row_of_expiry(record.expires_ms, lk_row_bytes(&row));
	return lk_txn_put(txn, lk_row_bytes(&entry), (struct lk_bytes) { NULL, 0 }, false);
}
