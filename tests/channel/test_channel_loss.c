/* SPDX-License-Identifier: MIT */
/* Deadlines, lost connections, tries again, and closing. */
#include <sched.h>

#include "tests/channel/harness.h"
#include "tests/support/check.h"

#include "latchkey/v1/common.pb-c.h"

#define LONG_MS 60000

/* --- deadlines --- */

TEST(a_call_without_an_answer_ends_at_its_deadline)
{
	struct rig rig;

	rig_open_with(&rig, answer_park, (struct lk_channel_options) { .window = 1 });
	CHECK_CODE(ask(&rig, &method_read, "hello", 30), LK_DEADLINE_EXCEEDED);
	/* The frame gives up its place in the window, and its late answer finds nobody. */
	rig.responder.behave = answer_echo;
	CHECK_OK(ask(&rig, &method_read, "first", LONG_MS));
	responder_release(&rig.responder);
	CHECK_OK(ask(&rig, &method_read, "again", LONG_MS));
	CHECK_STR(answer_text(), "again");
	rig_close(&rig);
}

TEST(waiting_in_the_channel_counts_towards_the_deadline)
{
	struct lk_channel_options options = { .window = 1 };
	struct tally held, waiting;
	struct rig rig;

	tally_init(&held);
	tally_init(&waiting);
	rig_open_with(&rig, answer_park, options);
	ask_async(rig.channel, &method_read, 0, LONG_MS, &held);
	responder_await_parked(&rig.responder, 1);
	for (unsigned i = 0; i < 10; i++)
		ask_async(rig.channel, &method_read, i, 20 + i, &waiting);
	tally_await(&waiting, 10);
	CHECK_EQ(waiting.codes[LK_DEADLINE_EXCEEDED], 10);
	CHECK_EQ(held.n, 0);
	CHECK_EQ(rig.responder.n_calls, 1);
	rig_close(&rig);
}

TEST(one_late_call_does_not_take_its_frame_with_it)
{
	struct lk_channel_options options = { .window = 1 };
	struct tally first, late, patient;
	struct rig rig;

	tally_init(&first);
	tally_init(&late);
	tally_init(&patient);
	rig_open_with(&rig, answer_park, options);
	ask_async(rig.channel, &method_read, 0, LONG_MS, &first);
	responder_await_parked(&rig.responder, 1);
	ask_async(rig.channel, &method_read, 1, 300, &late);
	ask_async(rig.channel, &method_read, 2, LONG_MS, &patient);
	responder_release(&rig.responder);
	tally_await(&first, 1);
	tally_await(&late, 1);
	CHECK_EQ(late.codes[LK_DEADLINE_EXCEEDED], 1);
	responder_await_parked(&rig.responder, 1);
	responder_release(&rig.responder);
	tally_await(&patient, 1);
	CHECK_EQ(patient.codes[LK_OK], 1);
	CHECK_EQ(late.n, 1);
	rig_close(&rig);
}

/* --- no server --- */

static struct lk_channel *open_to_nobody(struct rig *rig, uint32_t connect_timeout_ms)
{
	struct lk_channel_options options = { .url = rig->responder.url,
		.connect_timeout_ms = connect_timeout_ms };

	memset(rig, 0, sizeof *rig);
	lk_arena_init(&rig->arena, 65536);
	rig_url(&rig->responder);
	CHECK_OK(lk_channel_open(&options, &rig->channel));
	return rig->channel;
}

TEST(without_a_server_a_call_waits_until_its_deadline)
{
	struct lk_status status;
	struct rig rig;

	open_to_nobody(&rig, 0);
	status = ask(&rig, &method_read, "hello", 30);
	CHECK_CODE(status, LK_DEADLINE_EXCEEDED);
	CHECK_STR(status.why, "no connection to the server could be made before the deadline");
	lk_channel_close(rig.channel);
	lk_arena_fini(&rig.arena);
}

TEST(without_a_server_a_call_ends_at_the_connect_timeout)
{
	struct lk_status status;
	struct rig rig;

	open_to_nobody(&rig, 30);
	status = ask(&rig, &method_read, "hello", LONG_MS);
	CHECK_CODE(status, LK_UNAVAILABLE);
	CHECK_STR(status.why, "no connection to the server could be made");
	lk_channel_close(rig.channel);
	lk_arena_fini(&rig.arena);
}

