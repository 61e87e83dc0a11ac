/* SPDX-License-Identifier: MIT */
/* Who asks, and may they? The one way that every credential goes that the bridge is shown, be it
 * for a route of a surface or for a proxy.
 */
#pragma once

#include "client/bridge/bridge_priv.h"

struct lk_judging {
	struct lk_bridge *bridge;
	const struct lk_site *site;
	struct lk_http_exchange *exchange;
	struct lk_presented presented;
	struct lk_asker asker;
	struct lk_buf *headers; /* of the answer; it gets what is told of limits */

	/* What is asked for. */
	const char *const *permissions; /* all of them */
	size_t n_permissions;
	bool needs_organization; /* the caller belongs to one */
	bool needs_person;       /* API keys are refused, whatever they may do */
	const char *method;      /* of the request that a proxy asks about, which the realm's */
	const char *path;        /* routes are for; NULL: none */
	bool has_body;           /* the exchange's body is that request's */

	/* The answer: a failure, or else who it is, NULL on a public route; both last as long as
	 * the exchange. */
	void (*next)(void *arg, const struct lk_failure *failure, const lk_principal *principal);
	void *arg;

	struct lk_ask ask;
};

/* Reads what the exchange says of its credential and its client. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_judging_init(struct lk_judging *judging, struct lk_bridge *bridge,
	const struct lk_site *site, struct lk_http_exchange *exchange);

/* Whether a browser may have sent the cookie that is the credential for the page of a site that is
 * neither this one nor listed. What changes something is refused then. */
bool lk_judging_is_forged(const struct lk_judging *judging);

/* Whether it is a person who asks, by a session of ours or of another issuer. */
bool lk_judging_is_person(const lk_principal *principal);

/* Judges, and goes on with `next`, at once or later. */
void lk_judge(struct lk_judging *judging);
