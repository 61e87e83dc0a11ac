/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "latchkey/v1/health.pb-c.h"
#include "latchkey/v1/key.pb-c.h"
#include "server/store/store_mem.h"
#include "tests/support/check.h"
#include "tests/support/echo.h"

#define WIRES 8

/* A server and several frames under way. */
struct fixture {
	struct lk_server *server;
	struct echo_wire *wires[WIRES];
	struct lk_buf frames[WIRES];
	struct echo_replies replies;
};

static void open_with(struct fixture *f, const struct lk_server_options *options)
{
	CHECK_OK(lk_server_new(options, &f->server));
	for (size_t i = 0; i < WIRES; i++) {
		f->wires[i] = echo_wire_new(f->server);
		lk_buf_init(&f->frames[i], LK_REQUEST_FRAME_MAX);
	}
}

/* One worker and one place in the queue of every lane. */
static void open_fixture(struct fixture *f)
{
	struct lk_server_options options = echo_options();

	for (size_t i = 0; i < LK_LANES; i++)
		options.lanes[i] = (struct lk_lane_size) { .workers = 1, .queue = 1 };
	open_with(f, &options);
}

static void close_fixture(struct fixture *f)
{
	lk_server_free(f->server);
	for (size_t i = 0; i < WIRES; i++) {
		echo_wire_free(f->wires[i]);
		lk_buf_fini(&f->frames[i]);
	}
}

static void send_calls(
	struct fixture *f, size_t wire, enum lk_lane lane, const struct echo_call *calls, size_t n)
{
	echo_put_frame(&f->frames[wire], lane, "good", calls, n);
	echo_submit(f->wires[wire], (struct lk_bytes) { f->frames[wire].data, f->frames[wire].n },
		false);
}

static void send_call(struct fixture *f, size_t wire, enum lk_lane lane, struct echo_call echo_call)
{
	send_calls(f, wire, lane, &echo_call, 1);
}

static const struct echo_reply *await(struct fixture *f, size_t wire)
{
	echo_wait(f->wires[wire], &f->replies);
	return &f->replies.replies[0];
}

static const struct {
	enum lk_lane lane;
	uint16_t method;
	const char *full;
} pools[] = {
	{ LK_LANE_CRYPTO, ECHO_CRYPTO, "the CRYPTO lane is full" },
	{ LK_LANE_READ, ECHO_READ, "the READ lane is full" },
	{ LK_LANE_WRITE, ECHO_WRITE, "the WRITE lane is full" },
	{ LK_LANE_HASH, ECHO_HASH, "the HASH lane is full" },
};

TEST(every_lane_answers)
{
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < LK_COUNT(pools); i++) {
		send_call(&f, i, pools[i].lane, ECHO_CALL(pools[i].method, 1, "one", "hello"));
		CHECK_STR(await(&f, i)->text, "hello");
	}
	close_fixture(&f);
}

TEST(a_full_lane_refuses_at_once_and_the_others_go_on)
{
	for (size_t i = 0; i < LK_COUNT(pools); i++) {
		struct echo_call slow = ECHO_CALL(pools[i].method, 1, "one", "wait");
		size_t other = (i + 1) % LK_COUNT(pools);
		struct fixture f;

		open_fixture(&f);
		echo_close_gate();
		send_call(&f, 0, pools[i].lane, slow);
		echo_await_arrivals(1);
		send_call(&f, 1, pools[i].lane, slow);
		send_call(&f, 2, pools[i].lane, slow);
		CHECK_STR(await(&f, 2)->why, pools[i].full);
		CHECK_EQ(await(&f, 2)->id, LK_WHOLE_FRAME);
		CHECK_EQ(await(&f, 2)->code, LK_RESOURCE_EXHAUSTED);
		/* One password is ahead, and none was hashed yet. */
		CHECK_EQ(await(&f, 2)->retry_ms, pools[i].lane == LK_LANE_HASH ? 100 : 50);
		send_call(&f, 3, LK_LANE_FAST, ECHO_CALL(ECHO_FAST, 1, "one", "fast"));
		CHECK_STR(await(&f, 3)->text, "fast");
		send_call(&f, 4, pools[other].lane,
			ECHO_CALL(pools[other].method, 1, "one", "other"));
		CHECK_STR(await(&f, 4)->text, "other");
		echo_open_gate();
		CHECK_EQ(await(&f, 0)->code, LK_OK);
		CHECK_EQ(await(&f, 1)->code, LK_OK);
		close_fixture(&f);
	}
}

