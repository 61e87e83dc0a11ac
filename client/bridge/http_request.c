/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <sys/eventfd.h>

#include "client/bridge/http_priv.h"

/* Requests kept for reuse by a loop, and the largest memory that is kept with one. */
#define SPARE_MAX 64
#define BYTES_KEPT 4096
#define ARENA_KEPT ((size_t)64 * 1024)

/* Of bodies that a loop holds at once: each is bounded, and so must be many of them that dribble
 * in. */
#define BODIES_MAX ((size_t)64 << 20)

/* --- Beginning and end --- */

static struct lk_http_request *take_spare(struct lk_http_loop *loop)
{
	struct lk_http_request *request = STAILQ_FIRST(&loop->spare);

	if (request != NULL) {
		STAILQ_REMOVE_HEAD(&loop->spare, next);
		loop->n_spare--;
		return request;
	}
	request = lk_alloc(sizeof *request);
	if (request == NULL)
		return NULL;
	request->loop = loop;
	lk_buf_init(&request->head_bytes, LK_HTTP_HEAD_MAX);
	lk_buf_init(&request->body, 0);
	lk_arena_init(&request->arena, loop->http->options.arena_max);
	return request;
}

struct lk_http_request *lk_http_request_begin(struct lk_http_conn *conn)
{
	struct lk_http_request *request = take_spare(conn->loop);

	if (request == NULL)
		return NULL;
	memset(&request->head, 0, sizeof request->head);
	request->conn = conn;
	request->phase = LK_HTTP_IN_HEAD;
	request->is_refused = false;
	request->exchange = (struct lk_http_exchange) {
		.head = &request->head,
		.peer = &conn->peer,
		.listener_tag = conn->listener_tag,
		.arena = &request->arena,
	};
	return request;
}

static void free_request(struct lk_http_request *request)
{
	lk_buf_fini(&request->head_bytes);
	lk_buf_fini(&request->body);
	lk_arena_fini(&request->arena);
	lk_free(request);
}

static void empty(struct lk_buf *buf)
{
	if (buf->room > BYTES_KEPT)
		lk_buf_fini(buf);
	else
		lk_buf_reset(buf);
}

void lk_http_request_end(struct lk_http_request *request)
{
	struct lk_http_loop *loop = request->loop;

	loop->body_bytes -= request->body.n;
	request->conn->request = NULL;
	request->conn->phase_is_over = true;
	request->conn = NULL;
	if (loop->n_spare == SPARE_MAX) {
		free_request(request);
		return;
	}
	empty(&request->head_bytes);
	empty(&request->body);
	if (request->arena.used > ARENA_KEPT)
		lk_arena_fini(&request->arena);
	else
		lk_arena_reset(&request->arena);
	STAILQ_INSERT_HEAD(&loop->spare, request, next);
	loop->n_spare++;
}

void lk_http_request_free_spare(struct lk_http_loop *loop)
{
	struct lk_http_request *request;

	while ((request = STAILQ_FIRST(&loop->spare)) != NULL) {
		STAILQ_REMOVE_HEAD(&loop->spare, next);
		free_request(request);
	}
}

/* --- Taking in --- */

static struct lk_bytes bytes_of(const struct lk_buf *buf)
{
	return (struct lk_bytes) { buf->data, buf->n };
}

static void skip(struct lk_bytes *input, size_t n)
{
	input->data += n;
	input->n -= n;
}

void lk_http_request_refuse(struct lk_http_request *request, unsigned status, const char *why)
{
	const struct lk_http_options *options = &request->loop->http->options;
	struct lk_http_conn *conn = request->conn;

	if (request->phase == LK_HTTP_IN_HEAD && request->exchange.head_bytes.n == 0)
		request->exchange.head_bytes = bytes_of(&request->head_bytes);
	request->is_refused = true;
	request->phase = LK_HTTP_HANDLED;
	lk_http_add(&request->loop->refused);
	options->refuse(options->arg, &request->exchange, status, why);
	assert(conn->request == NULL && conn->is_closing);
}

static void refuse_memory(struct lk_http_request *request)
{
	lk_http_request_refuse(request, 503, "memory is short");
}

static void handle(struct lk_http_request *request)
{
	const struct lk_http_options *options = &request->loop->http->options;

	request->exchange.body = bytes_of(&request->body);
	request->phase = LK_HTTP_HANDLED;
	lk_http_add(&request->loop->requests);
	options->handle(options->arg, &request->exchange);
}

