/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/crypto/crypto.h"
#include "tests/support/check.h"

static char directory[] = "/tmp/lk_pepper_XXXXXX";
static char path[64];

static int make_directory(void **state_)
{
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/pepper", directory);
	return lk_crypto_init().code == LK_OK ? 0 : 1;
}

static int remove_file(void **state_)
{
	unlink(path);
	return 0;
}

static int remove_directory(void **state_)
{
	return rmdir(directory);
}

static void write_file(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_EQ(fchmod(fd, mode), 0);
	close(fd);
}

static struct lk_bytes text_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

TEST(a_digest_is_blake2b_256_of_domain_zero_and_text)
{
	/* hashlib.blake2b(b"realm\0text", key=bytes(range(32)), digest_size=32) */
	static const uint8_t expected[32] = { 0x10, 0x66, 0x13, 0xea, 0xb8, 0x55, 0xd5, 0xb8, 0xf8,
		0x6a, 0xbb, 0xa5, 0x7a, 0x2e, 0xcd, 0xa6, 0x88, 0xfd, 0xc0, 0x0e, 0x39, 0xde, 0x0b,
		0x40, 0xe6, 0xaa, 0x21, 0x0c, 0xf5, 0xf4, 0x0c, 0x55 };
	struct lk_pepper pepper = { .id = 1 };
	struct lk_digest digest;

	for (uint8_t i = 0; i < 32; i++)
		pepper.key[i] = i;
	lk_digest_make(&pepper, text_of("realm"), text_of("text"), &digest);
	CHECK_MEM(digest.bytes, expected, 32);
}

TEST(one_text_has_another_digest_in_another_realm_and_under_another_pepper)
{
	struct lk_pepper one = { 1, { 1 } };
	struct lk_pepper two = { 2, { 2 } };
	struct lk_digest a;
	struct lk_digest b;

	lk_digest_make(&one, text_of("ab"), text_of("c"), &a);
	lk_digest_make(&one, text_of("a"), text_of("bc"), &b);
	CHECK(!lk_digest_equal(&a, &b));
	lk_digest_make(&two, text_of("ab"), text_of("c"), &b);
	CHECK(!lk_digest_equal(&a, &b));
	lk_digest_make(&one, text_of("ab"), text_of("c"), &b);
	CHECK(lk_digest_equal(&a, &b));
	for (size_t i = 0; i < sizeof b.bytes; i++) {
		b.bytes[i] ^= 1;
		CHECK(!lk_digest_equal(&a, &b));
		b.bytes[i] ^= 1;
	}
}

TEST(a_created_pepper_file_is_private_and_loads)
{
	struct lk_peppers first;
	struct lk_peppers again;
	struct stat file;

	CHECK_CODE(lk_peppers_load(path, &first), LK_NOT_FOUND);
	CHECK_OK(lk_peppers_create(path));
	CHECK_EQ(stat(path, &file), 0);
	CHECK_EQ(file.st_mode & 07777, 0600);
	CHECK_OK(lk_peppers_load(path, &first));
	CHECK_EQ(first.n, 1);
	CHECK_EQ(first.items[0].id, 1);
	CHECK_CODE(lk_peppers_create(path), LK_ALREADY_EXISTS);
	CHECK_OK(lk_peppers_load(path, &again));
	CHECK_MEM(first.items[0].key, again.items[0].key, 32);
}

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

TEST(a_pepper_file_keeps_the_order_of_its_lines)
{
	struct lk_peppers peppers;

	write_file("7 " HEX "\n3 " HEX "\n", 0600);
	CHECK_OK(lk_peppers_load(path, &peppers));
	CHECK_EQ(peppers.n, 2);
	CHECK_EQ(peppers.items[0].id, 7);
	CHECK_EQ(peppers.items[1].id, 3);
	CHECK_EQ(peppers.items[1].key[31], 31);
}

TEST(a_pepper_file_that_others_may_read_is_refused)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0700, 0400, 04600 };
	struct lk_peppers peppers;

	for (size_t i = 0; i < LK_COUNT(modes); i++) {
		write_file("1 " HEX "\n", 0600);
		CHECK_EQ(chmod(path, modes[i]), 0);
		CHECK_CODE(lk_peppers_load(path, &peppers), LK_FAILED_PRECONDITION);
		CHECK_EQ(chmod(path, 0600), 0);
	}
	CHECK_CODE(lk_peppers_load(directory, &peppers), LK_FAILED_PRECONDITION);
}

TEST(a_malformed_pepper_file_is_refused)
{
	static const char *const texts[] = { "", "\n", "1 " HEX, "1 " HEX "0\n", "0 " HEX "\n",
		"1  " HEX "\n", "1\n", "x " HEX "\n", "1 " HEX "\n1 " HEX "\n",
		"1 " HEX "\n2 " HEX "\n3 " HEX "\n4 " HEX "\n5 " HEX "\n",
		"1 " HEX "\n2 " HEX "\n3 " HEX "\n4 " HEX "\n5 " HEX "\n6 " HEX "\n7 " HEX
		"\n8 " HEX "\n9 " HEX "\n",
		"12345678901 " HEX "\n",
		"1 g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n" };
	struct lk_peppers peppers;

	for (size_t i = 0; i < LK_COUNT(texts); i++) {
		write_file(texts[i], 0600);
		CHECK_CODE(lk_peppers_load(path, &peppers), LK_DATA_LOSS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_digest_is_blake2b_256_of_domain_zero_and_text),
		RUN(one_text_has_another_digest_in_another_realm_and_under_another_pepper),
		cmocka_unit_test_teardown(a_created_pepper_file_is_private_and_loads, remove_file),
		cmocka_unit_test_teardown(a_pepper_file_keeps_the_order_of_its_lines, remove_file),
		cmocka_unit_test_teardown(
			a_pepper_file_that_others_may_read_is_refused, remove_file),
		cmocka_unit_test_teardown(a_malformed_pepper_file_is_refused, remove_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
