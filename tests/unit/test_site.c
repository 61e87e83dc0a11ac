/* SPDX-License-Identifier: MIT */
#include "client/bridge/site.h"
#include "latchkey/rest/incrm.rpc.h"
#include "tests/support/exchange.h"

static const char *crm_hosts[] = { "crm.localhost", "crm.example.org" };
static const char *shop_hosts[] = { "shop.localhost" };
static const char *crm_origins[] = { "https://good.example", "http://127.0.0.1:3000" };

static const struct lk_bridge_realm realms[] = {
	{ .name = "crm",
		.key_prefix = "crm_",
		.surface = "incrm",
		.hosts = crm_hosts,
		.n_hosts = LK_COUNT(crm_hosts),
		.origins = crm_origins,
		.n_origins = LK_COUNT(crm_origins) },
	{ .name = "shop",
		.key_prefix = "shop_",
		.hosts = shop_hosts,
		.n_hosts = LK_COUNT(shop_hosts) },
};

static const struct lk_bridge_config config = { .realms = realms, .n_realms = LK_COUNT(realms) };

static struct lk_sites *open_sites(void)
{
	struct lk_sites *sites;

	CHECK_OK(lk_sites_new(&config, NULL, &sites));
	return sites;
}

static void check_host(const char *host, const char *realm)
{
	struct lk_sites *sites = open_sites();
	const struct lk_site *site = lk_sites_by_host(sites, lk_bytes_of(host));

	CHECK_EQ(site != NULL, realm != NULL);
	if (site != NULL)
		CHECK_STR(site->realm->name, realm);
	lk_sites_free(sites);
}

TEST(a_host_names_a_realm_in_any_case)
{
	check_host("crm.localhost", "crm");
	check_host("CRM.Example.ORG", "crm");
	check_host("shop.localhost", "shop");
	check_host("localhost", NULL);
	check_host("crm.localhost.", NULL);
	check_host("xcrm.localhost", NULL);
	check_host("crm.localhost.evil.example", NULL);
	check_host("", NULL);
}

TEST(a_realm_is_found_by_its_exact_name)
{
	struct lk_sites *sites = open_sites();

	CHECK_STR(lk_sites_find(sites, "shop")->realm->name, "shop");
	CHECK(lk_sites_find(sites, "SHOP") == NULL);
	CHECK(lk_sites_find(sites, "") == NULL);
	lk_sites_free(sites);
}

TEST(keys_have_the_header_of_the_surface_or_the_usual_one)
{
	struct lk_sites *sites = open_sites();
	const struct lk_site *crm = lk_sites_find(sites, "crm");
	const struct lk_site *shop = lk_sites_find(sites, "shop");

	CHECK_STR(crm->key_header, "x-api-key");
	CHECK(crm->adapter->surface == &incrm_surface);
	CHECK_STR(shop->key_header, "x-api-key");
	CHECK(shop->adapter == NULL);
	lk_sites_free(sites);
}

/* R-C03 */
TEST(an_origin_is_listed_exactly_or_not_at_all)
{
	static const char *const strangers[] = { "null", "", "https://good.example.evil.com",
		"https://evilgood.example", "http://good.example", "https://good.example.",
		"HTTPS://GOOD.EXAMPLE", "https://good.example:443", "https://good.example:8443",
		"https://good.example/", "https://www.good.example", "https://good.exampl",
		"http://127.0.0.1", "http://127.0.0.1:30000" };
	struct lk_sites *sites = open_sites();
	const struct lk_site *crm = lk_sites_find(sites, "crm");
	const struct lk_site *shop = lk_sites_find(sites, "shop");

	for (size_t i = 0; i < LK_COUNT(crm_origins); i++) {
		CHECK(lk_site_lists_origin(crm, lk_bytes_of(crm_origins[i])));
		CHECK(!lk_site_lists_origin(shop, lk_bytes_of(crm_origins[i])));
	}
	for (size_t i = 0; i < LK_COUNT(strangers); i++)
		if (lk_site_lists_origin(crm, lk_bytes_of(strangers[i])))
			fail_msg("%s is listed", strangers[i]);
	lk_sites_free(sites);
}

TEST(a_new_set_keeps_the_one_before_and_fails_without_a_trace)
{
	struct lk_sites *old = open_sites(), *new = NULL;
	const struct lk_site *site = lk_sites_find(old, "crm");

	lk_alloc_fail_nth(1);
	CHECK_CODE(lk_sites_new(&config, old, &new), LK_RESOURCE_EXHAUSTED);
	CHECK(lk_alloc_fail_nth(0));
	CHECK(new == NULL);
	CHECK_OK(lk_sites_new(&config, old, &new));
	CHECK(lk_sites_config(new) == &config);
	CHECK_STR(site->realm->name, "crm");
	lk_sites_free(new);
	lk_sites_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_host_names_a_realm_in_any_case),
		RUN(a_realm_is_found_by_its_exact_name),
		RUN(keys_have_the_header_of_the_surface_or_the_usual_one),
		RUN(an_origin_is_listed_exactly_or_not_at_all),
		RUN(a_new_set_keeps_the_one_before_and_fails_without_a_trace),
	};

	return RUN_ALL(tests);
}
