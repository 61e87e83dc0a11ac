/* SPDX-License-Identifier: MIT */
#include "client/bridge/cookie.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/bridge/bytes.h"

/* A cookie-octet (RFC 6265, section 4.1.1). */
static bool is_octet(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

static bool is_value(struct lk_bytes value)
{
	if (value.n > LK_COOKIE_VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (!is_octet(value.data[i]))
			return false;
	return true;
}

static struct lk_bytes trim(struct lk_bytes text)
{
	while (text.n > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
		text.data++;
		text.n--;
	}
	while (text.n > 0 && (text.data[text.n - 1] == ' ' || text.data[text.n - 1] == '\t'))
		text.n--;
	return text;
}

static struct lk_bytes unquote(struct lk_bytes value)
{
	if (value.n < 2 || value.data[0] != '"' || value.data[value.n - 1] != '"')
		return value;
	return (struct lk_bytes) { value.data + 1, value.n - 2 };
}

struct lk_status lk_cookie_find(
	struct lk_bytes header, const char *name, struct lk_bytes *value_out)
{
	struct lk_bytes found = { NULL, 0 };
	bool is_found = false;

	while (header.n > 0) {
		struct lk_bytes value = lk_bytes_until(&header, ';');
		bool has_value = value.n > 0 && memchr(value.data, '=', value.n) != NULL;
		struct lk_bytes own = trim(lk_bytes_until(&value, '='));

		if (!has_value || !lk_bytes_equal(own, lk_bytes_of(name)))
			continue;
		value = trim(value);
		if (is_found && !lk_bytes_equal(found, value))
			return LK_BAD_FIELD(name, "is a cookie that comes twice");
		found = value;
		is_found = true;
	}
	found = unquote(found);
	*value_out = is_value(found) ? found : (struct lk_bytes) { NULL, 0 };
	return LK_SUCCESS;
}

static void add_text(struct lk_buf *out, const char *text)
{
	lk_buf_add(out, text, strlen(text));
}

struct lk_status lk_cookie_add(
	const struct lk_cookie *cookie, const struct lk_cookie_policy *policy, struct lk_buf *out)
{
	int64_t life_s = *cookie->value == '\0' ? 0 : cookie->life_s;
	bool is_for_other_sites = cookie->is_session && policy->secure;
	char life[48];

	if (!is_value(lk_bytes_of(cookie->value)))
		return LK_BAD_FIELD(cookie->name, "cannot be the value of a cookie");
	add_text(out, "Set-Cookie: ");
	if (is_for_other_sites)
		add_text(out, LK_COOKIE_SECURE_PREFIX);
	add_text(out, cookie->name);
	add_text(out, "=");
	add_text(out, cookie->value);
	add_text(out, "; Path=");
	add_text(out, cookie->path);
	add_text(out, "; HttpOnly; SameSite=");
	add_text(out, is_for_other_sites ? "None" : "Lax");
	snprintf(life, sizeof life, "; Max-Age=%" PRId64, life_s);
	if (life_s >= 0)
		add_text(out, life);
	if (policy->secure)
		add_text(out, "; Secure");
	add_text(out, "\r\n");
	return out->failed ? LK_ERR(LK_RESOURCE_EXHAUSTED, "the headers need too much memory")
			   : LK_SUCCESS;
}
