/* SPDX-License-Identifier: MIT */
/* Tokens of another issuer, and signatures over the bodies of webhooks.
 *
 * Input: one byte that chooses what it is: a whole token, a payload that is signed rightly, a
 * header over a sound payload, signed likewise, or the header that has a webhook's signature.
 * Invariants: nobody guesses a signature; what is believed has an owner and an end, and is of this
 * issuer; nothing is read beyond the end (asan).
 */
#include "server/core/realm.h"
#include "server/core/webhook.h"
#include "server/rpc/external.h"
#include "server/rpc/key_sources.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/jwt.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "{\"alg\":\"HS256\"}"
#define PAYLOAD "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"a\",\"exp\":1767229200}"
#define NOW INT64_C(1767225600000)
#define INPUT_MAX 4096

static const struct lk_realm *make_realm(void)
{
	static const char *const permissions[] = { "records.read" };
	static const struct lk_role_spec roles[] = { { "clerk", permissions, 1 } };
	static const struct lk_issuer_spec issuer = { .issuer = "i",
		.audience = "a",
		.secret = { (const uint8_t *)SECRET, 32 },
		.roles_claim = "meta.roles",
		.organization_claim = "meta.org" };
	static const struct lk_realm_spec spec = { .name = "crm",
		.key_prefix = "crm_",
		.permissions = permissions,
		.n_permissions = 1,
		.roles = roles,
		.n_roles = 1,
		.issuers = &issuer,
		.n_issuers = 1 };
	static struct lk_realms *realms;

	if (realms == NULL) {
		FUZZ_OK(lk_crypto_init());
		FUZZ_OK(lk_realms_new(&spec, 1, NULL, &realms));
	}
	return lk_realms_find(realms, lk_bytes_of("crm"));
}

static enum lk_deny_reason prove(
	const struct lk_realm *realm, struct lk_bytes token, struct lk_external *external_out)
{
	struct lk_auth_request request = {
		.realm = realm, .credentials = &token, .n_credentials = 1, .now = NOW
	};

	return lk_external_prove(&request, external_out);
}

static void check_payload(const struct lk_realm *realm, struct lk_bytes payload)
{
	char text[2 * INPUT_MAX + 128];
	struct lk_bytes token = { (const uint8_t *)text, 0 };
	struct lk_external external;
	enum lk_deny_reason reason;

	token.n = jwt_make(SECRET, lk_bytes_of(HEADER), payload, text);
	reason = prove(realm, token, &external);
	FUZZ_CHECK(reason == LK_DENY_NONE || reason == LK_DENY_EXPIRED ||
		   reason == LK_DENY_UNKNOWN_CREDENTIAL);
	if (reason != LK_DENY_NONE)
		return;
	FUZZ_CHECK(external.user_id[0] != '\0' && external.expires_ms > NOW);
	FUZZ_CHECK(external.n_roles <= LK_EXTERNAL_ROLES_MAX);
	FUZZ_CHECK((external.permissions.w[0] & ~UINT64_C(1)) == 0);
}

static void check_header(const struct lk_realm *realm, struct lk_bytes header)
{
	char text[2 * INPUT_MAX + 256];
	struct lk_bytes token = { (const uint8_t *)text, 0 };
	struct lk_external external;

	token.n = jwt_make(SECRET, header, lk_bytes_of(PAYLOAD), text);
	if (prove(realm, token, &external) == LK_DENY_NONE)
		FUZZ_CHECK(header.n >= strlen(HEADER) && external.expires_ms > NOW);
}

/* A JWK Set: what is taken for a key can be asked, and has signed nothing. */
static void check_keys(struct lk_bytes text)
{
	static const uint8_t signature[64] = { 1 };
	static struct lk_key_sources *sources;
	struct lk_key_source *source;

	FUZZ_OK(lk_key_sources_new(&sources));
	FUZZ_OK(lk_key_sources_get(sources, "file", &source));
	if (lk_key_source_set(source, text).code == LK_OK)
		FUZZ_CHECK(!lk_key_source_verify(source, "ES256", "", lk_bytes_of("x"),
			(struct lk_bytes) { signature, sizeof signature }));
	lk_key_sources_free(sources);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes input = { data, n };
	unsigned kind = fuzz_choice(&input, 5);
	const struct lk_realm *realm = make_realm();
	struct lk_external external;

	if (input.n > INPUT_MAX)
		return 0;
	if (kind == 0)
		FUZZ_CHECK(prove(realm, input, &external) != LK_DENY_NONE);
	else if (kind == 1)
		check_payload(realm, input);
	else if (kind == 2)
		check_header(realm, input);
	else if (kind == 4)
		check_keys(input);
	else
		FUZZ_CHECK(lk_webhook_judge(lk_bytes_of(SECRET),
				   &(struct lk_signed_body) { input, 1, lk_bytes_of("{}") },
				   NOW) == LK_DENY_UNKNOWN_CREDENTIAL);
	return 0;
}
