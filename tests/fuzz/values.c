/* SPDX-License-Identifier: MIT */
/* What people type for values: spans, moments, enum values; and times of RFC 3339 and protobuf.
 *
 * Input: the text. Invariants: a span is at most 1000 years; a moment is one that a Timestamp can
 * be, and its text reads as the same moment; an enum value's name is the one it prints; times
 * print into texts that mean the same.
 */
#include "client/cli/values.h"
#include "latchkey/v1/key.pb-c.h"
#include "tests/fuzz/fuzz.h"

#define NOW ((lk_time_ms)1767225600000) /* 2026-01-01T00:00:00Z */
#define SPAN_MAX_MS (INT64_C(1001) * 366 * 86400 * 1000)

static bool is_same_time(struct lk_time_parts a, struct lk_time_parts b)
{
	return a.seconds == b.seconds && a.nanos == b.nanos;
}

static void check_moment(const char *text)
{
	struct lk_time_parts moment, again;
	char printed[LK_TIME_TEXT_ROOM], relative[LK_VALUE_ROOM];

	if (!lk_value_moment(text, NOW, &moment))
		return;
	FUZZ_CHECK(lk_timestamp_print(moment, printed) == strlen(printed) && printed[0] != '\0');
	FUZZ_CHECK(lk_value_moment(printed, NOW, &again) && is_same_time(moment, again));
	lk_value_relative_print(moment, NOW, relative);
	FUZZ_CHECK(strlen(relative) > 0 && strlen(relative) < sizeof relative);
}

static void check_enum(const char *text)
{
	const ProtobufCEnumDescriptor *type = &latchkey__v1__revocation_reason__descriptor;
	char name[LK_VALUE_ROOM];
	int value;

	if (!lk_value_enum(type, text, &value))
		return;
	lk_value_enum_print(type, value, name);
	FUZZ_CHECK(strcmp(name, text) == 0);
}

static void check_duration(struct lk_bytes text)
{
	struct lk_time_parts span, again;
	char printed[LK_TIME_TEXT_ROOM];

	if (!lk_duration_parse(text, &span))
		return;
	FUZZ_CHECK(lk_duration_print(span, printed) > 0);
	FUZZ_CHECK(lk_duration_parse(fuzz_text(printed), &again) && is_same_time(span, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct lk_time_parts time;
	int64_t span;

	FUZZ_CHECK(text != NULL);
	if (n > 0)
		memcpy(text, data, n);
	text[n] = '\0';
	if (lk_value_span(text, &span))
		FUZZ_CHECK(span >= 0 && span <= SPAN_MAX_MS);
	check_moment(text);
	check_enum(text);
	check_duration((struct lk_bytes) { data, n });
	(void)lk_timestamp_parse((struct lk_bytes) { data, n }, &time);
	free(text);
	return 0;
}
