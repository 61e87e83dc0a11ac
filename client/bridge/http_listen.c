/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/bridge/http_priv.h"

#define PAUSE_MS 100
#define HOST_MAX 64

/* What a peer that does not read may have of the kernel's memory, which would give it megabytes. */
#define SEND_BUFFER (128 * 1024)

/* Turned away at once by way of the spare descriptor. The rest waits until the pause is over. */
#define TURNED_AWAY_AT_ONCE 64

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address;
	socklen_t n;
	bool is_both; /* IPv6 and IPv4 */
};

static bool read_port(const char *text, uint16_t *port_out)
{
	unsigned long port;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	port = strtoul(text, &end, 10);
	if (*end != '\0' || port > UINT16_MAX)
		return false;
	*port_out = (uint16_t)port;
	return true;
}

static bool read_host(char *host, uint16_t port, struct endpoint *endpoint_out)
{
	struct endpoint endpoint = { .n = sizeof endpoint.address.in };
	size_t n = strlen(host);

	endpoint.address.in.sin_port = htons(port);
	endpoint.address.in.sin_family = AF_INET;
	if (inet_pton(AF_INET, host, &endpoint.address.in.sin_addr) == 1) {
		*endpoint_out = endpoint;
		return true;
	}
	endpoint = (struct endpoint) { .n = sizeof endpoint.address.in6 };
	endpoint.address.in6.sin6_port = htons(port);
	endpoint.address.in6.sin6_family = AF_INET6;
	endpoint.is_both = strcmp(host, "*") == 0;
	*endpoint_out = endpoint;
	if (endpoint.is_both)
		return true;
	if (n < 2 || host[0] != '[' || host[n - 1] != ']')
		return false;
	host[n - 1] = '\0';
	return inet_pton(AF_INET6, host + 1, &endpoint_out->address.in6.sin6_addr) == 1;
}

static bool read_address(const char *text, struct endpoint *endpoint_out)
{
	const char *colon = strrchr(text, ':');
	char host[HOST_MAX];
	uint16_t port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof host || !read_port(colon + 1, &port))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	return read_host(host, port, endpoint_out);
}

static void set_port(struct endpoint *endpoint, uint16_t port)
{
	if (endpoint->address.any.sa_family == AF_INET)
		endpoint->address.in.sin_port = htons(port);
	else
		endpoint->address.in6.sin6_port = htons(port);
}

static uint16_t port_of(int fd)
{
	struct endpoint endpoint = { .n = sizeof endpoint.address };

	if (getsockname(fd, &endpoint.address.any, &endpoint.n) != 0)
		return 0;
	return ntohs(endpoint.address.any.sa_family == AF_INET ? endpoint.address.in.sin_port
							       : endpoint.address.in6.sin6_port);
}

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* What is accepted inherits the options. The first socket is bound without SO_REUSEPORT: another
 * process that serves this address would else share it with us unnoticed. */
