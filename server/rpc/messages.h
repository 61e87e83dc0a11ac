/* SPDX-License-Identifier: MIT */
/* Core structs to messages and back. Messages live in the arena. */
#pragma once

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/user.rpc.h"
#include "server/core/keys.h"
#include "server/core/sessions.h"

/* NULL, with the arena exhausted, when it does not fit. */
Google__Protobuf__Timestamp *lk_timestamp_new(struct lk_arena *arena, lk_time_ms at);

/* A time to milliseconds; absent (NULL): 0. A time before 1970 or the epoch itself becomes 1, so
 * that it is never taken for "absent". LK_INVALID_ARGUMENT beyond year 9999. */
LK_MUST_USE struct lk_status lk_timestamp_read(
	const Google__Protobuf__Timestamp *timestamp, const char *field, lk_time_ms *at_out);

/* NULL: out of memory. */
Google__Protobuf__Duration *lk_duration_new(struct lk_arena *arena, lk_time_ms ms);

/* A duration to milliseconds; absent (NULL): 0. LK_INVALID_ARGUMENT when it is negative or not a
 * duration. */
LK_MUST_USE struct lk_status lk_duration_read(
	const Google__Protobuf__Duration *duration, const char *field, lk_time_ms *ms_out);

/* NULL, with the arena exhausted, when it does not fit. */
lk_key *lk_key_message_new(struct lk_arena *arena, const struct lk_key_view *view);

/* NULL likewise. */
lk_user *lk_user_message_new(struct lk_arena *arena, const struct lk_realm *realm,
	const struct lk_user_view *view, bool with_permissions);
lk_session *lk_session_message_new(struct lk_arena *arena, const struct lk_session_view *view);
lk_organization *lk_organization_message_new(
	struct lk_arena *arena, const struct lk_organization_record *record);
lk_tokens *lk_tokens_message_new(struct lk_arena *arena, const struct lk_tokens *tokens);

/* Texts as messages have them. */
char *lk_text_new(struct lk_arena *arena, struct lk_bytes text);
char **lk_texts_new(struct lk_arena *arena, const struct lk_text_list *list, size_t *n_out);

/* The bits of the paths that a mask names. LK_INVALID_ARGUMENT, field `update_mask`. */
struct lk_mask_path {
	const char *path;
	unsigned field;
};
LK_MUST_USE struct lk_status lk_mask_read(const Google__Protobuf__FieldMask *mask,
	const struct lk_mask_path *paths, size_t n_paths, unsigned *fields_out);
