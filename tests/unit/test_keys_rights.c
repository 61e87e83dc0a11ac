/* SPDX-License-Identifier: MIT */
/* What a service may do with the keys of services. Bits of `latchkey`: 0 auth.verify, 1 keys.read,
 * 2 keys.manage, 3 client.assert; of realms: 0 latchkey, 1 crm, 2 other. */
#include "tests/support/core_fixture.h"

static struct lk_key_view key;
static struct lk_key_text secret;

static struct lk_status create(struct fixture *f, const char *scope, const char *realm)
{
	struct lk_key_spec spec = fixture_spec();

	spec.scopes = &scope;
	spec.n_scopes = 1;
	spec.realms = &realm;
	spec.n_realms = 1;
	return fixture_create(f, &spec, &key, &secret);
}

static struct lk_status rename_key(struct fixture *f)
{
	struct lk_key_update change = { key.id, LK_KEY_FIELD_NAME, fixture_spec(), false };

	return fixture_commit(f, lk_keys_update(&f->call, f->txn, &change, &key));
}

static struct lk_status rotate(struct fixture *f)
{
	struct lk_key_rotation rotation = { key.id, 0 };

	return fixture_commit(f, lk_keys_rotate(&f->call, f->txn, &rotation, &key, &secret));
}

static void init(struct fixture *f)
{
	fixture_init(f);
	f->call.realm = lk_realms_at(f->realms, 0);
}

static void check_denied(struct lk_status st, const char *field)
{
	CHECK_CODE(st, LK_PERMISSION_DENIED);
	CHECK_STR(st.field, field);
}

TEST(a_service_gives_what_it_has_and_nothing_else)
{
	static const struct lk_service_rights rights = { 1 | 4, { 1 | 2 } };
	static const struct lk_service_rights all = { UINT64_MAX,
		{ UINT64_MAX - 1, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	struct fixture f;

	init(&f);
	f.call.rights = &rights;
	CHECK_OK(create(&f, "auth.verify", "crm"));
	CHECK_OK(create(&f, "keys.manage", "latchkey"));
	check_denied(create(&f, "keys.read", "crm"), "scopes");
	check_denied(create(&f, "keys.*", "crm"), "scopes");
	check_denied(create(&f, "*", "crm"), "scopes");
	check_denied(create(&f, "auth.verify", "other"), "realms");
	check_denied(create(&f, "auth.verify", "*"), "realms");
	f.call.rights = &all;
	CHECK_OK(create(&f, "*", "*"));
	check_denied(create(&f, "*", "latchkey"), "realms");
	fixture_fini(&f);
}

TEST(a_service_gets_no_hold_of_a_key_that_is_stronger)
{
	static const struct lk_service_rights rights = { 1 | 4, { 1 | 2 } };
	static const char *const stronger[][2] = { { "keys.read", "crm" },
		{ "auth.verify", "other" } };
	struct lk_key_revocation revocation = { key.id, 0, "" };
	struct fixture f;

	init(&f);
	for (size_t i = 0; i < LK_COUNT(stronger); i++) {
		f.call.rights = NULL;
		CHECK_OK(create(&f, stronger[i][0], stronger[i][1]));
		f.call.rights = &rights;
		check_denied(rename_key(&f), i == 0 ? "scopes" : "realms");
		check_denied(rotate(&f), i == 0 ? "scopes" : "realms");
		CHECK_EQ(fixture_verify(&f, secret.text, (struct lk_auth_request) { 0 }),
			LK_DENY_NONE);
		CHECK_OK(fixture_commit(&f, lk_keys_revoke(&f.call, f.txn, &revocation, &key)));
	}
	fixture_fini(&f);
}

/* It may be opened again, and the key would act in it. */
TEST(a_realm_that_is_closed_now_counts_as_any)
{
	static const struct lk_service_rights rights = { UINT64_MAX, { 1 | 2 } };
	static const struct lk_service_rights all = { UINT64_MAX,
		{ UINT64_MAX - 1, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	struct lk_realms *realms;
	struct fixture f;

	init(&f);
	CHECK_OK(create(&f, "auth.verify", "other"));
	CHECK_OK(lk_realms_new(fixture_realms, 1, f.realms, &realms));
	f.realms = realms;
	CHECK_OK(lk_index_set_realms(f.index, f.store, realms));
	f.call.realms = realms;
	f.call.realm = lk_realms_at(realms, 0);
	f.call.rights = &rights;
	check_denied(rotate(&f), "realms");
	f.call.rights = &all;
	CHECK_OK(rotate(&f));
	fixture_fini(&f);
}

TEST(keys_of_users_are_not_measured_by_the_rights_of_services)
{
	static const struct lk_service_rights none = { 0, { 0 } };
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	f.call.rights = &none;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_OK(rotate(&f));
	fixture_fini(&f);
}

/* A server does not know where a service calls from, so such a key would never work. */
TEST(a_service_key_is_not_bound_to_networks)
{
	static const char *const networks[] = { "10.0.0.0/8" };
	struct lk_key_spec spec = fixture_spec();
	struct lk_status st;
	struct fixture f;

	init(&f);
	spec.n_scopes = 0;
	spec.networks = networks;
	spec.n_networks = 1;
	st = fixture_create(&f, &spec, &key, &secret);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "networks");
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_service_gives_what_it_has_and_nothing_else),
		RUN(a_service_gets_no_hold_of_a_key_that_is_stronger),
		RUN(a_realm_that_is_closed_now_counts_as_any),
		RUN(a_service_key_is_not_bound_to_networks),
		RUN(keys_of_users_are_not_measured_by_the_rights_of_services),
	};

	return RUN_ALL(tests);
}
