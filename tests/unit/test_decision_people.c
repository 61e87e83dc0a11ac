/* SPDX-License-Identifier: MIT */
/* Decisions about sessions, signed tokens, and keys with people behind them. */
#include "tests/support/people_fixture.h"

#define EXPIRES (NOW + 60000)

static struct lk_user_view user;
static struct lk_key_view key;
static struct lk_key_text secret;
static struct lk_grant grant;

static const struct lk_auth_request plain = { .may_compute = true };

static struct lk_auth_request at(lk_time_ms now)
{
	return (struct lk_auth_request) { .may_compute = true, .now = now };
}

static void update_key(struct fixture *f, bool enabled)
{
	struct lk_key_update update = {
		.id = key.id, .fields = LK_KEY_FIELD_ENABLED, .enabled = enabled
	};

	CHECK_OK(fixture_commit(f, lk_keys_update(&f->call, f->txn, &update, &key)));
}

static void end_session(struct fixture *f, const struct lk_key_id *id)
{
	bool ended;

	CHECK_OK(fixture_commit(f, lk_sessions_end(&f->call, f->txn, id, &ended)));
	CHECK(ended);
}

static void sweep_session(struct fixture *f, lk_time_ms now)
{
	struct lk_row row =
		lk_row_of_session(lk_call_realm_name(&f->call), &grant.session.record.id);

	CHECK_OK(fixture_commit(f, lk_sessions_sweep(NULL, f->txn, lk_row_bytes(&row), now)));
}

static struct lk_verdict judge(
	struct fixture *f, const char *credential, struct lk_auth_request request)
{
	struct lk_verifier verifier = {
		.index = f->index, .peppers = &f->peppers, .proofs = f->proofs
	};
	struct lk_bytes bytes = text_of(credential);
	struct lk_verdict verdict;

	request.realm = f->call.realm;
	request.credentials = &bytes;
	request.n_credentials = 1;
	request.now = request.now != 0 ? request.now : f->call.now;
	CHECK_OK(lk_authenticate(&verifier, &request, &verdict));
	return verdict;
}

TEST(each_check_comes_before_the_later_ones_also_with_people_behind_a_key)
{
	static const char *const networks[] = { "192.0.2.0/24" };
	static const char *const all[] = { "*" };
	static const char *const forbidden[] = { "records.delete" };
	struct lk_key_revocation revocation = { .comment = "" };
	struct lk_key_spec spec = { .name = "k",
		.organization_id = "",
		.scopes = all,
		.n_scopes = 1,
		.networks = networks,
		.n_networks = 1,
		.expires_ms = EXPIRES };
	/* Everything is wrong at once; then one thing after the other is put right. */
	struct lk_auth_request request = { .now = EXPIRES,
		.permissions = forbidden,
		.n_permissions = 1,
		.client_address = text_of("198.51.100.1") };
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "writer", "org");
	spec.user_id = user.id;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	people_set_enabled(&f, user.id, false);
	people_set_organization(&f, "org", "", false);
	update_key(&f, false);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_DISABLED);
	update_key(&f, true);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_EXPIRED);
	request.now = EXPIRES - 1;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_USER_DISABLED);
	people_set_enabled(&f, user.id, true);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_ORGANIZATION_DISABLED);
	people_set_organization(&f, "org", "", true);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NETWORK_NOT_ALLOWED);
	request.client_address = text_of("192.0.2.1");
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_PERMISSION_DENIED);
	people_set_role(&f, user.id, "admin");
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	update_key(&f, false);
	revocation.id = key.id;
	CHECK_OK(fixture_commit(&f, lk_keys_revoke(&f.call, f.txn, &revocation, &key)));
	people_set_enabled(&f, user.id, false);
	request.now = EXPIRES;
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_REVOKED);
	fixture_fini(&f);
}

TEST(every_reason_has_a_sentence_of_its_own)
{
	CHECK_STR(lk_deny_message(LK_DENY_NONE), "");
	for (int a = LK_DENY_NO_CREDENTIAL; a <= LK_DENY_ORGANIZATION_DISABLED; a++)
		for (int b = LK_DENY_NONE; b < a; b++)
			assert_string_not_equal(lk_deny_message((enum lk_deny_reason)a),
				lk_deny_message((enum lk_deny_reason)b));
}

/* --- opaque sessions --- */

