/* SPDX-License-Identifier: MIT */
/* What a caller sees of a call that comes again. */
#include <pthread.h>

#include "tests/rpc/once.h"

#define KEEP_MS ((lk_time_ms)10 * 60 * 1000)

/* An OK answer, kept. */
struct kept {
	char text[256];
	size_t n;
};

static struct kept ask_ok(struct once *once, const struct once_call *call)
{
	const struct echo_reply *reply = once_ask(once, call);
	struct kept kept = { .n = reply->n_body };

	CHECK_STR(reply->why, "");
	CHECK_EQ(reply->code, LK_OK);
	memcpy(kept.text, reply->text, sizeof kept.text);
	return kept;
}

static bool is_same(const struct kept *a, const struct kept *b)
{
	return a->n == b->n && strcmp(a->text, b->text) == 0;
}

/* --- again --- */

static const uint16_t changing[] = { ONCE_PUT, ONCE_OTHER, ONCE_HASH };

TEST(a_call_that_comes_again_gets_the_same_answer_and_has_no_effect)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		struct kept first, again;
		struct once once;

		once_open_mem(&once);
		call.method = changing[i];
		first = ask_ok(&once, &call);
		again = ask_ok(&once, &call);
		CHECK(is_same(&first, &again));
		again = ask_ok(&once, &call);
		CHECK(is_same(&first, &again));
		CHECK_EQ(EFFECTS(&once), 1);
		once_close(&once);
	}
}

TEST(calls_with_keys_of_their_own_each_have_their_effect)
{
	/* Alike up to a NUL, to the last byte, to the last bit, and in all but the length. */
	static const char *const keys[] = { "0123456789abcdef", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\xff\xfe\xfd\xfc\xff\xff\xff\xff\n\r\t'\"%s\\",
		"\xff\xfe\xfd\xfc\xff\xff\xff\xff\n\r\t'\"%r\\" };
	struct kept answers[LK_COUNT(keys)];
	struct once_call call = once_call();
	struct once once;

	once_open_mem(&once);
	for (size_t i = 0; i < LK_COUNT(keys); i++) {
		call.key = (struct lk_bytes) { (const uint8_t *)keys[i], 16 };
		answers[i] = ask_ok(&once, &call);
	}
	CHECK_EQ(EFFECTS(&once), LK_COUNT(keys));
	for (size_t i = 0; i < LK_COUNT(keys); i++) {
		struct kept again;

		call.key = (struct lk_bytes) { (const uint8_t *)keys[i], 16 };
		again = ask_ok(&once, &call);
		CHECK(is_same(&answers[i], &again));
	}
	call.key = (struct lk_bytes) { (const uint8_t *)"0123456789abcdefg", 17 };
	CHECK(!is_same(&answers[0], &(struct kept[]) { ask_ok(&once, &call) }[0]));
	CHECK_EQ(EFFECTS(&once), LK_COUNT(keys) + 1);
	once_close(&once);
}

TEST(a_call_without_a_key_has_its_effect_each_time)
{
	struct once_call call = once_call();
	struct kept first, again;
	struct once once;

	once_open_mem(&once);
	call.key.n = 0;
	first = ask_ok(&once, &call);
	again = ask_ok(&once, &call);
	CHECK(!is_same(&first, &again));
	CHECK_EQ(EFFECTS(&once), 2);
	CHECK_EQ(ANSWERS(&once), 0);
	once_close(&once);
}

TEST(a_key_of_another_length_than_16_to_64_bytes_has_no_effect)
{
	static const struct {
		size_t n;
		enum lk_code code;
	} cases[] = { { 1, LK_INVALID_ARGUMENT }, { 15, LK_INVALID_ARGUMENT }, { 16, LK_OK },
		{ 64, LK_OK }, { 65, LK_INVALID_ARGUMENT }, { 256, LK_INVALID_ARGUMENT } };
	static const uint8_t key[256] = { 1, 2, 3 };
	struct once_call call = once_call();
	struct once once;

	once_open_mem(&once);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		call.key = (struct lk_bytes) { key, cases[i].n };
		CHECK_EQ(once_ask(&once, &call)->code, cases[i].code);
	}
	CHECK_EQ(EFFECTS(&once), 2);
	CHECK_EQ(ANSWERS(&once), 2);
	once_close(&once);
}

