/* SPDX-License-Identifier: MIT */
/* Which calls are sent again, when, and for how long. */
#include <sched.h>

#include "latchkey/v1/common.pb-c.h"
#include "tests/channel/harness.h"
#include "tests/support/check.h"

#define LONG_MS 60000
#define HOUR_MS 3600000
#define CHANGES_MS 300000 /* channel.h: five minutes */

/* How the server answers the first tries; those after them succeed. */
struct refusal {
	enum lk_code code; /* LK_OK: it hangs up */
	uint32_t delay_ms;
	bool is_whole; /* of the frame, not of the call */
};

#define TRIES_MAX 8
static struct {
	pthread_mutex_t mutex;
	struct refusal refusals[TRIES_MAX];
	size_t n_refusals;
	size_t n; /* tries */
	uint32_t remaining_ms[TRIES_MAX];
	uint8_t bytes[TRIES_MAX][256]; /* metadata, subject and body */
	size_t n_bytes[TRIES_MAX];
} script = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void note_try(const struct lk_frame_call *call)
{
	const struct lk_bytes parts[] = { call->metadata, call->subject, call->body };
	size_t n = 0;

	for (size_t i = 0; i < LK_COUNT(parts); i++) {
		CHECK(n + parts[i].n <= sizeof script.bytes[0]);
		if (parts[i].n > 0)
			memcpy(script.bytes[script.n] + n, parts[i].data, parts[i].n);
		n += parts[i].n;
	}
	script.remaining_ms[script.n] = call->remaining_ms;
	script.n_bytes[script.n++] = n;
}

static void refuse(const struct refusal *refusal, uint32_t id, struct lk_buf *reply)
{
	Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
	Latchkey__V1__ErrorDetails details = LATCHKEY__V1__ERROR_DETAILS__INIT;
	uint8_t packed[64];
	struct lk_frame_reply head = { .id = refusal->is_whole ? LK_WHOLE_FRAME : id,
		.code = refusal->code,
		.why = { (const uint8_t *)"not now", 7 } };

	delay.seconds = refusal->delay_ms / 1000;
	delay.nanos = (int32_t)(refusal->delay_ms % 1000) * 1000000;
	details.retry_delay = &delay;
	head.details =
		(struct lk_bytes) { packed, latchkey__v1__error_details__pack(&details, packed) };
	lk_frame_put_reply_head(reply, 1);
	put_reply_with(reply, head, (struct lk_bytes) { NULL, 0 });
}

static enum verdict follow_script(
	struct responder *responder, const struct request *request, struct lk_buf *reply)
{
	struct refusal refusal;
	bool is_over;

	pthread_mutex_lock(&script.mutex);
	note_try(&request->calls[0]);
	is_over = script.n > script.n_refusals;
	refusal = script.refusals[script.n - 1];
	pthread_mutex_unlock(&script.mutex);
	if (is_over)
		return answer_echo(responder, request, reply);
	if (refusal.code == LK_OK)
		return HANG_UP;
	refuse(&refusal, request->calls[0].id, reply);
	return REPLY;
}

static void open_script(struct rig *rig, const struct refusal *refusals, size_t n)
{
	script.n = 0;
	script.n_refusals = n;
	memcpy(script.refusals, refusals, n * sizeof *refusals);
	rig_open(rig, follow_script);
}

/* --- which --- */

static const struct lk_method *const methods[] = { &method_read, &method_verify, &method_write };

TEST(what_only_reads_is_sent_again_like_a_change)
{
	static const struct refusal refusals[] = { { .code = LK_OK }, { .code = LK_UNAVAILABLE },
		{ .code = LK_UNAVAILABLE, .is_whole = true },
		{ .code = LK_RESOURCE_EXHAUSTED, .delay_ms = 1, .is_whole = true } };

	for (size_t i = 0; i < LK_COUNT(methods); i++) {
		struct rig rig;

		open_script(&rig, refusals, LK_COUNT(refusals));
		CHECK_OK(ask(&rig, methods[i], "hello", LONG_MS));
		CHECK_STR(answer_text(), "hello");
		CHECK_EQ(script.n, LK_ATTEMPTS_MAX);
		rig_close(&rig);
	}
}

TEST(no_other_refusal_is_sent_again_whatever_delay_it_tells)
{
	for (unsigned code = LK_CANCELLED; code <= LK_UNAUTHENTICATED; code++) {
		struct refusal refusal = { .code = (enum lk_code)code, .delay_ms = 1 };
		struct rig rig;

		if (code == LK_UNAVAILABLE || code == LK_RESOURCE_EXHAUSTED)
			continue;
		open_script(&rig, &refusal, 1);
		CHECK_CODE(ask(&rig, &method_write, "hello", LONG_MS), refusal.code);
		CHECK_EQ(script.n, 1);
		rig_close(&rig);
	}
}

