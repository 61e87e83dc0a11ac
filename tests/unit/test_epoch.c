/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "proto/wire/arena.h"
#include "server/core/epoch.h"
#include "tests/support/check.h"

#define READERS 3
#define ROUNDS 20000

static int n_freed;

static void count_free(void *p)
{
	(void)p;
	n_freed++;
}

TEST(nothing_is_freed_while_a_reader_is_inside)
{
	static struct lk_epoch_bin bin;
	int object;

	n_freed = 0;
	lk_epoch_enter();
	lk_epoch_enter();
	lk_epoch_retire(&bin, &object, count_free);
	lk_epoch_leave();
	lk_epoch_collect(&bin);
	CHECK_EQ(n_freed, 0);
	lk_epoch_leave();
	lk_epoch_collect(&bin);
	CHECK_EQ(n_freed, 1);
}

TEST(a_later_reader_does_not_hold_up_an_earlier_object)
{
	static struct lk_epoch_bin bin;
	int object;

	n_freed = 0;
	lk_epoch_retire(&bin, &object, count_free);
	lk_epoch_enter();
	lk_epoch_collect(&bin);
	CHECK_EQ(n_freed, 1);
	lk_epoch_leave();
}

TEST(a_full_bin_frees_in_order)
{
	static struct lk_epoch_bin bin;
	static int objects[LK_EPOCH_RETIRED_MAX + 1];

	n_freed = 0;
	for (size_t i = 0; i < LK_COUNT(objects); i++)
		lk_epoch_retire(&bin, &objects[i], count_free);
	CHECK_EQ(n_freed, LK_EPOCH_RETIRED_MAX);
	lk_epoch_drain(&bin);
	CHECK_EQ(n_freed, LK_EPOCH_RETIRED_MAX + 1);
}

struct shared {
	_Atomic(int *) value;
	atomic_bool stop;
};

static void *read_until_stopped(void *arg)
{
	struct shared *shared = arg;
	void *wrong = NULL;

	while (!atomic_load(&shared->stop)) {
		lk_epoch_enter();
		if (*atomic_load(&shared->value) != 7)
			wrong = shared;
		lk_epoch_leave();
	}
	return wrong;
}

static void wreck(void *p)
{
	*(int *)p = 0;
	lk_free(p);
}

static int *make_value(void)
{
	int *value = lk_alloc(sizeof *value);

	CHECK(value != NULL);
	*value = 7;
	return value;
}

TEST(readers_never_see_a_freed_object)
{
	static struct lk_epoch_bin bin;
	struct shared shared = { .stop = false };
	pthread_t readers[READERS];

	atomic_store(&shared.value, make_value());
	for (int i = 0; i < READERS; i++)
		CHECK_EQ(pthread_create(&readers[i], NULL, read_until_stopped, &shared), 0);
	for (int i = 0; i < ROUNDS; i++) {
		lk_epoch_retire(&bin, atomic_exchange(&shared.value, make_value()), wreck);
		lk_epoch_collect(&bin);
	}
	atomic_store(&shared.stop, true);
	for (int i = 0; i < READERS; i++) {
		void *wrong;

		CHECK_EQ(pthread_join(readers[i], &wrong), 0);
		CHECK(wrong == NULL);
	}
	lk_epoch_drain(&bin);
	lk_free(atomic_load(&shared.value));
}

struct crowd {
	pthread_barrier_t entered;
	pthread_barrier_t checked;
};

/* Takes a place, if there is one, and keeps it without being inside. */
static void *hold_place(void *arg)
{
	struct crowd *crowd = arg;

	lk_epoch_enter();
	lk_epoch_leave();
	pthread_barrier_wait(&crowd->entered);
	pthread_barrier_wait(&crowd->checked);
	return NULL;
}

static void *stay_inside(void *arg)
{
	struct crowd *crowd = arg;

	lk_epoch_enter();
	pthread_barrier_wait(&crowd->entered);
	pthread_barrier_wait(&crowd->checked);
	lk_epoch_leave();
	return NULL;
}

static void init_crowd(struct crowd *crowd, unsigned n)
{
	CHECK_EQ(pthread_barrier_init(&crowd->entered, NULL, n + 1), 0);
	CHECK_EQ(pthread_barrier_init(&crowd->checked, NULL, n + 1), 0);
}

static void fini_crowd(struct crowd *crowd)
{
	pthread_barrier_destroy(&crowd->entered);
	pthread_barrier_destroy(&crowd->checked);
}

TEST(a_reader_without_a_place_is_waited_for_all_the_same)
{
	static struct lk_epoch_bin bin;
	static pthread_t holders[LK_EPOCH_READERS_MAX];
	struct crowd holding;
	struct crowd late;
	pthread_t reader;
	int object;

	n_freed = 0;
	init_crowd(&holding, LK_EPOCH_READERS_MAX);
	init_crowd(&late, 1);
	for (int i = 0; i < LK_EPOCH_READERS_MAX; i++)
		CHECK_EQ(pthread_create(&holders[i], NULL, hold_place, &holding), 0);
	pthread_barrier_wait(&holding.entered);
	CHECK_EQ(pthread_create(&reader, NULL, stay_inside, &late), 0);
	pthread_barrier_wait(&late.entered);
	lk_epoch_retire(&bin, &object, count_free);
	lk_epoch_collect(&bin);
	CHECK_EQ(n_freed, 0);
	pthread_barrier_wait(&late.checked);
	CHECK_EQ(pthread_join(reader, NULL), 0);
	lk_epoch_collect(&bin);
	CHECK_EQ(n_freed, 1);
	pthread_barrier_wait(&holding.checked);
	for (int i = 0; i < LK_EPOCH_READERS_MAX; i++)
		CHECK_EQ(pthread_join(holders[i], NULL), 0);
	fini_crowd(&holding);
	fini_crowd(&late);
}

TEST(a_thread_that_ends_gives_its_place_back)
{
	static struct lk_epoch_bin bin;
	struct crowd crowd;
	pthread_t thread;
	int object;

	init_crowd(&crowd, 1);
	for (int i = 0; i < 2 * LK_EPOCH_READERS_MAX; i++) {
		n_freed = 0;
		lk_epoch_retire(&bin, &object, count_free);
		CHECK_EQ(pthread_create(&thread, NULL, stay_inside, &crowd), 0);
		pthread_barrier_wait(&crowd.entered);
		/* A reader without a place would hold up even what was retired before. */
		lk_epoch_collect(&bin);
		CHECK_EQ(n_freed, 1);
		pthread_barrier_wait(&crowd.checked);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	fini_crowd(&crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(nothing_is_freed_while_a_reader_is_inside),
		RUN(a_later_reader_does_not_hold_up_an_earlier_object),
		RUN(a_full_bin_frees_in_order),
		RUN(readers_never_see_a_freed_object),
		RUN(a_reader_without_a_place_is_waited_for_all_the_same),
		RUN(a_thread_that_ends_gives_its_place_back),
	};

	return RUN_ALL(tests);
}
