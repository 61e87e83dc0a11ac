/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sys/resource.h>

#include "proto/wire/arena.h"
#include "server/crypto/password.h"
#include "tests/support/check.h"

static const struct lk_argon2_cost cheap = { .memory_kib = 64, .passes = 1 };
static const struct lk_hash_cap cap = { .memory_kib = 65536 + 64 };

static bool matches(struct lk_bytes password, const char *hash)
{
	bool matches_now = false;

	CHECK_OK(lk_password_matches(password, hash, &cap, &matches_now));
	return matches_now;
}

static bool is_accepted(const char *hash)
{
	struct lk_status st = lk_password_hash_check(hash, &cap);

	if (st.code != LK_OK)
		CHECK_STR(st.field, "password_hash");
	return st.code == LK_OK;
}

/* Of "password" unless another one is given. Argon2 from the tests of its reference
 * implementation; scrypt and PBKDF2 from Python's hashlib, where they are not the examples of
 * passlib's manual; bcrypt and sha512crypt from the tests of crypt_blowfish and from Drepper's
 * description, or from crypt(3) by way of perl and openssl. */
static const struct known_hash {
	const char *hash;
	const char *password;
} known[] = {
	{ "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"password" },
	{ "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"password" },
	{ "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E",
		"password" },
	{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
	{ "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm", "password" },
	{ "$2b$04$abcdefghijklmnopqrstuvghE8Ev8uGFaUgY2cNEySvxngrb/Jzdm", "password" },
	{ "$2y$04$abcdefghijklmnopqrstuuqJbFBQPmEuBpYWIGZrYwVfOkXZdOhCm", "\xc3\xa9t\xc3\xa9" },
	{ "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$"
	  "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
		"password" },
	{ "$scrypt$ln=10,r=8,p=2$TmFDbE5hQ2xOYUNsTmFDbA$"
	  "4bmMI57cQ1Q1qiYR0sOiKYjtYoL0yIe6kEcQC0jx9QQ",
		"password" },
	{ "$scrypt$ln=4,r=1,p=16$+/8$IdKJA32zTXox431zazO9B9RUmkngnO4YLu2JhD5zVSlzLyrs8efSXYaIdAsyoC"
	  "X8Cpz4ldu8UhBeeh/EW/4mQw",
		"password" },
	{ "$7$86..../....NaCl$bE944Hrld3R7/gTgpj1fmwRNI.gwBG.Cm39GnWYZOY5", "password" },
	{ "$7$86....0....SodiumChloride$08Zm2jkgVBpEuSFdAe7/1zz.LY41oMAP7TANhIb/hAA", "password" },
	{ "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
		"password" },
	{ "$pbkdf2-sha512$1000$..//..//..//..//..//$745S.g6hkZ5u.8x.alPo.dcTMMIRlOtXk07DJmsBsVgyDAO"
	  "Wo3BBqqotk83AwA20GVnkgETXjnCg13Ut7P94xQ",
		"password" },
	{ "pbkdf2_sha256$1200$seasalt$Fv02YDCrJAd3UbsIyU9pviGVHwFkLjG6jLj/B1nsyAY=", "password" },
	{ "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEd"
	  "FCoEOfaS35inz1",
		"Hello world!" },
	{ "$6$rounds=1400$anotherlongsal$gFlf77izFDdVo9U9qPBbysoFWJmQp/"
	  "O3Nzdi.YkG7sjpCXpObGAhELaD3Cb"
	  "PXKHONHbKtLkrEQ67K7XJ2AQ8l.",
		"a very much longer text to encrypt.  This one even stretches over morethan one "
		"line." },
};

TEST(a_hash_is_argon2id_of_the_cost_asked_for)
{
	static const struct lk_argon2_cost owasp = { .memory_kib = 19456, .passes = 2 };
	static const char prefix[] = "$argon2id$v=19$m=19456,t=2,p=1$";
	char hash[LK_PASSWORD_HASH_SIZE];

	CHECK_OK(lk_password_hash(lk_bytes_of("password"), &owasp, hash));
	CHECK_EQ(strncmp(hash, prefix, sizeof prefix - 1), 0);
	CHECK_EQ(strlen(hash), sizeof prefix - 1 + 22 + 1 + 43);
	CHECK(is_accepted(hash));
	CHECK(matches(lk_bytes_of("password"), hash));
	CHECK(!matches(lk_bytes_of("Password"), hash));
}

TEST(two_hashes_of_one_password_are_different)
{
	char one[LK_PASSWORD_HASH_SIZE], two[LK_PASSWORD_HASH_SIZE];

	CHECK_OK(lk_password_hash(lk_bytes_of("password"), &cheap, one));
	CHECK_OK(lk_password_hash(lk_bytes_of("password"), &cheap, two));
	CHECK(strcmp(one, two) != 0);
}

TEST(every_byte_of_a_password_counts)
{
	static const size_t lengths[] = { 1, 51, 52, 71, 72, 73, 255, LK_PASSWORD_MAX };
	uint8_t text[LK_PASSWORD_MAX];
	char hash[LK_PASSWORD_HASH_SIZE];

	for (size_t i = 0; i < LK_COUNT(lengths); i++) {
		struct lk_bytes password = { text, lengths[i] };
		struct lk_bytes shorter = { text, lengths[i] - 1 };

		memset(text, 'a', sizeof text);
		CHECK_OK(lk_password_hash(password, &cheap, hash));
		CHECK(matches(password, hash));
		CHECK(!matches(shorter, hash));
		text[lengths[i] - 1] ^= 1;
		CHECK(!matches(password, hash));
		text[lengths[i] - 1] = 0;
		CHECK(!matches(password, hash));
	}
}

TEST(a_password_above_the_maximum_or_with_a_nul_is_refused)
{
	static const uint8_t text[LK_PASSWORD_MAX + 1] = { 'a' };
	struct lk_bytes password = { text, sizeof text };
	char hash[LK_PASSWORD_HASH_SIZE] = "";

	CHECK_CODE(lk_password_hash(password, &cheap, hash), LK_INVALID_ARGUMENT);
	password.n = 2; /* "a" and a NUL */
	CHECK_CODE(lk_password_hash(password, &cheap, hash), LK_INVALID_ARGUMENT);
	password.n = sizeof text;
	CHECK_STR(hash, "");
	for (size_t i = 0; i < LK_COUNT(known); i++)
		CHECK(!matches(password, known[i].hash));
}

TEST(a_hash_is_current_when_it_has_the_cost_of_now)
{
	static const struct lk_argon2_cost costs[] = { { 65, 1 }, { 64, 2 }, { 640, 1 }, { 6, 1 } };
	char hash[LK_PASSWORD_HASH_SIZE];

	CHECK_OK(lk_password_hash(lk_bytes_of("password"), &cheap, hash));
	CHECK(lk_password_hash_is_current(hash, &cheap));
	for (size_t i = 0; i < LK_COUNT(costs); i++)
		CHECK(!lk_password_hash_is_current(hash, &costs[i]));
	hash[strlen(hash) - 1] = '\0';
	CHECK(!lk_password_hash_is_current(hash, &cheap));
	for (size_t i = 0; i < LK_COUNT(known); i++)
		CHECK(!lk_password_hash_is_current(known[i].hash, &cheap));
}

TEST(known_hashes_match_their_passwords_and_no_others)
{
	char other[128];

	for (size_t i = 0; i < LK_COUNT(known); i++) {
		const char *hash = known[i].hash, *password = known[i].password;

		CHECK(is_accepted(hash));
		if (!matches(lk_bytes_of(password), hash))
			fail_msg("%s does not match", hash);
		CHECK(!matches((struct lk_bytes) { 0 }, hash));
		snprintf(other, sizeof other, "%s ", password);
		CHECK(!matches(lk_bytes_of(other), hash));
		other[strlen(password)] = '\0';
		CHECK(!matches((struct lk_bytes) { (uint8_t *)other, strlen(password) + 1 }, hash));
		other[strlen(password) - 1] ^= 1;
		CHECK(!matches(lk_bytes_of(other), hash));
	}
}

TEST(the_last_characters_of_a_known_digest_count)
{
	char hash[LK_PASSWORD_HASH_SIZE];

	for (size_t i = 0; i < LK_COUNT(known); i++) {
		size_t n = strlen(known[i].hash);

		if (strncmp(known[i].hash, "$scrypt$ln=16", 13) == 0)
			continue; /* a quarter of a second each */
		for (size_t at = n - 22; at < n; at++) {
			memcpy(hash, known[i].hash, n + 1);
			hash[at] = hash[at] == 'A' ? 'B' : 'A';
			CHECK(!matches(lk_bytes_of(known[i].password), hash));
		}
	}
}

TEST(bcrypt_reads_72_bytes_as_where_the_hash_comes_from)
{
	static const char hash[] = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
	static const char all[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789chars after 72 are ignored";

	uint8_t text[LK_PASSWORD_MAX];

	memset(text, 'a', sizeof text);
	memcpy(text, all, sizeof all - 1);
	for (size_t n = 70; n < sizeof all; n++)
		CHECK_EQ(matches((struct lk_bytes) { text, n }, hash), n >= 72);
	CHECK(matches((struct lk_bytes) { text, sizeof text }, hash));
}

TEST(sha512crypt_judges_what_crypt_can_take)
{
	static const char hash[] =
		"$6$rounds=1000$saltstring$gT992ZChsd3okCvl06E6mFsqVXAdRBsgsTQsyPLBeiMaRSsJBsQ7Wwvu"
		"d6QHbc2NvUUo2/1ztPmmVSlWWTwjy1";
	uint8_t text[LK_PASSWORD_MAX];

	memset(text, 'a', sizeof text);
	for (size_t n = 510; n < 514; n++)
		CHECK_EQ(matches((struct lk_bytes) { text, n }, hash), n == 511);
	CHECK(!matches((struct lk_bytes) { text, sizeof text }, hash));
}

#define ARGON2(cost) \
	"$argon2id$v=19$" cost "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define BCRYPT_DIGEST "ghE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"
#define BCRYPT(cost) "$2b$" cost "$abcdefghijklmnopqrstuu" BCRYPT_DIGEST
#define DIGEST32 "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD/iCs5E"
#define SCRYPT(cost) "$scrypt$" cost "$aM15713r3Xsvxbi31lqr1Q$" DIGEST32
#define PBKDF2(rounds) "$pbkdf2-sha256$" rounds "$0ZrzXitFSGltTQnBWOsdAw$" DIGEST32
#define DJANGO(rest) "pbkdf2_sha256$" rest
#define DIGEST43 "bE944Hrld3R7/gTgpj1fmwRNI.gwBG.Cm39GnWYZOY5"
#define SHA512(rest) \
	"$6$" rest "$adDbXsJjcDlq2662QPgd.tkSOVmnG9Tt3oXl4HR60SusC3AGjirnDenVZp3DGwLwqy6iYKCzannh" \
	"aX9DR72nN1"

TEST(a_hash_may_cost_up_to_the_cap)
{
	static const char *const hashes[] = { ARGON2("m=65600,t=10,p=16"), BCRYPT("14"),
		SCRYPT("ln=16,r=8,p=16"), SCRYPT("ln=1,r=8,p=16"), PBKDF2("2000000"),
		DJANGO("2000000$salt$") DIGEST32 "=", "$7$E6..../....salt$" DIGEST43,
		SHA512("rounds=1000000$salt"), SHA512("rounds=1000$salt"), SHA512("salt") };

	for (size_t i = 0; i < LK_COUNT(hashes); i++)
		if (!is_accepted(hashes[i]))
			fail_msg("%s is refused", hashes[i]);
}

TEST(a_hash_that_costs_more_is_refused_and_never_computed)
{
	static const char *const hashes[] = { ARGON2("m=65601,t=2,p=1"), ARGON2("m=256,t=11,p=1"),
		ARGON2("m=256,t=2,p=17"), ARGON2("m=999999999,t=10,p=1"), BCRYPT("15"),
		BCRYPT("31"), BCRYPT("99"), SCRYPT("ln=17,r=8,p=1"), SCRYPT("ln=16,r=9,p=1"),
		SCRYPT("ln=1,r=1,p=17"), SCRYPT("ln=31,r=65535,p=1"), PBKDF2("2000001"),
		PBKDF2("999999999"), DJANGO("2000001$salt$") DIGEST32 "=",
		"$7$F6..../....salt$" DIGEST43, "$7$86..../1...salt$" DIGEST43,
		"$7$SzzT..zzzzzsalt$" DIGEST43, SHA512("rounds=1000001$salt"),
		SHA512("rounds=999999999$salt") };

	for (size_t i = 0; i < LK_COUNT(hashes); i++) {
		if (is_accepted(hashes[i]))
			fail_msg("%s is accepted", hashes[i]);
		CHECK(!matches(lk_bytes_of("password"), hashes[i]));
	}
}

TEST(a_malformed_hash_is_refused)
{
	static const char *const hashes[] = { "", "$", "password", "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
		"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "$2x$04$abc", "*0",
		"$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" DIGEST32,
		"$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$" DIGEST32,
		"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$" DIGEST32, ARGON2("m=256,t=2"),
		ARGON2("t=2,m=256,p=1"), ARGON2("m=0256,t=2,p=1"), ARGON2("m=256,t=2,p=1,keyid=a"),
		ARGON2("m=+256,t=2,p=1"), ARGON2("m=-1,t=2,p=1"), ARGON2("m=,t=2,p=1"),
		ARGON2("m=4294967552,t=2,p=1"), ARGON2("m=256,t=0,p=1"), ARGON2("m=256,t=2,p=0"),
		ARGON2("m=7,t=2,p=1"), ARGON2("m=15,t=2,p=2"), ARGON2("m=256,t=2,p=1") "=",
		ARGON2("m=256,t=2,p=1") "$", ARGON2("m=256,t=2,p=1") " ",
		"$argon2id$v=19$m=256,t=2,p=1$c2FsdA$" DIGEST32, /* salt of 4 bytes */
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$" DIGEST32,
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$" DIGEST32, /* not canonical */
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$c29tZXNhbHQ",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$", BCRYPT("3"), BCRYPT("03"),
		BCRYPT("004"), BCRYPT("+4"), BCRYPT("04") "a", "$2$04$abc",
		"$2b$04$abcdefghijklmnopqrstu+" BCRYPT_DIGEST, SCRYPT("ln=0,r=8,p=1"),
		SCRYPT("ln=32,r=8,p=1"), SCRYPT("ln=10,r=0,p=1"), SCRYPT("ln=10,r=65536,p=1"),
		SCRYPT("ln=10,r=8,p=0"), SCRYPT("n=10,r=8,p=1"), SCRYPT("ln=10,r=8,p=1") "$",
		"$scrypt$ln=10,r=8,p=1$$" DIGEST32, "$scrypt$ln=10,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$",
		PBKDF2("0"), PBKDF2("-1"), PBKDF2("06400"), PBKDF2("6400") "=",
		"$pbkdf2-sha512$1000$0ZrzXitFSGltTQnBWOsdAw$" DIGEST32,
		"$pbkdf2-sha256$1000$0ZrzXitFSGltTQnB+OsdAw$" DIGEST32,
		"$pbkdf2-sha256$1000$$" DIGEST32, "$pbkdf2$1000$aa$" DIGEST32,
		DJANGO("1200$salt$") DIGEST32,
		DJANGO("1200$salt$") DIGEST32 "==", DJANGO("1200$$") DIGEST32 "=",
		DJANGO("1200$s\x01lt$") DIGEST32 "=", DJANGO("1200$s\xff") "lt$" DIGEST32 "=",
		"pbkdf2_sha512$1200$salt$" DIGEST32 "=", "$7$", "$7$86..../....salt",
		"$7$86..../....salt$", "$7$86..../....$" DIGEST43, "$7$86..../....salt$a" DIGEST43,
		"$7$86.........salt$" DIGEST43, "$7$8...../....salt$" DIGEST43,
		"$7$.6..../....salt$" DIGEST43, SHA512("rounds=999$salt"), SHA512("rounds=5000"),
		SHA512("rounds=05000$salt"), SHA512("rounds=$salt"), SHA512(""),
		SHA512("saltstring1234567"), SHA512("sa:t"), SHA512("sa\nt"), SHA512("salt") "a" };

	for (size_t i = 0; i < LK_COUNT(hashes); i++) {
		if (is_accepted(hashes[i]))
			fail_msg("%s is accepted", hashes[i]);
		CHECK(!matches(lk_bytes_of("password"), hashes[i]));
	}
}

TEST(a_hash_longer_than_can_be_stored_is_refused)
{
	char hash[LK_PASSWORD_HASH_SIZE + 64];

	snprintf(hash, sizeof hash, DJANGO("1200$%0255d$") DIGEST32 "=", 0);
	CHECK(!is_accepted(hash));
	memset(hash, 'a', sizeof hash - 1);
	memcpy(hash, "$7$86..../....", 14);
	hash[sizeof hash - 1] = '\0';
	CHECK(!is_accepted(hash));
}

/* Some changes make another sound hash; the point is what they do not do. */
TEST(a_known_hash_with_any_byte_changed_or_cut_off_is_judged_soundly)
{
	static const char bytes[] = { 0, 1, '$', '=', ',', '0', '+', (char)0xff };
	char hash[LK_PASSWORD_HASH_SIZE];

	for (size_t i = 0; i < LK_COUNT(known); i++) {
		size_t n = strlen(known[i].hash);

		for (size_t at = 0; at < n; at++)
			for (size_t j = 0; j < sizeof bytes; j++) {
				memcpy(hash, known[i].hash, n + 1);
				hash[at] = bytes[j];
				is_accepted(hash);
			}
	}
}

/* Below what is in use already, so that every new mapping fails. */
static void limit_memory(bool limited)
{
	static struct rlimit before;
	struct rlimit none;

	if (limited)
		CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
	none = (struct rlimit) { limited ? 4096 : before.rlim_cur, before.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
}

static struct lk_status judge_without_memory(const char *hash)
{
	struct lk_status st;
	bool matches_now = true;

	limit_memory(true);
	st = lk_password_matches(lk_bytes_of("password"), hash, &cap, &matches_now);
	limit_memory(false);
	CHECK(matches_now);
	return st;
}

TEST(short_of_memory_nothing_is_known)
{
	static const struct lk_argon2_cost cost = { .memory_kib = 32768, .passes = 1 };
	char hash[LK_PASSWORD_HASH_SIZE], other[LK_PASSWORD_HASH_SIZE] = "";
	struct lk_status st;

#ifdef __SANITIZE_ADDRESS__
	skip(); /* its own allocator ends the process then */
#endif
	CHECK_OK(lk_password_hash(lk_bytes_of("password"), &cost, hash));
	limit_memory(true);
	st = lk_password_hash(lk_bytes_of("password"), &cost, other);
	limit_memory(false);
	CHECK_CODE(st, LK_RESOURCE_EXHAUSTED);
	CHECK_STR(other, "");
	CHECK_CODE(judge_without_memory(hash), LK_RESOURCE_EXHAUSTED);
	CHECK_CODE(judge_without_memory(SCRYPT("ln=15,r=8,p=1")), LK_RESOURCE_EXHAUSTED);
	CHECK_CODE(judge_without_memory("$7$D6..../....NaCl$" DIGEST43), LK_RESOURCE_EXHAUSTED);
}

TEST(an_allocation_that_fails_is_no_answer)
{
	static const char *const hashes[] = { BCRYPT("04"), ARGON2("m=256,t=1,p=2") };
	bool matches_now = true;

	for (size_t i = 0; i < LK_COUNT(hashes); i++) {
		lk_alloc_fail_nth(1);
		CHECK_CODE(
			lk_password_matches(lk_bytes_of("password"), hashes[i], &cap, &matches_now),
			LK_RESOURCE_EXHAUSTED);
		CHECK(lk_alloc_fail_nth(0) && matches_now);
	}
}

static int set_up(void **state_)
{
	return lk_crypto_init().code == LK_OK ? 0 : 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_hash_is_argon2id_of_the_cost_asked_for),
		RUN(two_hashes_of_one_password_are_different),
		RUN(every_byte_of_a_password_counts),
		RUN(a_password_above_the_maximum_or_with_a_nul_is_refused),
		RUN(a_hash_is_current_when_it_has_the_cost_of_now),
		RUN(known_hashes_match_their_passwords_and_no_others),
		RUN(the_last_characters_of_a_known_digest_count),
		RUN(bcrypt_reads_72_bytes_as_where_the_hash_comes_from),
		RUN(sha512crypt_judges_what_crypt_can_take),
		RUN(a_hash_may_cost_up_to_the_cap),
		RUN(a_hash_that_costs_more_is_refused_and_never_computed),
		RUN(a_malformed_hash_is_refused),
		RUN(a_hash_longer_than_can_be_stored_is_refused),
		RUN(a_known_hash_with_any_byte_changed_or_cut_off_is_judged_soundly),
		RUN(short_of_memory_nothing_is_known),
		RUN(an_allocation_that_fails_is_no_answer),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
