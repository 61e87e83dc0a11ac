/* SPDX-License-Identifier: MIT */
#include "tests/support/listening.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/support/check.h"

unsigned listening_rounds(unsigned otherwise)
{
	const char *text = getenv("LK_TEST_ROUNDS");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

struct lk_buf listening_call(const char *text)
{
	struct echo_call one = ECHO_CALL(ECHO_FAST, 1, "one", text);
	struct lk_buf frame;

	lk_buf_init(&frame, LK_REQUEST_FRAME_MAX);
	echo_put_frame(&frame, LK_LANE_FAST, "good", &one, 1);
	return frame;
}

void listening_open(struct listening *l, struct lk_net_options options)
{
	struct lk_server_options server_options = echo_options();
	struct lk_buf probe = listening_call("probe");
	struct lk_net_address addresses[N_ADDRESSES] = {
		{ .url = "tcp://127.0.0.1:0" },
		{ .url = l->url[IPC], .is_operator = true },
	};

	snprintf(l->directory, sizeof l->directory, "/tmp/lk_listener_XXXXXX");
	CHECK(mkdtemp(l->directory) != NULL);
	snprintf(l->path, sizeof l->path, "%s/rpc.sock", l->directory);
	snprintf(l->url[IPC], sizeof l->url[IPC], "ipc://%s", l->path);
	CHECK_OK(lk_server_new(&server_options, &l->server));
	options.server = l->server;
	options.addresses = addresses;
	options.n_addresses = N_ADDRESSES;
	if (options.probe.n > 0)
		options.probe = (struct lk_bytes) { probe.data, probe.n };
	CHECK_OK(lk_net_start(&options, &l->net));
	lk_buf_fini(&probe); /* the listeners have their own */
	l->at[TCP] = (struct sp_address) { .port = lk_net_port(l->net, TCP) };
	l->at[IPC] = (struct sp_address) { .path = l->path };
	snprintf(l->url[TCP], sizeof l->url[TCP], "tcp://127.0.0.1:%u", l->at[TCP].port);
}

void listening_close(struct listening *l)
{
	char lock[128];

	CHECK(lk_server_drain(l->server, 60000));
	lk_net_stop(l->net);
	lk_server_free(l->server);
	snprintf(lock, sizeof lock, "%s.lock", l->path);
	unlink(lock);
	rmdir(l->directory);
}

bool listening_call_on(int fd, const struct sp_address *address, const char *text)
{
	uint8_t reply[1024];
	struct echo_replies replies;
	struct lk_buf frame = listening_call(text);
	uint32_t id = 0;
	ssize_t n = -1;

	if (sp_send(fd, address, 0, 0x80000007, (struct lk_bytes) { frame.data, frame.n }))
		n = sp_receive(fd, address, &id, reply, sizeof reply);
	lk_buf_fini(&frame);
	if (n < 0)
		return false;
	CHECK_EQ(id, 0x80000007);
	echo_read_replies((struct lk_bytes) { reply, (size_t)n }, &replies);
	CHECK_STR(replies.replies[0].text, text);
	return true;
}

bool listening_call_at(const struct sp_address *address)
{
	int fd = sp_open(address);
	bool was_answered = fd >= 0 && listening_call_on(fd, address, "hello");

	if (fd >= 0)
		close(fd);
	return was_answered;
}
