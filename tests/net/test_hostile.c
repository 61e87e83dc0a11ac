/* SPDX-License-Identifier: MIT */
/* Listeners under broken and hostile peers. LK_TEST_ROUNDS makes the campaign longer. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/support/listening.h"

static struct lk_bytes bytes_of(const struct lk_buf *buf)
{
	return (struct lk_bytes) { buf->data, buf->n };
}

/* --- peers that leave at the wrong moment --- */

static void leave_at_once(const struct sp_address *address, unsigned i)
{
	int fd = sp_connect(address);

	CHECK(fd >= 0);
	if (i % 3 == 1)
		shutdown(fd, SHUT_WR);
	if (i % 3 == 2)
		CHECK_EQ(send(fd, "\0SP\0", 4, MSG_NOSIGNAL), 4);
	sp_abort(fd);
}

TEST(peers_that_leave_during_the_handshake_do_not_stop_the_listener)
{
	unsigned n = listening_rounds(1000);
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		int established = sp_open(&l.at[i]);

		CHECK(established >= 0);
		for (unsigned k = 0; k < n; k++)
			leave_at_once(&l.at[i], k);
		CHECK(listening_call_on(established, &l.at[i], "still here"));
		CHECK(listening_call_at(&l.at[i]));
		close(established);
	}
	CHECK_EQ(lk_net_stats(l.net).listeners_recreated, 0);
	listening_close(&l);
}

/* --- messages that are none --- */

TEST(any_length_in_a_head_leaves_the_server_alive)
{
	static const uint64_t lengths[] = { 0, 1, 3, 65536, 65537, UINT64_C(1) << 31,
		UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX - 32, UINT64_MAX - 31,
		UINT64_MAX };
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		for (size_t k = 0; k < LK_COUNT(lengths); k++) {
			int fd = sp_open(&l.at[i]);

			CHECK(sp_send_length(fd, &l.at[i], lengths[k]));
			if (lengths[k] > LK_NET_MESSAGE_MAX)
				CHECK(sp_await_close(fd));
			close(fd);
			CHECK(listening_call_at(&l.at[i]));
		}
	}
	listening_close(&l);
}

TEST(the_largest_message_is_answered_and_one_byte_more_is_not)
{
	static uint8_t payload[LK_NET_MESSAGE_MAX];
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		struct lk_bytes frame = { payload, sizeof payload - 4 };
		int fd = sp_open(&l.at[i]);
		uint8_t reply[1024];
		uint32_t id;

		CHECK(sp_send(fd, &l.at[i], 0, 0x80000001, frame));
		CHECK(sp_receive(fd, &l.at[i], &id, reply, sizeof reply) > 0);
		frame.n++;
		(void)sp_send(fd, &l.at[i], 0, 0x80000001, frame);
		CHECK(sp_await_close(fd));
		close(fd);
	}
	listening_close(&l);
}

TEST(a_backtrace_of_more_than_one_hop_is_not_answered)
{
	static const unsigned hops[] = { 1, 2, 15, 16, 100 };
	struct lk_buf frame = listening_call("hops");
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < LK_COUNT(hops); i++) {
		uint64_t before = lk_net_stats(l.net).frames;
		int fd = sp_open(&l.at[TCP]);

		CHECK(sp_send(fd, &l.at[TCP], hops[i], 0x80000001, bytes_of(&frame)));
		/* What follows is answered, or the connection is gone; the frame never was one. */
		(void)listening_call_on(fd, &l.at[TCP], "next");
		CHECK(lk_net_stats(l.net).frames <= before + 1);
		close(fd);
		CHECK(listening_call_at(&l.at[TCP]));
	}
	lk_buf_fini(&frame);
	listening_close(&l);
}

TEST(three_malformed_frames_in_a_row_close_the_pipe)
{
	struct lk_bytes garbage = { (const uint8_t *)"garbage", 7 };
	uint8_t reply[1024];
	struct listening l;
	uint32_t id;
	int fd;

	listening_open(&l, (struct lk_net_options) { .interval_ms = 5 });
	fd = sp_open(&l.at[TCP]);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(sp_send(fd, &l.at[TCP], 0, 0x80000001, garbage));
		CHECK(sp_receive(fd, &l.at[TCP], &id, reply, sizeof reply) > 0);
	}
	CHECK(listening_call_on(fd, &l.at[TCP], "a good one in between"));
	for (unsigned i = 0; i < 3; i++)
		CHECK(sp_send(fd, &l.at[TCP], 0, 0x80000001, garbage));
	CHECK(sp_await_close(fd));
	close(fd);
	CHECK(lk_net_stats(l.net).pipes_ended >= 1);
	CHECK_EQ(lk_net_stats(l.net).frames_malformed, 5);
	CHECK(listening_call_at(&l.at[TCP]));
	listening_close(&l);
}

