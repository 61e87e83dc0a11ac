/* SPDX-License-Identifier: MIT */
/* What a caller sees of a channel over nng: answers, errors, batching, many threads. */
#include <stdio.h>

#include "tests/channel/harness.h"
#include "tests/support/check.h"

#include "latchkey/v1/common.pb-c.h"

#define LONG_MS 60000

TEST(an_answer_comes_back)
{
	struct rig rig;

	rig_open(&rig, answer_echo);
	CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
	CHECK_STR(answer_text(), "hello");
	rig_close(&rig);
}

TEST(an_answer_comes_back_over_tcp)
{
	struct rig rig = { .channel = NULL };
	struct lk_channel_options options = { .url = rig.responder.url };

	lk_arena_init(&rig.arena, 65536);
	memcpy(rig.responder.url, "tcp://127.0.0.1:0", sizeof "tcp://127.0.0.1:0");
	responder_start(&rig.responder, answer_echo);
	CHECK_OK(lk_channel_open(&options, &rig.channel));
	CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
	CHECK_STR(answer_text(), "hello");
	rig_close(&rig);
}

TEST(a_url_of_another_form_is_refused)
{
	static const char *const urls[] = { NULL, "", "http://127.0.0.1", "tcp://", "inproc://a" };

	for (size_t i = 0; i < LK_COUNT(urls); i++) {
		struct lk_channel_options options = { .url = urls[i] };
		struct lk_channel *channel;

		CHECK_CODE(lk_channel_open(&options, &channel), LK_INVALID_ARGUMENT);
	}
}

static enum verdict refuse_with_details(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	Latchkey__V1__FieldViolation violation;
	Latchkey__V1__FieldViolation *violations[] = { &violation };
	Google__Protobuf__Duration delay;
	Latchkey__V1__ErrorDetails details;
	uint8_t packed[128];
	char field[] = "name";

	latchkey__v1__field_violation__init(&violation);
	google__protobuf__duration__init(&delay);
	latchkey__v1__error_details__init(&details);
	violation.field = field;
	details.field_violations = violations;
	details.n_field_violations = 1;
	delay.seconds = 2;
	delay.nanos = 1;
	details.retry_delay = &delay;
	details.reason = LATCHKEY__V1__ERROR_REASON__ERROR_REASON_SUBJECT_LACKS_PERMISSION;
	lk_frame_put_reply_head(reply, 1);
	put_reply_with(reply,
		(struct lk_frame_reply) { .id = request->calls[0].id,
			.code = LK_INVALID_ARGUMENT,
			.why = { (const uint8_t *)"is too long", 11 },
			.details = { packed,
				latchkey__v1__error_details__pack(&details, packed) } },
		(struct lk_bytes) { NULL, 0 });
	return REPLY;
}

TEST(an_error_comes_with_its_text_field_delay_and_reason)
{
	struct lk_status status;
	struct rig rig;

	rig_open(&rig, refuse_with_details);
	status = ask(&rig, &method_read, "hello", LONG_MS);
	CHECK_CODE(status, LK_INVALID_ARGUMENT);
	CHECK_STR(status.why, "is too long");
	CHECK_STR(status.field, "name");
	CHECK_EQ(status.retry_ms, 2001);
	CHECK_EQ(status.reason, LK_SUBJECT_LACKS_PERMISSION);
	rig_close(&rig);
}

static enum verdict refuse_badly(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	lk_frame_put_reply_head(reply, 1);
	put_reply_with(reply,
		(struct lk_frame_reply) { .id = request->calls[0].id,
			.code = LK_NOT_FOUND,
			.why = { (const uint8_t *)"\xff\xfe", 2 },
			.details = { (const uint8_t *)"\xff\xff", 2 } },
		(struct lk_bytes) { NULL, 0 });
	return REPLY;
}

TEST(an_error_whose_texts_are_garbage_keeps_its_code)
{
	struct lk_status status;
	struct rig rig;

	rig_open(&rig, refuse_badly);
	status = ask(&rig, &method_read, "hello", LONG_MS);
	CHECK_CODE(status, LK_NOT_FOUND);
	CHECK_STR(status.why, "the server gave no reason");
	CHECK(status.field == NULL);
	rig_close(&rig);
}

