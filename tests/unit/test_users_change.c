/* SPDX-License-Identifier: MIT */
/* Changes of people and organisations: each whole or not at all. */
#include <stdio.h>

#include "server/core/text.h"
#include "tests/support/people_fixture.h"

static struct lk_user_view user;

static struct lk_user_view get(struct fixture *f, const char *id)
{
	struct lk_user_view view;

	CHECK_OK(lk_users_get(&f->call, f->store, id, "", &view));
	return view;
}

static bool is_text(struct lk_bytes bytes, const char *text)
{
	return lk_text_equal(bytes, text_of(text));
}

static void check_field(struct lk_status st, enum lk_code code, const char *field)
{
	CHECK_CODE(st, code);
	CHECK_STR(st.field, field);
}

static const char *const reader[] = { "reader" };
static const char *const writer[] = { "writer" };

/* Everything of a user but what never changes, as one line. */
static const char *line_of(const struct lk_user_view *view, char line_out[256])
{
	const struct lk_user_record *r = &view->record;
	struct lk_bytes role = r->roles.n > 0 ? r->roles.items[0] : text_of("-");

	snprintf(line_out, 256, "%.*s|%.*s|%zu %.*s|%.*s|%d|%.*s", (int)r->email.n,
		(const char *)r->email.data, (int)r->name.n, (const char *)r->name.data, r->roles.n,
		(int)role.n, (const char *)role.data, (int)r->organization_id.n,
		(const char *)r->organization_id.data, r->enabled, (int)r->password_hash.n,
		(const char *)r->password_hash.data);
	return line_out;
}

TEST(an_update_changes_the_fields_named_and_no_others)
{
	static const struct {
		unsigned fields;
		const char *line;
	} cases[] = {
		{ 0, "ada@x|Ada|1 reader|org|1|$h$" },
		{ LK_USER_FIELD_EMAIL, "eve@x|Ada|1 reader|org|1|$h$" },
		{ LK_USER_FIELD_NAME, "ada@x|Eve|1 reader|org|1|$h$" },
		{ LK_USER_FIELD_ROLES, "ada@x|Ada|1 writer|org|1|$h$" },
		{ LK_USER_FIELD_ORGANIZATION, "ada@x|Ada|1 reader|new|1|$h$" },
		{ LK_USER_FIELD_ENABLED, "ada@x|Ada|1 reader|org|0|$h$" },
		{ 31, "eve@x|Eve|1 writer|new|0|$h$" },
	};
	struct lk_user_spec before = { "ada@x", "Ada", reader, 1, "org", "$h$", false };
	char line[256];

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct lk_user_update update = { .fields = cases[i].fields,
			.spec = { "EVE@x", "Eve", writer, 1, "new", "$i$", false } };
		struct lk_user_view answer;
		struct fixture f;

		people_init(&f);
		CHECK_OK(fixture_commit(&f, lk_users_create(&f.call, f.txn, &before, &user)));
		update.id = user.id;
		f.call.now = NOW + 5;
		CHECK_OK(fixture_commit(&f, lk_users_update(&f.call, f.txn, &update, &answer)));
		CHECK_STR(line_of(&answer, line), cases[i].line);
		user = get(&f, user.id);
		CHECK_STR(line_of(&user, line), cases[i].line);
		CHECK_EQ(user.record.created_ms, NOW);
		CHECK_EQ(user.record.password_changed_ms, NOW);
		fixture_fini(&f);
	}
}

TEST(an_update_with_a_wrong_field_changes_nothing)
{
	static const struct {
		unsigned field;
		const char *name;
		struct lk_user_spec spec;
	} cases[] = {
		{ LK_USER_FIELD_EMAIL, "email", { .email = "no email" } },
		{ LK_USER_FIELD_NAME, "name", { .name = "a\nb" } },
		{ LK_USER_FIELD_ROLES, "roles", { .roles = &people_permissions[0], .n_roles = 1 } },
		{ LK_USER_FIELD_ORGANIZATION, "organization_id", { .organization_id = "\xff" } },
	};
	struct fixture f;
	uint64_t before;

	people_init(&f);
	user = people_create(&f, "ada@x", "reader", "org");
	before = people_snapshot(&f);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct lk_user_update update = {
			.id = user.id, .fields = cases[i].field, .spec = cases[i].spec
		};

		check_field(people_update(&f, &update), LK_INVALID_ARGUMENT, cases[i].name);
	}
	CHECK_EQ(people_snapshot(&f), before);
	CHECK_CODE(people_update(&f, &(struct lk_user_update) { .id = "user_x" }), LK_NOT_FOUND);
	people_enter(&f, "app");
	CHECK_CODE(people_update(&f, &(struct lk_user_update) { .id = user.id }), LK_NOT_FOUND);
	fixture_fini(&f);
}

