/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "latchkey/v1/health.pb-c.h"
#include "proto/wire/rpc.h"
#include "tests/support/check.h"

static const struct lk_method check_method = {
	.number = 1,
	.lane = LK_LANE_FAST,
	.request = &latchkey__v1__health_check_request__descriptor,
	.response = &latchkey__v1__health_check_response__descriptor,
};

/* A channel whose answers come from a thread of its own, one per call. */
struct threaded_channel {
	struct lk_channel base;
	struct lk_status status;
	struct lk_bytes body;
	struct lk_completion completion;
	pthread_t thread;
};

static void *answer(void *arg)
{
	struct threaded_channel *channel = arg;
	struct lk_arena scratch;

	lk_arena_init(&scratch, 4096);
	lk_completion_run(
		&channel->completion, &check_method, channel->status, channel->body, &scratch);
	lk_arena_fini(&scratch);
	return NULL;
}

static void start_answer(struct lk_channel *base, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	const struct lk_completion *completion)
{
	struct threaded_channel *channel = (struct threaded_channel *)base;

	(void)method;
	(void)options;
	(void)request;
	channel->completion = *completion;
	CHECK_EQ(pthread_create(&channel->thread, NULL, answer, channel), 0);
}

static const struct lk_channel_ops threaded_ops = { .call = start_answer };

static struct lk_status call_check(struct threaded_channel *channel, struct lk_arena *arena,
	Latchkey__V1__HealthCheckResponse **response_out)
{
	Latchkey__V1__HealthCheckRequest request;
	ProtobufCMessage *response = NULL;
	struct lk_status status;

	latchkey__v1__health_check_request__init(&request);
	channel->base.ops = &threaded_ops;
	status = lk_rpc_call(&channel->base, &check_method, NULL, &request.base, arena, &response);
	CHECK_EQ(pthread_join(channel->thread, NULL), 0);
	*response_out = (Latchkey__V1__HealthCheckResponse *)response;
	return status;
}

TEST(a_blocking_call_returns_the_answer_of_another_thread)
{
	static const uint8_t serving_and_writable[] = { 0x08, 1, 0x10, 1 };
	struct threaded_channel channel = { .status = LK_SUCCESS,
		.body = { serving_and_writable, sizeof serving_and_writable } };
	Latchkey__V1__HealthCheckResponse *response;
	struct lk_arena arena;

	lk_arena_init(&arena, 4096);
	CHECK_OK(call_check(&channel, &arena, &response));
	CHECK_EQ(response->status, LATCHKEY__V1__SERVING_STATUS__SERVING_STATUS_SERVING);
	CHECK(response->writable);
	lk_arena_fini(&arena);
}

TEST(the_text_of_an_error_outlives_the_callback_that_brought_it)
{
	char text[] = "no such service";
	struct threaded_channel channel = { .status = LK_ERR(LK_NOT_FOUND, text) };
	Latchkey__V1__HealthCheckResponse *response;
	struct lk_status status;
	struct lk_arena arena;

	lk_arena_init(&arena, 4096);
	status = call_check(&channel, &arena, &response);
	memset(text, 0, sizeof text);
	CHECK_CODE(status, LK_NOT_FOUND);
	CHECK_STR(status.why, "no such service");
	CHECK(response == NULL);
	lk_arena_fini(&arena);
}

TEST(an_error_keeps_its_field_delay_and_reason)
{
	char field[] = "current_password";
	struct threaded_channel channel = { .status = { .code = LK_RESOURCE_EXHAUSTED,
						    .retry_ms = 86399999,
						    .why = "not so often",
						    .field = field,
						    .reason = LK_TOO_MANY_ATTEMPTS } };
	Latchkey__V1__HealthCheckResponse *response;
	struct lk_status status;
	struct lk_arena arena;

	lk_arena_init(&arena, 4096);
	status = call_check(&channel, &arena, &response);
	memset(field, 0, sizeof field);
	CHECK_CODE(status, LK_RESOURCE_EXHAUSTED);
	CHECK_STR(status.field, "current_password");
	CHECK_EQ(status.retry_ms, 86399999);
	CHECK_EQ(status.reason, LK_TOO_MANY_ATTEMPTS);
	lk_arena_fini(&arena);
}

TEST(a_malformed_answer_is_the_servers_fault)
{
	struct threaded_channel channel = { .status = LK_SUCCESS,
		.body = { (const uint8_t *)"\x0f", 1 } };
	Latchkey__V1__HealthCheckResponse *response;
	struct lk_arena arena;

	lk_arena_init(&arena, 4096);
	CHECK_CODE(call_check(&channel, &arena, &response), LK_INTERNAL);
	lk_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_blocking_call_returns_the_answer_of_another_thread),
		RUN(the_text_of_an_error_outlives_the_callback_that_brought_it),
		RUN(an_error_keeps_its_field_delay_and_reason),
		RUN(a_malformed_answer_is_the_servers_fault),
	};

	return RUN_ALL(tests);
}
