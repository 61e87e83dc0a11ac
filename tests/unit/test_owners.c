/* SPDX-License-Identifier: MIT */
/* What becomes of credentials when the people and organisations behind them change. */
#include "server/core/text.h"
#include "tests/support/people_fixture.h"

static struct lk_user_view user;
static struct lk_key_view key;
static struct lk_key_text secret;
static struct lk_grant grant;

static enum lk_deny_reason verify(struct fixture *f, const char *credential, const char *permission)
{
	return fixture_verify(f, credential,
		(struct lk_auth_request) { .permissions = &permission,
			.n_permissions = permission[0] != '\0' ? 1 : 0 });
}

/* The reason is the same for the session and the key. */
static void check_both(struct fixture *f, const char *permission, enum lk_deny_reason reason)
{
	CHECK_EQ(verify(f, grant.tokens.access, permission), reason);
	CHECK_EQ(verify(f, secret.text, permission), reason);
}

/* A writer of the organisation `org`, who has a session and a key. */
static void set_up(struct fixture *f)
{
	people_init(f);
	user = people_create(f, "ada@x", "writer", "org");
	CHECK_OK(people_open(f, &user.record.id, &grant));
	CHECK_OK(people_create_key(f, user.id, "*", &key, &secret));
}

static void put_user_row(struct fixture *f, struct lk_bytes value)
{
	struct lk_row row = lk_row_of_user(text_of("crm"), &user.record.id);

	CHECK_OK(fixture_commit(f, value.data != NULL
					   ? lk_txn_put(f->txn, lk_row_bytes(&row), value, true)
					   : lk_txn_delete(f->txn, lk_row_bytes(&row), true)));
}

static void put_organization_row(struct fixture *f, struct lk_bytes value)
{
	struct lk_row row = lk_row_of_organization(text_of("crm"), text_of("org"));

	CHECK_OK(fixture_commit(f, lk_txn_put(f->txn, lk_row_bytes(&row), value, true)));
}

/* --- users --- */

