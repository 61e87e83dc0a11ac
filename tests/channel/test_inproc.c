/* SPDX-License-Identifier: MIT */
/* The in-process channel: the same frames, handed over as a function call. */
#include "tests/channel/harness.h"
#include "tests/support/check.h"

#define LONG_MS 60000

struct server {
	struct responder responder;
	lk_reply_fn done; /* of the frame that waits for its answer */
	void *done_arg;
};

static void server_init(struct server *server, behave_fn behave)
{
	memset(server, 0, sizeof *server);
	pthread_mutex_init(&server->responder.mutex, NULL);
	server->responder.behave = behave;
}

/* Answers within the call. */
static void submit_now(void *arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg)
{
	struct server *server = arg;
	struct lk_buf reply;

	lk_buf_init(&reply, LK_REPLY_FRAME_MAX);
	responder_answer(&server->responder, frame, &reply);
	done(done_arg, (struct lk_bytes) { reply.data, reply.n });
	lk_buf_fini(&reply);
}

struct errand {
	struct server *server;
	struct lk_bytes frame;
	lk_reply_fn done;
	void *done_arg;
};

static void *answer_later(void *arg)
{
	struct errand *errand = arg;

	submit_now(errand->server, errand->frame, errand->done, errand->done_arg);
	lk_free(errand);
	return NULL;
}

/* Answers on a thread of its own. */
static void submit_to_thread(void *arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg)
{
	struct errand *errand = lk_alloc(sizeof *errand);
	pthread_attr_t detached;
	pthread_t thread;

	*errand = (struct errand) { arg, frame, done, done_arg };
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	CHECK_EQ(pthread_create(&thread, &detached, answer_later, errand), 0);
	pthread_attr_destroy(&detached);
}

static struct lk_channel *open_to(struct server *server, lk_submit_fn submit)
{
	struct lk_inproc_options options = { .submit = submit,
		.submit_arg = server,
		.credential = { (const uint8_t *)"bridge", 6 } };
	struct lk_channel *channel = NULL;

	CHECK_OK(lk_channel_open_inproc(&options, &channel));
	return channel;
}

TEST(an_answer_within_the_call_comes_back)
{
	struct server server;
	struct tally tally;
	struct lk_channel *channel;

	server_init(&server, answer_echo);
	tally_init(&tally);
	channel = open_to(&server, submit_now);
	ask_async(channel, &method_write, 1, LONG_MS, &tally);
	CHECK_EQ(tally.codes[LK_OK], 1);
	CHECK_MEM(server.responder.last_credential.data, "bridge", 6);
	lk_channel_close(channel);
}

TEST(answers_of_other_threads_find_their_calls)
{
	_Atomic unsigned seen[2000] = { 0 };
	struct server server;
	struct tally tally;
	struct lk_channel *channel;

	server_init(&server, answer_backwards);
	tally_init(&tally);
	tally.seen = seen;
	channel = open_to(&server, submit_to_thread);
	for (unsigned i = 0; i < 2000; i++)
		ask_async(channel, i % 2 != 0 ? &method_read : &method_verify, i, LONG_MS, &tally);
	tally_await(&tally, 2000);
	for (unsigned i = 0; i < 2000; i++)
		CHECK_EQ(seen[i], 1);
	lk_channel_close(channel);
}

struct chain {
	struct lk_channel *channel;
	unsigned left;
	uintptr_t lowest, highest; /* addresses on the stack */
};

static void ask_again(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	Latchkey__V1__HealthCheckRequest request;
	struct chain *chain = arg;
	uintptr_t here = (uintptr_t)&request;

	latchkey__v1__health_check_request__init(&request);
	chain->lowest = here < chain->lowest ? here : chain->lowest;
	chain->highest = here > chain->highest ? here : chain->highest;
	if (chain->left-- > 1)
		lk_rpc_call_async(chain->channel, &method_verify, NULL, &request.base, ask_again,
			NULL, chain);
}

