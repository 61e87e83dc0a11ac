/* SPDX-License-Identifier: MIT */
/* Lines of an answer's head. */
#pragma once

#include "proto/wire/buf.h"

void lk_put_text(struct lk_buf *out, const char *text);

/* Bytes that a value may not hold, or that would not be ASCII, as %XX, and so are `%` and `,`:
 * whatever comes in, it is one value of one line, and can be read back. */
void lk_put_value(struct lk_buf *out, struct lk_bytes value);

/* "Name: value\r\n", with such a value. */
void lk_put_header(struct lk_buf *out, const char *name, const char *value);

/* With a value that is known to be fit: of our own making, or out of a head that was parsed. */
void lk_put_header_bytes(struct lk_buf *out, const char *name, struct lk_bytes value);
void lk_put_header_raw(struct lk_buf *out, const char *name, const char *value);