/* --- too many --- */

TEST(a_remote_address_has_so_many_connections_and_no_more)
{
	struct listening l;
	int fds[4];

	listening_open(&l, (struct lk_net_options) { .pipes_per_address_max = LK_COUNT(fds) });
	for (size_t i = 0; i < LK_COUNT(fds); i++) {
		fds[i] = sp_open(&l.at[TCP]);
		CHECK(listening_call_on(fds[i], &l.at[TCP], "let in"));
	}
	CHECK(!listening_call_at(&l.at[TCP]));
	CHECK_EQ(lk_net_stats(l.net).pipes_refused, 1);
	CHECK(listening_call_at(&l.at[IPC]));
	CHECK(listening_call_on(fds[0], &l.at[TCP], "undisturbed"));
	close(fds[0]);
	AWAIT(lk_net_stats(l.net).pipes == LK_COUNT(fds) - 1);
	CHECK(listening_call_at(&l.at[TCP]));
	for (size_t i = 1; i < LK_COUNT(fds); i++)
		close(fds[i]);
	listening_close(&l);
}

TEST(all_addresses_together_have_so_many_connections_and_no_more)
{
	struct listening l;
	int fds[3];

	listening_open(&l, (struct lk_net_options) { .pipes_max = LK_COUNT(fds) });
	for (size_t i = 0; i < LK_COUNT(fds); i++) {
		fds[i] = sp_open(&l.at[TCP]);
		CHECK(listening_call_on(fds[i], &l.at[TCP], "let in"));
	}
	CHECK(!listening_call_at(&l.at[TCP]));
	CHECK(listening_call_on(fds[2], &l.at[TCP], "undisturbed"));
	for (size_t i = 0; i < LK_COUNT(fds); i++)
		close(fds[i]);
	listening_close(&l);
}

TEST(the_self_check_gets_through_when_every_place_is_taken)
{
	struct lk_net_options options = PROBED;
	struct listening l;
	int fd;

	options.pipes_max = 1;
	options.interval_ms = 50;
	listening_open(&l, options);
	fd = sp_open(&l.at[TCP]);
	AWAIT(lk_net_stats(l.net).pipes == 1);
	AWAIT(lk_net_stats(l.net).frames >= 8);
	CHECK(!listening_call_at(&l.at[TCP]));
	CHECK_EQ(lk_net_stats(l.net).checks_failed, 0);
	CHECK(lk_net_is_healthy(l.net));
	close(fd);
	listening_close(&l);
}

TEST(a_pipe_with_too_many_frames_under_way_is_closed)
{
	struct echo_call slow = ECHO_CALL(ECHO_HASH, 1, "one", "wait");
	struct lk_buf frame;
	struct listening l;
	int fd;

	listening_open(&l, (struct lk_net_options) { .frames_per_pipe_max = 4, .interval_ms = 5 });
	lk_buf_init(&frame, LK_REQUEST_FRAME_MAX);
	echo_put_frame(&frame, LK_LANE_HASH, "good", &slow, 1);
	echo_close_gate();
	fd = sp_open(&l.at[TCP]);
	for (uint32_t i = 0; i < 5; i++)
		CHECK(sp_send(fd, &l.at[TCP], 0, 0x80000000 + i, bytes_of(&frame)));
	CHECK(sp_await_close(fd));
	echo_open_gate();
	lk_buf_fini(&frame);
	close(fd);
	CHECK(listening_call_at(&l.at[TCP]));
	listening_close(&l);
}

TEST(running_out_of_descriptors_does_not_stop_the_listener)
{
	enum { MANY = 300 };
	static int fds[MANY];
	struct rlimit limit, low;
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 256;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (size_t i = 0; i < MANY; i++)
		fds[i] = sp_connect(&l.at[i % N_ADDRESSES]);
	CHECK(fds[MANY - 1] < 0);
	for (size_t i = 0; i < MANY; i++)
		if (fds[i] >= 0)
			sp_abort(fds[i]);
	for (size_t i = 0; i < N_ADDRESSES; i++)
		CHECK(listening_call_at(&l.at[i]));
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	listening_close(&l);
}

/* --- too slow, too silent --- */

