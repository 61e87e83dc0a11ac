/* SPDX-License-Identifier: MIT */
#include "server/rpc/local.h"

#include <pthread.h>

#include "server/rpc/rpc_priv.h"

struct seat {
	struct lk_local *local;
	struct seat *next; /* free ones */
	struct lk_work *work;
	void (*done)(void *arg, struct lk_bytes reply);
	void *done_arg;
};

struct lk_local {
	struct lk_server *server;
	struct lk_caller caller;
	struct lk_peer peer;
	pthread_mutex_t mutex;
	struct seat *free_seats;
	struct seat *seats;
	size_t n_seats;
};

static void push(struct lk_local *local, struct seat *seat)
{
	pthread_mutex_lock(&local->mutex);
	seat->next = local->free_seats;
	local->free_seats = seat;
	pthread_mutex_unlock(&local->mutex);
}

static struct seat *pop(struct lk_local *local)
{
	struct seat *seat;

	pthread_mutex_lock(&local->mutex);
	seat = local->free_seats;
	if (seat != NULL)
		local->free_seats = seat->next;
	pthread_mutex_unlock(&local->mutex);
	return seat;
}

static void answer(void *arg, struct lk_bytes reply, bool is_malformed)
{
	struct seat *seat = arg;

	(void)is_malformed;
	seat->done(seat->done_arg, reply);
	lk_work_wipe(seat->work);
	push(seat->local, seat);
}

struct lk_status lk_local_new(struct lk_server *server, const struct lk_caller *caller,
	size_t frames_max, struct lk_local **local_out)
{
	struct lk_local *local = lk_alloc(sizeof *local);

	if (local == NULL)
		goto out;
	local->server = server;
	if (caller != NULL) {
		local->caller = *caller;
		local->peer.caller = &local->caller;
	}
	pthread_mutex_init(&local->mutex, NULL);
	local->seats = lk_alloc(frames_max * sizeof *local->seats);
	if (local->seats == NULL)
		goto out;
	while (local->n_seats < frames_max) {
		struct seat *seat = &local->seats[local->n_seats];

		seat->local = local;
		seat->work = lk_work_new(answer, seat);
		if (seat->work == NULL)
			goto out;
		local->n_seats++;
		push(local, seat);
	}
	*local_out = local;
	return LK_SUCCESS;
out:
	lk_local_free(local);
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for frames of this process");
}

void lk_local_free(struct lk_local *local)
{
	if (local == NULL)
		return;
	for (size_t i = 0; i < local->n_seats; i++)
		lk_work_free(local->seats[i].work);
	lk_free(local->seats);
	pthread_mutex_destroy(&local->mutex);
	lk_free(local);
}

/* Without a work of its own the refusal is written on the stack. */
static void refuse(void (*done)(void *arg, struct lk_bytes reply), void *done_arg)
{
	uint8_t room[LK_ERROR_REPLY_MAX];
	struct lk_buf reply = { .data = room, .room = sizeof room, .cap = sizeof room };
	struct lk_status full = { .code = LK_RESOURCE_EXHAUSTED,
		.retry_ms = LK_RETRY_FULL_MS,
		.why = "too many frames of this process are under way" };

	lk_frame_put_reply_head(&reply, 1);
	(void)lk_reply_put(&reply, LK_WHOLE_FRAME, full, NULL, 0);
	done(done_arg, (struct lk_bytes) { reply.data, reply.n });
}

void lk_local_submit(void *local_, struct lk_bytes frame,
	void (*done)(void *arg, struct lk_bytes reply), void *done_arg)
{
	struct lk_local *local = local_;
	struct seat *seat = pop(local);

	if (seat == NULL) {
		refuse(done, done_arg);
		return;
	}
	seat->done = done;
	seat->done_arg = done_arg;
	lk_server_submit(local->server, seat->work, frame, &local->peer);
}
