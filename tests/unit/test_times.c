/* SPDX-License-Identifier: MIT */
#include "proto/wire/times.h"
#include "tests/support/check.h"

static struct lk_bytes text_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

TEST(a_timestamp_prints_with_as_few_digits_as_hold_it)
{
	static const struct {
		struct lk_time_parts time;
		const char *text;
	} cases[] = {
		{ { 0, 0 }, "1970-01-01T00:00:00Z" },
		{ { 1798761600, 0 }, "2027-01-01T00:00:00Z" },
		{ { -1, 0 }, "1969-12-31T23:59:59Z" },
		{ { -1, 999999999 }, "1969-12-31T23:59:59.999999999Z" },
		{ { 951782400, 500000000 }, "2000-02-29T00:00:00.500Z" },
		{ { 4107542400, 1000 }, "2100-03-01T00:00:00.000001Z" },
		{ { LK_TIMESTAMP_S_MIN, 0 }, "0001-01-01T00:00:00Z" },
		{ { LK_TIMESTAMP_S_MAX, 999999999 }, "9999-12-31T23:59:59.999999999Z" },
	};
	char text[LK_TIME_TEXT_ROOM];
	struct lk_time_parts again;

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		CHECK_EQ(lk_timestamp_print(cases[i].time, text), strlen(cases[i].text));
		CHECK_STR(text, cases[i].text);
		CHECK(lk_timestamp_parse(text_of(text), &again));
		CHECK_EQ(again.seconds, cases[i].time.seconds);
		CHECK_EQ(again.nanos, cases[i].time.nanos);
	}
}

TEST(a_timestamp_prints_with_the_digits_that_were_asked_for)
{
	const struct lk_time_parts time = { 951782400, 987654321 };
	char text[LK_TIME_TEXT_ROOM];

	CHECK_EQ(lk_timestamp_print_digits(time, 0, text), 20);
	CHECK_STR(text, "2000-02-29T00:00:00Z");
	CHECK_EQ(lk_timestamp_print_digits(time, 1, text), 22);
	CHECK_STR(text, "2000-02-29T00:00:00.9Z");
	CHECK_EQ(lk_timestamp_print_digits(time, 3, text), 24);
	CHECK_STR(text, "2000-02-29T00:00:00.987Z");
	CHECK_EQ(lk_timestamp_print_digits(time, 9, text), 30);
	CHECK_STR(text, "2000-02-29T00:00:00.987654321Z");
	CHECK_EQ(lk_timestamp_print_digits((struct lk_time_parts) { 0, -1 }, 0, text), 0);
}

TEST(every_day_of_two_centuries_reads_back)
{
	char text[LK_TIME_TEXT_ROOM];
	struct lk_time_parts again;

	for (int64_t day = -25567; day < 47482; day++) {
		struct lk_time_parts time = { day * 86400 + 43200, 0 };

		CHECK(lk_timestamp_print(time, text) > 0);
		CHECK(lk_timestamp_parse(text_of(text), &again));
		CHECK_EQ(again.seconds, time.seconds);
	}
}

TEST(a_timestamp_outside_of_its_range_has_no_text)
{
	char text[LK_TIME_TEXT_ROOM];

	CHECK_EQ(lk_timestamp_print((struct lk_time_parts) { LK_TIMESTAMP_S_MIN - 1, 0 }, text), 0);
	CHECK_EQ(lk_timestamp_print((struct lk_time_parts) { LK_TIMESTAMP_S_MAX + 1, 0 }, text), 0);
	CHECK_EQ(lk_timestamp_print((struct lk_time_parts) { INT64_MIN, 0 }, text), 0);
	CHECK_EQ(lk_timestamp_print((struct lk_time_parts) { 0, -1 }, text), 0);
	CHECK_EQ(lk_timestamp_print((struct lk_time_parts) { 0, 1000000000 }, text), 0);
}

