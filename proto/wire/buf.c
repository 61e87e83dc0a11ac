/* SPDX-License-Identifier: MIT */
#include "proto/wire/buf.h"

#include <string.h>

#include "proto/wire/arena.h"

#define ROOM_MIN 256

void lk_buf_init(struct lk_buf *buf, size_t cap)
{
	*buf = (struct lk_buf) { .cap = cap };
}

void lk_buf_fini(struct lk_buf *buf)
{
	lk_wipe(buf->data, buf->n);
	lk_free(buf->data);
	lk_buf_init(buf, buf->cap);
}

void lk_buf_reset(struct lk_buf *buf)
{
	lk_wipe(buf->data, buf->n);
	buf->n = 0;
	buf->failed = false;
}

/* Grows by copying, not by realloc, which would leave the old bytes unwiped. */
static bool grow(struct lk_buf *buf, size_t n)
{
	size_t room = buf->room < ROOM_MIN ? ROOM_MIN : buf->room * 2;
	uint8_t *data;

	if (n > buf->cap - buf->n)
		return false;
	while (room < buf->n + n)
		room *= 2;
	if (room > buf->cap)
		room = buf->cap;
	data = lk_alloc(room);
	if (data == NULL)
		return false;
	if (buf->n > 0)
		memcpy(data, buf->data, buf->n);
	lk_wipe(buf->data, buf->n);
	lk_free(buf->data);
	buf->data = data;
	buf->room = room;
	return true;
}

uint8_t *lk_buf_reserve(struct lk_buf *buf, size_t n)
{
	uint8_t *at;

	if (buf->failed)
		return NULL;
	if (n > buf->room - buf->n && !grow(buf, n)) {
		buf->failed = true;
		return NULL;
	}
	at = buf->data + buf->n;
	buf->n += n;
	return at;
}

void lk_buf_add(struct lk_buf *buf, const void *data, size_t n)
{
	uint8_t *at = lk_buf_reserve(buf, n);

	if (at != NULL && n > 0)
		memcpy(at, data, n);
}

static void add_integer(struct lk_buf *buf, uint64_t value, size_t n)
{
	uint8_t *at = lk_buf_reserve(buf, n);

	if (at == NULL)
		return;
	while (n > 0) {
		at[--n] = (uint8_t)value;
		value >>= 8;
	}
}

void lk_buf_u8(struct lk_buf *buf, uint8_t value)
{
	add_integer(buf, value, 1);
}

void lk_buf_u16(struct lk_buf *buf, uint16_t value)
{
	add_integer(buf, value, 2);
}

void lk_buf_u32(struct lk_buf *buf, uint32_t value)
{
	add_integer(buf, value, 4);
}

void lk_buf_u64(struct lk_buf *buf, uint64_t value)
{
	add_integer(buf, value, 8);
}

struct lk_cursor lk_cursor_over(struct lk_bytes bytes)
{
	static const uint8_t nothing[1];
	const uint8_t *at = bytes.n > 0 ? bytes.data : nothing;

	return (struct lk_cursor) { .at = at, .end = at + bytes.n };
}

struct lk_bytes lk_cursor_take(struct lk_cursor *cursor, size_t n)
{
	struct lk_bytes taken = { cursor->at, n };

	if (cursor->failed || n > (size_t)(cursor->end - cursor->at)) {
		cursor->failed = true;
		return (struct lk_bytes) { NULL, 0 };
	}
	cursor->at += n;
	return taken;
}

static uint64_t take_integer(struct lk_cursor *cursor, size_t n)
{
	struct lk_bytes bytes = lk_cursor_take(cursor, n);
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.n; i++)
		value = value << 8 | bytes.data[i];
	return value;
}

uint8_t lk_cursor_u8(struct lk_cursor *cursor)
{
	return (uint8_t)take_integer(cursor, 1);
}

uint16_t lk_cursor_u16(struct lk_cursor *cursor)
{
	return (uint16_t)take_integer(cursor, 2);
}

uint32_t lk_cursor_u32(struct lk_cursor *cursor)
{
	return (uint32_t)take_integer(cursor, 4);
}

uint64_t lk_cursor_u64(struct lk_cursor *cursor)
{
	return take_integer(cursor, 8);
}

bool lk_cursor_clean_end(const struct lk_cursor *cursor)
{
	return !cursor->failed && cursor->at == cursor->end;
}
