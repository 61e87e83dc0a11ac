/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/support/core_fixture.h"

#define DAY_MS ((lk_time_ms)24 * 3600 * 1000)

static struct lk_key_view key;
static struct lk_key_text secret;

static struct lk_status update(struct fixture *f, unsigned fields, const struct lk_key_spec *spec)
{
	struct lk_key_update change = { key.id, fields, *spec, false };

	return fixture_commit(f, lk_keys_update(&f->call, f->txn, &change, &key));
}

static struct lk_status rotate(struct fixture *f, lk_time_ms grace_ms)
{
	struct lk_key_rotation rotation = { key.id, grace_ms };

	return fixture_commit(f, lk_keys_rotate(&f->call, f->txn, &rotation, &key, &secret));
}

static struct lk_status revoke(struct fixture *f, uint32_t reason, const char *comment)
{
	struct lk_key_revocation revocation = { key.id, reason, comment };

	return fixture_commit(f, lk_keys_revoke(&f->call, f->txn, &revocation, &key));
}

static void create(struct fixture *f)
{
	struct lk_key_spec spec = fixture_spec();

	CHECK_OK(fixture_create(f, &spec, &key, &secret));
}

static bool is_text(struct lk_bytes bytes, const char *text)
{
	return bytes.n == strlen(text) && memcmp(bytes.data, text, bytes.n) == 0;
}

TEST(a_created_key_reads_back_as_it_was_asked_for)
{
	static const char *const networks[] = { "::ffff:10.0.0.0/104", "2001:DB8::/32" };
	static const struct lk_metadata_pair metadata[] = { { "team", "b\xc3\xa4r" }, { "x", "" } };
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_view read;
	struct fixture f;

	fixture_init(&f);
	spec.organization_id = "org";
	spec.networks = networks;
	spec.n_networks = 2;
	spec.metadata = metadata;
	spec.n_metadata = 2;
	spec.expires_ms = NOW + DAY_MS;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_OK(lk_keys_get(&f.call, f.store, key.id, &read));
	CHECK_STR(read.id, key.id);
	CHECK(is_text(read.record.name, "ci"));
	CHECK(is_text(read.record.realm, "crm"));
	CHECK(is_text(read.record.user_id, "u_1"));
	CHECK(is_text(read.record.organization_id, "org"));
	CHECK_EQ(read.record.scopes.n, 2);
	CHECK(is_text(read.record.scopes.items[0], "records.*"));
	CHECK_EQ(read.record.networks.n, 2);
	CHECK(is_text(read.record.networks.items[0], "10.0.0.0/8"));
	CHECK(is_text(read.record.networks.items[1], "2001:db8::/32"));
	CHECK_EQ(read.record.metadata.n, 2);
	CHECK(is_text(read.record.metadata.items[0].value, "b\xc3\xa4r"));
	CHECK_EQ(read.record.expires_ms, NOW + DAY_MS);
	CHECK_EQ(read.record.created_ms, NOW);
	CHECK_EQ(read.state, LK_KEY_ACTIVE);
	CHECK_EQ(read.record.current.hint.n, strlen("crm_live_") + 7);
	CHECK_MEM(read.record.current.hint.data, secret.text, read.record.current.hint.n);
	CHECK(read.current_use == NULL);
	fixture_fini(&f);
}

static char long_text[1024];
static const char *many[LK_KEY_SCOPES_MAX + 1];
static struct lk_metadata_pair many_pairs[LK_KEY_METADATA_MAX + 1];
static char pair_keys[LK_KEY_METADATA_MAX + 1][8];

/* A text of n bytes; up to two at a time. */
static const char *text_of_length(size_t n)
{
	memset(long_text, 'a', sizeof long_text);
	long_text[n] = '\0';
	return long_text;
}

static void check_refused(struct fixture *f, const struct lk_key_spec *spec, const char *field)
{
	struct lk_status st = fixture_create(f, spec, &key, &secret);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, field);
}

static const char *const bad_texts[] = { "a\nb", "\x7f", "\x1b[31m", "\xc2\x85", "\xff",
	"\xed\xa0\x80" };

