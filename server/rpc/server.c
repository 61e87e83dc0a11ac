/* SPDX-License-Identifier: MIT */
#include "server/rpc/server.h"

#include <assert.h>
#include <time.h>

#include "server/rpc/rpc_priv.h"

#define ARENA_MAX_DEFAULT ((size_t)1024 * 1024)
#define QUEUE_DEFAULT 32

/* --- works --- */

struct lk_work *lk_work_new(lk_answer_fn answer, void *arg)
{
	struct lk_work *work = lk_alloc(sizeof *work);

	if (work == NULL)
		return NULL;
	work->answer = answer;
	work->arg = arg;
	lk_arena_init(&work->arena, 0);
	lk_buf_init(&work->reply, LK_REPLY_FRAME_MAX);
	/* With this much a refusal can always be written. */
	if (lk_reply_begin(&work->reply, 1).code != LK_OK) {
		lk_work_free(work);
		return NULL;
	}
	return work;
}

void lk_work_wipe(struct lk_work *work)
{
	lk_arena_reset(&work->arena);
	lk_buf_reset(&work->reply);
}

void lk_work_free(struct lk_work *work)
{
	if (work == NULL)
		return;
	lk_arena_fini(&work->arena);
	lk_buf_fini(&work->reply);
	lk_free(work);
}

void lk_work_finish(struct lk_work *work)
{
	struct lk_server *server = work->server;

	assert(!work->reply.failed);
	lk_arena_reset(&work->arena);
	work->answer(work->arg, (struct lk_bytes) { work->reply.data, work->reply.n },
		work->is_malformed);
	/* The last touch: whoever drains may free the server now. */
	atomic_fetch_sub(&server->under_way, 1);
}

void lk_work_refuse(struct lk_work *work, struct lk_status status)
{
	const struct lk_server_options *options = &work->server->options;
	struct lk_call_outcome outcome = { .traceparent = "", .status = status };

	/* Fits: lk_work_new saw to it. */
	lk_buf_reset(&work->reply);
	lk_frame_put_reply_head(&work->reply, 1);
	(void)lk_reply_put(&work->reply, LK_WHOLE_FRAME, status, NULL, 0);
	if (options->on_call != NULL) {
		outcome.duration_us = options->mono_us() - work->arrived_us;
		options->on_call(options->arg, &outcome);
	}
	lk_work_finish(work);
}

/* --- submitting --- */

static const char *const lane_is_full[LK_LANES] = {
	[LK_LANE_FAST] = "the FAST lane is full",
	[LK_LANE_CRYPTO] = "the CRYPTO lane is full",
	[LK_LANE_READ] = "the READ lane is full",
	[LK_LANE_WRITE] = "the WRITE lane is full",
	[LK_LANE_HASH] = "the HASH lane is full",
};

static struct lk_status refuse_draining(void)
{
	return (struct lk_status) { .code = LK_UNAVAILABLE,
		.retry_ms = LK_RETRY_DRAINING_MS,
		.why = "the server is shutting down" };
}

static struct lk_status refuse_full(enum lk_lane lane)
{
	return (struct lk_status) { .code = LK_RESOURCE_EXHAUSTED,
		.retry_ms = LK_RETRY_FULL_MS,
		.why = lane_is_full[lane] };
}

/* A queue of passwords takes long to empty: who comes again too soon is refused again, and who
 * comes too late may be beyond their deadline. */
static struct lk_status refuse_queued(struct lk_server *server, enum lk_lane lane)
{
	struct lk_status st = refuse_full(lane);

	if (lane == LK_LANE_HASH)
		st.retry_ms = lk_lanes_delay_ms(server->lanes, lane);
	return st;
}

struct lk_status lk_crypto_full(void)
{
	return refuse_full(LK_LANE_CRYPTO);
}

/* Counts the frame in; false when the committer has enough. */
static bool enter_write(struct lk_server *server)
{
	size_t before = atomic_fetch_add(&server->writes_under_way, 1);

	if (before < server->options.lanes[LK_LANE_WRITE].queue)
		return true;
	atomic_fetch_sub(&server->writes_under_way, 1);
	return false;
}

