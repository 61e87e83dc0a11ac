/* SPDX-License-Identifier: MIT */
/* Each counter is one moment: when it will be empty again (the generic cell rate algorithm). An
 * attempt moves it forward by its share of the window, and is refused if that would take it further
 * ahead than the whole window. So it needs no timer, and no history. */
#include "server/core/guesses.h"

#include <pthread.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/store/record.h"

#define SETS 8192 /* of counters; a power of two */
#define WAYS 8
#define TAG_SIZE 16
#define FLUSH_MAX 1000
#define FLUSH_ARENA_MAX ((size_t)16 * 1024)
#define SCAN_EVERY 60 /* flushes without a change, until counters that are empty are looked for */

#define MINUTES_MS(n) ((lk_time_ms)(n)*60 * 1000)

static const struct rule {
	uint32_t max;
	lk_time_ms window_ms;
} rules[] = {
	{ LK_GUESSES_NETWORK_MAX, MINUTES_MS(15) },
	{ LK_GUESSES_ACCOUNT_NETWORK_MAX, MINUTES_MS(15) },
	{ LK_GUESSES_ACCOUNT_MAX, MINUTES_MS(24 * 60) },
};
enum { NETWORK, ACCOUNT_NETWORK, ACCOUNT, RULES };

/* What a counter is kept under, here and in the store: what it counts, and the account it is of, so
 * that all of an account can be found. Zeros: of none. */
struct name {
	uint8_t tag[TAG_SIZE];
	uint8_t account[TAG_SIZE];
};
_Static_assert(sizeof(struct name) == LK_ROW_DIGEST_SIZE, "a name is the key of a row");

struct counter {
	struct name name;
	lk_time_ms empty_ms; /* 0: free */
	bool is_dirty;       /* to be written */
	bool is_stored;      /* there may be a row */
};

struct lk_guesses {
	const struct lk_peppers *peppers;
	pthread_mutex_t lock; /* over all that follows */
	struct counter counters[SETS * WAYS];
	bool has_changed;
	unsigned idle_flushes;
	struct counter writes[FLUSH_MAX]; /* the flusher's */
	size_t n_writes;
};

struct lk_status lk_guesses_new(const struct lk_peppers *peppers, struct lk_guesses **guesses_out)
{
	struct lk_guesses *guesses = lk_alloc(sizeof *guesses);

	if (guesses == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	guesses->peppers = peppers;
	pthread_mutex_init(&guesses->lock, NULL);
	*guesses_out = guesses;
	return LK_SUCCESS;
}

void lk_guesses_free(struct lk_guesses *guesses)
{
	if (guesses == NULL)
		return;
	pthread_mutex_destroy(&guesses->lock);
	lk_free(guesses);
}

/* --- names --- */

/* Of digests that are no secrets: they only place a counter. */
static bool is_same(const void *a, const void *b, size_t n)
{
	return lk_store_compare((struct lk_bytes) { a, n }, (struct lk_bytes) { b, n }) == 0;
}

struct lk_network lk_guess_network(const struct lk_address *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct lk_network network = { .bits = 128 };

	memcpy(network.addr, address->bytes, sizeof network.addr);
	if (is_same(address->bytes, mapped, sizeof mapped))
		return network;
	network.bits = 64;
	memset(network.addr + 8, 0, 8);
	return network;
}

static void make_tag(const struct lk_guesses *guesses, const struct lk_guess *guess, unsigned kind,
	uint8_t tag_out[TAG_SIZE])
{
	uint8_t text[3 + LK_REALM_NAME_MAX + LK_EMAIL_MAX + sizeof(struct lk_network)];
	struct lk_bytes account = { guess->account.data, kind == NETWORK ? 0 : guess->account.n };
	struct lk_digest digest;
	size_t n = 0;

	text[n++] = (uint8_t)kind;
	text[n++] = (uint8_t)guess->realm.n;
	memcpy(text + n, guess->realm.data, guess->realm.n);
	n += guess->realm.n;
	text[n++] = (uint8_t)account.n;
	if (account.n > 0)
		memcpy(text + n, account.data, account.n);
	n += account.n;
	if (kind != ACCOUNT && guess->address != NULL) {
		struct lk_network network = lk_guess_network(guess->address);

		memcpy(text + n, network.addr, sizeof network.addr);
		n += sizeof network.addr;
	}
	lk_digest_make(&guesses->peppers->items[0], lk_bytes_of("failed sign-ins"),
		(struct lk_bytes) { text, n }, &digest);
	memcpy(tag_out, digest.bytes, TAG_SIZE);
}

static struct name name_of(
	const struct lk_guesses *guesses, const struct lk_guess *guess, unsigned kind)
{
	struct name name = { .tag = { 0 } };

	make_tag(guesses, guess, kind, name.tag);
	if (kind != NETWORK)
		make_tag(guesses, guess, ACCOUNT, name.account);
	return name;
}

/* --- counters; under the lock --- */

static struct counter *set_of(struct lk_guesses *guesses, const struct name *name)
{
	uint32_t hash;