TEST(a_text_that_is_no_plain_text_or_too_long_is_refused_by_field)
{
	struct lk_key_spec spec;
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < LK_COUNT(bad_texts); i++) {
		spec = fixture_spec();
		spec.name = bad_texts[i];
		check_refused(&f, &spec, "name");
		spec = fixture_spec();
		spec.user_id = bad_texts[i];
		check_refused(&f, &spec, "user_id");
		spec = fixture_spec();
		spec.organization_id = bad_texts[i];
		check_refused(&f, &spec, "organization_id");
	}
	spec = fixture_spec();
	spec.name = "";
	check_refused(&f, &spec, "name");
	spec.name = text_of_length(201);
	check_refused(&f, &spec, "name");
	spec = fixture_spec();
	spec.user_id = text_of_length(129);
	check_refused(&f, &spec, "user_id");
	spec = fixture_spec();
	spec.organization_id = text_of_length(129);
	check_refused(&f, &spec, "organization_id");
	spec = fixture_spec();
	spec.name = text_of_length(200);
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	fixture_fini(&f);
}

TEST(lists_beyond_their_cap_or_with_a_wrong_item_are_refused_by_field)
{
	static const char *const unknown[] = { "records.read", "records.fly" };
	static const char *const wrong[] = { "10.0.0.1/8" };
	static const char *const crm[] = { "crm" };
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < LK_COUNT(many); i++)
		many[i] = "records.read";
	spec.scopes = many;
	spec.n_scopes = LK_KEY_SCOPES_MAX + 1;
	check_refused(&f, &spec, "scopes");
	spec.scopes = unknown;
	spec.n_scopes = 2;
	check_refused(&f, &spec, "scopes");
	for (size_t i = 0; i < LK_COUNT(many); i++)
		many[i] = "10.0.0.1";
	spec = fixture_spec();
	spec.networks = many;
	spec.n_networks = LK_KEY_NETWORKS_MAX + 1;
	check_refused(&f, &spec, "networks");
	spec.networks = wrong;
	spec.n_networks = 1;
	check_refused(&f, &spec, "networks");
	spec = fixture_spec();
	spec.realms = crm;
	spec.n_realms = 1;
	check_refused(&f, &spec, "realms");
	fixture_fini(&f);
}

TEST(metadata_beyond_its_limits_is_refused)
{
	static const struct lk_metadata_pair twice[] = { { "a", "1" }, { "a", "2" } };
	static const struct lk_metadata_pair nameless = { "", "1" };
	struct lk_metadata_pair pair = { "a", "1" };
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < LK_COUNT(many_pairs); i++) {
		snprintf(pair_keys[i], sizeof pair_keys[i], "k%zu", i);
		many_pairs[i] = (struct lk_metadata_pair) { pair_keys[i], "" };
	}
	spec.metadata = many_pairs;
	spec.n_metadata = LK_COUNT(many_pairs);
	check_refused(&f, &spec, "metadata");
	spec.metadata = twice;
	spec.n_metadata = 2;
	check_refused(&f, &spec, "metadata");
	spec.n_metadata = 1;
	spec.metadata = &nameless;
	check_refused(&f, &spec, "metadata");
	spec.metadata = &pair;
	pair.key = text_of_length(65);
	check_refused(&f, &spec, "metadata");
	pair = (struct lk_metadata_pair) { "a", text_of_length(513) };
	check_refused(&f, &spec, "metadata");
	pair.value = "\xff";
	check_refused(&f, &spec, "metadata");
	pair.value = text_of_length(512);
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	fixture_fini(&f);
}

TEST(a_key_expires_in_the_future_and_before_the_year_10000)
{
	static const lk_time_ms wrong[] = { NOW, NOW - 1, -1, 253402300800000, INT64_MAX };
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < LK_COUNT(wrong); i++) {
		spec.expires_ms = wrong[i];
		check_refused(&f, &spec, "expires_at");
	}
	spec.expires_ms = 253402300799999;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	fixture_fini(&f);
}

TEST(a_service_key_names_realms_that_exist)
{
	static const char *const scopes[] = { "auth.verify" };
	static const char *const realms[] = { "crm", "*" };
	static const char *const unknown[] = { "nowhere" };
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	f.call.realm = lk_realms_at(f.realms, 0);
	spec.scopes = scopes;
	spec.n_scopes = 1;
	spec.realms = unknown;
	spec.n_realms = 1;
	check_refused(&f, &spec, "realms");
	spec.realms = realms;
	spec.n_realms = 2;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_EQ(key.record.realms.n, 2);
	fixture_fini(&f);
}

