/* SPDX-License-Identifier: MIT */
/* Generated code at work: the stubs and tables of latchkey.v1 over a channel that is a function
 * call.
 */
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/health.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/reflection.rpc.h"
#include "tests/support/check.h"

#define ARENA_MAX ((size_t)64 * 1024)

/* A channel that serves each call at once with these handlers. */
struct direct_channel {
	struct lk_channel base;
	const void *handlers;
};

static void call_directly(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	const struct lk_completion *completion)
{
	struct direct_channel *direct = (struct direct_channel *)channel;
	struct lk_bytes body = { (const uint8_t *)"", 0 };
	ProtobufCMessage *response;
	struct lk_status status;
	struct lk_arena arena;
	struct lk_call call = { .arena = &arena, .method = method };

	(void)options;
	lk_arena_init(&arena, ARENA_MAX);
	response = lk_message_new(method->response, &arena);
	CHECK(response != NULL);
	status = method->serve(direct->handlers, &call, request, response);
	if (status.code == LK_OK)
		CHECK_OK(lk_message_pack(response, &arena, &body));
	lk_completion_run(completion, method, status, body, &arena);
	lk_arena_fini(&arena);
}

static struct direct_channel channel_to(const void *handlers)
{
	static const struct lk_channel_ops ops = { .call = call_directly };

	return (struct direct_channel) { { &ops }, handlers };
}

static struct lk_status check_health(struct lk_call *call, const lk_health_check_request *request,
	lk_health_check_response *response)
{
	CHECK(call->method == &lk_health_service_methods[LK_HEALTH_SERVICE_CHECK]);
	if (request->service[0] != '\0')
		return (struct lk_status) { .code = LK_NOT_FOUND,
			.retry_ms = 1500,
			.why = "no such service",
			.field = "service",
			.reason = LK_SUBJECT_REFUSED };
	response->status = LK_SERVING_STATUS_SERVING;
	return LK_SUCCESS;
}

static const struct lk_health_service_handlers healthy = { .check = check_health };

TEST(a_stub_that_waits_returns_the_response)
{
	struct direct_channel channel = channel_to(&healthy);
	lk_health_check_request request = LK_HEALTH_CHECK_REQUEST_INIT;
	lk_health_check_response *response = NULL;
	struct lk_arena arena;

	lk_arena_init(&arena, ARENA_MAX);
	CHECK_OK(lk_health_service_check(&channel.base, NULL, &request, &arena, &response));
	CHECK_EQ(response->status, LK_SERVING_STATUS_SERVING);
	lk_arena_fini(&arena);
}

TEST(a_stub_that_waits_leaves_its_output_alone_when_the_call_fails)
{
	struct direct_channel channel = channel_to(&healthy);
	lk_health_check_request request = LK_HEALTH_CHECK_REQUEST_INIT;
	lk_health_check_response *response = NULL;
	struct lk_arena arena;

	lk_arena_init(&arena, ARENA_MAX);
	request.service = (char *)(uintptr_t) "other";
	CHECK_CODE(lk_health_service_check(&channel.base, NULL, &request, &arena, &response),
		LK_NOT_FOUND);
	CHECK(response == NULL);
	lk_arena_fini(&arena);
}

TEST(a_stub_that_waits_returns_the_whole_error)
{
	struct direct_channel channel = channel_to(&healthy);
	lk_health_check_request request = LK_HEALTH_CHECK_REQUEST_INIT;
	lk_health_check_response *response = NULL;
	struct lk_status status;
	struct lk_arena arena;

	lk_arena_init(&arena, ARENA_MAX);
	request.service = (char *)(uintptr_t) "other";
	status = lk_health_service_check(&channel.base, NULL, &request, &arena, &response);
	CHECK_STR(status.why, "no such service");
	CHECK_STR(status.field, "service");
	CHECK_EQ(status.retry_ms, 1500);
	CHECK_EQ(status.reason, LK_SUBJECT_REFUSED);
	lk_arena_fini(&arena);
}

static void note_serving(
	void *arg, struct lk_status status, const lk_health_check_response *response)
{
	bool *is_serving = arg;

	*is_serving = status.code == LK_OK && response->status == LK_SERVING_STATUS_SERVING;
}

