/* SPDX-License-Identifier: MIT */
/* The documented requests and answers of InCRM through its generated tables. */
#include "client/bridge/route.h"
#include "client/bridge/transcode.h"
#include "latchkey/rest/incrm.rpc.h"
#include "tests/support/json.h"

/* Generated handlers call these; here nobody serves. */
void lk_rest_answer(struct lk_rest_call *call, const ProtobufCMessage *response)
{
	(void)call;
	(void)response;
}

void lk_rest_not_served(struct lk_rest_call *call)
{
	(void)call;
}

static const struct lk_cookie_policy plain = { .secure = false };

/* The request of a route that must be `route`, printed canonically. */
static const char *received(size_t route, const struct lk_rest_source *source)
{
	ProtobufCMessage *message = NULL;
	bool is_known;

	CHECK(lk_rest_match(&incrm_surface, source->path, incrm_surface.routes[route].verb,
		      &is_known) == &incrm_surface.routes[route]);
	CHECK_OK(lk_transcode_request(
		&incrm_surface, &incrm_surface.routes[route], source, &arena, &message));
	return printed(message, NULL);
}

static struct lk_rest_source request(const char *path, const char *query, const char *body)
{
	return (struct lk_rest_source) {
		.path = lk_bytes_of(path), .query = lk_bytes_of(query), .body = lk_bytes_of(body)
	};
}

/* Body and headers of an answer, one after the other. */
static const char *answered(const ProtobufCMessage *message)
{
	struct lk_buf out;
	const char *text;

	lk_buf_init(&out, 4096);
	CHECK_OK(lk_transcode_response(&incrm_surface, message, &plain, &out, &out));
	text = lk_arena_strndup(&arena, (const char *)out.data, out.n);
	lk_buf_fini(&out);
	return text;
}

TEST(sign_in_takes_a_body_and_answers_with_a_token_and_a_cookie)
{
	const struct lk_rest_source source = request("/api/v1/auth/sign-in", "",
		"{\"email\":\"a@b.c\",\"password\":\"p\",\"refreshToken\":\"x\"}");
	Google__Protobuf__Duration day = GOOGLE__PROTOBUF__DURATION__INIT;
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;
	incrm_token token = INCRM_TOKEN_INIT;
	incrm_token_response response = INCRM_TOKEN_RESPONSE_INIT;
	char access_token[] = "eyJ.a.b";
	char refresh_token[] = "lkr_abc";

	CHECK_STR(received(INCRM_SURFACE_SIGN_IN, &source),
		"{\"email\":\"a@b.c\",\"password\":\"p\"}");
	day.seconds = 86400;
	cookie.value = refresh_token;
	cookie.max_age = &day;
	token.access_token = access_token;
	response.success = 1;
	response.data = &token;
	response.refresh_token = &cookie;
	CHECK_STR(answered(&response.base),
		"{\"success\":true,\"data\":{\"accessToken\":\"eyJ.a.b\"}}"
		"Set-Cookie: refreshToken=lkr_abc; Path=/api/v1/auth; HttpOnly; SameSite=Lax; "
		"Max-Age=86400\r\n");
}

TEST(refresh_takes_the_cookie_and_no_body)
{
	struct lk_rest_source source =
		request("/api/v1/auth/token/refresh", "", "{\"refreshToken\":\"evil\"}");

	CHECK_STR(received(INCRM_SURFACE_REFRESH_TOKEN, &source), "{}");
	source.body = (struct lk_bytes) { NULL, 0 };
	source.cookie = lk_bytes_of("theme=dark; refreshToken=lkr_abc");
	CHECK_STR(received(INCRM_SURFACE_REFRESH_TOKEN, &source), "{\"refreshToken\":\"lkr_abc\"}");
	source.cookie = lk_bytes_of("refreshToken=no token at all");
	CHECK_STR(received(INCRM_SURFACE_REFRESH_TOKEN, &source), "{}");
}

TEST(logout_answers_with_nothing_but_a_cookie_that_is_gone)
{
	Latchkey__V1__Cookie cookie = LATCHKEY__V1__COOKIE__INIT;
	incrm_logout_response response = INCRM_LOGOUT_RESPONSE_INIT;
	const struct lk_rest_source source = request("/api/v1/auth/logout", "", "");

	CHECK_STR(received(INCRM_SURFACE_LOGOUT, &source), "{}");
	response.refresh_token = &cookie;
	CHECK_STR(answered(&response.base),
		"{}Set-Cookie: refreshToken=; Path=/api/v1/auth; HttpOnly; SameSite=Lax; "
		"Max-Age=0\r\n");
}

TEST(a_key_is_created_and_shown_as_documented)
{
	const struct lk_rest_source source = request("/api/v1/api-key", "",
		"{\"name\":\"CI\",\"scopes\":[\"clients.read\"],\"isActive\":true,\"id\":\"x\"}");
	Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	incrm_created_api_key key = INCRM_CREATED_API_KEY_INIT;
	incrm_create_api_key_response response = INCRM_CREATE_API_KEY_RESPONSE_INIT;
	char name[] = "CI";
	char scope[] = "clients.read";
	char *scopes[] = { scope };

	CHECK_STR(received(INCRM_SURFACE_CREATE_API_KEY, &source),
		"{\"name\":\"CI\",\"scopes\":[\"clients.read\"]}");
	at.seconds = 1735689600;
	key.name = name;
	key.scopes = scopes;
	key.n_scopes = 1;
	key.created_at = &at;
	key.is_active = 1;
	response.success = 1;
	response.data = &key;
	CHECK_STR(answered(&response.base),
		"{\"success\":true,\"data\":{\"id\":\"\",\"name\":\"CI\",\"key\":\"\","
		"\"keyPrefix\":\"\",\"scopes\":[\"clients.read\"],\"expiresAt\":null,"
		"\"isActive\":true,\"createdAt\":\"2025-01-01T00:00:00.000Z\"}}");
}

TEST(keys_are_listed_and_revoked_by_query_and_path)
{
	struct lk_rest_source source = request("/api/v1/api-key", "limit=5&cursor=a%2Bb", "");

	CHECK_STR(
		received(INCRM_SURFACE_LIST_API_KEYS, &source), "{\"limit\":5,\"cursor\":\"a+b\"}");
	source = request("/api/v1/api-key/key_1", "id=key_2", "{\"id\":\"key_3\"}");
	CHECK_STR(received(INCRM_SURFACE_GET_API_KEY, &source), "{\"id\":\"key_1\"}");
	CHECK_STR(received(INCRM_SURFACE_REVOKE_API_KEY, &source), "{\"id\":\"key_1\"}");
}

TEST(an_error_has_a_number_for_its_code)
{
	incrm_error_body error = INCRM_ERROR_BODY_INIT;
	incrm_error_response response = INCRM_ERROR_RESPONSE_INIT;
	char message[] = "Refresh token not found in whitelist";

	error.code = 401012;
	error.message = message;
	response.error = &error;
	CHECK_STR(answered(&response.base),
		"{\"success\":false,\"error\":{\"code\":401012,"
		"\"message\":\"Refresh token not found in whitelist\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sign_in_takes_a_body_and_answers_with_a_token_and_a_cookie),
		CASE(refresh_takes_the_cookie_and_no_body),
		CASE(logout_answers_with_nothing_but_a_cookie_that_is_gone),
		CASE(a_key_is_created_and_shown_as_documented),
		CASE(keys_are_listed_and_revoked_by_query_and_path),
		CASE(an_error_has_a_number_for_its_code),
	};

	return RUN_ALL(tests);
}
