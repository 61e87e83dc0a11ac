/* SPDX-License-Identifier: MIT */
#include "bench/http_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/http_answer.h"
#include "bench/watch.h"
#include "proto/wire/arena.h"

int lk_http_connect(const struct addrinfo *address)
{
	const int on = 1;

	for (; address != NULL; address = address->ai_next) {
		int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0 &&
			fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
			return fd;
		}
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* Connects, and watches for edges. */
static bool attach(struct lk_http_shared *shared, struct lk_http_connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = connection };

	connection->fd = lk_http_connect(shared->address);
	return connection->fd >= 0 &&
	       epoll_ctl(shared->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

struct lk_status lk_http_connection_open(
	struct lk_http_shared *shared, struct lk_http_connection *connection)
{
	const struct lk_http_load *load = shared->load;

	*connection = (struct lk_http_connection) { .fd = -1 };
	connection->pending = lk_alloc(load->pipeline * sizeof *connection->pending);
	connection->out = lk_alloc(load->pipeline * load->requests->longest);
	if (connection->pending == NULL || connection->out == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	if (!attach(shared, connection))
		return LK_ERR(LK_UNAVAILABLE, "the server accepts no connection, or no more");
	return LK_SUCCESS;
}

void lk_http_connection_close(
	const struct lk_http_shared *shared, struct lk_http_connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	if (connection->out != NULL)
		lk_wipe(connection->out, shared->load->pipeline * shared->load->requests->longest);
	lk_free(connection->out);
	lk_free(connection->pending);
}

void lk_http_fail(struct lk_http_shared *shared, const char *why)
{
	if (shared->problem[0] == '\0')
		snprintf(shared->problem, sizeof shared->problem, "%s", why);
	shared->has_failed = true;
}

void lk_http_connection_flush(struct lk_http_shared *shared, struct lk_http_connection *connection)
{
	while (connection->n_sent < connection->n_out) {
		ssize_t n = send(connection->fd, connection->out + connection->n_sent,
			connection->n_out - connection->n_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			lk_http_fail(shared, "the server broke a connection");
		if (n < 0)
			return;
		connection->n_sent += (size_t)n;
	}
	connection->n_out = connection->n_sent = 0;
}

static void append(struct lk_http_connection *connection, const struct lk_bench_request *request)
{
	if (connection->n_sent > 0) {
		connection->n_out -= connection->n_sent;
		memmove(connection->out, connection->out + connection->n_sent, connection->n_out);
		connection->n_sent = 0;
	}
	memcpy(connection->out + connection->n_out, request->text, request->n);
	connection->n_out += request->n;
}

static struct lk_http_pending *pending_at(
	const struct lk_http_shared *shared, struct lk_http_connection *connection, unsigned i)
{
	return &connection->pending[(connection->first + i) % shared->load->pipeline];
}

void lk_http_connection_ask(
	struct lk_http_shared *shared, struct lk_http_connection *connection, uint64_t start_ns)
{
	struct lk_http_pending *pending = pending_at(shared, connection, connection->n_pending++);

	pending->request = lk_bench_requests_next(shared->load->requests, &shared->random);
	pending->start_ns = start_ns;
	shared->n_pending++;
	append(connection, pending->request);
}

/* Opens a connection again that the server has closed in good order; what it did not answer is
 * asked once more. */
static void reopen(struct lk_http_shared *shared, struct lk_http_connection *connection)
{
	close(connection->fd);
	connection->n_in = connection->n_out = connection->n_sent = 0;
	connection->closes = false;
	if (!attach(shared, connection)) {
		lk_http_fail(shared, "a connection cannot be opened again");
		return;
	}
	for (unsigned i = 0; i < connection->n_pending; i++)
		append(connection, pending_at(shared, connection, i)->request);
}

/* --- answers --- */

static bool is_right(const struct lk_http_shared *shared, const struct lk_bench_request *request,
	const struct lk_bench_answer *answer)
{
	if (shared->load->lets_all_in)
		return answer->status == 200;
	if (answer->status != request->status)
		return false;
	if (request->status != 200)
		return answer->key_id.n == 0;
	return request->key_id[0] == '\0' ||
	       (answer->key_id.n == strlen(request->key_id) &&
		       memcmp(answer->key_id.data, request->key_id, answer->key_id.n) == 0);
}

static void judge(struct lk_http_shared *shared, const struct lk_bench_request *request,
	const struct lk_bench_answer *answer)
{
	unsigned due = shared->load->lets_all_in ? 200 : request->status;

	if (is_right(shared, request, answer))
		return;
	shared->wrong++;
	if (shared->problem[0] != '\0')
		return;
	if (answer->status != due)
		snprintf(shared->problem, sizeof shared->problem, "%u where %u was due",
			answer->status, due);
	else
		snprintf(shared->problem, sizeof shared->problem,
			"%u with X-Latchkey-Key '%.*s' instead of '%s'", due,
			(int)(answer->key_id.n < 40 ? answer->key_id.n : 40),
			(const char *)answer->key_id.data, request->key_id);
}

/* Reads and judges the head of the next answer; false when it is not complete, or never will be. */
static bool take_head(
	struct lk_http_shared *shared, struct lk_http_connection *connection, size_t *at)
{
	struct lk_bench_answer answer;
	const struct lk_bytes bytes = { connection->in + *at, connection->n_in - *at };

	switch (lk_bench_answer_read(bytes, &answer)) {
	case LK_BENCH_ANSWER_READ:
		break;
	case LK_BENCH_ANSWER_SHORT:
		if (bytes.n == sizeof connection->in)
			lk_http_fail(shared, "the head of an answer is too long");
		return false;
	case LK_BENCH_ANSWER_BAD:
		lk_http_fail(shared, "an answer is not HTTP/1.1 with a Content-Length");
		return false;
	}
	judge(shared, connection->pending[connection->first].request, &answer);
	*at += answer.head_n;
	connection->is_in_body = true;
	connection->closes = answer.closes;
	connection->body_left = answer.body_n;
	return true;
}

/* The answer to the first request is complete. */
static void finish_answer(
	struct lk_http_shared *shared, struct lk_http_connection *connection, uint64_t now_ns)
{
	uint64_t start_ns = connection->pending[connection->first].start_ns;

	lk_histogram_add(shared->histogram, now_ns - start_ns);
	shared->answers++;
	shared->n_pending--;
	connection->is_in_body = false;
	connection->first = (connection->first + 1) % shared->load->pipeline;
	connection->n_pending--;
	shared->on_answer(shared, connection, now_ns);
}

/* Takes complete answers out of what was received, and keeps the rest. What is asked on the way was
 * not sent yet: nothing can be an answer to it. */
static void take_answers(struct lk_http_shared *shared, struct lk_http_connection *connection)
{
	uint64_t now_ns = lk_watch_ns();
	unsigned n_owed = connection->n_pending;
	bool closes = false;
	size_t at = 0;

	for (; n_owed > 0 && !closes; n_owed--) {
		size_t n;

		if (!connection->is_in_body && !take_head(shared, connection, &at))
			break;
		n = connection->n_in - at;
		if (n > connection->body_left)
			n = connection->body_left;
		at += n;
		connection->body_left -= n;
		if (connection->body_left > 0)
			break;
		closes = connection->closes;
		finish_answer(shared, connection, now_ns);
	}
	connection->n_in -= at;
	memmove(connection->in, connection->in + at, connection->n_in);
	if (closes && !shared->has_failed)
		reopen(shared, connection);
	else if (connection->n_in > 0 && n_owed == 0)
		lk_http_fail(shared, "the server says more than it was asked");
}

/* The server has closed; a connection that waits for its next request it may close. */
static void on_closed(struct lk_http_shared *shared, struct lk_http_connection *connection)
{
	if (connection->n_pending > 0)
		lk_http_fail(shared, "the server closed a connection on which it owed an answer");
	else
		reopen(shared, connection);
}

/* Reads all there is: events are edges and do not come again. A read that does not fill the buffer
 * was the last, unless the end of the stream is still to be read. */
static void receive(
	struct lk_http_shared *shared, struct lk_http_connection *connection, bool is_ended)
{
	while (!shared->has_failed) {
		size_t room = sizeof connection->in - connection->n_in;
		ssize_t n = recv(connection->fd, connection->in + connection->n_in, room, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			lk_http_fail(shared, "the server broke a connection");
		if (n < 0)
			return;
		if (n == 0) {
			on_closed(shared, connection);
			return;
		}
		connection->n_in += (size_t)n;
		take_answers(shared, connection);
		if ((size_t)n < room && !is_ended)
			return;
	}
}

void lk_http_connection_serve(
	struct lk_http_shared *shared, struct lk_http_connection *connection, uint32_t epoll_events)
{
	if (epoll_events & ~(uint32_t)EPOLLOUT)
		receive(shared, connection,
			(epoll_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
	if (!shared->has_failed)
		lk_http_connection_flush(shared, connection);
}