TEST(a_frame_of_refused_calls_does_not_wait_for_its_lane)
{
	struct fixture f;

	open_fixture(&f);
	echo_close_gate();
	send_call(&f, 0, LK_LANE_READ, ECHO_CALL(ECHO_READ, 1, "one", "wait"));
	echo_await_arrivals(1);
	send_call(&f, 1, LK_LANE_READ, ECHO_CALL(4711, 1, "one", "a"));
	CHECK_EQ(await(&f, 1)->code, LK_UNIMPLEMENTED);
	echo_open_gate();
	CHECK_EQ(await(&f, 0)->code, LK_OK);
	close_fixture(&f);
}

TEST(a_deadline_that_passes_in_the_queue_is_not_served)
{
	struct echo_call calls[] = {
		ECHO_CALL_WITH(ECHO_READ, 1, "one", "a", .remaining_ms = 1000),
		ECHO_CALL_WITH(ECHO_READ, 2, "one", "b", .remaining_ms = 60000),
		ECHO_CALL(ECHO_READ, 3, "one", "c"),
	};
	struct fixture f;
	unsigned runs;

	open_fixture(&f);
	echo_close_gate();
	send_call(&f, 0, LK_LANE_READ, ECHO_CALL(ECHO_READ, 1, "one", "wait"));
	echo_await_arrivals(1);
	runs = echo_runs();
	send_calls(&f, 1, LK_LANE_READ, calls, 3);
	/* Beyond the first deadline and beyond that of a call without one. */
	echo_advance((LK_TIMEOUT_MS_DEFAULT + 1) * UINT64_C(1000));
	echo_open_gate();
	CHECK_EQ(await(&f, 0)->code, LK_OK);
	CHECK_EQ(await(&f, 1)->code, LK_DEADLINE_EXCEEDED);
	CHECK_STR(await(&f, 1)->why, "the deadline passed before the call could run");
	CHECK_EQ(f.replies.replies[1].code, LK_OK);
	CHECK_EQ(f.replies.replies[2].code, LK_DEADLINE_EXCEEDED);
	CHECK_EQ(echo_runs(), runs + 1);
	close_fixture(&f);
}

TEST(a_drain_refuses_new_frames_and_lets_the_others_finish)
{
	struct fixture f;

	open_fixture(&f);
	echo_close_gate();
	send_call(&f, 0, LK_LANE_READ, ECHO_CALL(ECHO_READ, 1, "one", "wait"));
	echo_await_arrivals(1);
	send_call(&f, 1, LK_LANE_READ, ECHO_CALL(ECHO_READ, 1, "one", "queued"));
	CHECK(!lk_server_is_draining(f.server));
	CHECK(!lk_server_drain(f.server, 1));
	CHECK(lk_server_is_draining(f.server));
	send_call(&f, 2, LK_LANE_FAST, ECHO_CALL(ECHO_FAST, 1, "one", "late"));
	CHECK_EQ(await(&f, 2)->code, LK_UNAVAILABLE);
	CHECK_STR(await(&f, 2)->why, "the server is shutting down");
	CHECK_EQ(await(&f, 2)->retry_ms, 1000);
	CHECK(!echo_was_malformed(f.wires[2]));
	echo_open_gate();
	CHECK(lk_server_drain(f.server, 60000));
	CHECK_EQ(await(&f, 0)->code, LK_OK);
	CHECK_STR(await(&f, 1)->text, "queued");
	close_fixture(&f);
}

static void *open_gate_when_draining(void *arg)
{
	while (!lk_server_is_draining(arg))
		continue;
	echo_open_gate();
	return NULL;
}

TEST(freeing_a_server_answers_what_is_queued)
{
	struct fixture f;
	pthread_t thread;

	open_fixture(&f);
	echo_close_gate();
	send_call(&f, 0, LK_LANE_READ, ECHO_CALL(ECHO_READ, 1, "one", "wait"));
	echo_await_arrivals(1);
	send_call(&f, 1, LK_LANE_READ, ECHO_CALL(ECHO_READ, 1, "one", "queued"));
	CHECK_EQ(pthread_create(&thread, NULL, open_gate_when_draining, f.server), 0);
	lk_server_free(f.server);
	pthread_join(thread, NULL);
	f.server = NULL;
	CHECK_EQ(await(&f, 0)->code, LK_OK);
	CHECK_EQ(await(&f, 1)->code, LK_UNAVAILABLE);
	close_fixture(&f);
}

