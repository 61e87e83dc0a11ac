/* SPDX-License-Identifier: MIT */
/* Requests of a REST surface to messages, and answers.
 *
 * Input: one byte that chooses the verb, then three lines (path, query, value of the Cookie
 * header), then the body. Invariants: what is accepted prints, and its text as a body makes the
 * same message, whose fields of path and cookie stay where they are; an answer is UTF-8; a cookie
 * makes exactly one line of visible ASCII or none.
 */
#include "client/bridge/bytes.h"
#include "client/bridge/route.h"
#include "client/bridge/transcode.h"
#include "proto/wire/json.h"
#include "proto/wire/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/surface.h"

/* A text that is printed has more values than the one that was read, by the fields of the path.
 * With so many bytes none comes near the limit. */
#define INPUT_MAX 4096

#define TEXT_MAX ((size_t)1 << 20)

static void check_again(const struct lk_rest_route *route, struct lk_rest_source source,
	const ProtobufCMessage *message, struct lk_arena *arena, struct lk_buf *text)
{
	struct lk_bytes packed, again;
	ProtobufCMessage *copy;

	FUZZ_OK(lk_json_print(message, NULL, text));
	FUZZ_OK(lk_message_pack(message, arena, &packed));
	FUZZ_OK(lk_message_check(route->request, packed));
	source.body = (struct lk_bytes) { text->data, text->n };
	if (route->has_body)
		FUZZ_OK(lk_transcode_request(&note_surface, route, &source, arena, &copy));
	else
		FUZZ_OK(lk_json_parse(route->request, source.body, NULL, arena, &copy));
	FUZZ_OK(lk_message_pack(copy, arena, &again));
	FUZZ_CHECK(fuzz_same(packed, again));
}

/* The message as an answer, and a cookie of that value with it. */
static void check_answer(const ProtobufCMessage *message, struct lk_bytes value,
	struct lk_arena *arena, struct lk_buf *out)
{
	static const struct lk_cookie_policy policy = { .secure = true };
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;
	Latchkey__Test__NoteResponse response = LATCHKEY__TEST__NOTE_RESPONSE__INIT;
	struct lk_status st;

	FUZZ_OK(lk_transcode_response(&note_surface, message, NULL, out, NULL));
	FUZZ_CHECK(lk_utf8_valid((struct lk_bytes) { out->data, out->n }));
	lk_buf_reset(out);
	cookie.value = lk_arena_strndup(arena, (const char *)value.data, value.n);
	response.session = &cookie;
	FUZZ_CHECK(cookie.value != NULL);
	st = lk_transcode_response(&note_surface, &response.base, &policy, NULL, out);
	FUZZ_CHECK(st.code == LK_OK || (st.code == LK_INVALID_ARGUMENT && out->n == 0));
	for (size_t i = 0; i < out->n; i++) {
		bool is_end = i + 2 >= out->n;

		FUZZ_CHECK(is_end ? out->data[i] == "\r\n"[i + 2 - out->n]
				  : out->data[i] >= ' ' && out->data[i] < 0x7f);
	}
}

static void check_route(const struct lk_rest_route *route, const struct lk_rest_source *source,
	struct lk_arena *arena, struct lk_buf *out)
{
	ProtobufCMessage *message = NULL;
	struct lk_status st = lk_transcode_request(&note_surface, route, source, arena, &message);

	FUZZ_CHECK(st.code == LK_OK || st.code == LK_INVALID_ARGUMENT);
	FUZZ_CHECK((message != NULL) == (st.code == LK_OK));
	if (st.code != LK_OK) {
		FUZZ_CHECK(st.why != NULL);
		FUZZ_CHECK(st.field == NULL || lk_utf8_valid(fuzz_text(st.field)));
		return;
	}
	check_again(route, *source, message, arena, out);
	lk_buf_reset(out);
	check_answer(message, source->cookie, arena, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes input = { data, n };
	enum lk_rest_verb verb = (enum lk_rest_verb)fuzz_choice(&input, LK_REST_DELETE + 1);
	struct lk_rest_source source;
	const struct lk_rest_route *route;
	char allow[LK_REST_ALLOW_ROOM];
	struct lk_arena arena;
	struct lk_buf out;
	bool is_known;

	if (n > INPUT_MAX)
		return 0;
	source.path = lk_bytes_until(&input, '\n');
	source.query = lk_bytes_until(&input, '\n');
	source.cookie = lk_bytes_until(&input, '\n');
	source.body = input;
	lk_arena_init(&arena, (size_t)16 << 20);
	lk_buf_init(&out, TEXT_MAX);
	route = lk_rest_match(&note_surface, source.path, verb, &is_known);
	lk_rest_allow(&note_surface, source.path, allow);
	FUZZ_CHECK(is_known == (allow[0] != '\0'));
	if (route != NULL)
		check_route(route, &source, &arena, &out);
	lk_buf_fini(&out);
	lk_arena_fini(&arena);
	return 0;
}