static enum verdict refuse_frame(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	lk_frame_put_reply_head(reply, 1);
	put_reply(reply, LK_WHOLE_FRAME, LK_UNAUTHENTICATED, "the credential is not valid");
	return REPLY;
}

/* Fills the window of a lane with requests that are held, so that further calls collect. */
static void hold_window(struct rig *rig, const struct lk_method *method, struct tally *tally)
{
	for (unsigned i = 0; i < LK_WINDOW_DEFAULT; i++) {
		ask_async(rig->channel, method, i, LONG_MS, tally);
		responder_await_parked(&rig->responder, i + 1);
	}
}

TEST(a_refused_frame_fails_all_its_calls)
{
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	rig_open(&rig, answer_park);
	hold_window(&rig, &method_write, &tally);
	for (unsigned i = 0; i < 100; i++)
		ask_async(rig.channel, &method_write, i, LONG_MS, &tally);
	rig.responder.behave = refuse_frame;
	responder_release(&rig.responder);
	tally_await(&tally, 104);
	CHECK_EQ(tally.codes[LK_OK], 4);
	CHECK_EQ(tally.codes[LK_UNAUTHENTICATED], 100);
	rig_close(&rig);
}

static enum verdict answer_garbage(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	lk_buf_add(reply, "\x01\x00\x00\x05garbage", 11);
	return REPLY;
}

static enum verdict answer_nothing(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	return REPLY;
}

static enum verdict answer_bad_message(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	lk_frame_put_reply_head(reply, 1);
	put_reply_with(reply, (struct lk_frame_reply) { .id = request->calls[0].id },
		(struct lk_bytes) { (const uint8_t *)"\x0a\xff", 2 });
	return REPLY;
}

static enum verdict accept_frame(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	lk_frame_put_reply_head(reply, 1);
	put_reply(reply, LK_WHOLE_FRAME, LK_OK, "");
	return REPLY;
}

TEST(a_malformed_answer_is_internal)
{
	static const behave_fn behaviours[] = { answer_garbage, answer_nothing, answer_bad_message,
		accept_frame };

	for (size_t i = 0; i < LK_COUNT(behaviours); i++) {
		struct rig rig;

		rig_open(&rig, behaviours[i]);
		CHECK_CODE(ask(&rig, &method_read, "hello", LONG_MS), LK_INTERNAL);
		rig_close(&rig);
	}
}

/* Answers every second call, the first one twice, and some that nobody made. */
static enum verdict answer_wildly(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	unsigned n = 0;

	if (request->head.n_calls == 1)
		return PARK;
	lk_frame_put_reply_head(reply, 1);
	for (unsigned i = 0; i < request->head.n_calls; i += 2, n++)
		put_reply_with(reply, (struct lk_frame_reply) { .id = request->calls[i].id },
			request->calls[i].body);
	put_reply(reply, 0, LK_NOT_FOUND, "again");
	put_reply(reply, 128, LK_NOT_FOUND, "unknown");
	put_reply(reply, 4000000000u, LK_NOT_FOUND, "unknown");
	lk_frame_set_count(reply, (uint16_t)(n + 3));
	return REPLY;
}

TEST(missing_doubled_and_unknown_answers_leave_one_result_per_call)
{
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	rig_open_with(&rig, answer_wildly, (struct lk_channel_options) { .window = 1 });
	ask_async(rig.channel, &method_write, 0, LONG_MS, &tally);
	responder_await_parked(&rig.responder, 1);
	for (unsigned i = 1; i <= 40; i++)
		ask_async(rig.channel, &method_write, i, LONG_MS, &tally);
	responder_release(&rig.responder);
	tally_await(&tally, 41);
	CHECK_EQ(tally.codes[LK_OK], 1 + 20);
	CHECK_EQ(tally.codes[LK_INTERNAL], 20);
	rig_close(&rig);
}

