/* SPDX-License-Identifier: MIT */
/* Proofs: tokens whose signature was verified, so that it is verified once.
 *
 * A table of fixed size by a digest of the whole token. A proof counts only with the keyring that
 * gave it, so removing a key voids its tokens at once. Bad signatures are not kept: they could push
 * good ones out. Thread-safe; neither call waits, allocates or makes a system call.
 */
#pragma once

#include "server/core/access_token.h"

struct lk_proofs;

/* n: how many are kept at most, rounded up to a power of two. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_proofs_new(size_t n, struct lk_proofs **proofs_out);
void lk_proofs_free(struct lk_proofs *proofs);

/* The digest under which a token is kept: under a key of this process alone. */
void lk_proofs_digest(
	const struct lk_proofs *proofs, struct lk_bytes token, struct lk_digest *digest_out);

/* False: not known, or of another generation. */
bool lk_proofs_find(const struct lk_proofs *proofs, const struct lk_digest *digest,
	uint64_t generation, struct lk_proof *proof_out);

/* Keeps a proof, in the place of an older one if need be. */
void lk_proofs_add(
	struct lk_proofs *proofs, const struct lk_digest *digest, const struct lk_proof *proof);