static struct lk_user_update email_update(const struct lk_user_view *view, const char *email)
{
	return (struct lk_user_update) {
		.id = view->id, .fields = LK_USER_FIELD_EMAIL, .spec = { .email = email }
	};
}

TEST(a_changed_email_is_free_again_and_leads_nowhere)
{
	struct lk_user_update update;
	struct lk_user_view found;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "", "");
	update = email_update(&user, "Lovelace@x");
	CHECK_OK(people_update(&f, &update));
	CHECK_CODE(lk_users_get(&f.call, f.store, "", "ada@x", &found), LK_NOT_FOUND);
	CHECK_OK(lk_users_get(&f.call, f.store, "", "lovelace@x", &found));
	CHECK_STR(found.id, user.id);
	people_create(&f, "ada@x", "", "");
	update = email_update(&user, "ADA@x");
	check_field(people_update(&f, &update), LK_ALREADY_EXISTS, "email");
	/* Their own, in another form. */
	update = email_update(&user, " LOVELACE@x");
	CHECK_OK(people_update(&f, &update));
	CHECK_OK(lk_users_get(&f.call, f.store, "", "lovelace@x", &found));
	fixture_fini(&f);
}

/* The committer puts many calls into one commit. */
TEST(two_users_swap_their_emails_within_one_commit)
{
	struct lk_user_view bob, found;
	struct lk_user_update update;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "", "");
	bob = people_create(&f, "bob@x", "", "");
	update = email_update(&user, "between@x");
	CHECK_OK(lk_users_update(&f.call, f.txn, &update, &found));
	update = email_update(&bob, "ada@x");
	CHECK_OK(lk_users_update(&f.call, f.txn, &update, &found));
	update = email_update(&user, "bob@x");
	CHECK_OK(lk_users_update(&f.call, f.txn, &update, &found));
	CHECK_OK(fixture_commit(&f, LK_SUCCESS));
	CHECK_OK(lk_users_get(&f.call, f.store, "", "ada@x", &found));
	CHECK_STR(found.id, bob.id);
	CHECK_OK(lk_users_get(&f.call, f.store, "", "bob@x", &found));
	CHECK_STR(found.id, user.id);
	CHECK_CODE(lk_users_get(&f.call, f.store, "", "between@x", &found), LK_NOT_FOUND);
	fixture_fini(&f);
}

TEST(of_two_updates_at_once_the_second_sees_the_first)
{
	struct lk_user_update name = { .fields = LK_USER_FIELD_NAME, .spec = { .name = "Ada" } };
	struct lk_user_update off = { .fields = LK_USER_FIELD_ENABLED };
	struct lk_txn *other;
	struct fixture f;
	uint64_t seq;

	people_init(&f);
	user = people_create(&f, "ada@x", "", "");
	name.id = off.id = user.id;
	CHECK_OK(lk_txn_new(f.store, &other));
	CHECK_OK(lk_users_update(&f.call, other, &name, &user));
	CHECK_OK(people_update(&f, &off));
	CHECK_CODE(lk_txn_commit(other, &seq), LK_ABORTED);
	lk_txn_reset(other);
	CHECK_OK(lk_users_update(&f.call, other, &name, &user));
	CHECK_OK(lk_txn_commit(other, &seq));
	lk_txn_free(other);
	user = get(&f, user.id);
	CHECK(!user.record.enabled);
	CHECK(is_text(user.record.name, "Ada"));
	fixture_fini(&f);
}

/* --- passwords --- */

static struct lk_status set_hash(struct fixture *f, const char *hash, const char *replaces)
{
	return fixture_commit(f, lk_users_set_password_hash(&f->call, f->txn, &user.record.id, hash,
					 text_of(replaces)));
}

