/* SPDX-License-Identifier: MIT */
#include "server/core/decision.h"
#include "tests/support/core_fixture.h"

#define EXPIRES (NOW + 1000)

static struct lk_key_text secret;
static struct lk_key_view key;

/* A key with everything that can be refused. */
static void create_bound_key(struct fixture *f)
{
	static const char *const networks[] = { "192.0.2.0/24" };
	struct lk_key_spec spec = fixture_spec();

	spec.networks = networks;
	spec.n_networks = 1;
	spec.expires_ms = EXPIRES;
	CHECK_OK(fixture_create(f, &spec, &key, &secret));
}

static void set_enabled(struct fixture *f, bool enabled)
{
	struct lk_key_update update = {
		.id = key.id, .fields = LK_KEY_FIELD_ENABLED, .enabled = enabled
	};

	CHECK_OK(fixture_commit(f, lk_keys_update(&f->call, f->txn, &update, &key)));
}

static void revoke(struct fixture *f)
{
	struct lk_key_revocation revocation = { key.id, 1, "" };

	CHECK_OK(fixture_commit(f, lk_keys_revoke(&f->call, f->txn, &revocation, &key)));
}

static void rotate(struct fixture *f, lk_time_ms grace_ms, struct lk_key_text *secret_out)
{
	struct lk_key_rotation rotation = { key.id, grace_ms };

	CHECK_OK(fixture_commit(f, lk_keys_rotate(&f->call, f->txn, &rotation, &key, secret_out)));
}

static const char *const forbidden[] = { "a.b.c" };
static const char *const granted[] = { "records.read", "clients.read" };

TEST(each_check_comes_before_the_later_ones)
{
	/* Everything is wrong at once; then one thing after the other is put right. */
	struct lk_auth_request request = { .now = EXPIRES,
		.permissions = forbidden,
		.n_permissions = 1,
		.client_address = text_of("198.51.100.1") };
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	set_enabled(&f, false);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_DISABLED);
	set_enabled(&f, true);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_EXPIRED);
	request.now = EXPIRES - 1;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NETWORK_NOT_ALLOWED);
	request.client_address = text_of("192.0.2.200");
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_PERMISSION_DENIED);
	request.permissions = granted;
	request.n_permissions = LK_COUNT(granted);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	set_enabled(&f, false);
	revoke(&f);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_REVOKED);
	fixture_fini(&f);
}

TEST(a_key_without_permissions_or_networks_proves_identity_from_anywhere)
{
	struct lk_auth_request request = { .client_address = text_of("") };
	struct lk_key_spec spec = fixture_spec();
	struct fixture f;

	fixture_init(&f);
	spec.n_scopes = 0;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	request.permissions = granted;
	request.n_permissions = 1;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_PERMISSION_DENIED);
	fixture_fini(&f);
}

TEST(a_bound_key_is_refused_when_the_address_is_unknown_or_malformed)
{
	static const char *const addresses[] = { "", "192.0.2.0/24", "192.0.2.1 ", "unknown" };
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	for (size_t i = 0; i < LK_COUNT(addresses); i++) {
		struct lk_auth_request request = { .client_address = text_of(addresses[i]) };

		CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NETWORK_NOT_ALLOWED);
	}
	fixture_fini(&f);
}

TEST(exactly_one_credential_is_needed)
{
	struct lk_bytes credentials[2];
	struct lk_auth_request request = { .credentials = credentials, .now = NOW };
	struct lk_verdict verdict;
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	credentials[0] = credentials[1] = text_of(secret.text);
	request.realm = f.call.realm;
	CHECK_OK(lk_authenticate(&(struct lk_verifier) { .index = f.index, .peppers = &f.peppers },
		&request, &verdict));
	CHECK_EQ(verdict.reason, LK_DENY_NO_CREDENTIAL);
	request.n_credentials = 2;
	CHECK_OK(lk_authenticate(&(struct lk_verifier) { .index = f.index, .peppers = &f.peppers },
		&request, &verdict));
	CHECK_EQ(verdict.reason, LK_DENY_AMBIGUOUS_CREDENTIALS);
	CHECK(verdict.entry == NULL);
	fixture_fini(&f);
}

TEST(a_text_with_one_wrong_character_is_refused_without_a_lookup)
{
	/* A lookup without an index and peppers would crash. */
	struct lk_verifier blind = { .index = NULL };
	struct lk_bytes credential;
	struct lk_verdict verdict;
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	credential = text_of(secret.text);
	for (size_t i = 0; secret.text[i] != '\0'; i++) {
		struct lk_auth_request request = { .realm = f.call.realm,
			.credentials = &credential,
			.n_credentials = 1,
			.now = NOW };
		char right = secret.text[i];

		secret.text[i] = right == 'x' ? 'y' : 'x';
		CHECK_OK(lk_authenticate(&blind, &request, &verdict));
		CHECK_EQ(verdict.reason, LK_DENY_UNKNOWN_CREDENTIAL);
		CHECK(verdict.entry == NULL);
		secret.text[i] = right;
	}
	fixture_fini(&f);
}

TEST(a_key_of_another_realm_or_never_issued_is_unknown)
{
	struct lk_auth_request request = { .now = NOW };
	struct lk_key_text never;
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	lk_key_text_make("crm_live_", &never);
	CHECK_EQ(fixture_verify(&f, never.text, request), LK_DENY_UNKNOWN_CREDENTIAL);
	request.realm = lk_realms_find(f.realms, text_of("other"));
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

TEST(a_permission_that_the_realm_does_not_have_is_an_invalid_argument)
{
	static const char *const unknown[] = { "records.read", "records.*" };
	struct lk_auth_request request = { .permissions = unknown, .n_permissions = 2, .now = NOW };
	struct lk_verdict verdict;
	struct lk_status st;
	struct fixture f;

	fixture_init(&f);
	request.realm = f.call.realm;
	st = lk_authenticate(&(struct lk_verifier) { .index = f.index, .peppers = &f.peppers },
		&request, &verdict);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "permissions");
	fixture_fini(&f);
}

