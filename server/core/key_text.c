/* SPDX-License-Identifier: MIT */
#include "server/core/key_text.h"

#include <string.h>

#include "proto/wire/arena.h"
#include "server/crypto/crc.h"
#include "server/crypto/crypto.h"

__extension__ typedef unsigned __int128 lk_wide;

#define ID_DIGITS 22

/* In the order of ASCII, so that texts sort as the numbers do. */
static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* One more than the value of a digit; 0: not a digit. */
/* clang-format off */
static const uint8_t values[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15,
	['F'] = 16, ['G'] = 17, ['H'] = 18, ['I'] = 19, ['J'] = 20, ['K'] = 21, ['L'] = 22,
	['M'] = 23, ['N'] = 24, ['O'] = 25, ['P'] = 26, ['Q'] = 27, ['R'] = 28, ['S'] = 29,
	['T'] = 30, ['U'] = 31, ['V'] = 32, ['W'] = 33, ['X'] = 34, ['Y'] = 35, ['Z'] = 36,
	['a'] = 37, ['b'] = 38, ['c'] = 39, ['d'] = 40, ['e'] = 41, ['f'] = 42, ['g'] = 43,
	['h'] = 44, ['i'] = 45, ['j'] = 46, ['k'] = 47, ['l'] = 48, ['m'] = 49, ['n'] = 50,
	['o'] = 51, ['p'] = 52, ['q'] = 53, ['r'] = 54, ['s'] = 55, ['t'] = 56, ['u'] = 57,
	['v'] = 58, ['w'] = 59, ['x'] = 60, ['y'] = 61, ['z'] = 62,
};
/* clang-format on */

static int digit_value(uint8_t c)
{
	return values[c] - 1;
}

static void write_checksum(const char *text, size_t n, char check_out[LK_KEY_CHECK_CHARS])
{
	uint32_t crc = lk_crc32((struct lk_bytes) { (const uint8_t *)text, n });

	for (size_t i = LK_KEY_CHECK_CHARS; i-- > 0; crc /= 62)
		check_out[i] = digits[crc % 62];
}

/* Every digit is equally likely: bytes from 248 on, which 62 does not divide evenly, are drawn
 * again. */
static void write_random(char *out, size_t n)
{
	uint8_t bytes[64];
	size_t left = 0;

	while (n > 0) {
		uint8_t byte;

		if (left == 0) {
			lk_random(bytes, sizeof bytes);
			left = sizeof bytes;
		}
		byte = bytes[--left];
		if (byte < 248) {
			*out++ = digits[byte % 62];
			n--;
		}
	}
	lk_wipe(bytes, sizeof bytes);
}

void lk_key_text_make(const char *prefix, struct lk_key_text *key_out)
{
	size_t prefix_n = strlen(prefix);
	char *random = key_out->text + prefix_n;

	memcpy(key_out->text, prefix, prefix_n);
	write_random(random, LK_KEY_RANDOM_CHARS);
	write_checksum(key_out->text, prefix_n + LK_KEY_RANDOM_CHARS, random + LK_KEY_RANDOM_CHARS);
	random[LK_KEY_RANDOM_CHARS + LK_KEY_CHECK_CHARS] = '\0';
}

bool lk_key_text_is_valid(const char *prefix, struct lk_bytes text)
{
	size_t prefix_n = strlen(prefix);
	size_t body_n = prefix_n + LK_KEY_RANDOM_CHARS;
	unsigned others = 0; /* characters that are no digits; counted without a branch */
	uint32_t crc;
	uint64_t check = 0;

	if (text.n != body_n + LK_KEY_CHECK_CHARS ||
		strncmp(prefix, (const char *)text.data, prefix_n) != 0)
		return false;
	for (size_t i = prefix_n; i < body_n; i++)
		others |= values[text.data[i]] == 0;
	if (others != 0)
		return false;
	for (size_t i = body_n; i < text.n; i++) {
		int value = digit_value(text.data[i]);

		if (value < 0)
			return false;
		check = check * 62 + (uint64_t)value;
	}
	crc = lk_crc32((struct lk_bytes) { text.data, body_n });
	return check == crc;
}

void lk_key_text_hint(
	const char *prefix, const struct lk_key_text *key, char hint_out[LK_KEY_HINT_SIZE])
{
	size_t n = strlen(prefix) + LK_KEY_HINT_CHARS;

	memcpy(hint_out, key->text, n);
	hint_out[n] = '\0';
}

void lk_key_id_make(lk_time_ms now, struct lk_key_id *id_out)
{
	uint64_t time = (uint64_t)now;

	for (size_t i = 0; i < 6; i++)
		id_out->bytes[i] = (uint8_t)(time >> (40 - 8 * i));
	lk_random(id_out->bytes + 6, sizeof id_out->bytes - 6);
}

/* Writes n base62 digits of a number that fits them. */
static void format_digits(uint64_t number, char *out, size_t n)
{
	while (n-- > 0) {
		out[n] = digits[number % 62];
		number /= 62;
	}
}

void lk_id_format(const char *prefix, const struct lk_key_id *id, char text_out[LK_ID_TEXT_SIZE])
{
	/* Ten digits fit into 64 bits, so two wide divisions are enough: this is on the hot path.
	 */
	const uint64_t ten_digits = UINT64_C(839299365868340224);
	size_t prefix_n = strlen(prefix);
	char *out = text_out + prefix_n;
	lk_wide number = 0;

	for (size_t i = 0; i < sizeof id->bytes; i++)
		number = number << 8 | id->bytes[i];
	memcpy(text_out, prefix, prefix_n);
	format_digits((uint64_t)(number % ten_digits), out + 12, 10);
	number /= ten_digits;
	format_digits((uint64_t)(number % ten_digits), out + 2, 10);
	format_digits((uint64_t)(number / ten_digits), out, 2);
	out[ID_DIGITS] = '\0';
}

bool lk_id_parse(const char *prefix, struct lk_bytes text, struct lk_key_id *id_out)
{
	size_t prefix_n = strlen(prefix);
	struct lk_key_id id = { 0 };

	if (text.n != prefix_n + ID_DIGITS ||
		strncmp(prefix, (const char *)text.data, prefix_n) != 0)
		return false;
	for (size_t i = prefix_n; i < text.n; i++) {
		int value = digit_value(text.data[i]);
		unsigned carry = (unsigned)value;

		if (value < 0)
			return false;
		for (size_t j = sizeof id.bytes; j-- > 0;) {
			unsigned part = id.bytes[j] * 62U + carry;

			id.bytes[j] = (uint8_t)part;
			carry = part >> 8;
		}
		/* More than 128 bits: no id has this text. */
		if (carry != 0)
			return false;
	}
	*id_out = id;
	return true;
}

void lk_import_text(enum lk_import_kind kind, const uint8_t digest[LK_ROW_DIGEST_SIZE],
	char text_out[LK_IMPORT_TEXT_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	const char *prefix = kind == LK_IMPORT_SHA256 ? "sha256:" : "hmac-sha256:";
	char *at = text_out + strlen(prefix);

	memcpy(text_out, prefix, strlen(prefix));
	for (size_t i = 0; i < LK_ROW_DIGEST_SIZE; i++) {
		*at++ = hex[digest[i] >> 4];
		*at++ = hex[digest[i] & 15];
	}
	*at = '\0';
}
