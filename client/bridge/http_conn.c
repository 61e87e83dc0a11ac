/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "client/bridge/http_priv.h"

/* When so much of answers waits to be sent, no further request is taken in. */
#define OUTPUT_HIGH ((size_t)64 * 1024)

/* Memory of the loop's output that is kept for the next step. */
#define OUTPUT_KEPT ((size_t)256 * 1024)

/* --- Sending --- */

struct lk_buf *lk_http_conn_output(struct lk_http_conn *conn)
{
	struct lk_http_loop *loop = conn->loop;

	return loop->active == conn && conn->out.n == 0 ? &loop->output : &conn->out;
}

static struct lk_bytes rest_of(const struct lk_buf *buf, size_t at)
{
	return (struct lk_bytes) { buf->n > 0 ? buf->data + at : NULL, buf->n - at };
}

/* Of `bytes`, how many have left. */
static size_t send_some(struct lk_http_conn *conn, struct lk_bytes bytes)
{
	ssize_t n;

	do
		n = send(conn->fd, bytes.data, bytes.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return (size_t)n;
	conn->is_broken = errno != EAGAIN;
	return 0;
}

static void forget_output(struct lk_buf *output)
{
	if (output->room > OUTPUT_KEPT)
		lk_buf_fini(output);
	else
		lk_buf_reset(output);
}

/* Sends what was left over before; true when nothing is. */
static bool flush_rest(struct lk_http_conn *conn)
{
	conn->out_at += send_some(conn, rest_of(&conn->out, conn->out_at));
	if (conn->out_at < conn->out.n)
		return false;
	lk_buf_fini(&conn->out);
	conn->out_at = 0;
	return true;
}

/* All answers of a step leave at once; what the socket does not take is kept with the connection.
 * True when nothing waits any more. */
static bool flush(struct lk_http_conn *conn)
{
	struct lk_buf *output = &conn->loop->output;
	size_t n = 0;

	conn->is_broken |= output->failed || conn->out.failed;
	if (!conn->is_broken && conn->out.n > 0)
		return flush_rest(conn);
	if (!conn->is_broken && output->n > 0)
		n = send_some(conn, rest_of(output, 0));
	if (!conn->is_broken && n < output->n) {
		lk_buf_add(&conn->out, output->data + n, output->n - n);
		conn->is_broken |= conn->out.failed;
	}
	forget_output(output);
	return !conn->is_broken && conn->out.n == 0;
}

/* --- Taking in --- */

static bool is_handled(const struct lk_http_conn *conn)
{
	return conn->request != NULL && conn->request->phase == LK_HTTP_HANDLED;
}

static bool takes_more(const struct lk_http_conn *conn)
{
	return !conn->is_closing && !conn->is_broken && !is_handled(conn);
}

static void take_some(struct lk_http_conn *conn, struct lk_bytes *input)
{
	if (conn->request == NULL)
		conn->request = lk_http_request_begin(conn);
	if (conn->request != NULL) {
		lk_http_request_take(conn->request, input);
		return;
	}
	lk_buf_add(lk_http_conn_output(conn), LK_HTTP_NO_ROOM, sizeof LK_HTTP_NO_ROOM - 1);
	conn->is_closing = true;
}

/* As many requests as there are, one after the other, until one is not answered at once or the
 * socket takes no more. */
static void take_in(struct lk_http_conn *conn, struct lk_bytes *input)
{
	do
		while (input->n > 0 && takes_more(conn) &&
			lk_http_conn_output(conn)->n < OUTPUT_HIGH)
			take_some(conn, input);
	while (flush(conn) && input->n > 0 && takes_more(conn));
}

void lk_http_conn_go_on(struct lk_http_conn *conn)
{
	struct lk_bytes input = rest_of(&conn->in, conn->in_at);

	if (conn->watched == EV_WRITE && !flush(conn))
		return;
	take_in(conn, &input);
	conn->in_at = conn->in.n - input.n;
	if (input.n == 0 || conn->is_closing) {
		lk_buf_fini(&conn->in);
		conn->in_at = 0;
	}
}

/* Nothing is taken in before what came earlier, and while a request is with the handler the kernel
 * keeps what follows it. */
static bool must_wait(const struct lk_http_conn *conn)
{
	return is_handled(conn) || conn->in.n > 0 || conn->has_ended;
}

static void stop_watching(struct lk_http_conn *conn)
{
	if (conn->watched != 0)
		event_del(&conn->event);
	conn->watched = 0;
}

void lk_http_conn_read(struct lk_http_conn *conn)
{
	struct lk_http_loop *loop = conn->loop;
	struct lk_bytes input = { .data = loop->input };
	ssize_t n;

	if (must_wait(conn)) {
		stop_watching(conn);
		return;
	}
	n = recv(conn->fd, loop->input, sizeof loop->input, 0);
	if (n <= 0) {
		conn->has_ended = n == 0;
		conn->is_broken = n < 0 && errno != EAGAIN && errno != EINTR;
		return;
	}
	input.n = (size_t)n;
	take_in(conn, &input);
	if (input.n > 0 && !conn->is_closing)
		lk_buf_add(&conn->in, input.data, input.n);
	conn->is_broken |= conn->in.failed;
	lk_wipe(loop->input, (size_t)n);
}

/* Whatever still comes is not for us. */
static void discard(struct lk_http_conn *conn)
{
	uint8_t *input = conn->loop->input;
	ssize_t n = recv(conn->fd, input, sizeof conn->loop->input, 0);

	conn->has_ended = n == 0;
	conn->is_broken = n < 0 && errno != EAGAIN && errno != EINTR;
	if (n > 0)
		lk_wipe(input, (size_t)n);
}

/* --- Between the steps --- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct lk_http_conn *conn = arg;

	(void)fd;
	lk_http_loop_look_up(conn->loop);
	if (what & EV_WRITE)
		lk_http_conn_run(conn, lk_http_conn_go_on);
	else
		lk_http_conn_run(
			conn, conn->phase == LK_HTTP_LINGERING ? discard : lk_http_conn_read);
}

static bool watch(struct lk_http_conn *conn, short what)
{
	if (conn->watched == what)
		return true;
	stop_watching(conn);
	event_assign(&conn->event, conn->loop->base, conn->fd, (short)(what | EV_PERSIST), on_event,
		conn);
	if (event_add(&conn->event, NULL) != 0)
		return false;
	conn->watched = what;
	return true;
}

static void wait_for(struct lk_http_conn *conn, short what, enum lk_http_phase phase)
{
	if (conn->phase != phase || conn->phase_is_over)
		lk_http_phase_enter(conn, phase);
	conn->is_broken = !watch(conn, what);
}

/* The answer is on its way, and close() would reset the connection if anything were to arrive
 * after it, even before the peer has read the answer. So only our side is closed until the peer
 * closes, too, or a time has passed. */
static void linger(struct lk_http_conn *conn)
{
	if (conn->phase != LK_HTTP_LINGERING)
		shutdown(conn->fd, SHUT_WR);
	wait_for(conn, EV_READ, LK_HTTP_LINGERING);
}

static void settle(struct lk_http_conn *conn)
{
	const struct lk_http_request *request = conn->request;

	if (conn->is_broken)
		return;
	if (conn->out.n > 0) {
		wait_for(conn, EV_WRITE, LK_HTTP_SENDING);
	} else if (is_handled(conn)) {
		if (conn->watched == EV_WRITE)
			stop_watching(conn);
		if (conn->phase != LK_HTTP_HANDLED)
			lk_http_phase_enter(conn, LK_HTTP_HANDLED);
	} else if (conn->has_ended) {
		conn->is_broken = true;
	} else if (conn->is_closing) {
		linger(conn);
	} else if (request == NULL && conn->loop->is_draining) {
		conn->is_broken = true;
	} else {
		wait_for(conn, EV_READ, request == NULL ? LK_HTTP_IDLE : request->phase);
	}
}

static void run_one(struct lk_http_conn *conn, void (*step)(struct lk_http_conn *conn))
{
	struct lk_http_loop *loop = conn->loop;

	loop->active = conn;
	step(conn);
	settle(conn);
	loop->active = NULL;
	assert(loop->output.n == 0);
	if (conn->is_broken)
		lk_http_conn_drop(conn);
}

void lk_http_conn_run(struct lk_http_conn *conn, void (*step)(struct lk_http_conn *conn))
{
	struct lk_http_loop *loop = conn->loop;

	run_one(conn, step);
	while ((conn = STAILQ_FIRST(&loop->ready)) != NULL) {
		STAILQ_REMOVE_HEAD(&loop->ready, in_ready);
		run_one(conn, lk_http_conn_go_on);
	}
}

/* --- From the first to the last --- */

/* IPv4 is ::ffff:a.b.c.d, also where the socket is IPv4's. */
static void name_peer(struct lk_http_peer *peer, const struct sockaddr_storage *address)
{
	struct in6_addr in6 = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->ss_family == AF_INET) {
		memcpy(&v4, address, sizeof v4);
		memcpy(&in6.s6_addr[12], &v4.sin_addr, 4);
		peer->port = ntohs(v4.sin_port);
	} else {
		memcpy(&v6, address, sizeof v6);
		in6 = v6.sin6_addr;
		peer->port = ntohs(v6.sin6_port);
	}
	memcpy(peer->address, &in6, sizeof peer->address);
	if (IN6_IS_ADDR_V4MAPPED(&in6))
		inet_ntop(AF_INET, &in6.s6_addr[12], peer->text, sizeof peer->text);
	else
		inet_ntop(AF_INET6, &in6, peer->text, sizeof peer->text);
}

