/* SPDX-License-Identifier: MIT */
#include "server/store/gate.h"

#include <assert.h>
#include <time.h>

void lk_gate_init(struct lk_gate *gate)
{
	pthread_condattr_t attributes;

	gate->seq = 0;
	pthread_mutex_init(&gate->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->moved, &attributes);
	pthread_condattr_destroy(&attributes);
}

void lk_gate_fini(struct lk_gate *gate)
{
	pthread_cond_destroy(&gate->moved);
	pthread_mutex_destroy(&gate->mutex);
}

void lk_gate_publish(struct lk_gate *gate, uint64_t seq)
{
	pthread_mutex_lock(&gate->mutex);
	assert(seq >= gate->seq);
	gate->seq = seq;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->mutex);
}

uint64_t lk_gate_seq(struct lk_gate *gate)
{
	uint64_t seq;

	pthread_mutex_lock(&gate->mutex);
	seq = gate->seq;
	pthread_mutex_unlock(&gate->mutex);
	return seq;
}

/* pthread waits until a moment, not for a duration; no decision rests on this clock. */
static struct timespec moment_after(uint32_t timeout_ms)
{
	struct timespec moment;

	clock_gettime(CLOCK_MONOTONIC, &moment);
	moment.tv_sec += timeout_ms / 1000;
	moment.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (moment.tv_nsec >= 1000000000) {
		moment.tv_nsec -= 1000000000;
		moment.tv_sec++;
	}
	return moment;
}

struct lk_status lk_gate_wait(struct lk_gate *gate, uint64_t seq, uint32_t timeout_ms)
{
	struct timespec until = moment_after(timeout_ms);
	bool is_late = false;
	bool is_reached;

	pthread_mutex_lock(&gate->mutex);
	while (gate->seq < seq && !is_late)
		is_late = pthread_cond_timedwait(&gate->moved, &gate->mutex, &until) != 0;
	is_reached = gate->seq >= seq;
	pthread_mutex_unlock(&gate->mutex);
	return is_reached ? LK_SUCCESS
			  : LK_ERR(LK_DEADLINE_EXCEEDED, "no newer commit within the timeout");
}
