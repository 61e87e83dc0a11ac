/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "client/bridge/route.h"
#include "tests/support/check.h"
#include "tests/support/surface.h"

static const struct lk_rest_route *match(const char *path, enum lk_rest_verb verb)
{
	bool is_known;

	return lk_rest_match(&note_surface, lk_bytes_of(path), verb, &is_known);
}

static bool is_known(const char *path)
{
	bool known;

	(void)lk_rest_match(&note_surface, lk_bytes_of(path), LK_REST_GET, &known);
	return known;
}

static const char *capture(size_t route, const char *path, const char *name)
{
	static char text[64];
	struct lk_bytes value;

	if (!lk_rest_capture(&note_routes[route], lk_bytes_of(path), name, &value))
		return NULL;
	snprintf(text, sizeof text, "%.*s", (int)value.n, (const char *)value.data);
	return text;
}

TEST(a_route_is_found_by_its_path_and_verb)
{
	CHECK(match("/v1/books/b1/notes", LK_REST_GET) == &note_routes[LIST_NOTES]);
	CHECK(match("/v1/books/b1/notes", LK_REST_POST) == &note_routes[ADD_NOTE]);
	CHECK(match("/v1/books/b1/notes/7", LK_REST_GET) == &note_routes[GET_NOTE]);
	CHECK(match("/v1/books/b1/notes/7", LK_REST_PATCH) == &note_routes[CHANGE_NOTE]);
	CHECK(match("/v1/books/b1/notes/7", LK_REST_DELETE) == &note_routes[DELETE_NOTE]);
	CHECK(match("/v1/leave", LK_REST_POST) == &note_routes[LEAVE]);
	CHECK(match("/v1/every.thing", LK_REST_PUT) == &note_routes[SEND_EVERYTHING]);
}

/* R-H05 */
TEST(a_path_that_is_written_in_any_other_way_is_unknown)
{
	static const char *const paths[] = {
		"",
		"/",
		"//",
		"v1/leave",
		"/v1",
		"/v1/",
		"/v1/leave/",
		"/v1//leave",
		"//v1/leave",
		"/v1/./leave",
		"/./v1/leave",
		"/v1/x/../leave",
		"/v1/leave/..",
		"/v1/leave/.",
		"/V1/leave",
		"/v1/Leave",
		"/v1/leav",
		"/v1/leavex",
		"/v1/leave;x",
		"/v1/leave%2f",
		"/v1%2fleave",
		"%2fv1/leave",
		"/v1/%6ceave",
		"/v1/le%61ve",
		"/v1/leave%",
		"/v1/leave%00",
		"/v1/leave%20",
		"/v1/leave?",
		"/v1/leave#",
		"/v1\\leave",
		"/v1/leave\xc2\xa0",
		"http://host/v1/leave",
		"*",
		"/v1/books/b1",
		"/v1/books/b1/notes/",
		"/v1/books/b1/notes/7/",
		"/v1/books/b1/notes/7/8",
		"/v1/books//notes",
		"/v1/books//notes/7",
		"/v1/books/b1/NOTES",
		"/v1/books/b1%2fnotes",
		"/v1/everyxthing",
		"/v1/every%2ething",
	};

	for (size_t i = 0; i < LK_COUNT(paths); i++)
		if (is_known(paths[i]))
			fail_msg("%s is known", paths[i]);
}

TEST(braces_in_a_path_are_bytes_like_others)
{
	CHECK_STR(capture(GET_NOTE, "/v1/books/{book_id}/notes/{x}", "id"), "{x}");
	CHECK(!is_known("/{v1}/leave"));
}

