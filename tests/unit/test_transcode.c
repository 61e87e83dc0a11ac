/* SPDX-License-Identifier: MIT */
/* Requests from path, query and cookie; answers. */
#include <stdio.h>
#include <stdlib.h>

#include "client/bridge/transcode.h"
#include "tests/support/json.h"
#include "tests/support/surface.h"

typedef Latchkey__Test__NoteRequest note_request;
typedef Latchkey__Test__NoteResponse note_response;

static struct lk_status transcode(
	size_t route, const struct lk_rest_source *source, ProtobufCMessage **message_out)
{
	return lk_transcode_request(
		&note_surface, &note_routes[route], source, &arena, message_out);
}

/* The message of a request, printed canonically. */
static const char *read_request(size_t route, const struct lk_rest_source *source)
{
	ProtobufCMessage *message = NULL;

	CHECK_OK(transcode(route, source, &message));
	return printed(message, NULL);
}

/* Checks that a request is refused because of the field; "" for none. */
static void check_refused(size_t route, const struct lk_rest_source *source, const char *field)
{
	ProtobufCMessage *message = NULL;
	struct lk_status st = transcode(route, source, &message);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK(message == NULL);
	CHECK_STR(st.field != NULL ? st.field : "", field);
}

static struct lk_rest_source of_path(const char *path)
{
	return (struct lk_rest_source) { .path = lk_bytes_of(path) };
}

static struct lk_rest_source of_query(const char *query)
{
	return (struct lk_rest_source) { .path = lk_bytes_of("/v1/books/b/notes"),
		.query = lk_bytes_of(query) };
}

static struct lk_rest_source of_cookie(const char *cookie)
{
	return (struct lk_rest_source) { .path = lk_bytes_of("/v1/leave"),
		.cookie = lk_bytes_of(cookie) };
}

static const char *read_path(const char *path)
{
	const struct lk_rest_source source = of_path(path);

	return read_request(GET_NOTE, &source);
}

/* Without the field that the path has. */
static const char *read_query(const char *query)
{
	const struct lk_rest_source source = of_query(query);
	ProtobufCMessage *message = NULL;
	char nothing[] = "";

	CHECK_OK(transcode(LIST_NOTES, &source, &message));
	((note_request *)message)->book_id = nothing;
	return printed(message, NULL);
}

/* --- the path --- */

TEST(segments_in_braces_become_fields)
{
	CHECK_STR(read_path("/v1/books/b1/notes/7"), "{\"bookId\":\"b1\",\"id\":\"7\"}");
}

TEST(a_segment_is_percent_decoded_once)
{
	CHECK_STR(read_path("/v1/books/a%2Fb%20c/notes/%2525"),
		"{\"bookId\":\"a/b c\",\"id\":\"%25\"}");
	CHECK_STR(read_path("/v1/books/gr%c3%BCn/notes/1+1"),
		"{\"bookId\":\"gr\xc3\xbcn\",\"id\":\"1+1\"}");
	CHECK_STR(read_path("/v1/books/%0a/notes/a&b=c;d"),
		"{\"bookId\":\"\\n\",\"id\":\"a&b=c;d\"}");
}

TEST(a_segment_that_is_no_encoded_text_is_refused_by_name)
{
	static const char *const values[] = { "%", "%4", "%zz", "%4g", "%g4", "%+1", "a%", "%00",
		"a%00b", "%ff", "%c0%80", "%c3", "%ed%a0%80", "\xff", "%%20" };
	char path[64];

	for (size_t i = 0; i < LK_COUNT(values); i++) {
		struct lk_rest_source source;

		snprintf(path, sizeof path, "/v1/books/%s/notes/1", values[i]);
		source = of_path(path);
		check_refused(GET_NOTE, &source, "bookId");
	}
}

/* --- the query --- */

TEST(parameters_become_fields)
{
	CHECK_STR(read_query(""), "{}");
	CHECK_STR(read_query("text=hello&limit=-5&isOpen=true"),
		"{\"text\":\"hello\",\"limit\":-5,\"isOpen\":true}");
	CHECK_STR(read_query("offset=9007199254740993&notBefore=2027-01-01T00:00:00%2B01:00"),
		"{\"offset\":\"9007199254740993\",\"notBefore\":\"2026-12-31T23:00:00Z\"}");
	CHECK_STR(read_query("id=not+of+the+path"), "{\"id\":\"not of the path\"}");
}