TEST(what_changes_nothing_is_not_recorded)
{
	struct once_call call = once_call();
	struct kept first, again;
	struct once once;

	once_open_mem(&once);
	call.method = ONCE_READ;
	first = ask_ok(&once, &call);
	again = ask_ok(&once, &call);
	CHECK(!is_same(&first, &again));
	CHECK_EQ(ANSWERS(&once), 0);
	once_close(&once);
}

TEST(another_request_under_the_same_key_is_refused)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		const struct echo_reply *reply;
		struct kept first, again;
		struct once once;

		once_open_mem(&once);
		call.method = changing[i];
		first = ask_ok(&once, &call);
		call.text = "hellp";
		reply = once_ask(&once, &call);
		CHECK_EQ(reply->code, LK_ALREADY_EXISTS);
		CHECK_EQ(reply->reason, LK_IDEMPOTENCY_KEY_REUSED);
		CHECK_STR(reply->text, "");
		CHECK_EQ(EFFECTS(&once), 1);
		call.text = "hello";
		again = ask_ok(&once, &call);
		CHECK(is_same(&first, &again));
		once_close(&once);
	}
}

/* --- whose answer it is --- */

TEST(nobody_gets_the_answer_of_another_caller_subject_realm_or_method)
{
	static const struct once_call others[] = {
		{ .caller = "bob" }, { .caller = "alicf" },
		{ .caller = "" }, /* named as the operator, and another all the same */
		{ .realm = "two" }, { .method = ONCE_OTHER }, { .method = ONCE_HASH },
		{ .subject = "a1s" }, { .subject = "b1s" }, /* another user */
		{ .subject = "a2s" },                       /* another session of the first */
		{ .subject = "a1k" },                       /* a key with the id of the session */
	};
	struct kept answers[LK_COUNT(others) + 2];
	struct once_call calls[LK_COUNT(answers)];
	struct once once;

	once_open_mem(&once);
	for (size_t i = 0; i < LK_COUNT(calls); i++)
		calls[i] = once_call();
	for (size_t i = 0; i < LK_COUNT(others); i++) {
		calls[i].caller = others[i].caller != NULL ? others[i].caller : calls[i].caller;
		calls[i].realm = others[i].realm != NULL ? others[i].realm : calls[i].realm;
		calls[i].method = others[i].method != 0 ? others[i].method : calls[i].method;
		calls[i].subject = others[i].subject;
	}
	calls[LK_COUNT(others)].caller = NULL;
	for (size_t i = 0; i < LK_COUNT(calls); i++)
		answers[i] = ask_ok(&once, &calls[i]);
	CHECK_EQ(EFFECTS(&once), LK_COUNT(calls));
	for (size_t i = 0; i < LK_COUNT(calls); i++) {
		struct kept again = ask_ok(&once, &calls[i]);

		CHECK(is_same(&answers[i], &again));
		for (size_t k = 0; k < i; k++)
			CHECK(!is_same(&answers[i], &answers[k]));
	}
	CHECK_EQ(EFFECTS(&once), LK_COUNT(calls));
	once_close(&once);
}

TEST(who_has_lost_the_right_since_is_refused_and_not_shown_the_answer)
{
	static const struct {
		struct once_refusals refusals;
		enum lk_code code;
	} cases[] = {
		{ { .caller = true }, LK_UNAUTHENTICATED },
		{ { .scope = true }, LK_PERMISSION_DENIED },
		{ { .realm = true }, LK_PERMISSION_DENIED },
		{ { .subject = true }, LK_UNAUTHENTICATED },
	};

	for (size_t i = 0; i < LK_COUNT(changing) * LK_COUNT(cases); i++) {
		struct once_call call = once_call();
		const struct echo_reply *reply;
		struct once once;

		once_open_mem(&once);
		call.method = changing[i / LK_COUNT(cases)];
		call.subject = "a1s";
		(void)ask_ok(&once, &call);
		once_refuse(cases[i % LK_COUNT(cases)].refusals);
		reply = once_ask(&once, &call);
		CHECK_EQ(reply->code, cases[i % LK_COUNT(cases)].code);
		CHECK_EQ(reply->n_body, 0);
		/* Nor do they learn that the key was used. */
		call.text = "other";
		CHECK_EQ(once_ask(&once, &call)->code, cases[i % LK_COUNT(cases)].code);
		CHECK_EQ(EFFECTS(&once), 1);
		once_close(&once);
	}
}

/* Holds the committer's thread between two meetings. */
static struct lk_status hold(void *arg, struct lk_txn *txn)
{
	(void)txn;
	pthread_barrier_wait(arg);
	pthread_barrier_wait(arg);
	return LK_SUCCESS;
}