	memcpy(&hash, name->tag, sizeof hash);
	return &guesses->counters[(size_t)(hash % SETS) * WAYS];
}

static struct counter *find(struct lk_guesses *guesses, const struct name *name)
{
	struct counter *set = set_of(guesses, name);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].empty_ms != 0 && is_same(&set[i].name, name, sizeof *name))
			return &set[i];
	return NULL;
}

/* In the place of the one that is emptiest: whoever floods the table loses what counts least. */
static struct counter *find_or_add(struct lk_guesses *guesses, const struct name *name)
{
	struct counter *counter = find(guesses, name);
	struct counter *set = set_of(guesses, name);

	if (counter != NULL)
		return counter;
	counter = set;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].empty_ms < counter->empty_ms)
			counter = &set[i];
	*counter = (struct counter) { .name = *name };
	return counter;
}

static lk_time_ms share_of(const struct rule *rule)
{
	return rule->window_ms / rule->max;
}

/* Where the counter would stand after one more attempt. A clock that was set back must not keep
 * anybody out for longer than the window. */
static lk_time_ms after_one(const struct rule *rule, const struct counter *counter, lk_time_ms now)
{
	lk_time_ms from = counter != NULL && counter->empty_ms > now ? counter->empty_ms : now;

	if (from > now + rule->window_ms)
		from = now + rule->window_ms;
	return from + share_of(rule);
}

static void set_empty_at(struct lk_guesses *guesses, struct counter *counter, lk_time_ms at)
{
	counter->empty_ms = at > 0 ? at : 1;
	counter->is_dirty = true;
	guesses->has_changed = true;
}

/* Which counters an attempt uses: without an address only the account's. */
static bool uses(const struct lk_guess *guess, unsigned kind)
{
	return kind == ACCOUNT || guess->address != NULL;
}

static struct lk_status refuse(lk_time_ms wait_ms)
{
	return (struct lk_status) { .code = LK_RESOURCE_EXHAUSTED,
		.retry_ms = wait_ms > 1 ? (uint32_t)wait_ms : 1,
		.why = "too many failed sign-ins; try again later",
		.reason = LK_TOO_MANY_ATTEMPTS };
}

/* From a network that the account knows, its own counter keeps nobody out: or anybody could keep
 * the owner out. */
static struct lk_status check(
	struct lk_guesses *guesses, const struct lk_guess *guess, const struct name names[RULES])
{
	lk_time_ms wait_ms = 0;

	for (unsigned kind = 0; kind < RULES; kind++) {
		lk_time_ms at, over_ms;

		if (!uses(guess, kind) || (kind == ACCOUNT && guess->is_known_network))
			continue;
		at = after_one(&rules[kind], find(guesses, &names[kind]), guess->now);
		over_ms = at - guess->now - rules[kind].window_ms;
		if (over_ms > wait_ms)
			wait_ms = over_ms;
	}
	return wait_ms > 0 ? refuse(wait_ms) : LK_SUCCESS;
}

