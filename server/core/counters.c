/* SPDX-License-Identifier: MIT */
#include "server/core/counters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/store/record.h"

#define SETS 8192 /* of counters; a power of two */
#define WAYS 8
#define STRIPES 64 /* locks, of SETS / STRIPES sets each */
#define FLUSH_MAX 1000
#define FLUSH_ARENA_MAX ((size_t)16 * 1024)
#define SCAN_EVERY 60 /* flushes without a change, until counters that are empty are looked for */
#define NS_PER_MS INT64_C(1000000)

struct counter {
	struct lk_counter_name name;
	int64_t empty_ns; /* since the epoch; 0: free */
	bool is_durable;
	bool is_dirty;  /* to be written */
	bool is_stored; /* there may be a row */
};

/* A lock over its sets; a line of its own. */
struct stripe {
	_Alignas(64) pthread_mutex_t lock;
	struct counter counters[SETS / STRIPES][WAYS];
};

struct lk_counters {
	struct stripe stripes[STRIPES];
	struct lk_row (*row)(const uint8_t *);
	atomic_bool has_changed;
	unsigned idle_flushes;
	struct counter writes[FLUSH_MAX]; /* the flusher's */
	size_t n_writes;
};

struct lk_status lk_counters_new(
	struct lk_row (*row)(const uint8_t *), struct lk_counters **counters_out)
{
	struct lk_counters *counters = lk_alloc(sizeof *counters);

	if (counters == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	counters->row = row;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&counters->stripes[i].lock, NULL);
	*counters_out = counters;
	return LK_SUCCESS;
}

void lk_counters_free(struct lk_counters *counters)
{
	for (size_t i = 0; counters != NULL && i < STRIPES; i++)
		pthread_mutex_destroy(&counters->stripes[i].lock);
	lk_free(counters);
}

/* --- places; under the stripe's lock --- */

/* Of digests that are no secrets: they only place a counter. */
static bool is_same(const void *a, const void *b, size_t n)
{
	return lk_store_compare((struct lk_bytes) { a, n }, (struct lk_bytes) { b, n }) == 0;
}

static uint32_t hash_of(const struct lk_counter_name *name)
{
	uint32_t hash;

	memcpy(&hash, name->tag, sizeof hash);
	return hash;
}

static struct stripe *stripe_of(struct lk_counters *counters, const struct lk_counter_name *name)
{
	return &counters->stripes[hash_of(name) % STRIPES];
}

static struct counter *set_of(struct stripe *stripe, const struct lk_counter_name *name)
{
	return stripe->counters[hash_of(name) / STRIPES % (SETS / STRIPES)];
}

static struct counter *find(struct stripe *stripe, const struct lk_counter_name *name)
{
	struct counter *set = set_of(stripe, name);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].empty_ns != 0 && is_same(&set[i].name, name, sizeof *name))
			return &set[i];
	return NULL;
}

/* In the place of the one that is emptiest: whoever floods the table loses what counts least. */
static struct counter *find_or_add(struct stripe *stripe, const struct lk_counter_name *name)
{
	struct counter *counter = find(stripe, name);
	struct counter *set = set_of(stripe, name);

	if (counter != NULL)
		return counter;
	counter = set;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].empty_ns < counter->empty_ns)
			counter = &set[i];
	*counter = (struct counter) { .name = *name };
	return counter;
}

static void set_empty_at(struct lk_counters *counters, struct counter *counter, int64_t at_ns)
{
	counter->empty_ns = at_ns > 0 ? at_ns : 1;
	if (!counter->is_durable)
		return;
	counter->is_dirty = true;
	atomic_store(&counters->has_changed, true);
}

/* --- counting --- */

static int64_t window_of(const struct lk_counter_rule *rule)
{
	return rule->window_ms * NS_PER_MS;
}

/* How far ahead of now a counter is. One that is too far, because the clock was set back or the
 * rule is another one, is moved: it must not keep anybody out for longer than the window. */
static int64_t ahead_of(struct lk_counters *counters, const struct lk_counter_rule *rule,
	struct counter *counter, lk_time_ms now)
{
	int64_t ahead = counter != NULL ? counter->empty_ns - now * NS_PER_MS : 0;

	if (ahead > window_of(rule)) {
		ahead = window_of(rule);
		set_empty_at(counters, counter, now * NS_PER_MS + ahead);
	}
	return ahead > 0 ? ahead : 0;
}

