/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/core/realm.h"
#include "tests/support/check.h"

static const char *const permissions[] = { "records.read", "records.write", "records.sub.read",
	"recordsX.read", "billing.payInvoice" };
static const struct lk_realm_spec crm = { .name = "crm",
	.key_prefix = "crm_",
	.permissions = permissions,
	.n_permissions = LK_COUNT(permissions) };

static struct lk_bytes text_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

static const struct lk_catalog *catalog_of(const struct lk_realms *realms, const char *name)
{
	return &lk_realms_find(realms, text_of(name))->catalog;
}

static bool grants(const struct lk_catalog *catalog, const char *scope, const char *permission)
{
	struct lk_permset set = { 0 };
	int bit = lk_catalog_find(catalog, text_of(permission));

	CHECK(lk_catalog_grant(catalog, text_of(scope), &set));
	CHECK(bit >= 0);
	return lk_permset_has(&set, (unsigned)bit);
}

TEST(a_scope_grants_its_permission_or_those_below_its_wildcard)
{
	struct lk_realms *realms;
	const struct lk_catalog *catalog;

	CHECK_OK(lk_realms_new(&crm, 1, NULL, &realms));
	catalog = catalog_of(realms, "crm");
	CHECK(grants(catalog, "records.read", "records.read"));
	CHECK(!grants(catalog, "records.read", "records.write"));
	CHECK(grants(catalog, "records.*", "records.write"));
	CHECK(grants(catalog, "records.*", "records.sub.read"));
	CHECK(!grants(catalog, "records.*", "recordsX.read"));
	CHECK(grants(catalog, "records.sub.*", "records.sub.read"));
	CHECK(!grants(catalog, "records.sub.*", "records.read"));
	CHECK(grants(catalog, "billing.*", "billing.payInvoice"));
	CHECK(grants(catalog, "*", "recordsX.read"));
	lk_realms_free(realms);
}

TEST(a_scope_that_grants_nothing_known_is_refused)
{
	static const char *const scopes[] = { "", "records", "records.", "records.*.*", ".*", "**",
		"*.read", "records*", "records.rea", "records.readx", "unknown.*", "recor.*",
		"Records.read", "records..*", "records.read.*", "records.re*" };
	struct lk_permset set = { 0 };
	struct lk_permset none = { 0 };
	struct lk_realms *realms;

	CHECK_OK(lk_realms_new(&crm, 1, NULL, &realms));
	for (size_t i = 0; i < LK_COUNT(scopes); i++)
		CHECK(!lk_catalog_grant(catalog_of(realms, "crm"), text_of(scopes[i]), &set));
	CHECK(!lk_catalog_grant(catalog_of(realms, "crm"),
		(struct lk_bytes) { (const uint8_t *)"records.read\0", 13 }, &set));
	CHECK_MEM(&set, &none, sizeof set);
	lk_realms_free(realms);
}

TEST(a_malformed_permission_is_no_part_of_a_catalog)
{
	static const char *const names[] = { "", ".read", "records.", "a..b", "a b.c", "records.*",
		"a.b\xc3\xa4",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	for (size_t i = 0; i < LK_COUNT(names); i++) {
		struct lk_realm_spec spec = { .name = "crm",
			.key_prefix = "crm_",
			.permissions = &names[i],
			.n_permissions = 1 };
		struct lk_status st = lk_realm_spec_check(&spec);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, "permissions");
	}
}

TEST(sets_contain_and_intersect_across_all_words)
{
	struct lk_permset low = { 0 };
	struct lk_permset both = { 0 };
	struct lk_permset cut;

	lk_permset_add(&low, 3);
	lk_permset_add(&both, 3);
	lk_permset_add(&both, 255);
	CHECK(lk_permset_contains(&both, &low));
	CHECK(!lk_permset_contains(&low, &both));
	CHECK(lk_permset_has(&both, 255));
	cut = lk_permset_intersect(&low, &both);
	CHECK_MEM(&cut, &low, sizeof cut);
}

TEST(a_catalog_holds_256_permissions_and_no_more)
{
	static char texts[257][16];
	const char *names[257];
	struct lk_realm_spec spec = {
		.name = "crm", .key_prefix = "crm_", .permissions = names, .n_permissions = 256
	};
	struct lk_realms *realms;

	for (int i = 0; i < 257; i++) {
		snprintf(texts[i], sizeof texts[i], "r.p%d", (i * 97) % 257);
		names[i] = texts[i];
	}
	CHECK_OK(lk_realms_new(&spec, 1, NULL, &realms));
	for (int i = 0; i < 256; i++)
		CHECK_EQ(lk_catalog_find(catalog_of(realms, "crm"), text_of(texts[i])), i);
	CHECK_EQ(lk_catalog_find(catalog_of(realms, "crm"), text_of(texts[256])), -1);
	lk_realms_free(realms);
	spec.n_permissions = 257;
	CHECK_CODE(lk_realm_spec_check(&spec), LK_INVALID_ARGUMENT);
}

