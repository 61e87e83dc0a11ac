/* SPDX-License-Identifier: MIT */
/* What depends on the order in which the loop finds things out: the handler holds it up until they
 * have happened. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/bridge/http.h"
#include "tests/support/check.h"

#define REQUEST "GET /answer HTTP/1.1\r\nHost: a\r\n\r\n"
#define BLOCKING "GET /block HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELD "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"

static atomic_ulong n_sends;

/* The engine's, instead of that of libc. */
ssize_t send(int fd, const void *data, size_t n, int flags)
{
	atomic_fetch_add(&n_sends, 1);
	return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
}

struct fixture {
	struct lk_http *http;
	sem_t entered; /* a request is with the handler */
	sem_t go_on;   /* of a handler that blocks */
	struct lk_http_exchange *held;
	atomic_bool has_stopped;
};

static void answer(struct lk_http_exchange *exchange, void *arg)
{
	lk_http_send(exchange, &(struct lk_http_answer) { .status = 200 });
}

static void handle(void *arg, struct lk_http_exchange *exchange)
{
	struct fixture *f = arg;
	char route = (char)lk_http_at(exchange->head_bytes, exchange->head->path).data[1];

	if (route == 'h') {
		f->held = exchange;
		sem_post(&f->entered);
		return;
	}
	if (route == 'b') {
		sem_post(&f->entered);
		sem_wait(&f->go_on);
	}
	answer(exchange, NULL);
}

static size_t body_max(void *arg, const struct lk_http_exchange *exchange)
{
	return 0;
}

static void refuse(void *arg, struct lk_http_exchange *exchange, unsigned status, const char *why)
{
	lk_http_send(exchange, &(struct lk_http_answer) { .status = status });
}

static void start(struct fixture *f)
{
	static const struct lk_http_address address = { "127.0.0.1:0", NULL };
	struct lk_http_options options = {
		.addresses = &address,
		.n_addresses = 1,
		.loops = 1,
		.body_max = body_max,
		.handle = handle,
		.refuse = refuse,
		.arg = f,
	};

	sem_init(&f->entered, 0, 0);
	sem_init(&f->go_on, 0, 0);
	CHECK_OK(lk_http_start(&options, &f->http));
}

static void end(struct fixture *f)
{
	sem_destroy(&f->entered);
	sem_destroy(&f->go_on);
}

static void say(int fd, const char *text)
{
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
}

/* Whether an answer comes, and not the end. */
static bool hears(int fd)
{
	char text[512];

	return read(fd, text, sizeof text) > 0;
}

static int connect_to(const struct fixture *f)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(lk_http_port(f->http, 0)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

TEST(answers_to_what_arrived_together_leave_together)
{
	struct fixture f = { 0 };
	char requests[200 * sizeof REQUEST] = "", *at = requests;
	unsigned long before;
	size_t n = 0;
	int fd;

	start(&f);
	fd = connect_to(&f);
	for (int i = 0; i < 200; i++, at += strlen(REQUEST))
		memcpy(at, REQUEST, sizeof REQUEST);
	before = atomic_load(&n_sends);
	say(fd, requests);
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	for (ssize_t more = 1; more > 0; n += (size_t)more)
		more = read(fd, requests, sizeof requests);
	CHECK(n > 200 * strlen("HTTP/1.1 200 OK"));
	CHECK(atomic_load(&n_sends) - before < 10);
	close(fd);
	lk_http_stop(f.http);
	end(&f);
}

TEST(a_request_that_arrived_before_the_loop_drains_is_answered)
{
	struct fixture f = { 0 };
	int blocking, other;

	start(&f);
	blocking = connect_to(&f);
	other = connect_to(&f);
	say(other, REQUEST);
	CHECK(hears(other));
	say(blocking, BLOCKING);
	sem_wait(&f.entered);
	CHECK(!lk_http_drain(f.http, 0));
	say(other, REQUEST);
	sem_post(&f.go_on);
	CHECK(hears(other));
	CHECK(hears(blocking));
	close(blocking);
	close(other);
	CHECK(lk_http_drain(f.http, 60000));
	lk_http_stop(f.http);
	end(&f);
}

static void *stop(void *arg)
{
	struct fixture *f = arg;

	lk_http_stop(f->http);
	atomic_store(&f->has_stopped, true);
	return NULL;
}

TEST(stopping_waits_until_what_is_held_is_answered)
{
	struct fixture f = { 0 };
	pthread_t stopping;
	int fd;

	start(&f);
	fd = connect_to(&f);
	say(fd, HELD HELD);
	sem_wait(&f.entered);
	CHECK_EQ(pthread_create(&stopping, NULL, stop, &f), 0);
	/* The connection is gone, the exchange is not. */
	CHECK(!hears(fd));
	CHECK(!atomic_load(&f.has_stopped));
	lk_http_resume(f.held, answer, NULL);
	pthread_join(stopping, NULL);
	close(fd);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(answers_to_what_arrived_together_leave_together),
		RUN(a_request_that_arrived_before_the_loop_drains_is_answered),
		RUN(stopping_waits_until_what_is_held_is_answered),
	};

	return RUN_ALL(tests);
}