static lk_time_ms to_ms(int64_t ns)
{
	return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

static struct lk_counter_level level_of(const struct lk_counter_rule *rule, int64_t ahead)
{
	int64_t share = window_of(rule) / rule->max, left = window_of(rule) - ahead;
	int64_t remaining = left / share;

	return (struct lk_counter_level) {
		.remaining = remaining < rule->max ? (uint32_t)remaining : rule->max,
		.reset_ms = to_ms(ahead),
		.wait_ms = left >= share ? 0 : to_ms(share - left),
	};
}

void lk_counter_look(struct lk_counters *counters, const struct lk_counter_rule *rule,
	const struct lk_counter_name *name, lk_time_ms now, struct lk_counter_level *level_out)
{
	struct stripe *stripe = stripe_of(counters, name);

	pthread_mutex_lock(&stripe->lock);
	*level_out = level_of(rule, ahead_of(counters, rule, find(stripe, name), now));
	pthread_mutex_unlock(&stripe->lock);
}

bool lk_counter_add(struct lk_counters *counters, const struct lk_counter_rule *rule,
	const struct lk_counter_name *name, lk_time_ms now, struct lk_counter_level *level_out)
{
	struct stripe *stripe = stripe_of(counters, name);
	struct counter *counter;
	int64_t ahead;
	bool fits;

	pthread_mutex_lock(&stripe->lock);
	counter = find(stripe, name);
	ahead = ahead_of(counters, rule, counter, now);
	*level_out = level_of(rule, ahead);
	fits = level_out->wait_ms == 0;
	if (fits) {
		if (counter == NULL)
			counter = find_or_add(stripe, name);
		ahead += window_of(rule) / rule->max;
		counter->is_durable = rule->is_durable;
		set_empty_at(counters, counter, now * NS_PER_MS + ahead);
		*level_out = level_of(rule, ahead);
	}
	pthread_mutex_unlock(&stripe->lock);
	return fits;
}

void lk_counter_take_back(struct lk_counters *counters, const struct lk_counter_rule *rule,
	const struct lk_counter_name *name)
{
	struct stripe *stripe = stripe_of(counters, name);
	struct counter *counter;

	pthread_mutex_lock(&stripe->lock);
	counter = find(stripe, name);
	if (counter != NULL)
		set_empty_at(counters, counter, counter->empty_ns - window_of(rule) / rule->max);
	pthread_mutex_unlock(&stripe->lock);
}

void lk_counters_forget(struct lk_counters *counters, const uint8_t group[LK_COUNTER_TAG_SIZE],
	const struct lk_counter_name *name)
{
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &counters->stripes[i];
		struct counter *counter = stripe->counters[0];

		pthread_mutex_lock(&stripe->lock);
		for (; counter < stripe->counters[0] + SETS / STRIPES * WAYS; counter++) {
			bool is_meant =
				(group != NULL &&
					is_same(counter->name.group, group, LK_COUNTER_TAG_SIZE)) ||
				(name != NULL && is_same(&counter->name, name, sizeof *name));

			if (counter->empty_ns != 0 && is_meant)
				set_empty_at(counters, counter, 1);
		}
		pthread_mutex_unlock(&stripe->lock);
	}
}

/* --- the store --- */

struct reading {
	struct lk_counters *counters;
	struct lk_arena arena;
};

static bool read_counter(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct reading *reading = arg;
	struct lk_row prefix = reading->counters->row(NULL);
	struct lk_counter_record record;
	struct lk_counter_name name;
	struct counter *counter;
	struct stripe *stripe;

	(void)seq;
	if (key.n != prefix.n + sizeof name)
		return true;
	memcpy(&name, key.data + prefix.n, sizeof name);
	lk_arena_reset(&reading->arena);
	if (lk_counter_record_decode(value, &reading->arena, &record).code != LK_OK ||
		record.empty_ms <= 0 || record.empty_ms > INT64_MAX / NS_PER_MS)
		record.empty_ms = 1;
	stripe = stripe_of(reading->counters, &name);
	pthread_mutex_lock(&stripe->lock);
	counter = find_or_add(stripe, &name);
	counter->empty_ns = record.empty_ms * NS_PER_MS;
	counter->is_durable = true;
	counter->is_stored = true;
	pthread_mutex_unlock(&stripe->lock);
	return true;
}

struct lk_status lk_counters_load(struct lk_counters *counters, struct lk_store *store)
{
	struct reading reading = { .counters = counters };
	struct lk_row prefix = counters->row(NULL);
	struct lk_status st;

