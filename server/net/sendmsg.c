/* SPDX-License-Identifier: MIT */
/* sendmsg for nng 1.5.2, linked into executables that listen. An executable's symbols come before
 * those of libc, so libnng finds this one.
 *
 * Two things go wrong in nng when a peer is gone and the kernel says so to a write:
 *
 * During the handshake nng takes EPIPE for "my own listener was closed" and never accepts again
 * (fixed upstream in 1.6.0, #1518). It takes ECONNRESET for what it is: the peer's doing.
 *
 * Later it closes the pipe, and if a message is just being read, that receive is forgotten and
 * the one thread that frees pipes waits for it for ever (see lk_hang_up). So a write to a dead
 * connection succeeds: its bytes are lost as they would be in the kernel's buffer, and nng finds
 * the end of the stream by reading.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Messages never begin like this: their first bytes are a length, or a 1. */
static bool is_handshake(const struct msghdr *message)
{
	return message->msg_iovlen == 1 && message->msg_iov[0].iov_len == 8 &&
	       memcmp(message->msg_iov[0].iov_base, "\0SP", 4) == 0;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t n = syscall(SYS_sendmsg, fd, message, flags);

	if (n >= 0 || (errno != EPIPE && errno != ECONNRESET))
		return n;
	if (is_handshake(message)) {
		errno = ECONNRESET;
		return -1;
	}
	n = 0;
	for (size_t i = 0; i < message->msg_iovlen; i++)
		n += (ssize_t)message->msg_iov[i].iov_len;
	return n;
}
