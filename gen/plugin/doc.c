/* SPDX-License-Identifier: MIT */
#include "gen/plugin/doc.h"

#include "gen/plugin/out.h"

static void add_text(struct lk_buf *out, const char *text)
{
	lk_buf_u8(out, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n') {
			lk_out_print(out, "\\n");
		} else if (c < ' ') {
			lk_out_print(out, "\\u%04x", c);
		} else {
			if (c == '"' || c == '\\')
				lk_buf_u8(out, '\\');
			lk_buf_u8(out, c);
		}
	}
	lk_buf_u8(out, '"');
}

static void begin_line(struct lk_doc *doc)
{
	lk_buf_u8(doc->out, '\n');
	for (unsigned i = 0; i < doc->depth; i++)
		lk_out_print(doc->out, "  ");
}

/* All of a member but its value. */
static void begin_member(struct lk_doc *doc, const char *key)
{
	if (!doc->is_empty)
		lk_buf_u8(doc->out, ',');
	if (doc->depth > 0)
		begin_line(doc);
	if (key != NULL) {
		add_text(doc->out, key);
		lk_out_print(doc->out, ": ");
	}
	doc->is_empty = false;
}

void lk_doc_open(struct lk_doc *doc, const char *key, char bracket)
{
	begin_member(doc, key);
	lk_buf_u8(doc->out, (uint8_t)bracket);
	doc->depth++;
	doc->is_empty = true;
}

void lk_doc_close(struct lk_doc *doc, char bracket)
{
	doc->depth--;
	if (!doc->is_empty)
		begin_line(doc);
	lk_buf_u8(doc->out, (uint8_t)bracket);
	doc->is_empty = false;
	if (doc->depth == 0)
		lk_buf_u8(doc->out, '\n');
}

void lk_doc_text(struct lk_doc *doc, const char *key, const char *text)
{
	begin_member(doc, key);
	add_text(doc->out, text);
}

void lk_doc_bool(struct lk_doc *doc, const char *key, bool value)
{
	begin_member(doc, key);
	lk_out_print(doc->out, value ? "true" : "false");
}
