/* SPDX-License-Identifier: MIT */
/* Secrets that are shared with others: issuers of tokens, senders of webhooks. */
#include <sys/stat.h>

#include "tests/support/config_file.h"

#define REALM HEAD "realms:\n  a:\n    permissions: [x]\n    roles: { r: [x] }\n    "
#define SECRET "0123456789abcdef0123456789abcdef"
/* The name of the file comes last. */
#define ISSUER \
	REALM "issuers:\n      - issuer: https://a.example\n        audience: web\n" \
	      "        roles_claim: meta.roles\n        secret_file: "
#define WEBHOOK \
	REALM "routes:\n      - path: /hook\n        webhook:\n          signature: stripe\n" \
	      "          secret_file: "

static char path[64];

static void write_secret(const char *text, mode_t mode)
{
	FILE *file;
	int fd;

	snprintf(path, sizeof path, "/tmp/latchkey-secret-XXXXXX");
	fd = mkstemp(path);
	file = fdopen(fd, "w");
	fputs(text, file);
	fclose(file);
	CHECK_EQ(chmod(path, mode), 0);
}

static void load_with(struct fixture *f, const char *front)
{
	char yaml[512];

	snprintf(yaml, sizeof yaml, "%s%s\n", front, path);
	load(f, yaml);
}

static void check_secret(const char *front, const char *text, mode_t mode, const char *why)
{
	bool is_issuer = strcmp(front, ISSUER) == 0;
	char yaml[512], expected[256];

	write_secret(text, mode);
	snprintf(yaml, sizeof yaml, "%s%s\n", front, path);
	snprintf(expected, sizeof expected, "realms.a.%s.secret_file: %s",
		is_issuer ? "issuers" : "routes.webhook", why);
	check_mistake(yaml, 11, expected);
	unlink(path);
}

TEST(an_issuer_has_its_secret_from_a_file)
{
	struct fixture f;

	write_secret(SECRET "\n", 0600);
	load_with(&f, ISSUER);
	CHECK_OK(f.st);
	CHECK_EQ(f.config.realms[0].n_issuers, 1);
	CHECK_STR(f.config.realms[0].issuers[0].roles_claim, "meta.roles");
	CHECK_EQ(f.config.realms[0].issuers[0].secret.n, strlen(SECRET));
	CHECK_MEM(f.config.realms[0].issuers[0].secret.data, SECRET, strlen(SECRET));
	unload(&f);
	unlink(path);
}

TEST(a_webhook_has_its_secret_from_a_file)
{
	struct fixture f;

	write_secret(SECRET, 0400);
	load_with(&f, WEBHOOK);
	CHECK_OK(f.st);
	CHECK(f.config.realms[0].routes[0].is_webhook);
	CHECK_EQ(f.config.realms[0].routes[0].webhook_secret.n, strlen(SECRET));
	unload(&f);
	unlink(path);
}

TEST(a_file_that_is_no_secret_is_a_mistake)
{
	static const char readable[] = "others may read the secret in this file: use mode 0600";
	static const char length[] = "a secret has 32 to 512 bytes";

	check_secret(ISSUER, SECRET, 0640, readable);
	check_secret(WEBHOOK, SECRET, 0604, readable);
	check_secret(ISSUER, "0123456789abcdef0123456789abcde\n", 0600, length);
	check_secret(WEBHOOK, "", 0600, length);
	check_mistake(WEBHOOK "/nonexistent/file\n", 11,
		"realms.a.routes.webhook.secret_file: the file cannot be read");
}

TEST(a_webhook_asks_for_its_signature_alone)
{
	char yaml[512];

	write_secret(SECRET, 0600);
	snprintf(yaml, sizeof yaml, "%s%s\n        permissions: [x]\n", WEBHOOK, path);
	check_mistake(yaml, 8, "realms.a.routes: a webhook cannot ask for more than its signature");
	snprintf(yaml, sizeof yaml, "%s%s\n        public: true\n", WEBHOOK, path);
	check_mistake(yaml, 8, "realms.a.routes: what is public cannot ask for anything");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_issuer_has_its_secret_from_a_file),
		RUN(a_webhook_has_its_secret_from_a_file),
		RUN(a_file_that_is_no_secret_is_a_mistake),
		RUN(a_webhook_asks_for_its_signature_alone),
	};

	return RUN_ALL(tests);
}
