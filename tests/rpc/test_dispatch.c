/* SPDX-License-Identifier: MIT */
#include "latchkey/v1/common.pb-c.h"
#include "tests/support/check.h"
#include "tests/support/echo.h"

TEST(a_call_is_answered_with_its_id_and_body)
{
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, ECHO_CALL(ECHO_FAST, 7, "one", "hello"));
	echo_check_reply(&f, 0, 7, LK_OK, "");
	CHECK_STR(f.replies.replies[0].text, "hello");
	CHECK(!echo_was_malformed(f.wire));
	echo_close(&f);
}

TEST(calls_of_one_frame_are_answered_one_by_one)
{
	struct echo_call calls[] = {
		ECHO_CALL(ECHO_FAST, 9, "one", "a"),
		ECHO_CALL(ECHO_FAST, 3, "two", "b"),
		ECHO_CALL(4711, 5, "one", "c"),
		ECHO_CALL(ECHO_CHECK, 8, NULL, "d"),
	};
	struct echo_fixture f;

	echo_open(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	echo_exchange(&f);
	CHECK_EQ(f.replies.n, 4);
	echo_check_reply(&f, 0, 9, LK_OK, "");
	echo_check_reply(
		&f, 1, 3, LK_PERMISSION_DENIED, "the calling service may not act in this realm");
	echo_check_reply(&f, 2, 5, LK_UNIMPLEMENTED, "this server has no such method");
	echo_check_reply(&f, 3, 8, LK_OK, "");
	CHECK_STR(f.replies.replies[3].text, "d");
	echo_close(&f);
}

TEST(a_full_frame_is_answered_in_full)
{
	struct echo_call calls[LK_FRAME_CALLS_MAX];
	struct echo_fixture f;

	echo_open(&f);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		calls[i] = ECHO_CALL(ECHO_FAST, i, "one", "text");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	echo_exchange(&f);
	CHECK_EQ(f.replies.n, LK_FRAME_CALLS_MAX);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		echo_check_reply(&f, i, i, LK_OK, "");
	echo_close(&f);
}

TEST(a_frame_cut_anywhere_is_refused_as_a_whole)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "a"),
		ECHO_CALL(ECHO_FAST, 2, "one", "b") };
	unsigned runs = echo_runs();
	struct echo_fixture f;

	echo_open(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 2);
	for (size_t n = 0; n < f.frame.n; n++) {
		echo_submit(f.wire, (struct lk_bytes) { f.frame.data, n }, false);
		echo_wait(f.wire, &f.replies);
		CHECK_EQ(f.replies.n, 1);
		CHECK_EQ(f.replies.replies[0].id, LK_WHOLE_FRAME);
		CHECK_EQ(f.replies.replies[0].code, LK_INVALID_ARGUMENT);
		CHECK(echo_was_malformed(f.wire));
	}
	CHECK_EQ(echo_runs(), runs);
	echo_close(&f);
}

TEST(bytes_after_the_last_call_refuse_the_frame)
{
	struct echo_call one = ECHO_CALL(ECHO_FAST, 1, "one", "a");
	unsigned runs = echo_runs();
	struct echo_fixture f;

	echo_open(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", &one, 1);
	lk_buf_u8(&f.frame, 0);
	echo_exchange(&f);
	echo_check_refused(&f, LK_INVALID_ARGUMENT, "bytes follow the last call of the frame");
	CHECK(echo_was_malformed(f.wire));
	CHECK_EQ(echo_runs(), runs);
	echo_close(&f);
}

TEST(two_calls_with_one_id_refuse_the_frame)
{
	static const uint32_t ids[][3] = { { 1, 1, 2 }, { 2, 1, 2 }, { 0, 1, 0 }, { 0, 0, 1 } };
	unsigned runs = echo_runs();
	struct echo_fixture f;

	echo_open(&f);
	for (size_t i = 0; i < LK_COUNT(ids); i++) {
		struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, ids[i][0], "one", "a"),
			ECHO_CALL(ECHO_FAST, ids[i][1], "one", "b"),
			ECHO_CALL(ECHO_FAST, ids[i][2], "one", "c") };

		echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 3);
		echo_exchange(&f);
		echo_check_refused(&f, LK_INVALID_ARGUMENT, "two calls of the frame have one id");
	}
	CHECK_EQ(echo_runs(), runs);
	echo_close(&f);
}

TEST(ids_may_come_in_any_order)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 5, "one", "a"),
		ECHO_CALL(ECHO_FAST, 0, "one", "b"), ECHO_CALL(ECHO_FAST, 4, "one", "c") };
	struct echo_fixture f;

	echo_open(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 3);
	echo_exchange(&f);
	CHECK_EQ(f.replies.n, 3);
	echo_check_reply(&f, 1, 0, LK_OK, "");
	echo_close(&f);
}

TEST(a_frame_that_mixes_lanes_is_refused_before_any_call_runs)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "a"),
		ECHO_CALL(ECHO_READ, 2, "one", "b") };
	unsigned runs = echo_runs();
	struct echo_fixture f;

	echo_open(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 2);
	echo_exchange(&f);
	echo_check_refused(
		&f, LK_INVALID_ARGUMENT, "the frame holds a call of another lane than its own");
	CHECK_EQ(echo_runs(), runs);
	echo_close(&f);
}