static bool is_for_committer(const struct lk_work *work)
{
	return work->lane == LK_LANE_WRITE && work->server->options.committer != NULL;
}

/* Where its calls may not verify signatures, a frame that has some goes where they may, and comes
 * back here from there. */
static void write_frame(struct lk_work *work)
{
	struct lk_server *server = work->server;

	if (!enter_write(server)) {
		lk_work_refuse(work, refuse_full(work->lane));
		return;
	}
	if (lk_write_begin(work))
		return;
	atomic_fetch_sub(&server->writes_under_way, 1);
	if (!lk_work_compute(work))
		lk_work_refuse(work, lk_crypto_full());
}

/* Calls that would run here in a frame of their own lane. */
static bool is_fast(const struct lk_work *work)
{
	for (size_t i = 0; i < work->n_slots; i++)
		if (work->slots[i].entry != NULL &&
			work->slots[i].entry->method->lane != LK_LANE_FAST)
			return false;
	return true;
}

/* What a lane's thread does with a frame. */
static void run_queued(struct lk_work *work)
{
	work->may_compute = true;
	if (atomic_load(&work->server->is_stopping))
		lk_work_refuse(work, refuse_draining());
	else if (is_for_committer(work))
		write_frame(work);
	else
		lk_dispatch_run(work);
}

bool lk_work_compute(struct lk_work *work)
{
	return lk_lanes_push(work->server->lanes, LK_LANE_CRYPTO, work);
}

static void take_lane(struct lk_work *work)
{
	struct lk_server *server = work->server;

	if (work->lane == LK_LANE_FAST || (work->lane == LK_LANE_CRYPTO && is_fast(work))) {
		lk_dispatch_run(work);
	} else if (is_for_committer(work)) {
		write_frame(work);
	} else if (!lk_lanes_push(server->lanes, work->lane, work)) {
		lk_work_refuse(work, refuse_queued(server, work->lane));
	}
}

void lk_server_submit(struct lk_server *server, struct lk_work *work, struct lk_bytes frame,
	const struct lk_peer *peer)
{
	struct lk_status st;

	atomic_fetch_add(&server->under_way, 1);
	work->server = server;
	work->frame = frame;
	work->peer = *peer;
	work->is_malformed = false;
	work->may_compute = false;
	work->next_slot = 0;
	work->n_slots = 0;
	work->arena.cap = server->options.arena_max;
	work->arrived_us = server->options.mono_us();
	work->now = server->options.now();
	st = atomic_load(&server->is_draining) ? refuse_draining() : lk_dispatch_read(work);
	if (st.code == LK_OK)
		st = lk_reply_begin(&work->reply, work->n_slots);
	if (st.code != LK_OK)
		lk_work_refuse(work, st);
	else if (lk_dispatch_admit(work) == 0)
		lk_dispatch_run(work); /* nothing runs: answered without its lane */
	else
		take_lane(work);
}

/* --- the server --- */

const struct lk_entry *lk_server_find(const struct lk_server *server, uint16_t number)
{
	size_t at = number < server->n_numbers ? server->by_number[number] : 0;

	return at > 0 ? &server->entries[at - 1] : NULL;
}

static struct lk_status find_scope(
	const struct lk_authorizer *authorizer, const char *name, uint64_t *scope_out)
{
	int bit;

	*scope_out = 0;
	if (name == NULL)
		return LK_SUCCESS;
	bit = authorizer != NULL ? authorizer->scope(authorizer->arg, name) : -1;
	/* Leaving the check out instead would open the method to everyone. */
	if (bit < 0 || bit > 63)
		return LK_ERR(LK_FAILED_PRECONDITION,
			"a method needs a scope that the authorizer does not know");
	*scope_out = UINT64_C(1) << bit;
	return LK_SUCCESS;
}

static struct lk_status add_method(
	struct lk_server *server, const struct lk_binding *binding, const struct lk_method *method)
{
	struct lk_entry *entry = &server->entries[server->n_entries];