TEST(a_parameter_that_is_repeated_is_a_list)
{
	CHECK_STR(read_query("tags=b&colours=COLOUR_RED&tags=a&tags=&colours=COLOUR_GREEN"),
		"{\"tags\":[\"b\",\"a\",\"\"],\"colours\":[\"COLOUR_RED\",\"COLOUR_GREEN\"]}");
}

TEST(a_parameter_is_percent_decoded_and_a_plus_is_a_space)
{
	CHECK_STR(read_query("text=a+b%2Bc%26d%3De"), "{\"text\":\"a b+c&d=e\"}");
	CHECK_STR(read_query("te%78t=%f0%9f%94%91"), "{\"text\":\"\xf0\x9f\x94\x91\"}");
	CHECK_STR(read_query("text=a=b==&limit=1"), "{\"text\":\"a=b==\",\"limit\":1}");
	CHECK_STR(read_query("text=?a/b;limit=1"), "{\"text\":\"?a/b;limit=1\"}");
}

TEST(empty_parameters_mean_nothing)
{
	CHECK_STR(read_query("&&text=a&"), "{\"text\":\"a\"}");
	CHECK_STR(read_query("=&=b&text"), "{}");
	CHECK_STR(read_query("text="), "{}");
}

/* R-B06, R-B08 */
TEST(unknown_parameters_are_ignored)
{
	static const char *const queries[] = { "nothing=1", "Text=a", "TEXT=a", "is_open=true",
		"book_id=x", "text[]=a", "text.x=a", "text%20=a", "+text=a", "nothing=%zz",
		"data.id=5", "success=true" };

	for (size_t i = 0; i < LK_COUNT(queries); i++)
		CHECK_STR(read_query(queries[i]), "{}");
}

TEST(a_field_of_the_path_or_of_a_cookie_is_an_unknown_parameter)
{
	const struct lk_rest_source source = of_query("bookId=evil&session=evil&bookId=twice");

	CHECK_STR(read_request(LIST_NOTES, &source), "{\"bookId\":\"b\"}");
}

TEST(a_parameter_that_is_not_of_its_field_is_refused_by_name)
{
	static const char *const cases[][2] = {
		{ "limit=", "limit" },
		{ "limit", "limit" },
		{ "limit=1.0", "limit" },
		{ "limit=1e3", "limit" },
		{ "limit=+1", "limit" },
		{ "limit=%2B1", "limit" },
		{ "limit=2147483648", "limit" },
		{ "limit=0x10", "limit" },
		{ "limit=1&limit=1", "limit" },
		{ "text=a&text=b", "text" },
		{ "text=a&te%78t=b", "text" },
		{ "offset=9223372036854775808", "offset" },
		{ "isOpen=1", "isOpen" },
		{ "isOpen", "isOpen" },
		{ "notBefore=2027-01-01", "notBefore" },
		{ "notBefore=2027-01-01T00:00:00+01:00", "notBefore" },
		{ "colours=COLOUR_RED&colours=red", "colours[1]" },
		{ "text=%zz", "text" },
		{ "text=%00", "text" },
		{ "tags=a&tags=%ff", "tags" },
		{ "parent=x", "parent" },
		{ "weight=1.5", "weight" },
		{ "%zz=1", "" },
		{ "a%=1", "" },
		{ "%ff", "" },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		const struct lk_rest_source source = of_query(cases[i][0]);

		check_refused(LIST_NOTES, &source, cases[i][1]);
	}
}

TEST(an_encoding_cut_short_is_not_read_past_its_end)
{
	const char *query = "text=%41&text%3d=%42";

	for (size_t n = 0; n <= strlen(query); n++) {
		/* A copy of its own, so that the address sanitizer sees a read behind the end. */
		uint8_t *copy = malloc(n + 1);
		struct lk_rest_source source = of_query("");
		ProtobufCMessage *message = NULL;
		struct lk_status st;

		memcpy(copy + 1, query, n);
		source.query = (struct lk_bytes) { copy + 1, n };
		st = transcode(LIST_NOTES, &source, &message);
		CHECK((st.code == LK_OK) == (message != NULL));
		free(copy);
	}
}

TEST(a_query_has_so_many_parameters_and_no_more)
{
	struct lk_rest_source source =
		of_query(repeated("", "tags=a&", LK_REST_PARAMETERS_MAX, ""));
	ProtobufCMessage *message = NULL;

	CHECK_OK(transcode(LIST_NOTES, &source, &message));
	CHECK_EQ(((note_request *)message)->n_tags, LK_REST_PARAMETERS_MAX);
	source = of_query(repeated("", "x&", LK_REST_PARAMETERS_MAX, "tags=a"));
	check_refused(LIST_NOTES, &source, "");
}

