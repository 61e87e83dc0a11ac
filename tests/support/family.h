/* SPDX-License-Identifier: MIT */
/* A session and its refresh tokens: what tests of them share. */
#pragma once

#include "tests/support/people.h"

static struct people p;
static struct lk_grant first, second, third; /* of each test */

/* The session is open: `first`. */
static inline int set_up(void **state_)
{
	const struct lk_session_policy policy = people_policy(LK_TOKEN_EDDSA);

	(void)state_;
	people_init(&p, &policy);
	CHECK_OK(people_open(&p, &first));
	return 0;
}

/* Likewise, and no spent token is ever answered again. */
static inline int set_up_strict(void **state_)
{
	struct lk_session_policy policy = people_policy(LK_TOKEN_EDDSA);

	policy.replay_window_ms = 0;
	(void)state_;
	people_init(&p, &policy);
	CHECK_OK(people_open(&p, &first));
	return 0;
}

static inline int tear_down(void **state_)
{
	(void)state_;
	people_fini(&p);
	return 0;
}

static inline const char *access_of(const struct lk_grant *grant)
{
	return grant->tokens.access;
}

static inline const char *refresh_of(const struct lk_grant *grant)
{
	return grant->tokens.refresh.text;
}

static inline bool is_unknown(const char *token)
{
	struct lk_grant grant;
	struct lk_status st = people_refresh(&p, token, &grant);

	if (st.code != LK_UNAUTHENTICATED)
		return false;
	CHECK_EQ(st.reason, LK_REFRESH_TOKEN_UNKNOWN);
	CHECK(!grant.is_reused);
	CHECK_STR(refresh_of(&grant), "");
	CHECK_STR(access_of(&grant), "");
	return true;
}

/* Spends it for a successor. */
static inline void spend(const char *token, struct lk_grant *grant_out)
{
	CHECK_OK(people_refresh(&p, token, grant_out));
	CHECK(!grant_out->is_reused);
	CHECK(strcmp(refresh_of(grant_out), token) != 0);
	CHECK_EQ(people_decide(&p, access_of(grant_out)), LK_DENY_NONE);
}

/* The use of it ends the session, and gives nothing. */
static inline void kill_family(const char *token)
{
	struct lk_grant grant;

	CHECK_OK(people_refresh(&p, token, &grant));
	CHECK(grant.is_reused);
	CHECK_STR(refresh_of(&grant), "");
	CHECK_STR(access_of(&grant), "");
	CHECK_EQ(grant.session.record.successor.n, 0);
	CHECK(lk_key_id_equal(&grant.session.record.id, &first.session.record.id));
	CHECK(is_unknown(token));
}

static inline bool is_alive(const struct lk_grant *grant)
{
	enum lk_deny_reason reason = people_decide(&p, access_of(grant));

	CHECK(reason == LK_DENY_NONE || reason == LK_DENY_REVOKED);
	return reason == LK_DENY_NONE;
}

#define RUN_WITH(set_up_, name) cmocka_unit_test_setup_teardown(name, set_up_, tear_down)
