/* SPDX-License-Identifier: MIT */
/* Texts in and out through jansson, and its memory. */
#include <pthread.h>
#include <setjmp.h>

#include "proto/wire/json_priv.h"

/* A text of LK_JSON_TEXT_MAX and LK_JSON_VALUES_MAX takes less than a quarter. */
#define POOL_MAX ((size_t)64 << 20)

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the JSON text needs too much memory")
#define WRONG(why_) LK_ERR(LK_INVALID_ARGUMENT, why_)

/* Where jansson's memory comes from in this thread: its hooks know nothing but a size. They are the
 * process's, so nothing else in it may use jansson. */
static _Thread_local struct lk_arena *current_pool;

/* Jansson's lexer (2.14) drops a character when its buffer cannot grow, goes on, and may then
 * write past the end of a string. So it does not go on: without memory, loading ends at once.
 * Nothing is lost, since all that jansson holds is in the pool. */
static _Thread_local jmp_buf *when_exhausted;

static void *allocate(size_t n)
{
	void *p = lk_arena_alloc(current_pool, n);

	if (p == NULL && when_exhausted != NULL)
		longjmp(*when_exhausted, 1);
	return p;
}

/* The pool goes as a whole. */
static void release(void *p)
{
	(void)p;
}

static void set_hooks(void)
{
	json_set_alloc_funcs(allocate, release);
}

void lk_json_begin(struct lk_arena *pool)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_hooks);
	lk_arena_init(pool, POOL_MAX);
	current_pool = pool;
}

void lk_json_end(struct lk_arena *pool)
{
	current_pool = NULL;
	lk_arena_fini(pool);
}

/* Jansson's parser calls itself at each bracket and allocates for each value, so the text is
 * measured first. Where the text is no JSON this may measure wrong, but only behind the place at
 * which jansson stops. And its lexer overlooks a NUL behind a number or a word. */
static struct lk_status check_limits(struct lk_bytes text)
{
	unsigned depth = 0;
	size_t n_values = 0;
	bool in_string = false;

	if (text.n > LK_JSON_TEXT_MAX)
		return WRONG("the JSON text is too long");
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.data[i];

		if (c == '\0')
			return WRONG("the JSON text has a NUL");
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		if (in_string)
			continue;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
		n_values += c == '{' || c == '[' || c == ',';
		if (depth > LK_JSON_DEPTH_MAX)
			return WRONG("the JSON text is nested too deep");
	}
	return n_values > LK_JSON_VALUES_MAX ? WRONG("the JSON text has too many values")
					     : LK_SUCCESS;
}

static json_t *load(struct lk_bytes text, json_error_t *error)
{
	jmp_buf here;
	json_t *json = NULL;

	when_exhausted = &here;
	if (setjmp(here) == 0)
		json = json_loadb((const char *)text.data, text.n, JSON_REJECT_DUPLICATES, error);
	when_exhausted = NULL;
	return current_pool->exhausted ? NULL : json;
}

struct lk_status lk_json_load(struct lk_bytes text, json_t **json_out)
{
	json_error_t error;
	enum json_error_code code;

	LK_TRY(check_limits(text));
	*json_out = load(text, &error);
	code = json_error_code(&error);
	/* Its message quotes the text. */
	lk_wipe(&error, sizeof error);
	if (*json_out != NULL)
		return LK_SUCCESS;
	if (current_pool->exhausted)
		return NO_MEMORY;
	if (code == json_error_duplicate_key)
		return WRONG("the JSON text has a member that comes twice");
	if (code == json_error_numeric_overflow)
		return WRONG("the JSON text has a number that is too large");
	if (code == json_error_invalid_utf8)
		return WRONG("the JSON text is not UTF-8");
	return WRONG("the JSON text is malformed");
}

static int add_to_buf(const char *text, size_t n, void *arg)
{
	struct lk_buf *out = arg;

	lk_buf_add(out, text, n);
	return out->failed ? -1 : 0;
}

struct lk_status lk_json_dump(const json_t *json, size_t flags, struct lk_buf *out)
{
	if (json_dump_callback(json, add_to_buf, out, flags | JSON_ENCODE_ANY) != 0)
		return NO_MEMORY;
	return LK_SUCCESS;
}