TEST(a_new_password_takes_the_place_of_the_old_one)
{
	static const struct lk_key_id nobody = { { 1 } };
	static const struct lk_bytes none;
	char longest[LK_PASSWORD_HASH_SIZE + 1];
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "reader", "org");
	f.call.now = NOW + 5;
	CHECK_OK(set_hash(&f, "$1$", ""));
	user = get(&f, user.id);
	CHECK(is_text(user.record.password_hash, "$1$"));
	CHECK_EQ(user.record.password_changed_ms, NOW + 5);
	CHECK_EQ(user.record.roles.n, 1);
	memset(longest, 'a', sizeof longest);
	longest[LK_PASSWORD_HASH_SIZE] = '\0';
	check_field(set_hash(&f, longest, ""), LK_INVALID_ARGUMENT, "password_hash");
	CHECK_CODE(lk_users_set_password_hash(&f.call, f.txn, &nobody, "$2$", none), LK_NOT_FOUND);
	fixture_fini(&f);
}

TEST(a_hash_made_anew_never_undoes_a_change_of_password)
{
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "", "");
	CHECK_OK(set_hash(&f, "$old$", ""));
	f.call.now = NOW + 5;
	CHECK_OK(set_hash(&f, "$same$", "$old$"));
	user = get(&f, user.id);
	CHECK(is_text(user.record.password_hash, "$same$"));
	CHECK_EQ(user.record.password_changed_ms, NOW);
	CHECK_CODE(set_hash(&f, "$late$", "$old$"), LK_ABORTED);
	CHECK(is_text(get(&f, user.id).record.password_hash, "$same$"));
	fixture_fini(&f);
}

/* As SetPassword: in one transaction, so a session never outlives the password it was had with. */
static struct lk_status set_password_and_end(struct fixture *f, unsigned round)
{
	static const char *const hashes[] = { "$0$", "$1$", "$2$" };
	static const struct lk_bytes none;
	struct lk_ended ended;

	LK_TRY(lk_users_set_password_hash(&f->call, f->txn, &user.record.id, hashes[round], none));
	return lk_sessions_end_all(&f->call, f->txn, &user.record.id, NULL, &ended);
}

TEST(a_change_of_password_and_the_end_of_its_sessions_are_one)
{
	struct lk_grant grants[2];
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "reader", "");
	for (size_t i = 0; i < LK_COUNT(grants); i++)
		CHECK_OK(people_open(&f, &user.record.id, &grants[i]));
	check_all_or_nothing(&f, set_password_and_end);
	CHECK_OK(fixture_commit(&f, set_password_and_end(&f, 2)));
	for (size_t i = 0; i < LK_COUNT(grants); i++)
		CHECK_EQ(fixture_verify(&f, grants[i].tokens.access,
				 (struct lk_auth_request) { .n_permissions = 0 }),
			LK_DENY_REVOKED);
	fixture_fini(&f);
}

TEST(who_is_disabled_or_unknown_gets_no_session)
{
	static const struct lk_key_id nobody = { { 1 } };
	struct lk_grant grant;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "", "");
	people_set_enabled(&f, user.id, false);
	CHECK_CODE(people_open(&f, &user.record.id, &grant), LK_NOT_FOUND);
	CHECK_STR(grant.tokens.access, "");
	people_set_enabled(&f, user.id, true);
	CHECK_OK(people_open(&f, &user.record.id, &grant));
	CHECK_CODE(people_open(&f, &nobody, &grant), LK_NOT_FOUND);
	fixture_fini(&f);
}

/* --- permissions --- */

TEST(a_user_may_what_any_of_their_roles_allows)
{
	static const char *const roles[] = { "reader", "writer" };
	struct lk_user_spec spec = people_spec("ada@x", roles);
	const char **names;
	struct lk_permset set;
	struct fixture f;
	size_t n;

	people_init(&f);
	spec.n_roles = 2;
	CHECK_OK(fixture_commit(&f, lk_users_create(&f.call, f.txn, &spec, &user)));
	set = lk_user_permissions(f.call.realm, &user.record);
	CHECK_OK(lk_permission_names(f.call.realm, &set, &f.arena, &names, &n));
	CHECK_EQ(n, 2);
	CHECK_STR(names[0], "records.read");
	CHECK_STR(names[1], "records.write");
	/* A role that has left the realm. */
	((struct lk_bytes *)(uintptr_t)user.record.roles.items)[1] = text_of("gone");
	set = lk_user_permissions(f.call.realm, &user.record);
	CHECK_OK(lk_permission_names(f.call.realm, &set, &f.arena, &names, &n));
	CHECK_EQ(n, 1);
	CHECK_STR(names[0], "records.read");
	people_set_role(&f, user.id, "admin");
	user = get(&f, user.id);
	set = lk_user_permissions(f.call.realm, &user.record);
	CHECK_OK(lk_permission_names(f.call.realm, &set, &f.arena, &names, &n));
	CHECK_EQ(n, LK_COUNT(people_permissions));
	CHECK_STR(names[0], "clients.read");
	fixture_fini(&f);
}

