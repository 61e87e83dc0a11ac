/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/net/net_priv.h"

typedef int (*name_fn)(int fd, struct sockaddr *address, socklen_t *n);

/* The local or the remote address of a tcp socket; false for anything else. */
static bool name_of(int fd, name_fn get_name, struct lk_pipe_address *address_out)
{
	union {
		struct sockaddr base;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name = { .v6 = { .sin6_family = AF_UNSPEC } };
	socklen_t n = sizeof name;

	*address_out = (struct lk_pipe_address) { .port = 0 };
	if (get_name(fd, &name.base, &n) != 0)
		return false;
	if (name.base.sa_family == AF_INET) {
		memset(address_out->host + 10, 0xff, 2);
		memcpy(address_out->host + 12, &name.v4.sin_addr, 4);
		address_out->port = name.v4.sin_port;
	} else if (name.base.sa_family == AF_INET6) {
		memcpy(address_out->host, &name.v6.sin6_addr, 16);
		address_out->port = name.v6.sin6_port;
	}
	return name.base.sa_family == AF_INET || name.base.sa_family == AF_INET6;
}

static bool is_ours(const struct lk_net *net, int fd)
{
	struct lk_pipe_address local;

	if (!name_of(fd, getsockname, &local))
		return false;
	for (size_t i = 0; i < net->n_endpoints; i++)
		if (!net->endpoints[i].is_ipc && htons(net->endpoints[i].port) == local.port)
			return true;
	return false;
}

static void hang_up_if_listed(
	const struct lk_net *net, int fd, const struct lk_pipe_address *addresses, size_t n)
{
	struct lk_pipe_address remote;

	if (!name_of(fd, getpeername, &remote))
		return;
	for (size_t i = 0; i < n; i++) {
		if (remote.port != addresses[i].port ||
			memcmp(remote.host, addresses[i].host, sizeof remote.host) != 0)
			continue;
		if (is_ours(net, fd))
			shutdown(fd, SHUT_RD);
		return;
	}
}

/* nng does not tell a pipe's descriptor, so all of ours are looked at. A descriptor that is
 * closed and used again meanwhile still has to be a connection of that very peer with us. */
void lk_hang_up(const struct lk_net *net, const struct lk_pipe_address *addresses, size_t n)
{
	const struct dirent *entry;

	if (n == 0)
		return;
	rewinddir(net->descriptors);
	while ((entry = readdir(net->descriptors)) != NULL)
		if (entry->d_name[0] != '.')
			hang_up_if_listed(net, (int)strtol(entry->d_name, NULL, 10), addresses, n);
}