	if (lk_server_find(server, method->number) != NULL)
		return LK_ERR(LK_INVALID_ARGUMENT, "two methods have the same number");
	LK_TRY(find_scope(server->options.authorizer, method->scope, &entry->scope));
	entry->method = method;
	entry->binding = binding;
	server->by_number[method->number] = (uint16_t)++server->n_entries;
	return LK_SUCCESS;
}

static struct lk_status index_methods(struct lk_server *server)
{
	const struct lk_server_options *options = &server->options;
	size_t n_methods = 0;

	for (size_t i = 0; i < options->n_bindings; i++) {
		const struct lk_service *service = options->bindings[i].service;

		n_methods += service->n_methods;
		for (size_t k = 0; k < service->n_methods; k++)
			if (service->methods[k].number >= server->n_numbers)
				server->n_numbers = (size_t)service->methods[k].number + 1;
	}
	if (n_methods > UINT16_MAX)
		return LK_ERR(LK_INVALID_ARGUMENT, "two methods have the same number");
	server->entries = lk_alloc((n_methods + 1) * sizeof *server->entries);
	server->by_number = lk_alloc((server->n_numbers + 1) * sizeof *server->by_number);
	if (server->entries == NULL || server->by_number == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the server");
	for (size_t i = 0; i < options->n_bindings; i++)
		for (size_t k = 0; k < options->bindings[i].service->n_methods; k++)
			LK_TRY(add_method(server, &options->bindings[i],
				&options->bindings[i].service->methods[k]));
	return LK_SUCCESS;
}

/* Fills in the defaults and adds up what the slow lanes can hold. */
static struct lk_status start_lanes(struct lk_server *server)
{
	struct lk_lane_size *lanes = server->options.lanes;

	lanes[0] = lanes[LK_LANE_FAST] = (struct lk_lane_size) { .queue = 0 };
	for (size_t i = LK_LANE_FAST + 1; i < LK_LANES; i++) {
		lanes[i].workers = lanes[i].workers > 0 ? lanes[i].workers : 1;
		lanes[i].queue = lanes[i].queue > 0 ? lanes[i].queue : QUEUE_DEFAULT;
	}
	lanes[LK_LANE_WRITE].workers = server->options.committer != NULL ? 0 : 1;
	for (size_t i = 0; i < LK_LANES; i++)
		server->slow_frames_max += lanes[i].workers + lanes[i].queue;
	return lk_lanes_start(lanes, run_queued, server->options.mono_us, &server->lanes);
}

struct lk_status lk_server_new(
	const struct lk_server_options *options, struct lk_server **server_out)
{
	struct lk_server *server = lk_alloc(sizeof *server);
	struct lk_status st;

	if (server == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the server");
	server->options = *options;
	if (server->options.arena_max == 0)
		server->options.arena_max = ARENA_MAX_DEFAULT;
	st = index_methods(server);
	if (st.code == LK_OK)
		st = start_lanes(server);
	if (st.code != LK_OK) {
		lk_server_free(server);
		return st;
	}
	*server_out = server;
	return LK_SUCCESS;
}

bool lk_server_drain(struct lk_server *server, uint32_t timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t end_us = server->options.mono_us() + (uint64_t)timeout_ms * 1000;

	atomic_store(&server->is_draining, true);
	/* Looks again and again rather than being woken: a wake-up would have to touch the server
	 * after the last frame has let go of it. */
	while (atomic_load(&server->under_way) > 0) {
		if (server->options.mono_us() >= end_us)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

void lk_server_free(struct lk_server *server)
{
	if (server == NULL)
		return;
	atomic_store(&server->is_stopping, true);
	while (!lk_server_drain(server, 1000))
		continue;
	lk_lanes_stop(server->lanes);
	lk_free(server->entries);
	lk_free(server->by_number);
	lk_free(server);
}

bool lk_server_is_draining(const struct lk_server *server)
{
	return atomic_load(&server->is_draining);
}

size_t lk_server_slow_frames_max(const struct lk_server *server)
{
	return server->slow_frames_max;
}
