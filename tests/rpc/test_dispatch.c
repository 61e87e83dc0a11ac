/* SPDX-License-Identifier: MIT */
#include "latchkey/v1/common.pb-c.h"
#include "server/rpc/local.h"
#include "tests/support/check.h"
#include "tests/support/echo.h"

/* One server, one frame at a time. */
struct fixture {
	struct lk_server *server;
	struct echo_wire *wire;
	struct lk_buf frame;
	struct echo_replies replies;
};

static void open_with(struct fixture *f, const struct lk_server_options *options)
{
	CHECK_OK(lk_server_new(options, &f->server));
	f->wire = echo_wire_new(f->server);
	lk_buf_init(&f->frame, LK_REPLY_FRAME_MAX);
}

static void open_fixture(struct fixture *f)
{
	struct lk_server_options options = echo_options();

	open_with(f, &options);
}

static void close_fixture(struct fixture *f)
{
	lk_server_free(f->server);
	echo_wire_free(f->wire);
	lk_buf_fini(&f->frame);
}

static struct lk_bytes bytes_of(const struct lk_buf *buf)
{
	return (struct lk_bytes) { buf->data, buf->n };
}

static void submit(struct fixture *f)
{
	echo_submit(f->wire, bytes_of(&f->frame), false);
	echo_wait(f->wire, &f->replies);
}

static void call_as(
	struct fixture *f, const char *credential, enum lk_lane lane, struct echo_call call)
{
	echo_put_frame(&f->frame, lane, credential, &call, 1);
	submit(f);
	CHECK_EQ(f->replies.n, 1);
}

static void call(struct fixture *f, struct echo_call echo_call)
{
	call_as(f, "good", LK_LANE_FAST, echo_call);
}

static void check_reply(
	const struct fixture *f, size_t at, uint32_t id, enum lk_code code, const char *why)
{
	const struct echo_reply *reply = &f->replies.replies[at];

	CHECK_EQ(reply->id, id);
	CHECK_STR(reply->why, why);
	CHECK_EQ(reply->code, code);
}

static void check_refused(const struct fixture *f, enum lk_code code, const char *why)
{
	CHECK_EQ(f->replies.n, 1);
	check_reply(f, 0, LK_WHOLE_FRAME, code, why);
}

TEST(a_call_is_answered_with_its_id_and_body)
{
	struct fixture f;

	open_fixture(&f);
	call(&f, ECHO_CALL(ECHO_FAST, 7, "one", "hello"));
	check_reply(&f, 0, 7, LK_OK, "");
	CHECK_STR(f.replies.replies[0].text, "hello");
	CHECK(!echo_was_malformed(f.wire));
	close_fixture(&f);
}

TEST(calls_of_one_frame_are_answered_one_by_one)
{
	struct echo_call calls[] = {
		ECHO_CALL(ECHO_FAST, 9, "one", "a"),
		ECHO_CALL(ECHO_FAST, 3, "two", "b"),
		ECHO_CALL(4711, 5, "one", "c"),
		ECHO_CALL(ECHO_CHECK, 8, NULL, "d"),
	};
	struct fixture f;

	open_fixture(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	submit(&f);
	CHECK_EQ(f.replies.n, 4);
	check_reply(&f, 0, 9, LK_OK, "");
	check_reply(
		&f, 1, 3, LK_PERMISSION_DENIED, "the calling service may not act in this realm");
	check_reply(&f, 2, 5, LK_UNIMPLEMENTED, "this server has no such method");
	check_reply(&f, 3, 8, LK_OK, "");
	CHECK_STR(f.replies.replies[3].text, "d");
	close_fixture(&f);
}

TEST(a_full_frame_is_answered_in_full)
{
	struct echo_call calls[LK_FRAME_CALLS_MAX];
	struct fixture f;

	open_fixture(&f);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		calls[i] = ECHO_CALL(ECHO_FAST, i, "one", "text");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	submit(&f);
	CHECK_EQ(f.replies.n, LK_FRAME_CALLS_MAX);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		check_reply(&f, i, i, LK_OK, "");
	close_fixture(&f);
}

TEST(a_frame_cut_anywhere_is_refused_as_a_whole)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "a"),
		ECHO_CALL(ECHO_FAST, 2, "one", "b") };
	unsigned runs = echo_runs();
	struct fixture f;

	open_fixture(&f);
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
	close_fixture(&f);
}