TEST(a_server_that_comes_late_is_found)
{
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	open_to_nobody(&rig, 0);
	for (unsigned i = 0; i < 500; i++)
		ask_async(rig.channel, &method_write, i, LONG_MS, &tally);
	responder_start(&rig.responder, answer_echo);
	tally_await(&tally, 500);
	CHECK_EQ(tally.codes[LK_OK], 500);
	rig_close(&rig);
}

TEST(a_server_that_restarts_is_found_again)
{
	struct lk_channel_counters counters;
	struct rig rig;

	rig_open(&rig, answer_echo);
	for (int i = 0; i < 5; i++) {
		CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
		responder_stop(&rig.responder);
		responder_start(&rig.responder, answer_echo);
	}
	CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
	lk_channel_count(rig.channel, &counters);
	CHECK(counters.connects >= 6);
	rig_close(&rig);
}

/* --- lost connections and refusals --- */

static enum verdict hang_up(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	return HANG_UP;
}

/* The metadata of each try, which holds the idempotency key. */
static struct {
	uint8_t bytes[64];
	size_t n;
	unsigned n_others;
} first_try;

static enum verdict hang_up_and_compare(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	struct lk_bytes metadata = request->calls[0].metadata;

	if (first_try.n == 0 && metadata.n <= sizeof first_try.bytes) {
		memcpy(first_try.bytes, metadata.data, metadata.n);
		first_try.n = metadata.n;
	}
	first_try.n_others += first_try.n != metadata.n ||
			      memcmp(first_try.bytes, metadata.data, metadata.n) != 0;
	return HANG_UP;
}

TEST(a_lost_change_is_tried_again_with_the_same_idempotency_key)
{
	struct lk_status status;
	struct rig rig;

	rig_open(&rig, hang_up_and_compare);
	status = ask(&rig, &method_write, "hello", LONG_MS);
	CHECK_CODE(status, LK_UNAVAILABLE);
	CHECK_STR(status.why, "the connection was lost; whether the call took effect is unknown");
	CHECK_EQ(rig.responder.n_calls, LK_ATTEMPTS_MAX);
	/* A tag, a length and at least 16 bytes. */
	CHECK(first_try.n >= 18);
	CHECK_EQ(first_try.n_others, 0);
	rig_close(&rig);
}

TEST(a_call_with_one_attempt_is_sent_once)
{
	struct lk_call_options options = { .timeout_ms = LONG_MS, .attempts_max = 1 };
	struct rig rig;

	rig_open(&rig, hang_up);
	CHECK_CODE(ask_with(&rig, &method_write, "hello", &options), LK_UNAVAILABLE);
	rig.responder.behave = answer_echo;
	/* The next call comes after whatever might have been sent again. */
	CHECK_OK(ask(&rig, &method_write, "again", LONG_MS));
	CHECK_EQ(rig.responder.n_calls, 2);
	rig_close(&rig);
}

TEST(a_lost_call_that_is_idempotent_is_tried_five_times)
{
	struct rig rig;

	rig_open(&rig, hang_up);
	CHECK_CODE(ask(&rig, &method_verify, "hello", LONG_MS), LK_UNAVAILABLE);
	CHECK_EQ(rig.responder.n_calls, LK_ATTEMPTS_MAX);
	rig_close(&rig);
}

static enum verdict refuse_twice(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	if (responder->n_frames > 2)
		return answer_echo(responder, request, reply);
	lk_frame_put_reply_head(reply, 1);
	put_reply(reply, request->calls[0].id, LK_UNAVAILABLE, "starting");
	return REPLY;
}

TEST(an_unavailable_server_is_asked_again)
{
	struct lk_channel_counters counters;
	struct rig rig;

	rig_open(&rig, refuse_twice);
	CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
	CHECK_EQ(rig.responder.n_calls, 3);
	lk_channel_count(rig.channel, &counters);
	CHECK_EQ(counters.calls, 1);
	CHECK_EQ(counters.sent, 3);
	CHECK_EQ(counters.retries, 2);
	rig_close(&rig);
}

