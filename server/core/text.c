/* SPDX-License-Identifier: MIT */
#include "server/core/text.h"

#include "proto/wire/utf8.h"
#include "server/store/store.h"

/* U+0000 to U+001F, U+007F to U+009F. */
static bool has_control(struct lk_bytes text)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.data[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < text.n && text.data[i + 1] < 0xa0)
			return true;
	}
	return false;
}

bool lk_text_is_plain(struct lk_bytes text, size_t n_min, size_t n_max)
{
	return text.n >= n_min && text.n <= n_max && lk_utf8_valid(text) && !has_control(text);
}

bool lk_text_equal(struct lk_bytes a, struct lk_bytes b)
{
	return a.n == b.n && lk_store_compare(a, b) == 0;
}

size_t lk_text_cut(struct lk_bytes text, size_t n_max)
{
	size_t n = n_max;

	if (text.n <= n_max)
		return text.n;
	while (n > 0 && (text.data[n] & 0xc0) == 0x80)
		n--;
	return n;
}
