/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/core/text.h"
#include "tests/support/people_fixture.h"

static struct lk_user_view user;

static struct lk_status create(struct fixture *f, const struct lk_user_spec *spec)
{
	return fixture_commit(f, lk_users_create(&f->call, f->txn, spec, &user));
}

static const char *const no_role = "";

static struct lk_user_spec spec_of(const char *email)
{
	return people_spec(email, &no_role);
}

static struct lk_status update(
	struct fixture *f, unsigned fields, const struct lk_user_spec *spec, bool enabled)
{
	struct lk_user_update change = { user.id, fields, *spec, enabled };

	return fixture_commit(f, lk_users_update(&f->call, f->txn, &change, &user));
}

static struct lk_user_view get(struct fixture *f, const char *id, const char *email)
{
	struct lk_user_view view;

	CHECK_OK(lk_users_get(&f->call, f->store, id, email, &view));
	return view;
}

static struct lk_status try_get(struct fixture *f, const char *id, const char *email)
{
	struct lk_user_view view;

	return lk_users_get(&f->call, f->store, id, email, &view);
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

/* A text of n bytes, which the caller frees from the arena with everything else. */
static const char *text_of_length(struct fixture *f, size_t n)
{
	char *text = lk_arena_calloc(&f->arena, n + 1, 1);

	CHECK(text != NULL);
	memset(text, 'a', n);
	return text;
}

/* An email of n bytes. */
static const char *email_of_length(struct fixture *f, size_t n)
{
	char *text = lk_arena_strndup(&f->arena, text_of_length(f, n), n);

	CHECK(text != NULL);
	text[1] = '@';
	return text;
}

/* --- creating --- */

TEST(a_created_user_reads_back_as_they_were_asked_for)
{
	static const char *const roles[] = { "reader", "admin" };
	struct lk_user_spec spec = { "Ada@Example.org", "Ada L\xc3\xb6velace", roles, 2, "org",
		"$hash$", false };
	struct lk_user_view read;
	struct fixture f;

	people_init(&f);
	CHECK_OK(create(&f, &spec));
	read = get(&f, user.id, "");
	CHECK_STR(read.id, user.id);
	CHECK(is_text(read.record.realm, "crm"));
	CHECK(is_text(read.record.email, "ada@example.org"));
	CHECK(is_text(read.record.name, "Ada L\xc3\xb6velace"));
	CHECK_EQ(read.record.roles.n, 2);
	CHECK(is_text(read.record.roles.items[0], "reader"));
	CHECK(is_text(read.record.roles.items[1], "admin"));
	CHECK(is_text(read.record.organization_id, "org"));
	CHECK(is_text(read.record.password_hash, "$hash$"));
	CHECK(read.record.enabled);
	CHECK_EQ(read.record.created_ms, NOW);
	CHECK_EQ(read.record.password_changed_ms, NOW);
	CHECK_EQ(read.last_sign_in_ms, 0);
	spec = spec_of("bob@example.org");
	CHECK_OK(create(&f, &spec));
	CHECK_EQ(get(&f, user.id, "").record.password_changed_ms, 0);
	fixture_fini(&f);
}

TEST(a_user_can_be_created_disabled)
{
	struct lk_user_spec spec = spec_of("ada@example.org");
	struct fixture f;

	people_init(&f);
	spec.is_disabled = true;
	CHECK_OK(create(&f, &spec));
	CHECK(!user.record.enabled);
	CHECK(!get(&f, user.id, "").record.enabled);
	fixture_fini(&f);
}

TEST(an_email_belongs_to_one_user_of_a_realm_however_it_is_written)
{
	static const char *const same[] = { "ada@example.org", "ADA@EXAMPLE.ORG",
		"  ada@example.org ", "Ada@example.Org" };
	struct lk_user_spec spec = spec_of("Ada@example.org");
	struct fixture f;

	people_init(&f);
	CHECK_OK(create(&f, &spec));
	for (size_t i = 0; i < LK_COUNT(same); i++) {
		spec = spec_of(same[i]);
		check_field(create(&f, &spec), LK_ALREADY_EXISTS, "email");
	}
	people_enter(&f, "app");
	CHECK_OK(create(&f, &spec));
	fixture_fini(&f);
}

/* Only ASCII letters have one case: what others fold to depends on who is asked. */
TEST(other_letters_of_an_email_stay_as_they_are)
{
	struct lk_user_spec spec = spec_of("\xc3\x84rzte@example.org");
	struct fixture f;

	people_init(&f);
	CHECK_OK(create(&f, &spec));
	CHECK(is_text(user.record.email, "\xc3\x84rzte@example.org"));
	spec = spec_of("\xc3\xa4rzte@example.org");
	CHECK_OK(create(&f, &spec));
	fixture_fini(&f);
}

TEST(of_two_creations_at_once_one_gets_the_email)
{
	struct lk_user_spec spec = spec_of("ada@example.org");
	struct lk_user_view first;
	struct lk_txn *other;
	struct fixture f;
	uint64_t seq;

	people_init(&f);
	CHECK_OK(lk_txn_new(f.store, &other));
	CHECK_OK(lk_users_create(&f.call, f.txn, &spec, &first));
	CHECK_OK(lk_users_create(&f.call, other, &spec, &user));
	CHECK_OK(lk_txn_commit(f.txn, &seq));
	CHECK_CODE(lk_txn_commit(other, &seq), LK_ABORTED);
	/* As the committer does then. */
	lk_txn_reset(other);
	check_field(lk_users_create(&f.call, other, &spec, &user), LK_ALREADY_EXISTS, "email");
	CHECK_STR(get(&f, "", "ada@example.org").id, first.id);
	/* Within one batch, too. */
	lk_txn_reset(other);
	spec = spec_of("bob@example.org");
	CHECK_OK(lk_users_create(&f.call, other, &spec, &user));
	check_field(lk_users_create(&f.call, other, &spec, &user), LK_ALREADY_EXISTS, "email");
	lk_txn_free(other);
	fixture_fini(&f);
}

TEST(what_is_no_email_is_refused)
{
	static const char *const wrong[] = { "", " ", "@", "a@", "@b", "a", "a@b@c", "a b@c",
		"a@b\n", "a@b\tc", "a@\x7f", "\xff@b", "a@\xed\xa0\x80", "a@\xc2\x85",
		"a@b\r\nBcc: c@d" };
	struct lk_user_spec spec;
	struct fixture f;

	people_init(&f);
	for (size_t i = 0; i < LK_COUNT(wrong); i++) {
		spec = spec_of(wrong[i]);
		check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "email");
	}
	spec = spec_of(email_of_length(&f, LK_EMAIL_MAX + 1));
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "email");
	spec = spec_of(email_of_length(&f, LK_EMAIL_MAX));
	CHECK_OK(create(&f, &spec));
	spec = spec_of("a@b");
	CHECK_OK(create(&f, &spec));
	fixture_fini(&f);
}