TEST(callbacks_that_call_again_do_not_pile_up_on_the_stack)
{
	Latchkey__V1__HealthCheckRequest request;
	struct chain chain = { .left = 100000, .lowest = UINTPTR_MAX };
	struct server server;

	latchkey__v1__health_check_request__init(&request);
	server_init(&server, answer_echo);
	chain.channel = open_to(&server, submit_now);
	lk_rpc_call_async(
		chain.channel, &method_verify, NULL, &request.base, ask_again, NULL, &chain);
	CHECK_EQ(chain.left, 0);
	CHECK(chain.highest - chain.lowest < 65536);
	lk_channel_close(chain.channel);
}

static void submit_and_keep(void *arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg)
{
	struct server *server = arg;

	server->done = done;
	server->done_arg = done_arg;
}

static void *answer_after_cancellation(void *arg)
{
	struct server *server = arg;

	while (server->responder.n_calls == 0)
		continue;
	server->done(server->done_arg, (struct lk_bytes) { NULL, 0 });
	return NULL;
}

static void count_cancelled(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	struct server *server = arg;

	CHECK_CODE(status, LK_CANCELLED);
	server->responder.n_calls++;
}

TEST(closing_cancels_calls_and_waits_for_the_server_to_let_go_of_their_frame)
{
	Latchkey__V1__HealthCheckRequest request;
	struct lk_channel *channel;
	struct server server;
	pthread_t thread;

	latchkey__v1__health_check_request__init(&request);
	server_init(&server, answer_echo);
	channel = open_to(&server, submit_and_keep);
	lk_rpc_call_async(
		channel, &method_write, NULL, &request.base, count_cancelled, NULL, &server);
	CHECK_EQ(pthread_create(&thread, NULL, answer_after_cancellation, &server), 0);
	lk_channel_close(channel);
	CHECK_EQ(server.responder.n_calls, 1);
	pthread_join(thread, NULL);
}

TEST(opening_fails_cleanly_when_any_allocation_fails)
{
	for (unsigned long nth = 1;; nth++) {
		struct lk_inproc_options options = { .submit = submit_now };
		struct lk_channel *channel = NULL;
		struct lk_status status;

		lk_alloc_fail_nth(nth);
		status = lk_channel_open_inproc(&options, &channel);
		if (!lk_alloc_fail_nth(0)) {
			CHECK_OK(status);
			lk_channel_close(channel);
			break;
		}
		CHECK_CODE(status, LK_RESOURCE_EXHAUSTED);
	}
}

/* An empty answer to a single call, without allocating. */
static void submit_empty(void *arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg)
{
	static const uint8_t reply[17] = { LK_FRAME_VERSION, 0, 0, 1 };

	done(done_arg, (struct lk_bytes) { reply, sizeof reply });
}

TEST(a_call_ends_once_when_any_allocation_fails)
{
	for (unsigned long nth = 1;; nth++) {
		struct server server;
		struct tally tally;
		struct lk_channel *channel;
		bool has_fired;

		server_init(&server, answer_echo);
		tally_init(&tally);
		channel = open_to(&server, submit_empty);
		lk_alloc_fail_nth(nth);
		ask_async(channel, &method_write, 1, 20, &tally);
		tally_await(&tally, 1);
		has_fired = lk_alloc_fail_nth(0);
		lk_channel_close(channel);
		CHECK_EQ(tally.n, 1);
		if (!has_fired) {
			CHECK_EQ(tally.codes[LK_OK], 1);
			break;
		}
		CHECK_EQ(tally.codes[LK_OK], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_answer_within_the_call_comes_back),
		RUN(answers_of_other_threads_find_their_calls),
		RUN(callbacks_that_call_again_do_not_pile_up_on_the_stack),
		RUN(closing_cancels_calls_and_waits_for_the_server_to_let_go_of_their_frame),
		RUN(opening_fails_cleanly_when_any_allocation_fails),
		RUN(a_call_ends_once_when_any_allocation_fails),
	};

	return RUN_ALL(tests);
}
