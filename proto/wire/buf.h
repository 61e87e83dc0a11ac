/* SPDX-License-Identifier: MIT */
/* Bytes being written and bytes being read, each with a sticky error, so that a codec is a
 * straight list of steps with one question at the end. Integers are big-endian.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

/* Growable bytes with a hard cap. */
struct lk_buf {
	uint8_t *data;
	size_t n;
	size_t room;
	size_t cap;
	bool failed; /* something did not fit, or memory was short */
};

/* Takes no memory yet. */
void lk_buf_init(struct lk_buf *buf, size_t cap);

/* Wipes and frees. */
void lk_buf_fini(struct lk_buf *buf);

/* Empties, wipes what was there, and keeps the memory. */
void lk_buf_reset(struct lk_buf *buf);

void lk_buf_u8(struct lk_buf *buf, uint8_t value);
void lk_buf_u16(struct lk_buf *buf, uint16_t value);
void lk_buf_u32(struct lk_buf *buf, uint32_t value);
void lk_buf_u64(struct lk_buf *buf, uint64_t value);
void lk_buf_add(struct lk_buf *buf, const void *data, size_t n);

/* Room for n bytes that the caller fills at once; NULL (and `failed`) if there is none. Valid
 * until the next call on the buffer. */
uint8_t *lk_buf_reserve(struct lk_buf *buf, size_t n);

/* A cursor over borrowed bytes. After a read past the end every read gives zeros or nothing. */
struct lk_cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct lk_cursor lk_cursor_over(struct lk_bytes bytes);
uint8_t lk_cursor_u8(struct lk_cursor *cursor);
uint16_t lk_cursor_u16(struct lk_cursor *cursor);
uint32_t lk_cursor_u32(struct lk_cursor *cursor);
uint64_t lk_cursor_u64(struct lk_cursor *cursor);
struct lk_bytes lk_cursor_take(struct lk_cursor *cursor, size_t n);

/* True when nothing failed and nothing is left. */
bool lk_cursor_clean_end(const struct lk_cursor *cursor);
