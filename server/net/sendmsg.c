/* SPDX-License-Identifier: MIT */
/* sendmsg for nng 1.5.2, linked into executables that listen.
 *
 * When a peer is gone before nng's handshake is sent, sendmsg fails with EPIPE. nng takes EPIPE
 * for "my own listener was closed" and never accepts again (fixed upstream in 1.6.0, #1518). It
 * takes ECONNRESET for what it is: the peer's doing. An executable's symbols come before those
 * of libc, so libnng finds this sendmsg.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t n = syscall(SYS_sendmsg, fd, message, flags);

	if (n < 0 && errno == EPIPE)
		errno = ECONNRESET;
	return n;
}
