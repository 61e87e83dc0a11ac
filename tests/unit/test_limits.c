/* SPDX-License-Identifier: MIT */
/* Limits of a realm, charged by decisions. */
#include <stdio.h>

#include "server/core/charge.h"
#include "tests/support/core_fixture.h"

#define MINUTE ((lk_time_ms)60 * 1000)
#define ALL UINT32_MAX

struct limited {
	struct fixture f;
	struct lk_counters *counters;
	struct lk_limiter limiter;
	struct lk_charge charge;
	char keys[3][LK_KEY_TEXT_SIZE];
};

static void make_key(struct limited *l, size_t n, const char *user, const char *organization)
{
	struct lk_key_spec spec = fixture_spec();
	struct lk_key_text secret;
	struct lk_key_view view;

	spec.user_id = user;
	spec.organization_id = organization;
	CHECK_OK(fixture_create(&l->f, &spec, &view, &secret));
	snprintf(l->keys[n], sizeof l->keys[n], "%s", secret.text);
}

static void start(struct limited *l, const struct lk_limit_spec *limits, size_t n)
{
	struct lk_realm_spec specs[2] = { fixture_realms[0], fixture_realms[1] };
	struct lk_store *store;

	specs[0].limits = limits;
	specs[0].n_limits = n;
	CHECK_OK(lk_store_mem_open(&store));
	fixture_init_with(&l->f, store, specs, LK_COUNT(specs));
	CHECK_OK(lk_counters_new(lk_row_of_limit, &l->counters));
	l->limiter = (struct lk_limiter) { &l->f.peppers, l->counters };
	make_key(l, 0, "ada", "acme");
	make_key(l, 1, "ada", "acme");
	make_key(l, 2, "bob", "");
}

static void stop(struct limited *l)
{
	lk_counters_free(l->counters);
	fixture_fini(&l->f);
}

static enum lk_deny_reason ask(struct limited *l, const char *key, struct lk_auth_request request)
{
	struct lk_verifier verifier = {
		.index = l->f.index, .peppers = &l->f.peppers, .limiter = &l->limiter
	};
	struct lk_bytes credential = text_of(key);
	struct lk_verdict verdict;

	request.realm = l->f.call.realm;
	request.credentials = &credential;
	request.n_credentials = 1;
	request.now = request.now != 0 ? request.now : NOW;
	request.charge = &l->charge;
	lk_index_enter();
	CHECK_OK(lk_authenticate(&verifier, &request, &verdict));
	lk_index_leave();
	return verdict.reason;
}

static unsigned count_from(struct limited *l, const char *key, const char *address)
{
	const struct lk_auth_request request = { .client_address = text_of(address) };
	unsigned n = 0;

	while (n < 1000 && ask(l, key, request) == LK_DENY_NONE)
		n++;
	return n;
}

static unsigned count(struct limited *l, size_t key)
{
	return count_from(l, l->keys[key], "192.0.2.7");
}

TEST(each_key_has_a_count_of_its_own)
{
	static const struct lk_limit_spec limits[] = { { "burst", LK_LIMIT_PER_KEY, 3, MINUTE,
		ALL } };
	struct limited l;

	start(&l, limits, 1);
	for (size_t i = 0; i < 3; i++)
		CHECK_EQ(count(&l, i), 3);
	CHECK_EQ(l.charge.n_limits, 1);
	CHECK_STR(l.charge.limits[0].name, "burst");
	CHECK_EQ(l.charge.limits[0].requests, 3);
	CHECK_EQ(l.charge.limits[0].remaining, 0);
	CHECK_EQ(l.charge.retry_ms, MINUTE / 3);
	CHECK_EQ(ask(&l, l.keys[0], (struct lk_auth_request) { .now = NOW + MINUTE / 3 }),
		LK_DENY_NONE);
	stop(&l);
}

TEST(users_organizations_and_the_realm_count_together)
{
	static const enum lk_limit_per pers[] = { LK_LIMIT_PER_USER, LK_LIMIT_PER_ORGANIZATION,
		LK_LIMIT_PER_REALM };
	static const unsigned of_bob[] = { 3, 1000, 0 }; /* whose organisation is none */

	for (size_t i = 0; i < LK_COUNT(pers); i++) {
		const struct lk_limit_spec limit = { "quota", pers[i], 3, MINUTE, ALL };
		struct limited l;

		start(&l, &limit, 1);
		CHECK_EQ(count(&l, 0), 3);
		CHECK_EQ(count(&l, 1), 0);
		CHECK_EQ(count(&l, 2), of_bob[i]);
		stop(&l);
	}
}

