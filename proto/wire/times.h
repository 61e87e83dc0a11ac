/* SPDX-License-Identifier: MIT */
/* Moments and spans of time as text: RFC 3339, and protobuf's "1.5s".
 *
 * Calendar arithmetic only: no time zone, no locale, no clock.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

/* Enough for either text with its NUL. */
#define LK_TIME_TEXT_ROOM 40

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, which bound protobuf's Timestamp. */
#define LK_TIMESTAMP_S_MIN (-INT64_C(62135596800))
#define LK_TIMESTAMP_S_MAX INT64_C(253402300799)

/* Bounds of protobuf's Duration: about 10,000 years. */
#define LK_DURATION_S_MAX INT64_C(315576000000)

/* As in protobuf: a Timestamp's nanos count forward from its seconds; those of a Duration have
 * the same sign as its seconds. */
struct lk_time_parts {
	int64_t seconds;
	int32_t nanos;
};

/* "2027-01-01T00:00:00Z", with 3, 6 or 9 digits of a fraction where there is one. Returns the
 * length, or 0 when the value is outside of what a Timestamp can be. */
size_t lk_timestamp_print(struct lk_time_parts time, char text_out[LK_TIME_TEXT_ROOM]);

/* The same with exactly so many digits of a fraction, 9 at most: what is finer is cut off. */
size_t lk_timestamp_print_digits(
	struct lk_time_parts time, unsigned digits, char text_out[LK_TIME_TEXT_ROOM]);

/* Understands any offset and 1 to 9 digits of a fraction; refuses a leap second, since a
 * Timestamp cannot tell it. False, with the output untouched, for anything else. */
bool lk_timestamp_parse(struct lk_bytes text, struct lk_time_parts *time_out);

/* "-1.500s"; 0 when the value is outside of what a Duration can be. */
size_t lk_duration_print(struct lk_time_parts span, char text_out[LK_TIME_TEXT_ROOM]);

/* False, with the output untouched, for what is not a Duration's text. */
bool lk_duration_parse(struct lk_bytes text, struct lk_time_parts *span_out);
