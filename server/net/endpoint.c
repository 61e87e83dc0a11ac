/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/net/net_priv.h"

#define NO_SOCKET LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the socket")
#define URL_MAX 256

/* --- pipes --- */

/* False when it is neither IPv4 nor IPv6. */
static bool tcp_address_of(nng_pipe pipe, struct lk_pipe_address *address_out)
{
	nng_sockaddr remote = { .s_family = NNG_AF_UNSPEC };

	if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &remote) != 0)
		return false;
	if (remote.s_family == NNG_AF_INET) {
		/* As an IPv4-mapped IPv6 address. */
		memset(address_out->host + 10, 0xff, 2);
		memcpy(address_out->host + 12, &remote.s_in.sa_addr, 4);
		address_out->port = remote.s_in.sa_port;
	} else if (remote.s_family == NNG_AF_INET6) {
		memcpy(address_out->host, remote.s_in6.sa_addr, 16);
		address_out->port = remote.s_in6.sa_port;
	} else {
		return false;
	}
	return true;
}

/* The socket's file mode keeps others out already; this is the second lock on that door. */
static bool is_foreign(nng_pipe pipe)
{
	uint64_t uid;

	return nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) != 0 ||
	       (uid != 0 && uid != (uint64_t)geteuid());
}

/* Above the caps the self-check must still get through, or whoever fills them could have the
 * listener made anew, and everyone cut off. So it is not counted at all. */
static bool is_own_ipc_probe(nng_pipe pipe)
{
	uint64_t pid;

	return nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_PID, &pid) == 0 &&
	       pid == (uint64_t)getpid();
}

static bool may_connect(const struct lk_endpoint *endpoint, nng_pipe pipe)
{
	struct lk_net *net = endpoint->net;
	struct lk_pipe_address address = { .port = 0 };
	uint32_t id = (uint32_t)nng_pipe_id(pipe);

	if (atomic_load(&net->is_closing))
		return false;
	if (endpoint->is_ipc)
		return !is_foreign(pipe) &&
		       (lk_pipes_add(net->pipes, id, &address) || is_own_ipc_probe(pipe));
	if (!tcp_address_of(pipe, &address))
		return false;
	return address.port == atomic_load(&net->probe_port) ||
	       lk_pipes_add(net->pipes, id, &address);
}

static void admit_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct lk_endpoint *endpoint = arg;

	(void)event;
	atomic_fetch_add(&endpoint->net->pipes_made, 1);
	if (may_connect(endpoint, pipe)) {
		atomic_fetch_add(&endpoint->net->pipes_accepted, 1);
	} else {
		atomic_fetch_add(&endpoint->net->pipes_refused, 1);
		nng_pipe_close(pipe);
	}
}

static void forget_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct lk_endpoint *endpoint = arg;

	(void)event;
	atomic_fetch_add(&endpoint->net->pipes_freed, 1);
	lk_pipes_remove(endpoint->net->pipes, (uint32_t)nng_pipe_id(pipe));
}

/* --- listening --- */

static struct lk_status limit_messages(nng_listener listener)
{
	size_t limit = 0;

	/* Without the limit sixteen bytes from anybody abort the process, so it is read back. */
	if (nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, LK_NET_MESSAGE_MAX) != 0 ||
		nng_listener_get_size(listener, NNG_OPT_RECVMAXSZ, &limit) != 0 ||
		limit != LK_NET_MESSAGE_MAX)
		return LK_ERR(LK_FAILED_PRECONDITION, "the receive limit does not hold");
	return LK_SUCCESS;
}

static struct lk_status set_listener_options(
	const struct lk_endpoint *endpoint, nng_listener listener)
{
	int rv = 0;

	LK_TRY(limit_messages(listener));
	if (endpoint->is_ipc) {
		rv = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
	} else {
		rv = nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true);
		if (rv == 0)
			rv = nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true);
	}
	return rv == 0 ? LK_SUCCESS
		       : LK_ERR(LK_FAILED_PRECONDITION, "an option of the listener does not hold");
}

static struct lk_status listen_on(struct lk_endpoint *endpoint)
{
	nng_listener listener;
	struct lk_status st;
	int rv, port = 0;

