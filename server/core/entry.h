/* SPDX-License-Identifier: MIT */
/* Entries of the verification index: what a decision needs to know about one secret, compact.
 *
 * A key has an entry for its current secret and, after a rotation, one for the previous; a session
 * has one, with every permission that its user has. An entry is about 130 bytes and its texts.
 */
#pragma once

#include <stdatomic.h>

#include "proto/wire/network.h"
#include "server/core/owners.h"
#include "server/core/realm.h"
#include "server/crypto/crypto.h"
#include "server/store/record.h"

#define LK_KEY_NETWORKS_MAX 64

enum lk_entry_flag {
	LK_ENTRY_ENABLED = 1,
	LK_ENTRY_REVOKED = 2,
	LK_ENTRY_PREVIOUS = 4, /* of the secret before the last rotation */
	LK_ENTRY_SESSION = 8,  /* a session, not a key */
};

/* Why a key is refused although its record does not say so. */
enum lk_entry_denial {
	LK_ENTRY_NOT_DENIED = 0,
	LK_ENTRY_DENIED_AS_STALE = 1,   /* a newer record could not be applied */
	LK_ENTRY_DENIED_AS_REVOKED = 2, /* its revocation could not be written */
};

/* The decision record of one secret. Immutable but for `denied`; valid until lk_index_leave. */
struct lk_entry {
	struct lk_digest digest;
	struct lk_key_id key_id;             /* or of the session */
	const struct lk_owner *user;         /* NULL: no user of the realm */
	const struct lk_owner *organization; /* NULL: it names none */
	struct lk_permset scopes;     /* compiled; bit 0 to 63 of `latchkey` are service scopes */
	lk_time_ms expires_ms;        /* of the key; INT64_MAX: never */
	lk_time_ms secret_expires_ms; /* of a previous secret; INT64_MAX for the current one */
	uint32_t secret;              /* the secret's number within its key */
	uint16_t realm;               /* index */
	uint16_t scopes_n;            /* bytes of all scope texts, their NULs included */
	uint8_t flags;                /* enum lk_entry_flag */
	_Atomic uint8_t denied;       /* enum lk_entry_denial */
	uint8_t n_scopes;
	uint8_t n_networks;
	bool has_realms; /* a service key that names realms */
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

/* What entries are made in. */
struct lk_entry_context {
	const struct lk_realms *realms;
	const struct lk_realm *realm; /* of the entry */
	struct lk_owners *owners;     /* its user and organisation become owners */
};

/* An entry of a record's current or previous secret, compiled for the realms. lk_free it.
 *
 * LK_RESOURCE_EXHAUSTED  short of memory
 * LK_DATA_LOSS           the record holds something that no key may have
 */
LK_MUST_USE struct lk_status lk_entry_new(const struct lk_entry_context *context,
	const struct lk_key_record *record, const struct lk_secret_record *secret,
	struct lk_entry **entry_out);

/* The entry of a session. Codes as lk_entry_new. */
LK_MUST_USE struct lk_status lk_entry_new_session(const struct lk_entry_context *context,
	const struct lk_session_record *record, struct lk_entry **entry_out);

/* Under which digest a session of a realm with signed access tokens is found. */
void lk_session_digest(const struct lk_pepper *pepper, struct lk_bytes realm,
	const struct lk_key_id *session_id, struct lk_digest *digest_out);

/* Bytes of memory that an entry takes. */
size_t lk_entry_size(const struct lk_entry *entry);
