/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>

#include "proto/wire/arena.h"
#include "server/core/proofs.h"
#include "tests/support/check.h"

static struct lk_proofs *proofs;

static int set_up(void **state_)
{
	return lk_crypto_init().code == LK_OK && lk_proofs_new(64, &proofs).code == LK_OK ? 0 : 1;
}

static int tear_down(void **state_)
{
	lk_proofs_free(proofs);
	return 0;
}

/* A proof each of whose parts tells the number. */
static struct lk_proof proof_of(uint64_t generation, uint64_t number)
{
	struct lk_proof proof = { .generation = generation,
		.expires_ms = (lk_time_ms)number,
		.signer_expires_ms = ~(lk_time_ms)number };

	memcpy(proof.session_id.bytes, &number, sizeof number);
	memcpy(proof.session_id.bytes + 8, &number, sizeof number);
	return proof;
}

static bool is_same(const struct lk_proof *a, const struct lk_proof *b)
{
	return a->generation == b->generation && a->expires_ms == b->expires_ms &&
	       a->signer_expires_ms == b->signer_expires_ms &&
	       memcmp(&a->session_id, &b->session_id, sizeof a->session_id) == 0;
}

static struct lk_digest digest_of(uint64_t number)
{
	struct lk_digest digest;

	lk_proofs_digest(proofs, (struct lk_bytes) { (uint8_t *)&number, sizeof number }, &digest);
	return digest;
}

static void add(uint64_t generation, uint64_t number)
{
	struct lk_digest digest = digest_of(number);
	struct lk_proof proof = proof_of(generation, number);

	lk_proofs_add(proofs, &digest, &proof);
}

static bool finds(uint64_t generation, uint64_t number)
{
	struct lk_digest digest = digest_of(number);
	struct lk_proof found, expected = proof_of(generation, number);

	if (!lk_proofs_find(proofs, &digest, generation, &found))
		return false;
	CHECK(is_same(&found, &expected));
	return true;
}

TEST(a_proof_is_found_again_as_it_was)
{
	CHECK(!finds(1, 5));
	add(1, 5);
	CHECK(finds(1, 5));
	CHECK(!finds(1, 6));
}

TEST(a_proof_counts_only_with_the_keyring_that_gave_it)
{
	add(1, 5);
	CHECK(!finds(2, 5));
	CHECK(!finds(0, 5));
	CHECK(finds(1, 5));
	add(2, 5);
	CHECK(finds(2, 5));
	CHECK(!finds(1, 5));
}

TEST(an_empty_table_has_no_proof_for_any_digest)
{
	struct lk_digest digest = { { 0 } };
	struct lk_proof proof;

	CHECK(!lk_proofs_find(proofs, &digest, 1, &proof));
}

TEST(digests_differ_between_tables)
{
	struct lk_digest here = digest_of(5), there;
	struct lk_proofs *other;
	uint64_t number = 5;

	CHECK_OK(lk_proofs_new(1, &other));
	lk_proofs_digest(other, (struct lk_bytes) { (uint8_t *)&number, sizeof number }, &there);
	CHECK(!lk_digest_equal(&here, &there));
	lk_proofs_free(other);
}

/* Every digest has a place to go: the newest is found, however many came before. */
TEST(a_full_table_takes_new_proofs_and_forgets_those_that_expire_first)
{
	size_t kept = 0;

	for (uint64_t i = 1; i <= 10000; i++) {
		add(1, i);
		CHECK(finds(1, i));
	}
	for (uint64_t i = 1; i <= 10000; i++)
		kept += finds(1, i);
	CHECK_EQ(kept, 64);
	for (uint64_t i = 1; i <= 5000; i++)
		CHECK(!finds(1, i));
}

TEST(proofs_of_an_older_keyring_go_first)
{
	size_t kept = 0;

	/* They expire long after the others. */
	for (uint64_t i = 1; i <= 1000; i++)
		add(1, 1000000 + i);
	for (uint64_t i = 1; i <= 1000; i++)
		add(2, i);
	for (uint64_t i = 1; i <= 1000; i++)
		kept += finds(1, 1000000 + i);
	CHECK_EQ(kept, 0);
}

TEST(a_proof_added_twice_takes_one_place)
{
	lk_proofs_free(proofs);
	CHECK_OK(lk_proofs_new(4, &proofs)); /* all proofs compete */
	for (int i = 0; i < 8; i++)
		add(1, 5);
	for (uint64_t i = 100; i < 103; i++)
		add(1, i);
	CHECK(finds(1, 5));
}

TEST(the_smallest_table_works)
{
	struct lk_proofs *small;
	struct lk_digest digest = { { 1 } };
	struct lk_proof proof = proof_of(1, 7), found;

	CHECK_OK(lk_proofs_new(0, &small));
	lk_proofs_add(small, &digest, &proof);
	CHECK(lk_proofs_find(small, &digest, 1, &found));
	CHECK(is_same(&found, &proof));
	lk_proofs_free(small);
	lk_proofs_free(NULL);
	lk_alloc_fail_nth(1);
	CHECK_CODE(lk_proofs_new(4, &small), LK_RESOURCE_EXHAUSTED);
	lk_alloc_fail_nth(0);
}

/* --- threads --- */

#define NUMBERS 40
#define ROUNDS 20000

static atomic_bool torn;

/* Numbers share places, as there are few of those; whatever is found must be whole. */
static void *find_and_add(void *arg)
{
	uint64_t random = *(const uint64_t *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct lk_digest digest = { { 0 } };
		struct lk_proof found, expected;
		uint64_t number, generation;

		random = random * 6364136223846793005U + 1442695040888963407U;
		number = (random >> 33) % NUMBERS;
		generation = 1 + (random >> 60) % 2;
		/* All in the same four places. */
		digest.bytes[0] = (uint8_t)(number % 4);
		digest.bytes[31] = (uint8_t)number;
		expected = proof_of(generation, number);
		if (i % 2 == 0)
			lk_proofs_add(proofs, &digest, &expected);
		else if (lk_proofs_find(proofs, &digest, generation, &found) &&
			 !is_same(&found, &expected))
			atomic_store(&torn, true);
	}
	return NULL;
}

TEST(what_is_found_while_others_write_is_whole)
{
	uint64_t seeds[4] = { 1, 2, 3, 4 };
	pthread_t threads[LK_COUNT(seeds)];

	for (size_t i = 0; i < LK_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, find_and_add, &seeds[i]), 0);
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK(!torn);
}

#define RUN_FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(a_proof_is_found_again_as_it_was),
		RUN_FRESH(a_proof_counts_only_with_the_keyring_that_gave_it),
		RUN_FRESH(an_empty_table_has_no_proof_for_any_digest),
		RUN_FRESH(digests_differ_between_tables),
		RUN_FRESH(a_full_table_takes_new_proofs_and_forgets_those_that_expire_first),
		RUN_FRESH(proofs_of_an_older_keyring_go_first),
		RUN_FRESH(a_proof_added_twice_takes_one_place),
		RUN_FRESH(the_smallest_table_works),
		RUN_FRESH(what_is_found_while_others_write_is_whole),
	};

	return RUN_ALL(tests);
}
