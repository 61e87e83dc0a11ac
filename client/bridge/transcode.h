/* SPDX-License-Identifier: MIT */
/* Requests of a REST surface to messages, and messages to answers, by descriptor.
 *
 * Each field of a request has one place, which the tables of the surface tell: the path where the
 * route names it, a cookie where it has one, otherwise the JSON body or, on a route without body,
 * the query. A member or parameter in another place is unknown there, and what is unknown is
 * ignored, never stored. Names are in lowerCamelCase, or those of the schema where the surface says
 * so, with regard to case.
 *
 * Values are as proto/wire/json.h has them. Integers are exact; those of 64 bits are strings in an
 * answer ("9007199254740993") and may be either in a request. Enum values go by name.
 */
#pragma once

#include "client/bridge/cookie.h"
#include "proto/wire/rest.h"

/* Parameters of a query, known or not. */
#define LK_REST_PARAMETERS_MAX 100

/* What a request brings, as it was sent. */
struct lk_rest_source {
	struct lk_bytes path;   /* which the route fits */
	struct lk_bytes query;  /* without `?` */
	struct lk_bytes cookie; /* value of the Cookie header */
	struct lk_bytes body;
};

/* Reads a request. The message and the status's field live in the arena.
 *
 * Path and query are percent-decoded strictly and hold UTF-8 without NUL; `+` is a space in a query
 * and itself in a path. A list comes from a parameter that is repeated, any other field from one
 * that comes once. The body is one JSON object; on a route without body it is not looked at. A
 * cookie that is absent leaves its field empty (see lk_cookie_find).
 *
 * LK_INVALID_ARGUMENT    not this message; with the field at fault as JSON names it ("scopes[1]"),
 *                        or the cookie; without one when the text as such is at fault
 * LK_RESOURCE_EXHAUSTED  the message does not fit into the arena, or memory is short
 */
LK_MUST_USE struct lk_status lk_transcode_request(const struct lk_rest_surface *surface,
	const struct lk_rest_route *route, const struct lk_rest_source *source,
	struct lk_arena *arena, ProtobufCMessage **message_out);

/* Writes an answer: the message as JSON, in which every field is there and what is not set is null,
 * and a line `Set-Cookie` for each of its cookies that is set. Either buffer may be NULL: a body is
 * not wanted, as with 204; the message has no cookies, as an error has none. On a failure the
 * buffers hold a part.
 *
 * LK_INVALID_ARGUMENT    a value has no form in JSON or in a cookie
 * LK_RESOURCE_EXHAUSTED  the answer does not fit into the buffers, or memory is short
 */
LK_MUST_USE struct lk_status lk_transcode_response(const struct lk_rest_surface *surface,
	const ProtobufCMessage *message, const struct lk_cookie_policy *policy,
	struct lk_buf *body_out, struct lk_buf *headers_out);