TEST(a_segment_of_dots_is_never_a_value)
{
	static const char *const dots[] = { ".", "..", "%2e", "%2E", "%2e.", ".%2E", "%2e%2E" };
	static const char *const values[] = { "...", "..a", ".a", "a..", "%2f..", "%2", "%2e%2",
		".%2ee" };
	char path[64];

	for (size_t i = 0; i < LK_COUNT(dots); i++) {
		snprintf(path, sizeof path, "/v1/books/b1/notes/%s", dots[i]);
		CHECK(!is_known(path));
		snprintf(path, sizeof path, "/v1/books/%s/notes", dots[i]);
		CHECK(!is_known(path));
	}
	for (size_t i = 0; i < LK_COUNT(values); i++) {
		snprintf(path, sizeof path, "/v1/books/b1/notes/%s", values[i]);
		CHECK(is_known(path));
	}
}

TEST(values_are_cut_out_of_the_path_as_they_were_sent)
{
	const char *path = "/v1/books/a%2fb/notes/+%zz;x";

	CHECK(match(path, LK_REST_GET) == &note_routes[GET_NOTE]);
	CHECK_STR(capture(GET_NOTE, path, "book_id"), "a%2fb");
	CHECK_STR(capture(GET_NOTE, path, "id"), "+%zz;x");
	CHECK(capture(GET_NOTE, path, "notes") == NULL);
	CHECK(capture(GET_NOTE, path, "") == NULL);
	CHECK(capture(GET_NOTE, path, "{id}") == NULL);
	CHECK(capture(LIST_NOTES, "/v1/books/b1/notes", "id") == NULL);
}

TEST(a_nul_does_not_end_a_path)
{
	static const uint8_t path[] = "/v1/leave\0";
	bool known;

	CHECK(lk_rest_match(&note_surface, (struct lk_bytes) { path, sizeof path - 1 },
		      LK_REST_POST, &known) == NULL);
	CHECK(!known);
}

/* R-H20 */
TEST(a_known_path_without_the_verb_tells_which_verbs_it_has)
{
	static const struct {
		const char *path;
		const char *allow;
	} cases[] = {
		{ "/v1/books/b1/notes", "GET, HEAD, POST, OPTIONS" },
		{ "/v1/books/b1/notes/7", "GET, HEAD, PATCH, DELETE, OPTIONS" },
		{ "/v1/leave", "POST, OPTIONS" },
		{ "/v1/every.thing", "GET, HEAD, PUT, OPTIONS" },
		{ "/v1/nothing", "" },
	};
	char allow[LK_REST_ALLOW_ROOM];

	CHECK(match("/v1/leave", LK_REST_GET) == NULL);
	CHECK(is_known("/v1/leave"));
	CHECK(match("/v1/books/b1/notes", LK_REST_DELETE) == NULL);
	CHECK(!is_known("/v1/nothing"));
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		lk_rest_allow(&note_surface, lk_bytes_of(cases[i].path), allow);
		CHECK_STR(allow, cases[i].allow);
	}
}

TEST(all_verbs_together_have_room)
{
	static const struct lk_rest_route routes[] = {
		{ .verb = LK_REST_DELETE, .path = "/" },
		{ .verb = LK_REST_PATCH, .path = "/" },
		{ .verb = LK_REST_PUT, .path = "/" },
		{ .verb = LK_REST_POST, .path = "/" },
		{ .verb = LK_REST_GET, .path = "/" },
	};
	const struct lk_rest_surface surface = { .routes = routes, .n_routes = LK_COUNT(routes) };
	char allow[LK_REST_ALLOW_ROOM];

	lk_rest_allow(&surface, lk_bytes_of("/"), allow);
	CHECK_STR(allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_route_is_found_by_its_path_and_verb),
		RUN(a_path_that_is_written_in_any_other_way_is_unknown),
		RUN(braces_in_a_path_are_bytes_like_others),
		RUN(a_segment_of_dots_is_never_a_value),
		RUN(values_are_cut_out_of_the_path_as_they_were_sent),
		RUN(a_nul_does_not_end_a_path),
		RUN(a_known_path_without_the_verb_tells_which_verbs_it_has),
		RUN(all_verbs_together_have_room),
	};

	return RUN_ALL(tests);
}
