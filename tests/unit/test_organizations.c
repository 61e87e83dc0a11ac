/* SPDX-License-Identifier: MIT */
#include "server/core/text.h"
#include "tests/support/people_fixture.h"

static struct lk_organization_record record;

static struct lk_status set(
	struct fixture *f, const char *id, unsigned fields, const char *plan, bool enabled)
{
	struct lk_organization_change change = { id, fields, plan, enabled };

	return fixture_commit(f, lk_organizations_set(&f->call, f->txn, &change, &record));
}

static struct lk_status get(struct fixture *f, const char *id)
{
	return lk_organizations_get(&f->call, f->store, id, &record);
}

static void check_record(struct fixture *f, const char *id, const char *plan, bool enabled)
{
	CHECK_OK(get(f, id));
	CHECK(lk_text_equal(record.id, text_of(id)));
	CHECK(lk_text_equal(record.plan, text_of(plan)));
	CHECK_EQ(record.enabled, enabled);
	CHECK_EQ(record.created_ms, NOW);
}

static void check_field(struct lk_status st, const char *field)
{
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, field);
}

TEST(an_organisation_is_created_enabled_and_without_a_plan_unless_told)
{
	struct fixture f;

	people_init(&f);
	CHECK_CODE(get(&f, "a"), LK_NOT_FOUND);
	CHECK_OK(set(&f, "a", 0, "ignored", false));
	check_record(&f, "a", "", true);
	CHECK_OK(set(&f, "b", LK_ORGANIZATION_FIELD_ENABLED, "ignored", false));
	check_record(&f, "b", "", false);
	CHECK(lk_text_equal(record.realm, text_of("crm")));
	fixture_fini(&f);
}

TEST(a_change_concerns_the_fields_named_and_no_others)
{
	struct fixture f;

	people_init(&f);
	CHECK_OK(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, "free", false));
	f.call.now = NOW + 5;
	CHECK_OK(set(&f, "a", LK_ORGANIZATION_FIELD_ENABLED, "gold", false));
	check_record(&f, "a", "free", false);
	CHECK_OK(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, "gold", true));
	check_record(&f, "a", "gold", false);
	CHECK_OK(set(&f, "a", 0, "free", true));
	check_record(&f, "a", "gold", false);
	fixture_fini(&f);
}

TEST(organisations_of_other_realms_are_others)
{
	struct fixture f;

	people_init(&f);
	CHECK_OK(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, "gold", true));
	people_enter(&f, "app");
	CHECK_CODE(get(&f, "a"), LK_NOT_FOUND);
	CHECK_OK(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, "free", true));
	people_enter(&f, "crm");
	check_record(&f, "a", "gold", true);
	people_enter(&f, "latchkey");
	check_field(set(&f, "a", 0, "", true), "realm");
	fixture_fini(&f);
}

TEST(ids_and_plans_that_are_too_long_or_not_plain_are_refused)
{
	static const char *const bad[] = { "a\nb", "\xff", "\xc2\x85" };
	char text[LK_OWNER_ID_MAX + 2];
	struct fixture f;

	people_init(&f);
	memset(text, 'a', sizeof text);
	text[LK_OWNER_ID_MAX + 1] = '\0';
	check_field(set(&f, text, 0, "", true), "id");
	check_field(get(&f, text), "id");
	text[LK_OWNER_ID_MAX] = '\0';
	CHECK_OK(set(&f, text, 0, "", true));
	check_field(set(&f, "", 0, "", true), "id");
	check_field(get(&f, ""), "id");
	text[LK_PLAN_MAX + 1] = '\0';
	check_field(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, text, true), "plan");
	text[LK_PLAN_MAX] = '\0';
	CHECK_OK(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, text, true));
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		check_field(set(&f, bad[i], 0, "", true), "id");
		check_field(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, bad[i], true), "plan");
	}
	fixture_fini(&f);
}

TEST(a_damaged_organisation_is_data_loss_and_not_made_anew)
{
	struct lk_row row = lk_row_of_organization(text_of("crm"), text_of("a"));
	struct fixture f;

	people_init(&f);
	CHECK_OK(fixture_commit(&f, lk_txn_put(f.txn, lk_row_bytes(&row), text_of("\xff"), true)));
	CHECK_CODE(get(&f, "a"), LK_DATA_LOSS);
	CHECK_CODE(set(&f, "a", 0, "", true), LK_DATA_LOSS);
	fixture_fini(&f);
}

TEST(when_memory_or_the_store_fails_reading_an_organisation_does_too)
{
	bool fired = true;
	struct fixture f;

	people_init(&f);
	CHECK_OK(set(&f, "a", LK_ORGANIZATION_FIELD_PLAN, "gold", true));
	for (unsigned long nth = 1; fired; nth++) {
		struct lk_status st;

		lk_arena_fini(&f.arena);
		lk_alloc_fail_nth(nth);
		st = get(&f, "a");
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
	}
	fault_store_fail_nth(f.store, 1);
	CHECK_CODE(get(&f, "a"), LK_UNAVAILABLE);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_organisation_is_created_enabled_and_without_a_plan_unless_told),
		RUN(a_change_concerns_the_fields_named_and_no_others),
		RUN(organisations_of_other_realms_are_others),
		RUN(ids_and_plans_that_are_too_long_or_not_plain_are_refused),
		RUN(a_damaged_organisation_is_data_loss_and_not_made_anew),
		RUN(when_memory_or_the_store_fails_reading_an_organisation_does_too),
	};

	return RUN_ALL(tests);
}
