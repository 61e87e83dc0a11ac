/* SPDX-License-Identifier: MIT */
/* Refresh tokens, twice: as they are, and with a process that starts anew after each step. */
#include "tests/support/family.h"

#define WINDOW (10 * SECOND)

TEST(a_refresh_gives_a_successor_and_an_access_token_of_the_same_session)
{
	p.f.call.now = NOW + 5 * MINUTE;
	spend(refresh_of(&first), &second);
	CHECK_STR(second.session.id, first.session.id);
	CHECK_STR(second.session.user_id, p.user.id);
	CHECK_STR(second.user.id, p.user.id);
	CHECK(strcmp(access_of(&second), access_of(&first)) != 0);
	CHECK_EQ(second.tokens.access_expires_ms, NOW + 15 * MINUTE);
	CHECK_EQ(second.tokens.refresh_expires_ms, NOW + 5 * MINUTE + DAY);
	CHECK(is_alive(&first));
	p.f.call.now = NOW + 10 * MINUTE;
	CHECK_EQ(people_decide(&p, access_of(&first)), LK_DENY_EXPIRED);
	CHECK(is_alive(&second));
}

TEST(within_the_window_a_spent_token_gives_the_very_same_successor)
{
	spend(refresh_of(&first), &second);
	for (lk_time_ms later = 0; later < WINDOW; later += WINDOW / 4 - 1) {
		p.f.call.now = NOW + later;
		spend(refresh_of(&first), &third);
		CHECK_MEM(
			&third.tokens.refresh, &second.tokens.refresh, sizeof third.tokens.refresh);
		CHECK_EQ(third.tokens.refresh_expires_ms, second.tokens.refresh_expires_ms);
	}
	p.f.call.now = NOW + WINDOW - 1;
	spend(refresh_of(&first), &third);
	CHECK_STR(refresh_of(&third), refresh_of(&second));
	spend(refresh_of(&third), &second);
	CHECK(is_alive(&first));
}

TEST(an_overtaken_call_is_within_the_window)
{
	p.f.call.now = NOW + MINUTE;
	spend(refresh_of(&first), &second);
	p.f.call.now = NOW;
	spend(refresh_of(&first), &third);
	CHECK_STR(refresh_of(&third), refresh_of(&second));
	p.f.call.now = NOW - 1;
	kill_family(refresh_of(&first));
}

TEST(at_the_end_of_the_window_a_spent_token_ends_the_session)
{
	spend(refresh_of(&first), &second);
	p.f.call.now = NOW + WINDOW;
	kill_family(refresh_of(&first));
	CHECK(!is_alive(&first));
	CHECK(!is_alive(&second));
	CHECK(is_unknown(refresh_of(&second)));
}

TEST(a_token_whose_successor_was_used_ends_the_session)
{
	spend(refresh_of(&first), &second);
	spend(refresh_of(&second), &third);
	kill_family(refresh_of(&first));
	CHECK(!is_alive(&first));
	CHECK(!is_alive(&third));
	CHECK(is_unknown(refresh_of(&second)));
	CHECK(is_unknown(refresh_of(&third)));
}

TEST(without_a_window_a_second_use_ends_the_session)
{
	spend(refresh_of(&first), &second);
	CHECK_EQ(second.session.record.successor.n, 0);
	kill_family(refresh_of(&first));
	CHECK(!is_alive(&second));
	CHECK(is_unknown(refresh_of(&second)));
}

TEST(the_end_of_one_family_is_nothing_to_another)
{
	struct lk_grant other;

	p.f.call.now++;
	CHECK_OK(people_open(&p, &other));
	spend(refresh_of(&first), &second);
	kill_family(refresh_of(&first));
	CHECK(is_alive(&other));
	spend(refresh_of(&other), &second);
}

TEST(a_token_lasts_as_long_as_a_session_may_lie_idle)
{
	p.f.call.now = NOW + DAY - 1;
	spend(refresh_of(&first), &second);
	CHECK_EQ(second.tokens.refresh_expires_ms, NOW + 2 * DAY - 1);
	p.f.call.now = NOW + 2 * DAY - 1;
	CHECK(is_unknown(refresh_of(&second)));
	CHECK(is_unknown(refresh_of(&first)));
	CHECK_EQ(people_decide(&p, access_of(&second)), LK_DENY_EXPIRED);
}

