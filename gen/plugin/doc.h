/* SPDX-License-Identifier: MIT */
/* JSON written member by member, two spaces a level. Keys are NULL in arrays. */
#pragma once

#include <stdbool.h>

#include "proto/wire/buf.h"

struct lk_doc {
	struct lk_buf *out;
	unsigned depth;
	bool is_empty; /* nothing is in the innermost bracket yet */
};

/* `bracket` is '{' or '[', and '}' or ']' at its end. */
void lk_doc_open(struct lk_doc *doc, const char *key, char bracket);
void lk_doc_close(struct lk_doc *doc, char bracket);

void lk_doc_text(struct lk_doc *doc, const char *key, const char *text);
void lk_doc_bool(struct lk_doc *doc, const char *key, bool value);