static void ignore(void *arg, struct lk_status status)
{
	(void)arg;
	(void)status;
}

TEST(a_subject_who_is_refused_while_the_call_waits_is_not_shown_the_answer)
{
	struct lk_commit_job job = { .run = hold, .done = ignore };
	struct once_call call = once_call();
	pthread_barrier_t barrier;
	struct once once;

	once_open_mem(&once);
	pthread_barrier_init(&barrier, NULL, 2);
	call.subject = "a1s";
	(void)ask_ok(&once, &call);
	job.arg = &barrier;
	CHECK_OK(lk_committer_submit(once.committer, &job));
	pthread_barrier_wait(&barrier);
	once_put_frame(&once.frame, &call);
	echo_submit(once.wire, echo_bytes(&once.frame), false);
	once_refuse((struct once_refusals) { .subject = true });
	pthread_barrier_wait(&barrier);
	echo_wait(once.wire, &once.replies);
	CHECK_EQ(once.replies.replies[0].code, LK_UNAUTHENTICATED);
	CHECK_EQ(once.replies.replies[0].reason, LK_SUBJECT_REFUSED);
	CHECK_EQ(once.replies.replies[0].n_body, 0);
	once_close(&once);
	pthread_barrier_destroy(&barrier);
}

/* --- failures --- */

TEST(a_failure_is_not_recorded_and_the_call_may_come_again)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		struct once once;

		once_open_mem(&once);
		call.method = changing[i];
		once_set_mood(ONCE_FAILS);
		CHECK_EQ(once_ask(&once, &call)->code, LK_FAILED_PRECONDITION);
		CHECK_EQ(once_ask(&once, &call)->code, LK_FAILED_PRECONDITION);
		CHECK_EQ(EFFECTS(&once), 0);
		CHECK_EQ(ANSWERS(&once), 0);
		once_set_mood(ONCE_WELL);
		(void)ask_ok(&once, &call);
		CHECK_EQ(EFFECTS(&once), 1);
		/* Once it is, the handler is not asked any more. */
		once_set_mood(ONCE_FAILS);
		(void)ask_ok(&once, &call);
		once_close(&once);
	}
}

TEST(an_error_that_is_told_after_its_change_was_committed_is_not_recorded)
{
	struct once_call call = once_call();
	struct once once;

	once_open_mem(&once);
	once_set_mood(ONCE_TELLS);
	CHECK_EQ(once_ask(&once, &call)->code, LK_UNAUTHENTICATED);
	CHECK_EQ(EFFECTS(&once), 1);
	CHECK_EQ(ANSWERS(&once), 0);
	once_close(&once);
}

TEST(a_change_that_has_no_room_is_told_no_delay_for_waiting_does_not_help)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		const struct echo_reply *reply;
		struct once once;

		once_open_mem(&once);
		call.method = changing[i];
		once_set_mood(ONCE_FULL);
		reply = once_ask(&once, &call);
		CHECK_EQ(reply->code, LK_RESOURCE_EXHAUSTED);
		CHECK_STR(reply->why, "there is too much already");
		CHECK_EQ(reply->retry_ms, 0);
		once_close(&once);
	}
}

/* --- how long --- */

TEST(an_answer_is_given_again_for_ten_minutes_to_the_millisecond)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		struct kept first, again;
		struct once once;

		once_open_mem(&once);
		call.method = changing[i];
		first = ask_ok(&once, &call);
		once_set_now(once_now() + KEEP_MS - 1);
		again = ask_ok(&once, &call);
		CHECK(is_same(&first, &again));
		CHECK_EQ(EFFECTS(&once), 1);
		/* That it was asked for made it no younger. */
		once_set_now(once_now() + 1);
		again = ask_ok(&once, &call);
		CHECK(!is_same(&first, &again));
		CHECK_EQ(EFFECTS(&once), 2);
		CHECK_EQ(ANSWERS(&once), 1);
		first = ask_ok(&once, &call);
		CHECK(is_same(&first, &again));
		once_close(&once);
	}
}

TEST(a_key_is_free_for_another_request_when_its_time_is_over)
{
	struct once_call call = once_call();
	struct once once;

	once_open_mem(&once);
	(void)ask_ok(&once, &call);
	call.text = "other";
	once_set_now(once_now() + KEEP_MS);
	(void)ask_ok(&once, &call);
	CHECK_EQ(EFFECTS(&once), 2);
	once_close(&once);
}

/* --- at once --- */

