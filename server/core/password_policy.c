/* SPDX-License-Identifier: MIT */
/* Which passwords a realm takes (NIST SP 800-63B-4, section 3.1.1): long enough, and not one that
 * an attacker tries first. */
#include <string.h>

#include "server/core/text.h"
#include "server/core/users.h"

/* Those that head every list of stolen ones and have eight characters or more; in lower case. */
static const char *const common[] = { "12345678", "123456789", "1234567890", "password",
	"password1", "password12", "password123", "password1234", "passw0rd", "p@ssw0rd",
	"qwertyuiop", "qwerty123", "qwerty1234", "1q2w3e4r", "1q2w3e4r5t", "1qaz2wsx",
	"1qaz2wsx3edc", "zaq12wsx", "qazwsxedc", "asdfghjkl", "zxcvbnm123", "iloveyou", "iloveyou1",
	"sunshine", "princess", "football", "football1", "baseball", "baseball1", "superman",
	"starwars", "whatever", "trustno1", "letmein1", "letmein123", "welcome1", "welcome123",
	"dragon123", "monkey123", "computer", "internet", "changeme", "changeme123",
	"administrator", "admin123", "admin1234", "secret123", "master123", "michelle", "jennifer",
	"charlie1", "liverpool", "chocolate", "butterfly", "abcd1234", "abc12345", "a1b2c3d4",
	"aa123456", "test1234", "default1", "passwordpassword", "correcthorsebatterystaple",
	"yourpassword", "yourpassword123", "thisismypassword", "iloveyouforever", "letmeinplease",
	"qwertyuiopasdfgh", "123456789012345", "1234567890123456", "1234567890123456789" };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool same_but_case(struct lk_bytes a, struct lk_bytes b)
{
	if (a.n != b.n || a.n == 0)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

/* Every character is the one before it, or the next, or the previous one. */
static bool is_run(struct lk_bytes text)
{
	for (int step = -1; step <= 1; step++) {
		size_t i = 1;

		while (i < text.n && text.data[i] == text.data[i - 1] + step)
			i++;
		if (i >= text.n)
			return true;
	}
	return false;
}

static bool is_common(struct lk_bytes text)
{
	for (size_t i = 0; i < LK_COUNT(common); i++)
		if (same_but_case(text, lk_bytes_of(common[i])))
			return true;
	return false;
}

static struct lk_bytes local_part(struct lk_bytes email)
{
	size_t n = 0;

	while (n < email.n && email.data[n] != '@')
		n++;
	return (struct lk_bytes) { email.data, n };
}

struct lk_status lk_password_check(const struct lk_realm *realm, struct lk_bytes email,
	struct lk_bytes name, const char *password)
{
	struct lk_bytes text = lk_bytes_of(password);

	if (text.n < realm->passwords.length_min)
		return LK_BAD_FIELD("password", "the password is too short for this realm");
	if (text.n > LK_PASSWORD_MAX)
		return LK_BAD_FIELD("password", "a password has at most 1024 bytes");
	if (same_but_case(text, email) || same_but_case(text, local_part(email)) ||
		same_but_case(text, name) || same_but_case(text, lk_bytes_of(realm->name)))
		return LK_BAD_FIELD("password", "the password is the name of something");
	if (is_run(text) || is_common(text))
		return LK_BAD_FIELD("password", "the password is one that everybody tries first");
	return LK_SUCCESS;
}