/* A full one stays as it is, and then there is nothing to take back: whoever is let through from a
 * network that the account knows must not make room for the others. */
static void count(
	struct lk_guesses *guesses, struct lk_guess *guess, unsigned kind, const struct name *name)
{
	struct counter *counter = find_or_add(guesses, name);
	lk_time_ms at = after_one(&rules[kind], counter, guess->now);

	if (at - guess->now > rules[kind].window_ms)
		return;
	set_empty_at(guesses, counter, at);
	guess->counted |= 1u << kind;
}

struct lk_status lk_guess_begin(struct lk_guesses *guesses, struct lk_guess *guess)
{
	struct name names[RULES];
	struct lk_status st;

	guess->counted = 0;
	for (unsigned kind = 0; kind < RULES; kind++)
		names[kind] = name_of(guesses, guess, kind);
	pthread_mutex_lock(&guesses->lock);
	st = check(guesses, guess, names);
	for (unsigned kind = 0; kind < RULES && st.code == LK_OK; kind++)
		if (uses(guess, kind))
			count(guesses, guess, kind, &names[kind]);
	pthread_mutex_unlock(&guesses->lock);
	return st;
}

void lk_guess_take_back(struct lk_guesses *guesses, const struct lk_guess *guess)
{
	for (unsigned kind = 0; kind < RULES; kind++) {
		struct name name = name_of(guesses, guess, kind);
		struct counter *counter;

		pthread_mutex_lock(&guesses->lock);
		counter = (guess->counted & 1u << kind) != 0 ? find(guesses, &name) : NULL;
		if (counter != NULL)
			set_empty_at(guesses, counter, counter->empty_ms - share_of(&rules[kind]));
		pthread_mutex_unlock(&guesses->lock);
	}
}

void lk_guesses_reset(struct lk_guesses *guesses, struct lk_bytes realm, struct lk_bytes account,
	const struct lk_address *address)
{
	const struct lk_guess guess = { .realm = realm, .account = account, .address = address };
	struct name of_account = name_of(guesses, &guess, ACCOUNT);
	struct name of_network = name_of(guesses, &guess, NETWORK);

	pthread_mutex_lock(&guesses->lock);
	for (size_t i = 0; i < SETS * WAYS; i++) {
		struct counter *counter = &guesses->counters[i];
		bool is_meant = account.n > 0 &&
				is_same(counter->name.account, of_account.account, TAG_SIZE);

		if (address != NULL)
			is_meant |= is_same(&counter->name, &of_network, sizeof of_network);
		if (counter->empty_ms != 0 && is_meant)
			set_empty_at(guesses, counter, 1);
	}
	pthread_mutex_unlock(&guesses->lock);
}

/* --- the store --- */

struct reading {
	struct lk_guesses *guesses;
	struct lk_arena arena;
};

static bool read_counter(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct lk_row prefix = lk_row_of_guess(NULL);
	struct reading *reading = arg;
	struct lk_guess_record record;
	struct counter *counter;
	struct name name;

	(void)seq;
	if (key.n != prefix.n + sizeof name)
		return true;
	memcpy(&name, key.data + prefix.n, sizeof name);
	lk_arena_reset(&reading->arena);
	if (lk_guess_record_decode(value, &reading->arena, &record).code != LK_OK)
		record.empty_ms = 1;
	counter = find_or_add(reading->guesses, &name);
	counter->empty_ms = record.empty_ms > 0 ? record.empty_ms : 1;
	counter->is_stored = true;
	return true;
}

struct lk_status lk_guesses_load(struct lk_guesses *guesses, struct lk_store *store)
{
	struct reading reading = { .guesses = guesses };
	struct lk_row prefix = lk_row_of_guess(NULL);
	struct lk_status st;

