/* SPDX-License-Identifier: MIT */
/* Who may listen where, who may enter, and how listeners start, stop and recover. */
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/support/listening.h"

TEST(a_client_of_nng_is_answered_over_every_address)
{
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		struct lk_buf frame = listening_call("by nng");
		struct echo_replies replies;
		nng_socket socket;
		nng_msg *msg;

		CHECK_EQ(nng_req0_open(&socket), 0);
		CHECK_EQ(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 20000), 0);
		CHECK_EQ(nng_dial(socket, l.url[i], NULL, 0), 0);
		CHECK_EQ(nng_send(socket, frame.data, frame.n, 0), 0);
		CHECK_EQ(nng_recvmsg(socket, &msg, 0), 0);
		echo_read_replies(
			(struct lk_bytes) { nng_msg_body(msg), nng_msg_len(msg) }, &replies);
		CHECK_STR(replies.replies[0].text, "by nng");
		nng_msg_free(msg);
		nng_close(socket);
		lk_buf_fini(&frame);
	}
	listening_close(&l);
}

static enum lk_code call_without_credential(const struct sp_address *address)
{
	struct echo_call one = ECHO_CALL(ECHO_FAST, 1, "two", "a");
	int fd = sp_open(address);
	struct echo_replies replies;
	uint8_t reply[1024];
	struct lk_buf frame;
	uint32_t id;
	ssize_t n;

	lk_buf_init(&frame, LK_REQUEST_FRAME_MAX);
	echo_put_frame(&frame, LK_LANE_FAST, NULL, &one, 1);
	CHECK(sp_send(fd, address, 0, 0x80000001, (struct lk_bytes) { frame.data, frame.n }));
	n = sp_receive(fd, address, &id, reply, sizeof reply);
	CHECK(n > 0);
	echo_read_replies((struct lk_bytes) { reply, (size_t)n }, &replies);
	lk_buf_fini(&frame);
	close(fd);
	return replies.replies[0].code;
}

TEST(the_operator_socket_needs_no_credential_and_tcp_does)
{
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	CHECK_EQ(call_without_credential(&l.at[TCP]), LK_UNAUTHENTICATED);
	CHECK_EQ(call_without_credential(&l.at[IPC]), LK_OK);
	listening_close(&l);
}

TEST(the_same_frame_sent_twice_is_answered_twice)
{
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		int fd = sp_open(&l.at[i]);

		CHECK(listening_call_on(fd, &l.at[i], "same"));
		CHECK(listening_call_on(fd, &l.at[i], "same"));
		close(fd);
	}
	listening_close(&l);
}

/* --- who may enter --- */

static unsigned mode_of(const char *path)
{
	struct stat info;

	CHECK_EQ(lstat(path, &info), 0);
	return info.st_mode & 07777;
}

TEST(the_ipc_socket_is_ours_alone)
{
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	CHECK_EQ(mode_of(l.directory), 0700);
	CHECK_EQ(mode_of(l.path), 0600);
	listening_close(&l);
}

/* Starts and stops listeners; returns the status of starting. */
static struct lk_status try_start(struct lk_net_options options, struct lk_net_address address)
{
	struct lk_server_options server_options = echo_options();
	struct lk_server *server;
	struct lk_net *net = NULL;
	struct lk_status st;

	CHECK_OK(lk_server_new(&server_options, &server));
	options.server = server;
	options.addresses = &address;
	options.n_addresses = 1;
	st = lk_net_start(&options, &net);
	lk_net_stop(net);
	lk_server_free(server);
	return st;
}

static struct lk_status try_url(const char *url)
{
	return try_start((struct lk_net_options) { 0 }, (struct lk_net_address) { .url = url });
}