TEST(an_unknown_method_is_unimplemented)
{
	static const uint16_t numbers[] = { 0, 2, 302, 10000, 65535 };
	struct echo_fixture f;

	echo_open(&f);
	for (size_t i = 0; i < LK_COUNT(numbers); i++) {
		echo_call(&f, ECHO_CALL(numbers[i], 1, "one", "a"));
		echo_check_reply(&f, 0, 1, LK_UNIMPLEMENTED, "this server has no such method");
	}
	echo_close(&f);
}

TEST(a_method_with_a_scope_needs_a_credential)
{
	static const char *const credentials[] = { "", "evil", "goo", "goodd" };
	struct echo_fixture f;

	echo_open(&f);
	for (size_t i = 0; i < LK_COUNT(credentials); i++) {
		echo_call_as(&f, credentials[i], LK_LANE_FAST, ECHO_CALL(ECHO_FAST, 1, "one", "a"));
		echo_check_reply(&f, 0, 1, LK_UNAUTHENTICATED, "invalid service credential");
	}
	echo_close(&f);
}

TEST(a_method_without_a_scope_is_open_to_everyone)
{
	struct echo_fixture f;

	echo_open(&f);
	echo_call_as(&f, "evil", LK_LANE_FAST, ECHO_CALL(ECHO_CHECK, 1, NULL, "a"));
	echo_check_reply(&f, 0, 1, LK_OK, "");
	echo_close(&f);
}

TEST(a_caller_without_the_scope_is_denied_before_the_body_is_read)
{
	struct lk_frame_head head = { LK_LANE_FAST, 1, { (const uint8_t *)"bare", 4 } };
	struct lk_frame_call garbage = { .method = ECHO_FAST, .id = 1, .body = { NULL, 3 } };
	struct echo_fixture f;

	echo_open(&f);
	lk_frame_put_head(&f.frame, &head);
	memset(lk_frame_put_call(&f.frame, &garbage), 0xff, 3);
	echo_exchange(&f);
	CHECK_EQ(f.replies.n, 1);
	echo_check_reply(
		&f, 0, 1, LK_PERMISSION_DENIED, "the calling service lacks the method's scope");
	echo_close(&f);
}

TEST(a_body_that_is_no_message_is_refused)
{
	struct lk_frame_head head = { LK_LANE_FAST, 1, { (const uint8_t *)"good", 4 } };
	struct lk_frame_call garbage = { .method = ECHO_FAST, .id = 1, .body = { NULL, 3 } };
	struct echo_fixture f;

	echo_open(&f);
	lk_frame_put_head(&f.frame, &head);
	memset(lk_frame_put_call(&f.frame, &garbage), 0xff, 3);
	echo_exchange(&f);
	echo_check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "the message is not well-formed protobuf");
	echo_close(&f);
}

TEST(a_request_without_a_realm_names_the_field)
{
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, ECHO_CALL(ECHO_FAST, 1, NULL, "a"));
	echo_check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "must not be empty");
	CHECK_STR(f.replies.replies[0].field, "realm");
	echo_close(&f);
}

TEST(unknown_realms_and_those_of_others_sound_the_same)
{
	static const char *const realms[] = { "two", "three" };
	struct echo_fixture f;

	echo_open(&f);
	for (size_t i = 0; i < LK_COUNT(realms); i++) {
		echo_call(&f, ECHO_CALL(ECHO_FAST, 1, realms[i], "a"));
		echo_check_reply(&f, 0, 1, LK_PERMISSION_DENIED,
			"the calling service may not act in this realm");
	}
	echo_close(&f);
}

TEST(the_operator_may_act_everywhere_and_hears_of_unknown_realms)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "two", "a"),
		ECHO_CALL(ECHO_FAST, 2, "three", "b") };
	struct echo_fixture f;

	echo_open(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, NULL, calls, 2);
	echo_submit(f.wire, echo_bytes(&f.frame), true);
	echo_wait(f.wire, &f.replies);
	echo_check_reply(&f, 0, 1, LK_OK, "");
	echo_check_reply(&f, 1, 2, LK_NOT_FOUND, "there is no such realm");
	echo_close(&f);
}

static struct lk_bytes pack_metadata(const char *key, const char *traceparent, uint8_t *room)
{
	Latchkey__V1__CallMetadata metadata;

	latchkey__v1__call_metadata__init(&metadata);
	metadata.idempotency_key.data = (uint8_t *)(uintptr_t)key;
	metadata.idempotency_key.len = strlen(key);
	metadata.traceparent = (char *)(uintptr_t)traceparent;
	return (struct lk_bytes) { room, latchkey__v1__call_metadata__pack(&metadata, room) };
}

