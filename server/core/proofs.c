/* SPDX-License-Identifier: MIT */
#include "server/core/proofs.h"

#include <stdatomic.h>

#include "proto/wire/arena.h"

/* A digest has a choice of this many neighbouring places. */
#define WAYS 4

/* A proof and its digest, as words. */
enum {
	WORD_DIGEST,
	WORD_GENERATION = WORD_DIGEST + 4, /* 0: the place is free */
	WORD_SESSION_ID,
	WORD_EXPIRES = WORD_SESSION_ID + 2,
	WORD_SIGNER_EXPIRES,
	WORDS,
};

_Static_assert(sizeof(struct lk_digest) == 4 * sizeof(uint64_t), "the words of a digest");
_Static_assert(sizeof(struct lk_key_id) == 2 * sizeof(uint64_t), "the words of an id");

/* Guarded by a sequence lock. Words are read with acquire and written with release: whoever reads
 * a word of a later write sees at the end that `sequence` has moved on. A plain fence would do,
 * but the thread sanitizer knows none. */
struct place {
	_Atomic uint64_t sequence; /* odd: being written */
	_Atomic uint64_t words[WORDS];
};

struct lk_proofs {
	struct lk_pepper key; /* of digests */
	size_t n;             /* a power of two, WAYS at least */
	struct place places[];
};

struct lk_status lk_proofs_new(size_t n, struct lk_proofs **proofs_out)
{
	struct lk_proofs *proofs;
	size_t rounded = WAYS;

	while (rounded < n && rounded <= SIZE_MAX / 4 / sizeof(struct place))
		rounded *= 2;
	proofs = lk_alloc(sizeof *proofs + rounded * sizeof(struct place));
	if (proofs == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	memset(proofs, 0, sizeof *proofs + rounded * sizeof(struct place));
	proofs->n = rounded;
	lk_random(proofs->key.key, sizeof proofs->key.key);
	*proofs_out = proofs;
	return LK_SUCCESS;
}

void lk_proofs_free(struct lk_proofs *proofs)
{
	if (proofs == NULL)
		return;
	lk_wipe(&proofs->key, sizeof proofs->key);
	lk_free(proofs);
}

void lk_proofs_digest(
	const struct lk_proofs *proofs, struct lk_bytes token, struct lk_digest *digest_out)
{
	lk_digest_make(&proofs->key, lk_bytes_of("access token"), token, digest_out);
}

/* The first of the places of a digest. */
static size_t place_of(const struct lk_proofs *proofs, const struct lk_digest *digest)
{
	uint64_t hash;

	memcpy(&hash, digest->bytes, sizeof hash);
	return (size_t)hash & (proofs->n - WAYS);
}

static bool is_of(const uint64_t words[WORDS], const struct lk_digest *digest)
{
	struct lk_digest kept;

	memcpy(kept.bytes, &words[WORD_DIGEST], sizeof kept.bytes);
	return lk_digest_equal(&kept, digest);
}

/* False: the place was written meanwhile. */
static bool read_place(const struct place *place, uint64_t words_out[WORDS])
{
	uint64_t sequence = atomic_load_explicit(&place->sequence, memory_order_acquire);

	if (sequence % 2 != 0)
		return false;
	for (size_t i = 0; i < WORDS; i++)
		words_out[i] = atomic_load_explicit(&place->words[i], memory_order_acquire);
	return atomic_load_explicit(&place->sequence, memory_order_relaxed) == sequence;
}

/* Gives up when another one is writing: a proof that is not kept is only made once more. */
static void write_place(struct place *place, const uint64_t words[WORDS])
{
	uint64_t sequence = atomic_load_explicit(&place->sequence, memory_order_relaxed);

	if (sequence % 2 != 0 ||
		!atomic_compare_exchange_strong_explicit(&place->sequence, &sequence, sequence + 1,
			memory_order_acquire, memory_order_relaxed))
		return;
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&place->words[i], words[i], memory_order_release);
	atomic_store_explicit(&place->sequence, sequence + 2, memory_order_release);
}

bool lk_proofs_find(const struct lk_proofs *proofs, const struct lk_digest *digest,
	uint64_t generation, struct lk_proof *proof_out)
{
	size_t first = place_of(proofs, digest);
	uint64_t words[WORDS];

	for (size_t i = first; i < first + WAYS; i++) {
		if (!read_place(&proofs->places[i], words) || !is_of(words, digest) ||
			words[WORD_GENERATION] != generation)
			continue;
		proof_out->generation = generation;
		memcpy(proof_out->session_id.bytes, &words[WORD_SESSION_ID],
			sizeof proof_out->session_id.bytes);
		proof_out->expires_ms = (lk_time_ms)words[WORD_EXPIRES];
		proof_out->signer_expires_ms = (lk_time_ms)words[WORD_SIGNER_EXPIRES];
		return true;
	}
	return false;
}

/* The place to write: the one that has this digest already; else what is worth least, which is a
 * proof of another keyring (a free place is one), then the one that expires first. */
static size_t choose_place(const struct lk_proofs *proofs, const uint64_t new_words[WORDS],
	const struct lk_digest *digest)
{
	size_t first = place_of(proofs, digest), chosen = first;
	lk_time_ms least = INT64_MAX;
	uint64_t words[WORDS];

	for (size_t i = first; i < first + WAYS; i++) {
		lk_time_ms worth;

		if (!read_place(&proofs->places[i], words))
			continue;
		if (is_of(words, digest))
			return i;
		worth = words[WORD_GENERATION] == new_words[WORD_GENERATION]
				? (lk_time_ms)words[WORD_EXPIRES]
				: INT64_MIN;
		if (worth < least) {
			least = worth;
			chosen = i;
		}
	}
	return chosen;
}

void lk_proofs_add(
	struct lk_proofs *proofs, const struct lk_digest *digest, const struct lk_proof *proof)
{
	uint64_t words[WORDS];

	memcpy(&words[WORD_DIGEST], digest->bytes, sizeof digest->bytes);
	words[WORD_GENERATION] = proof->generation;
	memcpy(&words[WORD_SESSION_ID], proof->session_id.bytes, sizeof proof->session_id.bytes);
	words[WORD_EXPIRES] = (uint64_t)proof->expires_ms;
	words[WORD_SIGNER_EXPIRES] = (uint64_t)proof->signer_expires_ms;
	write_place(&proofs->places[choose_place(proofs, words, digest)], words);
}