TEST(a_route_with_a_body_looks_at_no_query_and_one_without_at_no_body)
{
	struct lk_rest_source source = of_query("text=query");

	source.body = lk_bytes_of("{\"text\":\"body\"}");
	CHECK_STR(read_request(ADD_NOTE, &source), "{\"bookId\":\"b\",\"text\":\"body\"}");
	CHECK_STR(read_request(LIST_NOTES, &source), "{\"bookId\":\"b\",\"text\":\"query\"}");
	source.body = lk_bytes_of("{");
	CHECK_STR(read_request(LIST_NOTES, &source), "{\"bookId\":\"b\",\"text\":\"query\"}");
}

/* --- cookies --- */

TEST(a_cookie_becomes_its_field_and_an_absent_one_leaves_it_empty)
{
	struct lk_rest_source source = of_cookie("a=1; sid=abc");

	CHECK_STR(read_request(LEAVE, &source), "{\"session\":\"abc\"}");
	source = of_cookie("");
	CHECK_STR(read_request(LEAVE, &source), "{}");
	source = of_cookie("SID=abc; session=abc");
	CHECK_STR(read_request(LEAVE, &source), "{}");
	source = of_cookie("sid=a%20b");
	CHECK_STR(read_request(LEAVE, &source), "{\"session\":\"a%20b\"}");
}

TEST(a_cookie_with_two_values_names_the_cookie)
{
	struct lk_rest_source source = of_cookie("sid=a; sid=b");

	check_refused(LEAVE, &source, "sid");
	/* No field of this request is a cookie. */
	CHECK_STR(read_request(FIND_EVERYTHING, &source), "{}");
}

TEST(a_cookie_is_never_a_member_of_the_body)
{
	struct lk_rest_source source = of_path("/v1/books/b/notes");

	source.body = lk_bytes_of("{\"session\":\"evil\",\"text\":\"a\"}");
	CHECK_STR(read_request(ADD_NOTE, &source), "{\"bookId\":\"b\",\"text\":\"a\"}");
	source.cookie = lk_bytes_of("sid=good");
	CHECK_STR(read_request(ADD_NOTE, &source),
		"{\"bookId\":\"b\",\"text\":\"a\",\"session\":\"good\"}");
}

/* --- memory --- */

TEST(wherever_the_arena_ends_the_request_is_refused_for_memory)
{
	struct lk_rest_source source =
		of_query("tags=a&tags=b&text=x&nothing=y&notBefore=2027-01-01T00:00:00Z");
	bool fired = true;

	source.cookie = lk_bytes_of("sid=abc");
	source.body = lk_bytes_of("{\"tags\":[\"a\"],\"parent\":{\"text\":\"x\"}}");
	for (size_t route = LIST_NOTES; route <= ADD_NOTE; route++, fired = true)
		for (size_t cap = 0; fired; cap += 8) {
			ProtobufCMessage *message = NULL;
			struct lk_arena small;
			struct lk_status st;

			lk_arena_init(&small, cap);
			st = lk_transcode_request(
				&note_surface, &note_routes[route], &source, &small, &message);
			fired = small.exhausted;
			CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
			CHECK((message == NULL) == fired);
			lk_arena_fini(&small);
		}
}

/* --- answers --- */

static note_response response;
static struct lk_buf body;
static struct lk_buf headers;

static int set_up_answer(void **state_)
{
	latchkey__test__note_response__init(&response);
	lk_buf_init(&body, 4096);
	lk_buf_init(&headers, 4096);
	return set_up(state_);
}

static int tear_down_answer(void **state_)
{
	lk_buf_fini(&body);
	lk_buf_fini(&headers);
	return tear_down(state_);
}

static const char *text_of(const struct lk_buf *buf)
{
	return lk_arena_strndup(&arena, (const char *)buf->data, buf->n);
}

static void answer(const struct lk_rest_surface *surface, bool is_secure)
{
	const struct lk_cookie_policy policy = { .secure = is_secure };

	CHECK_OK(lk_transcode_response(surface, &response.base, &policy, &body, &headers));
}

TEST(every_field_of_an_answer_but_its_cookies_is_in_the_body)
{
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;
	Latchkey__Test__Note note = LATCHKEY__TEST__NOTE__INIT;

	response.session = &cookie;
	response.data = &note;
	answer(&note_surface, false);
	CHECK_STR(text_of(&body), "{\"success\":false,\"data\":{\"id\":\"\",\"text\":\"\","
				  "\"writtenAt\":null,\"colour\":\"COLOUR_UNSPECIFIED\","
				  "\"size\":\"0\",\"tags\":[]}}");
}

