/* SPDX-License-Identifier: MIT */
#include "bench/load.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "bench/watch.h"
#include "latchkey/v1/auth.rpc.h"
#include "proto/wire/arena.h"

struct run {
	const struct lk_load *load;
	struct lk_histogram *histogram;
	uint64_t start_ns;
	uint64_t end_ns;
	_Atomic uint64_t started; /* open loop: number of the next call */
	_Atomic uint64_t answers;
	_Atomic uint64_t wrong;
	_Atomic uint64_t failed;
	_Atomic unsigned running;
};

struct slot {
	struct run *run;
	uint64_t random;
	_Atomic uint64_t start_ns; /* 0: the slot is free */
	bool must_allow;
	lk_credential credential;
	lk_credential *credentials[1];
	lk_authenticate_request request;
};

static void call(struct slot *slot);

/* When the next call of an open loop is due, or 0 after the last. */
static uint64_t next_due(struct run *run)
{
	uint64_t n = atomic_fetch_add_explicit(&run->started, 1, memory_order_relaxed);
	uint64_t due_ns = run->start_ns + (uint64_t)((double)n * 1e9 / run->load->per_second);

	return due_ns < run->end_ns ? due_ns : 0;
}

static void on_answer(void *arg, struct lk_status status, const lk_authenticate_response *response)
{
	struct slot *slot = arg;
	struct run *run = slot->run;
	uint64_t now_ns = lk_watch_ns();

	lk_histogram_add(run->histogram, now_ns - slot->start_ns);
	atomic_fetch_add_explicit(&run->answers, 1, memory_order_relaxed);
	if (status.code != LK_OK)
		atomic_fetch_add_explicit(&run->failed, 1, memory_order_relaxed);
	else if ((response->allowed != 0) != slot->must_allow)
		atomic_fetch_add_explicit(&run->wrong, 1, memory_order_relaxed);
	if (run->load->once && status.code == LK_OK) {
		slot->start_ns = now_ns;
		call(slot);
		return;
	}
	if (run->load->per_second > 0 || now_ns >= run->end_ns || status.code != LK_OK) {
		/* The pacing thread of an open loop reuses the slot. */
		slot->start_ns = 0;
		atomic_fetch_sub_explicit(&run->running, 1, memory_order_release);
		return;
	}
	slot->start_ns = now_ns;
	call(slot);
}

static void call(struct slot *slot)
{
	const struct lk_load *load = slot->run->load;
	const struct lk_bench_keys *keys = load->keys;
	size_t index;

	if (load->once) {
		index = atomic_fetch_add_explicit(&slot->run->started, 1, memory_order_relaxed);
		if (index >= keys->n) {
			atomic_fetch_sub_explicit(&slot->run->running, 1, memory_order_release);
			return;
		}
		slot->must_allow = true;
		slot->credential.value = keys->items[index].secret;
		lk_auth_service_authenticate_async(
			load->channel, NULL, &slot->request, on_answer, slot);
		return;
	}
	slot->must_allow = lk_pick_random(&slot->random) % 100 >= load->miss_percent;
	index = slot->must_allow ? lk_pick_next(load->pick, &slot->random)
				 : keys->n + lk_pick_next(load->pick_miss, &slot->random);
	slot->credential.value = keys->items[index].secret;
	lk_auth_service_authenticate_async(load->channel, NULL, &slot->request, on_answer, slot);
}

static void init_slot(struct slot *slot, struct run *run, uint64_t seed)
{
	*slot = (struct slot) { .run = run,
		.random = seed * UINT64_C(0x9e3779b97f4a7c15),
		.credential = LK_CREDENTIAL_INIT,
		.request = LK_AUTHENTICATE_REQUEST_INIT };
	slot->credential.kind = LK_CREDENTIAL_KIND_BEARER;
	slot->credentials[0] = &slot->credential;
	slot->request.realm = (char *)(uintptr_t)run->load->realm;
	slot->request.n_credentials = 1;
	slot->request.credentials = slot->credentials;
}

static void wait_for_answers(struct run *run)
{
	while (atomic_load_explicit(&run->running, memory_order_acquire) > 0)
		usleep(1000);
}

static void run_closed(struct run *run, struct slot *slots)
{
	atomic_store(&run->running, run->load->in_flight);
	for (unsigned i = 0; i < run->load->in_flight; i++) {
		slots[i].start_ns = lk_watch_ns();
		call(&slots[i]);
	}
	wait_for_answers(run);
}

/* One thread starts each call at its intended time, or as soon after as a slot is free: a
 * queue that builds up shows in the latencies. */
static void run_open(struct run *run, struct slot *slots)
{
	unsigned next = 0;
	uint64_t due_ns;

	while ((due_ns = next_due(run)) != 0) {
		uint64_t now_ns = lk_watch_ns();

		if (due_ns > now_ns + 100000)
			usleep((useconds_t)((due_ns - now_ns) / 1000));
		while (atomic_load_explicit(&run->running, memory_order_acquire) >=
			run->load->in_flight)
			usleep(10);
		while (slots[next].start_ns != 0)
			next = (next + 1) % run->load->in_flight;
		slots[next].start_ns = due_ns;
		atomic_fetch_add(&run->running, 1);
		call(&slots[next]);
	}
	wait_for_answers(run);
}

struct lk_status lk_load_run(const struct lk_load *load, struct lk_histogram *histogram,
	struct lk_load_result *result_out)
{
	struct run run = { .load = load, .histogram = histogram };
	struct slot *slots = lk_alloc(load->in_flight * sizeof *slots);

	if (slots == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	for (unsigned i = 0; i < load->in_flight; i++)
		init_slot(&slots[i], &run, i + 1);
	run.start_ns = lk_watch_ns();
	run.end_ns = run.start_ns + (uint64_t)load->duration_ms * 1000000;
	if (load->per_second > 0)
		run_open(&run, slots);
	else
		run_closed(&run, slots);
	*result_out = (struct lk_load_result) {
		.per_second = (double)run.answers * 1e9 / (double)(lk_watch_ns() - run.start_ns),
		.answers = run.answers,
		.wrong = run.wrong,
		.failed = run.failed,
	};
	lk_free(slots);
	return LK_SUCCESS;
}
