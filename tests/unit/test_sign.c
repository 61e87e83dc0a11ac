/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/crypto/sign.h"
#include "tests/support/check.h"

static const uint8_t seed[LK_SIGN_SEED_SIZE] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };

static void unhex(const char *text, uint8_t *bytes_out, size_t n)
{
	CHECK_EQ(strlen(text), 2 * n);
	for (size_t i = 0; i < n; i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1] };
		char *end;

		bytes_out[i] = (uint8_t)strtoul(digits, &end, 16);
		CHECK(*end == '\0');
	}
}

static bool decodes(const char *text, size_t n)
{
	uint8_t bytes[64];
	size_t decoded;

	return lk_base64url_decode(
		(struct lk_bytes) { (const uint8_t *)text, n }, bytes, sizeof bytes, &decoded);
}

/* --- signatures --- */

struct vector {
	const char *seed;
	const char *public_key;
	const char *message;
	const char *signature;
};

TEST(ed25519_signs_as_rfc_8032_says)
{
	static const struct vector vectors[] = {
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
			"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "r",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	};

	for (size_t i = 0; i < LK_COUNT(vectors); i++) {
		const struct vector *vector = &vectors[i];
		uint8_t signature[LK_SIGNATURE_MAX], expected[64], bytes[32];
		struct lk_sign_key key;

		unhex(vector->seed, bytes, sizeof bytes);
		lk_sign_key_derive(LK_SIGN_EDDSA, bytes, &key);
		unhex(vector->public_key, bytes, sizeof bytes);
		CHECK_MEM(key.public_key, bytes, sizeof bytes);
		unhex(vector->signature, expected, sizeof expected);
		CHECK_EQ(lk_sign(&key, lk_bytes_of(vector->message), signature), 64);
		CHECK_MEM(signature, expected, sizeof expected);
		CHECK(lk_sign_verify(&key, lk_bytes_of(vector->message),
			(struct lk_bytes) { expected, sizeof expected }));
	}
}

TEST(a_jws_is_signed_as_rfc_8037_says)
{
	static const char message[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	static const char expected[] = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iy"
				       "lGjg5BhVsPt9g7sVvpAr_MuM0KAg";
	uint8_t signature[LK_SIGNATURE_MAX], bytes[32];
	char text[sizeof expected] = "";
	struct lk_sign_key key;
	size_t n;

	CHECK(lk_base64url_decode(lk_bytes_of("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), bytes,
		sizeof bytes, &n));
	lk_sign_key_derive(LK_SIGN_EDDSA, bytes, &key);
	lk_sign(&key, lk_bytes_of(message), signature);
	CHECK_EQ(lk_base64url_encode((struct lk_bytes) { signature, 64 }, text), 86);
	CHECK_STR(text, expected);
	memset(text, 0, sizeof text);
	lk_base64url_encode((struct lk_bytes) { key.public_key, 32 }, text);
	CHECK_STR(text, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}

/* Shorter keys of RFC 4231 are keys of 32 bytes that end in zeros: HMAC fills them up so. */
TEST(hmac_sha_256_signs_as_rfc_4231_says)
{
	static const struct vector vectors[] = {
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b000000000000000000000000", NULL,
			"Hi There",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "4a65666500000000000000000000000000000000000000000000000000000000", NULL,
			"what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000000000000", NULL,
			"\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
			"\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
			"\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd",
			"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	};

	for (size_t i = 0; i < LK_COUNT(vectors); i++) {
		uint8_t signature[LK_SIGNATURE_MAX], expected[32], bytes[32];
		struct lk_sign_key key;

		unhex(vectors[i].seed, bytes, sizeof bytes);
		lk_sign_key_derive(LK_SIGN_HS256, bytes, &key);
		unhex(vectors[i].signature, expected, sizeof expected);
		CHECK_EQ(lk_sign(&key, lk_bytes_of(vectors[i].message), signature), 32);
		CHECK_MEM(signature, expected, sizeof expected);
		CHECK(lk_sign_verify(&key, lk_bytes_of(vectors[i].message),
			(struct lk_bytes) { expected, sizeof expected }));
	}
}

TEST(a_signature_is_of_one_message_and_one_key_to_the_last_bit)
{
	static const enum lk_sign_algorithm algorithms[] = { LK_SIGN_EDDSA, LK_SIGN_HS256 };

	for (size_t i = 0; i < LK_COUNT(algorithms); i++) {
		uint8_t signature[LK_SIGNATURE_MAX], other_seed[LK_SIGN_SEED_SIZE] = { 1 };
		struct lk_sign_key key, other;
		struct lk_bytes bytes;

		lk_sign_key_derive(algorithms[i], seed, &key);
		lk_sign_key_derive(algorithms[i], other_seed, &other);
		bytes = (struct lk_bytes) { signature,
			lk_sign(&key, lk_bytes_of("abc"), signature) };
		CHECK(lk_sign_verify(&key, lk_bytes_of("abc"), bytes));
		CHECK(!lk_sign_verify(&key, lk_bytes_of("abd"), bytes));
		CHECK(!lk_sign_verify(&key, lk_bytes_of("ab"), bytes));
		CHECK(!lk_sign_verify(&other, lk_bytes_of("abc"), bytes));
		for (size_t bit = 0; bit < 8 * bytes.n; bit++) {
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK(!lk_sign_verify(&key, lk_bytes_of("abc"), bytes));
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

TEST(a_signature_of_another_length_is_refused)
{
	static const enum lk_sign_algorithm algorithms[] = { LK_SIGN_EDDSA, LK_SIGN_HS256 };
	static uint8_t bytes[65536];

	for (size_t i = 0; i < LK_COUNT(algorithms); i++) {
		struct lk_sign_key key;
		size_t length;

		lk_sign_key_derive(algorithms[i], seed, &key);
		length = lk_sign(&key, lk_bytes_of("abc"), bytes);
		for (size_t n = 0; n < 100; n++)
			CHECK_EQ(lk_sign_verify(
					 &key, lk_bytes_of("abc"), (struct lk_bytes) { bytes, n }),
				n == length);
		CHECK(!lk_sign_verify(
			&key, lk_bytes_of("abc"), (struct lk_bytes) { bytes, sizeof bytes }));
	}
}

/* S + L is the same number modulo L, so a lax check takes it for a second signature. */
TEST(a_malleated_ed25519_signature_is_refused)
{
	static const uint8_t l[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c,
		0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	uint8_t signature[LK_SIGNATURE_MAX];
	struct lk_bytes bytes = { signature, sizeof signature };
	struct lk_sign_key key;
	unsigned sum = 0;

	lk_sign_key_derive(LK_SIGN_EDDSA, seed, &key);
	lk_sign(&key, lk_bytes_of("abc"), signature);
	CHECK(lk_sign_verify(&key, lk_bytes_of("abc"), bytes));
	for (size_t i = 0; i < sizeof l; i++) {
		sum += (unsigned)signature[32 + i] + l[i];
		signature[32 + i] = (uint8_t)sum;
		sum >>= 8;
	}
	CHECK(!lk_sign_verify(&key, lk_bytes_of("abc"), bytes));
}

/* Under a key of small order, R = A and S = 0 would be good for one message in eight or more. */
TEST(a_key_of_small_order_verifies_nothing)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	};

	for (size_t i = 0; i < LK_COUNT(points); i++) {
		struct lk_sign_key key = { .algorithm = LK_SIGN_EDDSA };
		uint8_t signature[LK_SIGNATURE_MAX] = { 0 };
		uint8_t message;

		unhex(points[i], key.public_key, sizeof key.public_key);
		for (message = 0; message < 64; message++) {
			unhex(points[message % LK_COUNT(points)], signature, 32);
			CHECK(!lk_sign_verify(&key, (struct lk_bytes) { &message, 1 },
				(struct lk_bytes) { signature, sizeof signature }));
		}
	}
}

/* --- base64url --- */

TEST(base64url_is_that_of_rfc_4648_without_padding)
{
	static const char *const texts[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE",
		"Zm9vYmFy" };
	char encoded[16];
	uint8_t decoded[16];
	size_t n;

	for (size_t i = 0; i < LK_COUNT(texts); i++) {
		memset(encoded, 0, sizeof encoded);
		CHECK_EQ(lk_base64url_encode(
				 (struct lk_bytes) { (const uint8_t *)"foobar", i }, encoded),
			LK_BASE64URL_SIZE(i));
		CHECK_STR(encoded, texts[i]);
		CHECK(lk_base64url_decode(lk_bytes_of(texts[i]), decoded, sizeof decoded, &n));
		CHECK_EQ(n, i);
		CHECK_MEM(decoded, "foobar", i);
	}
	CHECK_EQ(lk_base64url_encode((struct lk_bytes) { (const uint8_t *)"\xfb\xff", 2 }, encoded),
		3);
	CHECK_MEM(encoded, "-_8", 3);
}

TEST(bytes_of_every_length_come_back_and_nothing_is_written_beyond)
{
	uint8_t bytes[200], decoded[200];
	char text[LK_BASE64URL_SIZE(200) + 1];
	size_t n;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 151);
	for (size_t i = 0; i <= sizeof bytes; i++) {
		memset(text, '?', sizeof text);
		CHECK_EQ(lk_base64url_encode((struct lk_bytes) { bytes, i }, text),
			LK_BASE64URL_SIZE(i));
		CHECK_EQ(text[LK_BASE64URL_SIZE(i)], '?');
		CHECK(lk_base64url_decode(
			(struct lk_bytes) { (const uint8_t *)text, LK_BASE64URL_SIZE(i) }, decoded,
			i, &n));
		CHECK_EQ(n, i);
		CHECK_MEM(decoded, bytes, i);
		if (i > 0)
			CHECK(!lk_base64url_decode(
				(struct lk_bytes) { (const uint8_t *)text, LK_BASE64URL_SIZE(i) },
				decoded, i - 1, &n));
	}
}

TEST(base64url_takes_no_byte_outside_its_alphabet)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t at = 0; at < 4; at++)
		for (int c = 0; c < 256; c++) {
			char text[4] = { 'A', 'A', 'A', 'A' };

			text[at] = (char)c;
			CHECK_EQ(decodes(text, 4), c != 0 && strchr(alphabet, c) != NULL);
		}
}

TEST(base64url_takes_no_padding_no_space_and_no_single_character)
{
	static const char *const texts[] = { "A", "AAAAA", "Zg=", "Zg==", "Zm8=", "Zm9v=", "=",
		"Zm9v\n", "\nZm9v", "Zm 9v", " Zm9v", "Zm9v ", "Zm+/", "Zg.", ".Zg" };

	for (size_t i = 0; i < LK_COUNT(texts); i++)
		CHECK(!decodes(texts[i], strlen(texts[i])));
	CHECK(!decodes("Zg\0", 3));
	CHECK(decodes("Zg", 2));
}

/* Of the last character's bits only those that are part of a byte may be set: else a token could
 * be written in several ways. */
TEST(base64url_has_one_text_for_each_content)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < 64; i++) {
		char text[3] = { 'A', 'A', alphabet[i] };

		CHECK_EQ(decodes(text, 3), i % 4 == 0);
		text[1] = alphabet[i];
		CHECK_EQ(decodes(text, 2), i % 16 == 0);
	}
}

static int set_up(void **state_)
{
	return lk_crypto_init().code == LK_OK ? 0 : 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(ed25519_signs_as_rfc_8032_says),
		RUN(a_jws_is_signed_as_rfc_8037_says),
		RUN(hmac_sha_256_signs_as_rfc_4231_says),
		RUN(a_signature_is_of_one_message_and_one_key_to_the_last_bit),
		RUN(a_signature_of_another_length_is_refused),
		RUN(a_malleated_ed25519_signature_is_refused),
		RUN(a_key_of_small_order_verifies_nothing),
		RUN(base64url_is_that_of_rfc_4648_without_padding),
		RUN(bytes_of_every_length_come_back_and_nothing_is_written_beyond),
		RUN(base64url_takes_no_byte_outside_its_alphabet),
		RUN(base64url_takes_no_padding_no_space_and_no_single_character),
		RUN(base64url_has_one_text_for_each_content),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
