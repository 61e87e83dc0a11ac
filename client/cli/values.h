/* SPDX-License-Identifier: MIT */
/* What people type for values, and how values are told to people: spans of time, moments,
 * enum values. No clock: the present comes in as an argument.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "proto/wire/times.h"

/* Room for any text that a function of this file writes, its NUL included. */
#define LK_VALUE_ROOM 128

/* A span such as "30d", "1h30m" or "250ms"; units w, d, h, m, s and ms, each at most once and
 * from the largest to the smallest. "0" needs no unit. At most 1000 years. False, with the
 * output untouched, for anything else. */
bool lk_value_span(const char *text, int64_t *span_ms_out);

/* A moment: a span from now, or RFC 3339. Not "never", which is the caller's to understand. */
bool lk_value_moment(const char *text, lk_time_ms now, struct lk_time_parts *moment_out);

/* The value of a name without its prefix, in small letters and with dashes: "key-compromise" is
 * REVOCATION_REASON_KEY_COMPROMISE. The value 0, "unspecified", has no name. */
bool lk_value_enum(const ProtobufCEnumDescriptor *type, const char *name, int *value_out);

/* The opposite: "key-compromise"; "-" for 0, the number for one that has no name. */
void lk_value_enum_print(
	const ProtobufCEnumDescriptor *type, int value, char text_out[LK_VALUE_ROOM]);

/* How far off a moment is: "in 29 days", "3 hours ago", "now". */
void lk_value_relative_print(
	struct lk_time_parts moment, lk_time_ms now, char text_out[LK_VALUE_ROOM]);