TEST(no_refresh_makes_a_session_longer_than_its_cap)
{
	const lk_time_ms end = NOW + 10 * DAY;
	struct lk_grant grant = first;

	while (p.f.call.now + DAY / 2 < end) {
		p.f.call.now += DAY / 2;
		spend(refresh_of(&grant), &second);
		grant = second;
		CHECK_EQ(grant.session.record.ends_ms, end);
		CHECK(grant.session.record.expires_ms <= end);
		CHECK(grant.tokens.refresh_expires_ms <= end);
	}
	CHECK_EQ(grant.tokens.refresh_expires_ms, end);
	p.f.call.now = end - MINUTE;
	spend(refresh_of(&grant), &second);
	CHECK_EQ(second.tokens.access_expires_ms, end);
	CHECK_EQ(second.tokens.refresh_expires_ms, end);
	p.f.call.now = end - 1;
	CHECK(is_alive(&second));
	p.f.call.now = end;
	CHECK_EQ(people_decide(&p, access_of(&second)), LK_DENY_EXPIRED);
	CHECK(is_unknown(refresh_of(&second)));
}

TEST(an_ended_session_is_not_refreshed)
{
	bool has_ended;

	spend(refresh_of(&first), &second);
	CHECK_OK(people_commit(
		&p, lk_sessions_end(&p.f.call, p.f.txn, &first.session.record.id, &has_ended)));
	CHECK(has_ended);
	CHECK(is_unknown(refresh_of(&first)));
	CHECK(is_unknown(refresh_of(&second)));
	CHECK(!is_alive(&second));
}

TEST(a_disabled_user_refreshes_nothing_and_spends_nothing)
{
	people_enable(&p, false);
	CHECK(is_unknown(refresh_of(&first)));
	CHECK_EQ(people_decide(&p, access_of(&first)), LK_DENY_USER_DISABLED);
	people_enable(&p, true);
	spend(refresh_of(&first), &second);
}

TEST(a_token_is_unknown_in_another_realm)
{
	people_use_realm(&p, "other");
	CHECK(is_unknown(refresh_of(&first)));
	CHECK_EQ(people_decide(&p, access_of(&first)), LK_DENY_UNKNOWN_CREDENTIAL);
	people_use_realm(&p, "crm");
	spend(refresh_of(&first), &second);
}

TEST(a_text_that_is_no_token_is_unknown_and_spends_nothing)
{
	static char longer[4096];
	struct lk_key_text bad;
	size_t n = strlen(refresh_of(&first));

	for (size_t i = 0; i < n; i++) {
		bad = first.tokens.refresh;
		bad.text[i] = '\0';
		CHECK(is_unknown(bad.text));
		for (unsigned bit = 0; bit < 8; bit++) {
			bad = first.tokens.refresh;
			bad.text[i] = (char)(bad.text[i] ^ 1 << bit);
			CHECK(is_unknown(bad.text));
		}
	}
	lk_key_text_make(LK_REFRESH_TOKEN_PREFIX, &bad);
	CHECK(is_unknown(bad.text));
	lk_key_text_make(LK_SESSION_TOKEN_PREFIX, &bad);
	CHECK(is_unknown(bad.text));
	CHECK(is_unknown(access_of(&first)));
	memset(longer, 'A', sizeof longer - 1);
	memcpy(longer, refresh_of(&first), n);
	CHECK(is_unknown(longer));
	spend(refresh_of(&first), &second);
}

TEST(a_clock_that_is_set_back_a_year_moves_no_cap_and_opens_no_window)
{
	spend(refresh_of(&first), &second);
	p.f.call.now = NOW - YEAR;
	spend(refresh_of(&second), &third);
	CHECK_EQ(third.session.record.ends_ms, NOW + 10 * DAY);
	/* What it gives ends early, so nothing outlives the year. */
	CHECK_EQ(third.tokens.refresh_expires_ms, NOW - YEAR + DAY);
	p.f.call.now = NOW;
	CHECK(is_unknown(refresh_of(&third)));
	CHECK_EQ(people_decide(&p, access_of(&third)), LK_DENY_EXPIRED);
}

TEST(a_clock_that_is_set_back_makes_a_spent_token_no_better)
{
	spend(refresh_of(&first), &second);
	p.f.call.now = NOW - YEAR;
	kill_family(refresh_of(&first));
	p.f.call.now = NOW;
	CHECK(!is_alive(&second));
}

TEST(a_clock_that_goes_a_year_ahead_and_comes_back_ends_nothing)
{
	p.f.call.now = NOW + YEAR;
	CHECK(is_unknown(refresh_of(&first)));
	CHECK_EQ(people_decide(&p, access_of(&first)), LK_DENY_EXPIRED);
	p.f.call.now = NOW;
	CHECK(is_alive(&first));
	spend(refresh_of(&first), &second);
}

