/* SPDX-License-Identifier: MIT */
/* Bodies sent to routes of the surface of notes. */
#pragma once

#include "client/bridge/transcode.h"
#include "tests/support/json.h"
#include "tests/support/surface.h"

static inline struct lk_status send_bytes(
	size_t route, struct lk_bytes body, ProtobufCMessage **message_out)
{
	const struct lk_rest_source source = {
		.path = lk_bytes_of(
			route == SEND_EVERYTHING ? "/v1/every.thing" : "/v1/books/b/notes"),
		.body = body,
	};

	return lk_transcode_request(
		&note_surface, &note_routes[route], &source, &arena, message_out);
}

static inline struct lk_status send(const char *body)
{
	ProtobufCMessage *message = NULL;

	return send_bytes(SEND_EVERYTHING, lk_bytes_of(body), &message);
}

static inline const char *received(size_t route, const char *body)
{
	ProtobufCMessage *message = NULL;

	CHECK_OK(send_bytes(route, lk_bytes_of(body), &message));
	return printed(message, NULL);
}

static inline void check_refused(const char *body)
{
	struct lk_status st = send(body);

	if (st.code != LK_INVALID_ARGUMENT)
		fail_msg("%s: %s", body, lk_code_name(st.code));
}

/* A value inside of something, in the arena. */
static inline const char *within(const char *start, const char *value, const char *end)
{
	return repeated(start, value, 1, end);
}