	if (nng_listener_create(&listener, endpoint->socket, endpoint->url) != 0)
		return LK_ERR(LK_INVALID_ARGUMENT, "the address cannot be used");
	st = set_listener_options(endpoint, listener);
	rv = st.code == LK_OK ? nng_listener_start(listener, 0) : 0;
	if (rv == NNG_EADDRINUSE)
		st = LK_ERR(LK_ALREADY_EXISTS, "another process serves this address");
	else if (rv != 0)
		st = LK_ERR(LK_UNAVAILABLE, "the address cannot be bound");
	if (st.code != LK_OK) {
		nng_listener_close(listener);
		return st;
	}
	if (!endpoint->is_ipc && nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
		endpoint->port = (uint16_t)port;
	endpoint->listener = listener;
	endpoint->ticks_since_made = 0;
	return LK_SUCCESS;
}

struct lk_status lk_endpoint_recreate(struct lk_endpoint *endpoint)
{
	nng_listener_close(endpoint->listener);
	return listen_on(endpoint);
}

/* --- the endpoint --- */

static struct lk_status check_address(
	struct lk_endpoint *endpoint, const struct lk_net_address *address)
{
	const char *path = lk_ipc_path(address->url);
	char host[64];

	endpoint->is_ipc = path != NULL;
	endpoint->is_operator = address->is_operator;
	if (path != NULL)
		return lk_ipc_lock(path, &endpoint->lock);
	if (!lk_tcp_split(address->url, host, &endpoint->port))
		return LK_ERR(LK_INVALID_ARGUMENT, "an address is tcp://HOST:PORT or ipc://PATH");
	if (address->is_operator)
		return LK_ERR(LK_INVALID_ARGUMENT, "only an ipc address gives operator rights");
	if (!lk_host_is_loopback(host) && !address->plaintext_ok)
		return LK_ERR(LK_INVALID_ARGUMENT,
			"tcp beyond the loopback is plaintext and has to be allowed");
	return LK_SUCCESS;
}

static struct lk_status open_socket(struct lk_endpoint *endpoint)
{
	if (nng_rep0_open(&endpoint->socket) != 0)
		return NO_SOCKET;
	endpoint->has_socket = true;
	/* One hop: there are no devices between a client and us. */
	if (nng_socket_set_size(endpoint->socket, NNG_OPT_RECVMAXSZ, LK_NET_MESSAGE_MAX) != 0 ||
		nng_socket_set_int(endpoint->socket, NNG_OPT_MAXTTL, 1) != 0 ||
		nng_pipe_notify(endpoint->socket, NNG_PIPE_EV_ADD_PRE, admit_pipe, endpoint) != 0 ||
		nng_pipe_notify(endpoint->socket, NNG_PIPE_EV_REM_POST, forget_pipe, endpoint) != 0)
		return NO_SOCKET;
	return LK_SUCCESS;
}

/* A listener that is made anew keeps the port that the system chose. */
static void fix_port(struct lk_endpoint *endpoint)
{
	char *colon = endpoint->is_ipc ? NULL : strrchr(endpoint->url, ':');

	if (colon != NULL)
		snprintf(colon, URL_MAX - (size_t)(colon - endpoint->url), ":%u", endpoint->port);
}

struct lk_status lk_endpoint_open(
	struct lk_endpoint *endpoint, struct lk_net *net, const struct lk_net_address *address)
{
	endpoint->net = net;
	endpoint->lock = -1;
	atomic_store(&endpoint->is_healthy, true);
	endpoint->url = lk_alloc(URL_MAX);
	if (endpoint->url == NULL)
		return NO_SOCKET;
	if (snprintf(endpoint->url, URL_MAX, "%s", address->url) >= URL_MAX - 6)
		return LK_ERR(LK_INVALID_ARGUMENT, "an address is too long");
	LK_TRY(check_address(endpoint, address));
	LK_TRY(open_socket(endpoint));
	LK_TRY(listen_on(endpoint));
	fix_port(endpoint);
	return lk_contexts_open(endpoint);
}

void lk_endpoint_close(struct lk_endpoint *endpoint)
{
	if (endpoint->has_socket)
		nng_close(endpoint->socket);
	lk_contexts_close(endpoint);
	if (endpoint->lock >= 0)
		close(endpoint->lock);
	lk_free(endpoint->url);
}