TEST(answers_in_any_order_find_their_calls)
{
	_Atomic unsigned seen[1000] = { 0 };
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	tally.seen = seen;
	rig_open(&rig, answer_backwards);
	for (unsigned i = 0; i < 1000; i++)
		ask_async(rig.channel, &method_verify, i, LONG_MS, &tally);
	tally_await(&tally, 1000);
	CHECK_EQ(tally.codes[LK_OK], 1000);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(seen[i], 1);
	rig_close(&rig);
}

TEST(calls_beyond_the_window_collect_into_shared_frames)
{
	struct lk_channel_counters counters;
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	rig_open(&rig, answer_park);
	hold_window(&rig, &method_read, &tally);
	for (unsigned i = 0; i < 96; i++)
		ask_async(rig.channel, &method_read, i, LONG_MS, &tally);
	CHECK_EQ(rig.responder.n_frames, LK_WINDOW_DEFAULT);
	rig.responder.behave = answer_echo;
	responder_release(&rig.responder);
	tally_await(&tally, 100);
	/* A quarter of what is outstanding at a time, so that the frames are alike. */
	CHECK(rig.responder.largest <= 25);
	CHECK(rig.responder.largest >= 24);
	lk_channel_count(rig.channel, &counters);
	CHECK_EQ(counters.calls, 100);
	CHECK_EQ(counters.sent, 100);
	CHECK_EQ(counters.frames, rig.responder.n_frames);
	CHECK_EQ(counters.connects, 1);
	rig_close(&rig);
}

TEST(frames_keep_to_128_calls_and_60_kib)
{
	struct lk_channel_options options = { .window = 1 };
	Latchkey__V1__HealthCheckRequest request;
	static char text[20001];
	struct tally tally;
	struct rig rig;

	latchkey__v1__health_check_request__init(&request);
	memset(text, 'x', 20000);
	request.service = text;
	tally_init(&tally);
	rig_open_with(&rig, answer_park, options);
	ask_async(rig.channel, &method_read, 0, LONG_MS, &tally);
	responder_await_parked(&rig.responder, 1);
	for (unsigned i = 1; i <= 300; i++)
		ask_async(rig.channel, &method_read, i, LONG_MS, &tally);
	rig.responder.behave = answer_echo;
	responder_release(&rig.responder);
	tally_await(&tally, 301);
	CHECK_EQ(rig.responder.largest, LK_FRAME_CALLS_MAX);
	CHECK_EQ(rig.responder.n_frames, 4);
	/* The responder aborts on a frame above 60 KiB. */
	for (unsigned i = 0; i < 16; i++)
		lk_rpc_call_async(rig.channel, &method_read, NULL, &request.base, tally_deliver,
			NULL, &tally);
	tally_await(&tally, 317);
	CHECK_EQ(tally.codes[LK_OK], 317);
	rig_close(&rig);
}

TEST(a_request_above_60_kib_is_refused)
{
	static char text[61 * 1024];
	struct lk_status status;
	struct rig rig;

	memset(text, 'x', sizeof text - 1);
	rig_open(&rig, answer_echo);
	status = ask(&rig, &method_read, text, LONG_MS);
	CHECK_CODE(status, LK_INVALID_ARGUMENT);
	CHECK_STR(status.why, "the request exceeds 60 KiB");
	CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
	CHECK_EQ(rig.responder.n_frames, 1);
	rig_close(&rig);
}

/* --- callbacks that make calls --- */

struct chain {
	struct lk_channel *channel;
	struct tally tally;
	_Atomic int left;
};

static void ask_again(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	Latchkey__V1__HealthCheckRequest request;
	struct chain *chain = arg;

	latchkey__v1__health_check_request__init(&request);
	tally_deliver(NULL, &chain->tally, status, response);
	if (atomic_fetch_sub(&chain->left, 1) > 0)
		lk_rpc_call_async(chain->channel, &method_verify, NULL, &request.base, ask_again,
			NULL, chain);
}