TEST(what_is_not_set_is_null)
{
	answer(&note_surface, false);
	CHECK_STR(text_of(&body), "{\"success\":false,\"data\":null}");
	CHECK_EQ(headers.n, 0);
}

TEST(times_are_written_as_the_surface_wants_them)
{
	static const char *const texts[] = {
		[LK_REST_TIMES_CANONICAL] = "\"2025-01-01T00:00:00.123456Z\"",
		[LK_REST_TIMES_SECONDS] = "\"2025-01-01T00:00:00Z\"",
		[LK_REST_TIMES_MILLIS] = "\"2025-01-01T00:00:00.123Z\"",
	};
	Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Latchkey__Test__Note note = LATCHKEY__TEST__NOTE__INIT;
	struct lk_rest_surface surface = note_surface;

	at.seconds = 1735689600;
	at.nanos = 123456000;
	note.written_at = &at;
	response.data = &note;
	for (size_t times = 0; times < LK_COUNT(texts); times++) {
		surface.times = (enum lk_rest_times)times;
		lk_buf_reset(&body);
		answer(&surface, false);
		CHECK(strstr(text_of(&body), texts[times]) != NULL);
	}
}

/* Of a request to the route, what the same surface with the names of its schema makes. */
static struct lk_status transcode_snake(
	size_t route, const struct lk_rest_source *source, ProtobufCMessage **message_out)
{
	struct lk_rest_surface surface = note_surface;

	surface.proto_names = true;
	return lk_transcode_request(&surface, &note_routes[route], source, &arena, message_out);
}

TEST(a_surface_may_have_the_names_of_its_schema)
{
	struct lk_rest_surface surface = note_surface;
	struct lk_rest_source source = of_query("is_open=true&isOpen=x&not_before=");
	Latchkey__Test__Note note = LATCHKEY__TEST__NOTE__INIT;
	ProtobufCMessage *message = NULL;
	struct lk_status st = transcode_snake(LIST_NOTES, &source, &message);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "not_before");
	source = of_query("is_open=true&isOpen=x");
	CHECK_OK(transcode_snake(LIST_NOTES, &source, &message));
	CHECK_STR(printed(message, NULL), "{\"bookId\":\"b\",\"isOpen\":true}");
	source.body = lk_bytes_of("{\"is_open\":true,\"isOpen\":5,\"book_id\":5}");
	CHECK_OK(transcode_snake(ADD_NOTE, &source, &message));
	CHECK_STR(printed(message, NULL), "{\"bookId\":\"b\",\"isOpen\":true}");
	source.body = lk_bytes_of("{\"parent\":{\"written_at\":5}}");
	st = transcode_snake(ADD_NOTE, &source, &message);
	CHECK_STR(st.field, "parent.written_at");
	source = of_path("/v1/books/%/notes/1");
	st = transcode_snake(GET_NOTE, &source, &message);
	CHECK_STR(st.field, "book_id");
	surface.proto_names = true;
	response.data = &note;
	answer(&surface, false);
	CHECK(strstr(text_of(&body), "\"written_at\":null") != NULL);
	CHECK(strstr(text_of(&body), "writtenAt") == NULL);
}

TEST(each_cookie_that_is_set_has_a_line_of_its_own)
{
	Google__Protobuf__Duration day = GOOGLE__PROTOBUF__DURATION__INIT;
	Latchkey__V1__Cookie session = LATCHKEY__V1__COOKIE__INIT;
	Latchkey__V1__Cookie other = LATCHKEY__V1__COOKIE__INIT;
	char value[] = "lkr_abc";

	day.seconds = 86400;
	day.nanos = 999;
	session.value = value;
	session.max_age = &day;
	response.session = &session;
	answer(&note_surface, false);
	CHECK_STR(text_of(&headers),
		"Set-Cookie: sid=lkr_abc; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=86400\r\n");
	response.other = &other;
	lk_buf_reset(&headers);
	answer(&note_surface, true);
	CHECK_STR(text_of(&headers),
		"Set-Cookie: sid=lkr_abc; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=86400; "
		"Secure\r\n"
		"Set-Cookie: other=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure\r\n");
	CHECK(strstr(text_of(&body), "lkr_") == NULL);
}

