/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/support/people.h"

static struct people p;

static int set_up(void **state_)
{
	const struct lk_session_policy policy = people_policy(LK_TOKEN_EDDSA);

	people_init(&p, &policy);
	return 0;
}

static int tear_down(void **state_)
{
	people_fini(&p);
	return 0;
}

/* Somebody at a keyboard. */
struct person {
	const char *email;
	const char *password;
	const char *address;
};

static const struct person ada = { EMAIL, PASSWORD, "192.0.2.1" };

static struct lk_status judge(const struct person *person, struct lk_sign_in *step_out)
{
	const struct lk_sign_in_attempt attempt = { person->email, person->password,
		{ text_of(person->address), text_of("test") } };
	struct lk_status st = lk_sign_in_find(&p.f.call, p.f.store, &attempt, step_out);

	if (st.code == LK_OK)
		st = lk_sign_in_judge(&p.f.call, p.guesses, person->password, step_out);
	return st;
}

static struct lk_status open_judged(const struct lk_sign_in *step, struct lk_grant *grant_out)
{
	struct lk_signer signer;
	struct lk_user_view user;

	*grant_out = (struct lk_grant) { .signer = people_signer(&p, &signer) };
	return people_commit(&p, lk_sign_in_open(&p.f.call, p.f.txn, step, grant_out, &user));
}

static struct lk_status sign_in(const struct person *person, struct lk_grant *grant_out)
{
	struct lk_sign_in step;

	LK_TRY(judge(person, &step));
	return open_judged(&step, grant_out);
}

static void check_wrong(struct lk_status st)
{
	CHECK_CODE(st, LK_UNAUTHENTICATED);
	CHECK_EQ(st.reason, LK_WRONG_CREDENTIALS);
	CHECK_STR(st.why, "email or password is wrong");
	CHECK(st.field == NULL);
	CHECK_EQ(st.retry_ms, 0);
}

/* The stored hash of a user. */
static struct lk_user_record user_now(const char *email)
{
	struct lk_user_view user;

	CHECK_OK(lk_users_get(&p.f.call, p.f.store, "", email, &user));
	return user.record;
}

static bool is_hash(struct lk_bytes stored, const char *hash)
{
	return stored.n == strlen(hash) && memcmp(stored.data, hash, stored.n) == 0;
}

static bool is_hash_current(struct lk_bytes stored)
{
	char text[LK_PASSWORD_HASH_SIZE] = "";

	CHECK(stored.n < sizeof text);
	memcpy(text, stored.data, stored.n);
	return lk_password_hash_is_current(text, &people_passwords.cost);
}

static void set_password(const char *password)
{
	const struct lk_bytes any = { NULL, 0 };
	char hash[LK_PASSWORD_HASH_SIZE];

	CHECK_OK(lk_password_hash(text_of(password), &people_passwords.cost, hash));
	CHECK_OK(people_commit(
		&p, lk_users_set_password_hash(&p.f.call, p.f.txn, &p.user.record.id, hash, any)));
}

/* --- answers --- */

TEST(the_right_password_opens_a_session)
{
	const struct person shouting = { " ADA@Example.ORG ", PASSWORD, "192.0.2.1" };
	struct lk_user_view user;
	struct lk_grant grant;

	p.f.call.now = NOW + 7;
	CHECK_OK(sign_in(&shouting, &grant));
	CHECK_EQ(people_decide(&p, grant.tokens.access), LK_DENY_NONE);
	CHECK_STR(grant.session.user_id, p.user.id);
	CHECK_EQ(grant.session.record.client_address.n, strlen("192.0.2.1"));
	CHECK_OK(lk_users_get(&p.f.call, p.f.store, p.user.id, "", &user));
	CHECK_EQ(user.last_sign_in_ms, NOW + 7);
}