	lk_arena_init(&reading.arena, FLUSH_ARENA_MAX);
	st = lk_store_scan(store, lk_row_bytes(&prefix), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		read_counter, &reading);
	lk_arena_fini(&reading.arena);
	return st;
}

struct flush {
	const struct lk_counters *counters;
	lk_time_ms now;
};

static bool is_empty(const struct counter *counter, lk_time_ms now)
{
	return counter->empty_ns <= now * NS_PER_MS;
}

static struct lk_status write_counter(const struct flush *flush, struct lk_txn *txn,
	const struct counter *counter, struct lk_arena *arena)
{
	const struct lk_counter_record record = { .empty_ms = to_ms(counter->empty_ns) };
	uint8_t key[LK_ROW_DIGEST_SIZE];
	struct lk_bytes value;
	struct lk_row row;

	memcpy(key, &counter->name, sizeof key);
	row = flush->counters->row(key);
	if (is_empty(counter, flush->now))
		return lk_txn_delete(txn, lk_row_bytes(&row), false);
	LK_TRY(lk_counter_record_encode(&record, arena, &value));
	return lk_txn_put(txn, lk_row_bytes(&row), value, false);
}

static struct lk_status write_counters(void *arg, struct lk_txn *txn)
{
	const struct flush *flush = arg;
	struct lk_status st = LK_SUCCESS;
	struct lk_arena arena;

	lk_arena_init(&arena, FLUSH_ARENA_MAX);
	for (size_t i = 0; i < flush->counters->n_writes && st.code == LK_OK; i++) {
		lk_arena_reset(&arena);
		st = write_counter(flush, txn, &flush->counters->writes[i], &arena);
	}
	lk_arena_fini(&arena);
	return st;
}

/* Takes what has changed of a stripe, and what is empty and may have a row. True: there is more. */
static bool take_stripe(struct lk_counters *counters, struct stripe *stripe, lk_time_ms now)
{
	struct counter *counter = stripe->counters[0];

	for (; counter < stripe->counters[0] + SETS / STRIPES * WAYS; counter++) {
		bool is_over = is_empty(counter, now);

		if (!counter->is_dirty && !(is_over && counter->is_stored))
			continue;
		if (counters->n_writes == FLUSH_MAX)
			return true;
		if (counter->is_stored || !is_over)
			counters->writes[counters->n_writes++] = *counter;
		counter->is_dirty = false;
		counter->is_stored = !is_over;
		if (is_over)
			*counter = (struct counter) { .empty_ns = 0 };
	}
	return false;
}

static bool take(struct lk_counters *counters, lk_time_ms now)
{
	bool has_more = false;

	counters->n_writes = 0;
	for (size_t i = 0; i < STRIPES && !has_more; i++) {
		pthread_mutex_lock(&counters->stripes[i].lock);
		has_more = take_stripe(counters, &counters->stripes[i], now);
		pthread_mutex_unlock(&counters->stripes[i].lock);
	}
	return has_more;
}

static void take_again(struct lk_counters *counters)
{
	for (size_t i = 0; i < counters->n_writes; i++) {
		struct stripe *stripe = stripe_of(counters, &counters->writes[i].name);
		struct counter *counter;

		pthread_mutex_lock(&stripe->lock);
		counter = find_or_add(stripe, &counters->writes[i].name);
		if (counter->empty_ns == 0)
			counter->empty_ns = counters->writes[i].empty_ns;
		counter->is_durable = true;
		counter->is_dirty = true;
		counter->is_stored = true;
		pthread_mutex_unlock(&stripe->lock);
	}
	atomic_store(&counters->has_changed, true);
}

struct lk_status lk_counters_flush(
	struct lk_counters *counters, struct lk_committer *committer, lk_time_ms now)
{
	struct flush flush = { counters, now };
	bool has_more = true;

	if (!atomic_exchange(&counters->has_changed, false) &&
		++counters->idle_flushes < SCAN_EVERY)
		return LK_SUCCESS;
	counters->idle_flushes = 0;
	while (has_more) {
		struct lk_status st;

		has_more = take(counters, now);
		if (counters->n_writes == 0)
			return LK_SUCCESS;
		st = lk_committer_run(committer, write_counters, &flush);
		if (st.code != LK_OK) {
			take_again(counters);
			return st;
		}
	}
	return LK_SUCCESS;
}