TEST(slow_lanes_never_keep_fast_calls_waiting)
{
	enum { SLOW = 150 };
	struct echo_call slow = ECHO_CALL(ECHO_HASH, 1, "one", "wait");
	struct lk_buf frame;
	struct listening l;
	int fd;

	listening_open(&l, (struct lk_net_options) { 0 });
	lk_buf_init(&frame, LK_REQUEST_FRAME_MAX);
	echo_put_frame(&frame, LK_LANE_HASH, "good", &slow, 1);
	echo_close_gate();
	fd = sp_open(&l.at[TCP]);
	for (uint32_t i = 0; i < SLOW; i++)
		CHECK(sp_send(fd, &l.at[TCP], 0, 0x80000000 + i, bytes_of(&frame)));
	echo_await_arrivals(1);
	for (unsigned i = 0; i < 100; i++)
		CHECK(listening_call_at(&l.at[TCP]));
	echo_open_gate();
	lk_buf_fini(&frame);
	close(fd);
	listening_close(&l);
}

/* Asks for large answers and reads none. */
static int open_slow_reader(const struct sp_address *address)
{
	struct echo_call large = ECHO_CALL(ECHO_FAST, 1, "one", "half");
	int small = 4096, fd = sp_open(address);
	struct lk_buf frame;

	CHECK(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	lk_buf_init(&frame, LK_REQUEST_FRAME_MAX);
	echo_put_frame(&frame, LK_LANE_FAST, "good", &large, 1);
	for (uint32_t i = 0; i < 60; i++)
		if (!sp_send(fd, address, 0, 0x80000000 + i, bytes_of(&frame)))
			break;
	lk_buf_fini(&frame);
	return fd;
}

TEST(peers_that_do_not_read_are_ended_and_keep_nobody_out)
{
	enum { SLOW = 8 };
	struct listening l;
	int fds[SLOW];

	listening_open(&l, (struct lk_net_options) { .reply_timeout_ms = 100, .interval_ms = 5 });
	for (size_t i = 0; i < SLOW; i++)
		fds[i] = open_slow_reader(&l.at[TCP]);
	while (lk_net_stats(l.net).pipes_ended < SLOW)
		CHECK(listening_call_at(&l.at[TCP]));
	/* All are freed, and so is what comes later: nng's reaper is alive. */
	AWAIT(lk_net_stats(l.net).pipes == 0);
	for (size_t i = 0; i < SLOW; i++)
		close(fds[i]);
	for (unsigned i = 0; i < 100; i++)
		CHECK(listening_call_at(&l.at[TCP]));
	AWAIT(lk_net_stats(l.net).pipes == 0);
	listening_close(&l);
}

/* Sends frames in small pieces for ever, so that nng is always in the middle of one. */
static void *dribble(void *arg)
{
	struct lk_buf frame = listening_call("dribble");
	const struct sp_address *address = arg;
	int fd = sp_open(address);
	bool goes_on = fd >= 0;

	while (goes_on) {
		goes_on = sp_send_length(fd, address, 4 + frame.n) &&
			  send(fd, "\200\0\0\1", 4, MSG_NOSIGNAL) == 4;
		for (size_t i = 0; i < frame.n && goes_on; i++)
			goes_on = send(fd, frame.data + i, 1, MSG_NOSIGNAL) == 1;
	}
	if (fd >= 0)
		close(fd);
	lk_buf_fini(&frame);
	return NULL;
}

TEST(ending_peers_in_the_middle_of_a_message_does_not_stop_nng_from_freeing_pipes)
{
	struct listening l;

	listening_open(&l, (struct lk_net_options) { .interval_ms = 5 });
	for (unsigned i = 0; i < listening_rounds(6); i++) {
		pthread_t threads[8];

		for (size_t k = 0; k < LK_COUNT(threads); k++)
			CHECK_EQ(pthread_create(&threads[k], NULL, dribble, &l.at[TCP]), 0);
		AWAIT(lk_net_stats(l.net).pipes >= LK_COUNT(threads) / 2);
		lk_pipes_condemn_all(l.net->pipes);
		for (size_t k = 0; k < LK_COUNT(threads); k++)
			pthread_join(threads[k], NULL);
		AWAIT(lk_net_stats(l.net).pipes == 0);
	}
	CHECK(listening_call_at(&l.at[TCP]));
	listening_close(&l);
}

/* Asks for large answers in small pieces, reads none, and leaves in the middle of a question. */
static void *leave_halfway(void *arg)
{
	struct echo_call large = ECHO_CALL(ECHO_FAST, 1, "one", "half");
	const struct sp_address *address = arg;
	struct lk_buf frame;

	lk_buf_init(&frame, LK_REQUEST_FRAME_MAX);
	echo_put_frame(&frame, LK_LANE_FAST, "good", &large, 1);
	for (unsigned i = listening_rounds(100); i > 0; i--) {
		int fd = sp_open(address);

		for (unsigned k = 0; fd >= 0 && k < i % 6 + 1; k++)
			if (!sp_send(fd, address, 0, 0x80000001, bytes_of(&frame)))
				break;
		if (fd >= 0 && sp_send_length(fd, address, 4 + frame.n))
			(void)send(fd, "\200\0", 2, MSG_NOSIGNAL);
		if (fd >= 0)
			sp_abort(fd);
	}
	lk_buf_fini(&frame);
	return NULL;
}

TEST(peers_that_leave_in_the_middle_of_a_message_do_not_stop_nng_from_freeing_pipes)
{
	pthread_t threads[4];
	struct listening l;

	listening_open(&l, (struct lk_net_options) { .pipes_per_address_max = 1000 });
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, leave_halfway, &l.at[TCP]), 0);
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	AWAIT(lk_net_stats(l.net).pipes == 0);
	CHECK(listening_call_at(&l.at[TCP]));
	AWAIT(lk_net_stats(l.net).pipes == 0);
	listening_close(&l);
}