TEST(an_owner_has_at_most_as_many_keys_as_the_realm_allows)
{
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	for (int i = 0; i < 5; i++)
		CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_CODE(fixture_create(&f, &spec, &key, &secret), LK_RESOURCE_EXHAUSTED);
	spec.user_id = "u_2";
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	spec.user_id = "";
	spec.organization_id = "o";
	for (int i = 0; i < 5; i++)
		CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_CODE(fixture_create(&f, &spec, &key, &secret), LK_RESOURCE_EXHAUSTED);
	fixture_fini(&f);
}

TEST(a_key_of_another_realm_is_as_unknown_as_one_that_never_was)
{
	struct lk_key_spec spec = fixture_spec();
	const char *ids[] = { NULL, "key_0000000000000000000000", "", "nonsense" };
	struct lk_key_view view;
	struct fixture f;

	fixture_init(&f);
	create(&f);
	ids[0] = key.id;
	f.call.realm = lk_realms_find(f.realms, text_of("other"));
	for (size_t i = 0; i < LK_COUNT(ids); i++) {
		struct lk_key_update change = { ids[i], LK_KEY_FIELD_NAME, spec, false };
		struct lk_key_rotation rotation = { ids[i], 0 };
		struct lk_key_revocation revocation = { ids[i], 0, "" };
		struct lk_key_text text;
		const struct lk_status results[] = {
			lk_keys_get(&f.call, f.store, ids[i], &view),
			lk_keys_update(&f.call, f.txn, &change, &view),
			lk_keys_rotate(&f.call, f.txn, &rotation, &view, &text),
			lk_keys_revoke(&f.call, f.txn, &revocation, &view),
		};

		for (size_t j = 0; j < LK_COUNT(results); j++) {
			CHECK_CODE(results[j], LK_NOT_FOUND);
			CHECK_STR(results[j].why, results[0].why);
		}
	}
	fixture_fini(&f);
}

TEST(an_update_changes_what_its_mask_names_and_nothing_else)
{
	static const char *const scopes[] = { "*" };
	static const char *const networks[] = { "10.0.0.1" };
	static const struct lk_metadata_pair metadata = { "k", "v" };
	struct lk_key_spec spec = { .name = "new",
		.user_id = "u_2",
		.organization_id = "o",
		.scopes = scopes,
		.n_scopes = 1,
		.networks = networks,
		.n_networks = 1,
		.metadata = &metadata,
		.n_metadata = 1,
		.expires_ms = NOW + 1 };
	struct fixture f;

	fixture_init(&f);
	for (unsigned fields = 0; fields < 64; fields++) {
		struct lk_key_spec old = fixture_spec();

		old.user_id = "";
		CHECK_OK(fixture_create(&f, &old, &key, &secret));
		CHECK_OK(update(&f, fields, &spec));
		CHECK_EQ(is_text(key.record.name, "new"), (fields & LK_KEY_FIELD_NAME) != 0);
		CHECK_EQ(key.record.scopes.n, (fields & LK_KEY_FIELD_SCOPES) != 0 ? 1 : 2);
		CHECK_EQ(key.record.networks.n, (fields & LK_KEY_FIELD_NETWORKS) != 0 ? 1 : 0);
		CHECK_EQ(key.record.expires_ms,
			(fields & LK_KEY_FIELD_EXPIRES_AT) != 0 ? NOW + 1 : 0);
		CHECK_EQ(key.record.enabled, (fields & LK_KEY_FIELD_ENABLED) == 0);
		CHECK_EQ(key.record.metadata.n, (fields & LK_KEY_FIELD_METADATA) != 0 ? 1 : 0);
		CHECK_EQ(key.record.user_id.n, 0);
		CHECK_EQ(key.record.organization_id.n, 0);
	}
	fixture_fini(&f);
}

TEST(a_refused_update_changes_nothing)
{
	struct lk_key_spec spec = { .name = "new", .expires_ms = NOW };
	struct fixture f;

	fixture_init(&f);
	create(&f);
	CHECK_CODE(update(&f, LK_KEY_FIELD_NAME | LK_KEY_FIELD_EXPIRES_AT, &spec),
		LK_INVALID_ARGUMENT);
	CHECK_OK(lk_keys_get(&f.call, f.store, key.id, &key));
	CHECK(is_text(key.record.name, "ci"));
	fixture_fini(&f);
}

