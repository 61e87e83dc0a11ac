/* SPDX-License-Identifier: MIT */
#include "server/core/usage.h"

#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/text.h"

/* Two secrets that are used between two flushes may meet in a slot; then one keeps its time but
 * not its address. 16,384 make that rare for a thousand busy secrets. */
#define DETAILS 16384
#define FLUSH_MAX 1000
#define FLUSH_ARENA_MAX ((size_t)64 * 1024)

/* Where a use came from. Whoever finds it busy leaves instead of waiting. */
struct detail {
	atomic_bool busy;
	bool filled;
	bool has_address;
	uint8_t agent_n;
	struct lk_digest digest;
	struct lk_address address;
	char agent[LK_USER_AGENT_MAX];
};

/* A use on its way to the store. */
struct use {
	struct lk_digest digest;
	struct lk_key_id key_id;
	uint32_t secret;
	uint16_t realm;
	lk_time_ms at;
	uint8_t address_n;
	uint8_t agent_n;
	char address[LK_ADDRESS_TEXT_SIZE];
	char agent[LK_USER_AGENT_MAX];
};

struct lk_usage {
	struct detail details[DETAILS];
	struct use uses[FLUSH_MAX]; /* the flusher's */
	size_t n_uses;
};

struct lk_status lk_usage_new(struct lk_usage **usage_out)
{
	struct lk_usage *usage = lk_alloc(sizeof *usage);

	if (usage == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	*usage_out = usage;
	return LK_SUCCESS;
}

void lk_usage_free(struct lk_usage *usage)
{
	lk_free(usage);
}

static struct detail *detail_of(struct lk_usage *usage, const struct lk_digest *digest)
{
	uint32_t hash;

	/* Other bytes than those that place an entry in its table. */
	memcpy(&hash, digest->bytes + 8, sizeof hash);
	return &usage->details[hash % DETAILS];
}

static void fill_detail(struct detail *detail, const struct lk_digest *digest,
	struct lk_bytes client_address, struct lk_bytes user_agent)
{
	if (detail->filled && !lk_digest_equal(&detail->digest, digest))
		return;
	detail->filled = true;
	detail->digest = *digest;
	detail->has_address = lk_address_parse(client_address, &detail->address);
	detail->agent_n = (uint8_t)lk_text_cut(user_agent, LK_USER_AGENT_MAX);
	if (detail->agent_n > 0)
		memcpy(detail->agent, user_agent.data, detail->agent_n);
}

void lk_usage_note(struct lk_usage *usage, const struct lk_hit *hit, struct lk_bytes client_address,
	struct lk_bytes user_agent, lk_time_ms now)
{
	struct detail *detail;

	if (!lk_index_note_use(hit, now))
		return;
	detail = detail_of(usage, &hit->entry->digest);
	if (atomic_exchange_explicit(&detail->busy, true, memory_order_acquire))
		return;
	fill_detail(detail, &hit->entry->digest, client_address, user_agent);
	atomic_store_explicit(&detail->busy, false, memory_order_release);
}

/* Control characters would reach the terminal of whoever lists keys. */
static void copy_agent(const struct detail *detail, struct use *use)
{
	use->agent_n = detail->agent_n;
	for (size_t i = 0; i < detail->agent_n; i++) {
		uint8_t c = (uint8_t)detail->agent[i];

		use->agent[i] = c < 0x20 || c == 0x7f ? '?' : detail->agent[i];
	}
}

static void take_detail(struct lk_usage *usage, struct use *use)
{
	struct detail *detail = detail_of(usage, &use->digest);

	if (atomic_exchange_explicit(&detail->busy, true, memory_order_acquire))
		return;
	if (detail->filled && lk_digest_equal(&detail->digest, &use->digest)) {
		if (detail->has_address) {
			lk_address_format(&detail->address, use->address);
			use->address_n = (uint8_t)strlen(use->address);
		}
		copy_agent(detail, use);
		detail->filled = false;
	}
	atomic_store_explicit(&detail->busy, false, memory_order_release);
}

static void take_use(void *arg, const struct lk_entry *entry, lk_time_ms at)
{
	struct lk_usage *usage = arg;
	struct use *use = &usage->uses[usage->n_uses++];

	*use = (struct use) {
		.digest = entry->digest,
		.key_id = entry->key_id,
		.secret = entry->secret,
		.realm = entry->realm,
		.at = at,
	};
	take_detail(usage, use);
}

/* The place of a secret among those of its key: its own, a free one, or that of a secret before
 * it. NULL when it is older than all. */
static struct lk_secret_use *find_place(struct lk_usage_record *record, uint32_t secret)
{
	struct lk_secret_use *oldest = &record->uses[0];

