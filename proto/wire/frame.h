/* SPDX-License-Identifier: MIT */
/* Frames: what one nng message holds. The bytes are fixed in proto/PROTOCOL.md; only this file
 * knows the offsets.
 *
 * A request frame is a head and 1 to LK_FRAME_CALLS_MAX calls; its answer has one reply per
 * call, in any order, or a single reply with id LK_WHOLE_FRAME when the frame as a whole was
 * refused.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/buf.h"
#include "proto/wire/status.h"

#define LK_FRAME_VERSION 1
#define LK_FRAME_CALLS_MAX 128
#define LK_REQUEST_FRAME_MAX ((size_t)60 * 1024)
#define LK_REPLY_FRAME_MAX ((size_t)256 * 1024)
#define LK_CREDENTIAL_MAX 512
#define LK_WHOLE_FRAME UINT32_MAX

/* The lanes of latchkey.v1.Lane, with the same numbers. */
enum lk_lane {
	LK_LANE_FAST = 1,
	LK_LANE_CRYPTO = 2,
	LK_LANE_READ = 3,
	LK_LANE_WRITE = 4,
	LK_LANE_HASH = 5,
};
#define LK_LANES 6 /* one more than the largest, for arrays by lane */

/* Calls of a frame. Of HASH one: nobody who is refused waits for somebody who is not. */
static inline uint16_t lk_lane_calls_max(enum lk_lane lane)
{
	return lane == LK_LANE_HASH ? 1 : LK_FRAME_CALLS_MAX;
}

struct lk_frame_head {
	enum lk_lane lane;
	uint16_t n_calls;
	struct lk_bytes credential; /* of the calling service; empty: none */
};

struct lk_frame_call {
	uint16_t method;
	uint32_t id;              /* anything but LK_WHOLE_FRAME */
	uint32_t remaining_ms;    /* of the deadline; 0: none was set */
	struct lk_bytes metadata; /* a latchkey.v1.CallMetadata, or empty */
	struct lk_bytes subject;  /* a latchkey.v1.Subject, or empty */
	struct lk_bytes body;
};

struct lk_frame_reply {
	uint32_t id;
	enum lk_code code;
	struct lk_bytes why;     /* UTF-8 */
	struct lk_bytes details; /* a latchkey.v1.ErrorDetails, or empty */
	struct lk_bytes body;    /* empty unless code is LK_OK */
};

/* Writes a head; n_calls may be corrected later with lk_frame_set_count. */
void lk_frame_put_head(struct lk_buf *buf, const struct lk_frame_head *head);

/* The same for a reply frame. */
void lk_frame_put_reply_head(struct lk_buf *buf, uint16_t n_replies);

/* Sets the number of calls or replies of the frame that fills the buffer. */
void lk_frame_set_count(struct lk_buf *buf, uint16_t n);

/* Writes everything but the body and returns the place for body.n bytes, which the caller fills
 * at once; body.data is not read. NULL when the buffer has no room (it is `failed` then). */
uint8_t *lk_frame_put_call(struct lk_buf *buf, const struct lk_frame_call *call);
uint8_t *lk_frame_put_reply(struct lk_buf *buf, const struct lk_frame_reply *reply);

/* Sets what is known only when a frame is sent, in the bytes that lk_frame_put_call wrote. */
void lk_frame_set_call(uint8_t *call, uint32_t id, uint32_t remaining_ms);

/* How many bytes lk_frame_put_call takes, body included. */
size_t lk_frame_call_size(const struct lk_frame_call *call);
size_t lk_frame_reply_size(const struct lk_frame_reply *reply);

/* Reads the head. LK_INVALID_ARGUMENT for another version, an unknown lane, a credential that
 * is too long, no calls or too many. */
LK_MUST_USE struct lk_status lk_frame_read_head(
	struct lk_cursor *cursor, struct lk_frame_head *head_out);

/* Reads the next call; its bytes are borrowed from the cursor's. LK_INVALID_ARGUMENT when the
 * frame is cut short or the id is reserved. After the last call the caller asks
 * lk_cursor_clean_end. */
LK_MUST_USE struct lk_status lk_frame_read_call(
	struct lk_cursor *cursor, struct lk_frame_call *call_out);

LK_MUST_USE struct lk_status lk_frame_read_reply_head(
	struct lk_cursor *cursor, uint16_t *n_replies_out);
LK_MUST_USE struct lk_status lk_frame_read_reply(
	struct lk_cursor *cursor, struct lk_frame_reply *reply_out);