TEST(a_rotated_secret_is_good_until_its_grace_is_over)
{
	struct lk_auth_request request = { .client_address = text_of("192.0.2.1") };
	struct lk_key_text second;
	struct lk_key_text third;
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	rotate(&f, 500, &second);
	request.now = NOW + 499;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	CHECK_EQ(fixture_verify(&f, second.text, request), LK_DENY_NONE);
	request.now = NOW + 500;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(fixture_verify(&f, second.text, request), LK_DENY_NONE);
	/* Rotating again ends the grace period of the first secret. */
	rotate(&f, 0, &third);
	request.now = NOW + 1;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(fixture_verify(&f, second.text, request), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(fixture_verify(&f, third.text, request), LK_DENY_NONE);
	fixture_fini(&f);
}

/* A clock that is set back must not bring it back. */
TEST(a_secret_replaced_without_grace_is_gone_whatever_the_clock_says)
{
	struct lk_auth_request early = { .client_address = text_of("192.0.2.1"),
		.now = NOW - (lk_time_ms)3600 * 1000 };
	struct lk_key_text second;
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	rotate(&f, 0, &second);
	CHECK_EQ(fixture_verify(&f, secret.text, early), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(fixture_verify(&f, second.text, early), LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(revoking_ends_the_previous_secret_too)
{
	struct lk_auth_request request = { .client_address = text_of("192.0.2.1") };
	struct lk_key_text second;
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	rotate(&f, 500, &second);
	revoke(&f);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_REVOKED);
	CHECK_EQ(fixture_verify(&f, second.text, request), LK_DENY_REVOKED);
	fixture_fini(&f);
}

TEST(a_key_made_under_an_older_pepper_still_verifies)
{
	struct lk_auth_request request = { .client_address = text_of("192.0.2.1") };
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	f.peppers = (struct lk_peppers) { { { 2, { 9 } }, f.peppers.items[0] }, 2 };
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	f.peppers.n = 1;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

TEST(a_verdict_tells_whose_key_it_is)
{
	struct lk_auth_request request = { .n_credentials = 1, .now = EXPIRES };
	struct lk_bytes credential;
	struct lk_verdict verdict;
	struct fixture f;

	fixture_init(&f);
	create_bound_key(&f);
	credential = text_of(secret.text);
	request.realm = f.call.realm;
	request.credentials = &credential;
	lk_index_enter();
	CHECK_OK(lk_authenticate(&(struct lk_verifier) { .index = f.index, .peppers = &f.peppers },
		&request, &verdict));
	CHECK_EQ(verdict.reason, LK_DENY_EXPIRED);
	CHECK_STR(lk_entry_user_id(verdict.entry), "u_1");
	CHECK_STR(lk_entry_organization_id(verdict.entry), "");
	CHECK_STR(lk_entry_name(verdict.entry), "ci");
	CHECK_EQ(verdict.entry->n_scopes, 2);
	CHECK_MEM(lk_entry_scopes(verdict.entry), "records.*\0clients.read", 23);
	CHECK_MEM(verdict.entry->key_id.bytes, key.record.id.bytes, 16);
	lk_index_leave();
	fixture_fini(&f);
}

TEST(a_service_key_shows_its_scopes_and_realms_as_bits)
{
	static const char *const scopes[] = { "auth.verify", "keys.*" };
	static const char *const realms[] = { "crm" };
	struct lk_key_spec spec = fixture_spec();
	uint64_t bits[LK_REALMS_MAX / 64];
	struct lk_bytes domain = text_of("latchkey");
	struct lk_digest digest;
	struct lk_hit hit;
	struct fixture f;

	fixture_init(&f);
	f.call.realm = lk_realms_at(f.realms, 0);
	spec.scopes = scopes;
	spec.realms = realms;
	spec.n_realms = 1;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	lk_digest_make(&f.peppers.items[0], domain, text_of(secret.text), &digest);
	lk_index_enter();
	CHECK(lk_index_find(f.index, &digest, &hit));
	CHECK_EQ(hit.entry->scopes.w[0], 7);
	lk_entry_realms(hit.entry, bits);
	CHECK_EQ(bits[0], 1 << lk_realms_find(f.realms, text_of("crm"))->index);
	lk_index_leave();
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(each_check_comes_before_the_later_ones),
		RUN(a_key_without_permissions_or_networks_proves_identity_from_anywhere),
		RUN(a_bound_key_is_refused_when_the_address_is_unknown_or_malformed),
		RUN(exactly_one_credential_is_needed),
		RUN(a_text_with_one_wrong_character_is_refused_without_a_lookup),
		RUN(a_key_of_another_realm_or_never_issued_is_unknown),
		RUN(a_permission_that_the_realm_does_not_have_is_an_invalid_argument),
		RUN(a_rotated_secret_is_good_until_its_grace_is_over),
		RUN(a_secret_replaced_without_grace_is_gone_whatever_the_clock_says),
		RUN(revoking_ends_the_previous_secret_too),
		RUN(a_key_made_under_an_older_pepper_still_verifies),
		RUN(a_verdict_tells_whose_key_it_is),
		RUN(a_service_key_shows_its_scopes_and_realms_as_bits),
	};

	return RUN_ALL(tests);
}
