/* SPDX-License-Identifier: MIT */
/* A small REST surface whose tables are written by hand: notes in books, and all types. */
#pragma once

#include "proto/wire/rest.h"
#include "surface.pb-c.h"

enum {
	LIST_NOTES,
	ADD_NOTE,
	GET_NOTE,
	CHANGE_NOTE,
	DELETE_NOTE,
	LEAVE,
	FIND_EVERYTHING,
	SEND_EVERYTHING,
};

#define NOTE_ROUTE(verb_, path_, has_body_) \
	{ \
		.verb = (verb_), .path = (path_), .status = 200, .has_body = (has_body_), \
		.request = &latchkey__test__note_request__descriptor, \
		.response = &latchkey__test__note_response__descriptor, \
	}

static const struct lk_rest_route note_routes[] = {
	[LIST_NOTES] = NOTE_ROUTE(LK_REST_GET, "/v1/books/{book_id}/notes", false),
	[ADD_NOTE] = NOTE_ROUTE(LK_REST_POST, "/v1/books/{book_id}/notes", true),
	[GET_NOTE] = NOTE_ROUTE(LK_REST_GET, "/v1/books/{book_id}/notes/{id}", false),
	[CHANGE_NOTE] = NOTE_ROUTE(LK_REST_PATCH, "/v1/books/{book_id}/notes/{id}", true),
	[DELETE_NOTE] = NOTE_ROUTE(LK_REST_DELETE, "/v1/books/{book_id}/notes/{id}", false),
	[LEAVE] = {
		.verb = LK_REST_POST,
		.path = "/v1/leave",
		.status = 204,
		.request = &latchkey__test__leave_request__descriptor,
		.response = &latchkey__test__note_response__descriptor,
	},
	[FIND_EVERYTHING] = {
		.verb = LK_REST_GET,
		.path = "/v1/every.thing",
		.status = 200,
		.request = &latchkey__test__every_type__descriptor,
		.response = &latchkey__test__every_type__descriptor,
	},
	[SEND_EVERYTHING] = {
		.verb = LK_REST_PUT,
		.path = "/v1/every.thing",
		.status = 200,
		.has_body = true,
		.request = &latchkey__test__every_type__descriptor,
		.response = &latchkey__test__every_type__descriptor,
	},
};

static const struct lk_rest_cookie note_cookies[] = {
	{ &latchkey__test__note_request__descriptor, 11, "sid", "/v1" },
	{ &latchkey__test__note_response__descriptor, 3, "sid", "/v1" },
	{ &latchkey__test__note_response__descriptor, 4, "other", "/" },
	{ &latchkey__test__leave_request__descriptor, 1, "sid", "/v1" },
};

static const struct lk_rest_surface note_surface = {
	.name = "notes",
	.root = "/v1",
	.times = LK_REST_TIMES_MILLIS,
	.routes = note_routes,
	.n_routes = LK_COUNT(note_routes),
	.cookies = note_cookies,
	.n_cookies = LK_COUNT(note_cookies),
};
