/* SPDX-License-Identifier: MIT */
/* Webhooks: requests whose caller is known by a signature over the body, made with a secret that it
 * shares with us.
 *
 * The one scheme is Stripe's: `Stripe-Signature: t=SECONDS,v1=HEX[,v1=HEX...]`, where v1 is the
 * HMAC-SHA-256 of `SECONDS.BODY`. While a secret is rolled there is one v1 for each; what else is
 * in the header is passed over, as Stripe asks for.
 */
#pragma once

#include "server/core/decision.h"

/* How far the time of a signature may be from now, either way. */
#define LK_WEBHOOK_TOLERANCE_MS (INT64_C(300) * 1000)

/* What a request says of its body; `n_signatures` headers, of which `signature` is the first. */
struct lk_signed_body {
	struct lk_bytes signature;
	size_t n_signatures;
	struct lk_bytes body;
};

/* LK_DENY_NONE, or why it is not the one who has the secret: no signature, more than one header,
 * one that does not verify, one whose time is too far from now. */
enum lk_deny_reason lk_webhook_judge(
	struct lk_bytes secret, const struct lk_signed_body *body, lk_time_ms now);