TEST(of_many_at_once_one_has_the_effect_and_all_get_its_answer)
{
	enum { WIRES = 16 };

	for (size_t i = 0; i < LK_COUNT(changing) * 2; i++) {
		struct once_call call = once_call();
		struct echo_wire *wires[WIRES];
		struct echo_replies replies[2];
		struct once once;

		once_open_mem(&once);
		call.method = changing[i / 2];
		once_put_frame(&once.frame, &call);
		/* In one commit, or, after a conflict, in one each. */
		fault_store_abort_commits(once.store, i % 2);
		for (size_t k = 0; k < WIRES; k++) {
			wires[k] = echo_wire_new(once.server);
			echo_submit(wires[k], echo_bytes(&once.frame), false);
		}
		for (size_t k = 0; k < WIRES; k++) {
			echo_wait(wires[k], &replies[k > 0]);
			CHECK_EQ(replies[k > 0].replies[0].code, LK_OK);
			CHECK_STR(replies[k > 0].replies[0].text, replies[0].replies[0].text);
		}
		CHECK_EQ(EFFECTS(&once), 1);
		CHECK_EQ(ANSWERS(&once), 1);
		once_stop(&once);
		for (size_t k = 0; k < WIRES; k++)
			echo_wire_free(wires[k]);
		lk_buf_fini(&once.frame);
		lk_store_close(once.store);
	}
}

/* Another server over the same store is asked the same, and answers first. */
struct rival {
	struct once once;
	struct once_call call;
	struct kept answer;
};

static void ask_rival(void *arg)
{
	struct rival *rival = arg;

	rival->answer = ask_ok(&rival->once, &rival->call);
}

static void open_rival(struct rival *rival, struct once *once, const struct once_call *call)
{
	*rival = (struct rival) { .once.store = once->store, .call = *call };
	lk_buf_init(&rival->once.frame, LK_REQUEST_FRAME_MAX);
	once_start(&rival->once, 1);
	once_set_meanwhile(ask_rival, rival);
}

static void close_rival(struct rival *rival)
{
	once_stop(&rival->once);
	lk_buf_fini(&rival->once.frame);
}

TEST(of_two_servers_at_once_the_later_gives_the_answer_of_the_first)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		struct kept answer;
		struct rival rival;
		struct once once;

		once_open_mem(&once);
		call.method = changing[i];
		open_rival(&rival, &once, &call);
		answer = ask_ok(&once, &call);
		CHECK(is_same(&answer, &rival.answer));
		CHECK_EQ(EFFECTS(&once), 1);
		close_rival(&rival);
		once_close(&once);
	}
}

TEST(of_two_requests_at_once_under_one_key_the_later_is_refused)
{
	struct once_call call = once_call();
	struct rival rival;
	struct once once;

	once_open_mem(&once);
	open_rival(&rival, &once, &call);
	call.text = "other";
	CHECK_EQ(once_ask(&once, &call)->code, LK_ALREADY_EXISTS);
	CHECK_EQ(once.replies.replies[0].reason, LK_IDEMPOTENCY_KEY_REUSED);
	CHECK_EQ(EFFECTS(&once), 1);
	close_rival(&rival);
	once_close(&once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_call_that_comes_again_gets_the_same_answer_and_has_no_effect),
		RUN(calls_with_keys_of_their_own_each_have_their_effect),
		RUN(a_call_without_a_key_has_its_effect_each_time),
		RUN(a_key_of_another_length_than_16_to_64_bytes_has_no_effect),
		RUN(what_changes_nothing_is_not_recorded),
		RUN(another_request_under_the_same_key_is_refused),
		RUN(nobody_gets_the_answer_of_another_caller_subject_realm_or_method),
		RUN(who_has_lost_the_right_since_is_refused_and_not_shown_the_answer),
		RUN(a_subject_who_is_refused_while_the_call_waits_is_not_shown_the_answer),
		RUN(a_failure_is_not_recorded_and_the_call_may_come_again),
		RUN(an_error_that_is_told_after_its_change_was_committed_is_not_recorded),
		RUN(a_change_that_has_no_room_is_told_no_delay_for_waiting_does_not_help),
		RUN(an_answer_is_given_again_for_ten_minutes_to_the_millisecond),
		RUN(a_key_is_free_for_another_request_when_its_time_is_over),
		RUN(of_many_at_once_one_has_the_effect_and_all_get_its_answer),
		RUN(of_two_servers_at_once_the_later_gives_the_answer_of_the_first),
		RUN(of_two_requests_at_once_under_one_key_the_later_is_refused),
	};

	return RUN_ALL(tests);
}
