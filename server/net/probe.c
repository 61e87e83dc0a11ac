/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/net/net_priv.h"

/* The SP handshake of a REQ peer, and a request id with its top bit set. */
static const uint8_t hello[8] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
static const uint8_t request_id[4] = { 0x80, 0, 0, 1 };

union address {
	struct sockaddr base;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static socklen_t address_of(const struct lk_endpoint *endpoint, union address *address_out)
{
	const char *path = lk_ipc_path(endpoint->url);
	char host[64];
	uint16_t port;

	*address_out = (union address) { .un = { .sun_family = AF_UNIX } };
	if (path != NULL) {
		snprintf(address_out->un.sun_path, sizeof address_out->un.sun_path, "%s", path);
		return sizeof address_out->un;
	}
	if (!lk_tcp_split(endpoint->url, host, &port))
		return 0;
	*address_out = (union address) { .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
	if (inet_pton(AF_INET, host, &address_out->v4.sin_addr) == 1)
		return sizeof address_out->v4;
	*address_out =
		(union address) { .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
	if (inet_pton(AF_INET6, host, &address_out->v6.sin6_addr) == 1)
		return sizeof address_out->v6;
	return 0;
}

/* Takes a port of our own and makes it known before connecting. */
static bool announce(struct lk_endpoint *endpoint, int fd, sa_family_t family)
{
	union address own = { .v6 = { .sin6_family = family } };
	socklen_t n = family == AF_INET ? sizeof own.v4 : sizeof own.v6;

	if (family == AF_UNIX)
		return true;
	if (bind(fd, &own.base, n) != 0 || getsockname(fd, &own.base, &n) != 0)
		return false;
	/* The port is at the same place in both families; nng keeps it in network order too. */
	atomic_store(&endpoint->net->probe_port, own.v4.sin_port);
	return true;
}

static bool read_all(int fd, uint8_t *data, size_t n)
{
	return recv(fd, data, n, MSG_WAITALL) == (ssize_t)n;
}

static bool write_all(int fd, const void *data, size_t n)
{
	return send(fd, data, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Sends the probe and reads the length of what comes back. */
static bool converse(const struct lk_endpoint *endpoint, int fd)
{
	struct lk_bytes probe = endpoint->net->options.probe;
	uint64_t n = sizeof request_id + probe.n;
	uint8_t head[9] = { 1 }, theirs[8];

	for (size_t i = 0; i < 8; i++)
		head[1 + i] = (uint8_t)(n >> (56 - 8 * i));
	return write_all(fd, hello, sizeof hello) && read_all(fd, theirs, sizeof theirs) &&
	       write_all(fd, head + !endpoint->is_ipc, 8 + (size_t)endpoint->is_ipc) &&
	       write_all(fd, request_id, sizeof request_id) && write_all(fd, probe.data, probe.n) &&
	       read_all(fd, theirs, sizeof theirs);
}

enum lk_probe_result lk_probe(struct lk_endpoint *endpoint, uint32_t timeout_ms)
{
	struct timeval timeout = { .tv_sec = timeout_ms / 1000,
		.tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	enum lk_probe_result result = LK_PROBE_UNDECIDED;
	union address address;
	socklen_t n = address_of(endpoint, &address);
	int fd = n > 0 ? socket(address.base.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0)
		return LK_PROBE_UNDECIDED;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
		announce(endpoint, fd, address.base.sa_family))
		result = connect(fd, &address.base, n) == 0 && converse(endpoint, fd)
				 ? LK_PROBE_ANSWERED
				 : LK_PROBE_FAILED;
	close(fd);
	return result;
}
