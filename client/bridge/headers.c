/* SPDX-License-Identifier: MIT */
#include "client/bridge/headers.h"

void lk_put_text(struct lk_buf *out, const char *text)
{
	lk_buf_add(out, text, strlen(text));
}

void lk_put_value(struct lk_buf *out, struct lk_bytes value)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t done = 0;

	for (size_t i = 0; i < value.n; i++) {
		uint8_t byte = value.data[i];

		if (byte > ' ' && byte <= '~' && byte != '%' && byte != ',')
			continue;
		lk_buf_add(out, value.data + done, i - done);
		lk_buf_u8(out, '%');
		lk_buf_u8(out, (uint8_t)digits[byte >> 4]);
		lk_buf_u8(out, (uint8_t)digits[byte & 15]);
		done = i + 1;
	}
	lk_buf_add(out, value.data + done, value.n - done);
}

void lk_put_header(struct lk_buf *out, const char *name, const char *value)
{
	lk_put_text(out, name);
	lk_put_text(out, ": ");
	lk_put_value(out, lk_bytes_of(value));
	lk_put_text(out, "\r\n");
}

void lk_put_header_bytes(struct lk_buf *out, const char *name, struct lk_bytes value)
{
	lk_put_text(out, name);
	lk_put_text(out, ": ");
	lk_buf_add(out, value.data, value.n);
	lk_put_text(out, "\r\n");
}

void lk_put_header_raw(struct lk_buf *out, const char *name, const char *value)
{
	lk_put_header_bytes(out, name, lk_bytes_of(value));
}