TEST(a_text_that_is_too_long_or_not_plain_is_refused_by_field)
{
	static const char *const not_plain[] = { "a\nb", "\x1b[31m", "\xff", "\xc2\x9b" };
	struct lk_user_spec spec;
	struct fixture f;

	people_init(&f);
	for (size_t i = 0; i < LK_COUNT(not_plain); i++) {
		spec = spec_of("a@b");
		spec.name = not_plain[i];
		check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "name");
		spec = spec_of("a@b");
		spec.organization_id = not_plain[i];
		check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "organization_id");
	}
	spec = spec_of("a@b");
	spec.name = text_of_length(&f, LK_USER_NAME_MAX + 1);
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "name");
	spec.name = text_of_length(&f, LK_USER_NAME_MAX);
	spec.organization_id = text_of_length(&f, LK_OWNER_ID_MAX + 1);
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "organization_id");
	spec.organization_id = text_of_length(&f, LK_OWNER_ID_MAX);
	spec.password_hash = text_of_length(&f, LK_PASSWORD_HASH_SIZE);
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "password_hash");
	spec.password_hash = text_of_length(&f, LK_PASSWORD_HASH_SIZE - 1);
	CHECK_OK(create(&f, &spec));
	fixture_fini(&f);
}

TEST(a_user_has_roles_of_the_realm_each_once)
{
	static const char *const unknown[] = { "reader", "king" };
	static const char *const twice[] = { "reader", "writer", "reader" };
	static const char *const different[] = { "reader", "writer", "admin" };
	struct lk_user_spec spec = spec_of("a@b");
	struct fixture f;

	people_init(&f);
	spec.roles = unknown;
	spec.n_roles = 2;
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "roles");
	spec.roles = twice;
	spec.n_roles = 3;
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "roles");
	spec.roles = different;
	CHECK_OK(create(&f, &spec));
	fixture_fini(&f);
}