TEST(bytes_after_the_last_call_refuse_the_frame)
{
	struct echo_call one = ECHO_CALL(ECHO_FAST, 1, "one", "a");
	unsigned runs = echo_runs();
	struct fixture f;

	open_fixture(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", &one, 1);
	lk_buf_u8(&f.frame, 0);
	submit(&f);
	check_refused(&f, LK_INVALID_ARGUMENT, "bytes follow the last call of the frame");
	CHECK(echo_was_malformed(f.wire));
	CHECK_EQ(echo_runs(), runs);
	close_fixture(&f);
}

TEST(two_calls_with_one_id_refuse_the_frame)
{
	static const uint32_t ids[][3] = { { 1, 1, 2 }, { 2, 1, 2 }, { 0, 1, 0 }, { 0, 0, 1 } };
	unsigned runs = echo_runs();
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < LK_COUNT(ids); i++) {
		struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, ids[i][0], "one", "a"),
			ECHO_CALL(ECHO_FAST, ids[i][1], "one", "b"),
			ECHO_CALL(ECHO_FAST, ids[i][2], "one", "c") };

		echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 3);
		submit(&f);
		check_refused(&f, LK_INVALID_ARGUMENT, "two calls of the frame have one id");
	}
	CHECK_EQ(echo_runs(), runs);
	close_fixture(&f);
}

TEST(ids_may_come_in_any_order)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 5, "one", "a"),
		ECHO_CALL(ECHO_FAST, 0, "one", "b"), ECHO_CALL(ECHO_FAST, 4, "one", "c") };
	struct fixture f;

	open_fixture(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 3);
	submit(&f);
	CHECK_EQ(f.replies.n, 3);
	check_reply(&f, 1, 0, LK_OK, "");
	close_fixture(&f);
}

TEST(a_frame_that_mixes_lanes_is_refused_before_any_call_runs)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "a"),
		ECHO_CALL(ECHO_READ, 2, "one", "b") };
	unsigned runs = echo_runs();
	struct fixture f;

	open_fixture(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 2);
	submit(&f);
	check_refused(
		&f, LK_INVALID_ARGUMENT, "the frame holds a call of another lane than its own");
	CHECK_EQ(echo_runs(), runs);
	close_fixture(&f);
}

TEST(an_unknown_method_is_unimplemented)
{
	static const uint16_t numbers[] = { 0, 2, 302, 10000, 65535 };
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < LK_COUNT(numbers); i++) {
		call(&f, ECHO_CALL(numbers[i], 1, "one", "a"));
		check_reply(&f, 0, 1, LK_UNIMPLEMENTED, "this server has no such method");
	}
	close_fixture(&f);
}

TEST(a_method_with_a_scope_needs_a_credential)
{
	static const char *const credentials[] = { "", "evil", "goo", "goodd" };
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < LK_COUNT(credentials); i++) {
		call_as(&f, credentials[i], LK_LANE_FAST, ECHO_CALL(ECHO_FAST, 1, "one", "a"));
		check_reply(&f, 0, 1, LK_UNAUTHENTICATED, "invalid service credential");
	}
	close_fixture(&f);
}

TEST(a_method_without_a_scope_is_open_to_everyone)
{
	struct fixture f;

	open_fixture(&f);
	call_as(&f, "evil", LK_LANE_FAST, ECHO_CALL(ECHO_CHECK, 1, NULL, "a"));
	check_reply(&f, 0, 1, LK_OK, "");
	close_fixture(&f);
}

TEST(a_caller_without_the_scope_is_denied_before_the_body_is_read)
{
	struct lk_frame_head head = { LK_LANE_FAST, 1, { (const uint8_t *)"bare", 4 } };
	struct lk_frame_call garbage = { .method = ECHO_FAST, .id = 1, .body = { NULL, 3 } };
	struct fixture f;

	open_fixture(&f);
	lk_frame_put_head(&f.frame, &head);
	memset(lk_frame_put_call(&f.frame, &garbage), 0xff, 3);
	submit(&f);
	CHECK_EQ(f.replies.n, 1);
	check_reply(&f, 0, 1, LK_PERMISSION_DENIED, "the calling service lacks the method's scope");
	close_fixture(&f);
}

