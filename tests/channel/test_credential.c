/* SPDX-License-Identifier: MIT */
/* Calls with a credential of their own, among others of the same channel. The server tells each
 * call the credential that its frame came with. */
#include <stdio.h>

#include "client/channel/channel_priv.h"
#include "tests/channel/harness.h"
#include "tests/support/check.h"

#define LONG_MS 60000
#define OF_CHANNEL "of the channel"
#define MINE "mine alone"

static enum verdict tell_credential(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	struct lk_bytes credential = request->head.credential;
	uint8_t body[2 + LK_CREDENTIAL_MAX] = { 0x0a, (uint8_t)credential.n };

	assert_true(credential.n < 128);
	memcpy(body + 2, credential.data, credential.n);
	lk_frame_put_reply_head(reply, request->head.n_calls);
	for (unsigned i = 0; i < request->head.n_calls; i++)
		put_reply_with(reply, (struct lk_frame_reply) { .id = request->calls[i].id },
			(struct lk_bytes) { body, 2 + credential.n });
	return REPLY;
}

static void open_rig(struct rig *rig, behave_fn behave)
{
	rig_open_with(
		rig, behave, (struct lk_channel_options) { .credential = lk_bytes_of(OF_CHANNEL) });
}

/* NULL: the channel's. */
static struct lk_call_options with(const char *credential)
{
	return (struct lk_call_options) { .timeout_ms = LONG_MS,
		.credential = lk_bytes_of(credential != NULL ? credential : "") };
}

TEST(a_call_is_made_with_its_own_credential_and_the_next_with_the_channels)
{
	struct lk_call_options mine = with(MINE), none = with(NULL);
	struct rig rig;

	open_rig(&rig, tell_credential);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(ask_with(&rig, &method_write, "x", &mine));
		CHECK_STR(answer_text(), MINE);
		CHECK_OK(ask_with(&rig, &method_write, "x", &none));
		CHECK_STR(answer_text(), OF_CHANNEL);
	}
	rig_close(&rig);
}

TEST(each_lane_takes_calls_with_credentials_of_their_own)
{
	const struct lk_method *const methods[] = { &method_read, &method_verify, &method_write };
	struct lk_call_options mine = with(MINE);
	struct rig rig;

	open_rig(&rig, tell_credential);
	for (size_t i = 0; i < LK_COUNT(methods); i++) {
		CHECK_OK(ask_with(&rig, methods[i], "x", &mine));
		CHECK_STR(answer_text(), MINE);
	}
	rig_close(&rig);
}

/* How often each answer came. */
struct heard {
	_Atomic unsigned n;
	_Atomic unsigned of_channel;
	_Atomic unsigned mine;
};

static void hear(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	struct heard *heard = arg;
	const char *told;

	(void)done;
	if (status.code == LK_OK) {
		told = ((const Latchkey__V1__HealthCheckRequest *)response)->service;
		heard->of_channel += strcmp(told, OF_CHANNEL) == 0;
		heard->mine += strcmp(told, MINE) == 0;
	}
	heard->n++;
}

static void call_async(struct lk_channel *channel, const char *credential, struct heard *heard)
{
	struct lk_call_options options = with(credential);
	Latchkey__V1__HealthCheckRequest request;

	latchkey__v1__health_check_request__init(&request);
	lk_rpc_call_async(channel, &method_write, &options, &request.base, hear, NULL, heard);
}

static void submit_and_tell(void *arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg)
{
	struct responder *responder = arg;
	struct lk_buf reply;

	lk_buf_init(&reply, 4 * LK_REPLY_FRAME_MAX);
	responder_answer(responder, frame, &reply);
	done(done_arg, (struct lk_bytes) { reply.data, reply.n });
	lk_buf_fini(&reply);
}

/* A frame that is under way until it is let go. */
struct held {
	struct responder responder;
	lk_reply_fn done;
	void *done_arg;
	struct lk_bytes frame;
};

/* The first frame is held, those that follow are answered at once. */
static void submit_and_hold(void *arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg)
{
	struct held *held = arg;

	if (held->done != NULL) {
		submit_and_tell(&held->responder, frame, done, done_arg);
		return;
	}
	held->frame = frame;
	held->done = done;
	held->done_arg = done_arg;
}

