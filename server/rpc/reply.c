/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "latchkey/v1/common.pb-c.h"
#include "server/rpc/rpc_priv.h"

#define DOES_NOT_FIT LK_ERR(LK_RESOURCE_EXHAUSTED, "the answer does not fit into the reply")

/* Packs into the given bytes; empty when there is nothing to say or it does not fit. */
static struct lk_bytes pack_details(struct lk_status status, uint8_t *room, size_t n)
{
	Latchkey__V1__ErrorDetails details = LATCHKEY__V1__ERROR_DETAILS__INIT;
	Latchkey__V1__FieldViolation violation;
	Latchkey__V1__FieldViolation *violations = &violation;
	Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;

	latchkey__v1__field_violation__init(&violation);
	if (status.field != NULL) {
		violation.field = (char *)(uintptr_t)status.field;
		if (status.why != NULL)
			violation.description = (char *)(uintptr_t)status.why;
		details.field_violations = &violations;
		details.n_field_violations = 1;
	}
	if (status.retry_ms > 0) {
		delay.seconds = status.retry_ms / 1000;
		delay.nanos = (int32_t)(status.retry_ms % 1000) * 1000000;
		details.retry_delay = &delay;
	}
	details.reason = (Latchkey__V1__ErrorReason)status.reason;
	if (latchkey__v1__error_details__get_packed_size(&details) > n)
		return (struct lk_bytes) { NULL, 0 };
	return (struct lk_bytes) { room, latchkey__v1__error_details__pack(&details, room) };
}

static void put_error(struct lk_buf *reply, uint32_t id, struct lk_status status)
{
	/* Half of the room that is certain for each of the two; the head is small. */
	uint8_t details[LK_ERROR_REPLY_MAX / 2];
	size_t why_max = LK_ERROR_REPLY_MAX / 2 - 32;
	struct lk_frame_reply error = { .id = id, .code = status.code };

	if (status.why != NULL)
		error.why = (struct lk_bytes) { (const uint8_t *)status.why,
			strnlen(status.why, why_max) };
	error.details = pack_details(status, details, sizeof details);
	(void)lk_frame_put_reply(reply, &error);
}

struct lk_status lk_reply_begin(struct lk_buf *reply, size_t n)
{
	lk_buf_reset(reply);
	if (lk_buf_reserve(reply, (n + 1) * LK_ERROR_REPLY_MAX) == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the reply");
	reply->n = 0;
	lk_frame_put_reply_head(reply, (uint16_t)n);
	return LK_SUCCESS;
}

/* False, with nothing written, when it does not fit beside the replies that are to come. */
static bool put_response(
	struct lk_buf *reply, uint32_t id, const ProtobufCMessage *response, size_t later)
{
	struct lk_frame_reply ok = { .id = id, .code = LK_OK };
	size_t start = reply->n;

	ok.body.n = protobuf_c_message_get_packed_size(response);
	/* The later replies keep their room, so that running out of memory cannot silence them. */
	if (lk_buf_reserve(reply, lk_frame_reply_size(&ok) + later * LK_ERROR_REPLY_MAX) == NULL) {
		reply->failed = false;
		return false;
	}
	reply->n = start;
	protobuf_c_message_pack(response, lk_frame_put_reply(reply, &ok));
	return true;
}

struct lk_status lk_reply_put(struct lk_buf *reply, uint32_t id, struct lk_status status,
	const ProtobufCMessage *response, size_t later)
{
	if (status.code == LK_OK && !put_response(reply, id, response, later))
		status = DOES_NOT_FIT;
	if (status.code != LK_OK)
		put_error(reply, id, status);
	return status;
}