TEST(a_body_that_is_no_message_is_refused)
{
	struct lk_frame_head head = { LK_LANE_FAST, 1, { (const uint8_t *)"good", 4 } };
	struct lk_frame_call garbage = { .method = ECHO_FAST, .id = 1, .body = { NULL, 3 } };
	struct fixture f;

	open_fixture(&f);
	lk_frame_put_head(&f.frame, &head);
	memset(lk_frame_put_call(&f.frame, &garbage), 0xff, 3);
	submit(&f);
	check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "the message is not well-formed protobuf");
	close_fixture(&f);
}

TEST(a_request_without_a_realm_names_the_field)
{
	struct fixture f;

	open_fixture(&f);
	call(&f, ECHO_CALL(ECHO_FAST, 1, NULL, "a"));
	check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "must not be empty");
	CHECK_STR(f.replies.replies[0].field, "realm");
	close_fixture(&f);
}

TEST(unknown_realms_and_those_of_others_sound_the_same)
{
	static const char *const realms[] = { "two", "three" };
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < LK_COUNT(realms); i++) {
		call(&f, ECHO_CALL(ECHO_FAST, 1, realms[i], "a"));
		check_reply(&f, 0, 1, LK_PERMISSION_DENIED,
			"the calling service may not act in this realm");
	}
	close_fixture(&f);
}

TEST(the_operator_may_act_everywhere_and_hears_of_unknown_realms)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "two", "a"),
		ECHO_CALL(ECHO_FAST, 2, "three", "b") };
	struct fixture f;

	open_fixture(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, NULL, calls, 2);
	echo_submit(f.wire, bytes_of(&f.frame), true);
	echo_wait(f.wire, &f.replies);
	check_reply(&f, 0, 1, LK_OK, "");
	check_reply(&f, 1, 2, LK_NOT_FOUND, "there is no such realm");
	close_fixture(&f);
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
	struct fixture f;

	open_fixture(&f);
	call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "key",
			 .metadata = pack_metadata("0123456789abcdef", "00-ab-cd-01", room)));
	check_reply(&f, 0, 1, LK_OK, "");
	CHECK_STR(f.replies.replies[0].text, "0123456789abcdef/00-ab-cd-01");
	call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "key"));
	CHECK_STR(f.replies.replies[0].text, "/");
	close_fixture(&f);
}

TEST(an_idempotency_key_has_16_to_64_bytes)
{
	static const struct {
		size_t n;
		enum lk_code code;
	} cases[] = { { 0, LK_OK }, { 1, LK_INVALID_ARGUMENT }, { 15, LK_INVALID_ARGUMENT },
		{ 16, LK_OK }, { 64, LK_OK }, { 65, LK_INVALID_ARGUMENT } };
	uint8_t room[512];
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char key[66] = { 0 };

		memset(key, 'k', cases[i].n);
		call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "a",
				 .metadata = pack_metadata(key, "", room)));
		CHECK_EQ(f.replies.replies[0].code, cases[i].code);
		CHECK_STR(f.replies.replies[0].field,
			cases[i].code == LK_OK ? "" : "idempotency_key");
	}
	close_fixture(&f);
}

TEST(a_long_traceparent_is_refused)
{
	char traceparent[130] = { 0 };
	uint8_t room[512];
	struct fixture f;

	open_fixture(&f);
	memset(traceparent, 't', 128);
	call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "a",
			 .metadata = pack_metadata("", traceparent, room)));
	check_reply(&f, 0, 1, LK_OK, "");
	traceparent[128] = 't';
	call(&f, ECHO_CALL_WITH(ECHO_FAST, 1, "one", "a",
			 .metadata = pack_metadata("", traceparent, room)));
	check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "must have at most 128 characters");
	CHECK_STR(f.replies.replies[0].field, "traceparent");
	close_fixture(&f);
}

TEST(metadata_that_is_no_message_is_refused)
{
	struct fixture f;

	open_fixture(&f);
	call(&f, (struct echo_call) {
			 ECHO_FAST, 1, "one", "a", .metadata = { (const uint8_t *)"\xff", 1 } });
	check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "the message is not well-formed protobuf");
	close_fixture(&f);
}

