/* SPDX-License-Identifier: MIT */
#include "server/net/pipes.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "proto/wire/arena.h"

/* A slot that was used; searches go on past it. nng's pipe ids have 31 bits. */
#define GONE UINT32_MAX

/* A hash table with linear probing. Slots never move, so frames can search it without the lock:
 * what they may see is a pipe that has just gone, and then nothing is lost. */
struct slot {
	atomic_uint id; /* 0: never used */
	atomic_uint last_tick;
	atomic_uint frames; /* under way */
	atomic_uint malformed;
	atomic_bool has_spoken;
	atomic_bool is_condemned;
	struct lk_pipe_address address;
};

struct lk_pipes {
	struct lk_pipes_options options;
	pthread_mutex_t mutex; /* of adding, removing and ticking */
	atomic_uint tick;
	atomic_size_t n;
	atomic_size_t n_condemned;
	size_t mask;
	struct slot *slots;
};

struct lk_pipes *lk_pipes_new(const struct lk_pipes_options *options)
{
	struct lk_pipes *pipes = lk_alloc(sizeof *pipes);
	size_t n_slots = 2;

	if (pipes == NULL)
		return NULL;
	while (n_slots < options->max * 2)
		n_slots *= 2;
	pipes->slots = lk_alloc(n_slots * sizeof *pipes->slots);
	if (pipes->slots == NULL) {
		lk_free(pipes);
		return NULL;
	}
	pipes->options = *options;
	pipes->mask = n_slots - 1;
	pthread_mutex_init(&pipes->mutex, NULL);
	return pipes;
}

void lk_pipes_free(struct lk_pipes *pipes)
{
	if (pipes == NULL)
		return;
	pthread_mutex_destroy(&pipes->mutex);
	lk_free(pipes->slots);
	lk_free(pipes);
}

static struct slot *find(struct lk_pipes *pipes, uint32_t id)
{
	for (size_t i = 0; i <= pipes->mask; i++) {
		struct slot *slot = &pipes->slots[(id + i) & pipes->mask];
		uint32_t found = atomic_load_explicit(&slot->id, memory_order_acquire);

		if (found == id)
			return slot;
		if (found == 0)
			return NULL;
	}
	return NULL;
}

static bool is_used(const struct slot *slot)
{
	uint32_t id = atomic_load(&slot->id);

	return id != 0 && id != GONE;
}

/* A look at every slot: connecting is rare and far more expensive than this. */
static size_t count_of(const struct lk_pipes *pipes, const struct lk_pipe_address *address)
{
	size_t n = 0;

	for (size_t i = 0; i <= pipes->mask; i++)
		n += is_used(&pipes->slots[i]) &&
		     memcmp(pipes->slots[i].address.host, address->host, sizeof address->host) == 0;
	return n;
}

static bool is_ipc(const struct lk_pipe_address *address)
{
	static const uint8_t none[sizeof address->host];

	return memcmp(address->host, none, sizeof none) == 0;
}

/* The caller holds the lock; the table is at most half full. */
static void insert(struct lk_pipes *pipes, uint32_t id, const struct lk_pipe_address *address)
{
	size_t i = id;

	while (is_used(&pipes->slots[i & pipes->mask]))
		i++;
	i &= pipes->mask;
	pipes->slots[i].address = *address;
	atomic_store(&pipes->slots[i].last_tick, atomic_load(&pipes->tick));
	atomic_store(&pipes->slots[i].frames, 0);
	atomic_store(&pipes->slots[i].malformed, 0);
	atomic_store(&pipes->slots[i].has_spoken, false);
	atomic_store(&pipes->slots[i].is_condemned, false);
	atomic_store_explicit(&pipes->slots[i].id, id, memory_order_release);
	atomic_fetch_add(&pipes->n, 1);
}

bool lk_pipes_add(struct lk_pipes *pipes, uint32_t id, const struct lk_pipe_address *address)
{
	bool has_room;

	assert(id != 0 && id != GONE);
	pthread_mutex_lock(&pipes->mutex);
	has_room = atomic_load(&pipes->n) < pipes->options.max &&
		   (is_ipc(address) || count_of(pipes, address) < pipes->options.per_address_max);
	if (has_room)
		insert(pipes, id, address);
	pthread_mutex_unlock(&pipes->mutex);
	return has_room;
}