TEST(whatever_is_wrong_the_answer_is_the_same)
{
	static const struct person people[] = {
		{ EMAIL, "an engine of analysi", "192.0.2.1" },
		{ EMAIL, "an engine of analysis ", "192.0.2.1" },
		{ "nobody@example.org", PASSWORD, "192.0.2.1" },
		{ "disabled@example.org", PASSWORD, "192.0.2.1" },
		{ "passwordless@example.org", PASSWORD, "192.0.2.1" },
		{ "foreign@example.org", PASSWORD, "192.0.2.1" },
		{ "unknown-form@example.org", PASSWORD, "192.0.2.1" },
	};
	struct lk_user_view first = p.user;
	struct lk_sign_in step;
	char hash[LK_PASSWORD_HASH_SIZE];

	snprintf(hash, sizeof hash, "%.*s", (int)first.record.password_hash.n,
		(const char *)first.record.password_hash.data);
	people_add(&p, "passwordless@example.org", "");
	people_add(&p, "foreign@example.org",
		"$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm");
	people_add(&p, "unknown-form@example.org", "$9$no$such$form");
	p.user = people_add(&p, "disabled@example.org", hash);
	people_enable(&p, false);
	for (size_t i = 0; i < LK_COUNT(people); i++)
		check_wrong(judge(&people[i], &step));
	people_use_realm(&p, "other");
	check_wrong(judge(&ada, &step));
	CHECK_EQ(people_rows(&p, "se/"), 0);
}

TEST(a_record_that_is_damaged_lets_nobody_in)
{
	struct lk_row row = lk_row_of_user(text_of("crm"), &p.user.record.id);
	struct lk_sign_in step;

	CHECK_OK(people_commit(&p, lk_txn_put(p.f.txn, lk_row_bytes(&row), text_of("\xff"), true)));
	check_wrong(judge(&ada, &step));
}

TEST(a_text_that_can_be_neither_is_refused_by_field)
{
	static char longest[LK_PASSWORD_MAX + 2];
	const struct person people[] = {
		{ "", PASSWORD, "" },
		{ "ada", PASSWORD, "" },
		{ EMAIL, "", "" },
		{ EMAIL, longest, "" },
	};
	struct lk_sign_in step;

	memset(longest, 'a', LK_PASSWORD_MAX + 1);
	for (size_t i = 0; i < LK_COUNT(people); i++) {
		struct lk_status st = judge(&people[i], &step);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, i < 2 ? "email" : "password");
	}
	longest[LK_PASSWORD_MAX] = '\0';
	check_wrong(judge(&people[3], &step));
}

TEST(a_user_whose_id_is_known_signs_in_without_an_email)
{
	const struct lk_sign_in_attempt attempt = { "", PASSWORD, { text_of(""), text_of("") } };
	struct lk_key_id id = p.user.record.id;
	struct lk_sign_in step;
	struct lk_grant grant;

	CHECK_OK(lk_sign_in_find_user(&p.f.call, p.f.store, &id, &attempt, &step));
	check_wrong(lk_sign_in_judge(&p.f.call, p.guesses, "another password", &step));
	CHECK_OK(lk_sign_in_judge(&p.f.call, p.guesses, PASSWORD, &step));
	CHECK_OK(open_judged(&step, &grant));
	id.bytes[0] ^= 1;
	CHECK_OK(lk_sign_in_find_user(&p.f.call, p.f.store, &id, &attempt, &step));
	check_wrong(lk_sign_in_judge(&p.f.call, p.guesses, PASSWORD, &step));
}

/* --- counters --- */

static void check_refused(struct lk_status st)
{
	CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(st.reason, LK_TOO_MANY_ATTEMPTS);
	CHECK(st.retry_ms > 0);
}

TEST(wrong_passwords_are_counted_until_even_the_right_one_is_not_looked_at)
{
	static const char *const emails[] = { EMAIL, "nobody@example.org" };
	struct lk_grant grant;

	for (size_t i = 0; i < LK_COUNT(emails); i++) {
		const struct person wrong = { emails[i], "another password", "192.0.2.1" };
		const struct person right = { emails[i], PASSWORD, "192.0.2.1" };

		for (int n = 0; n < LK_GUESSES_ACCOUNT_NETWORK_MAX; n++)
			check_wrong(sign_in(&wrong, &grant));
		check_refused(sign_in(&right, &grant));
	}
	CHECK_OK(sign_in(&(struct person) { EMAIL, PASSWORD, "192.0.2.2" }, &grant));
}