/* --- faults --- */

static struct lk_status create_someone(struct fixture *f, unsigned round)
{
	const char *const emails[] = { "a@x", "b@x" };
	struct lk_user_spec spec = people_spec(emails[round], reader);
	struct lk_user_view view;

	spec.organization_id = "org";
	return lk_users_create(&f->call, f->txn, &spec, &view);
}

static struct lk_status change_everything(struct fixture *f, unsigned round)
{
	const char *const names[] = { "c@x", "d@x" };
	struct lk_user_update update = { user.id, 31,
		{ names[round], names[round], writer, 1, names[round], "", false }, round == 1 };
	struct lk_user_view view;

	return lk_users_update(&f->call, f->txn, &update, &view);
}

TEST(a_user_is_created_and_changed_as_a_whole_or_not_at_all)
{
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@x", "reader", "org");
	check_all_or_nothing(&f, create_someone);
	check_all_or_nothing(&f, change_everything);
	fixture_fini(&f);
}

static struct lk_status set_organization(struct fixture *f, unsigned round)
{
	struct lk_organization_change change = { "org", 3, round == 0 ? "a" : "b", round == 1 };
	struct lk_organization_record record;

	return lk_organizations_set(&f->call, f->txn, &change, &record);
}

TEST(an_organisation_is_set_as_a_whole_or_not_at_all)
{
	struct fixture f;

	people_init(&f);
	check_all_or_nothing(&f, set_organization);
	fixture_fini(&f);
}

TEST(when_memory_or_the_store_fails_reading_a_user_does_too)
{
	struct lk_status st = { .code = LK_UNKNOWN };
	struct fixture f;
	unsigned long nth;
	bool fired = true;

	people_init(&f);
	user = people_create(&f, "ada@x", "reader", "org");
	for (nth = 1; fired; nth++) {
		lk_arena_fini(&f.arena);
		lk_alloc_fail_nth(nth);
		st = lk_users_get(&f.call, f.store, "", "ada@x", &user);
		fired = lk_alloc_fail_nth(0);
		CHECK(st.code == LK_OK || (fired && st.code == LK_RESOURCE_EXHAUSTED));
	}
	CHECK(nth > 3);
	/* The last read is that of sign-ins, which nothing depends on. */
	for (nth = 1; nth <= 2; nth++) {
		fault_store_fail_nth(f.store, nth);
		st = lk_users_get(&f.call, f.store, "", "ada@x", &user);
		CHECK(fault_store_fail_nth(f.store, 0));
		CHECK_CODE(st, LK_UNAVAILABLE);
	}
	fault_store_fail_nth(f.store, 3);
	CHECK_OK(lk_users_get(&f.call, f.store, "", "ada@x", &user));
	CHECK(fault_store_fail_nth(f.store, 0));
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_update_changes_the_fields_named_and_no_others),
		RUN(an_update_with_a_wrong_field_changes_nothing),
		RUN(a_changed_email_is_free_again_and_leads_nowhere),
		RUN(two_users_swap_their_emails_within_one_commit),
		RUN(of_two_updates_at_once_the_second_sees_the_first),
		RUN(a_new_password_takes_the_place_of_the_old_one),
		RUN(a_hash_made_anew_never_undoes_a_change_of_password),
		RUN(a_change_of_password_and_the_end_of_its_sessions_are_one),
		RUN(who_is_disabled_or_unknown_gets_no_session),
		RUN(a_user_may_what_any_of_their_roles_allows),
		RUN(a_user_is_created_and_changed_as_a_whole_or_not_at_all),
		RUN(an_organisation_is_set_as_a_whole_or_not_at_all),
		RUN(when_memory_or_the_store_fails_reading_a_user_does_too),
	};

	return RUN_ALL(tests);
}
