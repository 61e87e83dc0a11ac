/* SPDX-License-Identifier: MIT */
#include "client/bridge/refusal.h"
#include "tests/support/exchange.h"

/* Of adapters.c. */
extern const struct lk_adapter lk_incrm, lk_omnicrm;

static const struct lk_bridge_realm realm = { .name = "crm", .key_prefix = "crm_" };
static const struct lk_site plain = { .realm = &realm };
static const struct lk_site incrm = { .realm = &realm, .adapter = &lk_incrm };
static const struct lk_site omnicrm = { .realm = &realm, .adapter = &lk_omnicrm };

static void check_refusal(const struct lk_site *site, struct lk_failure failure, unsigned status,
	const char *headers, const char *body)
{
	struct lk_arena arena;
	struct lk_refusal refusal;
	struct lk_buf lines;

	lk_arena_init(&arena, (size_t)1 << 20);
	lk_buf_init(&lines, 4096);
	refusal = lk_refuse(site, &failure, &arena, &lines);
	CHECK_EQ(refusal.status, status);
	check_buf(&lines, headers);
	CHECK_EQ(refusal.body.n, strlen(body));
	CHECK_MEM(refusal.body.data, body, refusal.body.n);
	lk_buf_fini(&lines);
	lk_arena_fini(&arena);
}