TEST(metadata_reaches_the_handler)
{
	uint8_t room[512];
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "key",
			      .metadata = pack_metadata("0123456789abcdef", "00-ab-cd-01", room)));
	echo_check_reply(&f, 0, 1, LK_OK, "");
	CHECK_STR(f.replies.replies[0].text, "0123456789abcdef/00-ab-cd-01");
	echo_call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "key"));
	CHECK_STR(f.replies.replies[0].text, "/");
	echo_close(&f);
}

TEST(an_idempotency_key_has_16_to_64_bytes)
{
	static const struct {
		size_t n;
		enum lk_code code;
	} cases[] = { { 0, LK_OK }, { 1, LK_INVALID_ARGUMENT }, { 15, LK_INVALID_ARGUMENT },
		{ 16, LK_OK }, { 64, LK_OK }, { 65, LK_INVALID_ARGUMENT } };
	uint8_t room[512];
	struct echo_fixture f;

	echo_open(&f);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char key[66] = { 0 };

		memset(key, 'k', cases[i].n);
		echo_call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "a",
				      .metadata = pack_metadata(key, "", room)));
		CHECK_EQ(f.replies.replies[0].code, cases[i].code);
		CHECK_STR(f.replies.replies[0].field,
			cases[i].code == LK_OK ? "" : "idempotency_key");
	}
	echo_close(&f);
}

TEST(a_long_traceparent_is_refused)
{
	char traceparent[130] = { 0 };
	uint8_t room[512];
	struct echo_fixture f;

	echo_open(&f);
	memset(traceparent, 't', 128);
	echo_call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "a",
			      .metadata = pack_metadata("", traceparent, room)));
	echo_check_reply(&f, 0, 1, LK_OK, "");
	traceparent[128] = 't';
	echo_call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "a",
			      .metadata = pack_metadata("", traceparent, room)));
	echo_check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "must have at most 128 characters");
	CHECK_STR(f.replies.replies[0].field, "traceparent");
	echo_close(&f);
}

TEST(metadata_that_is_no_message_is_refused)
{
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, (struct echo_call) { ECHO_FAST, 1, "one", "a",
			      .metadata = { (const uint8_t *)"\xff", 1 } });
	echo_check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "the message is not well-formed protobuf");
	echo_close(&f);
}

TEST(a_method_that_is_not_for_end_users_is_refused_with_a_subject)
{
	unsigned runs = echo_runs();
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "a",
			      .subject = { (const uint8_t *)"\x0a\x01x", 3 }));
	echo_check_reply(
		&f, 0, 1, LK_PERMISSION_DENIED, "the method is not called for an end user");
	CHECK_EQ(echo_runs(), runs);
	echo_close(&f);
}

TEST(an_error_carries_its_field)
{
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "field"));
	echo_check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "must be something else");
	CHECK_STR(f.replies.replies[0].field, "id");
	echo_close(&f);
}

TEST(an_error_carries_its_retry_delay)
{
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "retry"));
	echo_check_reply(&f, 0, 1, LK_UNAVAILABLE, "not now");
	CHECK_EQ(f.replies.replies[0].retry_ms, 1500);
	echo_close(&f);
}

TEST(an_error_carries_its_reason_beside_field_and_delay)
{
	struct echo_fixture f;

	echo_open(&f);
	echo_call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "reason"));
	echo_check_reply(&f, 0, 1, LK_RESOURCE_EXHAUSTED, "not so often");
	CHECK_EQ(f.replies.replies[0].reason, LK_TOO_MANY_ATTEMPTS);
	CHECK_EQ(f.replies.replies[0].retry_ms, 86399999);
	CHECK_STR(f.replies.replies[0].field, "id");
	echo_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_call_is_answered_with_its_id_and_body),
		RUN(calls_of_one_frame_are_answered_one_by_one),
		RUN(a_full_frame_is_answered_in_full),
		RUN(a_frame_cut_anywhere_is_refused_as_a_whole),
		RUN(bytes_after_the_last_call_refuse_the_frame),
		RUN(two_calls_with_one_id_refuse_the_frame),
		RUN(ids_may_come_in_any_order),
		RUN(a_frame_that_mixes_lanes_is_refused_before_any_call_runs),
		RUN(an_unknown_method_is_unimplemented),
		RUN(a_method_with_a_scope_needs_a_credential),
		RUN(a_method_without_a_scope_is_open_to_everyone),
		RUN(a_caller_without_the_scope_is_denied_before_the_body_is_read),
		RUN(a_body_that_is_no_message_is_refused),
		RUN(a_request_without_a_realm_names_the_field),
		RUN(unknown_realms_and_those_of_others_sound_the_same),
		RUN(the_operator_may_act_everywhere_and_hears_of_unknown_realms),
		RUN(metadata_reaches_the_handler),
		RUN(an_idempotency_key_has_16_to_64_bytes),
		RUN(a_long_traceparent_is_refused),
		RUN(metadata_that_is_no_message_is_refused),
		RUN(a_method_that_is_not_for_end_users_is_refused_with_a_subject),
		RUN(an_error_carries_its_field),
		RUN(an_error_carries_its_retry_delay),
		RUN(an_error_carries_its_reason_beside_field_and_delay),
	};

	return RUN_ALL(tests);
}