TEST(an_ipc_directory_that_others_can_enter_is_refused)
{
	static const mode_t modes[] = { 0701, 0702, 0704, 0710, 0720, 0740, 0777 };
	char directory[] = "/tmp/lk_listener_XXXXXX", url[160], inner[64], path[96];

	CHECK(mkdtemp(directory) != NULL);
	snprintf(url, sizeof url, "ipc://%s/rpc.sock", directory);
	for (size_t i = 0; i < LK_COUNT(modes); i++) {
		CHECK_EQ(chmod(directory, modes[i]), 0);
		CHECK_CODE(try_url(url), LK_FAILED_PRECONDITION);
	}
	CHECK_EQ(chmod(directory, 0700), 0);
	CHECK_OK(try_url(url));
	/* One that is missing is created. */
	snprintf(inner, sizeof inner, "%s/new", directory);
	snprintf(url, sizeof url, "ipc://%s/rpc.sock", inner);
	CHECK_OK(try_url(url));
	CHECK_EQ(mode_of(inner), 0700);
	snprintf(path, sizeof path, "%s/rpc.sock.lock", inner);
	CHECK_EQ(unlink(path) | rmdir(inner), 0);
	/* A link to a good one is not good. */
	CHECK_EQ(symlink(directory, "/tmp/lk_listener_link"), 0);
	CHECK_CODE(try_url("ipc:///tmp/lk_listener_link/rpc.sock"), LK_FAILED_PRECONDITION);
	unlink("/tmp/lk_listener_link");
	snprintf(path, sizeof path, "%s/rpc.sock.lock", directory);
	CHECK_EQ(unlink(path) | rmdir(directory), 0);
}

TEST(another_user_is_refused_even_when_every_mode_is_open)
{
	struct listening l;
	pid_t child;
	int status;

	if (geteuid() != 0)
		skip();
	listening_open(&l, (struct lk_net_options) { 0 });
	CHECK_EQ(chmod(l.directory, 0777) | chmod(l.path, 0777), 0);
	child = fork();
	if (child == 0) {
		int fd = setuid(65534) == 0 ? sp_connect(&l.at[IPC]) : -1;

		_exit(fd >= 0 && (!sp_greet(fd) || sp_await_close(fd)) ? 0 : 1);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(lk_net_stats(l.net).pipes_refused, 1);
	CHECK(listening_call_at(&l.at[IPC]));
	listening_close(&l);
}

/* --- who may listen --- */

TEST(a_second_instance_is_refused_and_the_first_goes_on)
{
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		CHECK_CODE(try_url(l.url[i]), LK_ALREADY_EXISTS);
		CHECK(listening_call_at(&l.at[i]));
	}
	listening_close(&l);
}

TEST(the_lock_alone_keeps_a_second_instance_away)
{
	char directory[] = "/tmp/lk_listener_XXXXXX", url[96], lock[96];
	int fd;

	CHECK(mkdtemp(directory) != NULL);
	snprintf(url, sizeof url, "ipc://%s/rpc.sock", directory);
	snprintf(lock, sizeof lock, "%s/rpc.sock.lock", directory);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
	CHECK_CODE(try_url(url), LK_ALREADY_EXISTS);
	close(fd);
	CHECK_OK(try_url(url));
	CHECK_EQ(unlink(lock) | rmdir(directory), 0);
}

