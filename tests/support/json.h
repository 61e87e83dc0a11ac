/* SPDX-License-Identifier: MIT */
/* Messages of every type from text and to text, in an arena of the test. */
#pragma once

#include "every_type.pb-c.h"
#include "proto/wire/json.h"
#include "tests/support/check.h"

#define EVERY (&latchkey__test__every_type__descriptor)

static struct lk_arena arena;

static inline int set_up(void **state_)
{
	(void)state_;
	lk_arena_init(&arena, (size_t)16 << 20);
	return 0;
}

static inline int tear_down(void **state_)
{
	(void)state_;
	lk_arena_fini(&arena);
	return 0;
}

static inline struct lk_bytes bytes_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

static inline struct lk_status parse(const char *text, ProtobufCMessage **message_out)
{
	return lk_json_parse(EVERY, bytes_of(text), NULL, &arena, message_out);
}

static inline const Latchkey__Test__EveryType *parsed(const char *text)
{
	ProtobufCMessage *message = NULL;

	CHECK_OK(parse(text, &message));
	return (const Latchkey__Test__EveryType *)message;
}

/* The text of a message, in the arena. */
static inline const char *printed(const void *message, const struct lk_json_options *options)
{
	struct lk_buf buf;
	const char *text;

	lk_buf_init(&buf, (size_t)1 << 20);
	CHECK_OK(lk_json_print(message, options, &buf));
	text = lk_arena_strndup(&arena, (const char *)buf.data, buf.n);
	lk_buf_fini(&buf);
	return text;
}

/* The start, n times the part, and the end, in the arena. */
static inline const char *repeated(const char *start, const char *part, size_t n, const char *end)
{
	char *text = lk_arena_calloc(&arena, strlen(start) + n * strlen(part) + strlen(end) + 1, 1);
	char *at = stpcpy(text, start);

	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, part);
	stpcpy(at, end);
	return text;
}

/* A test with a fresh arena. */
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
