/* SPDX-License-Identifier: MIT */
#include "client/channel/channel_priv.h"

static _Thread_local struct lk_cork *innermost;

static struct lk_cork *find(const struct lk_batcher *batcher, struct lk_cork *from)
{
	while (from != NULL && from->batcher != batcher)
		from = from->outer;
	return from;
}

bool lk_cork_is_in(const struct lk_batcher *batcher)
{
	return find(batcher, innermost) != NULL;
}

void lk_cork_push(struct lk_cork *cork, struct lk_batcher *batcher)
{
	*cork = (struct lk_cork) { .batcher = batcher, .outer = innermost };
	innermost = cork;
}

void lk_cork_mark(struct lk_batch_lane *lane)
{
	struct lk_cork *cork = find(lane->batcher, innermost);

	cork->dirty |= 1u << (lane - lane->batcher->lanes);
}

void lk_cork_pop(struct lk_cork *cork)
{
	struct lk_cork *outer = find(cork->batcher, cork->outer);
	struct lk_batch_lane *home = cork->home;

	/* Sending may make new calls on this thread, when the transport answers within it. */
	while (outer == NULL && cork->dirty != 0) {
		unsigned number = (unsigned)__builtin_ctz(cork->dirty);

		cork->dirty &= ~(1u << number);
		lk_lane_flush(&cork->batcher->lanes[number]);
	}
	if (outer != NULL)
		outer->dirty |= cork->dirty;
	innermost = cork->outer;
	if (home == NULL)
		return;
	pthread_mutex_lock(&home->mutex);
	if (--home->n_users == 0 && home->is_closed)
		pthread_cond_broadcast(&home->quiet);
	pthread_mutex_unlock(&home->mutex);
}