TEST(tokens_outlive_a_change_of_the_pepper_until_the_old_one_goes)
{
	struct lk_peppers *peppers = &p.f.peppers;

	spend(refresh_of(&first), &second);
	peppers->items[1] = peppers->items[0];
	peppers->items[0] = (struct lk_pepper) { 2, { 43 } };
	peppers->n = 2;
	people_restart(&p);
	spend(refresh_of(&first), &third);
	CHECK_STR(refresh_of(&third), refresh_of(&second));
	spend(refresh_of(&second), &third);
	CHECK(is_alive(&first));
	peppers->n = 1;
	CHECK(is_unknown(refresh_of(&second)));
	/* The keyring is sealed under the old one: so there is nothing to sign with. */
	people_restart(&p);
	CHECK_CODE(people_refresh(&p, refresh_of(&third), &second), LK_FAILED_PRECONDITION);
}

TEST(without_a_key_to_sign_nothing_is_spent)
{
	second = (struct lk_grant) { .signer = NULL };
	CHECK_CODE(people_commit(&p,
			   lk_sessions_refresh(&p.f.call, p.f.txn, refresh_of(&first), &second)),
		LK_FAILED_PRECONDITION);
	CHECK_STR(refresh_of(&second), "");
	spend(refresh_of(&first), &second);
}

TEST(a_token_leads_to_its_session_spent_or_not)
{
	struct lk_key_id id;

	spend(refresh_of(&first), &second);
	CHECK_OK(lk_sessions_of_refresh_token(&p.f.call, p.f.txn, refresh_of(&first), &id));
	CHECK(lk_key_id_equal(&id, &first.session.record.id));
	CHECK_OK(lk_sessions_of_refresh_token(&p.f.call, p.f.txn, refresh_of(&second), &id));
	CHECK(lk_key_id_equal(&id, &first.session.record.id));
	CHECK_CODE(lk_sessions_of_refresh_token(&p.f.call, p.f.txn, "lkr_", &id), LK_NOT_FOUND);
	people_use_realm(&p, "other");
	CHECK_CODE(lk_sessions_of_refresh_token(&p.f.call, p.f.txn, refresh_of(&first), &id),
		LK_NOT_FOUND);
}

static bool holds(struct lk_bytes text, const char *secret)
{
	size_t n = strlen(secret);

	for (size_t i = 0; i + n <= text.n; i++)
		if (memcmp(text.data + i, secret, n) == 0)
			return true;
	return false;
}

static bool check_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	CHECK(!holds(key, LK_REFRESH_TOKEN_PREFIX) && !holds(value, LK_REFRESH_TOKEN_PREFIX));
	return true;
}

TEST(the_store_has_no_token_in_the_clear)
{
	spend(refresh_of(&first), &second);
	CHECK(second.session.record.successor.n > 0);
	CHECK_OK(lk_store_scan(p.f.store, text_of(""), text_of(""), SIZE_MAX, check_row, NULL));
}

int main(void)
{
	const struct CMUnitTest steps[] = {
		RUN_WITH(set_up,
			a_refresh_gives_a_successor_and_an_access_token_of_the_same_session),
		RUN_WITH(set_up, within_the_window_a_spent_token_gives_the_very_same_successor),
		RUN_WITH(set_up, an_overtaken_call_is_within_the_window),
		RUN_WITH(set_up, at_the_end_of_the_window_a_spent_token_ends_the_session),
		RUN_WITH(set_up, a_token_whose_successor_was_used_ends_the_session),
		RUN_WITH(set_up_strict, without_a_window_a_second_use_ends_the_session),
		RUN_WITH(set_up_strict, the_end_of_one_family_is_nothing_to_another),
		RUN_WITH(set_up, a_token_lasts_as_long_as_a_session_may_lie_idle),
		RUN_WITH(set_up, no_refresh_makes_a_session_longer_than_its_cap),
		RUN_WITH(set_up, an_ended_session_is_not_refreshed),
		RUN_WITH(set_up, a_disabled_user_refreshes_nothing_and_spends_nothing),
		RUN_WITH(set_up, a_token_is_unknown_in_another_realm),
		RUN_WITH(set_up, a_text_that_is_no_token_is_unknown_and_spends_nothing),
		RUN_WITH(set_up, a_clock_that_is_set_back_a_year_moves_no_cap_and_opens_no_window),
		RUN_WITH(set_up, a_clock_that_is_set_back_makes_a_spent_token_no_better),
		RUN_WITH(set_up, a_clock_that_goes_a_year_ahead_and_comes_back_ends_nothing),
		RUN_WITH(set_up, tokens_outlive_a_change_of_the_pepper_until_the_old_one_goes),
		RUN_WITH(set_up, without_a_key_to_sign_nothing_is_spent),
		RUN_WITH(set_up, a_token_leads_to_its_session_spent_or_not),
		RUN_WITH(set_up, the_store_has_no_token_in_the_clear),
	};
	int failed = 0;

	for (int i = 0; i < 2; i++) {
		p.restarts = i == 1;
		failed += RUN_ALL(steps);
	}
	return failed;
}
