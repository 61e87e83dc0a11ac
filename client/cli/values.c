/* SPDX-License-Identifier: MIT */
#include "client/cli/values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define SPAN_MS_MAX (365250 * DAY_MS)

/* From the largest to the smallest, which is the order they must come in. */
static const struct unit {
	const char *text;
	int64_t ms;
} units[] = {
	{ "w", 7 * DAY_MS },
	{ "d", DAY_MS },
	{ "h", HOUR_MS },
	{ "m", MINUTE_MS },
	{ "s", SECOND_MS },
	{ "ms", 1 },
};

/* The unit that is exactly the letters at `text`; its index, or LK_COUNT(units). */
static size_t find_unit(const char *text, size_t n)
{
	size_t i = 0;

	while (i < LK_COUNT(units) &&
		(strlen(units[i].text) != n || strncmp(units[i].text, text, n) != 0))
		i++;
	return i;
}

bool lk_value_span(const char *text, int64_t *span_ms_out)
{
	int64_t span = 0;
	size_t next_unit = 0;

	if (strcmp(text, "0") == 0) {
		*span_ms_out = 0;
		return true;
	}
	if (*text == '\0')
		return false;
	while (*text != '\0') {
		size_t n_letters = 0;
		size_t unit;
		int64_t count = 0;
		const char *digits = text;

		for (; isdigit((unsigned char)*text); text++) {
			count = count * 10 + (*text - '0');
			if (count > SPAN_MS_MAX)
				return false;
		}
		while (isalpha((unsigned char)text[n_letters]))
			n_letters++;
		unit = find_unit(text, n_letters);
		if (text == digits || unit < next_unit || unit == LK_COUNT(units) ||
			count > (SPAN_MS_MAX - span) / units[unit].ms)
			return false;
		span += count * units[unit].ms;
		next_unit = unit + 1;
		text += n_letters;
	}
	*span_ms_out = span;
	return true;
}

bool lk_value_moment(const char *text, lk_time_ms now, struct lk_time_parts *moment_out)
{
	int64_t span;

	if (lk_value_span(text, &span)) {
		int64_t at = now + span;

		*moment_out = (struct lk_time_parts) { at / 1000, (int32_t)(at % 1000) * 1000000 };
		return true;
	}
	return lk_timestamp_parse(
		(struct lk_bytes) { (const uint8_t *)text, strlen(text) }, moment_out);
}

/* Length of the prefix that all values share: what stands before UNSPECIFIED in the value 0. */
static size_t prefix_length(const ProtobufCEnumDescriptor *type)
{
	const ProtobufCEnumValue *zero = protobuf_c_enum_descriptor_get_value(type, 0);
	const char *end = zero != NULL ? strstr(zero->name, "UNSPECIFIED") : NULL;

	return end != NULL ? (size_t)(end - zero->name) : 0;
}

static void to_words(const char *name, char text_out[LK_VALUE_ROOM])
{
	size_t n = 0;

	for (; *name != '\0' && n + 1 < LK_VALUE_ROOM; name++)
		text_out[n++] = (char)(*name == '_' ? '-' : tolower((unsigned char)*name));
	text_out[n] = '\0';
}

bool lk_value_enum(const ProtobufCEnumDescriptor *type, const char *name, int *value_out)
{
	size_t n_prefix = prefix_length(type);

	for (unsigned i = 0; i < type->n_values; i++) {
		char words[LK_VALUE_ROOM];

		to_words(type->values[i].name + n_prefix, words);
		if (type->values[i].value != 0 && strcmp(words, name) == 0) {
			*value_out = type->values[i].value;
			return true;
		}
	}
	return false;
}

void lk_value_enum_print(
	const ProtobufCEnumDescriptor *type, int value, char text_out[LK_VALUE_ROOM])
{
	const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);

	if (value == 0)
		snprintf(text_out, LK_VALUE_ROOM, "-");
	else if (found == NULL)
		snprintf(text_out, LK_VALUE_ROOM, "%d", value);
	else
		to_words(found->name + prefix_length(type), text_out);
}

void lk_value_relative_print(
	struct lk_time_parts moment, lk_time_ms now, char text_out[LK_VALUE_ROOM])
{
	static const struct {
		const char *name;
		int64_t s;
	} steps[] = {
		{ "year", 365 * DAY_MS / 1000 },
		{ "day", DAY_MS / 1000 },
		{ "hour", HOUR_MS / 1000 },
		{ "minute", MINUTE_MS / 1000 },
		{ "second", 1 },
	};
	int64_t distance = moment.seconds - now / 1000;
	int64_t off = distance < 0 ? -distance : distance;
	size_t i = 0;

	if (off == 0) {
		snprintf(text_out, LK_VALUE_ROOM, "now");
		return;
	}
	/* "400 days" says more than "1 year"; smaller units change over at 1. */
	while (off < steps[i].s * (i == 0 ? 2 : 1))
		i++;
	off /= steps[i].s;
	snprintf(text_out, LK_VALUE_ROOM, "%s%" PRId64 " %s%s%s", distance > 0 ? "in " : "", off,
		steps[i].name, off == 1 ? "" : "s", distance < 0 ? " ago" : "");
}
