/* SPDX-License-Identifier: MIT */
#include "server/core/guesses.h"

#include <pthread.h>
#include <string.h>

#include "proto/wire/arena.h"

#define MINUTES_MS(n) ((lk_time_ms)(n)*60 * 1000)

static const struct lk_counter_rule rules[] = {
	{ LK_GUESSES_NETWORK_MAX, MINUTES_MS(15), true },
	{ LK_GUESSES_ACCOUNT_NETWORK_MAX, MINUTES_MS(15), true },
	{ LK_GUESSES_ACCOUNT_MAX, MINUTES_MS(24 * 60), true },
};
enum { NETWORK, ACCOUNT_NETWORK, ACCOUNT, RULES };

struct lk_guesses {
	const struct lk_peppers *peppers;
	pthread_mutex_t lock; /* so that the three of an attempt move together */
	struct lk_counters *counters;
};

struct lk_status lk_guesses_new(const struct lk_peppers *peppers, struct lk_guesses **guesses_out)
{
	struct lk_guesses *guesses = lk_alloc(sizeof *guesses);
	struct lk_status st;

	if (guesses == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	guesses->peppers = peppers;
	st = lk_counters_new(lk_row_of_guess, &guesses->counters);
	if (st.code != LK_OK) {
		lk_free(guesses);
		return st;
	}
	pthread_mutex_init(&guesses->lock, NULL);
	*guesses_out = guesses;
	return LK_SUCCESS;
}

void lk_guesses_free(struct lk_guesses *guesses)
{
	if (guesses == NULL)
		return;
	pthread_mutex_destroy(&guesses->lock);
	lk_counters_free(guesses->counters);
	lk_free(guesses);
}

struct lk_counters *lk_guesses_counters(struct lk_guesses *guesses)
{
	return guesses->counters;
}

/* --- names --- */

/* Whether it is an IPv4 address in IPv6 (RFC 4291, section 2.5.5.2). */
static bool is_mapped(const struct lk_address *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return lk_store_compare((struct lk_bytes) { address->bytes, sizeof mapped },
		       (struct lk_bytes) { mapped, sizeof mapped }) == 0;
}

struct lk_network lk_guess_network(const struct lk_address *address)
{
	struct lk_network network = { .bits = 128 };

	memcpy(network.addr, address->bytes, sizeof network.addr);
	if (is_mapped(address))
		return network;
	network.bits = 64;
	memset(network.addr + 8, 0, 8);
	return network;
}

static void make_tag(const struct lk_guesses *guesses, const struct lk_guess *guess, unsigned kind,
	uint8_t tag_out[LK_COUNTER_TAG_SIZE])
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
	memcpy(tag_out, digest.bytes, LK_COUNTER_TAG_SIZE);
}

static struct lk_counter_name name_of(
	const struct lk_guesses *guesses, const struct lk_guess *guess, unsigned kind)
{
	struct lk_counter_name name = { .tag = { 0 } };

	make_tag(guesses, guess, kind, name.tag);
	if (kind != NETWORK)
		make_tag(guesses, guess, ACCOUNT, name.group);
	return name;
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
static struct lk_status check(struct lk_guesses *guesses, const struct lk_guess *guess,
	const struct lk_counter_name names[RULES])
{
	lk_time_ms wait_ms = 0;

	for (unsigned kind = 0; kind < RULES; kind++) {
		struct lk_counter_level level;

		if (!uses(guess, kind) || (kind == ACCOUNT && guess->is_known_network))
			continue;
		lk_counter_look(guesses->counters, &rules[kind], &names[kind], guess->now, &level);
		if (level.wait_ms > wait_ms)
			wait_ms = level.wait_ms;
	}
	return wait_ms > 0 ? refuse(wait_ms) : LK_SUCCESS;
}

struct lk_status lk_guess_begin(struct lk_guesses *guesses, struct lk_guess *guess)
{
	struct lk_counter_name names[RULES];
	struct lk_counter_level level;
	struct lk_status st;

	guess->counted = 0;
	for (unsigned kind = 0; kind < RULES; kind++)
		names[kind] = name_of(guesses, guess, kind);
	pthread_mutex_lock(&guesses->lock);
	st = check(guesses, guess, names);
	/* A full one stays as it is, and then there is nothing to take back: whoever is let through
	 * from a network that the account knows must not make room for the others. */
	for (unsigned kind = 0; kind < RULES && st.code == LK_OK; kind++)
		if (uses(guess, kind) && lk_counter_add(guesses->counters, &rules[kind],
						 &names[kind], guess->now, &level))
			guess->counted |= 1u << kind;
	pthread_mutex_unlock(&guesses->lock);
	return st;
}

void lk_guess_take_back(struct lk_guesses *guesses, const struct lk_guess *guess)
{
	for (unsigned kind = 0; kind < RULES; kind++) {
		struct lk_counter_name name = name_of(guesses, guess, kind);

		if ((guess->counted & 1u << kind) != 0)
			lk_counter_take_back(guesses->counters, &rules[kind], &name);
	}
}

void lk_guesses_reset(struct lk_guesses *guesses, struct lk_bytes realm, struct lk_bytes account,
	const struct lk_address *address)
{
	const struct lk_guess guess = { .realm = realm, .account = account, .address = address };
	struct lk_counter_name of_account = name_of(guesses, &guess, ACCOUNT);
	struct lk_counter_name of_network = name_of(guesses, &guess, NETWORK);

	lk_counters_forget(guesses->counters, account.n > 0 ? of_account.group : NULL,
		address != NULL ? &of_network : NULL);
}