TEST(slow_lanes_hold_no_more_frames_than_they_say)
{
	struct lk_server_options options = echo_options();
	struct fixture f;

	for (size_t i = 0; i < LK_LANES; i++)
		options.lanes[i] = (struct lk_lane_size) { .workers = 2, .queue = 3 };
	open_with(&f, &options);
	/* CRYPTO, READ and HASH with two workers each, WRITE with one. */
	CHECK_EQ(lk_server_slow_frames_max(f.server), 3 * 5 + 4);
	close_fixture(&f);
}

/* --- WRITE with a committer --- */

static struct lk_status serve_put(const void *handlers, struct lk_call *call,
	const ProtobufCMessage *request, ProtobufCMessage *response)
{
	const char *id = ((const Latchkey__V1__GetKeyRequest *)request)->id;
	struct lk_bytes key = { (const uint8_t *)id, strlen(id) };

	(void)handlers;
	((Latchkey__V1__HealthCheckResponse *)response)->version = (char *)(uintptr_t)id;
	call->on_commit = ((struct lk_call *)call->context)->on_commit;
	call->on_commit_arg = ((struct lk_call *)call->context)->on_commit_arg;
	LK_TRY(lk_txn_put(call->txn, key, key, true));
	if (strcmp(id, "fail") == 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the handler refuses");
	return LK_SUCCESS;
}

struct outcomes {
	unsigned n[17]; /* by code */
};

static void count_outcome(void *arg, struct lk_status outcome)
{
	((struct outcomes *)arg)->n[outcome.code]++;
}

/* A store in memory whose commits fail on demand. */
struct shaky_store {
	struct lk_store store;
	struct lk_store_ops ops;
	struct lk_store *real;
	atomic_int aborts;
	atomic_bool is_broken;
};

static struct lk_status shaky_commit(struct lk_store *store,
	const struct lk_store_condition *conditions, size_t n_conditions,
	const struct lk_store_op *ops, size_t n_ops, uint64_t *seq_out)
{
	struct shaky_store *shaky = (struct shaky_store *)store;

	if (atomic_load(&shaky->is_broken))
		return LK_ERR(LK_UNAVAILABLE, "the disk is gone");
	if (atomic_fetch_sub(&shaky->aborts, 1) > 0)
		return LK_ERR(LK_ABORTED, "somebody else was faster");
	return lk_store_commit(shaky->real, conditions, n_conditions, ops, n_ops, seq_out);
}

static struct lk_status shaky_get(
	struct lk_store *store, struct lk_bytes key, struct lk_buf *value_out, uint64_t *seq_out)
{
	return lk_store_get(((struct shaky_store *)store)->real, key, value_out, seq_out);
}

struct write_fixture {
	struct fixture f;
	struct shaky_store store;
	struct lk_committer *committer;
	struct lk_call hooks;
	struct outcomes outcomes;
	struct lk_method method;
	struct lk_service service;
	struct lk_binding binding;
};

static void open_writes(struct write_fixture *w, unsigned queue)
{
	struct lk_server_options options = echo_options();

	memset(w, 0, sizeof *w);
	CHECK_OK(lk_store_mem_open(&w->store.real));
	w->store.ops = (struct lk_store_ops) { .get = shaky_get, .commit = shaky_commit };
	w->store.store.ops = &w->store.ops;
	CHECK_OK(lk_committer_start(
		&(struct lk_committer_options) { .store = &w->store.store }, &w->committer));
	w->hooks.on_commit = count_outcome;
	w->hooks.on_commit_arg = &w->outcomes;
	w->method = echo_binding.service->methods[2];
	w->method.serve = serve_put;
	w->service =
		(struct lk_service) { .name = "test.Put", .methods = &w->method, .n_methods = 1 };
	w->binding = (struct lk_binding) { .service = &w->service, .context = &w->hooks };
	options.bindings = &w->binding;
	options.committer = w->committer;
	options.lanes[LK_LANE_WRITE].queue = queue;
	open_with(&w->f, &options);
}

static void close_writes(struct write_fixture *w)
{
	close_fixture(&w->f);
	lk_committer_stop(w->committer);
	lk_store_close(w->store.real);
}

static bool is_stored(struct write_fixture *w, const char *key)
{
	struct lk_buf value;
	struct lk_status st;
	uint64_t seq;

	lk_buf_init(&value, 1024);
	st = lk_store_get(w->store.real, (struct lk_bytes) { (const uint8_t *)key, strlen(key) },
		&value, &seq);
	lk_buf_fini(&value);
	return st.code == LK_OK;
}

TEST(a_write_is_stored_when_its_answer_arrives)
{
	struct write_fixture w;

	open_writes(&w, 0);
	send_call(&w.f, 0, LK_LANE_WRITE, ECHO_CALL(ECHO_WRITE, 1, "one", "first"));
	CHECK_STR(await(&w.f, 0)->text, "first");
	CHECK(is_stored(&w, "first"));
	CHECK_EQ(w.outcomes.n[LK_OK], 1);
	close_writes(&w);
}

TEST(a_call_that_fails_leaves_nothing_and_does_not_disturb_the_others)
{
	struct echo_call calls[] = {
		ECHO_CALL(ECHO_WRITE, 1, "one", "a"),
		ECHO_CALL(ECHO_WRITE, 2, "one", "fail"),
		ECHO_CALL(ECHO_WRITE, 3, "two", "denied"),
		ECHO_CALL(4711, 4, "one", "unknown"),
		ECHO_CALL(ECHO_WRITE, 5, "one", "b"),
	};
	static const enum lk_code codes[] = { LK_OK, LK_FAILED_PRECONDITION, LK_PERMISSION_DENIED,
		LK_UNIMPLEMENTED, LK_OK };
	struct write_fixture w;

	open_writes(&w, 0);
	send_calls(&w.f, 0, LK_LANE_WRITE, calls, LK_COUNT(calls));
	(void)await(&w.f, 0);
	CHECK_EQ(w.f.replies.n, LK_COUNT(calls));
	for (size_t i = 0; i < LK_COUNT(calls); i++) {
		CHECK_EQ(w.f.replies.replies[i].id, calls[i].id);
		CHECK_EQ(w.f.replies.replies[i].code, codes[i]);
	}
	CHECK(is_stored(&w, "a") && is_stored(&w, "b"));
	CHECK(!is_stored(&w, "fail") && !is_stored(&w, "denied"));
	/* The one that failed has no commit to hear of. */
	CHECK_EQ(w.outcomes.n[LK_OK], 2);
	CHECK_EQ(w.outcomes.n[LK_FAILED_PRECONDITION], 0);
	close_writes(&w);
}

TEST(a_write_that_met_a_conflict_runs_again_and_is_told_once)
{
	struct write_fixture w;

	open_writes(&w, 0);
	atomic_store(&w.store.aborts, 2);
	send_call(&w.f, 0, LK_LANE_WRITE, ECHO_CALL(ECHO_WRITE, 1, "one", "again"));
	CHECK_STR(await(&w.f, 0)->text, "again");
	CHECK_EQ(w.outcomes.n[LK_OK], 1);
	CHECK_EQ(w.outcomes.n[LK_ABORTED], 0);
	close_writes(&w);
}

TEST(a_failed_commit_replaces_the_handlers_answer)
{
	struct write_fixture w;

	open_writes(&w, 0);
	atomic_store(&w.store.is_broken, true);
	send_call(&w.f, 0, LK_LANE_WRITE, ECHO_CALL(ECHO_WRITE, 1, "one", "lost"));
	CHECK_EQ(await(&w.f, 0)->code, LK_UNAVAILABLE);
	CHECK_EQ(w.outcomes.n[LK_UNAVAILABLE], 1);
	send_call(&w.f, 0, LK_LANE_WRITE, ECHO_CALL(ECHO_WRITE, 1, "one", "later"));
	CHECK_EQ(await(&w.f, 0)->code, LK_UNAVAILABLE);
	CHECK(!is_stored(&w, "lost") && !is_stored(&w, "later"));
	close_writes(&w);
}

/* Holds the committer's thread until the gate opens. */
static struct lk_status hold(void *arg, struct lk_txn *txn)
{
	(void)txn;
	pthread_barrier_wait(arg);
	pthread_barrier_wait(arg);
	return LK_SUCCESS;
}

static void ignore(void *arg, struct lk_status status)
{
	(void)arg;
	(void)status;
}

TEST(the_write_lane_holds_so_many_frames_and_no_more)
{
	struct lk_commit_job job = { .run = hold, .done = ignore };
	pthread_barrier_t barrier;
	struct write_fixture w;

	open_writes(&w, 2);
	pthread_barrier_init(&barrier, NULL, 2);
	job.arg = &barrier;
	CHECK_OK(lk_committer_submit(w.committer, &job));
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < 3; i++)
		send_call(&w.f, i, LK_LANE_WRITE, ECHO_CALL(ECHO_WRITE, 1, "one", "w"));
	CHECK_EQ(await(&w.f, 2)->code, LK_RESOURCE_EXHAUSTED);
	CHECK_STR(await(&w.f, 2)->why, "the WRITE lane is full");
	pthread_barrier_wait(&barrier);
	CHECK_EQ(await(&w.f, 0)->code, LK_OK);
	CHECK_EQ(await(&w.f, 1)->code, LK_OK);
	send_call(&w.f, 2, LK_LANE_WRITE, ECHO_CALL(ECHO_WRITE, 1, "one", "w"));
	CHECK_EQ(await(&w.f, 2)->code, LK_OK);
	close_writes(&w);
	pthread_barrier_destroy(&barrier);
}

