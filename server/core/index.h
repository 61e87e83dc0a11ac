/* SPDX-License-Identifier: MIT */
/* The verification index: what a decision needs of every key and session, of the people and
 * organisations they belong to, and of the keys that sign tokens; in memory and complete.
 *
 * It is built by a scan of the store and from then on changed only by the store's change log,
 * so the same code serves one node and many. A miss means that the secret is unknown. Readers
 * take no lock and allocate nothing; changes are serialised by a lock that readers never touch.
 */
#pragma once

#include "server/core/entry.h"
#include "server/core/keyring.h"

struct lk_index;

/* An empty index. Realms and peppers are borrowed and outlive it. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_index_new(const struct lk_realms *realms,
	const struct lk_peppers *peppers, struct lk_index **index_out);

/* No reader may be inside. NULL is allowed. */
void lk_index_free(struct lk_index *index);

/* Reads all of it from the store. Also the way to start over. What is of realms that are closed is
 * left out.
 *
 * LK_UNAVAILABLE         the store could not be read; the index is as it was
 * LK_RESOURCE_EXHAUSTED  short of memory; likewise
 */
LK_MUST_USE struct lk_status lk_index_load(struct lk_index *index, struct lk_store *store);

/* Applies the change log up to `seq`, at least; from the committer's on_commit or when another
 * node wrote. Starts over when the log no longer reaches back.
 *
 * LK_UNAVAILABLE         the log could not be read: whoever changed a key has to deny it
 * LK_RESOURCE_EXHAUSTED  something could not be applied: the keys concerned are denied
 * In both cases the next call tries again.
 */
LK_MUST_USE struct lk_status lk_index_catch_up(
	struct lk_index *index, struct lk_store *store, uint64_t seq);

/* The number of the last commit that was applied. */
uint64_t lk_index_seq(const struct lk_index *index);

/* True when the last lk_index_catch_up failed: a commit may be missing. Whoever has changed a key
 * denies it with lk_index_deny. */
bool lk_index_is_behind(const struct lk_index *index);

/* Puts a new set of realms into force and compiles every key anew, which takes as long as
 * lk_index_load; verification goes on meanwhile. Codes as lk_index_load; on an error the new
 * realms are in force and keys that need compiling grant what they did before. */
LK_MUST_USE struct lk_status lk_index_set_realms(
	struct lk_index *index, struct lk_store *store, const struct lk_realms *realms);

/* The set in force. */
const struct lk_realms *lk_index_realms(const struct lk_index *index);

/* Refuses every secret of a key from now on, until the change log brings a newer record of it: as
 * revoked when its revocation could not be written, as stale when a change of it was written but
 * not applied (then a load that succeeds ends it, too). */
void lk_index_deny(struct lk_index *index, const struct lk_key_id *id, enum lk_entry_denial denial);

/* Refuses whatever belongs to a user, as lk_index_deny: when disabling them, or another change of
 * what they may do, could not be written or read back. */
void lk_index_deny_user(struct lk_index *index, const struct lk_realm *realm,
	const struct lk_key_id *user_id, enum lk_entry_denial denial);

/* Likewise whatever belongs to an organisation. */
void lk_index_deny_organization(struct lk_index *index, const struct lk_realm *realm,
	struct lk_bytes id, enum lk_entry_denial denial);

/* Whether a user of the realm is there, enabled, and of the organisation. Takes the lock of those
 * who change the index, which a load holds for as long as it takes. Between enter and leave. */
bool lk_index_has_member(struct lk_index *index, const struct lk_realm *realm,
	struct lk_bytes user_id, struct lk_bytes organization_id);

/* What is known of an organisation; NULL: nothing. False when it is disabled. Takes the lock, as
 * lk_index_has_member. */
bool lk_index_find_organization(struct lk_index *index, const struct lk_realm *realm,
	struct lk_bytes id, const struct lk_organization_facts **facts_out);

/* The keyring of a realm, never NULL. Between enter and leave. */
const struct lk_keyring *lk_index_keyring(
	const struct lk_index *index, const struct lk_realm *realm);

struct lk_index_stats {
	size_t keys;
	size_t sessions;
	size_t secrets;    /* of both */
	size_t bytes;      /* of entries, tables, and what is known of owners */
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

/* The entry of a digest. False: there is none. Between enter and leave. Candidates are told apart
 * by 32 bits of the digest, then all of it is compared in constant time. */
bool lk_index_find(
	const struct lk_index *index, const struct lk_digest *digest, struct lk_hit *hit_out);

/* Moves the time of the last use forward, to the second. False when it is there already. */
bool lk_index_note_use(const struct lk_hit *hit, lk_time_ms now);

/* Makes lk_index_take_used visit the entry again. */
void lk_index_note_again(const struct lk_hit *hit);

/* Visits secrets whose use was noted since the visit before, at most `limit`, and forgets that
 * they were; the others wait for the next call. Returns how many it visited. Walks the whole
 * table: some milliseconds for a million keys. One thread at a time; never waits. */
typedef void (*lk_index_used_fn)(void *arg, const struct lk_entry *entry, lk_time_ms at);
size_t lk_index_take_used(struct lk_index *index, size_t limit, lk_index_used_fn visit, void *arg);