static bool prepare(int fd, const struct endpoint *endpoint, bool is_first)
{
	return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
	       set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER) &&
	       (endpoint->address.any.sa_family == AF_INET ||
		       set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !endpoint->is_both)) &&
	       (is_first || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
	       bind(fd, &endpoint->address.any, endpoint->n) == 0 &&
	       set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

/* -1, with errno. */
static int open_socket(const struct endpoint *endpoint, bool is_first)
{
	int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, error;
	int fd = socket(endpoint->address.any.sa_family, kind, 0);

	if (fd < 0 || prepare(fd, endpoint, is_first))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static struct lk_status why_not(const char *address)
{
	struct lk_status status = LK_ERR(LK_UNAVAILABLE, "the address cannot be listened on");

	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory or descriptors are short");
	if (errno == EADDRINUSE)
		status.why = "the address is in use";
	status.field = address;
	return status;
}

/* An answer that costs nothing. What has arrived is read first: close() would else reset the
 * connection, and the peer might not see the answer. */
static void say_no(struct lk_http_loop *loop, int fd)
{
	static const char answer[] = LK_HTTP_NO_ROOM;

	send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	if (recv(fd, loop->input, sizeof loop->input, MSG_DONTWAIT) > 0)
		lk_wipe(loop->input, sizeof loop->input);
	lk_http_add(&loop->turned_away);
}

static void take_in(
	struct lk_http_listener *listener, int fd, const struct sockaddr_storage *address)
{
	struct lk_http_loop *loop = listener->loop;

	if (lk_http_conn_open(listener, fd, address)) {
		lk_http_add(&loop->accepted);
		return;
	}
	say_no(loop, fd);
	close(fd);
	lk_http_loop_report(loop, "connections are turned away: there are too many");
}

static void on_accept(struct evconnlistener *evconnlistener, evutil_socket_t fd,
	struct sockaddr *address, int n, void *arg)
{
	struct lk_http_listener *listener = arg;
	struct sockaddr_storage peer = { 0 };

	(void)evconnlistener;
	memcpy(&peer, address, (size_t)n < sizeof peer ? (size_t)n : sizeof peer);
	lk_http_loop_look_up(listener->loop);
	take_in(listener, fd, &peer);
}

/* The spare descriptor is given up for a connection, and in its place becomes the spare one again,
 * so that nobody else can take it in between. */
static void turn_away_waiting(struct lk_http_listener *listener)
{
	struct lk_http_loop *loop = listener->loop;
	int listening = evconnlistener_get_fd(listener->listener);

	for (int n = 0; n < TURNED_AWAY_AT_ONCE && loop->spare_fd >= 0; n++) {
		int fd;

		close(loop->spare_fd);
		loop->spare_fd = -1;
		fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			break;
		say_no(loop, fd);
		loop->spare_fd = dup3(loop->wake_fd, fd, O_CLOEXEC);
	}
	lk_http_listen_keep_spare(loop);
}

/* A listener that is out of descriptors or memory would else be called again at once, and turn in
 * a circle. */
static void on_accept_error(struct evconnlistener *evconnlistener, void *arg)
{
	struct lk_http_listener *listener = arg;
	struct lk_http_loop *loop = listener->loop;
	int error = errno;

	lk_http_loop_look_up(loop);
	if (error == EMFILE || error == ENFILE)
		turn_away_waiting(listener);
	evconnlistener_disable(evconnlistener);
	listener->paused_until = loop->now + PAUSE_MS;
	lk_http_loop_report(loop, error == EMFILE || error == ENFILE
					  ? "connections cannot be accepted: descriptors are short"
					  : "connections cannot be accepted for the moment");
}

static bool start(struct lk_http_listener *listener, int fd)
{
	listener->listener = evconnlistener_new(listener->loop->base, on_accept, listener,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, SOMAXCONN, fd);
	if (listener->listener == NULL)
		return false;
	evconnlistener_set_error_cb(listener->listener, on_accept_error);
	return true;
}

struct lk_status lk_http_listen(struct lk_http_loop *loop, size_t index, bool is_first)
{
	const struct lk_http_address *address = &loop->http->options.addresses[index];
	struct lk_http_listener *listener = &loop->listeners[loop->n_listeners];
	struct endpoint endpoint;
	int fd;

	if (!read_address(address->text, &endpoint)) {
		struct lk_status status = LK_ERR(LK_INVALID_ARGUMENT, "this is not an address");

		status.field = address->text;
		return status;
	}
	if (!is_first)
		set_port(&endpoint, loop->http->ports[index]);
	fd = open_socket(&endpoint, is_first);
	if (fd < 0)
		return why_not(address->text);
	*listener = (struct lk_http_listener) { .loop = loop, .tag = address->tag };
	if (!start(listener, fd)) {
		struct lk_status status = why_not(address->text);

		close(fd);
		return status;
	}
	loop->n_listeners++;
	loop->http->ports[index] = port_of(fd);
	return LK_SUCCESS;
}

void lk_http_listen_keep_spare(struct lk_http_loop *loop)
{
	if (loop->spare_fd < 0)
		loop->spare_fd = fcntl(loop->wake_fd, F_DUPFD_CLOEXEC, 0);
}

/* Without a spare descriptor those who wait would hear nothing. So it is taken from whoever has
 * been idle for longest. */
static void get_spare_back(struct lk_http_loop *loop)
{
	struct lk_http_conn *idle = TAILQ_FIRST(&loop->phases[LK_HTTP_IDLE]);

	lk_http_listen_keep_spare(loop);
	if (loop->spare_fd >= 0 || idle == NULL)
		return;
	lk_http_conn_drop(idle);
	lk_http_listen_keep_spare(loop);
}

void lk_http_listen_tick(struct lk_http_loop *loop)
{
	get_spare_back(loop);
	for (size_t i = 0; i < loop->n_listeners; i++) {
		struct lk_http_listener *listener = &loop->listeners[i];

		if (listener->paused_until == 0 || listener->paused_until > loop->now)
			continue;
		listener->paused_until = 0;
		evconnlistener_enable(listener->listener);
	}
}

static void take_in_waiting(struct lk_http_listener *listener)
{
	int listening = evconnlistener_get_fd(listener->listener), fd;
	struct sockaddr_storage peer = { 0 };
	socklen_t n = sizeof peer;

	while ((fd = accept4(listening, (struct sockaddr *)&peer, &n,
			SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		take_in(listener, fd, &peer);
		n = sizeof peer;
	}
}

void lk_http_listen_end(struct lk_http_loop *loop, bool takes_waiting)
{
	for (size_t i = 0; i < loop->n_listeners; i++) {
		if (takes_waiting)
			take_in_waiting(&loop->listeners[i]);
		evconnlistener_free(loop->listeners[i].listener);
	}
	loop->n_listeners = 0;
}