TEST(calls_made_in_callbacks_leave_in_shared_frames)
{
	enum { OUTSTANDING = 256, TOTAL = 20000 };
	Latchkey__V1__HealthCheckRequest request;
	struct chain chain = { .left = TOTAL - OUTSTANDING };
	struct lk_channel_counters counters;
	struct rig rig;

	latchkey__v1__health_check_request__init(&request);
	rig_open(&rig, answer_echo);
	tally_init(&chain.tally);
	chain.channel = rig.channel;
	for (int i = 0; i < OUTSTANDING; i++)
		lk_rpc_call_async(
			rig.channel, &method_verify, NULL, &request.base, ask_again, NULL, &chain);
	tally_await(&chain.tally, TOTAL);
	CHECK_EQ(chain.tally.codes[LK_OK], TOTAL);
	lk_channel_count(rig.channel, &counters);
	/* With 64 calls in a frame it would be 313; a call alone in its frame makes 20,000. */
	CHECK(counters.frames < TOTAL / 16);
	rig_close(&rig);
}

/* --- many threads --- */

struct worker {
	pthread_t thread;
	struct rig *rig;
	struct tally *tally;
	unsigned from, to;
	unsigned n_wrong;
};

static void *ask_many_async(void *arg)
{
	struct worker *worker = arg;
	static const struct lk_method *const methods[] = { &method_read, &method_verify,
		&method_write };

	for (unsigned i = worker->from; i < worker->to; i++)
		ask_async(worker->rig->channel, methods[i % 3], i, LONG_MS, worker->tally);
	return NULL;
}

TEST(ten_thousand_calls_of_four_threads_end_once_each)
{
	enum { CALLS = 10000, THREADS = 4 };
	static _Atomic unsigned seen[CALLS];
	struct worker workers[THREADS];
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	tally.seen = seen;
	rig_open(&rig, answer_echo);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker) { .rig = &rig,
			.tally = &tally,
			.from = i * CALLS / THREADS,
			.to = (i + 1) * CALLS / THREADS };
		CHECK_EQ(pthread_create(&workers[i].thread, NULL, ask_many_async, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	tally_await(&tally, CALLS);
	rig_close(&rig);
	CHECK_EQ(tally.n, CALLS);
	CHECK_EQ(tally.codes[LK_OK], CALLS);
	for (unsigned i = 0; i < CALLS; i++)
		CHECK_EQ(seen[i], 1);
}

static void *ask_many_blocking(void *arg)
{
	struct worker *worker = arg;
	struct lk_arena arena;

	lk_arena_init(&arena, 65536);
	for (unsigned i = worker->from; i < worker->to; i++) {
		Latchkey__V1__HealthCheckRequest request;
		ProtobufCMessage *response;
		struct lk_status status;
		char text[16];

		latchkey__v1__health_check_request__init(&request);
		snprintf(text, sizeof text, "%u", i);
		request.service = text;
		status = lk_rpc_call(worker->rig->channel, &method_verify, NULL, &request.base,
			&arena, &response);
		worker->n_wrong +=
			status.code != LK_OK ||
			strcmp(((Latchkey__V1__HealthCheckRequest *)response)->service, text) != 0;
		lk_arena_reset(&arena);
	}
	lk_arena_fini(&arena);
	return NULL;
}

TEST(sixteen_blocking_threads_get_their_own_answers)
{
	enum { THREADS = 16, CALLS = 200 };
	struct worker workers[THREADS];
	struct rig rig;

	rig_open(&rig, answer_echo);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker) { .rig = &rig, .from = 0, .to = CALLS };
		workers[i].from = i * CALLS;
		workers[i].to = (i + 1) * CALLS;
		CHECK_EQ(pthread_create(&workers[i].thread, NULL, ask_many_blocking, &workers[i]),
			0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK_EQ(workers[i].n_wrong, 0);
	}
	rig_close(&rig);
}

/* --- what travels beside the body --- */

static Latchkey__V1__CallMetadata *last_metadata(struct rig *rig)
{
	ProtobufCMessage *message = NULL;

	CHECK_OK(lk_message_unpack(&latchkey__v1__call_metadata__descriptor,
		rig->responder.last_metadata, &rig->arena, &message));
	return (Latchkey__V1__CallMetadata *)message;
}