TEST(handshakes_that_are_never_finished_do_not_keep_others_out)
{
	enum { SILENT = 200 };
	static int fds[SILENT];
	struct listening l;

	listening_open(&l, (struct lk_net_options) { 0 });
	for (size_t i = 0; i < SILENT; i++)
		fds[i] = sp_connect(&l.at[i % N_ADDRESSES]);
	for (size_t i = 0; i < N_ADDRESSES; i++)
		CHECK(listening_call_at(&l.at[i]));
	for (size_t i = 0; i < SILENT; i++)
		close(fds[i]);
	listening_close(&l);
}

TEST(pipes_that_never_send_are_closed_over_tcp_only)
{
	struct listening l;
	int tcp, ipc;

	listening_open(&l, (struct lk_net_options) { .interval_ms = 5, .silent_ms = 20 });
	ipc = sp_open(&l.at[IPC]);
	tcp = sp_open(&l.at[TCP]);
	CHECK(sp_await_close(tcp));
	CHECK(listening_call_on(ipc, &l.at[IPC], "not over ipc"));
	close(tcp);
	close(ipc);
	listening_close(&l);
}

TEST(pipes_that_fall_idle_are_closed_over_tcp_only)
{
	struct listening l;
	int tcp, ipc;

	listening_open(&l, (struct lk_net_options) { .interval_ms = 5, .idle_ms = 20 });
	ipc = sp_open(&l.at[IPC]);
	tcp = sp_open(&l.at[TCP]);
	CHECK(listening_call_on(ipc, &l.at[IPC], "once"));
	CHECK(listening_call_on(tcp, &l.at[TCP], "once"));
	CHECK(sp_await_close(tcp));
	CHECK(listening_call_on(ipc, &l.at[IPC], "not over ipc"));
	close(tcp);
	close(ipc);
	listening_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(peers_that_leave_during_the_handshake_do_not_stop_the_listener),
		RUN(any_length_in_a_head_leaves_the_server_alive),
		RUN(the_largest_message_is_answered_and_one_byte_more_is_not),
		RUN(a_backtrace_of_more_than_one_hop_is_not_answered),
		RUN(three_malformed_frames_in_a_row_close_the_pipe),
		RUN(a_remote_address_has_so_many_connections_and_no_more),
		RUN(all_addresses_together_have_so_many_connections_and_no_more),
		RUN(the_self_check_gets_through_when_every_place_is_taken),
		RUN(a_pipe_with_too_many_frames_under_way_is_closed),
		RUN(running_out_of_descriptors_does_not_stop_the_listener),
		RUN(slow_lanes_never_keep_fast_calls_waiting),
		RUN(peers_that_do_not_read_are_ended_and_keep_nobody_out),
		RUN(ending_peers_in_the_middle_of_a_message_does_not_stop_nng_from_freeing_pipes),
		RUN(peers_that_leave_in_the_middle_of_a_message_do_not_stop_nng_from_freeing_pipes),
		RUN(handshakes_that_are_never_finished_do_not_keep_others_out),
		RUN(pipes_that_never_send_are_closed_over_tcp_only),
		RUN(pipes_that_fall_idle_are_closed_over_tcp_only),
	};

	return RUN_ALL(tests);
}