TEST(a_write_that_waited_too_long_is_not_run)
{
	struct lk_commit_job job = { .run = hold, .done = ignore };
	pthread_barrier_t barrier;
	struct write_fixture w;

	open_writes(&w, 2);
	pthread_barrier_init(&barrier, NULL, 2);
	job.arg = &barrier;
	CHECK_OK(lk_committer_submit(w.committer, &job));
	pthread_barrier_wait(&barrier);
	send_call(&w.f, 0, LK_LANE_WRITE,
		ECHO_CALL_WITH(ECHO_WRITE, 1, "one", "late", .remaining_ms = 100));
	echo_advance(UINT64_C(101) * 1000);
	pthread_barrier_wait(&barrier);
	CHECK_EQ(await(&w.f, 0)->code, LK_DEADLINE_EXCEEDED);
	CHECK(!is_stored(&w, "late"));
	close_writes(&w);
	pthread_barrier_destroy(&barrier);
}

static struct lk_status do_nothing(void *arg, struct lk_txn *txn)
{
	return LK_SUCCESS;
}

TEST(a_full_committer_says_when_to_come_again)
{
	static struct lk_commit_job fillers[5000];
	struct lk_commit_job job = { .run = hold, .done = ignore };
	pthread_barrier_t barrier;
	struct write_fixture w;
	size_t n = 0;

	open_writes(&w, 2);
	pthread_barrier_init(&barrier, NULL, 2);
	job.arg = &barrier;
	CHECK_OK(lk_committer_submit(w.committer, &job));
	pthread_barrier_wait(&barrier);
	do
		fillers[n] = (struct lk_commit_job) { .run = do_nothing, .done = ignore };
	while (lk_committer_submit(w.committer, &fillers[n++]).code == LK_OK);
	send_call(&w.f, 0, LK_LANE_WRITE, ECHO_CALL(ECHO_WRITE, 1, "one", "w"));
	CHECK_EQ(await(&w.f, 0)->code, LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(await(&w.f, 0)->retry_ms, 50);
	pthread_barrier_wait(&barrier);
	close_writes(&w);
	pthread_barrier_destroy(&barrier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_lane_answers),
		RUN(a_full_lane_refuses_at_once_and_the_others_go_on),
		RUN(a_frame_of_refused_calls_does_not_wait_for_its_lane),
		RUN(a_deadline_that_passes_in_the_queue_is_not_served),
		RUN(a_drain_refuses_new_frames_and_lets_the_others_finish),
		RUN(freeing_a_server_answers_what_is_queued),
		RUN(slow_lanes_hold_no_more_frames_than_they_say),
		RUN(a_write_is_stored_when_its_answer_arrives),
		RUN(a_call_that_fails_leaves_nothing_and_does_not_disturb_the_others),
		RUN(a_write_that_met_a_conflict_runs_again_and_is_told_once),
		RUN(a_failed_commit_replaces_the_handlers_answer),
		RUN(the_write_lane_holds_so_many_frames_and_no_more),
		RUN(a_full_committer_says_when_to_come_again),
		RUN(a_write_that_waited_too_long_is_not_run),
	};

	return RUN_ALL(tests);
}