TEST(a_call_with_a_subject_is_refused)
{
	unsigned runs = echo_runs();
	struct fixture f;

	open_fixture(&f);
	call(&f, ECHO_CALL_WITH(
			 ECHO_FAST, 1, "one", "a", .subject = { (const uint8_t *)"\x0a\x01x", 3 }));
	check_reply(&f, 0, 1, LK_UNIMPLEMENTED, "calls with a subject are not supported yet");
	CHECK_EQ(echo_runs(), runs);
	close_fixture(&f);
}

TEST(an_error_carries_its_field)
{
	struct fixture f;

	open_fixture(&f);
	call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "field"));
	check_reply(&f, 0, 1, LK_INVALID_ARGUMENT, "must be something else");
	CHECK_STR(f.replies.replies[0].field, "id");
	close_fixture(&f);
}

TEST(an_error_carries_its_retry_delay)
{
	struct fixture f;

	open_fixture(&f);
	call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "retry"));
	check_reply(&f, 0, 1, LK_UNAVAILABLE, "not now");
	CHECK_EQ(f.replies.replies[0].retry_ms, 1500);
	close_fixture(&f);
}

TEST(an_answer_that_does_not_fit_is_an_error_of_that_call_alone)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "half"),
		ECHO_CALL(ECHO_FAST, 2, "one", "half"), ECHO_CALL(ECHO_FAST, 3, "one", "large"),
		ECHO_CALL(ECHO_FAST, 4, "one", "small") };
	struct fixture f;

	open_fixture(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 4);
	submit(&f);
	CHECK_EQ(f.replies.n, 4);
	check_reply(&f, 0, 1, LK_OK, "");
	check_reply(&f, 1, 2, LK_RESOURCE_EXHAUSTED, "the answer does not fit into the reply");
	check_reply(&f, 2, 3, LK_RESOURCE_EXHAUSTED, "the answer does not fit into the reply");
	check_reply(&f, 3, 4, LK_OK, "");
	close_fixture(&f);
}

TEST(a_request_that_exceeds_the_arena_is_refused)
{
	struct lk_server_options options = echo_options();
	struct fixture f;

	options.arena_max = 64;
	open_with(&f, &options);
	call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "a"));
	check_reply(&f, 0, 1, LK_RESOURCE_EXHAUSTED, "the message needs too much memory");
	close_fixture(&f);
}

TEST(one_call_leaves_the_next_its_whole_arena)
{
	struct lk_server_options options = echo_options();
	struct echo_call calls[LK_FRAME_CALLS_MAX];
	struct fixture f;

	options.arena_max = 1024;
	open_with(&f, &options);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		calls[i] = ECHO_CALL(ECHO_FAST, i, "one", "text");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	submit(&f);
	CHECK_EQ(f.replies.n, LK_FRAME_CALLS_MAX);
	check_reply(&f, 127, 127, LK_OK, "");
	close_fixture(&f);
}

TEST(every_frame_is_answered_when_any_allocation_fails)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "half"),
		ECHO_CALL(ECHO_FAST, 2, "one", "a") };
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct fixture f;

		open_fixture(&f);
		echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 2);
		lk_alloc_fail_nth(nth);
		echo_submit(f.wire, bytes_of(&f.frame), false);
		fired = lk_alloc_fail_nth(0);
		echo_wait(f.wire, &f.replies);
		if (fired)
			CHECK(f.replies.n == 1 || f.replies.n == 2);
		else
			check_reply(&f, 1, 2, LK_OK, "");
		close_fixture(&f);
	}
}

TEST(a_fast_frame_takes_no_memory_the_second_time)
{
	struct echo_call calls[LK_FRAME_CALLS_MAX];
	struct fixture f;

	open_fixture(&f);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		calls[i] = ECHO_CALL(ECHO_FAST, i, "one", "text");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	submit(&f);
	lk_alloc_fail_nth(1);
	submit(&f);
	CHECK(!lk_alloc_fail_nth(0));
	check_reply(&f, 127, 127, LK_OK, "");
	close_fixture(&f);
}

static struct lk_call_outcome seen[4];
static size_t n_seen;

static void observe(void *arg, const struct lk_call_outcome *outcome)
{
	(void)arg;
	if (n_seen < LK_COUNT(seen))
		seen[n_seen++] = *outcome;
}