TEST(a_grace_period_never_outlives_the_key)
{
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	spec.expires_ms = NOW + DAY_MS;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_OK(rotate(&f, 2 * DAY_MS));
	CHECK_EQ(key.record.previous.expires_ms, NOW + DAY_MS);
	CHECK_EQ(key.record.expires_ms, NOW + DAY_MS);
	CHECK_EQ(key.record.current.number, 2);
	CHECK_EQ(key.record.previous.number, 1);
	CHECK_OK(rotate(&f, 1000));
	CHECK_EQ(key.record.previous.expires_ms, NOW + 1000);
	CHECK_EQ(key.record.previous.number, 2);
	fixture_fini(&f);
}

TEST(a_key_that_ended_is_not_rotated)
{
	struct lk_key_spec spec = fixture_spec();
	struct lk_status st;
	struct fixture f;

	fixture_init(&f);
	spec.expires_ms = NOW + 1;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	st = rotate(&f, 30 * DAY_MS + 1);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "grace_period");
	CHECK_CODE(rotate(&f, -1), LK_INVALID_ARGUMENT);
	CHECK_OK(rotate(&f, 30 * DAY_MS));
	f.call.now = NOW + 1;
	CHECK_CODE(rotate(&f, 0), LK_FAILED_PRECONDITION);
	create(&f);
	CHECK_OK(revoke(&f, 0, ""));
	CHECK_CODE(rotate(&f, 0), LK_FAILED_PRECONDITION);
	CHECK_CODE(update(&f, LK_KEY_FIELD_NAME, &spec), LK_FAILED_PRECONDITION);
	fixture_fini(&f);
}

TEST(revoking_twice_keeps_the_first_reason)
{
	struct lk_status st;
	struct fixture f;

	fixture_init(&f);
	create(&f);
	st = revoke(&f, 6, "");
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "reason");
	st = revoke(&f, 1, text_of_length(201));
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "comment");
	CHECK_OK(revoke(&f, 1, "leaked"));
	f.call.now = NOW + 1;
	CHECK_OK(revoke(&f, 2, "again"));
	CHECK_EQ(key.state, LK_KEY_REVOKED);
	CHECK_EQ(key.record.revoked_ms, NOW);
	CHECK_EQ(key.record.revocation_reason, 1);
	CHECK(is_text(key.record.revocation_comment, "leaked"));
	fixture_fini(&f);
}

TEST(a_revocation_is_in_force_as_soon_as_the_index_has_caught_up)
{
	struct lk_auth_request request = { .n_permissions = 0 };
	struct fixture f;

	fixture_init(&f);
	create(&f);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	CHECK_OK(revoke(&f, 1, ""));
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_REVOKED);
	fixture_fini(&f);
}

static bool count_row(void *arg, struct lk_bytes row, struct lk_bytes value, uint64_t seq)
{
	(*(size_t *)arg)++;
	return true;
}

static size_t count_rows(struct fixture *f)
{
	const struct lk_bytes none = { NULL, 0 };
	size_t n = 0;

	CHECK_OK(lk_store_scan(f->store, none, none, SIZE_MAX, count_row, &n));
	return n;
}

struct search {
	const char *secret;
	size_t n_rows;
};

static bool search_row(void *arg, struct lk_bytes row, struct lk_bytes value, uint64_t seq)
{
	struct search *search = arg;
	const char *random = search->secret + strlen("crm_live_");
	size_t hint_n = LK_KEY_HINT_CHARS;

	/* Neither the whole nor anything beyond the hint. */
	CHECK(memmem(value.data, value.n, random, hint_n + 1) == NULL);
	CHECK(memmem(value.data, value.n, random + hint_n, 6) == NULL);
	CHECK(memmem(row.data, row.n, random, 6) == NULL);
	search->n_rows++;
	return true;
}