TEST(an_address_is_counted_by_its_network)
{
	static const struct lk_limit_spec limits[] = { { "net", LK_LIMIT_PER_ADDRESS, 3, MINUTE,
		ALL } };
	struct limited l;

	start(&l, limits, 1);
	CHECK_EQ(count_from(&l, l.keys[0], "192.0.2.7"), 3);
	CHECK_EQ(count_from(&l, l.keys[1], "::ffff:192.0.2.7"), 0);
	CHECK_EQ(count_from(&l, l.keys[1], "192.0.2.8"), 3);
	CHECK_EQ(count_from(&l, l.keys[0], "2001:db8::1"), 3);
	CHECK_EQ(count_from(&l, l.keys[0], "2001:db8::ffff:1"), 0);
	/* Those whose address is unknown are one. */
	CHECK_EQ(count_from(&l, l.keys[0], ""), 3);
	CHECK_EQ(count_from(&l, l.keys[1], "nonsense"), 0);
	stop(&l);
}

TEST(what_one_limit_refuses_counts_for_none)
{
	static const struct lk_limit_spec limits[] = {
		{ "wide", LK_LIMIT_PER_REALM, 4, MINUTE, ALL },
		{ "narrow", LK_LIMIT_PER_KEY, 3, MINUTE, ALL },
	};
	struct limited l;

	start(&l, limits, 2);
	CHECK_EQ(count(&l, 0), 3);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(count(&l, 0), 0);
	CHECK_EQ(l.charge.n_limits, 2);
	CHECK_EQ(count(&l, 1), 1);
	stop(&l);
}

TEST(what_is_refused_otherwise_is_not_counted)
{
	static const struct lk_limit_spec limits[] = { { "burst", LK_LIMIT_PER_KEY, 3, MINUTE,
		ALL } };
	static const char *const more[] = { "a.b.c" };
	struct limited l;

	start(&l, limits, 1);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(ask(&l, l.keys[0],
				 (struct lk_auth_request) {
					 .permissions = more, .n_permissions = 1 }),
			LK_DENY_PERMISSION_DENIED);
	CHECK_EQ(count(&l, 0), 3);
	stop(&l);
}

TEST(a_limit_is_for_some_kinds_of_callers)
{
	static const struct lk_limit_spec limits[] = { { "sessions", LK_LIMIT_PER_REALM, 3, MINUTE,
		LK_CALLER_BIT(LK_CALLER_SESSION) } };
	struct limited l;

	start(&l, limits, 1);
	CHECK_EQ(count(&l, 0), 1000);
	CHECK_EQ(l.charge.n_limits, 0);
	stop(&l);
}

TEST(what_makes_no_sense_is_refused)
{
	static const struct lk_limit_spec bad[] = {
		{ "", LK_LIMIT_PER_KEY, 3, MINUTE, ALL },
		{ "a name of more than thirty-two bytes", LK_LIMIT_PER_KEY, 3, MINUTE, ALL },
		{ "a", LK_LIMIT_PER_KEY, 0, MINUTE, ALL },
		{ "a", LK_LIMIT_PER_KEY, 3, 999, ALL },
		{ "a", LK_LIMIT_PER_KEY, 3, MINUTE, 0 },
	};
	static const struct lk_limit_spec twice[] = { { "a", LK_LIMIT_PER_KEY, 3, MINUTE, ALL },
		{ "a", LK_LIMIT_PER_REALM, 3, MINUTE, ALL } };
	struct lk_limits *limits;

	for (size_t i = 0; i < LK_COUNT(bad); i++)
		CHECK_CODE(lk_limits_new(&bad[i], 1, &limits), LK_INVALID_ARGUMENT);
	CHECK_CODE(lk_limits_new(twice, 2, &limits), LK_INVALID_ARGUMENT);
	CHECK_CODE(lk_limits_new(twice, LK_LIMITS_MAX + 1, &limits), LK_INVALID_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(each_key_has_a_count_of_its_own),
		RUN(users_organizations_and_the_realm_count_together),
		RUN(an_address_is_counted_by_its_network),
		RUN(what_one_limit_refuses_counts_for_none),
		RUN(what_is_refused_otherwise_is_not_counted),
		RUN(a_limit_is_for_some_kinds_of_callers),
		RUN(what_makes_no_sense_is_refused),
	};

	return RUN_ALL(tests);
}