TEST(a_life_that_is_over_deletes_and_none_lasts_for_the_browser)
{
	Google__Protobuf__Duration past = GOOGLE__PROTOBUF__DURATION__INIT;
	Latchkey__V1__Cookie session = LATCHKEY__V1__COOKIE__INIT;
	char value[] = "abc";

	session.value = value;
	response.session = &session;
	answer(&note_surface, false);
	CHECK(strstr(text_of(&headers), "Max-Age") == NULL);
	past.seconds = -5;
	session.max_age = &past;
	lk_buf_reset(&headers);
	answer(&note_surface, false);
	CHECK(strstr(text_of(&headers), "Max-Age=0\r\n") != NULL);
}

/* R-H37 */
TEST(a_cookie_that_would_break_its_line_fails_the_answer)
{
	static const struct lk_cookie_policy policy = { .secure = false };
	Latchkey__V1__Cookie session = LATCHKEY__V1__COOKIE__INIT;
	char value[] = "abc\r\nX: y";

	session.value = value;
	response.session = &session;
	CHECK_CODE(lk_transcode_response(&note_surface, &response.base, &policy, NULL, &headers),
		LK_INVALID_ARGUMENT);
	CHECK_EQ(headers.n, 0);
}

TEST(a_body_that_is_not_wanted_is_not_made)
{
	static const struct lk_cookie_policy policy = { .secure = false };
	Latchkey__V1__Cookie session = LATCHKEY__V1__COOKIE__INIT;

	response.session = &session;
	CHECK_OK(lk_transcode_response(&note_surface, &response.base, &policy, NULL, &headers));
	CHECK_STR(text_of(&headers),
		"Set-Cookie: sid=; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=0\r\n");
}

TEST(an_answer_without_cookies_needs_no_headers)
{
	CHECK_OK(lk_transcode_response(&note_surface, &response.base, NULL, &body, NULL));
	CHECK_STR(text_of(&body), "{\"success\":false,\"data\":null}");
}

TEST(an_answer_that_does_not_fit_is_refused)
{
	Latchkey__V1__Cookie session = LATCHKEY__V1__COOKIE__INIT;
	static const struct lk_cookie_policy policy = { .secure = false };
	size_t n_body, n_headers;

	response.session = &session;
	answer(&note_surface, false);
	n_body = body.n;
	n_headers = headers.n;
	for (size_t cap = 0; cap <= n_headers; cap++) {
		lk_buf_fini(&body);
		lk_buf_fini(&headers);
		lk_buf_init(&body, cap);
		lk_buf_init(&headers, cap);
		CHECK_CODE(lk_transcode_response(
				   &note_surface, &response.base, &policy, &body, &headers),
			cap < n_body || cap < n_headers ? LK_RESOURCE_EXHAUSTED : LK_OK);
	}
}

#define ANSWER(name) cmocka_unit_test_setup_teardown(name, set_up_answer, tear_down_answer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(segments_in_braces_become_fields),
		CASE(a_segment_is_percent_decoded_once),
		CASE(a_segment_that_is_no_encoded_text_is_refused_by_name),
		CASE(parameters_become_fields),
		CASE(a_parameter_that_is_repeated_is_a_list),
		CASE(a_parameter_is_percent_decoded_and_a_plus_is_a_space),
		CASE(empty_parameters_mean_nothing),
		CASE(unknown_parameters_are_ignored),
		CASE(a_field_of_the_path_or_of_a_cookie_is_an_unknown_parameter),
		CASE(a_parameter_that_is_not_of_its_field_is_refused_by_name),
		CASE(an_encoding_cut_short_is_not_read_past_its_end),
		CASE(a_query_has_so_many_parameters_and_no_more),
		CASE(a_route_with_a_body_looks_at_no_query_and_one_without_at_no_body),
		CASE(a_cookie_becomes_its_field_and_an_absent_one_leaves_it_empty),
		CASE(a_cookie_with_two_values_names_the_cookie),
		CASE(a_cookie_is_never_a_member_of_the_body),
		CASE(wherever_the_arena_ends_the_request_is_refused_for_memory),
		ANSWER(every_field_of_an_answer_but_its_cookies_is_in_the_body),
		ANSWER(what_is_not_set_is_null),
		ANSWER(times_are_written_as_the_surface_wants_them),
		ANSWER(a_surface_may_have_the_names_of_its_schema),
		ANSWER(each_cookie_that_is_set_has_a_line_of_its_own),
		ANSWER(a_life_that_is_over_deletes_and_none_lasts_for_the_browser),
		ANSWER(a_cookie_that_would_break_its_line_fails_the_answer),
		ANSWER(a_body_that_is_not_wanted_is_not_made),
		ANSWER(an_answer_without_cookies_needs_no_headers),
		ANSWER(an_answer_that_does_not_fit_is_refused),
	};

	return RUN_ALL(tests);
}
