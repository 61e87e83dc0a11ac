/* SPDX-License-Identifier: MIT */
/* What the generated tables of a REST surface are made of.
 *
 * A surface is one documented system as a schema: a service whose methods have a verb and a path,
 * messages shaped like its JSON, and an enum of its errors. protoc-gen-latchkey writes these tables
 * and the OpenAPI document from it; client/bridge serves them. Nothing here knows HTTP's wire.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/rpc.h"

/* Changes when generated code has to be generated anew. */
#define LK_REST_ABI 1

enum lk_rest_verb {
	LK_REST_GET,
	LK_REST_POST,
	LK_REST_PUT,
	LK_REST_PATCH,
	LK_REST_DELETE,
};

/* Who may call a route; numbers of latchkey.v1.RestCaller. */
enum lk_rest_caller {
	LK_REST_ANYBODY = 0, /* no credential is looked at */
	LK_REST_PRINCIPAL,   /* whoever has a valid credential */
	LK_REST_SESSION,     /* only a person who is signed in: API keys are refused */
	LK_REST_OPTIONAL,    /* anybody; the handler is told whether a person is signed in */
};

struct lk_rest_call;

/* Calls the handler of one route; generated. `handlers` is the surface's struct of handlers, the
 * request is of the route's type. The handler answers `call` exactly once, at once or later. */
typedef void (*lk_rest_serve_fn)(
	const void *handlers, struct lk_rest_call *call, const ProtobufCMessage *request);

struct lk_rest_route {
	enum lk_rest_verb verb;
	const char *path; /* "/api/v1/api-key/{id}": a segment in braces is a field */
	const char *name; /* "CreateKey" */
	unsigned status;  /* of a success; 204 has no body */
	const char *body; /* the field of the response that is the body; NULL: all of it */
	bool has_body;    /* fields that are not in the path come as a JSON body, not as a query */
	enum lk_rest_caller caller;
	const char *permission;  /* of the realm, that the caller needs; NULL: none */
	bool needs_organization; /* the caller belongs to one */
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
	lk_rest_serve_fn serve;
};

/* A field that travels as a cookie and never in a body. */
struct lk_rest_cookie {
	const ProtobufCMessageDescriptor *message;
	uint32_t number;  /* of the field in it */
	const char *name; /* of the cookie */
	const char *path;
};

/* An error of the document; `number` is that of the enum's value. */
struct lk_rest_error {
	int number;
	unsigned status;
	const char *code; /* as the document writes it; digits only: a JSON number */
	const char *message;
};

/* How the surface writes times. */
enum lk_rest_times {
	LK_REST_TIMES_CANONICAL = 0, /* ProtoJSON: 0, 3, 6 or 9 digits after the second */
	LK_REST_TIMES_SECONDS,       /* 2025-01-01T00:00:00Z */
	LK_REST_TIMES_MILLIS,        /* 2025-01-01T00:00:00.000Z */
};

struct lk_rest_surface {
	const char *name; /* "incrm" */
	const char *root; /* "/api/v1": where `openapi.json` and `docs/` are */
	enum lk_rest_times times;
	bool proto_names;           /* in JSON and queries `refresh_token`, not `refreshToken` */
	const char *session_cookie; /* that session tokens come in; NULL: none */
	const char *key_header;     /* that API keys come in, "X-Api-Key"; NULL: none */
	const char *openapi;        /* the surface's document, a JSON text */
	const struct lk_rest_route *routes;
	size_t n_routes;
	const struct lk_rest_error *errors;
	size_t n_errors;
	const struct lk_rest_cookie *cookies;
	size_t n_cookies;
	const struct lk_secret_field *secrets;
	size_t n_secrets;
};

/* Answers a call with a message of its route's response type, copied before this returns; the
 * bridge defines it, generated functions call it. */
void lk_rest_answer(struct lk_rest_call *call, const ProtobufCMessage *response);

/* Answers a call whose handler is NULL; as above. */
void lk_rest_not_served(struct lk_rest_call *call);