TEST(right_passwords_take_nothing_from_the_counters)
{
	const struct person wrong = { EMAIL, "another password", ada.address };
	struct lk_grant grant;

	for (int n = 0; n < 3 * LK_GUESSES_NETWORK_MAX; n++)
		CHECK_OK(sign_in(&ada, &grant));
	for (int n = 0; n < LK_GUESSES_ACCOUNT_NETWORK_MAX; n++)
		check_wrong(sign_in(&wrong, &grant));
	check_refused(sign_in(&ada, &grant));
}

TEST(without_an_address_only_the_account_counts)
{
	const struct person wrong = { EMAIL, "another password", "nowhere" };
	struct lk_grant grant;

	for (int n = 0; n < LK_GUESSES_ACCOUNT_MAX; n++)
		check_wrong(sign_in(&wrong, &grant));
	check_refused(sign_in(&(struct person) { EMAIL, PASSWORD, "" }, &grant));
}

/* Others use up what the account has in a day. */
static void fill_account(void)
{
	for (unsigned n = 0; n < LK_GUESSES_ACCOUNT_MAX; n++) {
		struct lk_address address;
		struct lk_guess guess = { .realm = text_of("crm"),
			.account = text_of(EMAIL),
			.address = &address,
			.now = p.f.call.now };
		char text[32];

		snprintf(text, sizeof text, "10.0.0.%u", n);
		CHECK(lk_address_parse(text_of(text), &address));
		CHECK_OK(lk_guess_begin(p.guesses, &guess));
	}
}

TEST(a_full_account_opens_from_networks_of_the_last_thirty_days)
{
	const struct person elsewhere = { EMAIL, PASSWORD, "198.51.100.1" };
	struct lk_grant grant;

	CHECK_OK(sign_in(&ada, &grant));
	p.f.call.now = NOW + 30 * DAY - 1;
	fill_account();
	CHECK_OK(sign_in(&ada, &grant));
	check_refused(sign_in(&elsewhere, &grant));
	p.f.call.now += 30 * DAY;
	fill_account();
	check_refused(sign_in(&ada, &grant));
}

TEST(the_networks_that_were_seen_last_are_known)
{
	struct lk_grant grant;
	char address[32];
	struct person person = { EMAIL, PASSWORD, address };

	for (unsigned n = 0; n <= LK_KNOWN_NETWORKS_MAX; n++) {
		/* The first comes again, so that the second has not been seen for longest. */
		unsigned seen = n == LK_KNOWN_NETWORKS_MAX - 1 ? 0 : n;

		snprintf(address, sizeof address, "2001:db8:0:%u::1", seen);
		p.f.call.now++;
		CHECK_OK(sign_in(&person, &grant));
	}
	snprintf(address, sizeof address, "2001:db8:0:100::1");
	p.f.call.now++;
	CHECK_OK(sign_in(&person, &grant));
	fill_account();
	snprintf(address, sizeof address, "2001:db8:0:0::ffff");
	CHECK_OK(sign_in(&person, &grant));
	snprintf(address, sizeof address, "2001:db8:0:1::1");
	check_refused(sign_in(&person, &grant));
	snprintf(address, sizeof address, "2001:db8:0:2::1");
	CHECK_OK(sign_in(&person, &grant));
}

TEST(a_note_of_networks_that_is_damaged_is_written_anew)
{
	struct lk_row row = lk_row_of_sign_ins(text_of("crm"), &p.user.record.id);
	struct lk_grant grant;

	CHECK_OK(
		people_commit(&p, lk_txn_put(p.f.txn, lk_row_bytes(&row), text_of("\xff"), false)));
	CHECK_OK(sign_in(&ada, &grant));
	fill_account();
	CHECK_OK(sign_in(&ada, &grant));
}

