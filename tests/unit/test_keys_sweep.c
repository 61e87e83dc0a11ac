/* SPDX-License-Identifier: MIT */
#include "tests/support/core_fixture.h"

#define DAY_MS ((lk_time_ms)24 * 3600 * 1000)

static struct lk_key_view key;
static struct lk_key_text secret;

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

TEST(a_key_is_kept_400_days_after_its_end_and_then_leaves_nothing)
{
	struct lk_key_spec spec = fixture_spec();
	struct lk_bytes realm = text_of("crm");
	struct lk_row row;
	struct fixture f;
	size_t expiries;

	fixture_init(&f);
	spec.organization_id = "o";
	spec.expires_ms = NOW + 2 * DAY_MS;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	f.call.now = NOW + DAY_MS;
	CHECK_OK(revoke(&f, 0, ""));
	row = lk_row_of_key(realm, &key.record.id);
	CHECK_EQ(count_rows(&f), 5);
	CHECK_OK(fixture_commit(&f,
		lk_keys_sweep(NULL, f.txn, lk_row_bytes(&row), NOW + DAY_MS + LK_KEY_KEEP_MS - 1)));
	CHECK_EQ(count_rows(&f), 5);
	CHECK_OK(fixture_commit(
		&f, lk_keys_sweep(NULL, f.txn, lk_row_bytes(&row), NOW + DAY_MS + LK_KEY_KEEP_MS)));
	/* The expiry entries are the sweeper's. */
	expiries = 2;
	CHECK_EQ(count_rows(&f), expiries);
	CHECK_EQ(lk_index_stats(f.index).keys, 0);
	CHECK_OK(lk_keys_sweep(NULL, f.txn, lk_row_bytes(&row), NOW));
	CHECK_CODE(lk_keys_sweep(NULL, f.txn, text_of("other"), NOW), LK_INVALID_ARGUMENT);
	fixture_fini(&f);
}

TEST(a_key_without_an_end_is_never_swept)
{
	struct lk_row row;
	struct fixture f;

	fixture_init(&f);
	create(&f);
	row = lk_row_of_key(text_of("crm"), &key.record.id);
	CHECK_OK(fixture_commit(
		&f, lk_keys_sweep(NULL, f.txn, lk_row_bytes(&row), NOW + 10000 * DAY_MS)));
	CHECK_OK(lk_keys_get(&f.call, f.store, key.id, &key));
	fixture_fini(&f);
}

TEST(an_expiry_that_moves_leaves_no_entry_behind)
{
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_update change = { NULL, LK_KEY_FIELD_EXPIRES_AT, spec, false };
	struct fixture f;
	size_t rows;

	fixture_init(&f);
	spec.expires_ms = NOW + DAY_MS;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	rows = count_rows(&f);
	change.id = key.id;
	for (int i = 0; i < 5; i++) {
		change.spec.expires_ms = NOW + (i / 2 + 2) * DAY_MS;
		CHECK_OK(fixture_commit(&f, lk_keys_update(&f.call, f.txn, &change, &key)));
		CHECK_EQ(count_rows(&f), rows);
	}
	change.spec.expires_ms = 0;
	CHECK_OK(fixture_commit(&f, lk_keys_update(&f.call, f.txn, &change, &key)));
	CHECK_EQ(count_rows(&f), rows - 1);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_key_is_kept_400_days_after_its_end_and_then_leaves_nothing),
		RUN(a_key_without_an_end_is_never_swept),
		RUN(an_expiry_that_moves_leaves_no_entry_behind),
	};

	return RUN_ALL(tests);
}