static void bind_and_leave(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	CHECK_EQ(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	close(fd);
}

TEST(a_socket_left_by_a_crash_is_replaced)
{
	char directory[] = "/tmp/lk_listener_XXXXXX", url[96], path[64], lock[96];

	CHECK(mkdtemp(directory) != NULL);
	snprintf(path, sizeof path, "%s/rpc.sock", directory);
	snprintf(url, sizeof url, "ipc://%s", path);
	snprintf(lock, sizeof lock, "%s.lock", path);
	bind_and_leave(path);
	CHECK_OK(try_url(url));
	CHECK_EQ(unlink(lock) | rmdir(directory), 0);
}

TEST(addresses_that_would_be_open_or_unknown_are_refused)
{
	static const char *const urls[] = { "tcp://0.0.0.0:0", "tcp://192.0.2.1:8070",
		"tcp://[::]:0", "tcp://localhost:0", "tcp://127.0.0.1", "tcp://127.0.0.1:70000",
		"tcp://127.0.0.1:", "tcp://:0", "abstract://latchkey", "inproc://latchkey",
		"ws://127.0.0.1:0", "tls+tcp://127.0.0.1:0", "ipc://relative.sock",
		"ipc:///rpc.sock", "ipc:///tmp/", "" };
	struct lk_net_address wide = { .url = "tcp://0.0.0.0:0", .plaintext_ok = true };
	struct lk_net_address operated = { .url = "tcp://127.0.0.1:0", .is_operator = true };
	struct lk_net_address plain = { .url = "tcp://127.0.0.1:0" };

	for (size_t i = 0; i < LK_COUNT(urls); i++)
		CHECK_CODE(try_url(urls[i]), LK_INVALID_ARGUMENT);
	CHECK_OK(try_start((struct lk_net_options) { 0 }, wide));
	CHECK_CODE(try_start((struct lk_net_options) { 0 }, operated), LK_INVALID_ARGUMENT);
	CHECK_CODE(
		try_start((struct lk_net_options) { .contexts = 4 }, plain), LK_INVALID_ARGUMENT);
}

/* --- start, stop, recover --- */

TEST(starting_serving_and_stopping_can_be_repeated)
{
	for (unsigned i = listening_rounds(30); i > 0; i--) {
		struct lk_net_options options = PROBED;
		struct listening l;
		int left_open;

		options.interval_ms = 1;
		listening_open(&l, options);
		left_open = sp_open(&l.at[TCP]);
		for (size_t k = 0; k < N_ADDRESSES; k++)
			CHECK(listening_call_at(&l.at[k]));
		listening_close(&l);
		close(left_open);
	}
}

TEST(starting_leaves_nothing_behind_when_any_allocation_fails)
{
	struct lk_server_options server_options = echo_options();
	struct lk_net_address address = { .url = "tcp://127.0.0.1:0" };
	struct lk_net_options options = { .addresses = &address, .n_addresses = 1, .contexts = 9 };
	bool fired = true;

	for (size_t i = 0; i < LK_LANES; i++)
		server_options.lanes[i].queue = 1;
	CHECK_OK(lk_server_new(&server_options, &options.server));
	for (unsigned long nth = 1; fired; nth++) {
		struct lk_net *net = NULL;
		struct lk_status st;

		lk_alloc_fail_nth(nth);
		st = lk_net_start(&options, &net);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_net_stop(net);
	}
	lk_server_free(options.server);
}

TEST(the_self_check_asks_what_it_was_given_whatever_becomes_of_that_memory)
{
	struct lk_net_options options = PROBED;
	struct listening l;

	options.interval_ms = 5;
	listening_open(&l, options);
	AWAIT(lk_net_stats(l.net).frames >= 3 * N_ADDRESSES);
	CHECK_EQ(lk_net_stats(l.net).frames_malformed, 0);
	listening_close(&l);
}

TEST(a_listener_that_died_is_noticed_and_made_anew)
{
	struct lk_net_options options = PROBED;
	struct listening l;

	options.interval_ms = 20;
	listening_open(&l, options);
	for (size_t i = 0; i < N_ADDRESSES; i++)
		nng_listener_close(l.net->endpoints[i].listener);
	AWAIT(!lk_net_is_healthy(l.net));
	AWAIT(lk_net_is_healthy(l.net));
	for (size_t i = 0; i < N_ADDRESSES; i++)
		CHECK(listening_call_at(&l.at[i]));
	CHECK(lk_net_stats(l.net).listeners_recreated >= N_ADDRESSES);
	CHECK(lk_net_stats(l.net).checks_failed >= 3);
	listening_close(&l);
}

TEST(pipes_that_are_never_freed_are_noticed)
{
	struct lk_net_options options = PROBED;
	struct listening l;

	options.interval_ms = 5;
	listening_open(&l, options);
	AWAIT(lk_net_stats(l.net).frames >= 50);
	CHECK(lk_net_is_healthy(l.net));
	/* As if the one that frees were behind for ever. */
	nng_pipe_notify(l.net->endpoints[TCP].socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
	nng_pipe_notify(l.net->endpoints[IPC].socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
	AWAIT(!lk_net_is_healthy(l.net));
	CHECK_EQ(lk_net_stats(l.net).checks_failed, 0);
	listening_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_client_of_nng_is_answered_over_every_address),
		RUN(the_operator_socket_needs_no_credential_and_tcp_does),
		RUN(the_same_frame_sent_twice_is_answered_twice),
		RUN(the_ipc_socket_is_ours_alone),
		RUN(an_ipc_directory_that_others_can_enter_is_refused),
		RUN(another_user_is_refused_even_when_every_mode_is_open),
		RUN(a_second_instance_is_refused_and_the_first_goes_on),
		RUN(the_lock_alone_keeps_a_second_instance_away),
		RUN(a_socket_left_by_a_crash_is_replaced),
		RUN(addresses_that_would_be_open_or_unknown_are_refused),
		RUN(starting_serving_and_stopping_can_be_repeated),
		RUN(starting_leaves_nothing_behind_when_any_allocation_fails),
		RUN(pipes_that_are_never_freed_are_noticed),
		RUN(the_self_check_asks_what_it_was_given_whatever_becomes_of_that_memory),
		RUN(a_listener_that_died_is_noticed_and_made_anew),
	};

	return RUN_ALL(tests);
}
