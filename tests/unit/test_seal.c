/* SPDX-License-Identifier: MIT */
#include "server/crypto/seal.h"
#include "tests/support/check.h"

#define PLAIN "thirty-two bytes of a secret ..."
#define PLAIN_SIZE (sizeof PLAIN - 1)
#define SEALED_SIZE (PLAIN_SIZE + LK_SEAL_OVERHEAD)

static const struct lk_pepper pepper = { 1, { 1, 2, 3 } };

static struct lk_seal_key the_key(void)
{
	return (struct lk_seal_key) { &pepper, "purpose", lk_bytes_of("secret"),
		lk_bytes_of("row") };
}

static void seal(uint8_t sealed_out[SEALED_SIZE])
{
	struct lk_seal_key key = the_key();

	lk_seal(&key, lk_bytes_of(PLAIN), sealed_out);
}

/* Refused, and nothing of it is left in the output. */
static bool is_refused(const struct lk_seal_key *key, struct lk_bytes sealed)
{
	static const uint8_t nothing[PLAIN_SIZE];
	uint8_t plain[PLAIN_SIZE];

	memset(plain, 0xff, sizeof plain);
	if (lk_unseal(key, sealed, plain))
		return false;
	return memcmp(plain, nothing, sealed.n - LK_SEAL_OVERHEAD) == 0;
}

TEST(what_was_sealed_opens_with_the_same_key)
{
	struct lk_seal_key key = the_key();
	uint8_t sealed[SEALED_SIZE], plain[PLAIN_SIZE];

	seal(sealed);
	CHECK(lk_unseal(&key, (struct lk_bytes) { sealed, sizeof sealed }, plain));
	CHECK_MEM(plain, PLAIN, PLAIN_SIZE);
}

TEST(nothing_can_be_sealed_too_and_needs_no_secret_and_no_context)
{
	struct lk_seal_key key = { .pepper = &pepper, .purpose = "p" };
	uint8_t sealed[LK_SEAL_OVERHEAD], plain[1] = { 7 };

	lk_seal(&key, (struct lk_bytes) { 0 }, sealed);
	CHECK(lk_unseal(&key, (struct lk_bytes) { sealed, sizeof sealed }, plain));
	sealed[0] ^= 1;
	CHECK(!lk_unseal(&key, (struct lk_bytes) { sealed, sizeof sealed }, plain));
	CHECK_EQ(plain[0], 7);
}

TEST(the_same_content_is_sealed_differently_each_time)
{
	uint8_t one[SEALED_SIZE], two[SEALED_SIZE];

	seal(one);
	seal(two);
	CHECK(memcmp(one, two, LK_SEAL_OVERHEAD - 16) != 0);
	CHECK(memcmp(one + 24, two + 24, PLAIN_SIZE) != 0);
}

TEST(no_other_pepper_purpose_secret_or_context_opens_it)
{
	static const struct lk_pepper other = { 1, { 1, 2, 4 } };
	struct lk_seal_key keys[8];
	uint8_t sealed[SEALED_SIZE];
	struct lk_bytes bytes = { sealed, sizeof sealed };

	for (size_t i = 0; i < LK_COUNT(keys); i++)
		keys[i] = the_key();
	keys[1].pepper = &other;
	keys[2].purpose = "purposes";
	keys[3].secret = lk_bytes_of("secreT");
	keys[4].secret = (struct lk_bytes) { 0 };
	keys[5].context = lk_bytes_of("rows");
	keys[6].context = (struct lk_bytes) { 0 };
	/* The same letters, divided otherwise. */
	keys[7].purpose = "purposesecret";
	keys[7].secret = (struct lk_bytes) { 0 };
	seal(sealed);
	CHECK(!is_refused(&keys[0], bytes));
	for (size_t i = 1; i < LK_COUNT(keys); i++)
		CHECK(is_refused(&keys[i], bytes));
}

TEST(a_changed_bit_is_refused_wherever_it_is)
{
	struct lk_seal_key key = the_key();
	uint8_t sealed[SEALED_SIZE];

	seal(sealed);
	for (size_t i = 0; i < 8 * sizeof sealed; i++) {
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK(is_refused(&key, (struct lk_bytes) { sealed, sizeof sealed }));
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

TEST(a_part_of_it_is_refused)
{
	struct lk_seal_key key = the_key();
	uint8_t sealed[SEALED_SIZE], plain[PLAIN_SIZE] = { 0 };

	seal(sealed);
	for (size_t n = 0; n < LK_SEAL_OVERHEAD; n++)
		CHECK(!lk_unseal(&key, (struct lk_bytes) { sealed, n }, plain));
	for (size_t n = LK_SEAL_OVERHEAD; n < sizeof sealed; n++)
		CHECK(is_refused(&key, (struct lk_bytes) { sealed, n }));
}

TEST(a_pepper_is_found_by_its_id)
{
	struct lk_peppers peppers = { .items = { { .id = 7 }, { .id = 3 } }, .n = 2 };

	CHECK(lk_peppers_find(&peppers, 7) == &peppers.items[0]);
	CHECK(lk_peppers_find(&peppers, 3) == &peppers.items[1]);
	CHECK(lk_peppers_find(&peppers, 1) == NULL);
	CHECK(lk_peppers_find(&peppers, 0) == NULL);
}

static int set_up(void **state_)
{
	return lk_crypto_init().code == LK_OK ? 0 : 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(what_was_sealed_opens_with_the_same_key),
		RUN(nothing_can_be_sealed_too_and_needs_no_secret_and_no_context),
		RUN(the_same_content_is_sealed_differently_each_time),
		RUN(no_other_pepper_purpose_secret_or_context_opens_it),
		RUN(a_changed_bit_is_refused_wherever_it_is),
		RUN(a_part_of_it_is_refused),
		RUN(a_pepper_is_found_by_its_id),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
