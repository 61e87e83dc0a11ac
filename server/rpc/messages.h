/* SPDX-License-Identifier: MIT */
/* Core structs to messages and back. Messages live in the arena. */
#pragma once

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "latchkey/v1/key.rpc.h"
#include "server/core/keys.h"

/* NULL, with the arena exhausted, when it does not fit. */
Google__Protobuf__Timestamp *lk_timestamp_new(struct lk_arena *arena, lk_time_ms at);

/* A time to milliseconds; absent (NULL): 0. A time before 1970 or the epoch itself becomes 1, so
 * that it is never taken for "absent". LK_INVALID_ARGUMENT beyond year 9999. */
LK_MUST_USE struct lk_status lk_timestamp_read(
	const Google__Protobuf__Timestamp *timestamp, const char *field, lk_time_ms *at_out);

/* A duration to milliseconds; absent (NULL): 0. LK_INVALID_ARGUMENT when it is negative or not a
 * duration. */
LK_MUST_USE struct lk_status lk_duration_read(
	const Google__Protobuf__Duration *duration, const char *field, lk_time_ms *ms_out);

/* NULL, with the arena exhausted, when it does not fit. */
lk_key *lk_key_message_new(struct lk_arena *arena, const struct lk_key_view *view);