TEST(an_observer_sees_every_call_and_every_refused_frame)
{
	struct lk_server_options options = echo_options();
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "field"),
		ECHO_CALL(4711, 2, "one", "a") };
	struct fixture f;

	n_seen = 0;
	options.on_call = observe;
	open_with(&f, &options);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 2);
	submit(&f);
	lk_buf_u8(&f.frame, 0);
	submit(&f);
	CHECK_EQ(n_seen, 3);
	CHECK_STR(seen[0].method->name, "Fast");
	CHECK_EQ(seen[0].status.code, LK_INVALID_ARGUMENT);
	CHECK(seen[0].caller != NULL);
	CHECK(seen[1].method == NULL);
	CHECK_EQ(seen[1].status.code, LK_UNIMPLEMENTED);
	CHECK_EQ(seen[2].status.code, LK_INVALID_ARGUMENT);
	close_fixture(&f);
}

TEST(a_server_without_an_authorizer_serves_methods_without_scopes_only)
{
	struct lk_server_options options = echo_options();
	struct lk_service one = {
		.name = "test.Echo", .methods = echo_binding.service->methods, .n_methods = 1
	};
	struct lk_binding binding = { .service = &one };
	struct lk_server *server;
	struct fixture f;

	options.authorizer = NULL;
	CHECK_CODE(lk_server_new(&options, &server), LK_FAILED_PRECONDITION);
	options.bindings = &binding;
	open_with(&f, &options);
	call(&f, ECHO_CALL(ECHO_CHECK, 1, NULL, "a"));
	check_reply(&f, 0, 1, LK_OK, "");
	close_fixture(&f);
}

TEST(two_methods_with_one_number_are_refused)
{
	struct lk_server_options options = echo_options();
	struct lk_binding twice[] = { echo_binding, echo_binding };
	struct lk_server *server;

	options.bindings = twice;
	options.n_bindings = 2;
	CHECK_CODE(lk_server_new(&options, &server), LK_INVALID_ARGUMENT);
}

TEST(a_server_leaves_nothing_behind_when_any_allocation_fails)
{
	struct lk_server_options options = echo_options();
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct lk_server *server = NULL;
		struct lk_status st;

		lk_alloc_fail_nth(nth);
		st = lk_server_new(&options, &server);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_server_free(server);
	}
}

static void keep_reply(void *arg, struct lk_bytes reply)
{
	echo_read_replies(reply, arg);
}

TEST(frames_of_this_process_have_the_rights_of_their_credential_only)
{
	struct echo_call one = ECHO_CALL(ECHO_FAST, 1, "one", "a");
	struct lk_local *local;
	struct fixture f;

	open_fixture(&f);
	CHECK_OK(lk_local_new(f.server, 2, &local));
	echo_put_frame(&f.frame, LK_LANE_FAST, NULL, &one, 1);
	lk_local_submit(local, bytes_of(&f.frame), keep_reply, &f.replies);
	check_reply(&f, 0, 1, LK_UNAUTHENTICATED, "invalid service credential");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", &one, 1);
	lk_local_submit(local, bytes_of(&f.frame), keep_reply, &f.replies);
	check_reply(&f, 0, 1, LK_OK, "");
	lk_local_free(local);
	close_fixture(&f);
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
		RUN(a_call_with_a_subject_is_refused),
		RUN(an_error_carries_its_field),
		RUN(an_error_carries_its_retry_delay),
		RUN(an_answer_that_does_not_fit_is_an_error_of_that_call_alone),
		RUN(a_request_that_exceeds_the_arena_is_refused),
		RUN(one_call_leaves_the_next_its_whole_arena),
		RUN(every_frame_is_answered_when_any_allocation_fails),
		RUN(a_fast_frame_takes_no_memory_the_second_time),
		RUN(an_observer_sees_every_call_and_every_refused_frame),
		RUN(a_server_without_an_authorizer_serves_methods_without_scopes_only),
		RUN(two_methods_with_one_number_are_refused),
		RUN(a_server_leaves_nothing_behind_when_any_allocation_fails),
		RUN(frames_of_this_process_have_the_rights_of_their_credential_only),
	};

	return RUN_ALL(tests);
}