/* Marks before an empty slot serve no search any more. */
static void sweep_back(struct lk_pipes *pipes, size_t at)
{
	while (atomic_load(&pipes->slots[(at + 1) & pipes->mask].id) == 0 &&
		atomic_load(&pipes->slots[at & pipes->mask].id) == GONE) {
		atomic_store(&pipes->slots[at & pipes->mask].id, 0);
		at = (at - 1) & pipes->mask;
	}
}

void lk_pipes_remove(struct lk_pipes *pipes, uint32_t id)
{
	struct slot *slot;

	pthread_mutex_lock(&pipes->mutex);
	slot = find(pipes, id);
	if (slot != NULL) {
		atomic_store(&slot->id, GONE);
		atomic_fetch_sub(&pipes->n, 1);
		sweep_back(pipes, (size_t)(slot - pipes->slots));
	}
	pthread_mutex_unlock(&pipes->mutex);
}

static void condemn(struct lk_pipes *pipes, struct slot *slot)
{
	if (!is_ipc(&slot->address) && !atomic_exchange(&slot->is_condemned, true))
		atomic_fetch_add(&pipes->n_condemned, 1);
}

bool lk_pipes_enter(struct lk_pipes *pipes, uint32_t id)
{
	struct slot *slot = find(pipes, id);

	if (slot == NULL)
		return true;
	atomic_store(&slot->has_spoken, true);
	atomic_store(&slot->last_tick, atomic_load(&pipes->tick));
	if (atomic_fetch_add(&slot->frames, 1) >= pipes->options.frames_max)
		condemn(pipes, slot);
	return !atomic_load(&slot->is_condemned);
}

void lk_pipes_judge(struct lk_pipes *pipes, uint32_t id, bool is_malformed)
{
	struct slot *slot = find(pipes, id);

	if (slot == NULL)
		return;
	if (is_malformed)
		atomic_fetch_add(&slot->malformed, 1);
	else
		atomic_store(&slot->malformed, 0);
}

void lk_pipes_leave(struct lk_pipes *pipes, uint32_t id)
{
	struct slot *slot = find(pipes, id);

	if (slot == NULL)
		return;
	atomic_fetch_sub(&slot->frames, 1);
	if (atomic_load(&slot->malformed) >= LK_PIPE_MALFORMED_MAX)
		condemn(pipes, slot);
}

void lk_pipes_condemn(struct lk_pipes *pipes, uint32_t id)
{
	struct slot *slot = find(pipes, id);

	if (slot != NULL)
		condemn(pipes, slot);
}

void lk_pipes_condemn_all(struct lk_pipes *pipes)
{
	pthread_mutex_lock(&pipes->mutex);
	for (size_t i = 0; i <= pipes->mask; i++)
		if (is_used(&pipes->slots[i]))
			condemn(pipes, &pipes->slots[i]);
	pthread_mutex_unlock(&pipes->mutex);
}

bool lk_pipes_is_condemned(struct lk_pipes *pipes, uint32_t id)
{
	struct slot *slot = find(pipes, id);

	return slot != NULL && atomic_load(&slot->is_condemned);
}

static bool is_overdue(const struct lk_pipes *pipes, const struct slot *slot)
{
	unsigned age = atomic_load(&pipes->tick) - atomic_load(&slot->last_tick);

	return atomic_load(&slot->frames) == 0 &&
	       age >= (atomic_load(&slot->has_spoken) ? pipes->options.idle_ticks
						      : pipes->options.silent_ticks);
}

size_t lk_pipes_tick(struct lk_pipes *pipes, struct lk_pipe_address *addresses_out, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&pipes->mutex);
	atomic_fetch_add(&pipes->tick, 1);
	for (size_t i = 0; i <= pipes->mask; i++) {
		struct slot *slot = &pipes->slots[i];

		if (!is_used(slot))
			continue;
		if (is_overdue(pipes, slot))
			condemn(pipes, slot);
		if (atomic_load(&slot->is_condemned) && n < max)
			addresses_out[n++] = slot->address;
	}
	pthread_mutex_unlock(&pipes->mutex);
	return n;
}

size_t lk_pipes_count(const struct lk_pipes *pipes)
{
	return atomic_load(&pipes->n);
}

size_t lk_pipes_condemned(const struct lk_pipes *pipes)
{
	return atomic_load(&pipes->n_condemned);
}
