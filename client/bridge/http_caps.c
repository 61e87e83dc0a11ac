/* SPDX-License-Identifier: MIT */
#include "client/bridge/http_caps.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/random.h>
#include <time.h>

#include "proto/wire/arena.h"

/* How many connections an address has: a hash table with linear probing, at most half full, which
 * leaves no gaps when an address goes. It begins at a random place, so that nobody can choose
 * addresses that meet. */
struct place {
	uint8_t address[16];
	uint32_t n; /* 0: free */
};

struct lk_http_caps {
	pthread_mutex_t mutex;
	pthread_cond_t nobody;
	uint32_t max;
	uint32_t per_address_max; /* 0: no limit, and no table */
	uint32_t n;
	uint32_t n_doors; /* loops that let people in */
	uint64_t seed;
	size_t mask;
	struct place *places;
};

static bool make_table(struct lk_http_caps *caps)
{
	size_t n = 2;

	while (n < (size_t)caps->max * 2)
		n *= 2;
	caps->mask = n - 1;
	caps->places = lk_alloc(n * sizeof *caps->places);
	return caps->places != NULL &&
	       getrandom(&caps->seed, sizeof caps->seed, 0) == sizeof caps->seed;
}

struct lk_http_caps *lk_http_caps_new(uint32_t max, uint32_t per_address_max)
{
	struct lk_http_caps *caps = lk_alloc(sizeof *caps);
	pthread_condattr_t attributes;

	if (caps == NULL)
		return NULL;
	caps->max = max;
	caps->per_address_max = per_address_max;
	pthread_mutex_init(&caps->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&caps->nobody, &attributes);
	pthread_condattr_destroy(&attributes);
	if (per_address_max == 0 || make_table(caps))
		return caps;
	lk_http_caps_free(caps);
	return NULL;
}

void lk_http_caps_free(struct lk_http_caps *caps)
{
	if (caps == NULL)
		return;
	pthread_cond_destroy(&caps->nobody);
	pthread_mutex_destroy(&caps->mutex);
	lk_free(caps->places);
	lk_free(caps);
}

/* What counts as one address; false: this one does not. */
static bool key_of(const uint8_t address[16], uint8_t key_out[16])
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
	struct in6_addr in6;
	bool is_v4;

	memcpy(&in6, address, sizeof in6);
	is_v4 = IN6_IS_ADDR_V4MAPPED(&in6);
	memset(key_out, 0, 16);
	memcpy(key_out, address, is_v4 ? 16 : 8);
	return is_v4 ? address[12] != 127 : memcmp(&in6, &loopback, sizeof loopback) != 0;
}

static size_t home_of(const struct lk_http_caps *caps, const uint8_t key[16])
{
	uint64_t halves[2];
	uint64_t hash = caps->seed;

	memcpy(halves, key, sizeof halves);
	for (int i = 0; i < 2; i++) {
		hash = (hash ^ halves[i]) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	return (size_t)hash & caps->mask;
}

/* The place of this address, or the free one that it would take. */
static struct place *find(struct lk_http_caps *caps, const uint8_t key[16])
{
	size_t at = home_of(caps, key);

	while (caps->places[at].n > 0 && memcmp(caps->places[at].address, key, 16) != 0)
		at = (at + 1) & caps->mask;
	return &caps->places[at];
}

/* Moves up whoever would not be found any more with a gap here. */
static void close_gap(struct lk_http_caps *caps, size_t gap)
{
	for (size_t at = (gap + 1) & caps->mask; caps->places[at].n > 0;
		at = (at + 1) & caps->mask) {
		size_t home = home_of(caps, caps->places[at].address);

		if (((at - home) & caps->mask) < ((at - gap) & caps->mask))
			continue;
		caps->places[gap] = caps->places[at];
		caps->places[at].n = 0;
		gap = at;
	}
}

bool lk_http_caps_enter(struct lk_http_caps *caps, const uint8_t address[16])
{
	uint8_t key[16];
	struct place *place = NULL;
	bool enters;

	pthread_mutex_lock(&caps->mutex);
	if (caps->places != NULL && key_of(address, key))
		place = find(caps, key);
	enters = caps->n < caps->max && (place == NULL || place->n < caps->per_address_max);
	if (enters)
		caps->n++;
	if (enters && place != NULL) {
		memcpy(place->address, key, sizeof place->address);
		place->n++;
	}
	pthread_mutex_unlock(&caps->mutex);
	return enters;
}

void lk_http_caps_leave(struct lk_http_caps *caps, const uint8_t address[16])
{
	uint8_t key[16];
	struct place *place;

	pthread_mutex_lock(&caps->mutex);
	if (caps->places != NULL && key_of(address, key)) {
		place = find(caps, key);
		if (--place->n == 0)
			close_gap(caps, (size_t)(place - caps->places));
	}
	caps->n--;
	pthread_cond_broadcast(&caps->nobody);
	pthread_mutex_unlock(&caps->mutex);
}

void lk_http_caps_open_door(struct lk_http_caps *caps)
{
	pthread_mutex_lock(&caps->mutex);
	caps->n_doors++;
	pthread_mutex_unlock(&caps->mutex);
}

void lk_http_caps_close_door(struct lk_http_caps *caps)
{
	pthread_mutex_lock(&caps->mutex);
	caps->n_doors--;
	pthread_cond_broadcast(&caps->nobody);
	pthread_mutex_unlock(&caps->mutex);
}

uint32_t lk_http_caps_count(struct lk_http_caps *caps)
{
	uint32_t n;

	pthread_mutex_lock(&caps->mutex);
	n = caps->n;
	pthread_mutex_unlock(&caps->mutex);
	return n;
}

bool lk_http_caps_wait(struct lk_http_caps *caps, uint32_t timeout_ms)
{
	struct timespec end;
	bool is_over = false, is_empty;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	pthread_mutex_lock(&caps->mutex);
	while (caps->n + caps->n_doors > 0 && !is_over)
		is_over = pthread_cond_timedwait(&caps->nobody, &caps->mutex, &end) != 0;
	is_empty = caps->n + caps->n_doors == 0;
	pthread_mutex_unlock(&caps->mutex);
	return is_empty;
}
