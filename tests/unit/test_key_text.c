/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/core_fixture.h"

#define PREFIX "bos_crm_live_"
#define N_KEYS 100000

static int crypto_init(void **state_)
{
	return lk_crypto_init().code == LK_OK ? 0 : 1;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

TEST(a_hundred_thousand_keys_are_distinct_and_well_formed)
{
	static struct lk_key_text keys[N_KEYS];
	size_t counts[128] = { 0 };

	for (size_t i = 0; i < N_KEYS; i++) {
		lk_key_text_make(PREFIX, &keys[i]);
		CHECK_EQ(strlen(keys[i].text), strlen(PREFIX) + 49);
		CHECK(lk_key_text_is_valid(PREFIX, text_of(keys[i].text)));
		for (size_t j = 0; j < LK_KEY_RANDOM_CHARS; j++)
			counts[(uint8_t)keys[i].text[strlen(PREFIX) + j]]++;
	}
	qsort(keys, N_KEYS, sizeof keys[0], compare_texts);
	for (size_t i = 1; i < N_KEYS; i++)
		CHECK(strcmp(keys[i - 1].text, keys[i].text) != 0);
	/* 69,355 of each character are expected, with a deviation of 261: a bias of one byte
	 * value in 256, 25 % for some characters, would stand out. */
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
		CHECK(counts[c] == 0 || (counts[c] > 67000 && counts[c] < 72000));
}

TEST(the_checksum_is_the_crc_32_that_everyone_has)
{
	/* zlib.crc32(b"incrm_" + 43 * b"A") == 1916045488, in base62 */
	CHECK(lk_key_text_is_valid(
		"incrm_", text_of("incrm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				  "25fWxU")));
}

TEST(one_wrong_character_anywhere_is_refused)
{
	static const char others[] = "0Zz_-. \x7f\xff";
	struct lk_key_text key;

	lk_key_text_make(PREFIX, &key);
	for (size_t i = 0; key.text[i] != '\0'; i++) {
		char right = key.text[i];

		for (size_t j = 0; j < sizeof others; j++) {
			key.text[i] = others[j];
			if (others[j] != right)
				CHECK(!lk_key_text_is_valid(
					PREFIX, (struct lk_bytes) { (const uint8_t *)key.text,
							strlen(PREFIX) + 49 }));
		}
		key.text[i] = right;
	}
	CHECK(lk_key_text_is_valid(PREFIX, text_of(key.text)));
}

TEST(a_key_of_another_length_or_prefix_is_refused)
{
	struct lk_key_text key;
	char longer[LK_KEY_TEXT_SIZE + 1];

	lk_key_text_make(PREFIX, &key);
	for (size_t n = 0; n < strlen(key.text); n++)
		CHECK(!lk_key_text_is_valid(
			PREFIX, (struct lk_bytes) { (const uint8_t *)key.text, n }));
	snprintf(longer, sizeof longer, "%s0", key.text);
	CHECK(!lk_key_text_is_valid(PREFIX, text_of(longer)));
	CHECK(!lk_key_text_is_valid("bos_crm_test_", text_of(key.text)));
	CHECK(!lk_key_text_is_valid(PREFIX, (struct lk_bytes) { NULL, 0 }));
}

TEST(a_checksum_beyond_32_bits_is_refused)
{
	struct lk_key_text key;

	lk_key_text_make(PREFIX, &key);
	memcpy(key.text + strlen(PREFIX) + LK_KEY_RANDOM_CHARS, "zzzzzz", 6);
	CHECK(!lk_key_text_is_valid(PREFIX, text_of(key.text)));
}

TEST(a_hint_is_the_prefix_and_seven_characters)
{
	struct lk_key_text key = { "incrm_dGhpcyBpcyBhIHRlc3QgdGV4dA" };
	char hint[LK_KEY_HINT_SIZE];

	lk_key_text_hint("incrm_", &key, hint);
	CHECK_STR(hint, "incrm_dGhpcyB");
}

TEST(an_id_reads_back_and_sorts_by_time)
{
	struct lk_key_id earlier;
	struct lk_key_id later;
	struct lk_key_id read;
	char a[LK_ID_TEXT_SIZE];
	char b[LK_ID_TEXT_SIZE];

	for (lk_time_ms now = 0; now < 1000; now++) {
		lk_key_id_make(NOW + now, &earlier);
		lk_key_id_make(NOW + now + 1, &later);
		lk_id_format(LK_ID_KEY, &earlier, a);
		lk_id_format(LK_ID_KEY, &later, b);
		CHECK_EQ(strlen(a), strlen(LK_ID_KEY) + 22);
		CHECK(strcmp(a, b) < 0);
		CHECK(lk_id_parse(LK_ID_KEY, text_of(a), &read));
		CHECK_MEM(read.bytes, earlier.bytes, 16);
	}
}

TEST(a_text_that_no_id_has_is_refused)
{
	static const char *const texts[] = { "", "key_", "key_000000000000000000000",
		"key_00000000000000000000000", "Key_0000000000000000000000",
		"key_000000000000000000000-", "key_zzzzzzzzzzzzzzzzzzzzzz",
		"key-0000000000000000000000" };
	struct lk_key_id id = { { 0 } };
	struct lk_key_id largest;
	char text[LK_ID_TEXT_SIZE];

	for (size_t i = 0; i < LK_COUNT(texts); i++)
		CHECK(!lk_id_parse(LK_ID_KEY, text_of(texts[i]), &id));
	CHECK(lk_id_parse(LK_ID_KEY, text_of("key_0000000000000000000000"), &id));
	/* One more than the largest number no longer fits. */
	memset(largest.bytes, 0xff, sizeof largest.bytes);
	lk_id_format(LK_ID_KEY, &largest, text);
	CHECK(lk_id_parse(LK_ID_KEY, text_of(text), &id));
	text[strlen(text) - 1]++;
	CHECK(!lk_id_parse(LK_ID_KEY, text_of(text), &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_hundred_thousand_keys_are_distinct_and_well_formed),
		RUN(the_checksum_is_the_crc_32_that_everyone_has),
		RUN(one_wrong_character_anywhere_is_refused),
		RUN(a_key_of_another_length_or_prefix_is_refused),
		RUN(a_checksum_beyond_32_bits_is_refused),
		RUN(a_hint_is_the_prefix_and_seven_characters),
		RUN(an_id_reads_back_and_sorts_by_time),
		RUN(a_text_that_no_id_has_is_refused),
	};

	return cmocka_run_group_tests(tests, crypto_init, NULL);
}