static void refuse_with_delay(
	const struct request *request, struct lk_buf *reply, int64_t seconds, int32_t nanos)
{
	Google__Protobuf__Duration delay;
	Latchkey__V1__ErrorDetails details;
	uint8_t packed[64];

	google__protobuf__duration__init(&delay);
	latchkey__v1__error_details__init(&details);
	delay.seconds = seconds;
	delay.nanos = nanos;
	details.retry_delay = &delay;
	lk_frame_put_reply_head(reply, 1);
	put_reply_with(reply,
		(struct lk_frame_reply) { .id = request->calls[0].id,
			.code = LK_RESOURCE_EXHAUSTED,
			.why = { (const uint8_t *)"full", 4 },
			.details = { packed,
				latchkey__v1__error_details__pack(&details, packed) } },
		(struct lk_bytes) { NULL, 0 });
}

static enum verdict exhausted_for_long(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	refuse_with_delay(request, reply, 3600, 0);
	return REPLY;
}

static enum verdict exhausted_once(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	if (responder->n_frames > 1)
		return answer_echo(responder, request, reply);
	refuse_with_delay(request, reply, 0, 1000000);
	return REPLY;
}

static enum verdict exhausted(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	lk_frame_put_reply_head(reply, 1);
	put_reply(reply, request->calls[0].id, LK_RESOURCE_EXHAUSTED, "quota");
	return REPLY;
}