static void open_held(struct held *held, struct lk_channel **channel)
{
	struct lk_inproc_options options = { .submit = submit_and_hold,
		.submit_arg = held,
		.credential = lk_bytes_of(OF_CHANNEL),
		.window = 1 };

	memset(held, 0, sizeof *held);
	pthread_mutex_init(&held->responder.mutex, NULL);
	held->responder.behave = tell_credential;
	CHECK_OK(lk_channel_open_inproc(&options, channel));
}

static void let_go(struct held *held)
{
	submit_and_tell(&held->responder, held->frame, held->done, held->done_arg);
}

TEST(a_call_with_its_own_credential_travels_alone_while_those_around_it_share_frames)
{
	struct heard heard = { 0 };
	struct lk_channel *channel;
	struct held held;

	open_held(&held, &channel);
	for (int i = 0; i < 11; i++)
		call_async(channel, NULL, &heard);
	for (int i = 0; i < 3; i++)
		call_async(channel, MINE, &heard);
	for (int i = 0; i < 10; i++)
		call_async(channel, NULL, &heard);
	let_go(&held);
	CHECK_EQ(heard.n, 24);
	CHECK_EQ(heard.of_channel, 21);
	CHECK_EQ(heard.mine, 3);
	/* The one that was held, ten, three alone, ten. */
	CHECK_EQ(held.responder.n_frames, 6);
	CHECK_EQ(held.responder.largest, 10);
	lk_channel_close(channel);
}

/* --- many at once --- */

struct worker {
	struct rig *rig;
	char credential[16]; /* "" is the channel's */
	unsigned n_wrong;
	pthread_t thread;
};

static void *ask_many(void *arg)
{
	enum { CALLS = 300 };
	struct worker *worker = arg;
	struct lk_call_options options = with(worker->credential);
	const char *expected = worker->credential[0] != '\0' ? worker->credential : OF_CHANNEL;
	Latchkey__V1__HealthCheckRequest request;
	ProtobufCMessage *response;
	struct lk_arena arena;

	latchkey__v1__health_check_request__init(&request);
	lk_arena_init(&arena, 65536);
	for (unsigned i = 0; i < CALLS; i++) {
		const struct lk_method *method = i % 2 == 0 ? &method_verify : &method_write;
		struct lk_status status = lk_rpc_call(
			worker->rig->channel, method, &options, &request.base, &arena, &response);

		worker->n_wrong += status.code != LK_OK ||
				   strcmp(((Latchkey__V1__HealthCheckRequest *)response)->service,
					   expected) != 0;
		lk_arena_reset(&arena);
	}
	lk_arena_fini(&arena);
	return NULL;
}

TEST(calls_of_many_credentials_at_once_are_each_made_with_theirs)
{
	enum { THREADS = 12 };
	struct worker workers[THREADS] = { 0 };
	struct rig rig;

	open_rig(&rig, tell_credential);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].rig = &rig;
		if (i % 3 != 0)
			snprintf(workers[i].credential, sizeof workers[i].credential, "key-%u",
				i / 2);
		CHECK_EQ(pthread_create(&workers[i].thread, NULL, ask_many, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK_EQ(workers[i].n_wrong, 0);
	}
	rig_close(&rig);
}

/* --- trying again, and limits --- */

static enum verdict refuse_once(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	if (responder->n_frames > 1)
		return tell_credential(responder, request, reply);
	lk_frame_put_reply_head(reply, 1);
	put_reply(reply, request->calls[0].id, LK_UNAVAILABLE, "starting");
	return REPLY;
}

TEST(each_try_has_the_credential_of_the_call)
{
	struct lk_call_options mine = with(MINE);
	struct rig rig;

	open_rig(&rig, refuse_once);
	CHECK_OK(ask_with(&rig, &method_write, "x", &mine));
	CHECK_STR(answer_text(), MINE);
	CHECK_EQ(rig.responder.n_frames, 2);
	rig_close(&rig);
}

/* A request whose call takes n bytes of its frame after the head. */
static struct lk_status ask_of_size(struct rig *rig, size_t n, struct lk_bytes credential)
{
	static char service[LK_REQUEST_FRAME_MAX];
	struct lk_call_options options = { .timeout_ms = LONG_MS, .credential = credential };
	struct lk_frame_call nothing = { .method = 1 };