TEST(a_session_token_is_good_until_its_session_ends_or_expires)
{
	struct lk_verdict verdict;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "writer", "");
	CHECK_OK(people_open(&f, &user.record.id, &grant));
	verdict = judge(&f, grant.tokens.access, plain);
	CHECK_EQ(verdict.reason, LK_DENY_NONE);
	CHECK((verdict.entry->flags & LK_ENTRY_SESSION) != 0);
	CHECK(lk_key_id_equal(&verdict.entry->key_id, &grant.session.record.id));
	CHECK_STR(lk_entry_user_id(verdict.entry), user.id);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(grant.tokens.access_expires_ms - 1)),
		LK_DENY_NONE);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(grant.tokens.access_expires_ms)),
		LK_DENY_EXPIRED);
	end_session(&f, &grant.session.record.id);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_REVOKED);
	/* Ended comes before expired, as with keys. */
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(grant.tokens.access_expires_ms)),
		LK_DENY_REVOKED);
	sweep_session(&f, grant.tokens.access_expires_ms);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

TEST(a_session_token_of_another_realm_is_unknown)
{
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "writer", "");
	CHECK_OK(people_open(&f, &user.record.id, &grant));
	people_enter(&f, "app");
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

TEST(a_verdict_tells_who_is_behind_the_credential)
{
	struct lk_key_spec spec = { .name = "k", .organization_id = "mine" };
	struct lk_verdict verdict;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "writer", "org");
	people_set_organization(&f, "org", "gold", true);
	people_set_organization(&f, "mine", "free", true);
	CHECK_OK(people_open(&f, &user.record.id, &grant));
	verdict = judge(&f, grant.tokens.access, plain);
	CHECK_EQ(verdict.user->n_roles, 1);
	CHECK_STR(verdict.user->roles, "writer");
	CHECK_STR(verdict.organization_id, "org");
	CHECK_STR(verdict.organization->plan, "gold");
	CHECK(lk_permset_contains(&verdict.permissions, &verdict.user->permissions));
	CHECK(lk_permset_contains(&verdict.user->permissions, &verdict.permissions));
	/* The organisation that a key names comes before that of its user. */
	spec.user_id = user.id;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	verdict = judge(&f, secret.text, plain);
	CHECK_STR(verdict.user->roles, "writer");
	CHECK_STR(verdict.organization_id, "mine");
	CHECK_STR(verdict.organization->plan, "free");
	spec.organization_id = "";
	spec.user_id = "u_1";
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	verdict = judge(&f, secret.text, plain);
	CHECK(verdict.user == NULL);
	CHECK(verdict.organization == NULL);
	CHECK_STR(verdict.organization_id, "");
	fixture_fini(&f);
}

/* --- signed tokens --- */

static void rotate(struct fixture *f, struct lk_signing_key_view *view_out)
{
	CHECK_OK(fixture_commit(f, lk_keyring_rotate(&f->call, f->txn, view_out)));
}

/* In the realm that signs: a keyring, a user, and a session. */
static void set_up_signed(struct fixture *f, struct lk_signing_key_view *signer_out)
{
	people_init(f);
	people_enter(f, "app");
	rotate(f, signer_out);
	user = people_create(f, "ada@x", "writer", "");
	CHECK_OK(people_open(f, &user.record.id, &grant));
}

TEST(a_signed_token_is_good_while_it_lasts_and_its_session_too)
{
	struct lk_signing_key_view signer;
	struct fixture f;

	set_up_signed(&f, &signer);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(grant.tokens.access_expires_ms - 1)),
		LK_DENY_NONE);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(grant.tokens.access_expires_ms)),
		LK_DENY_EXPIRED);
	end_session(&f, &grant.session.record.id);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_REVOKED);
	/* The token's own end is known without its session. */
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(grant.tokens.access_expires_ms)),
		LK_DENY_EXPIRED);
	sweep_session(&f, grant.session.record.expires_ms);
	CHECK_EQ(lk_index_stats(f.index).sessions, 0);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_REVOKED);
	fixture_fini(&f);
}

TEST(a_disabled_user_is_refused_with_a_signed_token)
{
	struct lk_signing_key_view signer;
	struct fixture f;

	set_up_signed(&f, &signer);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_NONE);
	people_set_enabled(&f, user.id, false);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_USER_DISABLED);
	fixture_fini(&f);
}

