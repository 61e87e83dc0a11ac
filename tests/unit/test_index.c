/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>

#include "server/core/index.h"
#include "tests/support/core_fixture.h"

#define MODEL_KEYS 40
#define MODEL_STEPS 4000

/* A record whose digest is made from its number and version; written straight into the store. */
static struct lk_key_record record_of(uint32_t number, uint32_t version)
{
	struct lk_key_record record = { .realm = text_of("crm"),
		.name = text_of("n"),
		.enabled = true,
		.current = { .number = version + 1 } };

	/* Spread as random ids are, so that some meet in a table. */
	uint64_t spread = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

	memcpy(record.id.bytes + 4, &number, sizeof number);
	spread ^= spread >> 32;
	memcpy(record.id.bytes + 8, &spread, sizeof spread);
	memcpy(record.current.digest, &spread, sizeof spread);
	memcpy(record.current.digest + 28, &version, sizeof version);
	return record;
}

static struct lk_digest digest_of(uint32_t number, uint32_t version)
{
	struct lk_key_record record = record_of(number, version);
	struct lk_digest digest;

	memcpy(digest.bytes, record.current.digest, sizeof digest.bytes);
	return digest;
}

static void put(struct fixture *f, const struct lk_key_record *record)
{
	struct lk_row row = lk_row_of_key(record->realm, &record->id);
	struct lk_bytes value;

	CHECK_OK(lk_key_record_encode(record, &f->arena, &value));
	CHECK_OK(lk_txn_put(f->txn, lk_row_bytes(&row), value, true));
}

static void erase(struct fixture *f, uint32_t number)
{
	struct lk_key_record record = record_of(number, 0);
	struct lk_row row = lk_row_of_key(record.realm, &record.id);

	CHECK_OK(lk_txn_delete(f->txn, lk_row_bytes(&row), true));
}

static uint64_t commit(struct fixture *f)
{
	uint64_t seq;

	CHECK_OK(lk_txn_commit(f->txn, &seq));
	lk_txn_reset(f->txn);
	lk_arena_reset(&f->arena);
	return seq;
}

static bool has(const struct lk_index *index, uint32_t number, uint32_t version)
{
	struct lk_digest digest = digest_of(number, version);
	struct lk_hit hit;

	return lk_index_find(index, &digest, &hit) && hit.entry->secret == version + 1;
}

TEST(an_index_grows_with_its_keys_and_loads_them_again)
{
	enum { N = 5000 };
	struct lk_index *loaded;
	struct fixture f;

	fixture_init(&f);
	for (uint32_t i = 0; i < N; i++) {
		struct lk_key_record record = record_of(i, 0);

		put(&f, &record);
		if (i % 100 == 99)
			CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	}
	CHECK_OK(lk_index_new(f.realms, &loaded));
	CHECK_OK(lk_index_load(loaded, f.store));
	for (uint32_t i = 0; i < N; i++) {
		CHECK(has(f.index, i, 0));
		CHECK(has(loaded, i, 0));
	}
	CHECK(!has(f.index, N, 0));
	CHECK_EQ(lk_index_stats(loaded).keys, N);
	CHECK_EQ(lk_index_stats(loaded).seq, lk_index_seq(f.index));
	CHECK_EQ(lk_index_stats(loaded).unreadable, 0);
	lk_index_free(loaded);
	fixture_fini(&f);
}