TEST(a_call_that_is_not_idempotent_gets_a_key_of_its_own)
{
	uint8_t first[16];
	struct rig rig;

	rig_open(&rig, answer_echo);
	CHECK_OK(ask(&rig, &method_write, "hello", LONG_MS));
	CHECK_EQ(last_metadata(&rig)->idempotency_key.len, 16);
	memcpy(first, last_metadata(&rig)->idempotency_key.data, 16);
	CHECK_OK(ask(&rig, &method_write, "hello", LONG_MS));
	assert_memory_not_equal(first, last_metadata(&rig)->idempotency_key.data, 16);
	CHECK_OK(ask(&rig, &method_verify, "hello", LONG_MS));
	CHECK_EQ(rig.responder.last_metadata.n, 0);
	rig_close(&rig);
}

TEST(options_travel_with_the_call)
{
	struct lk_bytes credential = { (const uint8_t *)"service-key", 11 };
	struct lk_call_options options = { .timeout_ms = LONG_MS,
		.idempotency_key = { (const uint8_t *)"0123456789abcdefg", 17 },
		.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		.subject = { (const uint8_t *)"subject", 7 } };
	Latchkey__V1__HealthCheckRequest request;
	ProtobufCMessage *response;
	struct rig rig;

	latchkey__v1__health_check_request__init(&request);
	rig_open_with(&rig, answer_echo, (struct lk_channel_options) { .credential = credential });
	CHECK_OK(lk_rpc_call(
		rig.channel, &method_write, &options, &request.base, &rig.arena, &response));
	CHECK_EQ(last_metadata(&rig)->idempotency_key.len, 17);
	CHECK_MEM(last_metadata(&rig)->idempotency_key.data, options.idempotency_key.data, 17);
	CHECK_STR(last_metadata(&rig)->traceparent, options.traceparent);
	CHECK_EQ(rig.responder.last_subject.n, 7);
	CHECK_MEM(rig.responder.last_subject.data, "subject", 7);
	CHECK_EQ(rig.responder.last_credential.n, 11);
	CHECK_MEM(rig.responder.last_credential.data, "service-key", 11);
	CHECK(rig.responder.last_remaining_ms > 0);
	CHECK(rig.responder.last_remaining_ms <= LONG_MS);
	rig_close(&rig);
}

TEST(options_out_of_range_are_refused_before_sending)
{
	static char long_text[200];
	struct lk_call_options bad[] = {
		{ .idempotency_key = { (const uint8_t *)"0123456789abcde", 15 } },
		{ .idempotency_key = { (const uint8_t *)long_text, 65 } },
		{ .traceparent = long_text },
	};
	Latchkey__V1__HealthCheckRequest request;
	ProtobufCMessage *response;
	struct rig rig;

	latchkey__v1__health_check_request__init(&request);
	memset(long_text, 'x', sizeof long_text - 1);
	rig_open(&rig, answer_echo);
	for (size_t i = 0; i < LK_COUNT(bad); i++)
		CHECK_CODE(lk_rpc_call(rig.channel, &method_write, &bad[i], &request.base,
				   &rig.arena, &response),
			LK_INVALID_ARGUMENT);
	CHECK_EQ(rig.responder.n_frames, 0);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_answer_comes_back),
		RUN(an_answer_comes_back_over_tcp),
		RUN(a_url_of_another_form_is_refused),
		RUN(an_error_comes_with_its_text_field_delay_and_reason),
		RUN(an_error_whose_texts_are_garbage_keeps_its_code),
		RUN(a_refused_frame_fails_all_its_calls),
		RUN(a_malformed_answer_is_internal),
		RUN(missing_doubled_and_unknown_answers_leave_one_result_per_call),
		RUN(answers_in_any_order_find_their_calls),
		RUN(calls_beyond_the_window_collect_into_shared_frames),
		RUN(frames_keep_to_128_calls_and_60_kib),
		RUN(a_request_above_60_kib_is_refused),
		RUN(calls_made_in_callbacks_leave_in_shared_frames),
		RUN(ten_thousand_calls_of_four_threads_end_once_each),
		RUN(sixteen_blocking_threads_get_their_own_answers),
		RUN(a_call_that_is_not_idempotent_gets_a_key_of_its_own),
		RUN(options_travel_with_the_call),
		RUN(options_out_of_range_are_refused_before_sending),
	};

	return RUN_ALL(tests);
}
