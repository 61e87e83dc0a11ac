/* SPDX-License-Identifier: MIT */
/* A decision: who is calling, and may they?
 *
 * The hot path of the whole service. No allocation, lock, store access or system call; time comes
 * in as an argument. The order of the checks is part of the contract: reasons more telling than
 * "unknown" are given only after the secret was proven.
 */
#pragma once

#include "server/core/facts.h"
#include "server/core/proofs.h"
#include "server/core/usage.h"

/* The numbers of latchkey.v1.DenyReason. */
enum lk_deny_reason {
	LK_DENY_NONE = 0,
	LK_DENY_NO_CREDENTIAL = 1,
	LK_DENY_AMBIGUOUS_CREDENTIALS = 2,
	LK_DENY_UNKNOWN_CREDENTIAL = 3,
	LK_DENY_REVOKED = 4,
	LK_DENY_DISABLED = 5,
	LK_DENY_EXPIRED = 6,
	LK_DENY_NETWORK_NOT_ALLOWED = 7,
	LK_DENY_PERMISSION_DENIED = 8,
	LK_DENY_USER_DISABLED = 9,
	LK_DENY_ORGANIZATION_DISABLED = 10,
	LK_DENY_NO_ROUTE = 11,
	LK_DENY_KIND_NOT_ALLOWED = 12,
	LK_DENY_ORGANIZATION_REQUIRED = 13,
	LK_DENY_PLAN_REQUIRED = 14,
	LK_DENY_INVALID_REQUEST = 15,
	LK_DENY_USER_NOT_ALLOWED = 16,
	LK_DENY_RATE_LIMITED = 17,
};

/* One public sentence; "" for LK_DENY_NONE. */
const char *lk_deny_message(enum lk_deny_reason reason);

struct lk_auth_request;

/* What decides; shared by all threads. */
struct lk_verifier {
	struct lk_index *index;
	const struct lk_peppers *peppers;
	struct lk_usage *usage;   /* NULL: uses are not noted */
	struct lk_proofs *proofs; /* NULL: no tokens are signed */
	/* Proves a token of another issuer (server/rpc/external.h); NULL: there are none. */
	enum lk_deny_reason (*prove_external)(
		const struct lk_auth_request *request, struct lk_external *external_out);
	const struct lk_limiter *limiter; /* NULL: nothing is limited */
};

/* What a request's body says of a user. */
enum lk_body_user {
	LK_BODY_SAYS_NOTHING, /* or it is not known */
	LK_BODY_HAS_USER,
	LK_BODY_WRONG, /* something that is no user's id */
};

struct lk_byok;
struct lk_charge;
struct lk_limiter;
struct lk_signed_body;

struct lk_auth_request {
	const struct lk_realm *realm; /* from lk_realms_find */
	const struct lk_bytes *credentials;
	size_t n_credentials;
	const char *const *permissions; /* names of the realm; all are needed */
	size_t n_permissions;
	struct lk_bytes client_address; /* empty: unknown */
	struct lk_bytes user_agent;
	lk_time_ms now;
	bool may_compute; /* a signature may be verified here */
	/* Judge by the rules of the realm, too. */
	bool by_route;
	struct lk_bytes method;
	struct lk_bytes path; /* without the query, percent-decoded */
	/* A page of another site made the request: no address speaks for it. */
	bool cross_site;
	/* Of interest to rules that ask for it (request.h). */
	const struct lk_byok *byok;   /* NULL: none was brought along */
	struct lk_bytes on_behalf_of; /* the one that came, or the first */
	size_t n_on_behalf_of;
	enum lk_body_user body_user;
	struct lk_bytes body_user_id;
	const struct lk_signed_body *signed_body; /* for webhooks (webhook.h); NULL: none */
	/* Where it is told for whom another issuer's token stands; NULL: such tokens are refused.
	 */
	struct lk_external *external;
	/* Where it is told how far limits are; NULL: the request does not count for them. */
	struct lk_charge *charge;
};

struct lk_verdict {
	enum lk_deny_reason reason; /* LK_DENY_NONE: allowed */
	enum lk_caller_kind caller; /* LK_CALLER_NOBODY: nothing was proven */
	/* Set once the secret was proven, also when access is denied; valid until
	 * lk_index_leave. */
	const struct lk_entry *entry;
	/* Instead of an entry, for a caller that the configuration lists; as long as the realm. */
	const struct lk_listed_caller *listed;
	const struct lk_external *external;               /* likewise for another issuer's token */
	const struct lk_user_facts *user;                 /* NULL: no user of the realm */
	const struct lk_organization_facts *organization; /* NULL: none that is known */
	const char *organization_id;                      /* "": none */
	/* What the credential allows now: its scopes and, where there is a user, no more than
	 * their permissions. */
	struct lk_permset permissions;
	const char *field;            /* of LK_DENY_INVALID_REQUEST: what is wrong, */
	const char *why;              /* and how */
	struct lk_bytes on_behalf_of; /* the user for whom the caller asks; empty: none */
	/* Nothing was decided: a signature has to be verified, where that may be done. */
	bool must_compute;
};

/* Judges. Between lk_index_enter and lk_index_leave.
 *
 * Order: number of credentials; shape and checksum, or signature; lookup by digest; a previous
 * secret after its grace (unknown); revoked; disabled; expired; user; organisation; network; kind
 * of caller; plan; permissions; membership; limits. The instant of expiry counts as expired. By
 * route, the rule comes before all of them.
 *
 * LK_INVALID_ARGUMENT  field `permissions`: a name that the realm does not have
 */
LK_MUST_USE struct lk_status lk_authenticate(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_verdict *verdict_out);