/* What the index should hold. */
struct model {
	bool present[MODEL_KEYS];
	uint32_t current[MODEL_KEYS];
	bool has_previous[MODEL_KEYS];
	uint32_t previous[MODEL_KEYS];
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void step(struct fixture *f, struct model *model, uint32_t *random, uint32_t version)
{
	uint32_t number = next_random(random) % MODEL_KEYS;
	uint32_t what = next_random(random) % 4;
	struct lk_key_record record = record_of(number, version);

	if (what == 0) {
		erase(f, number);
		model->present[number] = false;
		return;
	}
	/* Rotates a key that is there, or replaces it altogether. */
	model->has_previous[number] = what == 1 && model->present[number];
	if (model->has_previous[number]) {
		model->previous[number] = model->current[number];
		record.has_previous = true;
		record.previous = record_of(number, model->current[number]).current;
		record.previous.expires_ms = NOW;
	}
	model->present[number] = true;
	model->current[number] = version;
	put(f, &record);
}

static void compare(const struct lk_index *index, const struct model *model, uint32_t version)
{
	for (uint32_t number = 0; number < MODEL_KEYS; number++) {
		for (uint32_t v = version > 50 ? version - 50 : 0; v <= version; v++) {
			bool expected = model->present[number] &&
					(v == model->current[number] ||
						(model->has_previous[number] &&
							v == model->previous[number]));

			CHECK_EQ(has(index, number, v), expected);
		}
	}
}

TEST(a_random_history_leaves_what_a_naive_model_has)
{
	struct model model = { .present = { false } };
	uint32_t random = 1;
	struct lk_index *loaded;
	struct fixture f;

	fixture_init(&f);
	CHECK_OK(lk_index_new(f.realms, &loaded));
	for (uint32_t version = 0; version < MODEL_STEPS; version++) {
		step(&f, &model, &random, version);
		if (next_random(&random) % 3 == 0)
			CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
		if (version % 500 == 499) {
			CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
			CHECK_OK(lk_index_load(loaded, f.store));
			compare(f.index, &model, version);
			compare(loaded, &model, version);
			CHECK_EQ(lk_index_stats(loaded).secrets, lk_index_stats(f.index).secrets);
			CHECK_EQ(lk_index_stats(loaded).keys, lk_index_stats(f.index).keys);
		}
	}
	lk_index_free(loaded);
	fixture_fini(&f);
}

TEST(an_index_starts_over_when_the_log_no_longer_reaches_back)
{
	struct lk_key_record record = record_of(1, 0);
	struct lk_index *late;
	struct fixture f;
	uint64_t seq;

	fixture_init(&f);
	CHECK_OK(lk_index_new(f.realms, &late));
	put(&f, &record);
	seq = commit(&f);
	/* The last commit about keys is out of the log's reach for good. */
	CHECK_OK(lk_txn_put(f.txn, text_of("elsewhere"), text_of("1"), true));
	seq = commit(&f);
	lk_store_mem_trim(f.store, seq);
	CHECK_OK(lk_index_catch_up(late, f.store, seq));
	CHECK(has(late, 1, 0));
	CHECK_EQ(lk_index_seq(late), seq);
	record = record_of(2, 0);
	put(&f, &record);
	CHECK_OK(lk_index_catch_up(late, f.store, commit(&f)));
	CHECK(has(late, 2, 0));
	lk_index_free(late);
	fixture_fini(&f);
}

TEST(a_damaged_record_is_denied_by_being_left_out)
{
	struct lk_key_record record = record_of(1, 0);
	struct lk_row row = lk_row_of_key(record.realm, &record.id);
	struct lk_key_record other = record_of(2, 0);
	struct lk_bytes value;
	struct fixture f;

	fixture_init(&f);
	put(&f, &record);
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	CHECK(has(f.index, 1, 0));
	CHECK_OK(lk_txn_put(f.txn, lk_row_bytes(&row), text_of("\xff garbage"), true));
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	CHECK(!has(f.index, 1, 0));
	/* The record of another key in this key's row. */
	CHECK_OK(lk_key_record_encode(&other, &f.arena, &value));
	CHECK_OK(lk_txn_put(f.txn, lk_row_bytes(&row), value, true));
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	CHECK(!has(f.index, 2, 0));
	CHECK_EQ(lk_index_stats(f.index).unreadable, 2);
	fixture_fini(&f);
}

TEST(a_network_that_cannot_be_read_does_not_open_the_key_to_everywhere)
{
	struct lk_key_record record = record_of(1, 0);
	struct lk_bytes networks[] = { text_of("not a network") };
	struct fixture f;

	fixture_init(&f);
	record.networks = (struct lk_text_list) { networks, 1 };
	put(&f, &record);
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	CHECK(!has(f.index, 1, 0));
	fixture_fini(&f);
}

TEST(a_denied_key_stays_denied_through_a_reload_until_its_record_changes)
{
	struct lk_auth_request request = { .n_permissions = 0 };
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_update update = { .fields = LK_KEY_FIELD_NAME };
	struct lk_key_text secret;
	struct lk_key_view key;
	struct fixture f;

	fixture_init(&f);
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	/* What was stale is known again after a load. */
	lk_index_deny(f.index, &key.record.id, LK_ENTRY_DENIED_AS_STALE);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_REVOKED);
	CHECK_OK(lk_index_load(f.index, f.store));
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	lk_index_deny(f.index, &key.record.id, LK_ENTRY_DENIED_AS_REVOKED);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_REVOKED);
	CHECK_OK(lk_index_load(f.index, f.store));
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_REVOKED);
	update.id = key.id;
	update.spec.name = "renamed";
	CHECK_OK(fixture_commit(&f, lk_keys_update(&f.call, f.txn, &update, &key)));
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(new_realms_compile_keys_anew_and_close_what_is_gone)
{
	static const char *const fewer[] = { "records.new" };
	const struct lk_realm_spec specs[] = { { .name = "crm",
		.key_prefix = "crm_live_",
		.permissions = fewer,
		.n_permissions = 1 } };
	static const char *const wanted[] = { "records.new" };
	struct lk_auth_request request = { .permissions = wanted, .n_permissions = 1 };
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_text secret;
	struct lk_key_text other;
	struct lk_key_view key;
	struct lk_realms *realms;
	struct fixture f;

	fixture_init(&f);
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	f.call.realm = lk_realms_find(f.realms, text_of("other"));
	spec.n_scopes = 0;
	CHECK_OK(fixture_create(&f, &spec, &key, &other));
	CHECK_OK(lk_realms_new(specs, 1, f.realms, &realms));
	f.realms = realms;
	CHECK_OK(lk_index_set_realms(f.index, f.store, realms));
	CHECK(lk_index_realms(f.index) == realms);
	request.realm = lk_realms_find(realms, text_of("crm"));
	/* `records.*` covers what is new below it. */
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	CHECK_EQ(lk_index_stats(f.index).keys, 1);
	fixture_fini(&f);
}

