/* SPDX-License-Identifier: MIT */
#include "tests/support/sp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GIVE_UP_S 20

static int connect_to(int family, const void *address, socklen_t n)
{
	struct timeval patience = { .tv_sec = GIVE_UP_S };
	int at_once = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
	if (connect(fd, address, n) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int sp_connect(const struct sp_address *address)
{
	struct sockaddr_in tcp = { .sin_family = AF_INET, .sin_port = htons(address->port) };
	struct sockaddr_un ipc = { .sun_family = AF_UNIX };

	if (address->path == NULL) {
		tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return connect_to(AF_INET, &tcp, sizeof tcp);
	}
	snprintf(ipc.sun_path, sizeof ipc.sun_path, "%s", address->path);
	return connect_to(AF_UNIX, &ipc, sizeof ipc);
}

void sp_abort(int fd)
{
	struct linger linger = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(fd);
}

static bool write_all(int fd, const void *data, size_t n)
{
	return send(fd, data, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool read_all(int fd, void *data, size_t n)
{
	return recv(fd, data, n, MSG_WAITALL) == (ssize_t)n;
}

bool sp_greet(int fd)
{
	static const uint8_t req[8] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
	static const uint8_t rep[8] = { 0, 'S', 'P', 0, 0, 0x31, 0, 0 };
	uint8_t theirs[8];

	return write_all(fd, req, 8) && read_all(fd, theirs, 8) && memcmp(theirs, rep, 8) == 0;
}

int sp_open(const struct sp_address *address)
{
	int fd = sp_connect(address);

	if (fd >= 0 && !sp_greet(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void put_be(uint8_t *at, size_t n, uint64_t value)
{
	while (n > 0) {
		at[--n] = (uint8_t)value;
		value >>= 8;
	}
}

bool sp_send_length(int fd, const struct sp_address *address, uint64_t n)
{
	uint8_t head[9] = { 1 };

	put_be(head + 1, 8, n);
	return address->path != NULL ? write_all(fd, head, 9) : write_all(fd, head + 1, 8);
}

bool sp_send(
	int fd, const struct sp_address *address, unsigned hops, uint32_t id, struct lk_bytes frame)
{
	uint8_t word[4];

	if (!sp_send_length(fd, address, 4 * (uint64_t)hops + 4 + frame.n))
		return false;
	put_be(word, 4, 7);
	for (unsigned i = 0; i < hops; i++)
		if (!write_all(fd, word, 4))
			return false;
	put_be(word, 4, id);
	return write_all(fd, word, 4) && write_all(fd, frame.data, frame.n);
}

ssize_t sp_receive(
	int fd, const struct sp_address *address, uint32_t *id_out, uint8_t *frame_out, size_t max)
{
	uint8_t head[9], id[4];
	size_t n = 0;

	if (address->path != NULL ? !read_all(fd, head, 9) : !read_all(fd, head + 1, 8))
		return -1;
	for (size_t i = 1; i < 9; i++)
		n = n << 8 | head[i];
	if (n < 4 || n - 4 > max || !read_all(fd, id, 4) || !read_all(fd, frame_out, n - 4))
		return -1;
	*id_out = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
	return (ssize_t)(n - 4);
}

bool sp_await_close(int fd)
{
	uint8_t bytes[4096];
	ssize_t n;

	do
		n = recv(fd, bytes, sizeof bytes, 0);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}
