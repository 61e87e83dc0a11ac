/* SPDX-License-Identifier: MIT */
/* A channel and a server in one process, with nothing between them but a function call. */
#include "client/channel/channel.h"
#include "latchkey/v1/key.pb-c.h"
#include "server/rpc/direct.h"
#include "server/rpc/local.h"
#include "tests/support/check.h"
#include "tests/support/echo.h"

struct fixture {
	struct lk_server *server;
	struct lk_local *local;
	struct lk_channel *channel;
	struct lk_arena arena;
};

static void open_fixture(struct fixture *f, const char *credential)
{
	const struct lk_server_options options = echo_options();
	struct lk_inproc_options inproc = { .submit = lk_local_submit,
		.credential = { (const uint8_t *)credential, strlen(credential) } };

	CHECK_OK(lk_server_new(&options, &f->server));
	CHECK_OK(lk_local_new(f->server, NULL, 32, &f->local));
	inproc.submit_arg = f->local;
	CHECK_OK(lk_channel_open_inproc(&inproc, &f->channel));
	lk_arena_init(&f->arena, (size_t)1 << 20);
}

static void close_fixture(struct fixture *f)
{
	lk_channel_close(f->channel);
	lk_server_free(f->server);
	lk_local_free(f->local);
	lk_arena_fini(&f->arena);
}

static const struct lk_method *method_of(uint16_t number)
{
	const struct lk_service *service = echo_binding.service;

	for (size_t i = 0; i < service->n_methods; i++)
		if (service->methods[i].number == number)
			return &service->methods[i];
	fail();
	return NULL;
}

static struct lk_status call(struct fixture *f, uint16_t number, const char *id)
{
	Latchkey__V1__GetKeyRequest request = LATCHKEY__V1__GET_KEY_REQUEST__INIT;
	ProtobufCMessage *response;

	request.realm = (char[]) { "one" };
	request.id = (char *)(uintptr_t)id;
	return lk_rpc_call(
		f->channel, method_of(number), NULL, &request.base, &f->arena, &response);
}

TEST(calls_of_every_lane_are_answered)
{
	static const uint16_t methods[] = { ECHO_FAST, ECHO_READ, ECHO_WRITE, ECHO_CRYPTO,
		ECHO_HASH };
	struct fixture f;

	open_fixture(&f, "good");
	for (size_t i = 0; i < LK_COUNT(methods); i++)
		CHECK_OK(call(&f, methods[i], "hello"));
	close_fixture(&f);
}

TEST(an_error_arrives_with_its_field)
{
	struct fixture f;
	struct lk_status st;

	open_fixture(&f, "good");
	st = call(&f, ECHO_FAST, "field");
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "id");
	close_fixture(&f);
}

TEST(an_error_goes_whole_from_the_handler_to_the_caller)
{
	struct fixture f;
	struct lk_status st;

	open_fixture(&f, "good");
	st = call(&f, ECHO_HASH, "reason");
	CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	CHECK_STR(st.why, "not so often");
	CHECK_STR(st.field, "id");
	CHECK_EQ(st.retry_ms, 86399999);
	CHECK_EQ(st.reason, LK_TOO_MANY_ATTEMPTS);
	close_fixture(&f);
}

TEST(a_channel_in_the_process_has_the_rights_of_its_credential_and_no_more)
{
	struct fixture f;

	open_fixture(&f, "bare");
	CHECK_CODE(call(&f, ECHO_FAST, "hello"), LK_PERMISSION_DENIED);
	close_fixture(&f);
	open_fixture(&f, "");
	CHECK_CODE(call(&f, ECHO_FAST, "hello"), LK_UNAUTHENTICATED);
	close_fixture(&f);
}

/* A channel that counts what it is left. */
struct counting {
	struct lk_channel base;
	unsigned calls;
};

static void count_call(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	const struct lk_completion *completion)
{
	(void)method, (void)options, (void)request;
	((struct counting *)channel)->calls++;
	completion->deliver(completion->done, completion->arg,
		LK_ERR(LK_UNAVAILABLE, "left to the rest"), NULL);
}

static void close_counting(struct lk_channel *channel)
{
	(void)channel;
}

static const struct lk_channel_ops counting_ops = { count_call, close_counting };

/* A caller with the scope `echo` in the realm `one`, or with neither. */
static void open_direct(struct fixture *f, struct counting *rest, bool has_rights)
{
	const struct lk_server_options options = echo_options();
	struct lk_caller caller = { .key_id = "direct" };

	*rest = (struct counting) { .base.ops = &counting_ops };
	if (has_rights) {
		int scope = echo_authorizer.scope(NULL, "echo");
		int realm = echo_authorizer.realm(NULL, "one");

		caller.rights.scopes = UINT64_C(1) << scope;
		caller.rights.realms[realm / 64] = UINT64_C(1) << (realm % 64);
	}
	f->local = NULL;
	CHECK_OK(lk_server_new(&options, &f->server));
	CHECK_OK(lk_direct_open(f->server, &caller, &rest->base, &f->channel));
	lk_arena_init(&f->arena, (size_t)1 << 20);
}

TEST(a_direct_channel_answers_fast_calls_itself_and_no_others)
{
	struct counting rest;
	struct fixture f;
	struct lk_status st;

	open_direct(&f, &rest, true);
	CHECK_OK(call(&f, ECHO_FAST, "hello"));
	st = call(&f, ECHO_FAST, "reason");
	CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(st.reason, LK_TOO_MANY_ATTEMPTS);
	CHECK_EQ(rest.calls, 0);
	CHECK_CODE(call(&f, ECHO_READ, "hello"), LK_UNAVAILABLE);
	CHECK_CODE(call(&f, ECHO_WRITE, "hello"), LK_UNAVAILABLE);
	CHECK_EQ(rest.calls, 2);
	close_fixture(&f);
}

TEST(a_direct_channel_lends_no_rights_to_its_caller)
{
	static const struct lk_call_options with_credential = {
		.credential = { (const uint8_t *)"bare", 4 }
	};
	Latchkey__V1__GetKeyRequest request = LATCHKEY__V1__GET_KEY_REQUEST__INIT;
	ProtobufCMessage *response;
	struct counting rest;
	struct fixture f;

	open_direct(&f, &rest, false);
	CHECK_CODE(call(&f, ECHO_FAST, "hello"), LK_UNAVAILABLE);
	CHECK_EQ(rest.calls, 1);
	close_fixture(&f);
	open_direct(&f, &rest, true);
	request.realm = (char[]) { "two" };
	request.id = (char[]) { "hello" };
	CHECK_CODE(lk_rpc_call(f.channel, method_of(ECHO_FAST), NULL, &request.base, &f.arena,
			   &response),
		LK_PERMISSION_DENIED);
	CHECK_EQ(rest.calls, 0);
	request.realm = (char[]) { "one" };
	CHECK_CODE(lk_rpc_call(f.channel, method_of(ECHO_FAST), &with_credential, &request.base,
			   &f.arena, &response),
		LK_UNAVAILABLE);
	CHECK_EQ(rest.calls, 1);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(calls_of_every_lane_are_answered),
		RUN(an_error_arrives_with_its_field),
		RUN(an_error_goes_whole_from_the_handler_to_the_caller),
		RUN(a_channel_in_the_process_has_the_rights_of_its_credential_and_no_more),
		RUN(a_direct_channel_answers_fast_calls_itself_and_no_others),
		RUN(a_direct_channel_lends_no_rights_to_its_caller),
	};

	return RUN_ALL(tests);
}