TEST(the_store_holds_no_secret)
{
	const struct lk_bytes none = { NULL, 0 };
	struct lk_key_text first;
	struct search search;
	struct fixture f;

	fixture_init(&f);
	create(&f);
	first = secret;
	CHECK_OK(rotate(&f, 1000));
	search = (struct search) { first.text, 0 };
	CHECK_OK(lk_store_scan(f.store, none, none, SIZE_MAX, search_row, &search));
	search.secret = secret.text;
	CHECK_OK(lk_store_scan(f.store, none, none, SIZE_MAX, search_row, &search));
	CHECK(search.n_rows >= 4);
	fixture_fini(&f);
}

/* The change under test: 0 create, 1 rotate, 2 update, 3 revoke. */
static struct lk_status change(struct fixture *f, int what)
{
	struct lk_key_spec spec = fixture_spec();

	spec.name = "new";
	spec.expires_ms = NOW + DAY_MS;
	switch (what) {
	case 0:
		return lk_keys_create(&f->call, f->txn, &spec, &key, &secret);
	case 1: {
		struct lk_key_rotation rotation = { key.id, 1000 };

		return lk_keys_rotate(&f->call, f->txn, &rotation, &key, &secret);
	}
	case 2: {
		struct lk_key_update named = { key.id, LK_KEY_FIELD_NAME | LK_KEY_FIELD_EXPIRES_AT,
			spec, false };

		return lk_keys_update(&f->call, f->txn, &named, &key);
	}
	default: {
		struct lk_key_revocation revocation = { key.id, 1, "" };

		return lk_keys_revoke(&f->call, f->txn, &revocation, &key);
	}
	}
}

/* The key as it was created? */
static bool is_untouched(struct fixture *f, const char *id)
{
	struct lk_key_view view;

	CHECK_OK(lk_keys_get(&f->call, f->store, id, &view));
	return is_text(view.record.name, "ci") && view.record.current.number == 1 &&
	       !view.record.has_previous && view.record.revoked_ms == 0;
}

TEST(when_any_allocation_fails_a_change_happens_wholly_or_not_at_all)
{
	static const struct lk_key_text wiped;

	for (int what = 0; what < 4; what++) {
		bool fired = true;

		for (unsigned long nth = 1; fired; nth++) {
			char id[LK_ID_TEXT_SIZE];
			struct lk_status st;
			struct fixture f;
			size_t before;
			uint64_t seq;

			fixture_init(&f);
			create(&f);
			memcpy(id, key.id, sizeof id);
			lk_wipe(&secret, sizeof secret);
			before = count_rows(&f);
			/* Nothing is left over that could spare an allocation. */
			lk_arena_fini(&f.arena);
			lk_txn_free(f.txn);
			CHECK_OK(lk_txn_new(f.store, &f.txn));
			lk_alloc_fail_nth(nth);
			st = change(&f, what);
			CHECK_EQ(st.code == LK_OK && what < 2,
				memcmp(&secret, &wiped, sizeof wiped) != 0);
			if (st.code == LK_OK)
				st = lk_txn_commit(f.txn, &seq);
			fired = lk_alloc_fail_nth(0);
			CHECK(st.code == LK_OK || fired);
			CHECK_EQ(count_rows(&f) > before, st.code == LK_OK && what != 1);
			CHECK_EQ(is_untouched(&f, id), st.code != LK_OK || what == 0);
			fixture_fini(&f);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_created_key_reads_back_as_it_was_asked_for),
		RUN(a_text_that_is_no_plain_text_or_too_long_is_refused_by_field),
		RUN(lists_beyond_their_cap_or_with_a_wrong_item_are_refused_by_field),
		RUN(metadata_beyond_its_limits_is_refused),
		RUN(a_key_expires_in_the_future_and_before_the_year_10000),
		RUN(a_service_key_names_realms_that_exist),
		RUN(an_owner_has_at_most_as_many_keys_as_the_realm_allows),
		RUN(a_key_of_another_realm_is_as_unknown_as_one_that_never_was),
		RUN(an_update_changes_what_its_mask_names_and_nothing_else),
		RUN(a_refused_update_changes_nothing),
		RUN(a_grace_period_never_outlives_the_key),
		RUN(a_key_that_ended_is_not_rotated),
		RUN(revoking_twice_keeps_the_first_reason),
		RUN(a_revocation_is_in_force_as_soon_as_the_index_has_caught_up),
		RUN(the_store_holds_no_secret),
		RUN(when_any_allocation_fails_a_change_happens_wholly_or_not_at_all),
	};

	return RUN_ALL(tests);
}