TEST(a_refusal_with_a_delay_is_tried_again_only_within_the_deadline)
{
	struct rig rig;

	rig_open(&rig, exhausted_once);
	CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
	CHECK_EQ(rig.responder.n_calls, 2);
	rig_close(&rig);
	rig_open(&rig, exhausted_for_long);
	CHECK_EQ(ask(&rig, &method_read, "hello", LONG_MS).retry_ms, 3600000);
	CHECK_EQ(rig.responder.n_calls, 1);
	rig_close(&rig);
	rig_open(&rig, exhausted);
	CHECK_CODE(ask(&rig, &method_read, "hello", LONG_MS), LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(rig.responder.n_calls, 1);
	rig_close(&rig);
}

TEST(a_call_to_a_silent_server_is_never_sent_again)
{
	struct rig rig;

	rig_open(&rig, answer_park);
	CHECK_CODE(ask(&rig, &method_write, "hello", 200), LK_DEADLINE_EXCEEDED);
	CHECK_CODE(ask(&rig, &method_read, "hello", 200), LK_DEADLINE_EXCEEDED);
	CHECK_EQ(rig.responder.n_calls, 2);
	rig_close(&rig);
}

/* --- limits --- */

TEST(calls_above_pending_max_are_refused_at_once)
{
	struct lk_channel_options options = { .pending_max = 10 };
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	rig_open_with(&rig, answer_park, options);
	for (unsigned i = 0; i < 15; i++)
		ask_async(rig.channel, &method_read, i, LONG_MS, &tally);
	CHECK_EQ(tally.codes[LK_RESOURCE_EXHAUSTED], 5);
	/* Another lane has a limit of its own. */
	ask_async(rig.channel, &method_write, 0, LONG_MS, &tally);
	CHECK_EQ(tally.n, 5);
	rig_close(&rig);
	CHECK_EQ(tally.codes[LK_CANCELLED], 11);
}

/* --- closing --- */

TEST(closing_cancels_what_is_waiting_and_in_flight)
{
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	rig_open(&rig, answer_park);
	for (unsigned i = 0; i < 1000; i++)
		ask_async(rig.channel, i % 2 != 0 ? &method_read : &method_verify, i, LONG_MS,
			&tally);
	lk_channel_close(rig.channel);
	CHECK_EQ(tally.n, 1000);
	CHECK_EQ(tally.codes[LK_CANCELLED], 1000);
	rig.channel = NULL;
	rig_close(&rig);
}

static enum verdict refuse_always(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	lk_frame_put_reply_head(reply, 1);
	put_reply(reply, LK_WHOLE_FRAME, LK_UNAVAILABLE, "starting");
	return REPLY;
}

TEST(closing_cancels_what_waits_for_another_try)
{
	struct tally tally;
	struct rig rig;

	for (int i = 0; i < 20; i++) {
		tally_init(&tally);
		rig_open(&rig, refuse_always);
		for (unsigned j = 0; j < 50; j++)
			ask_async(rig.channel, &method_verify, j, LONG_MS, &tally);
		while (rig.responder.n_frames < 2)
			sched_yield();
		rig_close(&rig);
		CHECK_EQ(tally.n, 50);
		CHECK_EQ(tally.codes[LK_CANCELLED] + tally.codes[LK_UNAVAILABLE], 50);
	}
}

TEST(a_channel_without_a_server_closes)
{
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	open_to_nobody(&rig, 0);
	for (unsigned i = 0; i < 100; i++)
		ask_async(rig.channel, &method_read, i, LONG_MS, &tally);
	lk_channel_close(rig.channel);
	CHECK_EQ(tally.codes[LK_CANCELLED], 100);
	lk_arena_fini(&rig.arena);
}

struct caller {
	pthread_t thread;
	struct rig *rig;
	_Atomic unsigned *n_done;
};

/* Calls until the channel closes. */
static void *call_until_cancelled(void *arg)
{
	struct caller *caller = arg;
	Latchkey__V1__HealthCheckRequest request;
	ProtobufCMessage *response;
	struct lk_arena arena;

	latchkey__v1__health_check_request__init(&request);
	lk_arena_init(&arena, 65536);
	while (atomic_load(caller->n_done) < 2000) {
		struct lk_status status = lk_rpc_call(
			caller->rig->channel, &method_read, NULL, &request.base, &arena, &response);

		atomic_fetch_add(caller->n_done, 1);
		lk_arena_reset(&arena);
		if (status.code != LK_OK)
			break;
	}
	lk_arena_fini(&arena);
	return NULL;
}

TEST(a_channel_closes_right_after_its_last_answers)
{
	for (int round = 0; round < 30; round++) {
		_Atomic unsigned n_done = 1990;
		struct caller callers[8];
		struct rig rig;

		rig_open(&rig, answer_echo);
		for (size_t i = 0; i < LK_COUNT(callers); i++) {
			callers[i] = (struct caller) { .rig = &rig, .n_done = &n_done };
			CHECK_EQ(pthread_create(&callers[i].thread, NULL, call_until_cancelled,
					 &callers[i]),
				0);
		}
		for (size_t i = 0; i < LK_COUNT(callers); i++)
			pthread_join(callers[i].thread, NULL);
		rig_close(&rig);
	}
}

TEST(answers_that_arrive_while_closing_do_no_harm)
{
	for (unsigned round = 0; round < 100; round++) {
		struct tally tally;
		struct rig rig;

		tally_init(&tally);
		rig_open(&rig, answer_echo);
		for (unsigned i = 0; i < 300; i++)
			ask_async(rig.channel, &method_verify, i, LONG_MS, &tally);
		tally_await(&tally, round % 10);
		rig_close(&rig);
		CHECK_EQ(tally.n, 300);
		CHECK_EQ(tally.codes[LK_OK] + tally.codes[LK_CANCELLED], 300);
	}
}

TEST(opening_fails_cleanly_when_any_allocation_fails)
{
	for (unsigned long nth = 1;; nth++) {
		struct lk_channel_options options = { .url = "ipc://nobody.sock" };
		struct lk_channel *channel = NULL;
		struct lk_status status;

		lk_alloc_fail_nth(nth);
		status = lk_channel_open(&options, &channel);
		if (!lk_alloc_fail_nth(0)) {
			CHECK_OK(status);
			lk_channel_close(channel);
			break;
		}
		CHECK_CODE(status, LK_RESOURCE_EXHAUSTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_call_without_an_answer_ends_at_its_deadline),
		RUN(waiting_in_the_channel_counts_towards_the_deadline),
		RUN(one_late_call_does_not_take_its_frame_with_it),
		RUN(without_a_server_a_call_waits_until_its_deadline),
		RUN(without_a_server_a_call_ends_at_the_connect_timeout),
		RUN(a_server_that_comes_late_is_found),
		RUN(a_server_that_restarts_is_found_again),
		RUN(a_lost_change_is_tried_again_with_the_same_idempotency_key),
		RUN(a_call_with_one_attempt_is_sent_once),
		RUN(a_lost_call_that_is_idempotent_is_tried_five_times),
		RUN(an_unavailable_server_is_asked_again),
		RUN(a_refusal_with_a_delay_is_tried_again_only_within_the_deadline),
		RUN(a_call_to_a_silent_server_is_never_sent_again),
		RUN(calls_above_pending_max_are_refused_at_once),
		RUN(closing_cancels_what_is_waiting_and_in_flight),
		RUN(closing_cancels_what_waits_for_another_try),
		RUN(a_channel_without_a_server_closes),
		RUN(a_channel_closes_right_after_its_last_answers),
		RUN(answers_that_arrive_while_closing_do_no_harm),
		RUN(opening_fails_cleanly_when_any_allocation_fails),
	};

	return RUN_ALL(tests);
}