TEST(a_reload_keeps_indexes_and_bits)
{
	static const char *const changed[] = { "records.new", "records.write" };
	const struct lk_realm_spec second[] = { { .name = "extra", .key_prefix = "x_" },
		{ .name = "crm",
			.key_prefix = "crm_",
			.permissions = changed,
			.n_permissions = LK_COUNT(changed) } };
	struct lk_realms *first;
	struct lk_realms *realms;
	int bit;

	CHECK_OK(lk_realms_new(&crm, 1, NULL, &first));
	bit = lk_catalog_find(catalog_of(first, "crm"), text_of("records.write"));
	CHECK_OK(lk_realms_new(second, 2, first, &realms));
	CHECK_EQ(lk_realms_find(realms, text_of("crm"))->index,
		lk_realms_find(first, text_of("crm"))->index);
	CHECK_EQ(lk_catalog_find(catalog_of(realms, "crm"), text_of("records.write")), bit);
	CHECK_EQ(lk_catalog_find(catalog_of(realms, "crm"), text_of("records.read")), -1);
	CHECK_EQ(lk_catalog_find(catalog_of(realms, "crm"), text_of("records.new")),
		LK_COUNT(permissions));
	lk_realms_free(realms);
}

TEST(a_realm_that_left_the_configuration_is_closed)
{
	struct lk_realms *first;
	struct lk_realms *second;
	struct lk_realms *third;
	unsigned index;

	CHECK_OK(lk_realms_new(&crm, 1, NULL, &first));
	index = lk_realms_find(first, text_of("crm"))->index;
	CHECK_OK(lk_realms_new(NULL, 0, first, &second));
	CHECK(lk_realms_find(second, text_of("crm")) == NULL);
	CHECK(!lk_realms_at(second, index)->is_open);
	CHECK_OK(lk_realms_new(&crm, 1, second, &third));
	CHECK_EQ(lk_realms_find(third, text_of("crm"))->index, index);
	lk_realms_free(third);
}

TEST(the_realm_latchkey_is_built_in)
{
	const struct lk_realm_spec imposter = { .name = "latchkey", .key_prefix = "x_" };
	const struct lk_realm_spec twice[] = { crm, crm };
	struct lk_realms *realms;

	CHECK_CODE(lk_realm_spec_check(&imposter), LK_INVALID_ARGUMENT);
	CHECK_CODE(lk_realms_new(twice, 2, NULL, &realms), LK_INVALID_ARGUMENT);
	CHECK_OK(lk_realms_new(NULL, 0, NULL, &realms));
	CHECK_EQ(lk_realms_find(realms, text_of("latchkey"))->index, 0);
	CHECK_STR(lk_realms_at(realms, 0)->key_prefix, "latchkey_");
	CHECK(lk_catalog_find(catalog_of(realms, "latchkey"), text_of("auth.verify")) >= 0);
	lk_realms_free(realms);
}

TEST(a_star_of_realms_leaves_out_latchkey)
{
	uint64_t bits[LK_REALMS_MAX / 64] = { 0 };
	struct lk_realms *realms;

	CHECK_OK(lk_realms_new(&crm, 1, NULL, &realms));
	CHECK(lk_realms_grant(realms, text_of("*"), bits));
	CHECK_EQ(bits[0] & 1, 0);
	CHECK_EQ(bits[0] >> 1, UINT64_MAX >> 1);
	CHECK_EQ(bits[3], UINT64_MAX);
	CHECK(!lk_realms_grant(realms, text_of("nowhere"), bits));
	CHECK(lk_realms_grant(realms, text_of("latchkey"), bits));
	CHECK_EQ(bits[0] & 1, 1);
	lk_realms_free(realms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_scope_grants_its_permission_or_those_below_its_wildcard),
		RUN(a_scope_that_grants_nothing_known_is_refused),
		RUN(a_malformed_permission_is_no_part_of_a_catalog),
		RUN(sets_contain_and_intersect_across_all_words),
		RUN(a_catalog_holds_256_permissions_and_no_more),
		RUN(a_reload_keeps_indexes_and_bits),
		RUN(a_realm_that_left_the_configuration_is_closed),
		RUN(the_realm_latchkey_is_built_in),
		RUN(a_star_of_realms_leaves_out_latchkey),
	};

	return RUN_ALL(tests);
}
