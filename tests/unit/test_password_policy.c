/* SPDX-License-Identifier: MIT */
#include "server/core/users.h"
#include "tests/support/check.h"

static const struct lk_realm realm = { .name = "customer-portal",
	.passwords = { .length_min = 8 } };

static struct lk_status check(const char *password)
{
	return lk_password_check(&realm, lk_bytes_of("ada.lovelace@example.org"),
		lk_bytes_of("Ada Lovelace"), password);
}

static void check_refused(const char *password)
{
	struct lk_status st = check(password);

	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK_STR(st.field, "password");
}

TEST(a_password_is_as_long_as_the_realm_wants_and_no_longer_than_1024_bytes)
{
	char text[LK_PASSWORD_MAX + 2];

	check_refused("");
	check_refused("xk7!qp2");
	CHECK_OK(check("xk7!qp2v"));
	memset(text, 'a', sizeof text);
	text[0] = 'b';
	text[LK_PASSWORD_MAX + 1] = '\0';
	check_refused(text);
	text[LK_PASSWORD_MAX] = '\0';
	CHECK_OK(check(text));
}

TEST(a_password_is_not_the_name_of_the_user_or_the_realm)
{
	static const char *const names[] = { "ada.lovelace@example.org", "ADA.Lovelace@Example.ORG",
		"ada.lovelace", "Ada Lovelace", "ADA LOVELACE", "Customer-Portal" };

	for (size_t i = 0; i < LK_COUNT(names); i++)
		check_refused(names[i]);
	CHECK_OK(check("ada lovelace wrote this"));
	CHECK_OK(check("Ada Lovela"));
	/* A user without a name. */
	CHECK_OK(lk_password_check(
		&realm, lk_bytes_of("ada@example.org"), lk_bytes_of(""), "xk7!qp2v"));
}

TEST(a_password_is_not_among_those_that_everybody_tries_first)
{
	static const char *const first[] = { "12345678", "Password", "PASSWORD123", "qwertyuiop",
		"correcthorsebatterystaple", "1234567890123456789" };

	for (size_t i = 0; i < LK_COUNT(first); i++)
		check_refused(first[i]);
}

TEST(a_password_is_neither_one_character_nor_a_run_of_them)
{
	static const char *const runs[] = { "aaaaaaaa", "        ", "abcdefghijklm", "zyxwvuts",
		"23456789:;<", "\xff\xff\xff\xff\xff\xff\xff\xff" };

	for (size_t i = 0; i < LK_COUNT(runs); i++)
		check_refused(runs[i]);
	CHECK_OK(check("aaaaaaab"));
	CHECK_OK(check("abcdefgi"));
	CHECK_OK(check("acegikmo"));
}

/* NIST SP 800-63B-4: no rules of composition, and any character. */
TEST(a_password_may_be_of_any_characters)
{
	CHECK_OK(check("only lower case and spaces"));
	CHECK_OK(check("\xe3\x83\x91\xe3\x82\xb9\xe3\x83\xaf"));
	CHECK_OK(check("\x01\x02\x04\x08\x10\x20\x40\x7f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_password_is_as_long_as_the_realm_wants_and_no_longer_than_1024_bytes),
		RUN(a_password_is_not_the_name_of_the_user_or_the_realm),
		RUN(a_password_is_not_among_those_that_everybody_tries_first),
		RUN(a_password_is_neither_one_character_nor_a_run_of_them),
		RUN(a_password_may_be_of_any_characters),
	};

	return RUN_ALL(tests);
}