	lk_arena_init(&reading.arena, FLUSH_ARENA_MAX);
	pthread_mutex_lock(&guesses->lock);
	st = lk_store_scan(store, lk_row_bytes(&prefix), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		read_counter, &reading);
	pthread_mutex_unlock(&guesses->lock);
	lk_arena_fini(&reading.arena);
	return st;
}

struct flush {
	const struct lk_guesses *guesses;
	lk_time_ms now;
};

static struct lk_status write_counter(
	struct lk_txn *txn, const struct counter *counter, lk_time_ms now, struct lk_arena *arena)
{
	const struct lk_guess_record record = { .empty_ms = counter->empty_ms };
	uint8_t key[LK_ROW_DIGEST_SIZE];
	struct lk_bytes value;
	struct lk_row row;

	memcpy(key, &counter->name, sizeof key);
	row = lk_row_of_guess(key);
	if (counter->empty_ms <= now)
		return lk_txn_delete(txn, lk_row_bytes(&row), false);
	LK_TRY(lk_guess_record_encode(&record, arena, &value));
	return lk_txn_put(txn, lk_row_bytes(&row), value, false);
}

static struct lk_status write_counters(void *arg, struct lk_txn *txn)
{
	const struct flush *flush = arg;
	struct lk_status st = LK_SUCCESS;
	struct lk_arena arena;

	lk_arena_init(&arena, FLUSH_ARENA_MAX);
	for (size_t i = 0; i < flush->guesses->n_writes && st.code == LK_OK; i++) {
		lk_arena_reset(&arena);
		st = write_counter(txn, &flush->guesses->writes[i], flush->now, &arena);
	}
	lk_arena_fini(&arena);
	return st;
}

/* Takes what has changed, and what is empty and may have a row. True: there is more. */
static bool take(struct lk_guesses *guesses, lk_time_ms now)
{
	guesses->n_writes = 0;
	for (size_t i = 0; i < SETS * WAYS; i++) {
		struct counter *counter = &guesses->counters[i];
		bool is_empty = counter->empty_ms <= now;

		if (!counter->is_dirty && !(is_empty && counter->is_stored))
			continue;
		if (guesses->n_writes == FLUSH_MAX)
			return true;
		if (counter->is_stored || !is_empty)
			guesses->writes[guesses->n_writes++] = *counter;
		counter->is_dirty = false;
		counter->is_stored = !is_empty;
		if (is_empty)
			*counter = (struct counter) { .empty_ms = 0 };
	}
	return false;
}

static void take_again(struct lk_guesses *guesses)
{
	for (size_t i = 0; i < guesses->n_writes; i++) {
		struct counter *counter = find_or_add(guesses, &guesses->writes[i].name);

		if (counter->empty_ms == 0)
			counter->empty_ms = guesses->writes[i].empty_ms;
		counter->is_dirty = true;
		counter->is_stored = true;
	}
	guesses->has_changed = true;
}

struct lk_status lk_guesses_flush(
	struct lk_guesses *guesses, struct lk_committer *committer, lk_time_ms now)
{
	struct flush flush = { guesses, now };
	bool has_more = true;

	while (has_more) {
		struct lk_status st;

		pthread_mutex_lock(&guesses->lock);
		if (!guesses->has_changed && ++guesses->idle_flushes < SCAN_EVERY) {
			pthread_mutex_unlock(&guesses->lock);
			return LK_SUCCESS;
		}
		guesses->idle_flushes = 0;
		has_more = take(guesses, now);
		guesses->has_changed = has_more;
		pthread_mutex_unlock(&guesses->lock);
		if (guesses->n_writes == 0)
			return LK_SUCCESS;
		st = lk_committer_run(committer, write_counters, &flush);
		if (st.code == LK_OK)
			continue;
		pthread_mutex_lock(&guesses->lock);
		take_again(guesses);
		pthread_mutex_unlock(&guesses->lock);
		return st;
	}
	return LK_SUCCESS;
}