#define DENIED(reason_) \
	((struct lk_failure) { .fault = LK_FAULT_DENIED, .reason = LK_DENY_REASON_##reason_ })
#define CALL(...) ((struct lk_failure) { .fault = LK_FAULT_CALL, .status = { __VA_ARGS__ } })
#define HTTP(status_, why_) \
	((struct lk_failure) { .fault = LK_FAULT_HTTP, .http = (status_), .why = (why_) })

#define CHALLENGE "WWW-Authenticate: Bearer realm=\"crm\""
#define INVALID_TOKEN CHALLENGE ", error=\"invalid_token\"\r\n"
#define INSUFFICIENT_SCOPE CHALLENGE ", error=\"insufficient_scope\"\r\n"

#define PLAIN(code, message) "{\"code\":\"" code "\",\"message\":\"" message "\"}"
#define REFUSED "the request was refused"
#define INCRM(code, message) \
	"{\"success\":false,\"error\":{\"code\":" code ",\"message\":\"" message "\"}}"

#define OMNICRM(code, message) "{\"error\":\"" code "\",\"message\":\"" message "\"}"

/* R-A01 */
TEST(without_a_credential_the_challenge_names_no_error)
{
	check_refusal(&plain, DENIED(NO_CREDENTIAL), 401, CHALLENGE "\r\n",
		PLAIN("unauthenticated", REFUSED));
	check_refusal(&incrm, DENIED(NO_CREDENTIAL), 401, CHALLENGE "\r\n",
		INCRM("401010", "Invalid access token"));
	check_refusal(&omnicrm, DENIED(NO_CREDENTIAL), 401, CHALLENGE "\r\n",
		OMNICRM("authentication_required", "A token or an API key is needed"));
}

/* R-A03 */
TEST(a_credential_that_is_refused_is_an_invalid_token)
{
	const struct lk_failure failures[] = { DENIED(UNKNOWN_CREDENTIAL), DENIED(REVOKED),
		DENIED(DISABLED), DENIED(EXPIRED), DENIED(USER_DISABLED),
		DENIED(ORGANIZATION_DISABLED), DENIED(AMBIGUOUS_CREDENTIALS),
		{ .fault = LK_FAULT_DENIED, .reason = (lk_deny_reason)99 } };

	for (size_t i = 0; i < LK_COUNT(failures); i++)
		check_refusal(
			&plain, failures[i], 401, INVALID_TOKEN, PLAIN("unauthenticated", REFUSED));
	check_refusal(&incrm, DENIED(REVOKED), 401, INVALID_TOKEN,
		INCRM("401011", "Access token not found in whitelist"));
}

/* R-A04: 403, but InCRM documents 401. */
TEST(a_permission_that_is_lacking_is_insufficient_scope_whatever_the_status)
{
	check_refusal(&plain, DENIED(PERMISSION_DENIED), 403, INSUFFICIENT_SCOPE,
		PLAIN("permission_denied", REFUSED));
	check_refusal(&incrm, DENIED(PERMISSION_DENIED), 401, INSUFFICIENT_SCOPE,
		INCRM("401014", "Insufficient permissions for this action"));
	check_refusal(&omnicrm, DENIED(PERMISSION_DENIED), 403, INSUFFICIENT_SCOPE,
		OMNICRM("insufficient_scope", "A permission is lacking"));
}

TEST(what_no_other_credential_would_change_has_no_challenge)
{
	const struct lk_failure failures[] = { DENIED(NETWORK_NOT_ALLOWED),
		{ .fault = LK_FAULT_KEY }, { .fault = LK_FAULT_ORGANIZATION },
		{ .fault = LK_FAULT_ORIGIN }, { .fault = LK_FAULT_ROUTE } };

	for (size_t i = 0; i < LK_COUNT(failures); i++)
		check_refusal(&plain, failures[i], 403, "", PLAIN("permission_denied", REFUSED));
	check_refusal(&incrm, failures[1], 403, "", INCRM("403000", "Forbidden resource"));
}

TEST(a_caller_whose_rights_ended_between_two_questions_hears_it_the_same)
{
	check_refusal(&incrm,
		CALL(.code = LK_UNAUTHENTICATED, .why = "w", .reason = LK_SUBJECT_REFUSED), 401,
		INVALID_TOKEN, INCRM("401011", "Access token not found in whitelist"));
	check_refusal(&incrm,
		CALL(.code = LK_PERMISSION_DENIED, .why = "w",
			.reason = LK_SUBJECT_LACKS_PERMISSION),
		401, INSUFFICIENT_SCOPE,
		INCRM("401014", "Insufficient permissions for this action"));
	check_refusal(&incrm,
		CALL(.code = LK_UNAUTHENTICATED, .why = "w", .reason = LK_WRONG_CREDENTIALS), 401,
		CHALLENGE "\r\n", INCRM("401001", "Invalid credentials"));
}

/* Or a client would throw its credential away. */
TEST(a_bridge_that_the_server_does_not_know_is_no_fault_of_the_client)
{
	check_refusal(&plain, CALL(.code = LK_UNAUTHENTICATED, .why = "w"), 503, "",
		PLAIN("unavailable", "w"));
	check_refusal(&plain, CALL(.code = LK_PERMISSION_DENIED, .why = "w"), 503, "",
		PLAIN("unavailable", "w"));
	check_refusal(&incrm, CALL(.code = LK_UNAUTHENTICATED, .why = "w"), 503, "",
		INCRM("503000", "Service unavailable"));
}

TEST(a_delay_is_told_in_whole_seconds_rounded_up)
{
	check_refusal(&plain, CALL(.code = LK_RESOURCE_EXHAUSTED, .why = "w", .retry_ms = 1), 429,
		"Retry-After: 1\r\n", PLAIN("resource_exhausted", "w"));
	check_refusal(&plain, CALL(.code = LK_UNAVAILABLE, .why = "w", .retry_ms = 1000), 503,
		"Retry-After: 1\r\n", PLAIN("unavailable", "w"));
	check_refusal(&plain, CALL(.code = LK_UNAVAILABLE, .why = "w", .retry_ms = 1001), 503,
		"Retry-After: 2\r\n", PLAIN("unavailable", "w"));
	check_refusal(&plain, CALL(.code = LK_UNAVAILABLE, .why = "w"), 503, "",
		PLAIN("unavailable", "w"));
}

TEST(a_field_is_named_as_the_client_knows_it)
{
	check_refusal(&incrm, CALL(.code = LK_INVALID_ARGUMENT, .field = "expires_at", .why = "w"),
		400, "", INCRM("400000", "expiresAt: w"));
	check_refusal(&plain,
		CALL(.code = LK_INVALID_ARGUMENT, .field = "a.b_c_d._x_1_", .why = "w"), 400, "",
		PLAIN("invalid_argument", "a.bCD.X_1_: w"));
	check_refusal(&omnicrm,
		CALL(.code = LK_INVALID_ARGUMENT, .field = "refresh_token", .why = "w"), 400, "",
		OMNICRM("invalid_request", "refresh_token: w"));
	check_refusal(&incrm, CALL(.code = LK_INVALID_ARGUMENT, .why = "w"), 400, "",
		INCRM("400000", "w"));
}

TEST(without_a_site_the_error_is_plain_and_asks_for_no_credential)
{
	check_refusal(NULL, HTTP(404, "nothing here"), 404, "", PLAIN("not_found", "nothing here"));
	check_refusal(NULL, HTTP(405, NULL), 405, "", PLAIN("unimplemented", REFUSED));
	check_refusal(NULL, HTTP(413, NULL), 413, "", PLAIN("invalid_argument", REFUSED));
	check_refusal(NULL, DENIED(NO_CREDENTIAL), 401, "", PLAIN("unauthenticated", REFUSED));
}

TEST(a_sentence_is_escaped)
{
	check_refusal(NULL, HTTP(400, "\"a\"\r\n"), 400, "",
		PLAIN("invalid_argument", "\\\"a\\\"\\r\\n"));
}

/* Every failure there can be has an error of the surface. */
static void check_some_answer(const struct lk_site *site, struct lk_failure failure)
{
	struct lk_arena arena;
	struct lk_refusal refusal;
	struct lk_buf lines;

	lk_arena_init(&arena, (size_t)1 << 20);
	lk_buf_init(&lines, 4096);
	refusal = lk_refuse(site, &failure, &arena, &lines);
	CHECK(refusal.status >= 400 && refusal.status < 600);
	CHECK(refusal.body.n > 2 && !lines.failed);
	lk_buf_fini(&lines);
	lk_arena_fini(&arena);
}

TEST(every_failure_has_an_answer)
{
	const struct lk_site *const sites[] = { NULL, &plain, &incrm, &omnicrm };

	for (size_t i = 0; i < LK_COUNT(sites); i++) {
		for (int fault = LK_FAULT_DENIED; fault <= LK_FAULT_ROUTE; fault++)
			for (int reason = 0; reason < 20; reason++)
				check_some_answer(sites[i],
					(struct lk_failure) { .fault = (enum lk_fault)fault,
						.reason = (lk_deny_reason)reason,
						.is_key = reason % 2 == 0,
						.http = 400,
						.status = LK_ERR(LK_INTERNAL, "w") });
		for (int code = LK_OK + 1; code <= LK_UNAUTHENTICATED; code++)
			for (int reason = 0; reason < 9; reason++)
				check_some_answer(
					sites[i], CALL(.code = (enum lk_code)code, .why = "w",
							  .reason = (enum lk_error_reason)reason));
		for (unsigned http = 400; http < 600; http++)
			check_some_answer(sites[i], HTTP(http, NULL));
	}
}

/* The status stays, the body is whole or empty. */
static void check_short_of_memory(const struct lk_site *site, struct lk_failure failure, size_t cap)
{
	struct lk_arena arena;
	struct lk_refusal refusal;
	struct lk_buf lines;

	lk_arena_init(&arena, cap);
	lk_buf_init(&lines, 4096);
	refusal = lk_refuse(site, &failure, &arena, &lines);
	CHECK_EQ(refusal.status, 400);
	CHECK_EQ(lines.n, 0);
	if (refusal.body.n > 0)
		CHECK(refusal.body.data[0] == '{' && refusal.body.data[refusal.body.n - 1] == '}');
	lk_buf_fini(&lines);
	lk_arena_fini(&arena);
}

TEST(short_of_memory_the_status_is_all_there_is)
{
	const struct lk_failure failure =
		CALL(.code = LK_INVALID_ARGUMENT, .field = "expires_at", .why = "w");

	for (size_t cap = 0; cap < 8192; cap += 8) {
		check_short_of_memory(&plain, failure, cap);
		check_short_of_memory(&incrm, failure, cap);
	}
	for (unsigned long nth = 1; nth < 8; nth++) {
		lk_alloc_fail_nth(nth);
		check_short_of_memory(&incrm, failure, (size_t)1 << 20);
		lk_alloc_fail_nth(0);
	}
}

TEST(a_sentence_that_is_too_long_leaves_the_body_out)
{
	static char why[2 * LK_REFUSAL_BODY_MAX];

	memset(why, 'a', sizeof why - 1);
	check_refusal(&plain, HTTP(400, why), 400, "", "");
	check_refusal(&incrm, HTTP(400, why), 400, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(without_a_credential_the_challenge_names_no_error),
		RUN(a_credential_that_is_refused_is_an_invalid_token),
		RUN(a_permission_that_is_lacking_is_insufficient_scope_whatever_the_status),
		RUN(what_no_other_credential_would_change_has_no_challenge),
		RUN(a_caller_whose_rights_ended_between_two_questions_hears_it_the_same),
		RUN(a_bridge_that_the_server_does_not_know_is_no_fault_of_the_client),
		RUN(a_delay_is_told_in_whole_seconds_rounded_up),
		RUN(a_field_is_named_as_the_client_knows_it),
		RUN(without_a_site_the_error_is_plain_and_asks_for_no_credential),
		RUN(a_sentence_is_escaped),
		RUN(every_failure_has_an_answer),
		RUN(short_of_memory_the_status_is_all_there_is),
		RUN(a_sentence_that_is_too_long_leaves_the_body_out),
	};

	return RUN_ALL(tests);
}
