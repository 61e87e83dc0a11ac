/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/net/net_priv.h"

#define TCP "tcp://"
#define IPC "ipc://"

bool lk_tcp_split(const char *url, char host[64], uint16_t *port_out)
{
	const char *start, *colon;
	unsigned long port;
	size_t n;
	char *end;

	if (strncmp(url, TCP, strlen(TCP)) != 0)
		return false;
	start = url + strlen(TCP);
	colon = strrchr(start, ':');
	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	n = (size_t)(colon - start);
	if (n >= 2 && start[0] == '[' && start[n - 1] == ']') {
		start++;
		n -= 2;
	}
	if (*end != '\0' || port > UINT16_MAX || n == 0 || n > 63)
		return false;
	memcpy(host, start, n);
	host[n] = '\0';
	*port_out = (uint16_t)port;
	return true;
}

bool lk_host_is_loopback(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

const char *lk_ipc_path(const char *url)
{
	return strncmp(url, IPC, strlen(IPC)) == 0 ? url + strlen(IPC) : NULL;
}

static struct lk_status check_directory(const char *directory)
{
	struct stat info;

	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return LK_ERR(LK_FAILED_PRECONDITION,
			"the directory of the ipc socket cannot be created");
	/* Not through a link: whoever may change it could lead us elsewhere. */
	if (lstat(directory, &info) != 0 || !S_ISDIR(info.st_mode))
		return LK_ERR(LK_FAILED_PRECONDITION,
			"the directory of the ipc socket is not a directory");
	if (info.st_uid != geteuid() || (info.st_mode & 077) != 0)
		return LK_ERR(LK_FAILED_PRECONDITION,
			"the directory of the ipc socket must be ours and have mode 0700");
	return LK_SUCCESS;
}

struct lk_status lk_ipc_lock(const char *path, int *lock_out)
{
	const char *slash = strrchr(path, '/');
	char name[PATH_MAX];
	int lock;

	/* One byte is for the NUL; nng cuts longer paths silently. */
	if (slash == NULL || slash == path || slash[1] == '\0' ||
		strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return LK_ERR(LK_INVALID_ARGUMENT, "the path of the ipc socket cannot be used");
	snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
	LK_TRY(check_directory(name));
	snprintf(name, sizeof name, "%s.lock", path);
	lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return LK_ERR(
			LK_FAILED_PRECONDITION, "the lock of the ipc socket cannot be opened");
	if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		close(lock);
		return LK_ERR(LK_ALREADY_EXISTS, "another process serves this ipc socket");
	}
	*lock_out = lock;
	return LK_SUCCESS;
}