/* `has_body`: some of it is here already, so nobody waits for leave to send it. */
static void begin_body(struct lk_http_request *request, bool has_body)
{
	const struct lk_http_options *options = &request->loop->http->options;
	size_t n = request->head.length;

	if (n == 0) {
		handle(request);
		return;
	}
	if (n > options->body_max(options->arg, &request->exchange)) {
		lk_http_request_refuse(request, 413, "the body is too long");
		return;
	}
	request->phase = LK_HTTP_IN_BODY;
	request->body.cap = n > BYTES_KEPT ? n : BYTES_KEPT;
	if (request->head.expects_continue && !has_body)
		lk_buf_add(lk_http_conn_output(request->conn), "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* The handler may keep pointers into the head, so its bytes move to where they stay. */
static void finish_head(struct lk_http_request *request, struct lk_bytes *input, size_t n_before)
{
	struct lk_buf *bytes = &request->head_bytes;
	size_t n = request->head.n;

	if (n_before == 0) {
		lk_buf_add(bytes, input->data, n);
	} else {
		lk_wipe(bytes->data + n, bytes->n - n);
		bytes->n = n;
	}
	skip(input, n - n_before);
	request->exchange.head_bytes = bytes_of(bytes);
	if (bytes->failed)
		refuse_memory(request);
	else
		begin_body(request, input->n > 0);
}

/* Most heads arrive in one piece and are parsed where they are. Others are put together first. */
static void take_head(struct lk_http_request *request, struct lk_bytes *input)
{
	struct lk_buf *bytes = &request->head_bytes;
	struct lk_bytes head = *input;
	struct lk_http_refusal refusal;
	size_t n_before = bytes->n;

	if (n_before > 0) {
		if (head.n > LK_HTTP_HEAD_MAX - n_before)
			head.n = LK_HTTP_HEAD_MAX - n_before;
		lk_buf_add(bytes, head.data, head.n);
		head = bytes_of(bytes);
	}
	if (bytes->failed) {
		refuse_memory(request);
		return;
	}
	switch (lk_http_parse(&request->head, head, &refusal)) {
	case LK_HTTP_MORE:
		if (n_before == 0)
			lk_buf_add(bytes, head.data, head.n);
		skip(input, input->n);
		if (bytes->failed)
			refuse_memory(request);
		break;
	case LK_HTTP_DONE:
		finish_head(request, input, n_before);
		break;
	case LK_HTTP_REFUSED:
		request->exchange.head_bytes = head;
		lk_http_request_refuse(request, refusal.status, refusal.why);
		break;
	}
}

static void take_body(struct lk_http_request *request, struct lk_bytes *input)
{
	size_t missing = request->head.length - request->body.n;
	size_t n = input->n < missing ? input->n : missing;
	bool has_room = n <= BODIES_MAX - request->loop->body_bytes;

	if (has_room)
		lk_buf_add(&request->body, input->data, n);
	if (!has_room || request->body.failed) {
		refuse_memory(request);
		return;
	}
	request->loop->body_bytes += n;
	skip(input, n);
	if (n == missing)
		handle(request);
}

void lk_http_request_take(struct lk_http_request *request, struct lk_bytes *input)
{
	if (request->phase == LK_HTTP_IN_HEAD)
		take_head(request, input);
	else
		take_body(request, input);
}

/* --- Answering --- */

static struct lk_http_request *request_of(struct lk_http_exchange *exchange)
{
	return (struct lk_http_request *)exchange;
}

static void write_answer(struct lk_http_request *request, const struct lk_http_answer *answer)
{
	struct lk_http_conn *conn = request->conn;
	struct lk_http_loop *loop = request->loop;
	struct lk_http_manner manner = {
		.date = loop->date,
		.is_to_head = request->head.method == LK_HTTP_HEAD,
		.closes = answer->close || request->is_refused || !request->head.keeps_alive ||
			  loop->is_draining,
	};

	lk_http_answer_write(lk_http_conn_output(conn), answer, manner);
	lk_http_add(&loop->by_class[answer->status / 100]);
	conn->is_closing |= manner.closes;
}

void lk_http_send(struct lk_http_exchange *exchange, const struct lk_http_answer *answer)
{
	struct lk_http_request *request = request_of(exchange);
	struct lk_http_loop *loop = request->loop;
	struct lk_http_conn *conn = request->conn;
	bool is_outermost = loop->active == NULL;

	assert(request->phase == LK_HTTP_HANDLED && pthread_equal(loop->self, pthread_self()));
	if (conn->fd < 0) {
		lk_http_request_end(request);
		lk_http_conn_drop(conn);
		return;
	}
	if (is_outermost)
		loop->active = conn;
	write_answer(request, answer);
	lk_http_request_end(request);
	if (is_outermost)
		lk_http_conn_run(conn, lk_http_conn_go_on);
	else if (loop->active != conn)
		STAILQ_INSERT_TAIL(&loop->ready, conn, in_ready);
}

void lk_http_resume(struct lk_http_exchange *exchange,
	void (*resume)(struct lk_http_exchange *exchange, void *arg), void *arg)
{
	struct lk_http_request *request = request_of(exchange);
	struct lk_http_loop *loop = request->loop;

	if (pthread_equal(loop->self, pthread_self())) {
		resume(exchange, arg);
		return;
	}
	request->resume = resume;
	request->resume_arg = arg;
	/* The loop may end with this exchange; it cannot look before the mutex is free. */
	pthread_mutex_lock(&loop->mutex);
	if (STAILQ_EMPTY(&loop->inbox))
		eventfd_write(loop->wake_fd, 1);
	STAILQ_INSERT_TAIL(&loop->inbox, request, next);
	pthread_mutex_unlock(&loop->mutex);
}
