/* SPDX-License-Identifier: MIT */
/* Texts of password hashes, as they are brought along from elsewhere.
 *
 * Input: the text. Invariants: what is accepted under a small cap is accepted under a large one;
 * what is accepted under the smallest, and cheap, can be judged by every library behind it; what
 * is refused matches nothing.
 */
#include "server/crypto/password.h"
#include "tests/fuzz/fuzz.h"

/* The forms without memory have costs that a fuzzer cannot wait for. */
static bool is_cheap(const char *hash)
{
	static const char *const cheap[] = { "$argon2", "$scrypt$", "$7$", "$2a$04$", "$2b$04$",
		"$6$rounds=1000$", "$pbkdf2-sha256$1$", "$pbkdf2-sha512$1$", "pbkdf2_sha256$1$" };

	for (size_t i = 0; i < LK_COUNT(cheap); i++)
		if (strncmp(hash, cheap[i], strlen(cheap[i])) == 0)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct lk_hash_cap small = { .memory_kib = 64 }, large = { 1 << 20 };
	char hash[LK_PASSWORD_HASH_SIZE + 1] = { 0 };
	bool accepted, matches = true;

	FUZZ_OK(lk_crypto_init());
	memcpy(hash, data, n < sizeof hash ? n : sizeof hash - 1);
	accepted = lk_password_hash_check(hash, &small).code == LK_OK;
	FUZZ_CHECK(!accepted || lk_password_hash_check(hash, &large).code == LK_OK);
	if (accepted && !is_cheap(hash))
		return 0;
	FUZZ_OK(lk_password_matches(fuzz_text("password"), hash, &small, &matches));
	FUZZ_CHECK(accepted || !matches);
	return 0;
}