/* --- between judging and opening --- */

TEST(a_password_that_was_changed_meanwhile_opens_nothing)
{
	struct lk_sign_in step;
	struct lk_grant grant;

	CHECK_OK(judge(&ada, &step));
	set_password("quite another password");
	check_wrong(open_judged(&step, &grant));
	CHECK_STR(grant.tokens.access, "");
	CHECK_EQ(people_rows(&p, "se/") + people_rows(&p, "si/"), 0);
	set_password(PASSWORD); /* The same again has another salt. */
	check_wrong(open_judged(&step, &grant));
}

TEST(a_user_who_was_disabled_meanwhile_opens_nothing)
{
	struct lk_sign_in step;
	struct lk_grant grant;

	CHECK_OK(judge(&ada, &step));
	people_enable(&p, false);
	check_wrong(open_judged(&step, &grant));
	CHECK_EQ(people_rows(&p, "se/") + people_rows(&p, "si/"), 0);
	people_enable(&p, true);
	CHECK_OK(open_judged(&step, &grant));
}

/* Opens through a transaction without committing it. */
static void open_in(struct lk_txn *txn, const struct lk_sign_in *step, struct lk_grant *grant_out)
{
	struct lk_signer signer;
	struct lk_user_view user;

	*grant_out = (struct lk_grant) { .signer = people_signer(&p, &signer) };
	p.f.call.now++;
	CHECK_OK(lk_sign_in_open(&p.f.call, txn, step, grant_out, &user));
}

TEST(two_who_sign_in_at_once_are_both_let_in)
{
	struct lk_sign_in steps[2];
	struct lk_grant grants[2];
	struct lk_txn *other;
	uint64_t seq;

	CHECK_OK(lk_txn_new(p.f.store, &other));
	for (size_t i = 0; i < 2; i++)
		CHECK_OK(judge(&ada, &steps[i]));
	open_in(p.f.txn, &steps[0], &grants[0]);
	open_in(other, &steps[1], &grants[1]);
	CHECK_OK(lk_txn_commit(other, &seq));
	CHECK_OK(people_commit(&p, LK_SUCCESS));
	lk_txn_free(other);
	for (size_t i = 0; i < 2; i++)
		CHECK_EQ(people_decide(&p, grants[i].tokens.access), LK_DENY_NONE);
}

/* --- hashes --- */

