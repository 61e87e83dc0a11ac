/* SPDX-License-Identifier: MIT */
/* Somebody to sign in: realms with each kind of access token, one user in each, with a session, a
 * password and, where tokens are signed, a signing key and a refresh token. All that is random
 * elsewhere is fixed here, so that seeds can name it (seeds.py).
 */
#pragma once

#include "server/core/realm.h"
#include "server/store/txn.h"
#include "tests/fuzz/fuzz.h"

#define PEOPLE_REALMS 3
#define PEOPLE_NOW ((lk_time_ms)1767225600000) /* 2026-01-01T00:00:00Z */

/* `crm` with opaque tokens, `shop` with EdDSA and `web` with HS256. Hashing costs next to
 * nothing. */
extern const struct lk_realm_spec people_realms[PEOPLE_REALMS];

/* In each realm the user ada@example.org, of the organisation `acme`, with the password
 * "open sesame", the role `clerk`, and a session. All ids of a realm are 16 times PEOPLE_ID of its
 * place above: the index tells entries of all realms apart by id alone. */
#define PEOPLE_ID(place) (3 + (int)(place))
void people_put(struct lk_txn *txn, const struct lk_peppers *peppers);
