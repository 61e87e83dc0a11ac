/* SPDX-License-Identifier: MIT */
#include "client/cli/import_check.h"

#include <search.h>

#define EMAIL_MAX 254
#define HASH_MAX 255

/* Addresses of ten million users. */
#define SEEN_MAX ((size_t)1 << 30)

/* --- one user --- */

/* The address without the spaces around it. */
static struct lk_bytes trim(const char *email)
{
	size_t start = strspn(email, " ");
	size_t n = strlen(email + start);

	while (n > 0 && email[start + n - 1] == ' ')
		n--;
	return (struct lk_bytes) { (const uint8_t *)email + start, n };
}

/* One `@` with something on both sides, no spaces and no control characters (of which UTF-8 has two
 * kinds). */
static bool is_email(struct lk_bytes email)
{
	const uint8_t *at = memchr(email.data, '@', email.n);

	if (at == NULL || at == email.data || at + 1 == email.data + email.n)
		return false;
	for (size_t i = 0; i < email.n; i++) {
		uint8_t c = email.data[i];

		if (c <= ' ' || c == 0x7f || (c == '@' && email.data + i != at) ||
			(c == 0xc2 && i + 1 < email.n && email.data[i + 1] < 0xa0))
			return false;
	}
	return true;
}

static bool begins_as_hash(const char *hash)
{
	static const char *const forms[] = { "$argon2id$", "$argon2i$", "$2a$", "$2b$", "$2y$",
		"$scrypt$", "$7$", "$pbkdf2-sha256$", "$pbkdf2-sha512$", "pbkdf2_sha256$", "$6$" };

	for (size_t i = 0; i < LK_COUNT(forms); i++)
		if (strncmp(hash, forms[i], strlen(forms[i])) == 0)
			return true;
	return false;
}

struct lk_status lk_import_check(const Latchkey__Cli__UserLine *user)
{
	struct lk_bytes email = trim(user->email);

	if (email.n == 0)
		return LK_BAD_FIELD("email", "is missing");
	if (email.n > EMAIL_MAX)
		return LK_BAD_FIELD("email", "an email address has at most 254 bytes");
	if (!is_email(email))
		return LK_BAD_FIELD("email", "this is no email address");
	if (user->password_hash[0] != '\0' && !begins_as_hash(user->password_hash))
		return LK_BAD_FIELD("password_hash", "the password hash is of no known form");
	if (strlen(user->password_hash) > HASH_MAX)
		return LK_BAD_FIELD("password_hash", "a password hash has at most 255 bytes");
	return LK_SUCCESS;
}

/* --- all of them --- */

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep(void *email)
{
	(void)email; /* it goes with the arena */
}

void lk_seen_init(struct lk_seen *seen)
{
	seen->tree = NULL;
	lk_arena_init(&seen->arena, SEEN_MAX);
}

void lk_seen_fini(struct lk_seen *seen)
{
	tdestroy(seen->tree, keep);
	seen->tree = NULL;
	lk_arena_fini(&seen->arena);
}

/* ASCII letters in lower case; others as they are, as the server has it. */
static void lower(char *text)
{
	for (; *text != '\0'; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* Takes the copy over. */
static struct lk_status add(struct lk_seen *seen, char *copy, struct lk_status is_there)
{
	char **found = copy != NULL ? tsearch(copy, &seen->tree, compare) : NULL;

	if (found == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	return *found == copy ? LK_SUCCESS : is_there;
}

struct lk_status lk_seen_add(struct lk_seen *seen, const char *email)
{
	struct lk_bytes bare = trim(email);
	char *copy = lk_arena_strndup(&seen->arena, (const char *)bare.data, bare.n);

	if (copy != NULL)
		lower(copy);
	return add(seen, copy,
		(struct lk_status) { .code = LK_ALREADY_EXISTS,
			.why = "an earlier line has this email address",
			.field = "email" });
}

struct lk_status lk_seen_add_text(struct lk_seen *seen, const char *text)
{
	return add(seen, lk_arena_strndup(&seen->arena, text, strlen(text)),
		LK_ERR(LK_ALREADY_EXISTS, "an earlier line has this key"));
}