TEST(a_timestamp_with_an_offset_is_turned_into_utc)
{
	struct lk_time_parts time;

	CHECK(lk_timestamp_parse(text_of("2027-01-01T02:30:00.25+02:30"), &time));
	CHECK_EQ(time.seconds, 1798761600);
	CHECK_EQ(time.nanos, 250000000);
	CHECK(lk_timestamp_parse(text_of("2026-12-31t23:00:00-01:00"), &time));
	CHECK_EQ(time.seconds, 1798761600);
}

TEST(what_is_not_rfc_3339_is_refused)
{
	static const char *const texts[] = { "", "2027", "2027-01-01", "2027-01-01T00:00:00",
		"2027-01-01 00:00:00Z", "2027-1-1T00:00:00Z", "2027-13-01T00:00:00Z",
		"2027-00-01T00:00:00Z", "2027-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
		"2027-04-31T00:00:00Z", "2027-01-00T00:00:00Z", "2027-01-01T24:00:00Z",
		"2027-01-01T00:60:00Z", "2027-01-01T00:00:60Z", "2027-01-01T00:00:00.Z",
		"2027-01-01T00:00:00.1234567890Z", "2027-01-01T00:00:00+0200",
		"2027-01-01T00:00:00+24:00", "2027-01-01T00:00:00Z ", " 2027-01-01T00:00:00Z",
		"0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
		"+2027-01-01T00:00:00Z", "12027-01-01T00:00:00Z", "-001-01-01T00:00:00Z" };
	struct lk_time_parts time;

	for (size_t i = 0; i < LK_COUNT(texts); i++)
		if (lk_timestamp_parse(text_of(texts[i]), &time))
			fail_msg("accepted: %s", texts[i]);
}

TEST(a_duration_reads_back)
{
	static const struct {
		struct lk_time_parts span;
		const char *text;
	} cases[] = {
		{ { 0, 0 }, "0s" },
		{ { 1, 500000000 }, "1.500s" },
		{ { -1, -500000000 }, "-1.500s" },
		{ { 0, -1 }, "-0.000000001s" },
		{ { LK_DURATION_S_MAX, 0 }, "315576000000s" },
		{ { -LK_DURATION_S_MAX, 0 }, "-315576000000s" },
	};
	char text[LK_TIME_TEXT_ROOM];
	struct lk_time_parts again;

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		CHECK(lk_duration_print(cases[i].span, text) > 0);
		CHECK_STR(text, cases[i].text);
		CHECK(lk_duration_parse(text_of(text), &again));
		CHECK_EQ(again.seconds, cases[i].span.seconds);
		CHECK_EQ(again.nanos, cases[i].span.nanos);
	}
	CHECK(lk_duration_parse(text_of("1.5s"), &again));
	CHECK_EQ(again.nanos, 500000000);
}

TEST(what_is_not_a_duration_is_refused)
{
	static const char *const texts[] = { "", "s", "1", "1.s", ".5s", "1.1234567890s", "1 s",
		"--1s", "+1s", "1m", "1S", "315576000001s", "99999999999999999999s", "1.-5s" };
	struct lk_time_parts span;
	char text[LK_TIME_TEXT_ROOM];

	for (size_t i = 0; i < LK_COUNT(texts); i++)
		if (lk_duration_parse(text_of(texts[i]), &span))
			fail_msg("accepted: %s", texts[i]);
	CHECK_EQ(lk_duration_print((struct lk_time_parts) { 1, -1 }, text), 0);
	CHECK_EQ(lk_duration_print((struct lk_time_parts) { INT64_MIN, 0 }, text), 0);
	CHECK_EQ(lk_duration_print((struct lk_time_parts) { 0, INT32_MIN }, text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_timestamp_prints_with_as_few_digits_as_hold_it),
		RUN(a_timestamp_prints_with_the_digits_that_were_asked_for),
		RUN(every_day_of_two_centuries_reads_back),
		RUN(a_timestamp_outside_of_its_range_has_no_text),
		RUN(a_timestamp_with_an_offset_is_turned_into_utc),
		RUN(what_is_not_rfc_3339_is_refused),
		RUN(a_duration_reads_back),
		RUN(what_is_not_a_duration_is_refused),
	};

	return RUN_ALL(tests);
}