bool lk_http_conn_open(
	struct lk_http_listener *listener, int fd, const struct sockaddr_storage *address)
{
	struct lk_http_loop *loop = listener->loop;
	struct lk_http_conn *conn;
	struct lk_http_peer peer = { 0 };

	name_peer(&peer, address);
	if (!lk_http_caps_enter(loop->http->caps, peer.address))
		return false;
	conn = lk_alloc(sizeof *conn);
	if (conn == NULL) {
		lk_http_caps_leave(loop->http->caps, peer.address);
		return false;
	}
	conn->loop = loop;
	conn->fd = fd;
	conn->peer = peer;
	conn->listener_tag = listener->tag;
	lk_buf_init(&conn->in, LK_HTTP_INPUT_MAX);
	lk_buf_init(&conn->out, loop->output.cap);
	TAILQ_INSERT_TAIL(&loop->phases[LK_HTTP_IDLE], conn, in_phase);
	loop->n_conns++;
	lk_http_phase_enter(conn, LK_HTTP_IDLE);
	if (!watch(conn, EV_READ))
		lk_http_conn_drop(conn);
	return true;
}

static void hang_up(struct lk_http_conn *conn)
{
	if (conn->fd < 0)
		return;
	stop_watching(conn);
	close(conn->fd);
	conn->fd = -1;
	lk_http_caps_leave(conn->loop->http->caps, conn->peer.address);
}

void lk_http_conn_drop(struct lk_http_conn *conn)
{
	struct lk_http_loop *loop = conn->loop;

	hang_up(conn);
	lk_buf_fini(&conn->in);
	lk_buf_fini(&conn->out);
	if (is_handled(conn)) {
		if (conn->phase != LK_HTTP_HANDLED)
			lk_http_phase_enter(conn, LK_HTTP_HANDLED);
		return;
	}
	if (conn->request != NULL)
		lk_http_request_end(conn->request);
	TAILQ_REMOVE(&loop->phases[conn->phase], conn, in_phase);
	lk_free(conn);
	lk_http_loop_lost_one(loop);
}

void lk_http_conn_reset(struct lk_http_conn *conn)
{
	struct linger at_once = { .l_onoff = 1 };

	if (conn->fd >= 0)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	lk_http_conn_drop(conn);
}