TEST(a_user_has_at_most_16_roles)
{
	static const char *const names[LK_USER_ROLES_MAX + 1] = { "a", "b", "c", "d", "e", "f", "g",
		"h", "i", "j", "k", "l", "m", "n", "o", "p", "q" };
	struct lk_role_spec roles[LK_COUNT(names)];
	struct lk_realm_spec realm = people_realms[0];
	struct lk_user_spec spec = spec_of("a@b");
	struct lk_store *store;
	struct fixture f;

	for (size_t i = 0; i < LK_COUNT(names); i++)
		roles[i] = (struct lk_role_spec) { names[i], reader_grants, 1 };
	realm.roles = roles;
	realm.n_roles = LK_COUNT(names);
	CHECK_OK(lk_store_mem_open(&store));
	fixture_init_with(&f, store, &realm, 1);
	spec.roles = names;
	spec.n_roles = LK_USER_ROLES_MAX + 1;
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "roles");
	spec.n_roles = LK_USER_ROLES_MAX;
	CHECK_OK(create(&f, &spec));
	fixture_fini(&f);
}

TEST(the_realm_of_services_has_no_users)
{
	struct lk_user_spec spec = spec_of("a@b");
	struct fixture f;

	people_init(&f);
	people_enter(&f, "latchkey");
	check_field(create(&f, &spec), LK_INVALID_ARGUMENT, "realm");
	fixture_fini(&f);
}

/* --- reading --- */

TEST(a_user_is_found_by_id_or_by_email_in_their_realm_only)
{
	struct lk_user_view bob;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@example.org", "", "");
	bob = people_create(&f, "bob@example.org", "", "");
	CHECK_STR(get(&f, "", " ADA@example.org").id, user.id);
	/* The id counts when there are both. */
	CHECK_STR(get(&f, bob.id, "ada@example.org").id, bob.id);
	CHECK_CODE(try_get(&f, "", ""), LK_NOT_FOUND);
	CHECK_CODE(try_get(&f, "user_", ""), LK_NOT_FOUND);
	CHECK_CODE(try_get(&f, "ada@example.org", ""), LK_NOT_FOUND);
	CHECK_CODE(try_get(&f, "", "eve@example.org"), LK_NOT_FOUND);
	check_field(try_get(&f, "", "eve"), LK_INVALID_ARGUMENT, "email");
	bob.id[sizeof bob.id - 2] = bob.id[sizeof bob.id - 2] == 'x' ? 'y' : 'x';
	CHECK_CODE(try_get(&f, bob.id, ""), LK_NOT_FOUND);
	people_enter(&f, "app");
	CHECK_CODE(try_get(&f, user.id, ""), LK_NOT_FOUND);
	CHECK_CODE(try_get(&f, "", "ada@example.org"), LK_NOT_FOUND);
	fixture_fini(&f);
}

TEST(a_damaged_row_is_data_loss_and_not_a_user)
{
	struct lk_row row;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@example.org", "", "");
	row = lk_row_of_email(text_of("crm"), text_of("ada@example.org"));
	CHECK_OK(fixture_commit(&f, lk_txn_put(f.txn, lk_row_bytes(&row), text_of("x"), false)));
	CHECK_CODE(try_get(&f, "", "ada@example.org"), LK_DATA_LOSS);
	row = lk_row_of_user(text_of("crm"), &user.record.id);
	CHECK_OK(fixture_commit(&f, lk_txn_put(f.txn, lk_row_bytes(&row), text_of("\xff"), true)));
	CHECK_CODE(try_get(&f, user.id, ""), LK_DATA_LOSS);
	fixture_fini(&f);
}

TEST(a_record_of_sign_ins_tells_the_last_one_and_is_no_matter_when_damaged)
{
	struct lk_sign_ins_record sign_ins = { .last_ms = NOW - 5 };
	struct lk_bytes value;
	struct lk_row row;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@example.org", "", "");
	row = lk_row_of_sign_ins(text_of("crm"), &user.record.id);
	CHECK_OK(lk_sign_ins_record_encode(&sign_ins, &f.arena, &value));
	CHECK_OK(fixture_commit(&f, lk_txn_put(f.txn, lk_row_bytes(&row), value, false)));
	CHECK_EQ(get(&f, user.id, "").last_sign_in_ms, NOW - 5);
	CHECK_OK(fixture_commit(&f, lk_txn_put(f.txn, lk_row_bytes(&row), text_of("\xff"), false)));
	CHECK_EQ(get(&f, user.id, "").last_sign_in_ms, 0);
	fixture_fini(&f);
}

