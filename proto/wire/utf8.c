/* SPDX-License-Identifier: MIT */
#include "proto/wire/utf8.h"

#include <string.h>

/* True when none of the eight bytes is NUL or has its top bit set: all of them are ASCII. */
static bool plain_word(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return ((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0;
}

/* Length of the multi-byte sequence at `at`, or 0 when it is not one. */
static size_t utf8_sequence(const uint8_t *at, size_t room)
{
	size_t n = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > room)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies above U+10FFFF. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
		(at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return n;
}

bool lk_utf8_valid(struct lk_bytes text)
{
	size_t i = 0;

	while (i < text.n) {
		size_t n;

		if (text.n - i >= 8 && plain_word(text.data + i)) {
			i += 8;
			continue;
		}
		if (text.data[i] == 0)
			return false;
		n = text.data[i] < 0x80 ? 1 : utf8_sequence(text.data + i, text.n - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