	/* A tag and a length of three bytes come before the text. */
	memset(service, 'x', sizeof service);
	service[n - lk_frame_call_size(&nothing) - 4] = '\0';
	return ask_with(rig, &method_read, service, &options);
}

TEST(a_frame_of_its_own_has_room_for_what_fits_and_no_more)
{
	static uint8_t credential[LK_CREDENTIAL_MAX + 1];
	const size_t room = LK_REQUEST_FRAME_MAX - 6; /* after a head without a credential */
	struct rig rig;

	memset(credential, 'k', sizeof credential);
	rig_open(&rig, answer_echo);
	for (size_t n = 1; n <= LK_CREDENTIAL_MAX; n += LK_CREDENTIAL_MAX - 1) {
		struct lk_bytes own = { credential, n };

		CHECK_OK(ask_of_size(&rig, room - n, own));
		CHECK_EQ(rig.responder.last_credential.n, n);
		lk_arena_reset(&rig.arena);
		CHECK_CODE(ask_of_size(&rig, room - n + 1, own), LK_INVALID_ARGUMENT);
	}
	CHECK_OK(ask_of_size(&rig, room, lk_bytes_of("")));
	CHECK_CODE(ask_of_size(&rig, room + 1, lk_bytes_of("")), LK_INVALID_ARGUMENT);
	CHECK_CODE(ask_of_size(&rig, 100, (struct lk_bytes) { credential, sizeof credential }),
		LK_INVALID_ARGUMENT);
	CHECK_EQ(rig.responder.n_frames, 3);
	rig_close(&rig);
}

/* --- what is left behind --- */

static bool holds(const struct lk_buf *buf, const char *secret)
{
	return buf->data != NULL && memmem(buf->data, buf->room, secret, strlen(secret)) != NULL;
}

/* Whether any memory of the lane that outlives calls has the text. */
static bool lane_holds(const struct lk_batch_lane *lane, const char *secret)
{
	for (const struct lk_batch_call *call = lane->pool; call != NULL; call = call->next)
		if (holds(&call->packed, secret))
			return true;
	for (unsigned i = 0; i < lane->window; i++)
		if (holds(lane->slots[i].place, secret))
			return true;
	return false;
}

TEST(the_credential_is_wiped_when_its_call_has_ended)
{
	struct heard heard = { 0 };
	struct lk_channel *channel;
	const struct lk_batch_lane *lane;
	struct held held;

	open_held(&held, &channel);
	lane = &((struct lk_batcher *)channel)->lanes[LK_LANE_WRITE];
	call_async(channel, MINE, &heard);
	CHECK(lane_holds(lane, MINE));
	let_go(&held);
	CHECK_EQ(heard.mine, 1);
	CHECK(lane->n_pool > 0);
	CHECK(!lane_holds(lane, MINE));
	lk_channel_close(channel);
}

/* The head is written before the body turns out too long. */
TEST(the_credential_is_wiped_when_its_call_was_refused)
{
	static char service[LK_REQUEST_FRAME_MAX + 1];
	struct lk_call_options options = with(MINE);
	Latchkey__V1__HealthCheckRequest request;
	const struct lk_batch_lane *lane;
	struct heard heard = { 0 };
	struct lk_channel *channel;
	struct held held;

	latchkey__v1__health_check_request__init(&request);
	memset(service, 'x', sizeof service - 1);
	request.service = service;
	open_held(&held, &channel);
	lane = &((struct lk_batcher *)channel)->lanes[LK_LANE_WRITE];
	lk_rpc_call_async(channel, &method_write, &options, &request.base, hear, NULL, &heard);
	CHECK_EQ(heard.n, 1);
	CHECK(lane->n_pool > 0);
	CHECK(!lane_holds(lane, MINE));
	lk_channel_close(channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_call_is_made_with_its_own_credential_and_the_next_with_the_channels),
		RUN(each_lane_takes_calls_with_credentials_of_their_own),
		RUN(a_call_with_its_own_credential_travels_alone_while_those_around_it_share_frames),
		RUN(calls_of_many_credentials_at_once_are_each_made_with_theirs),
		RUN(each_try_has_the_credential_of_the_call),
		RUN(a_frame_of_its_own_has_room_for_what_fits_and_no_more),
		RUN(the_credential_is_wiped_when_its_call_has_ended),
		RUN(the_credential_is_wiped_when_its_call_was_refused),
	};

	return RUN_ALL(tests);
}