TEST(when_memory_fails_the_keys_concerned_are_denied_until_it_is_back)
{
	struct lk_auth_request request = { .n_permissions = 0 };
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_text secret;
	struct lk_key_text second;
	struct lk_key_view key;
	struct fixture f;
	bool fired = true;

	for (unsigned long nth = 1; fired; nth++) {
		struct lk_key_update update = { .fields = LK_KEY_FIELD_ENABLED };
		struct lk_status st;
		uint64_t seq;

		fixture_init(&f);
		CHECK_OK(fixture_create(&f, &spec, &key, &secret));
		CHECK_OK(fixture_create(&f, &spec, &key, &second));
		update.id = key.id;
		CHECK_OK(lk_keys_update(&f.call, f.txn, &update, &key));
		CHECK_OK(lk_txn_commit(f.txn, &seq));
		lk_arena_fini(&f.arena);
		lk_alloc_fail_nth(nth);
		st = lk_index_catch_up(f.index, f.store, seq);
		fired = lk_alloc_fail_nth(0);
		CHECK_EQ(lk_index_is_behind(f.index), st.code != LK_OK);
		CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
		CHECK(fixture_verify(&f, second.text, request) != LK_DENY_NONE);
		CHECK_OK(lk_index_catch_up(f.index, f.store, seq));
		CHECK(!lk_index_is_behind(f.index));
		CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
		CHECK_EQ(fixture_verify(&f, second.text, request), LK_DENY_DISABLED);
		fixture_fini(&f);
	}
}

TEST(a_failed_load_leaves_the_index_as_it_was)
{
	bool fired = true;
	struct fixture f;

	fixture_init(&f);
	for (uint32_t i = 0; i < 200; i++) {
		struct lk_key_record record = record_of(i, 0);

		put(&f, &record);
	}
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	for (unsigned long nth = 1; fired; nth++) {
		struct lk_status st;

		lk_alloc_fail_nth(nth);
		st = lk_index_load(f.index, f.store);
		fired = lk_alloc_fail_nth(0);
		CHECK(fired ? st.code != LK_OK : st.code == LK_OK);
		for (uint32_t i = 0; i < 200; i++)
			CHECK(has(f.index, i, 0));
	}
	fixture_fini(&f);
}

struct concurrent {
	struct lk_index *index;
	atomic_bool stop;
	atomic_uint lookups;
};

/* Key 0 is always there, whatever happens around it; the others come and go. */
static bool look_up(const struct lk_index *index, uint32_t number)
{
	struct lk_digest digest = digest_of(number, 0);
	struct lk_hit hit;

	if (!lk_index_find(index, &digest, &hit))
		return number != 0;
	lk_index_note_use(&hit, NOW);
	return lk_entry_name(hit.entry)[0] == 'n';
}

