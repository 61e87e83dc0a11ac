/* SPDX-License-Identifier: MIT */
/* Signatures over the bodies of webhooks. */
#include <stdio.h>

#include "server/core/webhook.h"
#include "server/crypto/sign.h"
#include "tests/support/check.h"

#define SECRET "whsec_0123456789abcdef0123456789"
#define BODY "{\"id\":\"evt_1\"}"
#define AT "1767225600"
#define NOW INT64_C(1767225600000)
/* Of AT.BODY by SECRET. */
#define MAC "96e214ead7255ee74deea64f2e3880e87a5b3acff1c218be090654aafade8568"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static enum lk_deny_reason judge_at(const char *signature, const char *body, lk_time_ms now)
{
	const struct lk_signed_body signed_body = {
		.signature = lk_bytes_of(signature), .n_signatures = 1, .body = lk_bytes_of(body)
	};

	return lk_webhook_judge(lk_bytes_of(SECRET), &signed_body, now);
}

static enum lk_deny_reason judge(const char *signature)
{
	return judge_at(signature, BODY, NOW);
}

TEST(a_signature_over_time_and_body_is_taken)
{
	CHECK_EQ(judge("t=" AT ",v1=" MAC), LK_DENY_NONE);
	CHECK_EQ(judge("v1=" MAC ",t=" AT), LK_DENY_NONE);
	CHECK_EQ(judge("t=" AT ",v1=" ZEROS ",v1=" MAC), LK_DENY_NONE);
	CHECK_EQ(judge("t=" AT ",v1=short,v0=" ZEROS ",x,,v1=" MAC ","), LK_DENY_NONE);
	CHECK_EQ(judge_at("t=" AT ",v1=" MAC, BODY " ", NOW), LK_DENY_UNKNOWN_CREDENTIAL);
	CHECK_EQ(judge_at("t=" AT ",v1=" MAC, "", NOW), LK_DENY_UNKNOWN_CREDENTIAL);
}

TEST(what_is_no_signature_is_nobodys)
{
	static const char *const texts[] = { "", ",", "t=", "t=" AT, "v1=" MAC, "t=,v1=" MAC,
		"t=-1,v1=" MAC, "t=17672256000000000,v1=" MAC, "t=1767225601,v1=" MAC,
		"t=" AT ",t=" AT ",v1=" MAC, "t=" AT ",v1=" ZEROS, "t=" AT ",v0=" MAC,
		"t=" AT ",v1=" MAC "0", "t=" AT ", v1=" MAC, "t=0" AT ",v1=" MAC,
		"t=" AT ",v1=96E214EAD7255EE74DEEA64F2E3880E87A5B3ACFF1C218BE090654AAFADE8568" };

	for (size_t i = 0; i < LK_COUNT(texts); i++)
		if (judge(texts[i]) != LK_DENY_UNKNOWN_CREDENTIAL)
			fail_msg("taken: %s", texts[i]);
}

TEST(of_too_many_signatures_none_is_taken)
{
	char text[1024] = "t=" AT;
	size_t n = strlen(text);

	for (int i = 0; i < 8; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, ",v1=" ZEROS);
	snprintf(text + n, sizeof text - n, ",v1=" MAC);
	CHECK_EQ(judge(text), LK_DENY_UNKNOWN_CREDENTIAL);
}

TEST(the_time_is_near)
{
	static const char signature[] = "t=" AT ",v1=" MAC;

	CHECK_EQ(judge_at(signature, BODY, NOW + 300000), LK_DENY_NONE);
	CHECK_EQ(judge_at(signature, BODY, NOW + 300001), LK_DENY_EXPIRED);
	CHECK_EQ(judge_at(signature, BODY, NOW - 300000), LK_DENY_NONE);
	CHECK_EQ(judge_at(signature, BODY, NOW - 300001), LK_DENY_EXPIRED);
}

TEST(without_a_signature_and_with_two)
{
	struct lk_signed_body body = { .body = lk_bytes_of(BODY) };

	CHECK_EQ(lk_webhook_judge(lk_bytes_of(SECRET), NULL, NOW), LK_DENY_NO_CREDENTIAL);
	CHECK_EQ(lk_webhook_judge(lk_bytes_of(SECRET), &body, NOW), LK_DENY_NO_CREDENTIAL);
	body.n_signatures = 2;
	body.signature = lk_bytes_of("t=" AT ",v1=" MAC);
	CHECK_EQ(lk_webhook_judge(lk_bytes_of(SECRET), &body, NOW), LK_DENY_AMBIGUOUS_CREDENTIALS);
}

static int set_up(void **state)
{
	(void)state;
	return lk_crypto_init().code == LK_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_signature_over_time_and_body_is_taken),
		RUN(what_is_no_signature_is_nobodys),
		RUN(of_too_many_signatures_none_is_taken),
		RUN(the_time_is_near),
		RUN(without_a_signature_and_with_two),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
