/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/serving.h"

#include <pthread.h>

#include "latchkey/v1/common.pb-c.h"
#include "proto/wire/utf8.h"

struct wire {
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	struct lk_bytes reply;
	unsigned n_answers;
	bool is_malformed;
};

static void take_answer(void *arg, struct lk_bytes reply, bool is_malformed)
{
	struct wire *wire = arg;

	pthread_mutex_lock(&wire->mutex);
	wire->reply = reply;
	wire->is_malformed = is_malformed;
	wire->n_answers++;
	pthread_cond_signal(&wire->answered);
	pthread_mutex_unlock(&wire->mutex);
}

/* --- the request, read as the protocol says --- */

struct request {
	struct lk_frame_call calls[LK_FRAME_CALLS_MAX];
	bool is_answered[LK_FRAME_CALLS_MAX];
	size_t n;
	bool is_frame;
};

static struct lk_frame_call *find_call(struct request *request, uint32_t id)
{
	for (size_t i = 0; i < request->n; i++)
		if (request->calls[i].id == id)
			return &request->calls[i];
	return NULL;
}

static void read_request(struct lk_bytes frame, struct request *request)
{
	struct lk_cursor cursor = lk_cursor_over(frame);
	struct lk_frame_head head;

	*request = (struct request) { 0 };
	if (lk_frame_read_head(&cursor, &head).code != LK_OK)
		return;
	for (size_t i = 0; i < head.n_calls; i++) {
		struct lk_frame_call call;

		if (lk_frame_read_call(&cursor, &call).code != LK_OK ||
			find_call(request, call.id) != NULL)
			return;
		request->calls[request->n++] = call;
	}
	request->is_frame = lk_cursor_clean_end(&cursor);
}

/* --- the answer --- */

static const struct lk_method *find_method(const struct fuzz_served *served, uint16_t number)
{
	for (size_t i = 0; i < served->n_bindings; i++) {
		const struct lk_service *service = served->bindings[i].service;

		for (size_t j = 0; j < service->n_methods; j++)
			if (service->methods[j].number == number)
				return &service->methods[j];
	}
	return NULL;
}

static void check_error(const struct lk_frame_reply *reply)
{
	FUZZ_CHECK(reply->why.n > 0 && lk_utf8_valid(reply->why));
	FUZZ_CHECK(reply->body.n == 0);
	FUZZ_OK(lk_message_check(&latchkey__v1__error_details__descriptor, reply->details));
}

static void check_reply(const struct fuzz_served *served, struct request *request,
	const struct lk_frame_reply *reply)
{
	const struct lk_frame_call *call = find_call(request, reply->id);
	const struct lk_method *method;

	FUZZ_CHECK(call != NULL);
	FUZZ_CHECK(!request->is_answered[call - request->calls]);
	request->is_answered[call - request->calls] = true;
	method = find_method(served, call->method);
	if (reply->code != LK_OK) {
		check_error(reply);
		return;
	}
	FUZZ_CHECK(method != NULL);
	FUZZ_CHECK(reply->why.n == 0 && reply->details.n == 0);
	FUZZ_OK(lk_message_check(method->response, reply->body));
}

static void check_answer(
	const struct fuzz_served *served, struct request *request, struct lk_bytes answer)
{
	struct lk_cursor cursor = lk_cursor_over(answer);
	bool is_whole = false;
	uint16_t n;

	FUZZ_CHECK(answer.n <= LK_REPLY_FRAME_MAX);
	FUZZ_OK(lk_frame_read_reply_head(&cursor, &n));
	for (size_t i = 0; i < n; i++) {
		struct lk_frame_reply reply;

		FUZZ_OK(lk_frame_read_reply(&cursor, &reply));
		is_whole = reply.id == LK_WHOLE_FRAME;
		if (!is_whole) {
			check_reply(served, request, &reply);
			continue;
		}
		FUZZ_CHECK(n == 1 && reply.code != LK_OK);
		check_error(&reply);
	}
	FUZZ_CHECK(lk_cursor_clean_end(&cursor));
	FUZZ_CHECK(is_whole || (request->is_frame && n == request->n));
}

void fuzz_serve(const struct fuzz_served *served, struct lk_bytes frame, bool is_operator)
{
	struct wire wire = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, { NULL, 0 }, 0,
		false };
	const struct lk_peer peer = { .is_operator = is_operator };
	struct lk_work *work = lk_work_new(take_answer, &wire);
	struct request request;

	FUZZ_CHECK(work != NULL);
	read_request(frame, &request);
	lk_server_submit(served->server, work, frame, &peer);
	pthread_mutex_lock(&wire.mutex);
	while (wire.n_answers == 0)
		pthread_cond_wait(&wire.answered, &wire.mutex);
	pthread_mutex_unlock(&wire.mutex);
	FUZZ_CHECK(wire.n_answers == 1);
	FUZZ_CHECK(wire.is_malformed == !request.is_frame);
	check_answer(served, &request, wire.reply);
	lk_work_free(work);
}