TEST(a_token_that_is_not_ours_to_the_last_character_is_unknown)
{
	struct lk_signing_key_view signer;
	struct fixture f;
	size_t n;

	set_up_signed(&f, &signer);
	n = strlen(grant.tokens.access);
	for (size_t i = 0; i < n; i++) {
		char right = grant.tokens.access[i];

		grant.tokens.access[i] = right == 'x' ? 'y' : 'x';
		/* The last character has bits that stand for nothing: those must be zero. */
		CHECK_EQ(
			fixture_verify(&f, grant.tokens.access, plain), LK_DENY_UNKNOWN_CREDENTIAL);
		grant.tokens.access[i] = right;
	}
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_NONE);
	CHECK_EQ(fixture_verify(&f, ".", plain), LK_DENY_UNKNOWN_CREDENTIAL);
	people_enter(&f, "crm");
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

TEST(a_signature_is_verified_where_that_may_be_done_and_only_once)
{
	struct lk_signing_key_view signer;
	struct lk_verdict verdict;
	struct fixture f;

	set_up_signed(&f, &signer);
	verdict = judge(&f, grant.tokens.access, (struct lk_auth_request) { .now = NOW });
	CHECK(verdict.must_compute);
	CHECK(verdict.reason != LK_DENY_NONE);
	verdict = judge(&f, grant.tokens.access, plain);
	CHECK(!verdict.must_compute);
	CHECK_EQ(verdict.reason, LK_DENY_NONE);
	verdict = judge(&f, grant.tokens.access, (struct lk_auth_request) { .now = NOW });
	CHECK(!verdict.must_compute);
	CHECK_EQ(verdict.reason, LK_DENY_NONE);
	/* What is bad is bad each time. */
	grant.tokens.access[strlen(grant.tokens.access) - 5] ^= 1;
	CHECK_EQ(judge(&f, grant.tokens.access, plain).reason, LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK(judge(&f, grant.tokens.access, (struct lk_auth_request) { .now = NOW }).must_compute);
	fixture_fini(&f);
}

TEST(a_key_that_is_retired_voids_its_tokens_those_proven_before_too)
{
	struct lk_signing_key_view first, second;
	struct lk_grant later;
	struct fixture f;

	set_up_signed(&f, &first);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_NONE);
	rotate(&f, &second);
	CHECK_OK(people_open(&f, &user.record.id, &later));
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_NONE);
	CHECK_OK(fixture_commit(&f, lk_keyring_retire(&f.call, f.txn, first.kid)));
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(fixture_verify(&f, later.tokens.access, plain), LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(a_token_is_unknown_once_its_key_verifies_no_more)
{
	struct lk_signing_key_view first, second;
	struct fixture f;
	lk_time_ms end;

	set_up_signed(&f, &first);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, plain), LK_DENY_NONE);
	f.call.now = NOW + 1;
	rotate(&f, &second);
	end = lk_index_keyring(f.index, f.call.realm)->signers[1].expires_ms;
	CHECK(end > grant.tokens.access_expires_ms);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(end - 1)), LK_DENY_EXPIRED);
	CHECK_EQ(fixture_verify(&f, grant.tokens.access, at(end)), LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

TEST(a_session_of_a_realm_that_signs_is_not_found_by_a_session_token)
{
	struct lk_signing_key_view signer;
	struct lk_key_text guess;
	struct fixture f;

	set_up_signed(&f, &signer);
	lk_key_text_make(LK_SESSION_TOKEN_PREFIX, &guess);
	CHECK_EQ(fixture_verify(&f, guess.text, plain), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(fixture_verify(&f, grant.tokens.refresh.text, plain), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(fixture_verify(&f, grant.session.id, plain), LK_DENY_UNKNOWN_CREDENTIAL);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(each_check_comes_before_the_later_ones_also_with_people_behind_a_key),
		RUN(every_reason_has_a_sentence_of_its_own),
		RUN(a_session_token_is_good_until_its_session_ends_or_expires),
		RUN(a_session_token_of_another_realm_is_unknown),
		RUN(a_verdict_tells_who_is_behind_the_credential),
		RUN(a_signed_token_is_good_while_it_lasts_and_its_session_too),
		RUN(a_disabled_user_is_refused_with_a_signed_token),
		RUN(a_token_that_is_not_ours_to_the_last_character_is_unknown),
		RUN(a_signature_is_verified_where_that_may_be_done_and_only_once),
		RUN(a_key_that_is_retired_voids_its_tokens_those_proven_before_too),
		RUN(a_token_is_unknown_once_its_key_verifies_no_more),
		RUN(a_session_of_a_realm_that_signs_is_not_found_by_a_session_token),
	};

	return RUN_ALL(tests);
}
