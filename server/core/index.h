/* SPDX-License-Identifier: MIT */
/* The verification index: what a decision needs of every key, in memory and complete.
 *
 * It is built by one scan of the store and from then on changed only by the store's change log,
 * so the same code serves one node and many. A miss means that the secret is unknown. Readers
 * take no lock and allocate nothing; changes are serialised by a lock that readers never touch.
 */
#pragma once

#include <stdatomic.h>

#include "server/core/network.h"
#include "server/core/realm.h"
#include "server/crypto/crypto.h"

#define LK_KEY_NETWORKS_MAX 64

enum lk_entry_flag {
	LK_ENTRY_ENABLED = 1,
	LK_ENTRY_REVOKED = 2,
	LK_ENTRY_PREVIOUS = 4, /* of the secret before the last rotation */
};

/* The decision record of one secret. Immutable but for `denied`; valid until lk_index_leave. */
struct lk_entry {
	struct lk_digest digest;
	struct lk_key_id key_id;
	struct lk_permset scopes;     /* compiled; bit 0 to 63 of `latchkey` are service scopes */
	lk_time_ms expires_ms;        /* of the key; INT64_MAX: never */
	lk_time_ms secret_expires_ms; /* of a previous secret; INT64_MAX for the current one */
	uint32_t secret;              /* the secret's number within its key */
	uint16_t realm;               /* index */
	uint16_t scopes_n;            /* bytes of all scope texts, their NULs included */
	uint8_t flags;                /* enum lk_entry_flag */
	_Atomic uint8_t denied;       /* a revocation that could not be written */
	uint8_t n_scopes;
	uint8_t n_networks;
	uint8_t n_realms; /* words of the realms' bits: 0, or LK_REALMS_MAX / 64 */
	uint8_t name_n;
	uint8_t user_id_n;
	uint8_t organization_id_n;
	char tail[]; /* texts, each with its NUL; then networks; then realms' bits */
};

/* NUL-terminated, "" for none; they live as long as the entry. */
const char *lk_entry_name(const struct lk_entry *entry);
const char *lk_entry_user_id(const struct lk_entry *entry);
const char *lk_entry_organization_id(const struct lk_entry *entry);

/* The scopes as granted: n_scopes texts, one after the other, each with its NUL. */
const char *lk_entry_scopes(const struct lk_entry *entry);

/* True when the entry has no networks or one of them holds the address; NULL: unknown address. */
bool lk_entry_allows_address(const struct lk_entry *entry, const struct lk_address *address);

/* The realms in which a service key may act, as bits by realm index. */
void lk_entry_realms(const struct lk_entry *entry, uint64_t bits_out[LK_REALMS_MAX / 64]);

struct lk_index;
struct lk_store;

/* An empty index. The realms are borrowed and outlive it. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_index_new(
	const struct lk_realms *realms, struct lk_index **index_out);

/* No reader may be inside. NULL is allowed. */
void lk_index_free(struct lk_index *index);

/* Reads every key of the store. Also the way to start over. Keys of realms that are closed are
 * left out.
 *
 * LK_UNAVAILABLE         the store could not be read; the index is as it was
 * LK_RESOURCE_EXHAUSTED  short of memory; likewise
 */
LK_MUST_USE struct lk_status lk_index_load(struct lk_index *index, struct lk_store *store);

/* Applies the change log up to `seq`, at least; from the committer's on_commit or when another
 * node wrote. Starts over when the log no longer reaches back.
 *
 * LK_UNAVAILABLE, LK_RESOURCE_EXHAUSTED  something could not be applied: the keys concerned are
 *                                        denied, and the next call tries again
 */
LK_MUST_USE struct lk_status lk_index_catch_up(
	struct lk_index *index, struct lk_store *store, uint64_t seq);

/* The number of the last commit that was applied. */
uint64_t lk_index_seq(const struct lk_index *index);

/* Puts a new set of realms into force and compiles every key anew, which takes as long as
 * lk_index_load; verification goes on meanwhile. Codes as lk_index_load; on an error the new
 * realms are in force and keys that need compiling grant what they did before. */
LK_MUST_USE struct lk_status lk_index_set_realms(
	struct lk_index *index, struct lk_store *store, const struct lk_realms *realms);

/* The set in force. */
const struct lk_realms *lk_index_realms(const struct lk_index *index);

/* Refuses every secret of a key from now on, until a newer record of it is applied: for a
 * revocation whose write failed. */
void lk_index_deny(struct lk_index *index, const struct lk_key_id *id);

struct lk_index_stats {
	size_t keys;
	size_t secrets;
	size_t bytes;      /* of entries and tables */
	size_t unreadable; /* records that could not be read and are denied by being left out */
	uint64_t seq;
};
struct lk_index_stats lk_index_stats(struct lk_index *index);

/* What a reader found. */
struct lk_hit {
	const struct lk_entry *entry;
	_Atomic uint32_t *used; /* for lk_usage_note */
};

/* Wrap a whole frame of verifications. Entries are valid in between. */
void lk_index_enter(void);
void lk_index_leave(void);

/* The entry of a digest. False: there is none. Between enter and leave. Compares all 32 bytes in
 * constant time, once in all but every four billionth lookup. */
bool lk_index_find(
	const struct lk_index *index, const struct lk_digest *digest, struct lk_hit *hit_out);

/* Visits secrets whose use was noted since the visit before, at most `limit`, and forgets that
 * they were; the others wait for the next call. Called by lk_usage_flush. */
typedef void (*lk_index_used_fn)(void *arg, const struct lk_entry *entry, lk_time_ms at);
void lk_index_take_used(struct lk_index *index, size_t limit, lk_index_used_fn visit, void *arg);