static const struct foreign {
	const char *hash;
	const char *password;
} foreign[] = {
	{ "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm", "password" },
	{ "$scrypt$ln=4,r=1,p=16$+/8$IdKJA32zTXox431zazO9B9RUmkngnO4YLu2JhD5zVSlzLyrs8efSXYaIdAsyoC"
	  "X8Cpz4ldu8UhBeeh/EW/4mQw",
		"password" },
	{ "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
		"password" },
	{ "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEd"
	  "FCoEOfaS35inz1",
		"Hello world!" },
	{ "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"password" },
};

static void check_rehash(const char *hash, const char *password)
{
	const struct person right = { "bob@example.org", password, "192.0.2.1" };
	const struct person wrong = { "bob@example.org", "another password", "192.0.2.1" };
	struct lk_sign_in step;
	struct lk_grant grant;
	lk_time_ms changed_ms;

	people_add(&p, right.email, hash);
	changed_ms = user_now(right.email).password_changed_ms;
	p.f.call.now = NOW + DAY;
	check_wrong(sign_in(&wrong, &grant));
	CHECK(is_hash(user_now(right.email).password_hash, hash));
	CHECK_OK(sign_in(&right, &grant));
	CHECK(is_hash_current(user_now(right.email).password_hash));
	CHECK_EQ(user_now(right.email).password_changed_ms, changed_ms);
	check_wrong(sign_in(&wrong, &grant));
	CHECK_OK(judge(&right, &step));
	CHECK(step.new_hash == NULL);
	CHECK_OK(open_judged(&step, &grant));
}

TEST(a_hash_made_elsewhere_is_made_anew_at_the_first_sign_in)
{
	for (size_t i = 0; i < LK_COUNT(foreign); i++) {
		check_rehash(foreign[i].hash, foreign[i].password);
		tear_down(NULL);
		set_up(NULL);
	}
}

TEST(a_hash_that_is_too_cheap_is_made_anew)
{
	static const struct lk_argon2_cost costs[] = { { 8, 1 }, { 15, 1 }, { 16, 2 } };
	char hash[LK_PASSWORD_HASH_SIZE];

	for (size_t i = 0; i < LK_COUNT(costs); i++) {
		CHECK_OK(lk_password_hash(text_of(PASSWORD), &costs[i], hash));
		check_rehash(hash, PASSWORD);
		tear_down(NULL);
		set_up(NULL);
	}
}

TEST(a_new_hash_undoes_no_change_of_the_password)
{
	const struct person bob = { "bob@example.org", foreign[0].password, "192.0.2.1" };
	struct lk_sign_in step;
	struct lk_grant grant;

	p.user = people_add(&p, bob.email, foreign[0].hash);
	CHECK_OK(judge(&bob, &step));
	CHECK(step.new_hash != NULL);
	p.f.call.now++;
	set_password("quite another password");
	check_wrong(open_judged(&step, &grant));
	check_wrong(sign_in(&bob, &grant));
	CHECK_OK(sign_in(
		&(struct person) { bob.email, "quite another password", "192.0.2.1" }, &grant));
}

TEST(two_who_bring_a_hash_along_at_once_are_both_let_in)
{
	const struct person bob = { "bob@example.org", foreign[0].password, "192.0.2.1" };
	struct lk_sign_in steps[2];
	struct lk_grant grants[2];

	people_add(&p, bob.email, foreign[0].hash);
	for (size_t i = 0; i < 2; i++)
		CHECK_OK(judge(&bob, &steps[i]));
	for (size_t i = 0; i < 2; i++)
		CHECK_OK(open_judged(&steps[i], &grants[i]));
	for (size_t i = 0; i < 2; i++)
		CHECK_EQ(people_decide(&p, grants[i].tokens.access), LK_DENY_NONE);
	CHECK(is_hash(user_now(bob.email).password_hash, steps[0].new_hash));
}

#define RUN_FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(the_right_password_opens_a_session),
		RUN_FRESH(whatever_is_wrong_the_answer_is_the_same),
		RUN_FRESH(a_record_that_is_damaged_lets_nobody_in),
		RUN_FRESH(a_text_that_can_be_neither_is_refused_by_field),
		RUN_FRESH(a_user_whose_id_is_known_signs_in_without_an_email),
		RUN_FRESH(wrong_passwords_are_counted_until_even_the_right_one_is_not_looked_at),
		RUN_FRESH(right_passwords_take_nothing_from_the_counters),
		RUN_FRESH(without_an_address_only_the_account_counts),
		RUN_FRESH(a_full_account_opens_from_networks_of_the_last_thirty_days),
		RUN_FRESH(the_networks_that_were_seen_last_are_known),
		RUN_FRESH(a_note_of_networks_that_is_damaged_is_written_anew),
		RUN_FRESH(a_password_that_was_changed_meanwhile_opens_nothing),
		RUN_FRESH(a_user_who_was_disabled_meanwhile_opens_nothing),
		RUN_FRESH(two_who_sign_in_at_once_are_both_let_in),
		RUN_FRESH(a_hash_made_elsewhere_is_made_anew_at_the_first_sign_in),
		RUN_FRESH(a_hash_that_is_too_cheap_is_made_anew),
		RUN_FRESH(a_new_hash_undoes_no_change_of_the_password),
		RUN_FRESH(two_who_bring_a_hash_along_at_once_are_both_let_in),
	};
	int failed = 0;

	for (int i = 0; i < 2; i++) {
		p.restarts = i == 1;
		failed += RUN_ALL(tests);
	}
	return failed;
}