	for (size_t i = 0; i < record->n_uses; i++) {
		if (record->uses[i].secret == secret)
			return &record->uses[i];
		if (record->uses[i].secret < oldest->secret)
			oldest = &record->uses[i];
	}
	if (record->n_uses < LK_USES_MAX)
		oldest = &record->uses[record->n_uses++];
	else if (oldest->secret > secret)
		return NULL;
	*oldest = (struct lk_secret_use) { .secret = secret };
	return oldest;
}

struct reading {
	struct lk_arena *arena;
	struct lk_usage_record record;
	struct lk_status st;
};

static bool read_usage(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct reading *reading = arg;

	(void)key;
	(void)seq;
	reading->st = lk_usage_record_decode(value, reading->arena, &reading->record);
	/* What cannot be read is written anew: nothing is decided by it. */
	if (reading->st.code == LK_DATA_LOSS) {
		reading->record.n_uses = 0;
		reading->st = LK_SUCCESS;
	}
	return false;
}

static struct lk_status write_use(struct lk_txn *txn, const struct lk_realm *realm,
	const struct use *use, struct lk_arena *arena)
{
	struct lk_bytes realm_name = { (const uint8_t *)realm->name, strlen(realm->name) };
	struct lk_row row = lk_row_of_usage(realm_name, &use->key_id);
	struct reading reading = { .arena = arena, .st = LK_SUCCESS };
	struct lk_secret_use *place;
	struct lk_bytes value;

	/* A scan, since a get would make the row a condition of the whole commit. */
	LK_TRY(lk_txn_scan(
		txn, lk_row_bytes(&row), (struct lk_bytes) { NULL, 0 }, 1, read_usage, &reading));
	LK_TRY(reading.st);
	place = find_place(&reading.record, use->secret);
	if (place == NULL || place->at_ms >= use->at)
		return LK_SUCCESS;
	place->at_ms = use->at;
	place->client_address = (struct lk_bytes) { (const uint8_t *)use->address, use->address_n };
	place->user_agent = (struct lk_bytes) { (const uint8_t *)use->agent, use->agent_n };
	LK_TRY(lk_usage_record_encode(&reading.record, arena, &value));
	return lk_txn_put(txn, lk_row_bytes(&row), value, false);
}

struct flush {
	struct lk_usage *usage;
	const struct lk_realms *realms;
};

static struct lk_status write_uses(void *arg, struct lk_txn *txn)
{
	const struct flush *flush = arg;
	struct lk_status st = LK_SUCCESS;
	struct lk_arena arena;

	lk_arena_init(&arena, FLUSH_ARENA_MAX);
	for (size_t i = 0; i < flush->usage->n_uses && st.code == LK_OK; i++) {
		const struct use *use = &flush->usage->uses[i];

		lk_arena_reset(&arena);
		st = write_use(txn, lk_realms_at(flush->realms, use->realm), use, &arena);
	}
	lk_arena_fini(&arena);
	return st;
}

static void note_again(const struct lk_usage *usage, const struct lk_index *index)
{
	lk_index_enter();
	for (size_t i = 0; i < usage->n_uses; i++) {
		struct lk_hit hit;

		if (lk_index_find(index, &usage->uses[i].digest, &hit))
			lk_index_note_again(&hit);
	}
	lk_index_leave();
}

struct lk_status lk_usage_flush(struct lk_usage *usage, struct lk_index *index,
	struct lk_committer *committer, bool *more_out)
{
	struct flush flush = { usage, lk_index_realms(index) };
	struct lk_status st;

	usage->n_uses = 0;
	*more_out = lk_index_take_used(index, FLUSH_MAX, take_use, usage) == FLUSH_MAX;
	if (usage->n_uses == 0)
		return LK_SUCCESS;
	st = lk_committer_run(committer, write_uses, &flush);
	if (st.code != LK_OK)
		note_again(usage, index);
	return st;
}