TEST(a_change_of_roles_changes_what_sessions_and_keys_may_at_once)
{
	struct fixture f;

	set_up(&f);
	check_both(&f, "records.write", LK_DENY_NONE);
	check_both(&f, "records.delete", LK_DENY_PERMISSION_DENIED);
	people_set_role(&f, user.id, "reader");
	check_both(&f, "records.write", LK_DENY_PERMISSION_DENIED);
	check_both(&f, "records.read", LK_DENY_NONE);
	people_set_role(&f, user.id, "admin");
	check_both(&f, "records.delete", LK_DENY_NONE);
	people_set_role(&f, user.id, "");
	check_both(&f, "records.read", LK_DENY_PERMISSION_DENIED);
	check_both(&f, "", LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(a_promotion_gives_a_key_no_more_than_its_scopes)
{
	struct fixture f;

	set_up(&f);
	CHECK_OK(people_create_key(&f, user.id, "records.read", &key, &secret));
	people_set_role(&f, user.id, "admin");
	CHECK_EQ(verify(&f, secret.text, "records.read"), LK_DENY_NONE);
	CHECK_EQ(verify(&f, secret.text, "records.write"), LK_DENY_PERMISSION_DENIED);
	fixture_fini(&f);
}

TEST(a_disabled_user_is_refused_with_whatever_they_have_until_enabled_again)
{
	struct lk_key_text more;
	struct fixture f;

	set_up(&f);
	people_set_enabled(&f, user.id, false);
	check_both(&f, "", LK_DENY_USER_DISABLED);
	/* A key that is made for them meanwhile. */
	CHECK_OK(people_create_key(&f, user.id, "*", &key, &more));
	CHECK_EQ(verify(&f, more.text, ""), LK_DENY_USER_DISABLED);
	people_set_enabled(&f, user.id, true);
	check_both(&f, "records.write", LK_DENY_NONE);
	CHECK_EQ(verify(&f, more.text, "records.write"), LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(a_user_who_is_missing_or_cannot_be_read_is_refused)
{
	struct lk_user_record other;
	struct lk_bytes right, lent;
	struct fixture f;

	set_up(&f);
	other = user.record;
	other.id.bytes[0] ^= 1;
	CHECK_OK(lk_user_record_encode(&user.record, &f.arena, &right));
	CHECK_OK(lk_user_record_encode(&other, &f.arena, &lent));
	put_user_row(&f, (struct lk_bytes) { NULL, 0 });
	check_both(&f, "", LK_DENY_USER_DISABLED);
	CHECK_EQ(lk_index_stats(f.index).unreadable, 0);
	put_user_row(&f, right);
	check_both(&f, "records.write", LK_DENY_NONE);
	put_user_row(&f, text_of("\xff"));
	check_both(&f, "", LK_DENY_USER_DISABLED);
	CHECK_EQ(lk_index_stats(f.index).unreadable, 1);
	/* The record of another user in this one's row. */
	put_user_row(&f, lent);
	check_both(&f, "", LK_DENY_USER_DISABLED);
	/* And after a start. */
	CHECK_OK(lk_index_load(f.index, f.store));
	check_both(&f, "", LK_DENY_USER_DISABLED);
	put_user_row(&f, right);
	check_both(&f, "records.write", LK_DENY_NONE);
	fixture_fini(&f);
}

/* One record that nobody can have written must not keep the server from starting. */
TEST(a_user_with_more_than_a_user_may_have_is_refused_alone)
{
	char organization[LK_OWNER_ID_MAX + 2];
	struct lk_user_record record;
	struct lk_bytes value;
	struct lk_key_text others;
	struct fixture f;

	set_up(&f);
	CHECK_OK(people_create_key(&f, "", "*", &key, &others));
	memset(organization, 'a', sizeof organization);
	record = user.record;
	record.organization_id =
		(struct lk_bytes) { (const uint8_t *)organization, LK_OWNER_ID_MAX + 1 };
	CHECK_OK(lk_user_record_encode(&record, &f.arena, &value));
	put_user_row(&f, value);
	check_both(&f, "", LK_DENY_USER_DISABLED);
	CHECK_EQ(verify(&f, others.text, ""), LK_DENY_NONE);
	CHECK_OK(lk_index_load(f.index, f.store));
	check_both(&f, "", LK_DENY_USER_DISABLED);
	CHECK_EQ(verify(&f, others.text, ""), LK_DENY_NONE);
	CHECK_EQ(lk_index_stats(f.index).unreadable, 1);
	fixture_fini(&f);
}

/* --- organisations --- */

TEST(a_disabled_organisation_refuses_its_members_and_its_keys)
{
	struct lk_key_spec spec = { .name = "k", .user_id = "", .organization_id = "org" };
	struct lk_key_text own;
	struct fixture f;

	set_up(&f);
	CHECK_OK(fixture_create(&f, &spec, &key, &own));
	/* One without a record is only a name. */
	check_both(&f, "", LK_DENY_NONE);
	CHECK_EQ(verify(&f, own.text, ""), LK_DENY_NONE);
	people_set_organization(&f, "org", "gold", false);
	check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
	CHECK_EQ(verify(&f, own.text, ""), LK_DENY_ORGANIZATION_DISABLED);
	people_set_organization(&f, "other", "gold", false);
	people_set_organization(&f, "org", "gold", true);
	check_both(&f, "", LK_DENY_NONE);
	CHECK_EQ(verify(&f, own.text, ""), LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(who_moves_to_another_organisation_shares_its_fate)
{
	struct lk_user_update move = { .fields = LK_USER_FIELD_ORGANIZATION };
	struct fixture f;

	set_up(&f);
	move.id = user.id;
	people_set_organization(&f, "closed", "", false);
	move.spec.organization_id = "closed";
	CHECK_OK(people_update(&f, &move));
	check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
	move.spec.organization_id = "";
	CHECK_OK(people_update(&f, &move));
	check_both(&f, "", LK_DENY_NONE);
	fixture_fini(&f);
}

/* A key of a user may name an organisation of its own: both must be enabled. */
TEST(a_key_is_refused_when_its_organisation_or_that_of_its_user_is_disabled)
{
	struct lk_key_spec spec = { .name = "k", .organization_id = "mine" };
	struct fixture f;

	set_up(&f);
	spec.user_id = user.id;
	CHECK_OK(fixture_create(&f, &spec, &key, &secret));
	people_set_organization(&f, "org", "", false);
	CHECK_EQ(verify(&f, secret.text, ""), LK_DENY_ORGANIZATION_DISABLED);
	people_set_organization(&f, "org", "", true);
	CHECK_EQ(verify(&f, secret.text, ""), LK_DENY_NONE);
	people_set_organization(&f, "mine", "", false);
	CHECK_EQ(verify(&f, secret.text, ""), LK_DENY_ORGANIZATION_DISABLED);
	CHECK_EQ(verify(&f, grant.tokens.access, ""), LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(an_organisation_that_cannot_be_read_counts_as_disabled)
{
	struct lk_organization_record record = {
		.id = text_of("org"), .realm = text_of("app"), .enabled = true
	};
	struct lk_bytes value;
	struct fixture f;

	set_up(&f);
	put_organization_row(&f, text_of("\xff"));
	check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
	fixture_fini(&f);
	set_up(&f);
	/* That of another realm. */
	CHECK_OK(lk_organization_record_encode(&record, &f.arena, &value));
	put_organization_row(&f, value);
	check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
	CHECK_OK(lk_index_load(f.index, f.store));
	check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
	CHECK_EQ(lk_index_stats(f.index).unreadable, 1);
	fixture_fini(&f);
}

/* --- owners of other kinds --- */

TEST(an_owner_of_another_form_is_only_a_text)
{
	static const char *const ids[] = { "", "u_1", "ada@x", "user_", "user_0", "USER_" };
	struct lk_key_text secrets[LK_COUNT(ids)];
	struct fixture f;

	set_up(&f);
	for (size_t i = 0; i < LK_COUNT(ids); i++)
		CHECK_OK(people_create_key(&f, ids[i], "records.delete", &key, &secrets[i]));
	people_set_enabled(&f, user.id, false);
	people_set_organization(&f, "ada@x", "", false);
	for (size_t i = 0; i < LK_COUNT(ids); i++)
		CHECK_EQ(verify(&f, secrets[i].text, "records.delete"), LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(a_user_of_another_realm_is_no_owner_here)
{
	struct lk_status st;
	struct fixture f;

	set_up(&f);
	people_enter(&f, "app");
	st = people_create_key(&f, user.id, "", &key, &secret);
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "user_id");
	fixture_fini(&f);
}

/* --- scopes --- */

static struct lk_status set_scope(struct fixture *f, const char *scope)
{
	struct lk_key_update update = { .id = key.id,
		.fields = LK_KEY_FIELD_SCOPES,
		.spec = { .scopes = &scope, .n_scopes = 1 } };

	return fixture_commit(f, lk_keys_update(&f->call, f->txn, &update, &key));
}

static void check_too_wide(struct lk_status st)
{
	CHECK_CODE(st, LK_PERMISSION_DENIED);
	CHECK_STR(st.field, "scopes");
}

TEST(a_key_is_not_given_what_its_user_lacks)
{
	struct lk_key_text none;
	struct fixture f;

	set_up(&f);
	check_too_wide(people_create_key(&f, user.id, "records.delete", &key, &none));
	check_too_wide(people_create_key(&f, user.id, "records.*", &key, &none));
	check_too_wide(people_create_key(&f, user.id, "clients.read", &key, &none));
	CHECK_OK(people_create_key(&f, user.id, "records.write", &key, &secret));
	check_too_wide(set_scope(&f, "records.delete"));
	CHECK_EQ(verify(&f, secret.text, "records.write"), LK_DENY_NONE);
	CHECK_OK(set_scope(&f, "records.read"));
	CHECK_EQ(verify(&f, secret.text, "records.write"), LK_DENY_PERMISSION_DENIED);
	/* All that the user may, now and later. */
	CHECK_OK(set_scope(&f, "*"));
	CHECK_EQ(verify(&f, secret.text, "records.write"), LK_DENY_NONE);
	CHECK_EQ(verify(&f, secret.text, "records.delete"), LK_DENY_PERMISSION_DENIED);
	fixture_fini(&f);
}

TEST(a_key_that_was_not_too_wide_once_is_changed_in_other_ways_freely)
{
	struct lk_key_update rename = { .fields = LK_KEY_FIELD_NAME, .spec = { .name = "new" } };
	struct fixture f;

	set_up(&f);
	CHECK_OK(people_create_key(&f, user.id, "records.write", &key, &secret));
	people_set_role(&f, user.id, "reader");
	rename.id = key.id;
	CHECK_OK(fixture_commit(&f, lk_keys_update(&f.call, f.txn, &rename, &key)));
	check_too_wide(set_scope(&f, "records.write"));
	fixture_fini(&f);
}

/* A demotion between the look at the roles and the commit. */
TEST(a_key_is_not_given_what_its_user_lost_meanwhile)
{
	static const char *const scopes[] = { "records.write" };
	struct lk_key_spec spec = {
		.name = "k", .organization_id = "", .scopes = scopes, .n_scopes = 1
	};
	struct lk_txn *other;
	struct fixture f;
	uint64_t seq;

	set_up(&f);
	spec.user_id = user.id;
	CHECK_OK(lk_txn_new(f.store, &other));
	CHECK_OK(lk_keys_create(&f.call, other, &spec, &key, &secret));
	people_set_role(&f, user.id, "reader");
	CHECK_CODE(lk_txn_commit(other, &seq), LK_ABORTED);
	lk_txn_reset(other);
	check_too_wide(lk_keys_create(&f.call, other, &spec, &key, &secret));
	lk_txn_free(other);
	fixture_fini(&f);
}

/* --- denials and faults --- */

TEST(a_denied_user_stays_so_through_a_reload_until_their_record_changes)
{
	struct fixture f;

	set_up(&f);
	lk_index_deny_user(f.index, f.call.realm, &user.record.id, LK_ENTRY_DENIED_AS_STALE);
	check_both(&f, "", LK_DENY_USER_DISABLED);
	CHECK_OK(lk_index_load(f.index, f.store));
	check_both(&f, "", LK_DENY_NONE);
	lk_index_deny_user(f.index, f.call.realm, &user.record.id, LK_ENTRY_DENIED_AS_REVOKED);
	/* The weaker does not take the place of the stronger. */
	lk_index_deny_user(f.index, f.call.realm, &user.record.id, LK_ENTRY_DENIED_AS_STALE);
	CHECK_OK(lk_index_load(f.index, f.store));
	check_both(&f, "", LK_DENY_USER_DISABLED);
	people_set_role(&f, user.id, "reader");
	check_both(&f, "", LK_DENY_NONE);
	fixture_fini(&f);
}

TEST(a_denied_organisation_stays_so_through_a_reload_until_its_record_changes)
{
	static const enum lk_entry_denial stale = LK_ENTRY_DENIED_AS_STALE;
	struct fixture f;

	set_up(&f);
	lk_index_deny_organization(f.index, f.call.realm, text_of("other"), stale);
	check_both(&f, "", LK_DENY_NONE);
	/* Also one without a record. */
	lk_index_deny_organization(f.index, f.call.realm, text_of("org"), stale);
	check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
	CHECK_OK(lk_index_load(f.index, f.store));
	check_both(&f, "", LK_DENY_NONE);
	people_set_organization(&f, "org", "", true);
	lk_index_deny_organization(
		f.index, f.call.realm, text_of("org"), LK_ENTRY_DENIED_AS_REVOKED);
	CHECK_OK(lk_index_load(f.index, f.store));
	check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
	people_set_organization(&f, "org", "gold", true);
	check_both(&f, "", LK_DENY_NONE);
	fixture_fini(&f);
}

/* Commits a change, lets the nth allocation of the index fail, and then has memory again. */
static bool apply_with_fault(
	struct fixture *f, struct lk_status st, unsigned long nth, uint64_t *seq_out)
{
	bool fired;

	CHECK_OK(st);
	CHECK_OK(lk_txn_commit(f->txn, seq_out));
	lk_txn_reset(f->txn);
	lk_arena_fini(&f->arena);
	lk_alloc_fail_nth(nth);
	st = lk_index_catch_up(f->index, f->store, *seq_out);
	fired = lk_alloc_fail_nth(0);
	CHECK_CODE(st, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
	CHECK_EQ(lk_index_is_behind(f->index), fired);
	return fired;
}

TEST(when_memory_fails_the_users_concerned_are_denied_until_it_is_back)
{
	struct lk_user_update off = { .fields = LK_USER_FIELD_ENABLED };
	bool fired = true;
	struct fixture f;
	uint64_t seq;

	for (unsigned long nth = 1; fired; nth++) {
		set_up(&f);
		off.id = user.id;
		fired = apply_with_fault(
			&f, lk_users_update(&f.call, f.txn, &off, &user), nth, &seq);
		check_both(&f, "", LK_DENY_USER_DISABLED);
		CHECK_OK(lk_index_catch_up(f.index, f.store, seq));
		check_both(&f, "", LK_DENY_USER_DISABLED);
		people_set_enabled(&f, user.id, true);
		check_both(&f, "", LK_DENY_NONE);
		fixture_fini(&f);
		CHECK(fired || nth > 1);
	}
}

TEST(when_memory_fails_the_organisations_concerned_are_denied_until_it_is_back)
{
	struct lk_organization_change off = { "org", LK_ORGANIZATION_FIELD_ENABLED, "", false };
	struct lk_organization_record record;
	bool fired = true;
	struct fixture f;
	uint64_t seq;

	for (unsigned long nth = 1; fired; nth++) {
		set_up(&f);
		fired = apply_with_fault(
			&f, lk_organizations_set(&f.call, f.txn, &off, &record), nth, &seq);
		check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
		CHECK_OK(lk_index_catch_up(f.index, f.store, seq));
		check_both(&f, "", LK_DENY_ORGANIZATION_DISABLED);
		people_set_organization(&f, "org", "", true);
		check_both(&f, "", LK_DENY_NONE);
		fixture_fini(&f);
		CHECK(fired || nth > 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_change_of_roles_changes_what_sessions_and_keys_may_at_once),
		RUN(a_promotion_gives_a_key_no_more_than_its_scopes),
		RUN(a_disabled_user_is_refused_with_whatever_they_have_until_enabled_again),
		RUN(a_user_who_is_missing_or_cannot_be_read_is_refused),
		RUN(a_user_with_more_than_a_user_may_have_is_refused_alone),
		RUN(a_disabled_organisation_refuses_its_members_and_its_keys),
		RUN(who_moves_to_another_organisation_shares_its_fate),
		RUN(a_key_is_refused_when_its_organisation_or_that_of_its_user_is_disabled),
		RUN(an_organisation_that_cannot_be_read_counts_as_disabled),
		RUN(an_owner_of_another_form_is_only_a_text),
		RUN(a_user_of_another_realm_is_no_owner_here),
		RUN(a_key_is_not_given_what_its_user_lacks),
		RUN(a_key_that_was_not_too_wide_once_is_changed_in_other_ways_freely),
		RUN(a_key_is_not_given_what_its_user_lost_meanwhile),
		RUN(a_denied_user_stays_so_through_a_reload_until_their_record_changes),
		RUN(a_denied_organisation_stays_so_through_a_reload_until_its_record_changes),
		RUN(when_memory_fails_the_users_concerned_are_denied_until_it_is_back),
		RUN(when_memory_fails_the_organisations_concerned_are_denied_until_it_is_back),
	};

	return RUN_ALL(tests);
}
