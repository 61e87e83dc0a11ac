/* SPDX-License-Identifier: MIT */
#include "client/bridge/transcode.h"

#include <assert.h>
#include <string.h>

#include "client/bridge/bytes.h"
#include "client/bridge/route.h"
#include "latchkey/v1/options.pb-c.h"
#include "proto/wire/json.h"
#include "proto/wire/utf8.h"

#define NO_MEMORY LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory")

/* --- places --- */

/* Where the fields of messages are; without a route those of an answer. */
struct places {
	const struct lk_rest_surface *surface;
	const struct lk_rest_route *route;
};

static const struct lk_rest_cookie *cookie_of(const struct lk_rest_surface *surface,
	const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < surface->n_cookies; i++)
		if (surface->cookies[i].message == type && surface->cookies[i].number == field->id)
			return &surface->cookies[i];
	return NULL;
}

static bool is_in_path(const struct lk_rest_route *route, const ProtobufCMessageDescriptor *type,
	const ProtobufCFieldDescriptor *field)
{
	struct lk_bytes name;

	return route != NULL && type == route->request &&
	       lk_rest_capture(route, lk_bytes_of(route->path), field->name, &name);
}

/* Whether the field is neither in a body nor in a query. */
static bool is_elsewhere(const void *arg, const ProtobufCMessageDescriptor *type,
	const ProtobufCFieldDescriptor *field)
{
	const struct places *places = arg;

	return cookie_of(places->surface, type, field) != NULL ||
	       is_in_path(places->route, type, field);
}

static enum lk_json_names names_of(const struct lk_rest_surface *surface)
{
	return surface->proto_names ? LK_JSON_NAMES_PROTO : LK_JSON_NAMES_CAMEL;
}

/* --- percent-encoding --- */

/* 0 to 15, or 16 for what is no hexadecimal digit. */
static unsigned hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Takes one byte off encoded text. */
static bool take_byte(struct lk_bytes *raw, uint8_t *byte_out)
{
	size_t n = raw->data[0] == '%' ? 3 : 1;
	unsigned high, low;

	if (n > raw->n)
		return false;
	*byte_out = raw->data[0];
	if (n == 3) {
		high = hex_value(raw->data[1]);
		low = hex_value(raw->data[2]);
		if (high > 15 || low > 15)
			return false;
		*byte_out = (uint8_t)(high << 4 | low);
	}
	raw->data += n;
	raw->n -= n;
	return true;
}

/* The text in the arena; `space` stands for a space. */
static struct lk_status decode(
	struct lk_bytes raw, uint8_t space, struct lk_arena *arena, const char **text_out)
{
	uint8_t *text = lk_arena_alloc(arena, raw.n + 1);
	size_t n = 0;

	if (text == NULL)
		return NO_MEMORY;
	while (raw.n > 0) {
		bool is_space = raw.data[0] == space;

		if (!take_byte(&raw, &text[n]))
			return LK_ERR(LK_INVALID_ARGUMENT, "has a % without two digits");
		if (is_space)
			text[n] = ' ';
		n++;
	}
	text[n] = '\0';
	if (!lk_utf8_valid((struct lk_bytes) { text, n }))
		return LK_ERR(LK_INVALID_ARGUMENT, "must be UTF-8 text without NUL");
	*text_out = (const char *)text;
	return LK_SUCCESS;
}

/* --- path, query, cookies --- */

static struct lk_status read_path(const struct places *places, struct lk_bytes path,
	struct lk_arena *arena, ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	enum lk_json_names names = names_of(places->surface);

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		struct lk_bytes raw;
		const char *text;

		if (!lk_rest_capture(places->route, path, field->name, &raw))
			continue;
		LK_TRY(lk_json_in_member(decode(raw, ' ', arena, &text), field, names, arena));
		LK_TRY(lk_json_set(message, field, names, &text, 1, arena));
	}
	return LK_SUCCESS;
}

/* The parameters of a query that are fields. */
struct query {
	size_t n;
	const ProtobufCFieldDescriptor *fields[LK_REST_PARAMETERS_MAX];
	const char *texts[LK_REST_PARAMETERS_MAX];
};

static struct lk_status add_parameter(const struct places *places, struct lk_bytes raw,
	struct lk_arena *arena, struct query *query)
{
	const ProtobufCMessageDescriptor *type = places->route->request;
	enum lk_json_names names = names_of(places->surface);
	struct lk_bytes raw_name = lk_bytes_until(&raw, '=');
	struct lk_status st;
	const ProtobufCFieldDescriptor *field;
	const char *name;

	st = decode(raw_name, '+', arena, &name);
	if (st.code == LK_INVALID_ARGUMENT)
		return LK_ERR(LK_INVALID_ARGUMENT, "the query has a malformed name");
	LK_TRY(st);
	field = lk_json_field(type, names, name);
	if (field == NULL || is_elsewhere(places, type, field))
		return LK_SUCCESS;
	st = decode(raw, '+', arena, &query->texts[query->n]);
	LK_TRY(lk_json_in_member(st, field, names, arena));
	query->fields[query->n++] = field;
	return LK_SUCCESS;
}

static struct lk_status parse_query(const struct places *places, struct lk_bytes raw,
	struct lk_arena *arena, struct query *query_out)
{
	size_t n = 0;

