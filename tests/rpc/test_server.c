/* SPDX-License-Identifier: MIT */
/* What a server does with memory, large answers, observers and its own process. */
#include <stdio.h>

#include "server/rpc/local.h"
#include "tests/support/check.h"
#include "tests/support/echo.h"

TEST(an_answer_that_does_not_fit_is_an_error_of_that_call_alone)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "half"),
		ECHO_CALL(ECHO_FAST, 2, "one", "half"), ECHO_CALL(ECHO_FAST, 3, "one", "large"),
		ECHO_CALL(ECHO_FAST, 4, "one", "small") };
	struct echo_fixture f;

	echo_open(&f);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 4);
	echo_exchange(&f);
	CHECK_EQ(f.replies.n, 4);
	echo_check_reply(&f, 0, 1, LK_OK, "");
	echo_check_reply(&f, 1, 2, LK_RESOURCE_EXHAUSTED, "the answer does not fit into the reply");
	echo_check_reply(&f, 2, 3, LK_RESOURCE_EXHAUSTED, "the answer does not fit into the reply");
	echo_check_reply(&f, 3, 4, LK_OK, "");
	echo_close(&f);
}

TEST(a_large_answer_leaves_room_for_the_replies_that_follow)
{
	struct echo_fixture f;

	echo_open(&f);
	for (size_t left = 0; left < 1500; left += 7) {
		char size[16];
		struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", size),
			ECHO_CALL(4711, 2, "one", "a"), ECHO_CALL(ECHO_FAST, 3, "one", "field") };

		snprintf(size, sizeof size, "#%zu", LK_REPLY_FRAME_MAX - left);
		echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 3);
		echo_exchange(&f);
		CHECK_EQ(f.replies.n, 3);
		echo_check_reply(&f, 1, 2, LK_UNIMPLEMENTED, "this server has no such method");
		echo_check_reply(&f, 2, 3, LK_INVALID_ARGUMENT, "must be something else");
	}
	CHECK_EQ(f.replies.replies[0].code, LK_OK);
	echo_close(&f);
}

TEST(a_request_that_exceeds_the_arena_is_refused)
{
	struct lk_server_options options = echo_options();
	struct echo_fixture f;

	options.arena_max = 64;
	echo_open_with(&f, &options);
	echo_call(&f, ECHO_CALL(ECHO_FAST, 1, "one", "a"));
	echo_check_reply(&f, 0, 1, LK_RESOURCE_EXHAUSTED, "the message needs too much memory");
	echo_close(&f);
}

TEST(one_call_leaves_the_next_its_whole_arena)
{
	struct lk_server_options options = echo_options();
	struct echo_call calls[LK_FRAME_CALLS_MAX];
	struct echo_fixture f;

	options.arena_max = 1024;
	echo_open_with(&f, &options);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		calls[i] = ECHO_CALL(ECHO_FAST, i, "one", "text");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	echo_exchange(&f);
	CHECK_EQ(f.replies.n, LK_FRAME_CALLS_MAX);
	echo_check_reply(&f, 127, 127, LK_OK, "");
	echo_close(&f);
}

TEST(every_frame_is_answered_when_any_allocation_fails)
{
	struct echo_call calls[] = { ECHO_CALL(ECHO_FAST, 1, "one", "half"),
		ECHO_CALL(ECHO_FAST, 2, "one", "a") };
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct echo_fixture f;

		echo_open(&f);
		echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 2);
		lk_alloc_fail_nth(nth);
		echo_submit(f.wire, echo_bytes(&f.frame), false);
		fired = lk_alloc_fail_nth(0);
		echo_wait(f.wire, &f.replies);
		if (fired)
			CHECK(f.replies.n == 1 || f.replies.n == 2);
		else
			echo_check_reply(&f, 1, 2, LK_OK, "");
		echo_close(&f);
	}
}

TEST(a_fast_frame_takes_no_memory_the_second_time)
{
	struct echo_call calls[LK_FRAME_CALLS_MAX];
	struct echo_fixture f;

	echo_open(&f);
	for (uint32_t i = 0; i < LK_COUNT(calls); i++)
		calls[i] = ECHO_CALL(ECHO_FAST, i, "one", "text");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, LK_COUNT(calls));
	echo_exchange(&f);
	lk_alloc_fail_nth(1);
	echo_exchange(&f);
	CHECK(!lk_alloc_fail_nth(0));
	echo_check_reply(&f, 127, 127, LK_OK, "");
	echo_close(&f);
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
	struct echo_fixture f;

	n_seen = 0;
	options.on_call = observe;
	echo_open_with(&f, &options);
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", calls, 2);
	echo_exchange(&f);
	lk_buf_u8(&f.frame, 0);
	echo_exchange(&f);
	CHECK_EQ(n_seen, 3);
	CHECK_STR(seen[0].method->name, "Fast");
	CHECK_EQ(seen[0].status.code, LK_INVALID_ARGUMENT);
	CHECK(seen[0].caller != NULL);
	CHECK(seen[1].method == NULL);
	CHECK_EQ(seen[1].status.code, LK_UNIMPLEMENTED);
	CHECK_EQ(seen[2].status.code, LK_INVALID_ARGUMENT);
	echo_close(&f);
}

TEST(a_server_without_an_authorizer_serves_methods_without_scopes_only)
{
	struct lk_server_options options = echo_options();
	struct lk_service one = {
		.name = "test.Echo", .methods = echo_binding.service->methods, .n_methods = 1
	};
	struct lk_binding binding = { .service = &one };
	struct lk_server *server;
	struct echo_fixture f;

	options.authorizer = NULL;
	CHECK_CODE(lk_server_new(&options, &server), LK_FAILED_PRECONDITION);
	options.bindings = &binding;
	echo_open_with(&f, &options);
	echo_call(&f, ECHO_CALL(ECHO_CHECK, 1, NULL, "a"));
	echo_check_reply(&f, 0, 1, LK_OK, "");
	echo_close(&f);
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
	struct echo_fixture f;

	echo_open(&f);
	CHECK_OK(lk_local_new(f.server, NULL, 2, &local));
	echo_put_frame(&f.frame, LK_LANE_FAST, NULL, &one, 1);
	lk_local_submit(local, echo_bytes(&f.frame), keep_reply, &f.replies);
	echo_check_reply(&f, 0, 1, LK_UNAUTHENTICATED, "invalid service credential");
	echo_put_frame(&f.frame, LK_LANE_FAST, "good", &one, 1);
	lk_local_submit(local, echo_bytes(&f.frame), keep_reply, &f.replies);
	echo_check_reply(&f, 0, 1, LK_OK, "");
	lk_local_free(local);
	echo_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_answer_that_does_not_fit_is_an_error_of_that_call_alone),
		RUN(a_large_answer_leaves_room_for_the_replies_that_follow),
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