TEST(every_try_of_a_change_is_the_same_bytes_and_has_one_key)
{
	static const struct refusal refusals[] = { { .code = LK_UNAVAILABLE }, { .code = LK_OK },
		{ .code = LK_RESOURCE_EXHAUSTED, .delay_ms = 1 },
		{ .code = LK_UNAVAILABLE, .is_whole = true } };
	struct lk_call_options options = { .timeout_ms = LONG_MS,
		.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		.subject = { (const uint8_t *)"subject", 7 } };

	for (int own = 0; own < 2; own++) {
		struct rig rig;

		if (own == 1)
			options.idempotency_key =
				(struct lk_bytes) { (const uint8_t *)"0123456789abcdefg", 17 };
		open_script(&rig, refusals, LK_COUNT(refusals));
		CHECK_OK(ask_with(&rig, &method_write, "hello", &options));
		CHECK_EQ(script.n, 5);
		for (size_t i = 1; i < script.n; i++) {
			CHECK_EQ(script.n_bytes[i], script.n_bytes[0]);
			CHECK_MEM(script.bytes[i], script.bytes[0], script.n_bytes[0]);
		}
		/* First comes the key: a tag, its length, itself. */
		CHECK_EQ(script.bytes[0][1], own == 1 ? 17 : 16);
		if (own == 1)
			CHECK_MEM(script.bytes[0] + 2, "0123456789abcdefg", 17);
		rig_close(&rig);
	}
}

/* --- when --- */

TEST(a_try_comes_no_sooner_than_it_was_told)
{
	static const enum lk_code codes[] = { LK_RESOURCE_EXHAUSTED, LK_UNAVAILABLE };

	for (size_t i = 0; i < LK_COUNT(codes); i++) {
		/* Longer than any wait before the second try would be by itself. */
		struct refusal refusal = { .code = codes[i], .delay_ms = 120 };
		struct rig rig;

		open_script(&rig, &refusal, 1);
		CHECK_OK(ask(&rig, &method_read, "hello", LONG_MS));
		CHECK_EQ(script.n, 2);
		CHECK(script.remaining_ms[1] + 120 <= script.remaining_ms[0]);
		rig_close(&rig);
	}
}

/* --- for how long --- */

/* A try that is put aside for so long that the test does not see it. */
static void check_put_aside(const struct lk_method *method, uint32_t delay_ms)
{
	struct refusal refusal = { .code = LK_RESOURCE_EXHAUSTED, .delay_ms = delay_ms };
	struct lk_channel_counters counters;
	struct tally tally;
	struct rig rig;

	tally_init(&tally);
	open_script(&rig, &refusal, 1);
	ask_async(rig.channel, method, 1, HOUR_MS, &tally);
	do {
		sched_yield();
		lk_channel_count(rig.channel, &counters);
	} while (counters.retries == 0 && tally.n == 0);
	CHECK_EQ(counters.retries, 1);
	rig_close(&rig);
	CHECK_EQ(tally.codes[LK_CANCELLED], 1);
}

TEST(a_change_is_not_sent_again_when_its_answer_may_be_forgotten)
{
	struct refusal refusal = { .code = LK_RESOURCE_EXHAUSTED, .delay_ms = CHANGES_MS };
	struct rig rig;

	open_script(&rig, &refusal, 1);
	CHECK_CODE(ask(&rig, &method_write, "hello", HOUR_MS), LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(script.n, 1);
	rig_close(&rig);
	check_put_aside(&method_write, CHANGES_MS - LONG_MS);
}

TEST(what_only_reads_is_sent_again_until_its_deadline)
{
	check_put_aside(&method_read, CHANGES_MS + LONG_MS);
	check_put_aside(&method_verify, CHANGES_MS + LONG_MS);
}

TEST(a_change_that_has_been_sent_ends_five_minutes_after_it_was_made)
{
	static const struct refusal refusals[] = { { .code = LK_OK }, { .code = LK_OK } };

	for (size_t i = 0; i < LK_COUNT(methods); i++) {
		bool is_change = methods[i] == &method_write;
		struct rig rig;

		open_script(&rig, refusals, LK_COUNT(refusals));
		CHECK_OK(ask(&rig, methods[i], "hello", HOUR_MS));
		CHECK_EQ(script.n, 3);
		/* However long the next try has to wait for a connection, the deadline ends it. */
		CHECK(script.remaining_ms[0] > CHANGES_MS);
		CHECK((script.remaining_ms[1] <= CHANGES_MS) == is_change);
		CHECK((script.remaining_ms[2] <= CHANGES_MS) == is_change);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(what_only_reads_is_sent_again_like_a_change),
		RUN(no_other_refusal_is_sent_again_whatever_delay_it_tells),
		RUN(every_try_of_a_change_is_the_same_bytes_and_has_one_key),
		RUN(a_try_comes_no_sooner_than_it_was_told),
		RUN(a_change_is_not_sent_again_when_its_answer_may_be_forgotten),
		RUN(what_only_reads_is_sent_again_until_its_deadline),
		RUN(a_change_that_has_been_sent_ends_five_minutes_after_it_was_made),
	};

	return RUN_ALL(tests);
}