	query_out->n = 0;
	while (raw.n > 0) {
		if (n++ == LK_REST_PARAMETERS_MAX)
			return LK_ERR(LK_INVALID_ARGUMENT, "the query has too many parameters");
		LK_TRY(add_parameter(places, lk_bytes_until(&raw, '&'), arena, query_out));
	}
	return LK_SUCCESS;
}

static struct lk_status read_query(const struct places *places, struct lk_bytes raw,
	struct lk_arena *arena, ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	struct query query;

	LK_TRY(parse_query(places, raw, arena, &query));
	for (unsigned i = 0; i < type->n_fields; i++) {
		const char *texts[LK_REST_PARAMETERS_MAX];
		size_t n_texts = 0;

		for (size_t k = 0; k < query.n; k++)
			if (query.fields[k] == &type->fields[i])
				texts[n_texts++] = query.texts[k];
		LK_TRY(lk_json_set(message, &type->fields[i], names_of(places->surface), texts,
			n_texts, arena));
	}
	return LK_SUCCESS;
}

static struct lk_status read_cookies(const struct lk_rest_surface *surface, struct lk_bytes header,
	struct lk_arena *arena, ProtobufCMessage *message)
{
	for (size_t i = 0; i < surface->n_cookies; i++) {
		const struct lk_rest_cookie *cookie = &surface->cookies[i];
		struct lk_bytes value;
		const char *text;

		if (cookie->message != message->descriptor)
			continue;
		LK_TRY(lk_cookie_find(header, cookie->name, &value));
		text = lk_arena_strndup(arena, (const char *)value.data, value.n);
		if (text == NULL)
			return NO_MEMORY;
		LK_TRY(lk_json_set(message,
			protobuf_c_message_descriptor_get_field(cookie->message, cookie->number),
			names_of(surface), &text, 1, arena));
	}
	return LK_SUCCESS;
}

/* --- requests --- */

static struct lk_status read_body(const struct places *places, struct lk_bytes body,
	struct lk_arena *arena, ProtobufCMessage **message_out)
{
	const struct lk_json_options options = {
		.ignore_unknown = true,
		.names = names_of(places->surface),
		.skip = is_elsewhere,
		.skip_arg = places,
	};

	if (body.n == 0)
		return LK_ERR(LK_INVALID_ARGUMENT, "the body must be a JSON object");
	return lk_json_parse(places->route->request, body, &options, arena, message_out);
}

struct lk_status lk_transcode_request(const struct lk_rest_surface *surface,
	const struct lk_rest_route *route, const struct lk_rest_source *source,
	struct lk_arena *arena, ProtobufCMessage **message_out)
{
	const struct places places = { surface, route };
	ProtobufCMessage *message;

	if (route->has_body) {
		LK_TRY(read_body(&places, source->body, arena, &message));
	} else {
		message = lk_message_new(route->request, arena);
		if (message == NULL)
			return NO_MEMORY;
		LK_TRY(read_query(&places, source->query, arena, message));
	}
	LK_TRY(read_path(&places, source->path, arena, message));
	LK_TRY(read_cookies(surface, source->cookie, arena, message));
	*message_out = message;
	return LK_SUCCESS;
}

/* --- answers --- */

static enum lk_json_times times_of(const struct lk_rest_surface *surface)
{
	switch (surface->times) {
	case LK_REST_TIMES_SECONDS:
		return LK_JSON_TIMES_SECONDS;
	case LK_REST_TIMES_MILLIS:
		return LK_JSON_TIMES_MILLIS;
	case LK_REST_TIMES_CANONICAL:
		break;
	}
	return LK_JSON_TIMES_CANONICAL;
}

static struct lk_status add_cookie(const struct lk_rest_surface *surface,
	const struct lk_rest_cookie *place, const ProtobufCMessage *message,
	const struct lk_cookie_policy *policy, struct lk_buf *out)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(message->descriptor, place->number);
	const Latchkey__V1__Cookie *set;
	int64_t life_s = -1;

	assert(field != NULL && field->descriptor == &latchkey__v1__cookie__descriptor);
	memcpy(&set, (const uint8_t *)message + field->offset, sizeof set);
	if (set == NULL)
		return LK_SUCCESS;
	if (set->max_age != NULL)
		life_s = set->max_age->seconds > 0 ? set->max_age->seconds : 0;
	return lk_cookie_add(
		&(struct lk_cookie) {
			.name = place->name,
			.path = place->path,
			.value = set->value,
			.life_s = life_s,
			.is_session = surface->session_cookie != NULL &&
				      strcmp(surface->session_cookie, place->name) == 0,
		},
		policy, out);
}

struct lk_status lk_transcode_response(const struct lk_rest_surface *surface,
	const ProtobufCMessage *message, const struct lk_cookie_policy *policy,
	struct lk_buf *body_out, struct lk_buf *headers_out)
{
	const struct places places = { surface, NULL };
	const struct lk_json_options options = {
		.with_defaults = true,
		.with_nulls = true,
		.names = names_of(surface),
		.times = times_of(surface),
		.skip = is_elsewhere,
		.skip_arg = &places,
	};

	if (body_out != NULL)
		LK_TRY(lk_json_print(message, &options, body_out));
	for (size_t i = 0; i < surface->n_cookies && headers_out != NULL; i++)
		if (surface->cookies[i].message == message->descriptor)
			LK_TRY(add_cookie(
				surface, &surface->cookies[i], message, policy, headers_out));
	return LK_SUCCESS;
}
