/* SPDX-License-Identifier: MIT */
#include "proto/wire/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define SECOND_NS INT64_C(1000000000)

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar. Years start in March, so
 * that the day a leap year adds is its last. */
static int64_t days_of_date(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

struct date {
	int year;
	int month;
	int day;
};

/* The inverse of days_of_date. */
static struct date date_of_days(int64_t days)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);

	return (struct date) {
		.year = (int)(year_of_era + era * 400 + (month <= 2)),
		.month = month,
		.day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
	};
}

/* ".5" as ".500", ".500000" or ".500000000": as few groups of three as hold it. */
static unsigned digits_of(int32_t nanos)
{
	if (nanos == 0)
		return 0;
	if (nanos % 1000000 == 0)
		return 3;
	return nanos % 1000 == 0 ? 6 : 9;
}

/* Its length; what is written behind that is to be overwritten. */
static int print_fraction(int32_t nanos, unsigned digits, char *text, size_t room)
{
	if (digits == 0)
		return 0;
	snprintf(text, room, ".%09d", nanos);
	return 1 + (int)digits;
}

size_t lk_timestamp_print(struct lk_time_parts time, char text_out[LK_TIME_TEXT_ROOM])
{
	return lk_timestamp_print_digits(time, digits_of(time.nanos), text_out);
}

size_t lk_timestamp_print_digits(
	struct lk_time_parts time, unsigned digits, char text_out[LK_TIME_TEXT_ROOM])
{
	int64_t days = time.seconds / DAY_S;
	int second = (int)(time.seconds % DAY_S);
	struct date date;
	int n;

	if (time.seconds < LK_TIMESTAMP_S_MIN || time.seconds > LK_TIMESTAMP_S_MAX ||
		time.nanos < 0 || time.nanos >= SECOND_NS)
		return 0;
	if (second < 0) {
		second += (int)DAY_S;
		days--;
	}
	date = date_of_days(days);
	n = snprintf(text_out, LK_TIME_TEXT_ROOM, "%04d-%02d-%02dT%02d:%02d:%02d", date.year,
		date.month, date.day, second / 3600, second / 60 % 60, second % 60);
	n += print_fraction(time.nanos, digits, text_out + n, LK_TIME_TEXT_ROOM - (size_t)n);
	text_out[n++] = 'Z';
	text_out[n] = '\0';
	return (size_t)n;
}

/* A cursor over text; `failed` sticks. */
struct scan {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static bool next_is(struct scan *scan, char c)
{
	if (scan->failed || scan->at == scan->end || *scan->at != (uint8_t)c)
		return false;
	scan->at++;
	return true;
}

static void expect(struct scan *scan, char c)
{
	if (!next_is(scan, c))
		scan->failed = true;
}

static bool at_digit(const struct scan *scan)
{
	return !scan->failed && scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

/* Exactly n digits, at most nine of them. */
static int take_digits(struct scan *scan, unsigned n)
{
	int value = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!at_digit(scan)) {
			scan->failed = true;
			return 0;
		}
		value = value * 10 + (*scan->at++ - '0');
	}
	return value;
}

/* A fraction if there is one: 1 to 9 digits, as nanoseconds. */
static int32_t take_fraction(struct scan *scan)
{
	int32_t nanos = 0;
	unsigned digits = 0;

	if (!next_is(scan, '.'))
		return 0;
	while (at_digit(scan) && digits < 9) {
		nanos = nanos * 10 + (*scan->at++ - '0');
		digits++;
	}
	if (digits == 0 || at_digit(scan))
		scan->failed = true;
	while (digits++ < 9)
		nanos *= 10;
	return nanos;
}

/* "Z" or "+02:00", in seconds east of UTC. */
static int take_offset(struct scan *scan)
{
	int sign;
	int hours;
	int minutes;

	if (next_is(scan, 'Z') || next_is(scan, 'z'))
		return 0;
	sign = next_is(scan, '-') ? -1 : 1;
	if (sign > 0)
		expect(scan, '+');
	hours = take_digits(scan, 2);
	expect(scan, ':');
	minutes = take_digits(scan, 2);
	if (hours > 23 || minutes > 59)
		scan->failed = true;
	return sign * (hours * 3600 + minutes * 60);
}

/* Days from 1970 of "2027-01-31". */
static int64_t take_date(struct scan *scan)
{
	int year = take_digits(scan, 4);
	int month;
	int day;
	int64_t days;
	struct date date;

	expect(scan, '-');
	month = take_digits(scan, 2);
	expect(scan, '-');
	day = take_digits(scan, 2);
	if (month < 1 || month > 12 || day < 1 || day > 31) {
		scan->failed = true;
		return 0;
	}
	/* A day that its month does not have comes back as one of the next month. */
	days = days_of_date(year, (unsigned)month, (unsigned)day);
	date = date_of_days(days);
	if (date.day != day)
		scan->failed = true;
	return days;
}

bool lk_timestamp_parse(struct lk_bytes text, struct lk_time_parts *time_out)
{
	struct scan scan = { .at = text.data, .end = text.data + text.n };
	struct lk_time_parts time;
	int hour;
	int minute;
	int second;

	if (text.n == 0)
		return false;
	time.seconds = take_date(&scan) * DAY_S;
	if (!next_is(&scan, 'T'))
		expect(&scan, 't');
	hour = take_digits(&scan, 2);
	expect(&scan, ':');
	minute = take_digits(&scan, 2);
	expect(&scan, ':');
	second = take_digits(&scan, 2);
	time.nanos = take_fraction(&scan);
	time.seconds += hour * 3600 + minute * 60 + second - take_offset(&scan);
	if (scan.failed || scan.at != scan.end || hour > 23 || minute > 59 || second > 59 ||
		time.seconds < LK_TIMESTAMP_S_MIN || time.seconds > LK_TIMESTAMP_S_MAX)
		return false;
	*time_out = time;
	return true;
}

size_t lk_duration_print(struct lk_time_parts span, char text_out[LK_TIME_TEXT_ROOM])
{
	bool negative = span.seconds < 0 || span.nanos < 0;
	int32_t nanos;
	int n;

	if (span.seconds < -LK_DURATION_S_MAX || span.seconds > LK_DURATION_S_MAX ||
		span.nanos <= -SECOND_NS || span.nanos >= SECOND_NS ||
		(negative && (span.seconds > 0 || span.nanos > 0)))
		return 0;
	nanos = negative ? -span.nanos : span.nanos;
	n = snprintf(text_out, LK_TIME_TEXT_ROOM, "%s%" PRId64, negative ? "-" : "",
		negative ? -span.seconds : span.seconds);
	n += print_fraction(nanos, digits_of(nanos), text_out + n, LK_TIME_TEXT_ROOM - (size_t)n);
	text_out[n++] = 's';
	text_out[n] = '\0';
	return (size_t)n;
}

bool lk_duration_parse(struct lk_bytes text, struct lk_time_parts *span_out)
{
	struct scan scan = { .at = text.data, .end = text.data + text.n };
	bool negative;
	int64_t seconds = 0;
	int32_t nanos;

	if (text.n == 0)
		return false;
	negative = next_is(&scan, '-');
	if (!at_digit(&scan))
		return false;
	while (at_digit(&scan) && seconds <= LK_DURATION_S_MAX)
		seconds = seconds * 10 + (*scan.at++ - '0');
	nanos = take_fraction(&scan);
	expect(&scan, 's');
	if (scan.failed || scan.at != scan.end || seconds > LK_DURATION_S_MAX)
		return false;
	*span_out =
		(struct lk_time_parts) { negative ? -seconds : seconds, negative ? -nanos : nanos };
	return true;
}