TEST(a_subject_gets_themselves_whatever_is_asked_and_with_a_session_only)
{
	struct lk_subject subject = { .is_session = true };
	struct lk_user_view bob;
	struct fixture f;

	people_init(&f);
	user = people_create(&f, "ada@example.org", "", "");
	bob = people_create(&f, "bob@example.org", "", "");
	memcpy(subject.user_id, user.id, sizeof user.id);
	f.call.subject = &subject;
	CHECK_STR(get(&f, bob.id, "").id, user.id);
	CHECK_STR(get(&f, "", "bob@example.org").id, user.id);
	subject.is_session = false;
	CHECK_CODE(try_get(&f, "", ""), LK_PERMISSION_DENIED);
	subject = (struct lk_subject) { .is_session = true, .user_id = "u_1" };
	CHECK_CODE(try_get(&f, "", ""), LK_PERMISSION_DENIED);
	fixture_fini(&f);
}

/* --- listing --- */

static struct lk_users_page list(struct fixture *f, const struct lk_users_query *query)
{
	struct lk_users_page page;

	CHECK_OK(lk_users_list(&f->call, f->store, query, &page));
	return page;
}

static struct lk_status try_list(struct fixture *f, const struct lk_users_query *query)
{
	struct lk_users_page page;

	return lk_users_list(&f->call, f->store, query, &page);
}

static void create_many(struct fixture *f, size_t n, struct lk_user_view *views_out)
{
	for (size_t i = 0; i < n; i++) {
		char email[48];

		snprintf(email, sizeof email, "u%zu@example.org", i);
		f->call.now = NOW + (lk_time_ms)i;
		views_out[i] = people_create(f, email, "", i % 2 == 0 ? "even" : "odd");
	}
}

TEST(pages_show_every_user_once_in_the_order_of_their_creation)
{
	struct lk_users_query query = { 3, "", "" };
	struct lk_user_view users[7];
	struct lk_users_page page;
	struct fixture f;
	size_t n = 0;

	people_init(&f);
	create_many(&f, 7, users);
	people_enter(&f, "app");
	people_create(&f, "u0@example.org", "", "even");
	people_enter(&f, "crm");
	do {
		page = list(&f, &query);
		for (size_t i = 0; i < page.n; i++)
			CHECK_STR(page.items[i].id, users[n++].id);
		query.page_token = page.next_token;
	} while (page.next_token[0] != '\0');
	CHECK_EQ(n, 7);
	CHECK_EQ(page.n, 1);
	fixture_fini(&f);
}

TEST(a_list_of_an_organisation_has_its_members_as_they_are_now)
{
	struct lk_users_query query = { 0, "", "even" };
	struct lk_user_spec spec = spec_of("");
	struct lk_user_view users[4];
	struct lk_users_page page;
	struct fixture f;

	people_init(&f);
	create_many(&f, 4, users);
	page = list(&f, &query);
	CHECK_EQ(page.n, 2);
	CHECK_STR(page.items[0].id, users[0].id);
	CHECK_STR(page.items[1].id, users[2].id);
	user = users[0];
	spec.organization_id = "odd";
	CHECK_OK(update(&f, LK_USER_FIELD_ORGANIZATION, &spec, false));
	user = users[1];
	spec.organization_id = "";
	CHECK_OK(update(&f, LK_USER_FIELD_ORGANIZATION, &spec, false));
	page = list(&f, &query);
	CHECK_EQ(page.n, 1);
	CHECK_STR(page.items[0].id, users[2].id);
	query.organization_id = "odd";
	page = list(&f, &query);
	CHECK_EQ(page.n, 2);
	CHECK_STR(page.items[0].id, users[0].id);
	CHECK_STR(page.items[1].id, users[3].id);
	/* To where they are already. */
	user = users[3];
	spec.organization_id = "odd";
	CHECK_OK(update(&f, LK_USER_FIELD_ORGANIZATION, &spec, false));
	CHECK_EQ(list(&f, &query).n, 2);
	query.organization_id = "od";
	CHECK_EQ(list(&f, &query).n, 0);
	fixture_fini(&f);
}

