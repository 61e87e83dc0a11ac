/* SPDX-License-Identifier: MIT */
#include "proto/wire/frame.h"

#include <assert.h>

/* version u8, lane u8 (0 in a reply), count u16 */
#define COUNT_OFFSET 2

/* method u16, id u32, remaining u32, and the lengths u16, u16, u32 */
#define CALL_FIXED 18
#define CALL_ID_OFFSET 2
#define CALL_REMAINING_OFFSET 6

/* id u32, code u8, and the lengths u16, u16, u32 */
#define REPLY_FIXED 13

static void put_start(struct lk_buf *buf, uint8_t lane, uint16_t count)
{
	lk_buf_u8(buf, LK_FRAME_VERSION);
	lk_buf_u8(buf, lane);
	lk_buf_u16(buf, count);
}

void lk_frame_put_head(struct lk_buf *buf, const struct lk_frame_head *head)
{
	put_start(buf, (uint8_t)head->lane, head->n_calls);
	lk_buf_u16(buf, (uint16_t)head->credential.n);
	lk_buf_add(buf, head->credential.data, head->credential.n);
}

void lk_frame_put_reply_head(struct lk_buf *buf, uint16_t n_replies)
{
	put_start(buf, 0, n_replies);
}

void lk_frame_set_count(struct lk_buf *buf, uint16_t n)
{
	if (buf->failed)
		return;
	assert(buf->n >= COUNT_OFFSET + 2);
	buf->data[COUNT_OFFSET] = (uint8_t)(n >> 8);
	buf->data[COUNT_OFFSET + 1] = (uint8_t)n;
}

size_t lk_frame_call_size(const struct lk_frame_call *call)
{
	return CALL_FIXED + call->metadata.n + call->subject.n + call->body.n;
}

size_t lk_frame_reply_size(const struct lk_frame_reply *reply)
{
	return REPLY_FIXED + reply->why.n + reply->details.n + reply->body.n;
}

uint8_t *lk_frame_put_call(struct lk_buf *buf, const struct lk_frame_call *call)
{
	if (call->metadata.n > UINT16_MAX || call->subject.n > UINT16_MAX ||
		call->body.n > UINT32_MAX) {
		buf->failed = true;
		return NULL;
	}
	lk_buf_u16(buf, call->method);
	lk_buf_u32(buf, call->id);
	lk_buf_u32(buf, call->remaining_ms);
	lk_buf_u16(buf, (uint16_t)call->metadata.n);
	lk_buf_u16(buf, (uint16_t)call->subject.n);
	lk_buf_u32(buf, (uint32_t)call->body.n);
	lk_buf_add(buf, call->metadata.data, call->metadata.n);
	lk_buf_add(buf, call->subject.data, call->subject.n);
	return lk_buf_reserve(buf, call->body.n);
}

static void set_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

void lk_frame_set_call(uint8_t *call, uint32_t id, uint32_t remaining_ms)
{
	set_u32(call + CALL_ID_OFFSET, id);
	set_u32(call + CALL_REMAINING_OFFSET, remaining_ms);
}

uint8_t *lk_frame_put_reply(struct lk_buf *buf, const struct lk_frame_reply *reply)
{
	if (reply->why.n > UINT16_MAX || reply->details.n > UINT16_MAX ||
		reply->body.n > UINT32_MAX) {
		buf->failed = true;
		return NULL;
	}
	lk_buf_u32(buf, reply->id);
	lk_buf_u8(buf, (uint8_t)reply->code);
	lk_buf_u16(buf, (uint16_t)reply->why.n);
	lk_buf_u16(buf, (uint16_t)reply->details.n);
	lk_buf_u32(buf, (uint32_t)reply->body.n);
	lk_buf_add(buf, reply->why.data, reply->why.n);
	lk_buf_add(buf, reply->details.data, reply->details.n);
	return lk_buf_reserve(buf, reply->body.n);
}

static struct lk_status read_start(struct lk_cursor *cursor, uint8_t *lane_out, uint16_t *n_out)
{
	uint8_t version = lk_cursor_u8(cursor);

	*lane_out = lk_cursor_u8(cursor);
	*n_out = lk_cursor_u16(cursor);
	if (cursor->failed)
		return LK_ERR(LK_INVALID_ARGUMENT, "the frame is shorter than its head");
	if (version != LK_FRAME_VERSION)
		return LK_ERR(LK_INVALID_ARGUMENT, "this frame version is not supported");
	if (*n_out == 0 || *n_out > LK_FRAME_CALLS_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "a frame holds 1 to 128 calls");
	return LK_SUCCESS;
}

struct lk_status lk_frame_read_head(struct lk_cursor *cursor, struct lk_frame_head *head_out)
{
	struct lk_bytes credential;
	uint16_t n_calls, n_credential;
	uint8_t lane;

	LK_TRY(read_start(cursor, &lane, &n_calls));
	if (lane < LK_LANE_FAST || lane >= LK_LANES)
		return LK_ERR(LK_INVALID_ARGUMENT, "the frame names an unknown lane");
	n_credential = lk_cursor_u16(cursor);
	credential = lk_cursor_take(cursor, n_credential);
	if (cursor->failed)
		return LK_ERR(LK_INVALID_ARGUMENT, "the frame is shorter than its head");
	if (n_credential > LK_CREDENTIAL_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "the service credential exceeds 512 bytes");
	*head_out = (struct lk_frame_head) { (enum lk_lane)lane, n_calls, credential };
	return LK_SUCCESS;
}

struct lk_status lk_frame_read_call(struct lk_cursor *cursor, struct lk_frame_call *call_out)
{
	struct lk_frame_call call;
	size_t n_metadata, n_subject, n_body;

	call.method = lk_cursor_u16(cursor);
	call.id = lk_cursor_u32(cursor);
	call.remaining_ms = lk_cursor_u32(cursor);
	n_metadata = lk_cursor_u16(cursor);
	n_subject = lk_cursor_u16(cursor);
	n_body = lk_cursor_u32(cursor);
	call.metadata = lk_cursor_take(cursor, n_metadata);
	call.subject = lk_cursor_take(cursor, n_subject);
	call.body = lk_cursor_take(cursor, n_body);
	if (cursor->failed)
		return LK_ERR(LK_INVALID_ARGUMENT, "the frame ends within a call");
	if (call.id == LK_WHOLE_FRAME)
		return LK_ERR(LK_INVALID_ARGUMENT, "call id 4294967295 is reserved");
	*call_out = call;
	return LK_SUCCESS;
}

struct lk_status lk_frame_read_reply_head(struct lk_cursor *cursor, uint16_t *n_replies_out)
{
	uint8_t lane;

	return read_start(cursor, &lane, n_replies_out);
}

struct lk_status lk_frame_read_reply(struct lk_cursor *cursor, struct lk_frame_reply *reply_out)
{
	struct lk_frame_reply reply;
	size_t n_why, n_details, n_body;

	reply.id = lk_cursor_u32(cursor);
	reply.code = lk_code_from_number(lk_cursor_u8(cursor));
	n_why = lk_cursor_u16(cursor);
	n_details = lk_cursor_u16(cursor);
	n_body = lk_cursor_u32(cursor);
	reply.why = lk_cursor_take(cursor, n_why);
	reply.details = lk_cursor_take(cursor, n_details);
	reply.body = lk_cursor_take(cursor, n_body);
	if (cursor->failed)
		return LK_ERR(LK_INVALID_ARGUMENT, "the frame ends within a reply");
	*reply_out = reply;
	return LK_SUCCESS;
}
