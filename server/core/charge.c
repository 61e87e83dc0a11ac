/* SPDX-License-Identifier: MIT */
#include "server/core/charge.h"

#include <string.h>

#include "server/core/guesses.h"

/* Whom a limit counts for; false: it is not for this caller. */
static bool subject_of(const struct lk_limit *limit, const struct lk_auth_request *request,
	const struct lk_verdict *verdict, struct lk_network *room, struct lk_bytes *subject_out)
{
	struct lk_address address;

	*subject_out = (struct lk_bytes) { NULL, 0 };
	if ((limit->callers & LK_CALLER_BIT(verdict->caller)) == 0)
		return false;
	switch (limit->per) {
	case LK_LIMIT_PER_KEY:
		if (verdict->caller == LK_CALLER_KEY)
			*subject_out = (struct lk_bytes) { verdict->entry->key_id.bytes,
				sizeof verdict->entry->key_id.bytes };
		else if (verdict->caller == LK_CALLER_STATIC_KEY)
			*subject_out = lk_bytes_of(verdict->listed->subject);
		return subject_out->n > 0;
	case LK_LIMIT_PER_USER:
		if (verdict->entry != NULL)
			*subject_out = lk_bytes_of(lk_entry_user_id(verdict->entry));
		else if (verdict->external != NULL)
			*subject_out = lk_bytes_of(verdict->external->user_id);
		return subject_out->n > 0;
	case LK_LIMIT_PER_ORGANIZATION:
		*subject_out = lk_bytes_of(verdict->organization_id);
		return subject_out->n > 0;
	case LK_LIMIT_PER_ADDRESS:
		/* Those who are unknown count together. */
		if (lk_address_parse(request->client_address, &address)) {
			*room = lk_guess_network(&address);
			*subject_out = (struct lk_bytes) { room->addr, sizeof room->addr };
		}
		return true;
	case LK_LIMIT_PER_REALM:
		return true;
	}
	return false;
}

static struct lk_counter_name name_of(const struct lk_limiter *limiter,
	const struct lk_realm *realm, const struct lk_limit *limit, struct lk_bytes subject)
{
	uint8_t text[3 + LK_REALM_NAME_MAX + LK_LIMIT_NAME_MAX + LK_OWNER_ID_MAX];
	struct lk_counter_name name = { .tag = { 0 } };
	size_t realm_n = strlen(realm->name), limit_n = strlen(limit->name), n = 0;
	struct lk_digest digest;

	text[n++] = (uint8_t)limit->per;
	text[n++] = (uint8_t)realm_n;
	memcpy(text + n, realm->name, realm_n);
	n += realm_n;
	text[n++] = (uint8_t)limit_n;
	memcpy(text + n, limit->name, limit_n);
	n += limit_n;
	if (subject.n > sizeof text - n)
		subject.n = sizeof text - n;
	if (subject.n > 0)
		memcpy(text + n, subject.data, subject.n);
	lk_digest_make(&limiter->peppers->items[0], lk_bytes_of("limits"),
		(struct lk_bytes) { text, n + subject.n }, &digest);
	memcpy(name.tag, digest.bytes, sizeof name.tag);
	return name;
}

static void tell(const struct lk_limit *limit, const struct lk_counter_level *level,
	struct lk_charge *charge)
{
	charge->limits[charge->n_limits++] = (struct lk_limit_state) {
		.name = limit->name,
		.requests = limit->rule.max,
		.period_ms = limit->rule.window_ms,
		.remaining = level->remaining,
		.reset_ms = level->reset_ms,
	};
}

enum lk_deny_reason lk_limits_charge(const struct lk_limiter *limiter,
	const struct lk_auth_request *request, const struct lk_verdict *verdict)
{
	struct lk_charge *charge = request->charge;
	const struct lk_limits *limits = request->realm->limits;
	struct lk_counter_name names[LK_LIMITS_MAX];
	const struct lk_limit *counted[LK_LIMITS_MAX];
	size_t n_counted = 0;

	charge->n_limits = 0;
	charge->retry_ms = 0;
	for (size_t i = 0; i < limits->n; i++) {
		const struct lk_limit *limit = &limits->items[i];
		struct lk_counter_name *name = &names[n_counted];
		struct lk_counter_level level;
		struct lk_network room;
		struct lk_bytes subject;

		if (!subject_of(limit, request, verdict, &room, &subject))
			continue;
		*name = name_of(limiter, request->realm, limit, subject);
		if (lk_counter_add(limiter->counters, &limit->rule, name, request->now, &level))
			counted[n_counted++] = limit;
		else if (level.wait_ms > charge->retry_ms)
			charge->retry_ms = level.wait_ms;
		tell(limit, &level, charge);
	}
	if (charge->retry_ms == 0)
		return LK_DENY_NONE;
	for (size_t i = 0; i < n_counted; i++)
		lk_counter_take_back(limiter->counters, &counted[i]->rule, &names[i]);
	return LK_DENY_RATE_LIMITED;
}
