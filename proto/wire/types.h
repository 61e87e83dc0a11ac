/* SPDX-License-Identifier: MIT */
/* Words that every layer shares: borrowed bytes and moments in time. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A result that must not be dropped. */
#define LK_MUST_USE __attribute__((warn_unused_result))

#define LK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Borrowed bytes; valid as long as their owner says. */
struct lk_bytes {
	const uint8_t *data;
	size_t n;
};

/* The bytes of a text, without its NUL. */
static inline struct lk_bytes lk_bytes_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

/* Milliseconds since 1970-01-01T00:00:00Z. */
typedef int64_t lk_time_ms;

/* Milliseconds of the monotonic clock; 0 stands for "no deadline". */
typedef int64_t lk_mono_ms;