static void *look_up_until_stopped(void *arg)
{
	struct concurrent *shared = arg;
	void *missed = NULL;

	while (!atomic_load(&shared->stop)) {
		lk_index_enter();
		for (uint32_t i = 0; i < 64; i++)
			if (!look_up(shared->index, i))
				missed = shared;
		lk_index_leave();
		atomic_fetch_add(&shared->lookups, 1);
	}
	return missed;
}

static void churn(struct fixture *f, uint32_t round)
{
	for (uint32_t i = 0; i < 64; i++) {
		struct lk_key_record record = record_of(i, 0);

		if (i != 0 && (i + round) % 3 == 0)
			erase(f, i);
		else
			put(f, &record);
	}
	CHECK_OK(lk_index_catch_up(f->index, f->store, commit(f)));
	if (round % 20 == 0)
		CHECK_OK(lk_index_load(f->index, f->store));
}

TEST(readers_find_a_key_at_every_moment_while_all_is_changing)
{
	struct concurrent shared = { .stop = false };
	pthread_t readers[2];
	struct fixture f;

	fixture_init(&f);
	churn(&f, 0);
	shared.index = f.index;
	for (size_t i = 0; i < LK_COUNT(readers); i++)
		CHECK_EQ(pthread_create(&readers[i], NULL, look_up_until_stopped, &shared), 0);
	for (uint32_t round = 1; round < 200 || atomic_load(&shared.lookups) < 100; round++)
		churn(&f, round);
	atomic_store(&shared.stop, true);
	for (size_t i = 0; i < LK_COUNT(readers); i++) {
		void *missed;

		CHECK_EQ(pthread_join(readers[i], &missed), 0);
		CHECK(missed == NULL);
	}
	fixture_fini(&f);
}

static void count_use(void *arg, const struct lk_entry *entry, lk_time_ms at)
{
	size_t *n = arg;

	(void)entry;
	CHECK_EQ(at, NOW / 1000 * 1000);
	(*n)++;
}

TEST(times_of_use_survive_growth_replacement_and_reload)
{
	struct lk_digest digest = digest_of(0, 0);
	struct lk_key_record record = record_of(0, 0);
	struct lk_hit hit;
	struct fixture f;
	size_t n = 0;

	fixture_init(&f);
	put(&f, &record);
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	/* Noted by a reader that entered before all the changes. */
	CHECK(lk_index_find(f.index, &digest, &hit));
	CHECK(lk_index_note_use(&hit, NOW));
	CHECK(!lk_index_note_use(&hit, NOW - 5000));
	for (uint32_t i = 0; i < 500; i++) {
		record = record_of(i, 0);
		put(&f, &record);
	}
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	CHECK_OK(lk_index_load(f.index, f.store));
	/* The next change frees the old tables. */
	put(&f, &record);
	CHECK_OK(lk_index_catch_up(f.index, f.store, commit(&f)));
	CHECK_EQ(lk_index_take_used(f.index, 10, count_use, &n), 1);
	CHECK_EQ(lk_index_take_used(f.index, 10, count_use, &n), 0);
	CHECK_EQ(n, 1);
	CHECK(lk_index_find(f.index, &digest, &hit));
	lk_index_note_again(&hit);
	CHECK_EQ(lk_index_take_used(f.index, 10, count_use, &n), 1);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_index_grows_with_its_keys_and_loads_them_again),
		RUN(a_random_history_leaves_what_a_naive_model_has),
		RUN(an_index_starts_over_when_the_log_no_longer_reaches_back),
		RUN(a_damaged_record_is_denied_by_being_left_out),
		RUN(a_network_that_cannot_be_read_does_not_open_the_key_to_everywhere),
		RUN(a_denied_key_stays_denied_through_a_reload_until_its_record_changes),
		RUN(new_realms_compile_keys_anew_and_close_what_is_gone),
		RUN(when_memory_fails_the_keys_concerned_are_denied_until_it_is_back),
		RUN(a_failed_load_leaves_the_index_as_it_was),
		RUN(readers_find_a_key_at_every_moment_while_all_is_changing),
		RUN(times_of_use_survive_growth_replacement_and_reload),
	};

	return RUN_ALL(tests);
}
