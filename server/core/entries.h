/* SPDX-License-Identifier: MIT */
/* The entries of an index: both tables kept in step, and what they replace freed in time.
 *
 * One writer; readers only look digests up. A set that is still being built has no readers and no
 * bin, and frees at once what it replaces.
 */
#pragma once

#include "server/core/table.h"

#define LK_SECRETS_PER_KEY 2

struct lk_entries {
	_Atomic(struct lk_table *) by_digest;
	struct lk_id_map by_id;
	size_t n_keys;
	size_t n_sessions;
	size_t n_secrets;
	size_t entry_bytes;
	struct lk_epoch_bin *retired; /* NULL: there are no readers */
};

/* The entries of one key: of its current and its previous secret. */
struct lk_key_entries {
	struct lk_entry *items[LK_SECRETS_PER_KEY];
	size_t n;
};

/* Must not move afterwards. False: short of memory. */
bool lk_entries_init(struct lk_entries *entries, struct lk_epoch_bin *retired);

/* Frees everything; no reader may be inside and nothing may be retired. */
void lk_entries_fini(struct lk_entries *entries);

/* For readers: valid until they leave. */
struct lk_table *lk_entries_table(const struct lk_entries *entries);

/* Makes room for the entries of one key. False: short of memory. */
bool lk_entries_reserve(struct lk_entries *entries);

/* Makes `key` all that there is of a key, and owns it. There must be room. A secret that stays is
 * replaced in one store, so that no lookup ever misses it. */
void lk_entries_set(
	struct lk_entries *entries, const struct lk_key_id *id, const struct lk_key_entries *key);

/* Denies every entry of a key, unless it is denied for a graver reason already. */
void lk_entries_deny(
	struct lk_entries *entries, const struct lk_key_id *id, enum lk_entry_denial denial);

/* Moves another set in, which is empty of memory afterwards; what it replaces is retired. Times
 * of use, and denials of keys as revoked, carry over. */
void lk_entries_replace(struct lk_entries *entries, struct lk_entries *take);

/* Bytes of entries and tables. */
size_t lk_entries_size(const struct lk_entries *entries);