TEST(a_page_token_is_good_for_its_list_only)
{
	struct lk_users_query query = { 1, "", "even" };
	struct lk_user_view users[4];
	struct fixture f;

	people_init(&f);
	create_many(&f, 4, users);
	query.page_token = list(&f, &query).next_token;
	CHECK(query.page_token[0] != '\0');
	CHECK_OK(try_list(&f, &query));
	query.organization_id = "odd";
	check_field(try_list(&f, &query), LK_INVALID_ARGUMENT, "page_token");
	query.organization_id = "";
	check_field(try_list(&f, &query), LK_INVALID_ARGUMENT, "page_token");
	query.organization_id = "even";
	people_enter(&f, "app");
	check_field(try_list(&f, &query), LK_INVALID_ARGUMENT, "page_token");
	query.page_token = "nonsense";
	check_field(try_list(&f, &query), LK_INVALID_ARGUMENT, "page_token");
	fixture_fini(&f);
}

TEST(a_page_has_1_to_100_users_of_an_organisation_that_can_be)
{
	struct lk_users_query query = { -1, "", "" };
	struct fixture f;

	people_init(&f);
	check_field(try_list(&f, &query), LK_INVALID_ARGUMENT, "page_size");
	query.page_size = LK_USERS_PAGE_MAX + 1;
	check_field(try_list(&f, &query), LK_INVALID_ARGUMENT, "page_size");
	query.page_size = LK_USERS_PAGE_MAX;
	CHECK_OK(try_list(&f, &query));
	query.organization_id = text_of_length(&f, LK_OWNER_ID_MAX + 1);
	check_field(try_list(&f, &query), LK_INVALID_ARGUMENT, "organization_id");
	fixture_fini(&f);
}

TEST(a_damaged_user_is_left_out_of_lists)
{
	struct lk_users_query query = { 0, "", "" };
	struct lk_user_view users[3];
	struct lk_users_page page;
	struct lk_row row;
	struct fixture f;

	people_init(&f);
	create_many(&f, 3, users);
	row = lk_row_of_user(text_of("crm"), &users[1].record.id);
	CHECK_OK(fixture_commit(&f, lk_txn_put(f.txn, lk_row_bytes(&row), text_of("\xff"), true)));
	page = list(&f, &query);
	CHECK_EQ(page.n, 2);
	CHECK_STR(page.items[1].id, users[2].id);
	fixture_fini(&f);
}

TEST(when_memory_or_the_store_fails_a_list_does_too)
{
	struct lk_users_query query = { 2, "", "" };
	struct lk_status st = { .code = LK_UNKNOWN };
	struct lk_user_view users[4];
	struct fixture f;
	unsigned long nth;

	people_init(&f);
	create_many(&f, 4, users);
	for (nth = 1; st.code != LK_OK; nth++) {
		lk_arena_fini(&f.arena);
		lk_alloc_fail_nth(nth);
		st = try_list(&f, &query);
		if (lk_alloc_fail_nth(0))
			CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	}
	CHECK(nth > 2);
	for (nth = 1, st.code = LK_UNKNOWN; st.code != LK_OK; nth++) {
		fault_store_fail_nth(f.store, nth);
		st = try_list(&f, &query);
		if (fault_store_fail_nth(f.store, 0))
			CHECK_CODE(st, LK_UNAVAILABLE);
	}
	CHECK(nth > 2);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_created_user_reads_back_as_they_were_asked_for),
		RUN(a_user_can_be_created_disabled),
		RUN(an_email_belongs_to_one_user_of_a_realm_however_it_is_written),
		RUN(other_letters_of_an_email_stay_as_they_are),
		RUN(of_two_creations_at_once_one_gets_the_email),
		RUN(what_is_no_email_is_refused),
		RUN(a_text_that_is_too_long_or_not_plain_is_refused_by_field),
		RUN(a_user_has_roles_of_the_realm_each_once),
		RUN(a_user_has_at_most_16_roles),
		RUN(the_realm_of_services_has_no_users),
		RUN(a_user_is_found_by_id_or_by_email_in_their_realm_only),
		RUN(a_damaged_row_is_data_loss_and_not_a_user),
		RUN(a_record_of_sign_ins_tells_the_last_one_and_is_no_matter_when_damaged),
		RUN(a_subject_gets_themselves_whatever_is_asked_and_with_a_session_only),
		RUN(pages_show_every_user_once_in_the_order_of_their_creation),
		RUN(a_list_of_an_organisation_has_its_members_as_they_are_now),
		RUN(a_page_token_is_good_for_its_list_only),
		RUN(a_page_has_1_to_100_users_of_an_organisation_that_can_be),
		RUN(a_damaged_user_is_left_out_of_lists),
		RUN(when_memory_or_the_store_fails_a_list_does_too),
	};

	return RUN_ALL(tests);
}