TEST(a_stub_that_calls_back_delivers_the_typed_response)
{
	struct direct_channel channel = channel_to(&healthy);
	lk_health_check_request request = LK_HEALTH_CHECK_REQUEST_INIT;
	bool is_serving = false;

	lk_health_service_check_async(&channel.base, NULL, &request, note_serving, &is_serving);
	CHECK(is_serving);
}

TEST(a_handler_that_is_missing_answers_unimplemented)
{
	static const struct lk_health_service_handlers nothing;
	struct direct_channel channel = channel_to(&nothing);
	lk_health_check_request request = LK_HEALTH_CHECK_REQUEST_INIT;
	lk_health_check_response *response;
	struct lk_arena arena;

	lk_arena_init(&arena, ARENA_MAX);
	CHECK_CODE(lk_health_service_check(&channel.base, NULL, &request, &arena, &response),
		LK_UNIMPLEMENTED);
	lk_arena_fini(&arena);
}

TEST(a_row_says_what_the_schema_says)
{
	const struct lk_method *create = &lk_key_service_methods[LK_KEY_SERVICE_CREATE_KEY];
	const struct lk_method *list = &lk_key_service_methods[LK_KEY_SERVICE_LIST_KEYS];

	CHECK(lk_key_service.methods == lk_key_service_methods);
	CHECK_EQ(lk_key_service.n_methods, 7);
	CHECK_STR(create->name, "CreateKey");
	CHECK_STR(create->service, "latchkey.v1.KeyService");
	CHECK_STR(create->scope, "keys.manage");
	CHECK_EQ(create->number, 200);
	CHECK_EQ(create->lane, LK_LANE_WRITE);
	CHECK_EQ(create->idempotency, LK_IDEMPOTENCY_UNKNOWN);
	CHECK_EQ(create->realm_offset, offsetof(lk_create_key_request, realm));
	CHECK(create->request == &latchkey__v1__create_key_request__descriptor);
	CHECK(create->response == &latchkey__v1__create_key_response__descriptor);
	CHECK_EQ(list->lane, LK_LANE_READ);
	CHECK_EQ(list->idempotency, LK_NO_SIDE_EFFECTS);
	CHECK(lk_health_service_methods[LK_HEALTH_SERVICE_CHECK].scope == NULL);
	CHECK_EQ(lk_health_service_methods[LK_HEALTH_SERVICE_CHECK].realm_offset, LK_NO_REALM);
}

static bool carries(const struct lk_service *service, const ProtobufCMessageDescriptor *message)
{
	for (size_t i = 0; i < service->n_secrets; i++)
		if (service->secrets[i].message == message)
			return true;
	return false;
}

TEST(a_service_lists_the_secrets_of_all_that_it_carries)
{
	const struct lk_secret_field *secrets = lk_key_service.secrets;

	CHECK_EQ(lk_key_service.n_secrets, 3);
	CHECK(secrets[0].message == &latchkey__v1__import_key_request__descriptor);
	CHECK(secrets[1].message == &latchkey__v1__create_key_response__descriptor);
	CHECK_EQ(secrets[1].number, 2);
	CHECK(secrets[2].message == &latchkey__v1__rotate_key_response__descriptor);
	/* The credential inside an AuthenticateRequest, declared in another file. */
	CHECK(carries(&lk_auth_service, &latchkey__v1__credential__descriptor));
	CHECK(carries(&lk_auth_service, &latchkey__v1__tokens__descriptor));
	CHECK_EQ(lk_reflection_service.n_secrets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_stub_that_waits_returns_the_response),
		RUN(a_stub_that_waits_returns_the_whole_error),
		RUN(a_stub_that_waits_leaves_its_output_alone_when_the_call_fails),
		RUN(a_stub_that_calls_back_delivers_the_typed_response),
		RUN(a_handler_that_is_missing_answers_unimplemented),
		RUN(a_row_says_what_the_schema_says),
		RUN(a_service_lists_the_secrets_of_all_that_it_carries),
	};

	return RUN_ALL(tests);
}
